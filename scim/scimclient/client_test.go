// SPDX-License-Identifier: Apache-2.0

package scimclient_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimclient"
)

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for _, base := range []string{
		"", "app.example", "/scim/v2", "ftp://app.example", "https://", "https://:443", "://", "https://app.example/%zz",
		"https://user:hunter2@app.example", "https://hunter2@app.example",
		"https://app.example/scim?key=hunter2", "https://app.example/scim?", "https://app.example/#hunter2", "https://app.example/#",
	} {
		_, err := scimclient.New(scimclient.Config{BaseURL: base})
		if err == nil {
			t.Errorf("%q is accepted", base)
			continue
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: the error shows it: %v", base, err)
		}
	}
	for name, cfg := range map[string]scimclient.Config{
		"user agent": {BaseURL: "https://app.example", UserAgent: "a\r\nb"},
		"timeout":    {BaseURL: "https://app.example", Timeout: -1},
		"unbounded":  {BaseURL: "https://app.example", Limits: scim.Limits{MaxBytes: -1}},
	} {
		if _, err := scimclient.New(cfg); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestStringHasNoSecret(t *testing.T) {
	t.Parallel()
	c := newClient(t, nil)
	for _, s := range []string{c.String(), fmt.Sprintf("%v %+v %#v", c, c, c)} {
		if strings.Contains(s, secret) || !strings.Contains(s, "/scim/v2") {
			t.Errorf("%q", s)
		}
	}
}

// TestRequests holds what goes over the wire, byte for byte.
func TestRequests(t *testing.T) {
	t.Parallel()
	type seen struct{ line, body, contentType, ifMatch string }
	var got seen
	c := newClient(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = seen{r.Method + " " + r.RequestURI, string(body), r.Header.Get("Content-Type"), r.Header.Get("If-Match")}
		if a := r.Header.Get("Authorization"); a != "Bearer "+secret {
			t.Errorf("Authorization %q", a)
		}
		if a := r.Header.Get("Accept"); !strings.HasPrefix(a, "application/scim+json") {
			t.Errorf("Accept %q", a)
		}
		if a := r.Header.Get("X-Request-Id"); a != "req-1" {
			t.Errorf("X-Request-Id %q", a)
		}
		if a := r.Header.Get("Traceparent"); a != "00-aa-bb-01" {
			t.Errorf("traceparent %q", a)
		}
		if a := r.Header.Get("Tracestate"); a != "usher=1, other=2" {
			t.Errorf("tracestate %q", a)
		}
		if a := r.Header.Get("User-Agent"); a != "scimclient" {
			t.Errorf("User-Agent %q", a)
		}
		w.Header().Set("Content-Type", "application/scim+json")
		w.Header().Set("ETag", `W/"2"`)
		switch {
		case r.Method == http.MethodDelete:
			w.WriteHeader(http.StatusNoContent)
		case strings.HasPrefix(r.RequestURI, "/scim/v2/Users?") || strings.HasSuffix(r.RequestURI, ".search"):
			_, _ = io.WriteString(w, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":0}`)
		default:
			_, _ = io.WriteString(w, alice)
		}
	})
	ctx := scimclient.WithTraceparent(scimclient.WithRequestID(t.Context(), "req-1"), "00-aa-bb-01")
	ctx = scimclient.WithTracestate(ctx, "usher=1, other=2")
	const scimJSON = "application/scim+json"
	user := scim.NewResource(scim.UserURN)
	user.Set("userName", scim.String("alice"))
	path := scim.MustPath(`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department`)
	patch := scim.Patch{{Op: "replace", Path: &path, Value: scim.String("R&D")}}
	query := scimclient.Query{
		Filter: scim.Eq(scim.MustPath("userName"), `a+b "c"&d=e`), Attributes: []string{"id", "userName"},
		SortBy: "userName", Descending: true, StartIndex: 11, Count: 10,
	}
	do := func(name string, want seen, f func() (scimclient.Answer, error)) {
		t.Helper()
		a, err := f()
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got != want {
			t.Errorf("%s:\n got %+v\nwant %+v", name, got, want)
		}
		if a.RequestID != "req-1" || a.Status == 0 || a.ETag != `W/"2"` || a.Elapsed <= 0 {
			t.Errorf("%s: answer %+v", name, a)
		}
	}
	do("create", seen{"POST /scim/v2/Users", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"alice"}`, scimJSON, ""},
		func() (scimclient.Answer, error) { return c.Create(ctx, "/Users", user) })
	do("get", seen{line: "GET /scim/v2/Users/1?attributes=userName%2Cactive"},
		func() (scimclient.Answer, error) {
			return c.Get(ctx, "/Users", "1", scimclient.Attributes("userName", "active"))
		})
	do("replace", seen{"PUT /scim/v2/Users/1", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"alice"}`, scimJSON, `W/"1"`},
		func() (scimclient.Answer, error) {
			return c.Replace(ctx, "/Users", "1", user, scimclient.IfMatch(`W/"1"`))
		})
	do("patch", seen{"PATCH /scim/v2/Users/1", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department","value":"R&D"}]}`, scimJSON, ""},
		func() (scimclient.Answer, error) { return c.Patch(ctx, "/Users", "1", patch) })
	do("delete", seen{line: "DELETE /scim/v2/Users/a%2F..%2Fb%3F"},
		func() (scimclient.Answer, error) { return c.Delete(ctx, "/Users", "a/../b?") })
	do("me", seen{line: "GET /scim/v2/Me"},
		func() (scimclient.Answer, error) { return c.Me(ctx) })
	do("create me", seen{"POST /scim/v2/Me", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"alice"}`, scimJSON, ""},
		func() (scimclient.Answer, error) { return c.CreateMe(ctx, user) })
	do("replace me", seen{"PUT /scim/v2/Me", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"alice"}`, scimJSON, `W/"1"`},
		func() (scimclient.Answer, error) { return c.ReplaceMe(ctx, user, scimclient.IfMatch(`W/"1"`)) })
	do("patch me", seen{"PATCH /scim/v2/Me", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"active","value":false}]}`, scimJSON, ""},
		func() (scimclient.Answer, error) {
			active := scim.MustPath("active")
			return c.PatchMe(ctx, scim.Patch{{Op: "replace", Path: &active, Value: scim.Bool(false)}})
		})
	do("delete me", seen{line: "DELETE /scim/v2/Me"},
		func() (scimclient.Answer, error) { return c.DeleteMe(ctx) })
	do("list", seen{line: "GET /scim/v2/Users?attributes=id%2CuserName&count=10&filter=userName%20eq%20%22a%2Bb%20%5C%22c%5C%22%26d%3De%22&sortBy=userName&sortOrder=descending&startIndex=11"},
		func() (scimclient.Answer, error) { p, err := c.List(ctx, "/Users", query); return p.Answer, err })
	do("first page by cursor", seen{line: "GET /scim/v2/Users?count=10&cursor="},
		func() (scimclient.Answer, error) {
			p, err := c.List(ctx, "/Users", scimclient.Query{UseCursor: true, Count: 10, StartIndex: 3})
			return p.Answer, err
		})
	do("search", seen{
		"POST /scim/v2/Users/.search",
		`{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],"filter":"userName eq \"a+b \\\"c\\\"\u0026d=e\"","attributes":["id","userName"],"sortBy":"userName","sortOrder":"descending","startIndex":11,"count":10}`,
		scimJSON, "",
	},
		func() (scimclient.Answer, error) { p, err := c.Search(ctx, "/Users", query); return p.Answer, err })
}

// TestNotSent holds what never leaves.
func TestNotSent(t *testing.T) {
	t.Parallel()
	c := newClient(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("%s %s arrived", r.Method, r.URL) })
	ctx := t.Context()
	get := func(endpoint, id string, opts ...scimclient.Option) func() error {
		return func() error { _, err := c.Get(ctx, endpoint, id, opts...); return err }
	}
	for name, do := range map[string]func() error{
		"empty id":           get("/Users", ""),
		"dot":                get("/Users", "."),
		"dots":               get("/Users", ".."),
		"endpoint":           get("Users", "1"),
		"endpoint up":        get("/../admin", "1"),
		"endpoint query":     get("/Users?x=", "1"),
		"delete everybody":   func() error { _, err := c.Delete(ctx, "/Users", ""); return err },
		"both attributes":    get("/Users", "1", scimclient.Attributes("a"), scimclient.ExcludedAttributes("b")),
		"version with break": get("/Users", "1", scimclient.IfNoneMatch("a\r\nb")),
		"bulk without operations": func() error {
			_, err := c.Bulk(ctx, 0, nil)
			return err
		},
		"bulk without bulkId": func() error {
			_, err := c.Bulk(ctx, 0, []scimclient.BulkOperation{{Method: "POST", Path: "/Users", Data: scim.NewResource()}})
			return err
		},
		"bulk with a bulkId twice": func() error {
			op := scimclient.BulkOperation{Method: "POST", BulkID: "1", Path: "/Users", Data: scim.NewResource()}
			_, err := c.Bulk(ctx, 0, []scimclient.BulkOperation{op, op})
			return err
		},
		"bulk of reads": func() error {
			_, err := c.Bulk(ctx, 0, []scimclient.BulkOperation{{Method: "GET", Path: "/Users/1", Data: scim.NewResource()}})
			return err
		},
		"bulk that deletes everybody": func() error {
			_, err := c.Bulk(ctx, 0, []scimclient.BulkOperation{{Method: "DELETE", Path: "/Users/"}})
			return err
		},
		"bulk with an address": func() error {
			_, err := c.Bulk(ctx, 0, []scimclient.BulkOperation{{Method: "DELETE", Path: "https://app.example/Users/1"}})
			return err
		},
		"bulk without data": func() error {
			_, err := c.Bulk(ctx, 0, []scimclient.BulkOperation{{Method: "PUT", Path: "/Users/1"}})
			return err
		},
	} {
		if e := errorOf(t, do()); e.Class != scimclient.Terminal || e.Sent {
			t.Errorf("%s: %v, sent %v", name, e, e.Sent)
		}
	}
}

func TestRequestIDs(t *testing.T) {
	t.Parallel()
	var got []string
	c := newClient(t, func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.Header.Get("X-Request-Id"))
		w.WriteHeader(http.StatusNoContent)
	})
	for _, id := range []string{"", "", "a b", "a\r\nb", strings.Repeat("x", 129)} {
		a, err := c.Delete(scimclient.WithRequestID(t.Context(), id), "/Users", "1")
		if err != nil {
			t.Fatal(err)
		}
		if last := got[len(got)-1]; a.RequestID != last || last == id || len(last) < 20 {
			t.Errorf("id %q: sent %q, answered %q", id, last, a.RequestID)
		}
	}
	if got[0] == got[1] {
		t.Error("two requests share an id")
	}
}

func TestNotModified(t *testing.T) {
	t.Parallel()
	c := newClient(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotModified) })
	a, err := c.Get(t.Context(), "/Users", "1", scimclient.IfNoneMatch(`W/"1"`))
	if err != nil || a.Status != http.StatusNotModified || a.Resource != nil {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestBulk(t *testing.T) {
	t.Parallel()
	c := newClient(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		const want = `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"failOnErrors":2,"Operations":[` +
			`{"method":"POST","bulkId":"a","path":"/Users","data":{"schemas":["urn:x"],"userName":"alice"}},` +
			`{"method":"DELETE","version":"W/\"1\"","path":"/Users/2"}]}`
		if string(body) != want {
			t.Errorf("body\n%s\nwant\n%s", body, want)
		}
		w.Header().Set("Content-Type", "application/scim+json")
		_, _ = io.WriteString(w, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkResponse"],"Operations":[
			{"method":"POST","bulkId":"a","location":"https://app.example/Users/9","status":"201"},
			{"method":"DELETE","status":{"code":"412"},"response":{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"detail":"stale","status":"412"}},
			{"method":"PATCH","status":500},
			{"method":"PUT"}]}`)
	})
	user := scim.NewResource("urn:x")
	user.Set("userName", scim.String("alice"))
	a, err := c.Bulk(t.Context(), 2, []scimclient.BulkOperation{
		{Method: "POST", BulkID: "a", Path: "/Users", Data: user},
		{Method: "DELETE", Path: "/Users/2", Version: `W/"1"`},
	})
	if err != nil || len(a.Results) != 4 {
		t.Fatalf("%+v, %v", a, err)
	}
	if r := a.Results[0]; r.Err != nil || r.Status != 201 || r.BulkID != "a" || r.Location == "" {
		t.Errorf("%+v", r)
	}
	for i, want := range []scimclient.Class{1: scimclient.Precondition, 2: scimclient.Ambiguous, 3: scimclient.Ambiguous} {
		if i == 0 {
			continue
		}
		if e := a.Results[i].Err; e == nil || e.Class != want {
			t.Errorf("result %d: %v, want %v", i, e, want)
		}
	}
	if d := a.Results[1].Err.Detail; d != "stale" {
		t.Errorf("detail %q", d)
	}
}

