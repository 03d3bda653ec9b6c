// SPDX-License-Identifier: Apache-2.0

package scim_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/usher-id/usher/scim"
)

func TestValueKinds(t *testing.T) {
	t.Parallel()
	var o scim.Object
	o.Set("a", scim.Integer(1))
	for _, c := range []struct {
		v    scim.Value
		kind scim.Kind
		text string
	}{
		{scim.Value{}, scim.KindNull, "null"},
		{scim.Null(), scim.KindNull, "null"},
		{scim.Bool(true), scim.KindBool, "true"},
		{scim.Bool(false), scim.KindBool, "false"},
		{scim.Integer(math.MinInt64), scim.KindInteger, "-9223372036854775808"},
		{scim.Decimal(1), scim.KindDecimal, "1.0"},
		{scim.Decimal(1e300), scim.KindDecimal, "1e+300"},
		{scim.Decimal(math.NaN()), scim.KindNull, "null"},
		{scim.Decimal(math.Inf(1)), scim.KindNull, "null"},
		{scim.String(""), scim.KindString, `""`},
		{scim.String("a\"\\\n\x01é\xff"), scim.KindString, `"a\"\\\n\u0001é` + "\uFFFD" + `"`},
		{scim.Complex(scim.Object{}), scim.KindComplex, "{}"},
		{scim.Complex(o), scim.KindComplex, `{"a":1}`},
		{scim.List(), scim.KindList, "[]"},
		{scim.List(scim.Integer(1), scim.Null()), scim.KindList, "[1,null]"},
	} {
		if got := c.v.Kind(); got != c.kind {
			t.Errorf("%s: kind %v, want %v", c.text, got, c.kind)
		}
		if got := c.v.String(); got != c.text {
			t.Errorf("text %s, want %s", got, c.text)
		}
		if data, err := json.Marshal(c.v); err != nil || !json.Valid(data) {
			t.Errorf("%s: json.Marshal: %s, %v", c.text, data, err)
		}
		if !c.v.Equal(c.v.Clone()) {
			t.Errorf("%s: not equal to its clone", c.text)
		}
	}
}

func TestValueAccessorsRefuseOtherKinds(t *testing.T) {
	t.Parallel()
	if _, ok := scim.String("1").AsInteger(); ok {
		t.Error("a string is no integer")
	}
	if _, ok := scim.Decimal(1).AsInteger(); ok {
		t.Error("a decimal is no integer")
	}
	if f, ok := scim.Integer(3).AsDecimal(); !ok || f != 3 {
		t.Error("an integer is a decimal too")
	}
	if _, ok := scim.Integer(1).AsBool(); ok {
		t.Error("an integer is no boolean")
	}
	if _, ok := scim.Null().AsString(); ok {
		t.Error("null is no string")
	}
}

func TestUnassigned(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		`null`: true, `""`: true, `[]`: true, `{}`: true, `{"a":""}`: true, `[null,{"a":[]}]`: true,
		`false`: false, `0`: false, `" "`: false, `{"a":false}`: false, `[0]`: false,
	} {
		if got := value(t, text).IsUnassigned(); got != want {
			t.Errorf("%s: unassigned %v, want %v", text, got, want)
		}
	}
}

func TestEqualIsExact(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{`{"a":1,"b":2}`, `{"B":2,"A":1}`, true},
		{`{"a":1}`, `{"a":1,"b":null}`, false},
		{`[1,2]`, `[2,1]`, false},
		{`1`, `1.0`, false},
		{`"a"`, `"A"`, false},
		{`-0.0`, `0.0`, true},
	} {
		if got := value(t, c.a).Equal(value(t, c.b)); got != c.want {
			t.Errorf("%s = %s: %v", c.a, c.b, got)
		}
	}
}

func TestObjectIgnoresLetterCase(t *testing.T) {
	t.Parallel()
	var o scim.Object
	o.Set("userName", scim.String("a"))
	o.Set("USERNAME", scim.String("b"))
	if o.Len() != 1 || o.String() != `{"userName":"b"}` {
		t.Errorf("got %s", o)
	}
	if _, ok := o.Get("userN\u0430me"); ok { // Cyrillic a
		t.Error("a look-alike matched")
	}
	o.Set("k", scim.Null())
	if _, ok := o.Get("\u212A"); ok {
		t.Error("the Kelvin sign matched k")
	}
	o.Set("a[", scim.Null())
	if _, ok := o.Get("a{"); ok {
		t.Error("[ folded to {")
	}
	if !o.Delete("Username") || o.Delete("userName") {
		t.Error("Delete")
	}
}

func TestValuesDoNotChangeThroughObjects(t *testing.T) {
	t.Parallel()
	v := value(t, `{"a":1,"b":2}`)
	o, _ := v.AsComplex()
	o.Set("a", scim.Integer(9))
	p, _ := v.AsComplex()
	p.Delete("a")
	q, _ := v.AsComplex()
	q.Set("c", scim.Null())
	if v.String() != `{"a":1,"b":2}` {
		t.Errorf("the value changed: %s", v)
	}
	if o.String() != `{"a":9,"b":2}` || p.String() != `{"b":2}` || q.Len() != 3 {
		t.Errorf("got %s %s %s", o, p, q)
	}
}

func TestGetDoesNotAllocate(t *testing.T) {
	u := user(t)
	p := path(t, `emails[type eq "home"].value`)
	dept := path(t, "enterprise.department")
	if n := testing.AllocsPerRun(100, func() {
		u.Get("META")
		u.Get("none")
		u.At(p)
		u.At(dept)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
