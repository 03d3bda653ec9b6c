// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/server"
	"github.com/usher-id/usher/internal/source/hrtest"
	"github.com/usher-id/usher/internal/store/sqlite/sqlitetest"
	"github.com/usher-id/usher/internal/testenv"
)

// madeSecret is by which the calls of makers' systems are known.
const madeSecret = "the-secret-by-which-calls-are-known"

// subscribes has the systems that call do so, by name.
var subscribes = map[string]func(t *testing.T, kind madeKind){
	"bamboohr": func(t *testing.T, k madeKind) { k.bamboo.Subscribe(t, calledAt, madeSecret) },
	"personio": func(t *testing.T, k madeKind) { k.personio.Subscribe(t, calledAt, madeSecret) },
	"hibob": func(t *testing.T, k madeKind) {
		if !k.bob.Subscribe(t, calledAt, madeSecret) {
			t.Error("the address has not answered the test")
		}
	},
}

const calledAt = "https://usher.example/hooks/hr"

// called is a company whose people come from a maker's system, that reads everybody when it
// begins, and from then on does what calls have it do and nothing else, in a bubble's time.
type called struct {
	*testing.T

	name   string // of the maker
	system *hrtest.System
	usher  *server.Usher
	app    *fakeApp
	calls  *server.Calls
	// answers are given in the place of ours, if not 0; may be nil.
	answers func() int
	reads   int // of everybody, because calls had it
}

// inCalled plays in a company that a maker's system calls, in a bubble of its own. It begins
// on a day with some people; more are further keys of its webhook.
func inCalled(t *testing.T, name, now string, people []hrtest.Worker, subscribe func(*testing.T, madeKind), more string, play func(c *called, kind madeKind, dir string)) {
	t.Helper()
	kind, dir := madeKinds(t)[name], sqlitetest.Dir(t) // which run outside of it
	kind.system.Fault(closing)
	synctest.Test(t, func(t *testing.T) {
		app := newFakeApp()
		c := &called{T: t, name: name, system: kind.system, app: app}
		c.system.Reach(c.way)
		conf := strings.NewReplacer("STORE", dir+"/called.db", "now: NOW, ", "", "SOURCE", strings.ReplaceAll(kind.source, "URL", kind.system.URL)+"\n    webhook: {secrets: ["+madeSecret+"]"+more+"}").Replace(madeCompany)
		cfg, err := config.Parse("usher.yaml", []byte(conf), nil)
		if err != nil {
			t.Fatal(err)
		}
		built, err := server.Build(cfg)
		if err != nil {
			t.Fatal(err)
		}
		built.Targets[0].App = app
		c.until(now)
		if c.usher, err = built.Open(t.Context(), "test"); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.usher.Close() }()
		c.calls = c.usher.Calls("hr", slog.New(slog.DiscardHandler))
		c.system.Set(now[:len("2026-11-26")], people)
		c.readAll()
		subscribe(t, kind)
		play(c, kind, dir)
	})
}

// closing has each answer end its connection: one that waits for the next request would hold
// the bubble's clock.
func closing(w http.ResponseWriter, _ *http.Request) bool {
	w.Header().Set("Connection", "close")
	return false
}

// way is how calls come: straight to the handler.
func (c *called) way(r *http.Request) (*http.Response, error) {
	if c.answers != nil {
		if status := c.answers(); status != 0 {
			return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader("")), Request: r}, nil
		}
	}
	w := httptest.NewRecorder()
	c.calls.ServeHTTP(w, r)
	return w.Result(), nil
}

// until lets time pass, for us and for the system.
func (c *called) until(now string) {
	c.Helper()
	at, err := time.Parse(time.RFC3339, now)
	if err != nil {
		c.Fatal(err)
	}
	if d := time.Until(at); d > 0 {
		if c.calls != nil {
			c.system.Passes(d)
		}
		time.Sleep(d)
	}
}

// at has HR know some people at a time, and does what calls have told then.
func (c *called) at(now string, people []hrtest.Worker) {
	c.Helper()
	c.until(now)
	c.system.Set(now[:len("2026-11-26")], people)
	c.work()
}

// work does what calls have told.
func (c *called) work() {
	c.Helper()
	c.system.Calm()
	reads, err := c.calls.Work(context.WithoutCancel(c.Context()))
	if err != nil {
		c.Fatal(err)
	}
	c.reads += reads
}

// readAll is what a timer does.
func (c *called) readAll() {
	c.Helper()
	if err := c.calls.ReadAll(c.Context()); err != nil {
		c.Fatal(err)
	}
	c.work()
}

// live are those who have accounts.
func (c *called) live() []string {
	c.app.mu.Lock()
	defer c.app.mu.Unlock()
	return c.app.live()
}

