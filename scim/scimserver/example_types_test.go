// SPDX-License-Identifier: Apache-2.0

package scimserver_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimserver"
)

// A file of one's own with a schema (RFC 7643 §7) and a resource type (§6) is all that
// a new type needs.
const device = `[
  {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"], "id": "urn:example:scim:Device", "name": "Device", "attributes": [
    {"name": "serial", "type": "string", "multiValued": false, "required": true, "caseExact": true, "uniqueness": "server"},
    {"name": "label", "type": "string", "multiValued": false}]},
  {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"], "name": "Device", "endpoint": "/Devices", "schema": "urn:example:scim:Device"}
]`

// A resource type of one's own: its name is held to be unique, and its resources are
// found, changed and deleted, by what the schema says.
func Example_resourceTypes() {
	c, err := scim.CoreCatalog().With("device.json", []byte(device))
	if err != nil {
		panic(err)
	}
	h, err := scimserver.New(scimserver.Config{
		Schemas: c.Schemas, ResourceTypes: c.ResourceTypes,
		Store: scimserver.NewMemory(c.Schemas, c.ResourceTypes), Authorize: scimserver.AllowAll,
	})
	if err != nil {
		panic(err)
	}
	srv := httptest.NewServer(h)
	defer srv.Close()
	for _, request := range []string{
		`POST /Devices {"schemas":["urn:example:scim:Device"],"serial":"A1","label":"Printer"}`,
		`POST /Devices {"schemas":["urn:example:scim:Device"],"serial":"A1"}`,
		`PATCH /Devices/1 {"schemas":["` + scim.PatchOpURN + `"],"Operations":[{"op":"replace","path":"label","value":"Press"}]}`,
		`GET /Devices?filter=label+eq+%22PRESS%22&attributes=serial `,
		`DELETE /Devices/1 `,
	} {
		parts := strings.SplitN(request, " ", 3)
		r, err := http.NewRequest(parts[0], srv.URL+parts[1], strings.NewReader(parts[2]))
		if err != nil {
			panic(err)
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			panic(err)
		}
		_ = res.Body.Close()
		fmt.Println(parts[0], res.StatusCode)
	}
	// Output:
	// POST 201
	// POST 409
	// PATCH 200
	// GET 200
	// DELETE 204
}
