// SPDX-License-Identifier: Apache-2.0

package scim_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/usher-id/usher/scim"
)

func TestParseValueRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text, pointer string
		offset        int
	}{
		{`{"a":1,"a":2}`, "/a", 7},
		{`{"a":1,"A":2}`, "/A", 7},
		{`{"x":{"k":1,"` + "\u212A" + `":2}}`, "/x/\u212A", 12},
		{`{"x":[{"y~/":"` + "\xff" + `"}]}`, "/x/0/y~0~1", 14},
		{`{"a":"\ud800"}`, "/a", 6},
		{`{"a":"\udc00\ud800"}`, "/a", 6},
		{`{"a":"\ud800\u0041"}`, "/a", 6},
		{`{"a":"\u0000"}`, "/a", 6},
		{"{\"a\":\"\x00\"}", "/a", 6},
		{"{\"a\":\"\n\"}", "/a", 6},
		{`{} {}`, "", 3},
		{`{}x`, "", 2},
		{``, "", 0},
		{` `, "", 1},
		{`{`, "", 1},
		{`{"a"`, "/a", 4},
		{`{"a":`, "/a", 5},
		{`{"a":1`, "", 6},
		{`{"a":1,}`, "", 7},
		{`[1,]`, "/1", 3},
		{`[1 2]`, "", 3},
		{`{a:1}`, "", 1},
		{`01`, "", 1},
		{`+1`, "", 0},
		{`1.`, "", 0},
		{`.5`, "", 0},
		{`1e`, "", 0},
		{`-`, "", 0},
		{`1e999`, "", 0},
		{`NaN`, "", 0},
		{`tru`, "", 0},
		{`True`, "", 0},
		{`"abc`, "", 0},
		{`"\x"`, "", 1},
		{`"\u12g4"`, "", 1},
		{"\ufeff{}", "", 0},
		{"'a'", "", 0},
	} {
		v, err := scim.ParseValue([]byte(c.text), scim.Limits{})
		var s *scim.SyntaxError
		if !errors.As(err, &s) {
			t.Errorf("%q: accepted as %s (%v)", c.text, v, err)
			continue
		}
		if s.Pointer != c.pointer || s.Offset != c.offset {
			t.Errorf("%q: %v; want %q at %d", c.text, err, c.pointer, c.offset)
		}
		if errors.Is(err, scim.ErrLimit) {
			t.Errorf("%q: is no matter of limits", c.text)
		}
	}
}

func TestParseValueLimits(t *testing.T) {
	t.Parallel()
	lim := scim.Limits{MaxBytes: 64, MaxDepth: 3, MaxElements: 5, MaxString: 8}
	for text, ok := range map[string]bool{
		`[[[1]]]`:                           true,
		`[[[[1]]]]`:                         false,
		`[1,2,3,4,5]`:                       true,
		`[1,2,3,4,5,6]`:                     false,
		`{"a":[1,2,3,4]}`:                   true,
		`{"a":[1,2,3,4,5]}`:                 false,
		`"12345678"`:                        true,
		`"123456789"`:                       false,
		`"\u00e91234567"`:                   false,
		`{"123456789":1}`:                   false,
		`[` + strings.Repeat(" ", 63):       false,
		`1` + strings.Repeat("0", 10):       false,
		`[` + strings.Repeat(" ", 60) + `]`: true,
	} {
		_, err := scim.ParseValue([]byte(text), lim)
		if ok && err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if !ok && err == nil {
			t.Errorf("%s: accepted", text)
		}
	}
	deep := strings.Repeat("[", 500_000)
	_, err := scim.ParseValue([]byte(deep), scim.Limits{MaxDepth: -1})
	if !errors.Is(err, scim.ErrLimit) {
		t.Errorf("bottomless nesting: %v", err)
	}
	_, err = scim.ParseValue(make([]byte, 2<<20), scim.Limits{})
	if e := scim.ErrorOf(err); e == nil || e.Status != 413 {
		t.Errorf("too large a document: %v", e)
	}
}

func TestParseValueManyNames(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteByte('{')
	for i := range 1000 {
		fmt.Fprintf(&b, `"name%d":%d,`, i, i)
	}
	text := b.String()
	if o, _ := value(t, text+`"last":0}`).AsComplex(); o.Len() != 1001 {
		t.Errorf("%d attributes", o.Len())
	}
	for _, twice := range []string{"NAME0", "name999", "Name500"} {
		_, err := scim.ParseValue([]byte(text+`"`+twice+`":0}`), scim.Limits{})
		if err == nil || !strings.Contains(err.Error(), "twice") {
			t.Errorf("%s: %v", twice, err)
		}
	}
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]scim.Value{
		`0`: scim.Integer(0), `-0`: scim.Integer(0), `9223372036854775807`: scim.Integer(1<<63 - 1),
		`9223372036854775808`: scim.Decimal(1 << 63), `1.0`: scim.Decimal(1), `1e3`: scim.Decimal(1000),
		`-1.5E-2`: scim.Decimal(-0.015),
	} {
		if got := value(t, text); !got.Equal(want) {
			t.Errorf("%s: %s %v", text, got, got.Kind())
		}
	}
}

func TestEscapes(t *testing.T) {
	t.Parallel()
	got, _ := value(t, `"\"\\\/\b\f\n\r\t\u00e9\uD83D\uDE00x"`).AsString()
	if want := "\"\\/\b\f\n\r\té😀x"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestParseResourceNeedsAnObject(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`[]`, `"x"`, `null`, `1`} {
		if _, err := scim.ParseResource([]byte(text), scim.Limits{}); err == nil {
			t.Errorf("%s: accepted", text)
		}
	}
}

func TestErrorsNameNoValue(t *testing.T) {
	t.Parallel()
	_, err := scim.ParseValue([]byte(`{"password":"s3cret","password":"s3cret"}`), scim.Limits{})
	if err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("got %v", err)
	}
}

func FuzzParseResource(f *testing.F) {
	f.Add(userJSON(f))
	for _, s := range []string{`{}`, `{"a":[1,-0.5e7,"\u00e9",{"b":null}]}`, `{"a":1,"A":2}`, `{"\ud83d\ude00":"` + "\xff" + `"}`, `[[[[`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := scim.ParseResource(data, scim.Limits{})
		if err != nil {
			var s *scim.SyntaxError
			if !errors.As(err, &s) || s.Offset < 0 || s.Offset > len(data) {
				t.Fatalf("error without a place: %v", err)
			}
			return
		}
		// What is accepted is JSON in the eyes of the standard library, and is
		// read back the same.
		if !json.Valid(data) {
			t.Fatal("accepted what is no JSON")
		}
		again, err := scim.ParseResource(r.AppendJSON(nil), scim.Limits{MaxBytes: -1})
		if err != nil {
			t.Fatalf("own output refused: %v", err)
		}
		if !again.Equal(r.Object) {
			t.Fatalf("%s\nread back as\n%s", r, again)
		}
		if c := r.Clone(); !c.Equal(r.Object) {
			t.Fatal("clone differs")
		}
	})
}
