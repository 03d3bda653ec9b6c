// SPDX-License-Identifier: Apache-2.0

package scim_test

import (
	"encoding/json"
	"testing"

	"github.com/usher-id/usher/scim"
)

func message(ops string) []byte {
	return []byte(`{"schemas":["` + scim.PatchOpURN + `"],"Operations":` + ops + `}`)
}

func TestParsePatch(t *testing.T) {
	t.Parallel()
	p, err := scim.ParsePatch(message(`[{"value":"x","OP":"Replace","path":"title"},{"op":"remove","path":"members[value eq \"1\"]"},{"op":"add","value":{"active":true}}]`), scim.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	want := string(message(`[{"op":"replace","path":"title","value":"x"},{"op":"remove","path":"members[value eq \"1\"]"},{"op":"add","value":{"active":true}}]`))
	if got, err := json.Marshal(p); err != nil || string(got) != want {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestParsePatchRefuses(t *testing.T) {
	t.Parallel()
	for text, scimType := range map[string]string{
		`{"Operations":[{"op":"remove","path":"a"}]}`:                     scim.InvalidSyntax,
		`{"schemas":["x"],"Operations":[{"op":"remove","path":"a"}]}`:     scim.InvalidSyntax,
		`{"schemas":["` + scim.PatchOpURN + `"]}`:                         scim.InvalidSyntax,
		string(message(`[]`)):                                             scim.InvalidSyntax,
		string(message(`[1]`)):                                            scim.InvalidSyntax,
		string(message(`[{"path":"a","value":1}]`)):                       scim.InvalidSyntax,
		string(message(`[{"op":"move","path":"a","value":1}]`)):           scim.InvalidSyntax,
		string(message(`[{"op":"add","op":"add","path":"a","value":1}]`)): scim.InvalidSyntax,
		string(message(`[{"op":"add","path":"emails[0]","value":1}]`)):    scim.InvalidPath,
		string(message(`[{"op":"add","path":1,"value":1}]`)):              scim.InvalidPath,
		string(message(`[{"op":"remove"}]`)):                              scim.NoTarget,
		string(message(`[{"op":"add","path":"a"}]`)):                      scim.InvalidValue,
		string(message(`[{"op":"add","path":"a","value":null}]`)):         scim.InvalidValue,
		string(message(`[{"op":"replace","path":"a"}]`)):                  scim.InvalidValue,
		string(message(`[{"op":"replace","value":"x"}]`)):                 scim.InvalidValue,
	} {
		p, err := scim.ParsePatch([]byte(text), scim.Limits{})
		if e := scim.ErrorOf(err); e == nil || e.Status != 400 || e.ScimType != scimType {
			t.Errorf("%s: %v, %v", text, p, err)
		}
	}
	if _, err := (scim.PatchRules{SchemasOptional: true}).Parse([]byte(`{"Operations":[{"op":"remove","path":"a"}]}`), scim.Limits{}); err != nil {
		t.Error(err)
	}
}

func TestApply(t *testing.T) {
	t.Parallel()
	const user = `"userName":"a","id":"1","emails":[{"value":"w","type":"work","primary":true},{"value":"h","type":"home"}],"name":{"givenName":"A","familyName":"B"}`
	lenient := scim.PatchRules{
		StringBooleans: true, RemoveWithValueArray: true, CreateOnNoMatch: true,
		IgnoreIDInValue: true, ManagerAsString: true, IgnoreReadOnlyInValue: true,
	}
	for name, c := range map[string]struct {
		rules scim.PatchRules
		ops   string
		paths map[string]string // path → value afterwards
		err   string
	}{
		"add, pathless, dotted and qualified": {
			ops:   `[{"op":"add","value":{"nickName":"N","name.givenName":"C","` + scim.EnterpriseUserURN + `:department":"D","` + scim.EnterpriseUserURN + `":{"division":"V"}}}]`,
			paths: map[string]string{"nickName": `"N"`, "name": `{"givenName":"C","familyName":"B"}`, "enterprise": `{"department":"D","division":"V"}`},
		},
		"add appends, once": {
			ops:   `[{"op":"add","path":"emails","value":[{"value":"x"},{"value":"h","type":"home"}]},{"op":"add","path":"emails","value":{"value":"x"}}]`,
			paths: map[string]string{"emails.value": `["w","h","x"]`},
		},
		"add merges complex": {ops: `[{"op":"add","path":"name","value":{"middleName":"M"}}]`, paths: map[string]string{"name": `{"givenName":"A","familyName":"B","middleName":"M"}`}},
		"a new primary":      {ops: `[{"op":"add","path":"emails","value":{"value":"x","primary":true}}]`, paths: map[string]string{"emails[primary eq true].value": `"x"`, "emails.primary": `[false,true]`}},
		"primary by path":    {ops: `[{"op":"replace","path":"emails[type eq \"home\"].primary","value":true}]`, paths: map[string]string{"emails[primary eq true].value": `"h"`}},
		"replace all":        {ops: `[{"op":"replace","path":"emails","value":[{"value":"z"}]}]`, paths: map[string]string{"emails": `[{"value":"z"}]`}},
		"replace in element": {ops: `[{"op":"replace","path":"emails[type eq \"work\"].value","value":"z"}]`, paths: map[string]string{"emails.value": `["z","h"]`}},
		"replace complex":    {ops: `[{"op":"replace","path":"name","value":{"familyName":"Z"}}]`, paths: map[string]string{"name": `{"givenName":"A","familyName":"Z"}`}},
		"replace by null":    {ops: `[{"op":"replace","path":"name.familyName","value":null}]`, paths: map[string]string{"name": `{"givenName":"A"}`}},
		"remove":             {ops: `[{"op":"remove","path":"emails[type eq \"work\"]"},{"op":"remove","path":"title"},{"op":"remove","path":"emails[type eq \"none\"]"}]`, paths: map[string]string{"emails.value": `["h"]`}},
		"remove the last":    {ops: `[{"op":"remove","path":"emails[value pr]"}]`, paths: map[string]string{"emails": ``}},
		"in order":           {ops: `[{"op":"add","path":"title","value":"T"},{"op":"replace","path":"title","value":"U"},{"op":"remove","path":"title"}]`, paths: map[string]string{"title": ``}},
		"required":           {ops: `[{"op":"remove","path":"userName"}]`, err: scim.MutabilityBreach},
		"required emptied":   {ops: `[{"op":"replace","path":"userName","value":""}]`, err: scim.MutabilityBreach},
		"readOnly":           {ops: `[{"op":"replace","path":"id","value":"2"}]`, err: scim.MutabilityBreach},
		"readOnly groups":    {ops: `[{"op":"add","path":"groups","value":[{"value":"g"}]}]`, err: scim.MutabilityBreach},
		"readOnly meta":      {ops: `[{"op":"replace","path":"meta.version","value":"x"}]`, err: scim.MutabilityBreach},
		"unknown":            {ops: `[{"op":"add","path":"nope","value":1}]`, err: scim.InvalidPath},
		"unknown sub":        {ops: `[{"op":"add","path":"name","value":{"nope":1}}]`, err: scim.InvalidValue},
		"wrong type":         {ops: `[{"op":"add","path":"active","value":"true"}]`, err: scim.InvalidValue},
		"wrong shape":        {ops: `[{"op":"add","path":"name","value":"x"}]`, err: scim.InvalidValue},
		"wrong date":         {ops: `[{"op":"add","path":"` + scim.UsherUserURN + `:startDate","value":"soon"}]`, err: scim.InvalidValue},
		"no target":          {ops: `[{"op":"replace","path":"emails[type eq \"other\"].value","value":"x"}]`, err: scim.NoTarget},
		"remove with value":  {ops: `[{"op":"remove","path":"emails","value":[{"value":"w"}]}]`, err: scim.InvalidValue},
		"atomic":             {ops: `[{"op":"add","path":"title","value":"T"},{"op":"remove","path":"userName"}]`, err: scim.MutabilityBreach},
		"lenient creates":    {rules: lenient, ops: `[{"op":"Add","path":"emails[type eq \"other\"].value","value":"o"}]`, paths: map[string]string{`emails[type eq "other"]`: `{"type":"other","value":"o"}`}},
		"lenient booleans":   {rules: lenient, ops: `[{"op":"Replace","path":"active","value":"False"}]`, paths: map[string]string{"active": `false`}},
		"lenient id":         {rules: lenient, ops: `[{"op":"replace","value":{"id":"1","groups":[],"displayName":"N"}}]`, paths: map[string]string{"displayName": `"N"`}},
		"lenient wrong id":   {rules: scim.PatchRules{IgnoreIDInValue: true}, ops: `[{"op":"replace","value":{"id":"2"}}]`, err: scim.MutabilityBreach},
		"lenient manager":    {rules: lenient, ops: `[{"op":"add","path":"` + scim.EnterpriseUserURN + `:manager","value":"7"}]`, paths: map[string]string{"enterprise.manager": `{"value":"7"}`}},
		"lenient removal": {
			rules: lenient, ops: `[{"op":"Remove","path":"emails","value":[{"value":"w","type":"work","primary":true}]}]`,
			paths: map[string]string{"emails.value": `["h"]`},
		},
	} {
		r := resource(t, `{"schemas":["`+scim.UserURN+`"],`+user+`}`)
		before := r.String()
		p, err := c.rules.Parse(message(c.ops), scim.Limits{})
		var got *scim.Resource
		if err == nil {
			got, err = p.Apply(scim.CoreSchemas(), scim.UserURN, r, c.rules)
		}
		if r.String() != before {
			t.Errorf("%s: the input changed to %s", name, r)
		}
		if c.err != "" {
			if e := scim.ErrorOf(err); e == nil || e.ScimType != c.err || got != nil {
				t.Errorf("%s: %v, want %s", name, err, c.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for text, want := range c.paths {
			v, ok := got.At(path(t, text))
			if ok != (want != "") || ok && v.String() != want {
				t.Errorf("%s: %s is %s, want %s", name, text, v, want)
			}
		}
	}
}

func TestApplyMembers(t *testing.T) {
	t.Parallel()
	g := resource(t, `{"schemas":["`+scim.GroupURN+`"],"displayName":"G","members":[{"value":"1","$ref":"x","display":"One"},{"value":"2"}]}`)
	rules := scim.PatchRules{RemoveWithValueArray: true}
	for ops, want := range map[string]string{
		`[{"op":"add","path":"members","value":[{"value":"1"},{"value":"3"}]}]`:    `["1","2","3"]`,
		`[{"op":"remove","path":"members[value eq \"1\"]"}]`:                       `["2"]`,
		`[{"op":"Remove","path":"members","value":[{"value":"1"},{"value":"9"}]}]`: `["2"]`,
		`[{"op":"remove","path":"members","value":[{"value":"9"}]}]`:               `["1","2"]`,
		`[{"op":"remove","path":"members"}]`:                                       `null`,
		`[{"op":"replace","path":"members","value":[]}]`:                           `null`,
		`[{"op":"replace","path":"members[value eq \"1\"].value","value":"9"}]`:    scim.MutabilityBreach,
		`[{"op":"add","value":{"members":[{"value":"3"}],"displayName":"H"}}]`:     `["1","2","3"]`,
	} {
		p, err := rules.Parse(message(ops), scim.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		r, err := p.Apply(scim.CoreSchemas(), scim.GroupURN, g, rules)
		if err != nil {
			if e := scim.ErrorOf(err); e == nil || e.ScimType != want {
				t.Errorf("%s: %v", ops, err)
			}
			continue
		}
		if v, _ := r.At(scim.MustPath("members.value")); v.String() != want {
			t.Errorf("%s: %s, want %s", ops, v, want)
		}
	}
}

// What an operation names twice is added once, in a short list and in a long one.
func TestPatchAddsOnce(t *testing.T) {
	t.Parallel()
	for _, n := range []int{2, 40} {
		list := make([]scim.Value, n)
		for i := range list {
			var o scim.Object
			o.Set("value", scim.String("same"))
			list[i] = scim.Complex(o)
		}
		path := scim.MustPath("members")
		got, err := scim.Patch{{Op: scim.OpAdd, Path: &path, Value: scim.List(list...)}}.Apply(scim.CoreSchemas(), scim.GroupURN, scim.NewResource(scim.GroupURN), scim.PatchRules{})
		if err != nil {
			t.Fatal(err)
		}
		v, _ := got.Get("members")
		if members, _ := v.AsList(); len(members) != 1 {
			t.Errorf("%d of %d", len(members), n)
		}
	}
}

// The interoperability profile refuses what Okta and Entra's flag mode send.
func TestRequirePath(t *testing.T) {
	t.Parallel()
	rules := scim.PatchRules{RequirePath: true}
	for _, request := range []string{`[{"op":"replace","value":{"active":false}}]`, `[{"op":"add","path":"","value":{"active":false}}]`} {
		if _, err := rules.Parse(message(request), scim.Limits{}); scim.ErrorOf(err) == nil || scim.ErrorOf(err).ScimType != scim.InvalidSyntax {
			t.Errorf("%s: %v", request, err)
		}
		p, err := scim.ParsePatch(message(request), scim.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Apply(scim.CoreSchemas(), scim.UserURN, user(t), rules); scim.ErrorOf(err) == nil || scim.ErrorOf(err).ScimType != scim.InvalidSyntax {
			t.Errorf("%s: applied with %v", request, err)
		}
	}
}

// ReplaceWhole lets a replace leave nothing of a complex attribute that it does not
// name, but what no client may write; an add merges all the same, and an object that
// says nothing empties nothing.
func TestReplaceWhole(t *testing.T) {
	t.Parallel()
	before := scim.NewResource(scim.UserURN)
	before.Set("userName", scim.String("ada"))
	for path, text := range map[string]string{"name.givenName": "Ada", "name.familyName": "Byron", scim.EnterpriseUserURN + ":manager.value": "m1", scim.EnterpriseUserURN + ":manager.displayName": "Boss"} {
		if err := before.Put(scim.MustPath(path), scim.String(text)); err != nil {
			t.Fatal(err)
		}
	}
	for request, want := range map[string]string{
		`{"op":"replace","path":"name","value":{"familyName":"Lovelace"}}`: `{"familyName":"Lovelace"}`,
		`{"op":"replace","value":{"name":{"familyName":"Lovelace"}}}`:      `{"familyName":"Lovelace"}`,
		`{"op":"add","path":"name","value":{"familyName":"Lovelace"}}`:     `{"givenName":"Ada","familyName":"Lovelace"}`,
		`{"op":"replace","path":"name","value":{}}`:                        `{"givenName":"Ada","familyName":"Byron"}`,
		`{"op":"replace","path":"name.familyName","value":"Lovelace"}`:     `{"givenName":"Ada","familyName":"Lovelace"}`,
	} {
		p, err := scim.ParsePatch(message("["+request+"]"), scim.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		after, err := p.Apply(scim.CoreSchemas(), scim.UserURN, before, scim.PatchRules{ReplaceWhole: true})
		if err != nil {
			t.Fatalf("%s: %v", request, err)
		}
		got, _ := after.Get("name")
		w, err := scim.ParseValue([]byte(want), scim.Limits{})
		if err != nil || !got.Equal(w) {
			t.Errorf("%s: %s, want %s", request, got, want)
		}
	}
	p, err := scim.ParsePatch(message(`[{"op":"replace","path":"`+scim.EnterpriseUserURN+`:manager","value":{"value":"m2"}}]`), scim.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	after, err := p.Apply(scim.CoreSchemas(), scim.UserURN, before, scim.PatchRules{ReplaceWhole: true})
	if err != nil {
		t.Fatal(err)
	}
	if v, ok := after.At(scim.MustPath(scim.EnterpriseUserURN + ":manager.displayName")); !ok || v.IsUnassigned() {
		t.Errorf("what is readOnly went with a replace: %s", after)
	}
}
