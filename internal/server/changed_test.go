// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/internal/server"
	"github.com/usher-id/usher/internal/store/sqlite/sqlitetest"
	"github.com/usher-id/usher/internal/testenv"
	"github.com/usher-id/usher/scim"
)

// follower is a daemon's eye on one app that tells of itself.
type follower struct {
	t   *testing.T
	app *teller
	at  liveApp
	u   *server.Usher
	log *testenv.Output
	now time.Time
}

func follow(t *testing.T, a *teller) *follower {
	t.Helper()
	f := &follower{
		t: t, app: a, at: liveApp{url: a.start(t), lines: soundLines(), dir: sqlitetest.Dir(t)}, log: &testenv.Output{},
		now: time.Now().Add(-10 * 24 * time.Hour), // so that what it finds is older than now
	}
	f.open()
	t.Cleanup(func() { _ = f.u.Close() })
	return f
}

// open opens the store under the configuration as it is now.
func (f *follower) open() {
	f.t.Helper()
	if f.u != nil {
		if err := f.u.Close(); err != nil {
			f.t.Fatal(err)
		}
	}
	var err error
	if f.u, err = f.at.build(f.t).Open(f.t.Context(), "test"); err != nil {
		f.t.Fatal(err)
	}
}

// after lets time pass, looks, and returns how many requests that took.
func (f *follower) after(d time.Duration, start bool) int {
	f.t.Helper()
	f.now = f.now.Add(d)
	f.app.mu.Lock()
	f.app.asked = nil
	f.app.mu.Unlock()
	f.u.Rediscover(f.t.Context(), slog.New(slog.NewTextHandler(f.log, nil)), f.now, start)
	f.app.mu.Lock()
	defer f.app.mu.Unlock()
	for _, what := range f.app.asked {
		if !strings.HasPrefix(what, "GET ") || what == "GET /Users" {
			f.t.Errorf("%s was sent", what)
		}
	}
	return len(f.app.asked)
}

func (f *follower) asks(d time.Duration, start bool, want int) {
	f.t.Helper()
	if n := f.after(d, start); n != want {
		f.t.Errorf("%d requests after %s, want %d", n, d, want)
	}
}

// events are the changes in the ledger.
func (f *follower) events() (out []string) {
	f.t.Helper()
	if _, err := audit.Sequence(f.t.Context(), f.u.Ledger()); err != nil {
		f.t.Fatal(err)
	}
	all, err := f.u.Ledger().Chained(f.t.Context(), 0, 100)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, e := range all {
		var p struct{ App, Why string }
		if err := json.Unmarshal(e.Payload, &p); err != nil {
			f.t.Fatal(err)
		}
		out = append(out, e.Kind+" "+p.App+": "+p.Why)
	}
	return out
}

