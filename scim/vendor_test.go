// SPDX-License-Identifier: Apache-2.0

package scim_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/usher-id/usher/scim"
)

// vendor is a file of testdata/vendors: what one client sends, and what must come
// of it. None is taken from a wire; each says how sure it is.
type vendor struct {
	Client, Source, Confidence, Note string
	Cases                            []struct {
		Name    string
		Rules   []string       // fields of PatchRules that the shape needs
		Before  *scim.Resource // a Group if it has no userName
		Request json.RawMessage
		After   *scim.Resource // nil: refused also under the rules
		Strict  string         // under no rules: a scimType, or "same"
	}
	Flows   []json.RawMessage // see TestVendorFlows of internal/source/scimin
	Filters []struct {
		Filter  string
		Rules   []string // fields of FilterRules
		On      *scim.Resource
		Matches bool
		Strict  string
	}
}

func vendors(tb testing.TB) map[string]vendor {
	tb.Helper()
	files, err := filepath.Glob("testdata/vendors/*.json")
	if err != nil || len(files) < 8 {
		tb.Fatalf("%d files, %v", len(files), err)
	}
	out := map[string]vendor{}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			tb.Fatal(err)
		}
		var v vendor
		if err := json.Unmarshal(data, &v); err != nil {
			tb.Fatalf("%s: %v", name, err)
		}
		if v.Client == "" || v.Source == "" || v.Confidence == "" || len(v.Cases)+len(v.Flows) == 0 {
			tb.Fatalf("%s: says not what it is", name)
		}
		out[filepath.Base(name)] = v
	}
	return out
}

// withRules sets the named fields.
func withRules[T any](tb testing.TB, names []string) T {
	tb.Helper()
	var rules T
	for _, name := range names {
		f := reflect.ValueOf(&rules).Elem().FieldByName(name)
		if !f.IsValid() {
			tb.Fatalf("no rule %s", name)
		}
		f.SetBool(true)
	}
	return rules
}

// everyRule is what is lenient at once; no client needs it.
func everyRule() scim.PatchRules {
	return scim.PatchRules{
		SchemasOptional: true, StringBooleans: true, RemoveWithValueArray: true, CreateOnNoMatch: true, IgnoreIDInValue: true,
		ManagerAsString: true, IgnoreReadOnlyInValue: true, IgnoreUnknown: true, LegacyURNs: true,
	}
}

func kindOf(r *scim.Resource) string {
	if r.UserName() == "" {
		return scim.GroupURN
	}
	return scim.UserURN
}

func patched(rules scim.PatchRules, request []byte, r *scim.Resource) (*scim.Resource, error) {
	p, err := rules.Parse(request, scim.Limits{})
	if err != nil {
		return nil, err
	}
	return p.Apply(scim.CoreSchemas(), kindOf(r), r, rules)
}

func TestVendorShapes(t *testing.T) {
	t.Parallel()
	needed := map[string]bool{}
	for file, v := range vendors(t) {
		for _, c := range v.Cases {
			name := file + ": " + c.Name
			check := func(with string, rules scim.PatchRules, scimType string) {
				got, err := patched(rules, c.Request, c.Before)
				switch e := scim.ErrorOf(err); {
				case scimType != "":
					if e == nil || e.Status != 400 || e.ScimType != scimType {
						t.Errorf("%s, %s: %v %v, want %s", name, with, got, err, scimType)
					}
				case err != nil || !got.Equal(c.After.Object):
					t.Errorf("%s, %s: %v\n got %s\nwant %s", name, with, err, got, c.After)
				}
			}
			want, strict := "", c.Strict
			if c.After == nil {
				want = c.Strict
			}
			if strict == "same" {
				strict = ""
			}
			rules := withRules[scim.PatchRules](t, c.Rules)
			var noted []string
			rules.Noted = func(rule string) { noted = append(noted, rule) }
			check("with its rules", rules, want)
			if c.After != nil && c.Strict != "same" {
				notedAre(t, name, noted, c.Rules)
			}
			check("with no rules", scim.PatchRules{}, strict)
			if c.After != nil {
				check("with every rule", everyRule(), "")
			}
			// No rule is named that is not needed.
			for i, rule := range c.Rules {
				needed[rule] = true
				if c.Strict == "same" || c.After == nil {
					continue
				}
				less := append(append([]string{}, c.Rules[:i]...), c.Rules[i+1:]...)
				if got, err := patched(withRules[scim.PatchRules](t, less), c.Request, c.Before); err == nil && got.Equal(c.After.Object) {
					t.Errorf("%s: needs no %s", name, rule)
				}
			}
		}
		for _, c := range v.Filters {
			name := file + ": " + c.Filter
			rules := withRules[scim.FilterRules](t, c.Rules)
			var noted []string
			rules.Noted = func(rule string) { noted = append(noted, rule) }
			f, err := rules.Parse(scim.CoreSchemas(), kindOf(c.On), c.Filter, scim.FilterLimits{})
			if err != nil || scim.CoreSchemas().Match(kindOf(c.On), f, c.On) != c.Matches {
				t.Errorf("%s: %v, %v", name, f, err)
			}
			if c.Strict != "same" {
				notedAre(t, name, noted, c.Rules)
			}
			_, err = scim.FilterRules{}.Parse(scim.CoreSchemas(), kindOf(c.On), c.Filter, scim.FilterLimits{})
			if e := scim.ErrorOf(err); (c.Strict == "same") != (err == nil) || err != nil && e.ScimType != c.Strict {
				t.Errorf("%s, with no rules: %v", name, err)
			}
		}
	}
	for i, rules := 0, reflect.TypeFor[scim.PatchRules](); i < rules.NumField(); i++ {
		if f := rules.Field(i); f.Type.Kind() == reflect.Bool && !needed[f.Name] {
			t.Errorf("no client needs %s", f.Name)
		}
	}
}

// notedAre checks that just the rules were told of that were needed; those of
// filters go by other names in a configuration than in Go.
func notedAre(t *testing.T, name string, noted, fields []string) {
	t.Helper()
	var want []string
	for _, f := range fields {
		switch f {
		case "ExtraBlanks":
			f = scim.RuleExtraFilterSpaces
		case "ValuePathSub":
			f = scim.RuleFilterValuePathSub
		}
		want = append(want, strings.ToLower(f))
	}
	for i, rule := range noted {
		noted[i] = strings.ToLower(rule)
	}
	slices.Sort(want)
	slices.Sort(noted)
	if noted = slices.Compact(noted); !slices.Equal(noted, want) {
		t.Errorf("%s: told of %v, needed %v", name, noted, want)
	}
}