// differ are those who are not as they are to be, with what they are instead.
func (c *called) differ(want []string) (out []string) {
	c.Helper()
	n := 0
	err := c.usher.List(c.Context(), "", func(l directory.Listing) {
		n++
		if one := asSeen(*l.Person); !slices.Contains(want, one) {
			out = append(out, one)
		}
	})
	if err != nil || n != len(want) {
		c.Errorf("%d are known, and %d are to be: %v", n, len(want), err)
	}
	return out
}

// asSeen is what is compared of somebody.
func asSeen(p directory.Person) string {
	text := func(name string) string { return fmt.Sprint(p.User.Get(name)) }
	return fmt.Sprint(p.UserName(), " ", p.State, " ", text("displayName"), " ", text("title"))
}

// seen are the people of the company that has them from a file.
func (w *madeTwins) seen(now string) (all []string) {
	w.Helper()
	w.cycleOf(0, madeFile, now, func(p directory.Person) { all = append(all, asSeen(p)) })
	return all
}

// untold is what a maker tells nobody of, and which the next read of everybody shows: who is
// not as they should be, by maker and time. Personio tells that a job ends on its last day,
// when it is still going on, and not that it does not any more.
var untold = map[string]map[string]string{"personio": {"2026-03-05T00:30:00Z": "between@acme.example active"}}

// calledFor holds that calls alone have led to where a file does, but for what is untold.
func (w *madeTwins) calledFor(now string) {
	w.Helper()
	want := w.seen(now)
	wrong := w.called.differ(want)
	if who := untold[w.called.name][now]; who != "" {
		if len(wrong) != 1 || !strings.HasPrefix(wrong[0], who) {
			w.Errorf("%s: wrong are %q, want %s and nobody else", now, wrong, who)
		}
		w.called.readAll()
		wrong = w.called.differ(want)
	}
	if len(wrong) > 0 {
		w.Errorf("%s: %q, which is not so", now, wrong)
	}
}

// TestMakersByCalls walks the makers' systems that call us through what is awkward in HR. We
// read everybody once, at the beginning; what a file leads to, their own calls lead to.
func TestMakersByCalls(t *testing.T) {
	t.Parallel()
	for name, subscribe := range subscribes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inCalled(t, name, "2026-02-28T09:00:00Z", nil, subscribe, "", func(c *called, kind madeKind, dir string) {
				w := &madeTwins{T: c.T, kind: kind, dir: dir, apps: [2]*fakeApp{newFakeApp(), c.app}, aged: time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC), called: c}
				w.story()
				// Whom we are told to be deleted is not found by their id, and looked for among all.
				if c.reads != 3 {
					c.Errorf("everybody was read %d times because of a call, and people were deleted on three days", c.reads)
				}
			})
		})
	}
}

// asks counts what is asked for, by the path that holds a text, from now on.
func (c *called) asks(path string) (count func() int) {
	var n atomic.Int64
	c.system.Fault(func(w http.ResponseWriter, r *http.Request) bool {
		if strings.Contains(r.URL.Path, path) {
			n.Add(1)
		}
		return closing(w, r)
	})
	return func() int { return int(n.Swap(0)) }
}

// TestBambooHRFieldBased: calls of the other form hold several people each. By the path that
// the page says, they are read by their ids; without it, everybody is.
func TestBambooHRFieldBased(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join(testenv.Root(t), "docs", "hr", "bamboohr.md"))
	if err != nil {
		t.Fatal(err)
	}
	const path = `person: "employees[*].id"`
	if !strings.Contains(string(page), path) {
		t.Error("the page does not say so")
	}
	for more, reports := range map[string]int{"": 1, ", " + path: 0} {
		t.Run(more, func(t *testing.T) {
			t.Parallel()
			staff := bambooStaff(16)
			inCalled(t, "bamboohr", "2026-03-01T09:00:00Z", staff, func(t *testing.T, k madeKind) { k.bamboo.SubscribeFields(t, calledAt, madeSecret) }, more, func(c *called, kind madeKind, _ string) {
				count := c.asks("reports/custom")
				staff[1].Jobs[0].End, staff[3].Jobs[0].End = "2026-01-31", "2026-01-31"
				c.at("2026-03-01T10:00:00Z", staff)
				if live := c.live(); len(live) != 14 || slices.Contains(live, "p2") || slices.Contains(live, "p4") {
					c.Errorf("%v have accounts", live)
				}
				if n := count(); n != reports {
					c.Errorf("everybody was asked for %d times, want %d", n, reports)
				}
				if went := c.system.Deliveries(); len(went) != 1 || went[0].Status != http.StatusNoContent {
					c.Errorf("%v went out", went)
				}
			})
		})
	}
}
