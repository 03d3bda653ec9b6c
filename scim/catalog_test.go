// SPDX-License-Identifier: Apache-2.0

package scim_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/usher-id/usher/scim"
)

const (
	deviceURN    = "urn:example:params:scim:schemas:core:1.0:Device"
	deviceSchema = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Schema"],"id":"urn:example:params:scim:schemas:core:1.0:Device","name":"Device","attributes":[
		{"name":"serial","type":"string","multiValued":false,"required":true,"uniqueness":"server","caseExact":true},
		{"name":"ports","type":"complex","multiValued":true,"subAttributes":[{"name":"value","type":"integer","multiValued":false}]}]}`
	deviceType = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],"name":"Device","endpoint":"/Devices","schema":"urn:example:params:scim:schemas:core:1.0:Device"}`
)

// A type that is read is that type, with what is left out as RFC 7643 §2.2 has it.
func TestCatalog(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"schema first": "[" + deviceSchema + "," + deviceType + "]", "type first": "[" + deviceType + "," + deviceSchema + "]",
		"as RFC 7643 §8.7.1 prints it": "[" + strings.Replace(deviceSchema, `"schemas":["urn:ietf:params:scim:schemas:core:2.0:Schema"],`, `"meta":{"resourceType":"Schema"},`, 1) + "," + deviceType + "]",
	} {
		c, err := scim.CoreCatalog().With("device.json", []byte(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := c.ResourceTypes[len(c.ResourceTypes)-1]
		if len(c.ResourceTypes) != 3 || got.ID != "Device" || got.Endpoint != "/Devices" || got.Schema != deviceURN {
			t.Errorf("%s: %+v", name, c.ResourceTypes)
		}
		a, ok := c.Schemas.Lookup(deviceURN, path(t, "serial"))
		if !ok || !a.Required || !a.CaseExact || a.Uniqueness != scim.UniqueServer || a.Mutability != scim.ReadWrite || a.Returned != scim.ReturnedDefault {
			t.Errorf("%s: %+v", name, a)
		}
	}
	core := scim.CoreCatalog()
	if _, ok := core.Schemas.Schema(deviceURN); ok || len(core.ResourceTypes) != 2 {
		t.Error("the core has changed")
	}
	// One file after the other, from nothing.
	c, err := scim.Catalog{}.With("schema.json", []byte(deviceSchema))
	if err == nil {
		c, err = c.With("type.json", []byte(deviceType))
	}
	if err != nil || len(c.ResourceTypes) != 1 || len(c.Schemas.Schemas()) != 1 {
		t.Errorf("%+v, %v", c, err)
	}
}

// Each mistake is named with the file, and the schema with its attribute or the type.
func TestCatalogRefuses(t *testing.T) {
	t.Parallel()
	schema := func(old, with string) string {
		if !strings.Contains(deviceSchema, old) {
			t.Fatalf("%q is not there", old)
		}
		return "[" + strings.Replace(deviceSchema, old, with, 1) + "," + deviceType + "]"
	}
	typ := func(old, with string) string {
		if !strings.Contains(deviceType, old) {
			t.Fatalf("%q is not there", old)
		}
		return "[" + deviceSchema + "," + strings.Replace(deviceType, old, with, 1) + "]"
	}
	const inSchema, inType = "schema " + deviceURN + ": ", "resource type Device: "
	for _, c := range []struct{ text, want string }{
		{`{`, "json"},
		{`[]`, "nothing is defined"},
		{`[7]`, "element 0: it is no definition"},
		{`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ann"}`, "element 0: it is no definition"},
		{schema(`"name":"serial",`, `"name":"serial","name":"x",`), "the name occurs twice"},
		{schema(`"id":"urn:example:params:scim:schemas:core:1.0:Device"`, `"id":"device"`), "schema device: its id is no URN"},
		{schema(`"id":"urn:example:params:scim:schemas:core:1.0:Device"`, `"id":"urn:example"`), "schema urn:example: its id is no URN"},
		{schema(`"id":"urn:example:params:scim:schemas:core:1.0:Device"`, `"id":"urn:example:a b:Device"`), "its id is no URN"},
		{schema(`"id":"urn:example:params:scim:schemas:core:1.0:Device"`, `"id":"`+scim.UserURN+`"`), "schema " + scim.UserURN + " is there already"},
		{schema(`"name":"Device",`, ``), inSchema + "it has no name"},
		{schema(`"name":"Device",`, `"name":"Device","colour":"red",`), inSchema + `"colour" is no member`},
		{schema(`"name":"serial"`, `"name":"serial","colour":"red"`), inSchema + `attribute serial: "colour" is no member`},
		{schema(`"name":"serial",`, ``), inSchema + "attributes 0: it has no name"},
		{schema(`"name":"serial","type":"string"`, `"name":"serial"`), inSchema + "attribute serial: it has no type"},
		{schema(`"type":"string","multiValued":false`, `"type":"string"`), inSchema + "attribute serial: it has no multiValued"},
		{schema(`"type":"string"`, `"type":"text"`), inSchema + `attribute serial: type: "text" is none of string, complex`},
		{schema(`"type":"string"`, `"type":"String"`), inSchema + `attribute serial: type: "String" is none of`},
		{schema(`"required":true`, `"required":"true"`), inSchema + "attribute serial: required: it is no boolean"},
		{schema(`"required":true`, `"required":[true]`), inSchema + "attribute serial: required is a list"},
		{schema(`"uniqueness":"server"`, `"uniqueness":"yes"`), inSchema + `attribute serial: uniqueness: "yes" is none of none, server, global`},
		{schema(`"uniqueness":"server"`, `"mutability":"sometimes"`), inSchema + `attribute serial: mutability: "sometimes"`},
		{schema(`"uniqueness":"server"`, `"returned":"maybe"`), inSchema + `attribute serial: returned: "maybe"`},
		{schema(`"uniqueness":"server"`, `"mutability":"writeOnly"`), inSchema + "attribute serial: who can only be written is not returned"},
		{schema(`"uniqueness":"server"`, `"referenceTypes":["User"]`), inSchema + "attribute serial: referenceTypes are for"},
		{schema(`"uniqueness":"server"`, `"canonicalValues":"a"`), inSchema + "attribute serial: canonicalValues is a list"},
		{schema(`"type":"string","multiValued":false`, `"type":"string","multiValued":true`), inSchema + "attribute serial: uniqueness is for single strings"},
		{schema(`"type":"string"`, `"type":"integer"`), inSchema + "attribute serial: uniqueness is for single strings"},
		{schema(`"type":"string","multiValued":false,"required":true,"uniqueness":"server"`, `"type":"complex","multiValued":false`), deviceURN + `: attribute "serial": a complex attribute, and no other, has sub-attributes`},
		{schema(`"name":"serial"`, `"name":"serial number"`), `"serial number" is no attribute name`},
		{schema(`"name":"serial"`, `"name":"PORTS"`), `attribute "ports" is defined twice`},
		{schema(`"name":"serial"`, `"name":"externalId"`), inSchema + "attribute externalId: every resource has it"},
		{schema(`"name":"serial"`, `"name":"ID"`), inSchema + "attribute ID: every resource has it"},
		{schema(`"name":"value","type":"integer"`, `"name":"value","type":"complex"`), `attribute "ports"`},
		{schema(`"name":"value","type":"integer"`, `"name":"value","type":"string","uniqueness":"server"`), inSchema + "attribute ports.value: uniqueness is of an attribute"},
		{schema(`"name":"value"`, `"subAttributes":[],"name":"value"`), inSchema + `attribute ports: subAttribute value: "subAttributes" is no member`},
		{schema(`[{"name":"value","type":"integer","multiValued":false}]`, `[7]`), inSchema + "attribute ports: subAttributes 0: it is no object"},
		{`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Schema"],"id":"` + deviceURN + `","name":"Device","attributes":[]}`, inSchema + "it has no attributes"},
		{typ(`"name":"Device",`, ``), "it has no name"},
		{typ(`"endpoint":"/Devices",`, ``), inType + "it has no endpoint"},
		{typ(`"/Devices"`, `"Devices"`), inType + `its endpoint "Devices" is not like /Devices`},
		{typ(`"/Devices"`, `"/v2/Devices"`), inType + `its endpoint "/v2/Devices" is not like`},
		{typ(`"/Devices"`, `"/"`), inType + "its endpoint"},
		{typ(`"/Devices"`, `"/schemas"`), inType + "its endpoint /schemas has another meaning"},
		{typ(`"/Devices"`, `"/users"`), inType + "its endpoint /users is that of User"},
		{typ(`"name":"Device"`, `"name":"user"`), "resource type user: there is one of this name already"},
		{typ(`"name":"Device"`, `"name":"Device","id":"Group"`), inType + "there is one of this name already"},
		{typ(`"name":"Device"`, `"name":"a device"`), "resource type a device: its name is no name"},
		{typ(`"name":"Device"`, `"name":"Device","colour":"red"`), inType + `"colour" is no member`},
		{typ(`"schema":"urn:example`, `"schema":"urn:other`), inType + "there is no schema urn:other"},
		{typ(`"name":"Device"`, `"name":"Device","schemaExtensions":[{"schema":"urn:x:y","required":true}]`), inType + "there is no schema urn:x:y"},
		{typ(`"name":"Device"`, `"name":"Device","schemaExtensions":[{"schema":"`+deviceURN+`","required":true}]`), inType + "it names the schema " + deviceURN + " twice"},
		{typ(`"name":"Device"`, `"name":"Device","schemaExtensions":[{"schema":"urn:x:y"}]`), inType + "schemaExtensions 0: it has no required"},
		{"[" + deviceSchema + "," + deviceType + "," + deviceType + "]", inType + "there is one of this name already"},
	} {
		got, err := scim.CoreCatalog().With("device.json", []byte(c.text))
		if err == nil || !strings.HasPrefix(err.Error(), "device.json: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s\n%v\nwant %q", c.text, err, c.want)
		}
		if len(got.ResourceTypes) != 2 {
			t.Errorf("%s: the catalog has changed", c.text)
		}
	}
}

