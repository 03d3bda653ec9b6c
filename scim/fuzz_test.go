// SPDX-License-Identifier: Apache-2.0

package scim_test

import (
	"errors"
	"regexp"
	"testing"
	"time"

	"github.com/usher-id/usher/scim"
)

// FuzzPatch reads and carries out PATCH messages under no rules and under all of
// them, on a user and on a group.
func FuzzPatch(f *testing.F) {
	for _, v := range vendors(f) {
		for _, c := range v.Cases {
			f.Add([]byte(c.Request))
		}
	}
	f.Add(message(`[{"op":"replace","value":{"` + scim.EnterpriseUserURN + `":{"manager":{"value":"1"}},"emails":[{"primary":true},{"primary":true}]}}]`))
	f.Add(message(`[{"op":"remove","path":"name[givenName pr].x"},{"op":"add","path":"schemas","value":["urn:x"]}]`))
	f.Add(message(`[{"op":"remove","path":"members[value eq \"u1\"]"},{"op":"add","path":"members","value":["u1",{"$ref":"x"}]}]`))
	group := resource(f, `{"schemas":["`+scim.GroupURN+`"],"id":"g1","displayName":"G","members":[{"value":"u1"},{"value":"u2","type":"User"},{"$ref":"x"}]}`)
	resources := []*scim.Resource{user(f), group}
	before := []string{resources[0].String(), group.String()}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, rules := range []scim.PatchRules{{}, everyRule()} {
			p, err := rules.Parse(data, scim.Limits{})
			if err != nil {
				if scim.ErrorOf(err) == nil {
					t.Fatalf("no answer for %v", err)
				}
				continue
			}
			text := string(p.AppendJSON(nil))
			again, err := scim.ParsePatch([]byte(text), scim.Limits{MaxBytes: -1})
			if err != nil || string(again.AppendJSON(nil)) != text {
				t.Fatalf("own output read as %s, %v", again.AppendJSON(nil), err)
			}
			for i, r := range resources {
				got, err := p.Apply(scim.CoreSchemas(), kindOf(r), r, rules)
				if r.String() != before[i] || string(p.AppendJSON(nil)) != text {
					t.Fatal("Apply changed its input")
				}
				if err != nil {
					var e *scim.Error
					if !errors.As(err, &e) || e.Status != 400 || e.ScimType == "" || got != nil {
						t.Fatalf("got %v, %v", got, err)
					}
					continue
				}
				checkPatched(t, r, got)
			}
		}
	})
}

// checkPatched holds what no PATCH may break.
func checkPatched(t *testing.T, before, got *scim.Resource) {
	t.Helper()
	for _, name := range []string{"id", "meta", "groups"} {
		v, _ := before.Get(name)
		if w, _ := got.Get(name); !v.Equal(w) {
			t.Fatalf("%s changed to %s", name, w)
		}
	}
	if !got.HasSchema(kindOf(before)) {
		t.Fatalf("its own schema is gone: %s", got)
	}
	for name := range got.All() {
		if _, ok := scim.CoreSchemas().Schema(name); ok && !got.HasSchema(name) {
			t.Fatalf("schemas lacks %s", name)
		}
	}
	for name, v := range got.All() {
		p := scim.Path{Attr: name}
		a, ok := scim.CoreSchemas().Lookup(kindOf(before), p)
		list, isList := v.AsList()
		if ok && a.MultiValued != isList {
			t.Fatalf("%s is %s", name, v)
		}
		primary := 0
		for _, e := range list {
			o, _ := e.AsComplex()
			b, _ := o.Get("primary")
			if yes, _ := b.AsBool(); yes {
				primary++
			}
		}
		if primary > 1 {
			t.Fatalf("%s has %d primary values", name, primary)
		}
	}
	again, err := scim.ParseResource(got.AppendJSON(nil), scim.Limits{MaxBytes: -1})
	if err != nil || !again.Equal(got.Object) {
		t.Fatalf("%s is read back as %s, %v", got, again, err)
	}
}

