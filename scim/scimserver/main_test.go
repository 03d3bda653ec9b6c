// SPDX-License-Identifier: Apache-2.0

package scimserver_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const base = "/scim/v2"

// server is a handler with a store, called without a network.
type server struct {
	*testing.T
	http.Handler
	store *scimserver.Memory
}

func newServer(t *testing.T, change func(*scimserver.Config)) *server {
	t.Helper()
	s := &server{T: t, store: scimserver.NewMemory(nil, nil)}
	c := scimserver.Config{Store: s.store, Base: base, Authorize: scimserver.AllowAll, Failed: func(_ context.Context, err error) { t.Errorf("the handler failed: %v", err) }}
	if change != nil {
		change(&c)
	}
	h, err := scimserver.New(c)
	if err != nil {
		t.Fatal(err)
	}
	s.Handler = h
	return s
}

// answer is what came back.
type answer struct {
	*httptest.ResponseRecorder
	t *testing.T
}

// do sends a request; headers are "Name: value".
func (s *server) do(method, path, body string, headers ...string) answer {
	s.Helper()
	r := httptest.NewRequestWithContext(s.Context(), method, "http://app.example"+base+path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/scim+json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return answer{w, s.T}
}

func (a answer) resource() *scim.Resource {
	a.t.Helper()
	r, err := scim.ParseResource(a.Body.Bytes(), scim.Limits{MaxBytes: 64 << 20, MaxElements: 1 << 22})
	if err != nil {
		a.t.Fatalf("%d %s: %v", a.Code, a.Body, err)
	}
	return r
}

func (a answer) list() *scim.ListResponse {
	a.t.Helper()
	l, err := scim.ParseListResponse(a.Body.Bytes(), scim.Limits{})
	if err != nil {
		a.t.Fatalf("%d %s: %v", a.Code, a.Body, err)
	}
	return l
}

// at is the value at a path, as JSON; "" if there is none.
func (a answer) at(path string) string {
	a.t.Helper()
	v, ok := a.resource().At(scim.MustPath(path))
	if !ok {
		return ""
	}
	return v.String()
}

// want fails unless the answer has the status and, of an error, the scimType.
func (a answer) want(status int, kind string) answer {
	a.t.Helper()
	if a.Code != status {
		a.t.Fatalf("status %d, want %d: %s", a.Code, status, a.Body)
	}
	if status < 400 {
		return a
	}
	e, err := scim.ParseError(a.Body.Bytes())
	if err != nil || e.Status != status || e.ScimType != kind || e.Detail == "" || a.at("status") != fmt.Sprintf(`"%d"`, status) {
		a.t.Fatalf("%v, %v, want a SCIM error of type %q: %s", e, err, kind, a.Body)
	}
	if a.Header().Get("Content-Type") != "application/scim+json" {
		a.t.Fatalf("an error of type %q", a.Header().Get("Content-Type"))
	}
	return a
}

func user(name string, more ...string) string {
	return `{"schemas":["` + scim.UserURN + `"],"userName":"` + name + `"` + strings.Join(append([]string{""}, more...), ",") + `}`
}

func group(name string, members ...string) string {
	var list []string
	for _, id := range members {
		list = append(list, `{"value":"`+id+`"}`)
	}
	return `{"schemas":["` + scim.GroupURN + `"],"displayName":"` + name + `","members":[` + strings.Join(list, ",") + `]}`
}

func patch(ops ...string) string {
	return `{"schemas":["` + scim.PatchOpURN + `"],"Operations":[` + strings.Join(ops, ",") + `]}`
}

// make creates a resource and returns its id.
func (s *server) make(endpoint, body string) string {
	s.Helper()
	return s.do("POST", endpoint, body).want(201, "").resource().ID()
}
