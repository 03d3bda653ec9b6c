// SPDX-License-Identifier: Apache-2.0

package scim_test

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/usher-id/usher/scim"
)

func ExampleParseResource() {
	u, err := scim.ParseResource([]byte(`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ada","active":true}`), scim.Limits{})
	if err != nil {
		fmt.Println(err)
		return
	}
	active, _ := u.Active()
	fmt.Println(u.UserName(), active)

	_, err = scim.ParseResource([]byte(`{"userName":"ada","emails":[{"value":"a","VALUE":"b"}]}`), scim.Limits{})
	fmt.Println(err)
	// Output:
	// ada true
	// scim: json /emails/0/VALUE at byte 41: the name occurs twice in this object
}

func ExampleResource_At() {
	u, _ := scim.ParseResource([]byte(`{"emails":[{"type":"home","value":"h@x.example"},{"type":"work","value":"w@x.example"}]}`), scim.Limits{})
	work, ok := u.At(scim.MustPath(`emails[type eq "work"].value`))
	fmt.Println(work, ok)
	all, _ := u.At(scim.MustPath("emails.value"))
	fmt.Println(all)
	// Output:
	// "w@x.example" true
	// ["h@x.example","w@x.example"]
}

func ExampleResource_Put() {
	department, _ := scim.CoreSchemas().ParsePath("enterprise.department")
	u := scim.NewResource(scim.UserURN)
	u.Set("userName", scim.String("ada"))
	_ = u.Put(scim.MustPath(`emails[type eq "work"].value`), scim.String("ada@acme.example"))
	_ = u.Put(department, scim.String("Engines"))
	fmt.Println(u)
	u.Remove(department)
	fmt.Println(u.Schemas())
	// Output:
	// {"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],"userName":"ada","emails":[{"type":"work","value":"ada@acme.example"}],"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"Engines"}}
	// [urn:ietf:params:scim:schemas:core:2.0:User]
}

func ExampleParseFilter() {
	f, err := scim.ParseFilter(`userName sw "ad" AND not(active eq false)`, scim.FilterLimits{})
	fmt.Println(f, err)
	_, err = scim.ParseFilter(`userName is "ada"`, scim.FilterLimits{})
	fmt.Println(err)
	// Output:
	// userName sw "ad" and not (active eq false) <nil>
	// scim: filter at byte 9: unknown operator
}

func ExampleEq() {
	f := scim.AndOf(
		scim.Eq(scim.MustPath("userName"), `ada" or userName pr or userName eq "`),
		scim.Eq(scim.MustPath("externalId"), "e-1"),
	)
	fmt.Println(f)
	// Output:
	// userName eq "ada\" or userName pr or userName eq \"" and externalId eq "e-1"
}

func ExampleSchemaSet_Match() {
	u, _ := scim.ParseResource([]byte(`{"userName":"Ada","externalId":"E1"}`), scim.Limits{})
	for _, text := range []string{`userName eq "ADA"`, `externalId eq "e1"`} {
		f, _ := scim.ParseFilter(text, scim.FilterLimits{})
		fmt.Println(text, scim.CoreSchemas().Match(scim.UserURN, f, u))
	}
	// Output:
	// userName eq "ADA" true
	// externalId eq "e1" false
}

func ExampleSchemaSet_Lookup() {
	set := scim.CoreSchemas()
	p, _ := set.ParsePath("usher.startDate")
	a, ok := set.Lookup(scim.UserURN, p)
	fmt.Println(p, a.Type, a.MultiValued, ok)
	// Output:
	// urn:usher:params:scim:schemas:extension:lifecycle:2.0:User:startDate dateTime false true
}

func ExampleDiff() {
	before, _ := scim.ParseResource([]byte(`{"displayName":"Ada","title":"Analyst","emails":[{"value":"a"},{"value":"b"}]}`), scim.Limits{})
	after, _ := scim.ParseResource([]byte(`{"displayName":"Ada L.","emails":[{"value":"b"},{"value":"a"}]}`), scim.Limits{})
	changes := scim.Diff(scim.CoreSchemas(), scim.UserURN,
		[]scim.Path{scim.MustPath("displayName"), scim.MustPath("title"), scim.MustPath("emails")}, before, after)
	for _, c := range changes {
		fmt.Println(c.Path, c.Before, "to", c.After)
	}
	data, _ := json.Marshal(scim.ToPatch(changes))
	fmt.Println(string(data))
	// Output:
	// displayName "Ada" to "Ada L."
	// title "Analyst" to null
	// {"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"displayName","value":"Ada L."},{"op":"remove","path":"title"}]}
}

func ExamplePatch_Apply() {
	group, _ := scim.ParseResource([]byte(`{"displayName":"Engines","members":[{"value":"1"}]}`), scim.Limits{})
	patch, err := scim.ParsePatch([]byte(`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
		"Operations":[{"op":"add","path":"members","value":[{"value":"1"},{"value":"2"}]}]}`), scim.Limits{})
	if err != nil {
		fmt.Println(err)
		return
	}
	after, err := patch.Apply(scim.CoreSchemas(), scim.GroupURN, group, scim.PatchRules{})
	fmt.Println(after, err)
	// Output:
	// {"displayName":"Engines","members":[{"value":"1"},{"value":"2"}]} <nil>
}

