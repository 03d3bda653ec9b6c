// SPDX-License-Identifier: Apache-2.0

package scim_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/usher-id/usher/scim"
)

// What a request does not say does not happen: above all, nothing empties a group
// or a list of addresses by accident.
func TestApplyReachesNoFurtherThanItSays(t *testing.T) {
	t.Parallel()
	const (
		user = `{"schemas":["` + scim.UserURN + `"],"id":"1","userName":"a","title":"T",
			"name":{"givenName":"A","familyName":"B"},
			"emails":[{"value":"W@x","type":"work","primary":true},{"value":"h@x","type":"home"}],
			"` + scim.EnterpriseUserURN + `":{"manager":{"value":"7","displayName":"Boss"}}}`
		group = `{"schemas":["` + scim.GroupURN + `"],"id":"1","displayName":"G","members":[{"value":"a"},{"value":"b","type":"User"}]}`
	)
	removal := scim.PatchRules{RemoveWithValueArray: true}
	removals := scim.PatchRules{RemoveWithValueArray: true, ManagerAsString: true}
	creating := scim.PatchRules{CreateOnNoMatch: true}
	for _, c := range []struct {
		name  string
		on    string
		rules scim.PatchRules
		ops   string
		path  string
		want  string // value at path, or a scimType
	}{
		// Adding nothing.
		{"add an empty list", group, scim.PatchRules{}, `{"op":"add","path":"members","value":[]}`, "members.value", `["a","b"]`},
		{"add an empty list, no path", group, scim.PatchRules{}, `{"op":"add","value":{"members":[]}}`, "members.value", `["a","b"]`},
		{"add null, no path", group, scim.PatchRules{}, `{"op":"add","value":{"members":null}}`, "members.value", `["a","b"]`},
		{"add an element that says nothing", group, scim.PatchRules{}, `{"op":"add","path":"members","value":[{"value":""}]}`, "members.value", scim.InvalidValue},
		{"add an empty element", user, scim.PatchRules{}, `{"op":"add","path":"emails[type eq \"work\"]","value":{}}`, "emails.value", `["W@x","h@x"]`},
		{"replace by elements that say nothing", group, scim.PatchRules{}, `{"op":"replace","path":"members","value":[{},{"value":null}]}`, "members.value", scim.InvalidValue},
		{"some elements say nothing", group, scim.PatchRules{}, `{"op":"replace","path":"members","value":[{},{"value":"c"}]}`, "members.value", `["c"]`},
		{"replace by an empty text", group, scim.PatchRules{}, `{"op":"replace","path":"members","value":""}`, "members.value", scim.InvalidValue},
		{"twice in one value", group, scim.PatchRules{}, `{"op":"add","path":"members","value":[{"value":"c"},{"value":"c"}]}`, "members.value", `["a","b","c"]`},
		{"twice in a replacement", group, scim.PatchRules{}, `{"op":"replace","path":"members","value":[{"value":"c"},{"value":"c"}]}`, "members", `[{"value":"c"}]`},
		// Removing what is named, and only that.
		{"remove an empty list", group, removal, `{"op":"remove","path":"members","value":[]}`, "members.value", `["a","b"]`},
		{"remove an empty list, no rules", group, scim.PatchRules{}, `{"op":"remove","path":"members","value":[]}`, "", scim.InvalidValue},
		{"remove an empty element", group, removal, `{"op":"remove","path":"members","value":[{}]}`, "", scim.InvalidValue},
		{"remove an empty object", group, removal, `{"op":"remove","path":"members","value":{}}`, "", scim.InvalidValue},
		{"remove by type alone", group, removal, `{"op":"remove","path":"members","value":[{"type":"User"}]}`, "", scim.InvalidValue},
		{"remove by primary alone", user, removal, `{"op":"remove","path":"emails","value":[{"primary":true}]}`, "", scim.InvalidValue},
		{"remove a text", group, removal, `{"op":"remove","path":"members","value":["a"]}`, "", scim.InvalidValue},
		{"remove a text, with the rule for it", group, removals, `{"op":"remove","path":"members","value":["a"]}`, "members.value", `["b"]`},
		{"remove by value alone", user, removal, `{"op":"remove","path":"emails","value":[{"value":"W@x"}]}`, "emails.value", `["h@x"]`},
		{"remove in other letter case", user, removal, `{"op":"remove","path":"emails","value":[{"value":"w@X"}]}`, "emails.value", `["h@x"]`},
		{"remove with another type", user, removal, `{"op":"remove","path":"emails","value":[{"value":"W@x","type":"home"}]}`, "emails.value", `["W@x","h@x"]`},
		{"remove one value, its text along", user, removal, `{"op":"remove","path":"title","value":"T"}`, "title", `null`},
		{"remove members with null", group, scim.PatchRules{}, `{"op":"remove","path":"members","value":null}`, "members", `null`},
		{"ids have letter case", group, scim.PatchRules{}, `{"op":"remove","path":"members[value eq \"A\"]"}`, "members.value", `["a","b"]`},
		// Complex attributes merge.
		{"replace by an empty object", user, scim.PatchRules{}, `{"op":"replace","path":"name","value":{}}`, "name", `{"givenName":"A","familyName":"B"}`},
		{"replace by an empty sub-attribute", user, scim.PatchRules{}, `{"op":"replace","path":"name","value":{"givenName":""}}`, "name", `{"familyName":"B"}`},
		{"add null to a sub-attribute", user, scim.PatchRules{}, `{"op":"add","value":{"name":{"givenName":null}}}`, "name", `{"familyName":"B"}`},
		{"readOnly in a value", user, scim.PatchRules{}, `{"op":"replace","path":"` + scim.EnterpriseUserURN + `:manager","value":{"value":"8","displayName":"Me"}}`, "enterprise.manager", `{"value":"8","displayName":"Boss"}`},
		{"a manager cleared by an empty text", user, scim.PatchRules{}, `{"op":"replace","path":"` + scim.EnterpriseUserURN + `:manager","value":""}`, "enterprise", `null`},
		{"an extension by null", user, scim.PatchRules{}, `{"op":"replace","path":"` + scim.EnterpriseUserURN + `","value":null}`, "schemas", `["` + scim.UserURN + `"]`},
		// A filter on what has one value.
		{"one value stays one", user, scim.PatchRules{}, `{"op":"replace","path":"` + scim.EnterpriseUserURN + `:manager[value eq \"7\"].value","value":"8"}`, "enterprise.manager", `{"value":"8","displayName":"Boss"}`},
		{"several values are a list", user, scim.PatchRules{}, `{"op":"add","path":"phoneNumbers.value","value":"1"}`, "phoneNumbers", `[{"value":"1"}]`},
		// What a filter makes.
		{"no member by a filter", group, creating, `{"op":"replace","path":"members[value eq \"z\"].display","value":"Z"}`, "", scim.NoTarget},
		{"a filter with an unknown name", user, creating, `{"op":"add","path":"emails[colour eq \"red\"].value","value":"x"}`, "", scim.InvalidFilter},
		{"a filter of another type", user, creating, `{"op":"add","path":"emails[type eq 5].value","value":"x"}`, "", scim.InvalidFilter},
		{"a filter that orders booleans", user, scim.PatchRules{}, `{"op":"remove","path":"emails[primary gt false]"}`, "", scim.InvalidFilter},
		// Primary.
		{"two new primaries", user, scim.PatchRules{}, `{"op":"add","path":"emails","value":[{"value":"x","primary":true},{"value":"y","primary":true}]}`, "", scim.InvalidValue},
		{"everything primary", user, scim.PatchRules{}, `{"op":"replace","path":"phoneNumbers","value":[{"value":"1","primary":true},{"value":"2","primary":true}]}`, "", scim.InvalidValue},
		{"the primary changed", user, scim.PatchRules{}, `{"op":"replace","path":"emails[type eq \"work\"].value","value":"z"}`, "emails.primary", `[true]`},
		// Other resources' schemas.
		{"a group's attribute on a user", user, scim.PatchRules{}, `{"op":"add","path":"` + scim.GroupURN + `:displayName","value":"x"}`, "", scim.InvalidPath},
		{"schemas replaced by nonsense", user, scim.PatchRules{}, `{"op":"replace","path":"schemas","value":["urn:x:y"]}`, "", scim.InvalidValue},
		{"schemas replaced by another's", user, scim.PatchRules{}, `{"op":"replace","path":"schemas","value":["` + scim.GroupURN + `"]}`, "", scim.InvalidValue},
		{"schemas replaced by less", user, scim.PatchRules{}, `{"op":"replace","path":"schemas","value":["` + scim.UserURN + `"]}`, "schemas", `["` + scim.UserURN + `","` + scim.EnterpriseUserURN + `"]`},
		{"schemas added", user, scim.PatchRules{}, `{"op":"add","path":"schemas","value":["` + scim.UsherUserURN + `"]}`, "schemas", `["` + scim.UserURN + `","` + scim.EnterpriseUserURN + `","` + scim.UsherUserURN + `"]`},
		{"schemas removed", user, scim.PatchRules{}, `{"op":"remove","path":"schemas"}`, "", scim.MutabilityBreach},
		{"another resource's id", user, scim.PatchRules{IgnoreIDInValue: true, IgnoreReadOnlyInValue: true}, `{"op":"replace","value":{"id":"2"}}`, "", scim.MutabilityBreach},
		{"an alias of configurations", user, scim.PatchRules{}, `{"op":"add","value":{"enterprise.department":"D"}}`, "", scim.InvalidPath},
		{"an alias in a path", user, scim.PatchRules{}, `{"op":"add","path":"enterprise.department","value":"D"}`, "", scim.InvalidPath},
		// Types (RFC 7643 §2.3).
		{"no base64", user, scim.PatchRules{}, `{"op":"add","path":"x509Certificates","value":[{"value":"not base64!"}]}`, "", scim.InvalidValue},
		{"base64 without padding", user, scim.PatchRules{}, `{"op":"add","path":"x509Certificates","value":[{"value":"MIIB_-A"}]}`, "x509Certificates.value", `["MIIB_-A"]`},
		{"no URI", user, scim.PatchRules{}, `{"op":"add","path":"profileUrl","value":"not a uri %%"}`, "", scim.InvalidValue},
		{"a relative URI", user, scim.PatchRules{}, `{"op":"add","path":"profileUrl","value":"../me?x=%20"}`, "profileUrl", `"../me?x=%20"`},
		{"a day is no dateTime", user, scim.PatchRules{}, `{"op":"add","path":"` + scim.UsherUserURN + `:startDate","value":"2026-01-02"}`, "", scim.InvalidValue},
		{"an hour of one digit", user, scim.PatchRules{}, `{"op":"add","path":"` + scim.UsherUserURN + `:startDate","value":"2026-01-02T5:00:00.000Z"}`, "", scim.InvalidValue},
		{"a comma for the point", user, scim.PatchRules{}, `{"op":"add","path":"` + scim.UsherUserURN + `:startDate","value":"2026-01-02T05:00:00,5Z"}`, "", scim.InvalidValue},
	} {
		r := resource(t, c.on)
		before := r.String()
		got, err := patched(c.rules, message("["+c.ops+"]"), r)
		if r.String() != before {
			t.Errorf("%s: the input changed", c.name)
		}
		if err != nil {
			if e := scim.ErrorOf(err); e == nil || e.ScimType != c.want || got != nil {
				t.Errorf("%s: %v, want %s", c.name, err, c.want)
			}
			continue
		}
		if c.path == "" {
			t.Errorf("%s: gave %s, want %s", c.name, got, c.want)
			continue
		}
		if v, _ := got.At(path(t, c.path)); v.String() != c.want {
			t.Errorf("%s: %s, want %s", c.name, v, c.want)
		}
	}
}

