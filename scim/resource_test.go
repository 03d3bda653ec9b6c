// SPDX-License-Identifier: Apache-2.0

package scim_test

import (
	"slices"
	"testing"

	"github.com/usher-id/usher/scim"
)

func TestResourceAccessors(t *testing.T) {
	t.Parallel()
	u := user(t)
	active, ok := u.Active()
	if !active || !ok || u.ID() != "4xkq2m" || u.ExternalID() != "e-1001" || u.UserName() != "ada.lovelace@acme.example" ||
		u.DisplayName() != "Ada Lovelace" || u.Version() != `W/"a330bc54f0671c9"` || u.ResourceType() != "User" || u.Location() == "" {
		t.Errorf("got %s", u)
	}
	r := scim.NewResource(scim.UserURN)
	r.SetID("1")
	r.SetID("")
	r.SetActive(false)
	r.AddSchema(scim.UsherUserURN)
	r.AddSchema(scim.UsherUserURN)
	if got, want := r.String(), `{"schemas":["`+scim.UserURN+`","`+scim.UsherUserURN+`"],"active":false}`; got != want {
		t.Errorf("got %s", got)
	}
	if got := resource(t, `{"id":"1","schemas":["x"],"a":2}`).String(); got != `{"schemas":["x"],"id":"1","a":2}` {
		t.Errorf("schemas come first: %s", got)
	}
	if active, ok := resource(t, `{"active":"true"}`).Active(); active || ok {
		t.Error("a text is no boolean: it tells neither")
	}
	var none *scim.Resource
	if _, ok := none.At(scim.MustPath("a")); ok || none.Clone() != nil || none.String() != "null" {
		t.Error("a nil resource has nothing")
	}
}

func TestAt(t *testing.T) {
	t.Parallel()
	u := user(t)
	for text, want := range map[string]string{
		"userName":                             `"ada.lovelace@acme.example"`,
		"NAME.GIVENNAME":                       `"Ada"`,
		"emails.value":                         `["ada.lovelace@acme.example","ada@home.example"]`,
		"phoneNumbers.value":                   `["tel:+44-20-7946-0000"]`,
		`emails[type eq "HOME"]`:               `{"value":"ada@home.example","type":"home"}`,
		`emails[type eq "home"].value`:         `"ada@home.example"`,
		`emails[value pr].type`:                `["work","home"]`,
		`emails[type eq "other"].value`:        ``,
		scim.UserURN + ":userName":             `"ada.lovelace@acme.example"`,
		"enterprise.department":                `"Engines"`,
		"enterprise.manager.value":             `"7yq2"`,
		"usher.startDate":                      ``,
		"usher":                                ``,
		"userName.x":                           ``,
		"none":                                 ``,
		`name[givenName eq "ada"].familyName`:  `"Lovelace"`,
		`name[givenName eq "bob"].familyName`:  ``,
		`emails[primary eq true].value`:        `"ada.lovelace@acme.example"`,
		`emails[not (primary eq true)].value`:  `"ada@home.example"`,
		`groups[value eq "g1"].$ref`:           `"https://acme.example/scim/v2/Groups/g1"`,
		`addresses[type eq "work"].postalCode`: `"SW1Y 4JH"`,
	} {
		v, ok := u.At(path(t, text))
		if ok != (want != "") || ok && v.String() != want {
			t.Errorf("%s: %s %v", text, v, ok)
		}
	}
}

func TestAtFindsOddContainers(t *testing.T) {
	t.Parallel()
	// The extension named in schemas, its attributes somewhere else.
	r := resource(t, `{"schemas":["urn:acme:thing"],"size":3,"urn:acme:more":{"x":1}}`)
	for text, want := range map[string]string{"urn:acme:thing:size": "3", "urn:acme:more": `{"x":1}`, "urn:acme:more:x": "1"} {
		if v, _ := r.At(scim.MustPath(text)); v.String() != want {
			t.Errorf("%s: %s", text, v)
		}
	}
}

