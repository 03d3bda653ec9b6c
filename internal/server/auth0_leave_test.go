// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/app/auth0app"
	"github.com/usher-id/usher/internal/auth0"
	"github.com/usher-id/usher/internal/auth0/auth0test"
)

// TestAuth0LeaversByPlan: where sessions cannot be ended, as by a plan without that,
// each leaver is blocked and set aside, however many there are, and nobody else waits.
func TestAuth0LeaversByPlan(t *testing.T) {
	t.Parallel()
	for _, kind := range []auth0test.Kind{auth0test.Forbidden, auth0test.NotFound} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			leaversByPlan(t, auth0test.Fault{Kind: kind})
		})
	}
}

func leaversByPlan(t *testing.T, fault auth0test.Fault) {
	t.Helper()
	l := newLogin(t, nil)
	l.staff = staff(8)
	l.edit("    first_run: go\n", "    first_run: go\n    concurrency: 1\n")
	l.cycle("2026-03-01")
	l.tenant.SetFaults(auth0test.Rules(auth0test.Rule{Path: "/users/:id/sessions", Fault: fault}, auth0test.Rule{Path: "/users/:id/refresh-tokens", Fault: fault}))
	for i := range 6 {
		l.staff[i].end = "2026-03-01"
	}
	l.staff = append(l.staff, worker{id: "9", first: "newbie", dept: "A", start: "2026-03-02"})
	for _, hired := range []int{1, 0} {
		rep := l.cycle("2026-03-03").Apps["app"]
		if rep.Paused != "" || l.status.Apps[0].Paused != "" || rep.Create != hired || rep.Parked != 6 || !strings.Contains(l.parked(), "the user is blocked") {
			t.Errorf("%+v %s", rep, l.parked())
		}
	}
	users := l.users()
	for i, w := range l.staff {
		if users[w.first].Blocked != (i < 6) {
			t.Errorf("%s: blocked %v", w.first, users[w.first].Blocked)
		}
	}
	l.in("newbie", "A")
}

// TestAuth0SessionsThatStay: a leaver whose sessions live on behind the answer that they
// will be ended is tried again, and nobody else waits for that.
func TestAuth0SessionsThatStay(t *testing.T) {
	t.Parallel()
	l := newLogin(t, nil)
	l.edit("    first_run: go\n", "    first_run: go\n    concurrency: 1\n")
	l.cycle("2026-03-01")
	transport := &lingers{}
	t.Cleanup(transport.CloseIdleConnections)
	client, err := auth0.New(auth0.Config{URL: l.url, ClientID: "usher", Secret: tenantSecret, HTTP: transport})
	if err != nil {
		t.Fatal(err)
	}
	if l.app, err = auth0app.New(auth0app.Config{Client: client, Connection: auth0test.DefaultConnection}); err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"p001", "p002"} {
		l.signIn(name)
		l.staff[i].end = "2026-03-01"
	}
	l.wait = time.Millisecond // in which nothing is tried again
	if rep := l.cycle("2026-03-03").Apps["app"]; rep.Disable != 1 || rep.Waiting != 1 || rep.MemberRemove != 2 || rep.Parked != 0 {
		t.Errorf("%+v", rep)
	}
	left := 0
	for _, u := range l.users() {
		if n := l.tenant.Sessions(u.ID); n > 0 {
			if left++; !u.Blocked || u.ID != transport.id() {
				t.Errorf("%s has %d sessions", u.ID, n)
			}
		}
	}
	if left != 1 {
		t.Errorf("%d people are signed in", left)
	}
	l.wait = 0
	if rep := l.cycle("2026-03-03").Apps["app"]; rep.Disable != 1 || rep.Waiting != 0 {
		t.Errorf("%+v", rep)
	}
	l.out("p001")
	l.out("p002")
}

// lingers accepts the first request to end somebody's sessions, and forgets it.
type lingers struct {
	http.Transport

	mu   sync.Mutex
	path string
}

func (l *lingers) RoundTrip(req *http.Request) (*http.Response, error) {
	l.mu.Lock()
	first := l.path == "" && req.Method == http.MethodDelete && strings.HasSuffix(req.URL.Path, "/sessions")
	if first {
		l.path = req.URL.Path
	}
	l.mu.Unlock()
	if first {
		return &http.Response{StatusCode: http.StatusAccepted, Header: http.Header{}, Body: http.NoBody, Request: req}, nil
	}
	return l.Transport.RoundTrip(req)
}

// id is whose sessions they are.
func (l *lingers) id() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.TrimSuffix(strings.TrimPrefix(l.path, "/api/v2/users/"), "/sessions")
}