// Characteristics that no core schema combines so.
func TestApplyByCharacteristics(t *testing.T) {
	t.Parallel()
	const urn = "urn:acme:params:scim:schemas:core:2.0:Badge"
	const ext = "urn:acme:params:scim:schemas:extension:2.0:Door"
	set, err := scim.NewSchemaSet(scim.Schema{ID: urn, Attributes: []scim.Attribute{
		{Name: "once", Mutability: scim.Immutable},
		{Name: "codes", MultiValued: true, Required: true},
		{Name: "flags", MultiValued: true, Type: scim.TypeInteger},
		{Name: "frozen", MultiValued: true, Mutability: scim.Immutable},
		{Name: "made", Type: scim.TypeComplex, SubAttributes: []scim.Attribute{
			{Name: "by", Mutability: scim.Immutable}, {Name: "at", Type: scim.TypeDateTime}, {Name: "where", Required: true},
		}},
		{Name: "keys", MultiValued: true, Type: scim.TypeComplex, SubAttributes: []scim.Attribute{
			{Name: "value"}, {Name: "kind", Required: true}, {Name: "seen", Mutability: scim.ReadOnly},
		}},
	}}, scim.Schema{ID: ext, Attributes: []scim.Attribute{{Name: "serial", Mutability: scim.Immutable}, {Name: "floor", Type: scim.TypeInteger}}})
	if err != nil {
		t.Fatal(err)
	}
	const badge = `{"schemas":["` + urn + `","` + ext + `"],"once":"1","codes":["x","Y"],"frozen":["f"],"made":{"by":"me","where":"here"},
		"keys":[{"value":"k","kind":"door","seen":"now"}],"` + ext + `":{"serial":"9","floor":2}}`
	for ops, want := range map[string]string{
		`{"op":"replace","path":"once","value":"1"}`:                          "once=\"1\"",
		`{"op":"replace","path":"once","value":"2"}`:                          scim.MutabilityBreach,
		`{"op":"remove","path":"once"}`:                                       scim.MutabilityBreach,
		`{"op":"remove","path":"codes"}`:                                      scim.MutabilityBreach,
		`{"op":"replace","path":"codes","value":[]}`:                          scim.MutabilityBreach,
		`{"op":"remove","path":"codes[value eq \"y\"]"}`:                      `codes=["x"]`,
		`{"op":"remove","path":"codes[value pr]"}`:                            scim.MutabilityBreach,
		`{"op":"remove","path":"codes[value eq \"x\" or value eq \"y\"]"}`:    scim.MutabilityBreach,
		`{"op":"add","path":"codes","value":"z"}`:                             `codes=["x","Y","z"]`,
		`{"op":"add","path":"flags","value":[1,2,1]}`:                         `flags=[1,2]`,
		`{"op":"add","path":"frozen","value":["f"]}`:                          `frozen=["f"]`,
		`{"op":"add","path":"frozen","value":["g"]}`:                          scim.MutabilityBreach,
		`{"op":"replace","path":"frozen","value":["g"]}`:                      scim.MutabilityBreach,
		`{"op":"remove","path":"frozen[value eq \"f\"]"}`:                     scim.MutabilityBreach,
		`{"op":"replace","path":"made","value":{"by":"you"}}`:                 scim.MutabilityBreach,
		`{"op":"replace","path":"made","value":{"by":"me","where":"there"}}`:  `made={"by":"me","where":"there"}`,
		`{"op":"replace","path":"made","value":{"where":null}}`:               scim.MutabilityBreach,
		`{"op":"remove","path":"made.where"}`:                                 scim.MutabilityBreach,
		`{"op":"remove","path":"keys[value eq \"k\"].kind"}`:                  scim.MutabilityBreach,
		`{"op":"remove","path":"keys[value eq \"none\"].kind"}`:               `keys.value=["k"]`,
		`{"op":"add","path":"keys","value":{"value":"l","seen":"never"}}`:     `keys=[{"value":"k","kind":"door","seen":"now"},{"value":"l"}]`,
		`{"op":"remove","path":"` + ext + `"}`:                                scim.MutabilityBreach,
		`{"op":"replace","path":"` + ext + `","value":{"floor":3}}`:           `` + ext + `={"serial":"9","floor":3}`,
		`{"op":"replace","path":"` + ext + `","value":{"serial":"8"}}`:        scim.MutabilityBreach,
		`{"op":"replace","path":"` + ext + `","value":{"roof":1}}`:            scim.InvalidPath,
		`{"op":"replace","path":"` + ext + `","value":{"a b":1}}`:             scim.InvalidPath,
		`{"op":"replace","path":"` + ext + `:floor","value":1.5}`:             scim.InvalidValue,
		`{"op":"replace","path":"` + scim.EnterpriseUserURN + `","value":{}}`: scim.InvalidPath,
	} {
		p, err := scim.ParsePatch(message("["+ops+"]"), scim.Limits{})
		if err != nil {
			t.Fatal(ops, err)
		}
		r, err := p.Apply(set, urn, resource(t, badge), scim.PatchRules{})
		if err != nil {
			if e := scim.ErrorOf(err); e == nil || e.ScimType != want {
				t.Errorf("%s: %v, want %s", ops, err, want)
			}
			continue
		}
		name, text, ok := strings.Cut(want, "=")
		if !ok {
			t.Errorf("%s: gave %s, want %s", ops, r, want)
			continue
		}
		if v, _ := r.At(scim.MustPath(name)); v.String() != text {
			t.Errorf("%s: %s, want %s", ops, v, text)
		}
	}
}