func ExampleErrorOf() {
	_, err := scim.ParsePath("emails[0].value")
	data, _ := json.Marshal(scim.ErrorOf(err))
	fmt.Println(string(data))
	// Output:
	// {"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"400","scimType":"invalidPath","detail":"path at byte 7: an attribute name is wanted"}
}

func ExampleParseListResponse() {
	l, err := scim.ParseListResponse([]byte(`{"totalResults":1,"Resources":[{"id":"7"}]}`), scim.Limits{})
	fmt.Println(l.TotalResults, l.Resources[0].ID(), err)
	_, err = scim.ParseListResponse([]byte(`{}`), scim.Limits{})
	fmt.Println(err)
	// Output:
	// 1 7 <nil>
	// scim: json at byte 0: neither Resources nor totalResults: this is no list
}

func ExampleParseValue() {
	v, err := scim.ParseValue([]byte(`[1, 1.0, "1", null]`), scim.Limits{})
	list, _ := v.AsList()
	for _, e := range list {
		fmt.Print(e.Kind(), " ")
	}
	fmt.Println(err)
	_, err = scim.ParseValue([]byte(`[[[[1]]]]`), scim.Limits{MaxDepth: 3})
	fmt.Println(errors.Is(err, scim.ErrLimit), err)
	// Output:
	// integer decimal string null <nil>
	// true scim: json /0/0/0 at byte 3: more than 3 levels of nesting
}

func ExampleNewResource() {
	u := scim.NewResource(scim.UserURN)
	u.Set("userName", scim.String("ada"))
	u.SetActive(true)
	data, err := json.Marshal(u)
	fmt.Println(string(data), err)
	// Output:
	// {"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ada","active":true} <nil>
}

func ExampleParsePath() {
	p, err := scim.ParsePath(`emails[type eq "work"].value`)
	fmt.Println(p.Attr, "|", p.Filter, "|", p.Sub, err)
	p, err = scim.ParsePath("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value")
	fmt.Println(p.URN, p.Attr, p.Sub, err)
	// Output:
	// emails | type eq "work" | value <nil>
	// urn:ietf:params:scim:schemas:extension:enterprise:2.0:User manager value <nil>
}

func ExampleFilterRules() {
	set := scim.CoreSchemas()
	for _, text := range []string{`active eq true`, `active gt true`, `shoeSize eq 43`, `password sw "a"`} {
		_, err := scim.FilterRules{}.Parse(set, scim.UserURN, text, scim.FilterLimits{})
		fmt.Println(text, "→", err)
	}
	f, err := scim.FilterRules{StringBooleans: true}.Parse(set, scim.UserURN, `active eq "True"`, scim.FilterLimits{})
	fmt.Println(f, err)
	// Output:
	// active eq true → <nil>
	// active gt true → scim: 400 invalidFilter: active is boolean: it has no gt with boolean
	// shoeSize eq 43 → scim: 400 invalidFilter: shoeSize is not in the schemas
	// password sw "a" → scim: 403 sensitive: password cannot be searched for
	// active eq true <nil>
}

