// SPDX-License-Identifier: Apache-2.0

package auth0in_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/usher-id/usher/internal/auth0"
	"github.com/usher-id/usher/internal/source"
	"github.com/usher-id/usher/internal/source/auth0in"
)

const (
	oldSecret = "the-old-secret-of-32-characters!"
	newSecret = "the-new-secret-of-32-characters!"
)

// told collects what a hook or a stream tells.
type told struct {
	mu    sync.Mutex
	words []source.Word
	fails error
	wait  chan struct{} // if set, telling waits until it is closed
}

func (l *told) listener() auth0in.Listener {
	return auth0in.Listener{Hear: func(ctx context.Context, w source.Word) error {
		if l.wait != nil {
			<-l.wait
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.words = append(l.words, w)
		return l.fails
	}}
}

// unasked is a tenant that is never asked for anything.
func unasked(t *testing.T, change func(*auth0in.Config)) *auth0in.Tenant {
	t.Helper()
	client, err := auth0.New(auth0.Config{URL: "https://acme.auth0.example", ClientID: "c", Secret: "s", HTTP: http.DefaultTransport})
	if err != nil {
		t.Fatal(err)
	}
	c := auth0in.Config{Source: "auth0", Host: "acme.auth0.example", Client: client, Columns: []string{"email", "app_metadata.unit"}}
	if change != nil {
		change(&c)
	}
	tenant, err := auth0in.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return tenant
}

// envelope is an event as Auth0 sends it.
func envelope(id, typ, object, more string) string {
	return `{"specversion":"1.0","type":"` + typ + `","source":"urn:auth0:acme.auth0.example","id":"` + id + `","time":"2026-11-26T10:00:00Z",
		"a0tenant":"acme","a0stream":"est_1"` + more + `,"data":{"object":` + object + `,"context":{"client":{"id":"c","name":"n"},"tenant":{"tenant_id":"acme"}}}}`
}

const ada = `{"user_id":"auth0|1","email":"ada@acme.example","created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:00Z",
	"identities":[{"connection":"db","user_id":"1","provider":"auth0","isSocial":false}],"app_metadata":{"unit":"R&D"}}`

func deliver(h http.Handler, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/hooks/auth0", strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// TestHook: what a delivery is answered, which decides whether it is tried again.
func TestHook(t *testing.T) {
	t.Parallel()
	created := envelope("evt_1", "user.created", ada, "")
	for name, c := range map[string]struct {
		body   string
		header []string
		fails  error
		name   string // of the header
		want   int
		heard  int
	}{
		"the secret":              {created, []string{"Authorization", oldSecret}, nil, "", 204, 1},
		"as a bearer token":       {created, []string{"Authorization", "Bearer " + oldSecret}, nil, "", 204, 1},
		"the one that follows it": {created, []string{"Authorization", newSecret}, nil, "", 204, 1},
		"another header":          {created, []string{"X-Secret", newSecret}, nil, "X-Secret", 204, 1},
		"none":                    {created, nil, nil, "", 401, 0},
		"a part of it":            {created, []string{"Authorization", oldSecret[:31]}, nil, "", 401, 0},
		"in the wrong header":     {created, []string{"Authorization", oldSecret}, nil, "X-Secret", 401, 0},
		"an empty one":            {created, []string{"Authorization", ""}, nil, "", 401, 0},
		"bearer of nothing":       {created, []string{"Authorization", "Bearer "}, nil, "", 401, 0},
		"the store fails":         {created, []string{"Authorization", oldSecret}, errors.New("disk"), "", 503, 1},
		"no JSON":                 {"{", []string{"Authorization", oldSecret}, nil, "", 400, 0},
		"a name twice":            {`{"id":"a","id":"b"}`, []string{"Authorization", oldSecret}, nil, "", 400, 0},
		"too much":                {strings.Repeat(" ", 300<<10), []string{"Authorization", oldSecret}, nil, "", 413, 0},
		"of no known type":        {envelope("evt_1", "tea.served", `{}`, ""), []string{"Authorization", oldSecret}, nil, "", 204, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := &told{fails: c.fails}
			h := (&auth0in.Hook{Tenant: unasked(t, nil), Header: c.name, Secrets: []string{oldSecret, newSecret}, Hear: l.listener()}).Handler()
			w := deliver(h, c.body, c.header...)
			if w.Code != c.want || len(l.words) != c.heard {
				t.Errorf("%d %s, %d heard", w.Code, w.Body, len(l.words))
			}
			if strings.Contains(w.Body.String(), oldSecret) {
				t.Error("the secret is in the answer")
			}
			if w.Code == 503 && w.Header().Get("Retry-After") == "" {
				t.Error("503 without Retry-After")
			}
		})
	}
	h := (&auth0in.Hook{Tenant: unasked(t, nil), Secrets: []string{""}}).Handler()
	if w := deliver(h, created, "Authorization", ""); w.Code != 401 {
		t.Errorf("an empty secret opens: %d", w.Code)
	}
	r := httptest.NewRecorder()
	if h.ServeHTTP(r, httptest.NewRequest(http.MethodGet, "/hooks/auth0", nil)); r.Code != 405 || r.Header().Get("Allow") != "POST" {
		t.Errorf("GET: %d, Allow %q", r.Code, r.Header().Get("Allow"))
	}
}

// TestHookUnderLoad answers 5xx and never 4xx, after which Auth0 would not try again.
func TestHookUnderLoad(t *testing.T) {
	t.Parallel()
	l := &told{wait: make(chan struct{})}
	h := (&auth0in.Hook{Tenant: unasked(t, nil), Secrets: []string{oldSecret}, Hear: l.listener()}).Handler()
	const many = 200
	codes := make(chan int, many)
	for range many {
		go func() { codes <- deliver(h, envelope("evt", "user.created", ada, ""), "Authorization", oldSecret).Code }()
	}
	refused := 0
	for range many - 64 { // all but those that are being taken
		if code := <-codes; code != 503 {
			t.Errorf("%d", code)
		}
		refused++
	}
	close(l.wait)
	for range many - refused {
		if code := <-codes; code != 204 {
			t.Errorf("%d", code)
		}
	}
}

// TestWord: whom an event has read, and whom not.
func TestWord(t *testing.T) {
	t.Parallel()
	all := []auth0in.Teams{auth0in.Roles, auth0in.Organizations, auth0in.Groups}
	for name, c := range map[string]struct {
		typ, object, more string
		change            func(*auth0in.Config)
		want              source.Word
		row               bool
	}{
		"created":            {"user.created", ada, "", nil, source.Word{Key: "auth0|1"}, true},
		"updated":            {"user.updated", ada, "", nil, source.Word{Key: "auth0|1"}, true},
		"deleted":            {"user.deleted", ada, "", nil, source.Word{Key: "auth0|1"}, false},
		"a test":             {"user.deleted", ada, `,"a0purpose":"test"`, nil, source.Word{Idle: true}, false},
		"of no id":           {"user.updated", `{}`, "", nil, source.Word{Idle: true}, false},
		"another connection": {"user.updated", ada, "", func(c *auth0in.Config) { c.Connections = []string{"saml"} }, source.Word{Idle: true}, false},
		"the connection":     {"user.updated", ada, "", func(c *auth0in.Config) { c.Connections = []string{"saml", "db"} }, source.Word{Key: "auth0|1"}, true},
		"a member":           {"organization.member.added", `{}`, "", func(c *auth0in.Config) { c.Teams = all }, source.Word{}, false},
		"a group's":          {"group.member.deleted", `{}`, "", func(c *auth0in.Config) { c.Teams = all }, source.Word{}, false},
		"nobody reads them":  {"organization.member.added", `{}`, "", nil, source.Word{Idle: true}, false},
		"unknown":            {"connection.created", `{}`, "", func(c *auth0in.Config) { c.Teams = all }, source.Word{Idle: true}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, err := auth0.ParseEvent([]byte(envelope("evt_7", c.typ, c.object, c.more)))
			if err != nil {
				t.Fatal(err)
			}
			got := unasked(t, c.change).Word(e)
			if got.ID != "evt_7" || got.Key != c.want.Key || got.Idle != c.want.Idle || (got.Row != nil) != c.row {
				t.Errorf("%+v", got)
			}
			if got.Row == nil {
				return
			}
			if v := got.Row.Values(); v[0] != "ada@acme.example" || v[1] != "R&D" {
				t.Errorf("%q", v)
			}
		})
	}
}

// serve listens on loopback until the test ends.
func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}