func TestBulkUnusable(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{}`, `{"Operations":[1]}`, `[]`, ``} {
		c := newClient(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, body)
		})
		_, err := c.Bulk(t.Context(), 0, []scimclient.BulkOperation{{Method: "DELETE", Path: "/Users/1"}})
		if e := errorOf(t, err); e.Class != scimclient.Ambiguous {
			t.Errorf("%s: %v", body, e)
		}
	}
}

func TestDiscovery(t *testing.T) {
	t.Parallel()
	c := newClient(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/scim+json")
		list := func(s string) string { return `{"totalResults":1,"resources":[` + s + `]}` }
		_, _ = io.WriteString(w, map[string]string{
			"/scim/v2/ServiceProviderConfig": `{"patch":{"supported":true},"bulk":{"supported":"True","maxOperations":5,"maxPayloadSize":-1},
				"filter":{"supported":true,"maxResults":200},"sort":{"supported":false},"pagination":{"cursor":true,"index":true,"maxPageSize":50,"defaultPaginationMethod":"cursor","cursorTimeout":60},
				"documentationUri":"https://app.example/doc","authenticationSchemes":[{"type":"oauthbearertoken","name":"OAuth","description":"d","primary":true},1]}`,
			"/scim/v2/ResourceTypes/User": `{"name":"User","endpoint":"/Users","schema":"urn:ietf:params:scim:schemas:core:2.0:User"}`,
			"/scim/v2/Schemas/urn:x":      `{"id":"urn:x","name":"X","attributes":[{"name":"a"}]}`,
			"/scim/v2/Schemas/broken":     `{"name":"X"}`,
			"/scim/v2/ResourceTypes":      list(`{"name":"User","endpoint":"/Users","schema":"urn:ietf:params:scim:schemas:core:2.0:User"}`),
			"/scim/v2/Schemas":            list(`{"id":"urn:x","name":"X","attributes":[{"name":"a","type":"string","multiValued":false}]}`),
		}[r.URL.Path])
	})
	spc, a, err := c.ServiceProviderConfig(t.Context())
	if err != nil || a.Status != 200 || spc.Resource == nil {
		t.Fatalf("%+v, %v", spc, err)
	}
	spc.Resource = nil
	if want := (scimclient.ServiceProviderConfig{
		Patch: true, Bulk: true, BulkMaxOperations: 5, Filter: true, FilterMaxResults: 200,
		CursorPaging: true, IndexPaging: true, MaxPageSize: 50,
		DefaultPaging: "cursor", CursorTimeout: time.Minute, DocumentationURI: "https://app.example/doc",
		AuthenticationSchemes: []scimclient.AuthenticationScheme{{Type: "oauthbearertoken", Name: "OAuth", Description: "d", Primary: true}},
	}); !reflect.DeepEqual(spc, want) {
		t.Errorf("%+v", spc)
	}
	if rt, _, err := c.ResourceType(t.Context(), "User"); err != nil || rt.Schema != scim.UserURN {
		t.Errorf("%+v, %v", rt, err)
	}
	if s, _, err := c.Schema(t.Context(), "urn:x"); err != nil || s.Attributes[0].Name != "a" {
		t.Errorf("%+v, %v", s, err)
	}
	for _, name := range []string{"", "..", "broken"} {
		_, _, err := c.Schema(t.Context(), name)
		if e := errorOf(t, err); (e.Class == scimclient.Terminal) != (name != "broken") {
			t.Errorf("%q: %v", name, e)
		}
	}
	types, _, err := c.ResourceTypes(t.Context())
	if err != nil || len(types) != 1 || types[0].Endpoint != "/Users" {
		t.Errorf("%+v, %v", types, err)
	}
	schemas, _, err := c.Schemas(t.Context())
	if err != nil || len(schemas) != 1 || schemas[0].ID != "urn:x" || len(schemas[0].Attributes) != 1 {
		t.Errorf("%+v, %v", schemas, err)
	}
}

func TestDiscoveryIncomplete(t *testing.T) {
	t.Parallel()
	c := newClient(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/scim+json")
		_, _ = io.WriteString(w, `{"totalResults":2,"Resources":[{"id":"urn:x","name":"X","attributes":[]}]}`)
	})
	if _, _, err := c.Schemas(context.WithoutCancel(t.Context())); !errors.Is(err, scimclient.ErrIncomplete) {
		t.Errorf("%v", err)
	}
}