func (f *follower) change() *server.AppChange {
	f.t.Helper()
	s, err := f.u.Status(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	return s.Apps[0].Changed
}

const day = 24 * time.Hour

// What changes is told in words, once: in the log, the ledger and the status; and
// nothing else happens.
func TestAnAppThatChangedIsToldOf(t *testing.T) {
	t.Parallel()
	f := follow(t, newTeller())
	f.asks(0, true, 3)
	f.asks(2*day, false, 3)
	if c := f.change(); c != nil || len(f.events()) != 0 {
		t.Fatalf("nothing has changed, and told is %+v, %v", c, f.events())
	}
	f.app.edit(t, "nickName", `"required":false`, `"required":true`)
	f.app.edit(t, "title", `"name":"title"`, `"name":"jobTitle"`)
	f.app.edit(t, "department", `"mutability":"readWrite"`, `"mutability":"readOnly"`)
	f.app.features = `{"patch": {"supported": false}, "filter": {"supported": true, "maxResults": 50}}`
	f.app.types = f.app.types[:1]
	f.asks(2*day, false, 3)
	what := []string{
		"PATCH is gone",
		"the most results in an answer is 50 now, and was 200",
		"attribute department of " + scim.EnterpriseUserURN + " is readOnly now, and was readWrite",
		"attribute jobTitle of User is new (string)",
		"attribute nickName of User is required now",
		"attribute title of User is gone",
		"the resource type Group is gone",
	}
	breaks := []string{
		"the app requires nickName, which no line of the mapping gives",
		"title is not in the app's schema: it is refused, or ignored without a word",
		"enterprise.department is read-only at the app: what is sent is ignored, or refused",
	}
	f.now = time.Now() // the status tells of what is recent by the clock
	s := f.change()
	if s == nil {
		t.Fatal("no change is told")
	}
	sameLines(t, s.What, what)
	if len(s.Breaks) != len(breaks) {
		t.Fatalf("does not fit: %q", s.Breaks)
	}
	for i, b := range breaks {
		if !strings.HasSuffix(s.Breaks[i], ": "+b) || !strings.Contains(s.Breaks[i], "usher.yaml:") {
			t.Errorf("%q, want the place of %q", s.Breaks[i], b)
		}
	}
	sameLines(t, f.events(), []string{"app.changed app: " + strings.Join(what, "; ")})
	if log := f.log.String(); strings.Count(log, "this app changed") != 1 || strings.Count(log, "the mapping does not fit") != 3 || strings.Contains(log, "xyz") {
		t.Errorf("logged is\n%s", log)
	}
	// It is told once.
	f.asks(2*day, false, 3)
	if n := len(f.events()); n != 1 || strings.Count(f.log.String(), "level=WARN") != 4 {
		t.Errorf("%d events, and logged is\n%s", n, f.log.String())
	}
}

// Of two replicas that ask at once one tells what has changed.
func TestReplicasTellOfAChangeOnce(t *testing.T) {
	t.Parallel()
	f := follow(t, newTeller())
	f.asks(0, true, 3)
	f.app.edit(t, "nickName", `"required":false`, `"required":true`)
	f.app.over["/Schemas"] = func(w http.ResponseWriter, r *http.Request) { // the other one is quicker
		f.app.mu.Lock()
		delete(f.app.over, "/Schemas")
		f.app.mu.Unlock()
		f.u.Rediscover(t.Context(), slog.New(slog.NewTextHandler(f.log, nil)), f.now.Add(time.Second), false)
		f.app.ServeHTTP(w, r)
	}
	f.asks(2*day, false, 7) // 3 each, of which one goes by twice
	if log := f.log.String(); len(f.events()) != 1 || strings.Count(log, "this app changed") != 1 || strings.Count(log, "does not fit") != 1 {
		t.Errorf("%q, and logged is\n%s", f.events(), log)
	}
	f.asks(2*day, false, 3)
	if n := len(f.events()); n != 1 {
		t.Errorf("%d events", n)
	}
}

// What always changes, and means nothing, is no change.
func TestWhatMeansNothingIsNoChange(t *testing.T) {
	t.Parallel()
	f := follow(t, newTeller())
	f.asks(0, true, 3)
	f.app.features = `{"filter": {"maxResults": 200, "supported": true}, "patch": {"supported": "TRUE"}, "documentationUri": "https://new.example",
		"meta": {"version": "W/\"2\"", "lastModified": "2026-11-24T00:00:00Z"}, "sort": {"supported": false}}`
	slices.Reverse(f.app.schemas)
	slices.Reverse(f.app.types)
	f.app.edit(t, "title", `"description":"`, `"description":"Other words. `)
	var s map[string]any
	if err := json.Unmarshal(f.app.schemas[0], &s); err != nil {
		t.Fatal(err)
	}
	slices.Reverse(s["attributes"].([]any))
	s["meta"] = map[string]any{"lastModified": "2026-11-24T00:00:00Z", "version": "2"}
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	f.app.schemas[0] = text
	f.asks(2*day, false, 3)
	if c := f.change(); c != nil || len(f.events()) != 0 || f.log.String() != "" {
		t.Errorf("told is %+v, %v\n%s", c, f.events(), f.log.String())
	}
}

// How often an app is asked.
func TestHowOftenAnAppIsAsked(t *testing.T) {
	t.Parallel()
	f := follow(t, newTeller())
	f.asks(0, true, 3)
	f.asks(time.Minute, true, 0) // a daemon that starts again and again
	f.asks(2*time.Hour, false, 0)
	f.asks(0, true, 3) // a start after a while
	f.asks(23*time.Hour, false, 0)
	f.asks(4*time.Hour, false, 3)
	f.at.lines = soundLines()[:5]
	f.open()
	f.asks(time.Minute, false, 3) // the mapping is another one
	f.at.every = "2h"
	f.open()
	f.asks(3*time.Hour, false, 3)
	f.at.every = "0"
	f.open()
	f.asks(30*day, true, 0)

	silent := newTeller()
	for _, path := range []string{"/ServiceProviderConfig", "/Schemas", "/ResourceTypes"} {
		silent.over[path] = http.NotFound
	}
	f = follow(t, silent)
	f.asks(0, true, 3)
	f.asks(20*time.Hour, true, 0) // it has nothing to tell
	f.at.lines = soundLines()[:5]
	f.open()
	f.asks(time.Hour, true, 0)
	f.asks(6*time.Hour, true, 3)
}

// An answer that says nothing of what an app takes is no change.
func TestAnAppThatCannotBeAskedHasNotChanged(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]http.HandlerFunc{
		"it is down":        func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
		"it breaks":         func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"the token expired": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) },
		"it may not":        func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) },
		"a sign-in page": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte("<html>"))
		},
		"once not there": http.NotFound,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := follow(t, newTeller())
			f.asks(0, true, 3)
			paths := []string{"/ServiceProviderConfig", "/Schemas", "/ResourceTypes"}
			f.app.mu.Lock()
			for _, path := range paths {
				f.app.over[path] = answer
			}
			f.app.mu.Unlock()
			times := 3
			if name == "once not there" {
				times = 1
			}
			for range times {
				if n := f.after(2*day, false); n == 0 || n > 3 {
					t.Errorf("%d requests", n)
				}
			}
			f.app.mu.Lock()
			clear(f.app.over)
			f.app.mu.Unlock()
			f.asks(2*day, false, 3)
			if c := f.change(); c != nil || len(f.events()) != 0 || f.log.String() != "" {
				t.Errorf("told is %+v, %v\n%s", c, f.events(), f.log.String())
			}
		})
	}
}