func FuzzParseListResponse(f *testing.F) {
	for _, s := range []string{
		`{"schemas":["` + scim.ListResponseURN + `"],"totalResults":2,"startIndex":1,"itemsPerPage":2,"Resources":[{"id":"1"},{"id":"2"}]}`,
		`{"totalResults":"0"}`, `{"totalResults":1.0,"resources":[{}]}`, `{"Resources":[{}],"nextCursor":"a\"","previousCursor":"b"}`,
		`{"totalResults":9223372036854775807,"Resources":null}`, `{"Resources":[[]]}`, `{"totalResults":1e2,"Resources":[],"startIndex":-1}`,
		`{"schemas":["` + scim.ErrorURN + `"],"status":"404"}`, `[]`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := scim.ParseListResponse(data, scim.Limits{})
		if err != nil {
			if scim.ErrorOf(err) == nil {
				t.Fatalf("error of another kind: %v", err)
			}
			return
		}
		if l.TotalResults < -1 || l.StartIndex < 0 || l.ItemsPerPage < 0 || l.TotalResults < 0 && l.Resources == nil {
			t.Fatalf("read as %+v", l)
		}
		text, err := l.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		again, err := scim.ParseListResponse(text, scim.Limits{MaxBytes: -1})
		if err != nil || again.TotalResults != l.TotalResults || again.StartIndex != l.StartIndex || again.ItemsPerPage != l.ItemsPerPage ||
			again.NextCursor != l.NextCursor || again.PreviousCursor != l.PreviousCursor || len(again.Resources) != len(l.Resources) {
			t.Fatalf("%s read as %+v, %v", text, again, err)
		}
		for i, r := range l.Resources {
			if !r.Equal(again.Resources[i].Object) {
				t.Fatalf("resource %d: %s and %s", i, r, again.Resources[i])
			}
		}
	})
}

func FuzzParseSchema(f *testing.F) {
	// Short ones: the fuzzer takes a minute to cut a long seed down.
	f.Add([]byte(`{"schemas":["` + scim.SchemaURN + `"],"id":"urn:x:y","name":"X","description":"d","attributes":[{"name":"a","type":"complex","multiValued":true,` +
		`"required":true,"subAttributes":[{"name":"value","type":"reference","referenceTypes":["User"],"caseExact":true,"canonicalValues":["v"]}]}]}`))
	f.Add([]byte(`{"id":"urn:x:y","attributes":[{"name":"a","type":"String","mutability":"READONLY","subAttributes":[{"name":"b","type":"complex"}]}]}`))
	f.Add([]byte(`{"id":"urn:x:y","attributes":[{"name":"a","type":"colour"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := scim.ParseSchema(data, scim.Limits{})
		if err != nil {
			if scim.ErrorOf(err) == nil {
				t.Fatalf("error of another kind: %v", err)
			}
			return
		}
		set, err := scim.NewSchemaSet(s)
		if err != nil {
			return // a schema that no resource can have
		}
		back, _ := set.Schema(s.ID)
		text, err := back.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		again, err := scim.ParseSchema(text, scim.Limits{MaxBytes: -1})
		if err != nil {
			t.Fatalf("own output refused: %v", err)
		}
		if x, err := again.MarshalJSON(); err != nil || string(x) != string(text) {
			t.Fatalf("%s came back as %s, %v", text, x, err)
		}
		for _, a := range back.Attributes {
			if _, ok := set.Lookup(s.ID, scim.Path{Attr: a.Name}); !ok {
				t.Fatalf("%q is not found", a.Name)
			}
		}
	})
}

// xsd is xsd:dateTime as far as years have four digits, with no regard for the calendar.
var xsd = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})?$`)

func FuzzParseDateTime(f *testing.F) {
	for _, s := range []string{
		"2026-01-02T03:04:05Z", "2026-01-02T03:04:05.123456789+05:30", "2026-01-02T03:04:05", "2026-01-02", "2026-01-02T5:04:05.000Z",
		"2026-01-02T03:04:05,5Z", "2026-02-30T00:00:00Z", "2026-01-02t03:04:05z", "2026-01-02T23:59:60Z", "0000-01-01T00:00:00-23:59",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		at, ok := scim.ParseDateTime(s)
		if !ok {
			return
		}
		if !xsd.MatchString(s) {
			t.Fatalf("%q is no xsd:dateTime", s)
		}
		text, _ := scim.DateTime(at).AsString()
		if year := at.UTC().Year(); year < 0 || year > 9999 {
			return // a zone at the edge of the calendar
		}
		if again, ok := scim.ParseDateTime(text); !ok || !again.Equal(at.Truncate(time.Nanosecond)) {
			t.Fatalf("%q: %s came back as %v", s, text, again)
		}
	})
}
