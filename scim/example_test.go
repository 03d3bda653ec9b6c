// SPDX-License-Identifier: Apache-2.0

package scim_test

import (
	"encoding/json"
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