func ExampleSchemaSet_With() {
	set, err := scim.CoreSchemas().With(scim.Schema{
		ID:   "urn:acme:params:scim:schemas:extension:badge:2.0:User",
		Name: "Badge",
		Attributes: []scim.Attribute{
			{Name: "number", Uniqueness: scim.UniqueServer},
			{Name: "doors", MultiValued: true, Type: scim.TypeInteger},
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	set, err = set.WithAlias("badge", "urn:acme:params:scim:schemas:extension:badge:2.0:User")
	if err != nil {
		fmt.Println(err)
		return
	}
	p, _ := set.ParsePath("badge.doors")
	a, _ := set.Lookup(scim.UserURN, p)
	fmt.Println(p, a.Type, a.MultiValued, a.Mutability)
	// Output:
	// urn:acme:params:scim:schemas:extension:badge:2.0:User:doors integer true readWrite
}

func ExampleParseSchema() {
	s, err := scim.ParseSchema([]byte(`{"id":"urn:acme:params:scim:schemas:core:2.0:Badge","name":"Badge",
		"attributes":[{"name":"number","type":"String","mutability":"readonly"}]}`), scim.Limits{})
	fmt.Println(s.Name, s.Attributes[0].Type, s.Attributes[0].Mutability, s.Attributes[0].Returned, err)
	// Output:
	// Badge string readOnly default <nil>
}

func ExampleAttribute_Same() {
	members, _ := scim.CoreSchemas().Lookup(scim.GroupURN, scim.MustPath("members"))
	sent, _ := scim.ParseValue([]byte(`[{"value":"1"},{"value":"2"}]`), scim.Limits{})
	read, _ := scim.ParseValue([]byte(`[{"value":"2","display":"Bob","$ref":"../Users/2"},{"value":"1","type":"User"}]`), scim.Limits{})
	fmt.Println(members.Same(sent, read), sent.Equal(read))
	// Output:
	// true false
}

func ExampleToPatch() {
	before, _ := scim.ParseResource([]byte(`{"name":{"givenName":"Ada","familyName":"Byron","middleName":"A."}}`), scim.Limits{})
	after, _ := scim.ParseResource([]byte(`{"name":{"givenName":"Ada","familyName":"Lovelace"},"emails":[{"type":"work","value":"ada@acme.example"}]}`), scim.Limits{})
	paths := []scim.Path{scim.MustPath("name"), scim.MustPath(`emails[type eq "work"].value`)}
	for _, op := range scim.ToPatch(scim.Diff(scim.CoreSchemas(), scim.UserURN, paths, before, after)) {
		fmt.Println(op.Op, op.Path, op.Value)
	}
	// Output:
	// add emails [{"type":"work","value":"ada@acme.example"}]
	// replace name {"givenName":"Ada","familyName":"Lovelace"}
	// remove name.middleName null
}

// Entra, in its default mode, removes a member so. Read by the letter, the request
// would empty the group.
func ExamplePatchRules() {
	group, _ := scim.ParseResource([]byte(`{"displayName":"Engines","members":[{"value":"1"},{"value":"2"}]}`), scim.Limits{})
	request := []byte(`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
		"Operations":[{"op":"Remove","path":"members","value":[{"value":"1"}]}]}`)
	for _, rules := range []scim.PatchRules{{}, {RemoveWithValueArray: true}} {
		patch, err := rules.Parse(request, scim.Limits{})
		if err != nil {
			fmt.Println(err)
			continue
		}
		after, err := patch.Apply(scim.CoreSchemas(), scim.GroupURN, group, rules)
		fmt.Println(after, err)
	}
	// Output:
	// null scim: 400 invalidValue: operation 1: remove takes no value; name elements by a filter in the path
	// {"displayName":"Engines","members":[{"value":"2"}]} <nil>
}

func ExampleParsePatch() {
	patch, err := scim.ParsePatch([]byte(`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
		"Operations":[{"op":"Replace","value":{"active":false}},{"op":"remove","path":"members[value eq \"1\"]"}]}`), scim.Limits{})
	for _, op := range patch {
		fmt.Println(op.Op, op.Path != nil, op.Value)
	}
	fmt.Println(err)
	_, err = scim.ParsePatch([]byte(`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"remove"}]}`), scim.Limits{})
	fmt.Println(err)
	// Output:
	// replace false {"active":false}
	// remove true null
	// <nil>
	// scim: 400 noTarget: operation 1: remove wants a path
}

func ExampleParseError() {
	e, err := scim.ParseError([]byte(`{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"409","scimType":"uniqueness","detail":"userName is taken"}`))
	fmt.Println(e.Status, e.ScimType, e.Detail, err)
	// Output:
	// 409 uniqueness userName is taken <nil>
}

func ExampleListResponse() {
	u := scim.NewResource(scim.UserURN)
	u.SetID("7")
	data, err := json.Marshal(scim.ListResponse{TotalResults: 1, StartIndex: 1, ItemsPerPage: 1, Resources: []*scim.Resource{u}})
	fmt.Println(string(data), err)
	// Output:
	// {"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":1,"startIndex":1,"itemsPerPage":1,"Resources":[{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"id":"7"}]} <nil>
}

func ExampleParseDateTime() {
	t, ok := scim.ParseDateTime("2026-01-02T04:04:05+01:00")
	fmt.Println(scim.DateTime(t), ok)
	_, ok = scim.ParseDateTime("2026-01-02")
	fmt.Println(ok)
	// Output:
	// "2026-01-02T03:04:05Z" true
	// false
}

func ExampleCatalog_With() {
	c, err := scim.CoreCatalog().With("device.json", []byte(`[
		{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"], "id": "urn:example:scim:Device", "name": "Device", "attributes": [
			{"name": "serial", "type": "string", "multiValued": false, "uniqueness": "server"}]},
		{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"], "name": "Device", "endpoint": "/Devices", "schema": "urn:example:scim:Device"}]`))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, t := range c.ResourceTypes {
		fmt.Println(t.Name, t.Endpoint)
	}
	_, err = c.With("again.json", []byte(`{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
		"name": "Gadget", "endpoint": "/devices", "schema": "urn:example:scim:Device"}`))
	fmt.Println(err)
	// Output:
	// User /Users
	// Group /Groups
	// Device /Devices
	// again.json: resource type Gadget: its endpoint /devices is that of Device
}

func ExampleCatalog_WithExperiments() {
	c, err := scim.CoreCatalog().WithExperiments("agents")
	if err != nil {
		fmt.Println(err)
		return
	}
	a, _ := c.Schemas.Lookup(scim.AgentURN, scim.MustPath("agentUserName"))
	fmt.Println(a.Uniqueness, a.CaseExact)
	// Output:
	// server false
}
