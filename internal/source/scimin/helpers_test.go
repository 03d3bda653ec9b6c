// SPDX-License-Identifier: Apache-2.0

package scimin_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/mapping"
	"github.com/usher-id/usher/internal/source/scimin"
	"github.com/usher-id/usher/internal/store"
	"github.com/usher-id/usher/internal/store/storetest"
	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open lets everybody go.
type open struct{}

func (open) Departures(context.Context, directory.Tx, directory.Cause, []string) (bool, error) {
	return true, nil
}

// house is a store with a directory, and providers that push to it.
type house struct {
	testing.TB
	db   store.DB
	path string
	dir  *directory.Directory
	m    *mapping.Mapping
	// catalog is what resources there are; the core's if it is zero.
	catalog scim.Catalog
}

func newHouse(t testing.TB) *house {
	t.Helper()
	path := storetest.New(t)
	db, err := store.Open(t.Context(), path, "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	h := &house{TB: t, db: db, path: path}
	c, err := mapping.NewCompiler(scim.CoreSchemas())
	if err != nil {
		t.Fatal(err)
	}
	env, err := c.Person()
	if err != nil {
		t.Fatal(err)
	}
	var lines []config.Attribute
	for _, path := range []string{"userName", "displayName", "title", "name.givenName", "emails"} {
		lines = append(lines, config.Attribute{Path: config.Text{Value: path}, Value: config.Text{Value: "person." + path}})
	}
	if h.m, err = env.CompileMapping(scim.UserURN, lines); err != nil {
		t.Fatal(err)
	}
	h.dir = directory.New(directory.Config{
		Schemas: scim.CoreSchemas(), Paths: append(h.m.Paths(), scimin.EndDate), Teams: directory.Rules{}, Gate: open{}, Actor: "test", Now: time.Now,
		Sources: []directory.SourceRules{{Name: "idp", Teams: true}, {Name: "other", Teams: true}},
	})
	return h
}

// endpoint is a provider's endpoint, called without a network.
type endpoint struct {
	testing.TB
	http.Handler
}

func (h *house) endpoint(source string, s scimserver.Strictness) *endpoint {
	h.Helper()
	rules, err := scimserver.RulesOf(s)
	if err != nil {
		h.Fatal(err)
	}
	c := h.catalog
	if c.Schemas == nil {
		c = scim.CoreCatalog()
	}
	p, err := scimin.New(scimin.Config{
		Source: source, Store: h.db.Pushed(), Directory: h.dir, Schemas: c.Schemas, Types: c.ResourceTypes, Mapping: h.m,
		Revives: s == scimserver.Okta || s == scimserver.Lenient, UniqueGroups: s == scimserver.Entra || s == scimserver.IPSIE, Cursors: scimserver.CursorKey("test"), Changed: func() {},
		Rejected: func(id string, err error) { h.Errorf("%s is set aside: %v", id, err) },
	})
	if err != nil {
		h.Fatal(err)
	}
	return h.handler(scimin.WithValues(p), rules)
}

func (h *house) handler(s scimserver.Store, rules scimserver.Rules) *endpoint {
	h.Helper()
	handler, err := scimserver.New(scimserver.Config{
		Store: s, Authorize: scimserver.AllowAll, Rules: rules, Schemas: h.catalog.Schemas, ResourceTypes: h.catalog.ResourceTypes, Failed: func(_ context.Context, err error) { h.Errorf("the handler failed: %v", err) },
	})
	if err != nil {
		h.Fatal(err)
	}
	return &endpoint{h.TB, handler}
}

// answer is what came back.
type answer struct {
	*httptest.ResponseRecorder
	t testing.TB
}

func (e *endpoint) do(method, path, body string) answer {
	e.Helper()
	r := httptest.NewRequestWithContext(e.Context(), method, "http://usher.example"+path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/scim+json")
	}
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	return answer{w, e.TB}
}

func (a answer) want(status int) answer {
	a.t.Helper()
	if a.Code != status {
		a.t.Fatalf("%d, want %d: %s", a.Code, status, a.Body)
	}
	return a
}

func (a answer) resource() *scim.Resource {
	a.t.Helper()
	r, err := scim.ParseResource(a.Body.Bytes(), scim.Limits{})
	if err != nil {
		a.t.Fatalf("%d %s: %v", a.Code, a.Body, err)
	}
	return r
}

// make creates a resource and returns its id.
func (e *endpoint) make(path, body string) string {
	e.Helper()
	return e.do("POST", path, body).want(201).resource().ID()
}

func user(name string, more ...string) string {
	return `{"schemas":["` + scim.UserURN + `"],"userName":"` + name + `"` + strings.Join(append([]string{""}, more...), ",") + `}`
}

func group(name string, members ...string) string {
	return `{"schemas":["` + scim.GroupURN + `"],"displayName":"` + name + `","members":[` + values(members) + `]}`
}

func values(ids []string) string {
	list := make([]string, len(ids))
	for i, id := range ids {
		list[i] = `{"value":"` + id + `"}`
	}
	return strings.Join(list, ",")
}

func patch(ops ...string) string {
	return `{"schemas":["` + scim.PatchOpURN + `"],"Operations":[` + strings.Join(ops, ",") + `]}`
}

// settle moves people to where they belong, as the daemon does after what was pushed.
func (h *house) settle() {
	h.Helper()
	err := h.db.Directory().Update(h.Context(), func(tx directory.Tx) error {
		_, err := h.dir.Settle(h.Context(), tx)
		return err
	})
	if err != nil {
		h.Fatal(err)
	}
}

// people are all people, by user name, with their state.
func (h *house) people() map[string]directory.Listing {
	h.Helper()
	out := map[string]directory.Listing{}
	err := h.db.Read(h.Context(), func(tx store.Reader) error {
		all, err := tx.List(h.Context(), "", "", 1000)
		for _, l := range all {
			out[l.Person.UserName()] = l
		}
		return err
	})
	if err != nil {
		h.Fatal(err)
	}
	return out
}
