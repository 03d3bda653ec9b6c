// SPDX-License-Identifier: Apache-2.0

package scimserver_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimserver"
)

const gadgetURN = "urn:example:gadget:2.0:Gadget"

// gadgets serves a type with a secret within values, and a date.
func gadgets(t *testing.T) func(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	set, err := scim.CoreSchemas().With(scim.Schema{ID: gadgetURN, Name: "Gadget", Attributes: []scim.Attribute{
		{Name: "name", Required: true},
		{Name: "made", Type: scim.TypeDateTime},
		{Name: "parts", Type: scim.TypeComplex, MultiValued: true, SubAttributes: []scim.Attribute{
			{Name: "value"}, {Name: "pin", Returned: scim.ReturnedNever},
		}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	types := []scim.ResourceType{{ID: "Gadget", Name: "Gadget", Endpoint: "/Gadgets", Schema: gadgetURN}}
	h, err := scimserver.New(scimserver.Config{Store: scimserver.NewMemory(set, types), Authorize: scimserver.AllowAll, Schemas: set, ResourceTypes: types})
	if err != nil {
		t.Fatal(err)
	}
	return func(method, path, body string, headers ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		for _, h := range headers {
			name, value, _ := strings.Cut(h, ": ")
			r.Header.Add(name, value)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
}

func gadget(more string) string {
	return `{"schemas":["` + gadgetURN + `"],` + more + `}`
}

func operations(ops string) string {
	return `{"schemas":["` + scim.PatchOpURN + `"],"Operations":[` + ops + `]}`
}

// RFC 7643 §7: what is never returned is not found out piece by piece, by a PATCH
// as little as by a query.
func TestPatchIsNoOracle(t *testing.T) {
	t.Parallel()
	do := gadgets(t)
	do("POST", "/Gadgets", gadget(`"name":"g","parts":[{"value":"a","pin":"123"}]`))
	for _, filter := range []string{`pin sw \"1\"`, `pin sw \"9\"`, `value eq \"a\" and not (pin pr)`} {
		if w := do("PATCH", "/Gadgets/1", operations(`{"op":"replace","path":"parts[`+filter+`].value","value":"b"}`)); w.Code != 403 || !strings.Contains(w.Body.String(), scim.Sensitive) {
			t.Errorf("%s: %d %s", filter, w.Code, w.Body)
		}
	}
	if w := do("PATCH", "/Gadgets/1", operations(`{"op":"replace","path":"parts[value eq \"a\"].pin","value":"456"}`)); w.Code != 200 {
		t.Errorf("a secret can be set: %d %s", w.Code, w.Body)
	}
}

// RFC 7644 §3.4.2.3: instants are sorted as such, whatever their zones.
func TestSortByInstant(t *testing.T) {
	t.Parallel()
	do := gadgets(t)
	do("POST", "/Gadgets", gadget(`"name":"later","made":"2024-01-01T00:00:00Z"`))
	do("POST", "/Gadgets", gadget(`"name":"sooner","made":"2024-01-01T01:00:00+02:00"`))
	text := do("GET", "/Gadgets?sortBy=made", "").Body.String()
	if strings.Index(text, "sooner") > strings.Index(text, "later") {
		t.Error(text)
	}
}

// RFC 7643 §2.1: answers have the schema's spelling; schemas follow from the
// attributes (§3).
func TestPatchSpelling(t *testing.T) {
	t.Parallel()
	do := gadgets(t)
	do("POST", "/Gadgets", gadget(`"name":"g"`))
	w := do("PATCH", "/Gadgets/1", operations(`{"op":"add","path":"PARTS","value":[{"VALUE":"a"}]},{"op":"replace","path":"Schemas","value":["`+gadgetURN+`"]}`))
	if text := w.Body.String(); w.Code != 200 || !strings.Contains(text, `"parts":[{"value":"a"}]`) || !strings.Contains(text, `"schemas":["`+gadgetURN+`"]`) {
		t.Errorf("%d %s", w.Code, text)
	}
	if w := do("PATCH", "/Gadgets/1", operations(`{"op":"replace","path":"Schemas","value":["urn:x"]}`)); w.Code != 400 {
		t.Errorf("schemas that it cannot have: %d %s", w.Code, w.Body)
	}
}

// RFC 9110 §8.8.3: a comma within quotes divides nothing, and what is no entity tag
// matches nothing.
func TestEntityTagLists(t *testing.T) {
	t.Parallel()
	do := gadgets(t)
	tag := do("POST", "/Gadgets", gadget(`"name":"g"`)).Header().Get("ETag")
	for header, want := range map[string]int{
		tag: 304, `"x,` + tag: 200, `"a,b", ` + tag: 304, `x, ` + tag: 200, `"`: 200, `W/`: 200, `, ,` + tag + `,`: 304, strings.TrimPrefix(tag, "W/"): 304, `W/*`: 200,
	} {
		if w := do("GET", "/Gadgets/1", "", "If-None-Match: "+header); w.Code != want {
			t.Errorf("%s: %d, want %d", header, w.Code, want)
		}
	}
	if w := do("DELETE", "/Gadgets/1", "", `If-Match: "x,`+tag); w.Code != 412 {
		t.Errorf("a broken If-Match: %d", w.Code)
	}
}

// RFC 9110 §8.4: an encoding that is not undone is refused, and not read as if it
// were none.
func TestContentEncoding(t *testing.T) {
	t.Parallel()
	do := gadgets(t)
	for coding, want := range map[string]int{"gzip": 415, "identity": 201} {
		if w := do("POST", "/Gadgets", gadget(`"name":"g"`), "Content-Encoding: "+coding); w.Code != want {
			t.Errorf("%s: %d", coding, w.Code)
		}
	}
}

func TestNewRefusesWhatCannotWork(t *testing.T) {
	t.Parallel()
	m := scimserver.NewMemory(nil, nil)
	typ := func(name, endpoint string) scim.ResourceType {
		return scim.ResourceType{ID: name, Name: name, Endpoint: endpoint, Schema: scim.UserURN}
	}
	for name, c := range map[string]scimserver.Config{
		"a negative limit":   {Limits: scimserver.Limits{Page: -1}},
		"a reserved place":   {ResourceTypes: []scim.ResourceType{typ("X", "/Me")}},
		"a discovery place":  {ResourceTypes: []scim.ResourceType{typ("X", "/Schemas")}},
		"one endpoint twice": {ResourceTypes: []scim.ResourceType{typ("X", "/X"), typ("Y", "/X")}},
		"one name twice":     {ResourceTypes: []scim.ResourceType{typ("X", "/X"), typ("X", "/Y")}},
	} {
		c.Store, c.Authorize = m, scimserver.AllowAll
		if _, err := scimserver.New(c); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

// nameless fails with an error that is no answer.
type nameless struct{ scimserver.Store }

func (nameless) Get(context.Context, string, string) (*scim.Resource, error) {
	return nil, &scim.Error{Detail: "disk 7"}
}

// A store's *scim.Error without a status is a failure like any other, and no panic.
func TestErrorWithoutStatus(t *testing.T) {
	t.Parallel()
	h, err := scimserver.New(scimserver.Config{Store: nameless{}, Authorize: scimserver.AllowAll})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/Users/1", nil))
	if w.Code != 500 || strings.Contains(w.Body.String(), "disk") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// The short names of configurations mean nothing on the wire.
func TestNoAliasesOnTheWire(t *testing.T) {
	t.Parallel()
	h, err := scimserver.New(scimserver.Config{Store: scimserver.NewMemory(nil, nil), Authorize: scimserver.AllowAll})
	if err != nil {
		t.Fatal(err)
	}
	do := func(method, path, body string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
		return w
	}
	do("POST", "/Users", `{"schemas":["`+scim.UserURN+`"],"userName":"a","enterprise.department":"x","enterprise":{"department":"x"}}`)
	do("PATCH", "/Users/1", operations(`{"op":"add","value":{"enterprise.department":"x"}}`))
	do("PATCH", "/Users/1", operations(`{"op":"add","path":"enterprise.department","value":"x"}`))
	if text := do("GET", "/Users/1", "").Body.String(); strings.Contains(text, "department") {
		t.Error(text)
	}
	if w := do("GET", "/Users?filter=enterprise.department%20eq%20%22x%22", ""); w.Code != 400 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// Everybody may see how to authenticate, unless that is private too; a credential that
// does not hold is refused all the same.
func TestWhoSeesTheConfig(t *testing.T) {
	t.Parallel()
	for _, private := range []bool{false, true} {
		s := newServer(t, func(c *scimserver.Config) { c.Authorize, c.Private = scimserver.BearerToken("secret"), private })
		anybody := 200
		if private {
			anybody = 401
		}
		s.do("GET", "/ServiceProviderConfig", "").want(anybody, "")
		s.do("GET", "/ServiceProviderConfig", "", "Authorization: Bearer guess").want(401, "")
		s.do("PUT", "/ServiceProviderConfig", "{}").want(401, "")
		for _, path := range []string{"/ServiceProviderConfig/", "/Schemas", "/ResourceTypes", "/Users", "/Users?attributes=/ServiceProviderConfig"} {
			s.do("GET", path, "").want(401, "")
		}
	}
}