// What ships is read as strictly, is what its draft says, and is found again in what
// is published of it.
func TestExperiments(t *testing.T) {
	t.Parallel()
	core := scim.CoreCatalog()
	var all []string
	for _, x := range scim.Experiments() {
		all = append(all, x.Name)
		c, err := core.WithExperiments(x.Name)
		if err != nil {
			t.Fatal(err)
		}
		typ := c.ResourceTypes[len(c.ResourceTypes)-1]
		s, ok := c.Schemas.Schema(typ.Schema)
		if typ.Name != x.Type || !ok || !strings.Contains(s.Description, x.Draft) || !strings.Contains(typ.Description, x.Draft) {
			t.Errorf("%s: %+v, %+v", x.Name, typ, s)
		}
		text, err := json.Marshal([]any{s, typ})
		if err != nil {
			t.Fatal(err)
		}
		again, err := core.With("published", text)
		if err != nil {
			t.Fatalf("%s: %v", x.Name, err)
		}
		if got, _ := again.Schemas.Schema(s.ID); fmt.Sprint(got) != fmt.Sprint(s) {
			t.Errorf("%+v\nis published as\n%+v", s, got)
		}
	}
	c, err := core.WithExperiments(all...)
	if err != nil || len(c.ResourceTypes) != 5 {
		t.Fatalf("%+v, %v", c.ResourceTypes, err)
	}
	for what, want := range map[string]string{
		"Agent": "agentUserName displayName description active owners",
		"Role":  "value display type primary supported limitedAssignmentsPermitted totalAssignmentsPermitted totalAssignmentsUsed containedBy contains",
	} {
		s, _ := c.Schemas.Schema("urn:ietf:params:scim:schemas:core:2.0:" + what)
		var names []string
		for _, a := range s.Attributes {
			names = append(names, a.Name)
			if what == "Role" && a.Mutability != scim.ReadOnly {
				t.Errorf("%s can be written", a.Name)
			}
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s has %s", what, got)
		}
	}
	for name, want := range map[string]bool{
		scim.AgentURN + ":agentUserName": true, scim.AgentURN + ":owners.value": true, scim.AgentURN + ":displayName": false,
		scim.RoleURN + ":value": true, scim.RoleURN + ":supported": true, scim.EntitlementURN + ":value": true, scim.EntitlementURN + ":supported": false,
	} {
		if a, ok := c.Schemas.Lookup(scim.UserURN, path(t, name)); !ok || a.Required != want {
			t.Errorf("%s: %+v", name, a)
		}
	}
	if id, ok := c.Schemas.Lookup(scim.RoleURN, path(t, "id")); !ok || !id.CaseExact || id.Returned != scim.ReturnedAlways {
		t.Errorf("id: %+v", id)
	}
	if _, err := core.WithExperiments("agents", "agents"); err == nil {
		t.Error("twice")
	}
	if _, err := core.WithExperiments("gadgets"); err == nil || !strings.Contains(err.Error(), "there are agents, roles, entitlements") {
		t.Error(err)
	}
	if !slices.Equal(all, []string{"agents", "roles", "entitlements"}) {
		t.Error(all)
	}
}