// Operations on one attribute see each other, whichever way they are carried out.
func TestApplyInOrder(t *testing.T) {
	t.Parallel()
	g := resource(t, `{"schemas":["`+scim.GroupURN+`"],"displayName":"G","members":[{"value":"a"},{"value":"b"}]}`)
	for ops, want := range map[string]string{
		`{"op":"add","path":"members","value":[{"value":"c"}]},{"op":"remove","path":"members[value eq \"a\"]"},{"op":"add","path":"members","value":[{"value":"a"}]}`: `["b","c","a"]`,
		`{"op":"remove","path":"members[value eq \"a\"]"},{"op":"replace","path":"members[value eq \"b\"].display","value":"B"}`:                                       scim.MutabilityBreach + "?",
		`{"op":"add","path":"members","value":[{"value":"c"}]},{"op":"remove","path":"members[value sw \"c\"]"}`:                                                       `["a","b"]`,
		`{"op":"add","path":"members","value":[{"value":"c"}]},{"op":"replace","path":"members","value":[{"value":"d"}]}`:                                              `["d"]`,
		`{"op":"replace","path":"members","value":[{"value":"d"}]},{"op":"add","path":"members","value":[{"value":"d"},{"value":"e"}]}`:                                `["d","e"]`,
		`{"op":"remove","path":"members[value eq \"a\"]"},{"op":"remove","path":"members[value eq \"b\"]"}`:                                                            `null`,
		`{"op":"remove","path":"members"},{"op":"add","path":"members","value":{"value":"c"}}`:                                                                         `["c"]`,
		`{"op":"add","path":"members","value":{"value":"c"}},{"op":"remove","path":"members"}`:                                                                         `null`,
	} {
		got, err := patched(scim.PatchRules{}, message("["+ops+"]"), g)
		if strings.HasSuffix(want, "?") { // display has no value yet: immutable, and may be set once
			if err != nil {
				t.Errorf("%s: %v", ops, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", ops, err)
			continue
		}
		if v, _ := got.At(scim.MustPath("members.value")); v.String() != want {
			t.Errorf("%s: %s, want %s", ops, v, want)
		}
	}
}

func TestPatchLimits(t *testing.T) {
	t.Parallel()
	ops := "[" + strings.Repeat(`{"op":"remove","path":"title"},`, 20_000) + `{"op":"remove","path":"title"}]`
	_, err := scim.ParsePatch(message(ops), scim.Limits{})
	if e := scim.ErrorOf(err); e == nil || e.Status != 413 {
		t.Errorf("many operations: %v", err)
	}
	if _, err := scim.ParsePatch(message(`[{"op":"remove","path":"title"}]`), scim.Limits{MaxOperations: -1}); err != nil {
		t.Error(err)
	}

	// Long filters over a big group are refused before they take minutes.
	members := make([]scim.Value, 20_000)
	for i := range members {
		var o scim.Object
		o.Set("value", scim.String(fmt.Sprint(i)))
		members[i] = scim.Complex(o)
	}
	g := scim.NewResource(scim.GroupURN)
	g.Set("displayName", scim.String("G"))
	g.Set("members", scim.List(members...))
	long := `{"op":"remove","path":"members[` + strings.Repeat(`value ew \"x\" or `, 190) + `value eq \"x\"]"},`
	got, err := patched(scim.PatchRules{}, message("["+strings.Repeat(long, 50)+`{"op":"remove","path":"title"}]`), g)
	if e := scim.ErrorOf(err); e == nil || e.ScimType != scim.TooMany && e.ScimType != scim.InvalidPath {
		t.Errorf("much work: %v %v", got != nil, err)
	}
}