func TestPutAndRemove(t *testing.T) {
	t.Parallel()
	const user = `{"schemas":["` + scim.UserURN + `"]`
	for _, c := range []struct{ before, path, value, after string }{
		{`}`, "userName", `"a"`, `,"userName":"a"}`},
		{`,"userName":"a"}`, "USERNAME", `"b"`, `,"userName":"b"}`},
		{`,"userName":"a"}`, "userName", `""`, `}`},
		{`}`, "name.givenName", `"A"`, `,"name":{"givenName":"A"}}`},
		{`,"name":{"givenName":"A"}}`, "name.givenName", `null`, `}`},
		{`}`, `emails[type eq "work"].value`, `"a@b"`, `,"emails":[{"type":"work","value":"a@b"}]}`},
		{`,"emails":[{"value":"h","type":"home"}]}`, `emails[type eq "work"].value`, `"w"`, `,"emails":[{"value":"h","type":"home"},{"type":"work","value":"w"}]}`},
		{`,"emails":[{"value":"h","type":"home"},{"type":"work","value":"w"}]}`, `emails[type eq "work"].value`, `null`, `,"emails":[{"value":"h","type":"home"}]}`},
		{`,"emails":[{"type":"work","value":"w","primary":true}]}`, `emails[type eq "work"].value`, `null`, `,"emails":[{"type":"work","primary":true}]}`},
		{`,"emails":[{"type":"work","value":"w"}]}`, `emails[type eq "work"].value`, `""`, `}`},
		{`,"emails":[{"type":"work","value":"w"},{"type":"work","value":"x"}]}`, `emails[type eq "work"].value`, `"y"`, `,"emails":[{"type":"work","value":"y"},{"type":"work","value":"y"}]}`},
		{`,"emails":[{"type":"work","value":"w"}]}`, `emails[type eq "work"]`, `{"value":"z"}`, `,"emails":[{"value":"z","type":"work"}]}`},
		{`,"emails":[{"type":"work","value":"w"}]}`, `emails[type eq "work"]`, `null`, `}`},
		{`,"emails":[{"value":"a"},{"value":"b"}]}`, `emails.type`, `"x"`, `,"emails":[{"value":"a","type":"x"},{"value":"b","type":"x"}]}`},
		{`}`, scim.UserURN + ":title", `"t"`, `,"title":"t"}`},
		{`}`, "title", `[]`, `}`},
	} {
		r := resource(t, user+c.before)
		if err := r.Put(path(t, c.path), value(t, c.value)); err != nil {
			t.Errorf("%s = %s: %v", c.path, c.value, err)
		}
		if got := r.String(); got != user+c.after {
			t.Errorf("%s = %s on %s:\n got %s\nwant %s", c.path, c.value, c.before, got, user+c.after)
		}
	}
}

func TestPutKeepsExtensionsInOrder(t *testing.T) {
	t.Parallel()
	r := scim.NewResource(scim.UserURN)
	dept, mgr := path(t, "enterprise.department"), path(t, "enterprise.manager.value")
	if err := r.Put(dept, scim.String("Engines")); err != nil {
		t.Fatal(err)
	}
	if err := r.Put(mgr, scim.String("7")); err != nil {
		t.Fatal(err)
	}
	if got := r.String(); got != `{"schemas":["`+scim.UserURN+`","`+scim.EnterpriseUserURN+`"],"`+scim.EnterpriseUserURN+`":{"department":"Engines","manager":{"value":"7"}}}` {
		t.Error(got)
	}
	if !r.Remove(dept) || !r.HasSchema(scim.EnterpriseUserURN) || r.Remove(dept) {
		t.Error("one attribute removed, one left")
	}
	if !r.Remove(mgr) || r.String() != `{"schemas":["`+scim.UserURN+`"]}` {
		t.Errorf("the extension goes with its last attribute: %s", r)
	}
}

func TestPutRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`emails[type ne "work"].value`: scim.NoTarget,
		`userName.x`:                   scim.InvalidPath,
		scim.UserURN:                   scim.InvalidValue,
	} {
		r := resource(t, `{"schemas":["`+scim.UserURN+`"],"userName":"a"}`)
		before := r.String()
		err := r.Put(path(t, text), scim.String("x"))
		if e := scim.ErrorOf(err); e == nil || e.ScimType != want {
			t.Errorf("%s: %v", text, err)
		}
		if r.String() != before {
			t.Errorf("%s: changed all the same: %s", text, r)
		}
	}
	if err := scim.NewResource().Put(scim.Path{}, scim.Bool(true)); err == nil {
		t.Error("a path that names nothing")
	}
}

func TestPutLeavesClonesAlone(t *testing.T) {
	t.Parallel()
	u := user(t)
	before := u.String()
	c := u.Clone()
	for _, p := range paths(t, "name.givenName", `emails[type eq "work"].value`, "enterprise.department", "enterprise.manager.value", "title") {
		if err := c.Put(p, scim.String("changed")); err != nil {
			t.Fatal(err)
		}
	}
	c.Remove(path(t, `emails[type eq "home"]`))
	c.Remove(path(t, "enterprise"))
	if u.String() != before {
		t.Errorf("the original changed: %s", u)
	}
}

func TestMembers(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		`{"displayName":"g"}`: {}, `{"members":[]}`: {}, `{"members":null}`: {}, `{"members":7}`: {},
		`{"members":[{"value":"b"},{"value":"a","display":"A"},{"display":"nobody"},{"value":""},7]}`: {"b", "a"},
		`{"members":{"value":"alone"}}`: {"alone"},
	} {
		r, err := scim.ParseResource([]byte(text), scim.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Members(); !slices.Equal(got, want) {
			t.Errorf("%s: %v", text, got)
		}
	}
}
