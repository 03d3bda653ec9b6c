// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/server"
	"github.com/usher-id/usher/internal/source/hrtest"
)

const ripplingCompany = `store: DIR/usher.db
calendar: {prehire_days: 3}
sources:
  hr:
    type: rippling
    url: URL
    auth: {bearer: the-token-of-the-company}
    allow: [loopback, plain-http]
    since: {every: 10s}
    person:
      userName: slug(row.first_name) + "@acme.example"
apps:
  app:
    url: https://app.example/scim
    token: xyz
    first_run: go
    user: {userName: person.userName, displayName: person.displayName}
server: {address: '127.0.0.1:0'}
telemetry: {metrics_address: 'off'}
`

// rippled is a world whose people come from Rippling, four on a page.
func rippled(t *testing.T, staff []hrtest.Worker) (*served, *hrtest.Rippling) {
	t.Helper()
	s, hr := newServed(t), hrtest.NewRippling(t, "the-token-of-the-company", 4)
	hr.Set(time.Now().UTC().Format(time.DateOnly), staff)
	s.conf = strings.ReplaceAll(ripplingCompany, "URL", hr.URL)
	return s, hr
}

// TestRipplingTells by updated_at who has changed, page by page: those are read one by one,
// and nobody else.
func TestRipplingTells(t *testing.T) {
	t.Parallel()
	staff := bambooStaff(12)
	s, hr := rippled(t, staff)
	s.serve(t)
	until(t, "all have accounts", func() bool { return s.has(12) })
	for i := range 6 { // more than fit on a page
		staff[i].Jobs[0].End = "2026-01-31"
		hr.Touch(staff[i].ID, time.Now())
	}
	joins := bambooStaff(13)[12]
	hr.Touch(joins.ID, time.Now())
	hr.Set(time.Now().UTC().Format(time.DateOnly), append(staff, joins))
	hr.Asked()
	want := []string{"p10", "p11", "p12", "p13", "p7", "p8", "p9"}
	until(t, "six are out and one is in", func() bool { return slices.Equal(s.live(), want) })
	if n := hr.Asked(); n != 2+7 {
		t.Errorf("%d requests: two pages of changes and seven people were to be asked for", n)
	}
}

// TestRipplingBreaksOff: a list that is cut, that goes round, or that goes on where no
// credential goes proves nothing, so that nobody is absent; what came of it counts.
func TestRipplingBreaksOff(t *testing.T) {
	t.Parallel()
	var stolen atomic.Bool
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { stolen.Store(r.Header.Get("Authorization") != "") }))
	t.Cleanup(elsewhere.Close)
	for name, next := range map[string]func(w http.ResponseWriter, r *http.Request){
		"an outage":      func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) },
		"an old cursor":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) },
		"half an answer": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"results": [{"id": "5", `)) },
		"a circle": func(w http.ResponseWriter, r *http.Request) {
			_, _ = fmt.Fprintf(w, `{"results": [], "next_link": %q}`, r.URL)
		},
		"another address": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = fmt.Fprintf(w, `{"results": [], "next_link": %q}`, elsewhere.URL+"/workers/?cursor=8")
		},
		"no next_link": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"results": [], "next": "/workers/?cursor=8"}`))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			staff := bambooStaff(12)
			s, hr := rippled(t, staff)
			u := s.opened(t)
			if _, err := u.Apply(t.Context(), server.Options{Actor: "test"}); err != nil || !s.has(12) {
				t.Fatal(err, s.live())
			}
			staff[1].Jobs[0].End = "2026-01-31" // on the first page
			hr.Set(time.Now().UTC().Format(time.DateOnly), slices.Delete(staff, 10, 12))
			hr.Fault(func(w http.ResponseWriter, r *http.Request) bool {
				cut := r.URL.Query().Get("cursor") != ""
				if cut {
					next(w, r)
				}
				return cut
			})
			doc, err := u.Apply(t.Context(), server.Options{Actor: "test"})
			if err != nil {
				t.Fatal(err)
			}
			if p := doc.People; p.Missing != 0 || p.Leaver != 1 || p.Active != 11 || len(doc.Holds) != 0 {
				t.Errorf("%+v %+v", p, doc.Holds)
			}
			hr.Fault(nil)
			if doc, err = u.Apply(t.Context(), server.Options{Actor: "test"}); err != nil || doc.People.Leaver != 3 {
				t.Errorf("a whole list: %+v, %v", doc.People, err)
			}
		})
	}
	t.Cleanup(func() {
		if stolen.Load() {
			t.Error("the credential went elsewhere")
		}
	})
}

// TestRipplingMayNotShowUsers: a token without the right to read users gives workers
// without names, and nobody loses theirs by that.
func TestRipplingMayNotShowUsers(t *testing.T) {
	t.Parallel()
	s, hr := rippled(t, bambooStaff(5))
	u := s.opened(t)
	if _, err := u.Apply(t.Context(), server.Options{Actor: "test"}); err != nil {
		t.Fatal(err)
	}
	hr.NoUser("2")
	doc, err := u.Apply(t.Context(), server.Options{Actor: "test"})
	if err != nil || doc.Sources[0].Rejected == nil || len(doc.Sources[0].Rejected) != 1 || doc.Sources[0].Rejected[0].Key != "2" || doc.People.Active != 5 {
		t.Errorf("one has no user: %v, %+v", err, doc)
	}
	hr.NoUsers()
	_, err = u.Apply(t.Context(), server.Options{Actor: "test"})
	if err == nil || !strings.Contains(err.Error(), "first_name (user.name.given_name), last_name (user.name.family_name)") || strings.Contains(err.Error(), "the-token") {
		t.Error(err)
	}
}