// An app that no longer tells what it told is believed the second time.
func TestAnAppThatTellsNoMore(t *testing.T) {
	t.Parallel()
	f := follow(t, newTeller())
	f.asks(0, true, 3)
	f.app.over["/Schemas"] = http.NotFound
	f.asks(2*day, false, 3)
	f.asks(10*time.Minute, false, 0)
	f.asks(time.Hour, false, 3)
	sameLines(t, f.events(), []string{"app.changed app: it no longer tells its schemas (/Schemas)"})
	delete(f.app.over, "/Schemas")
	f.asks(2*day, false, 3)
	sameLines(t, f.events()[1:], []string{"app.changed app: it tells its schemas (/Schemas) now"})
}

// Another address is another app, of which nothing is known yet.
func TestAnotherAddressIsNoChange(t *testing.T) {
	t.Parallel()
	f := follow(t, newTeller())
	f.asks(0, true, 3)
	f.app.edit(t, "title", `"name":"title"`, `"name":"jobTitle"`)
	f.at.url += "/"
	f.open()
	f.asks(2*day, false, 3) // only spelled otherwise
	if n := len(f.events()); n != 1 {
		t.Errorf("%d events", n)
	}
	other := newTeller()
	f.app, f.at.url = other, other.start(t)
	f.open()
	f.asks(time.Minute, false, 3)
	if n := len(f.events()); n != 1 {
		t.Errorf("%d events", n)
	}
}

// The daemon asks at its start and tells by its log, its metrics and its status, and
// what it has to send it sends.
func TestServeTellsThatAnAppChanged(t *testing.T) {
	t.Parallel()
	f := follow(t, newTeller())
	f.at.hr = "1,Ada,Sales\n"
	f.open()
	f.now = time.Now().Add(-2 * day)
	f.asks(0, true, 3)
	f.app.edit(t, "title", `"name":"title"`, `"name":"jobTitle"`)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	metrics := make(chan string, 1)
	go func() {
		_, err := f.u.Serve(ctx, server.ServeOptions{
			Log: slog.New(slog.NewTextHandler(f.log, nil)), Actor: "test",
			Listening: func(_, m string) { metrics <- "http://" + m },
		})
		ended <- err
	}()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	var url string
	select {
	case url = <-metrics:
	case err := <-ended:
		ended <- nil
		t.Fatal(err)
	}
	until(t, "the change is told", func() bool { return strings.Contains(f.log.String(), "this app changed") })
	until(t, "the change is in the status", func() bool { return f.change() != nil })
	until(t, "the change is in the metrics", func() bool {
		_, text := get(t, url+"/metrics")
		return strings.Contains(text, `usher_app_changed_timestamp_seconds{app="app"} 1`) && strings.Contains(text, `usher_app_misfits{app="app"} 1`)
	})
	until(t, "the app is not paused", func() bool {
		s, err := f.u.Status(t.Context())
		return err == nil && s.Apps[0].Known && s.Apps[0].Paused == ""
	})
}
