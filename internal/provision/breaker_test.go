// SPDX-License-Identifier: Apache-2.0

package provision_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
)

// breaker is how the first app's stands, and its row.
func (h *house) breaker() (provision.Breaker, provision.AppState) {
	h.t.Helper()
	var a provision.AppState
	h.must(h.db.Provision().View(h.ctx, func(tx provision.Tx) (err error) {
		a, err = tx.App(h.ctx, h.targets[0].Name)
		return err
	}))
	return a.Breaker(time.Now()), a
}

// others gives people another name, so that there is something to write.
func (h *house) others(n int, name string, but ...int) {
	h.t.Helper()
	var people []*directory.Person
	for i := range n {
		if !slices.Contains(but, i) {
			people = append(people, somebody(fmt.Sprintf("p%03d", i), directory.Active, "displayName", name))
		}
	}
	h.put(people...)
}

// ails has the app go wrong from now on; nil heals it.
func (h *house) ails(faults func(c call) fault) {
	h.app.mu.Lock()
	defer h.app.mu.Unlock()
	h.app.faults = faults
}

// An app that is down is not asked by every person in turn, however much happens: one
// question decides, once a minute at most. The other app goes on. All of it is told once,
// and who has left meanwhile is out within a minute of the app's return.
func TestBreaker(t *testing.T) {
	for name, down := range map[string]*app.Error{
		"500":           broken(),
		"no connection": {Class: app.Unreachable},
		"HTML":          {Class: app.Ambiguous, Status: 200, Detail: "the answer is an HTML page"},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T, h *house) {
				other := newFakeApp()
				h.targets = append(h.targets, newTarget(t, "chat", other))
				h.crew(30, "")
				h.apply()
				h.app.forget()
				h.ails(func(c call) fault {
					if c.writes() || down.Class == app.Unreachable {
						return fault{before: down}
					}
					return fault{before: &app.Error{Class: app.Retry, Status: down.Status}} // as scimapp has it of a read
				})
				h.served(func(e *provision.Engine) {
					for i := range 20 {
						h.others(30, fmt.Sprint(i))
						e.Wake()
						time.Sleep(time.Minute)
					}
					// The sixteen under way, then a question a minute and some at first.
					if n := h.app.asked(); n < 20 || n > 16+2*20+20 {
						t.Errorf("%d requests in twenty minutes to an app that is down", n)
					}
					if state, row := h.breaker(); state != provision.Open || row.PausedAt.IsZero() || !row.RetryAt.After(time.Now()) {
						t.Errorf("%s: %+v", state, row)
					}
					other.mu.Lock()
					for _, u := range other.users {
						if u.DisplayName() != "19" {
							t.Errorf("the other app has not followed: %s", u.DisplayName())
						}
					}
					other.mu.Unlock()
					h.put(somebody("p000", directory.Leaver))
					e.Wake()
					h.ails(nil)
					time.Sleep(61 * time.Second)
					if a := h.account("p000"); a.State != provision.Disabled {
						t.Errorf("who has left is %s a minute after the app is back", a.State)
					}
					if state, row := h.breaker(); state != provision.Closed || row.Paused != "" {
						t.Errorf("%s: %+v", state, row)
					}
				})
				h.settled()
				if paused, resumed := h.events("app.paused", ""), h.events("app.resumed", ""); paused != 1 || resumed != 1 {
					t.Errorf("%d events app.paused, %d app.resumed", paused, resumed)
				}
			})
		})
	}
}

// An app that can be read and fails every write is sent to now and then, and told of once.
func TestBreakerOfWritesThatFail(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.crew(60, "")
		h.apply()
		h.app.forget()
		h.ails(func(c call) fault {
			if c.writes() {
				return fault{before: broken()}
			}
			return fault{}
		})
		h.others(60, "x")
		h.served(func(*provision.Engine) {
			time.Sleep(20 * time.Minute)
			// Sixteen, then five a time, some two times a minute at most.
			if n := len(h.app.writes()); n < 40 || n > 16+5*60 {
				t.Errorf("%d writes in twenty minutes to an app that fails them", n)
			}
			h.ails(nil)
			time.Sleep(12 * time.Minute) // their own backoffs
		})
		h.settled()
		if paused, resumed := h.events("app.paused", ""), h.events("app.resumed", ""); paused != 1 || resumed != 1 {
			t.Errorf("%d events app.paused, %d app.resumed", paused, resumed)
		}
	})
}

// Somebody whom the app never answers about is poison, and no outage: the breaker stays
// closed, and everybody else goes.
func TestBreakerAndPoison(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.crew(40, "")
		h.apply()
		poison := h.account("p003").RemoteID
		h.ails(func(c call) fault {
			if c.ID == poison || c.ID == "p003" {
				if c.writes() {
					return fault{before: broken()}
				}
				return fault{before: &app.Error{Class: app.Retry, Status: 500}}
			}
			return fault{}
		})
		h.put(somebody("p003", directory.Active, "displayName", "x"))
		h.served(func(e *provision.Engine) {
			time.Sleep(time.Hour) // alone with it, for many a try
			h.others(40, "y", 3)
			e.Wake()
			time.Sleep(5 * time.Second)
			for j := range 40 {
				if a := h.account(fmt.Sprintf("p%03d", j)); j != 3 && a.Due {
					t.Errorf("%s waits for a neighbour", a.Person)
				}
			}
		})
		if n := h.events("app.paused", ""); n != 0 {
			t.Errorf("%d events app.paused", n)
		}
	})
}

// A restart does not close it, and whoever starts waits for its time, if there is time to.
func TestBreakerOutlivesARestart(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.crew(20, "")
		h.apply()
		h.others(20, "x")
		h.ails(func(call) fault { return fault{before: &app.Error{Class: app.Unreachable}} })
		h.wait = 10 * time.Minute
		if rep := h.apply(); !strings.Contains(rep.Paused, "unreachable") || rep.Waiting != 20 {
			t.Errorf("%+v", rep)
		}
		_, row := h.breaker()
		h.app.forget()
		h.wait = 0
		if rep := h.apply(); rep.Paused == "" || len(h.app.calls) != 0 {
			t.Errorf("%+v, and %d requests before %v", rep, len(h.app.calls), row.RetryAt)
		}
		time.Sleep(time.Until(row.RetryAt))
		if state, _ := h.breaker(); state != provision.HalfOpen {
			t.Errorf("it is %s when its time has come", state)
		}
		if rep := h.apply(); rep.Paused == "" || len(h.app.calls) != 1 || h.app.calls[0].writes() {
			t.Errorf("%+v, %+v", rep, h.app.calls)
		}
		h.ails(nil)
		h.wait = 2 * time.Minute
		if rep := h.apply(); rep.Paused != "" || rep.Update != 20 {
			t.Errorf("%+v", rep)
		}
		h.settled()
	})
}

// On trial a request goes alone until one has gone through; a failure about one person
// counts once, an answer of any kind ends the row.
func TestMachineOnTrial(t *testing.T) {
	t.Parallel()
	queue := make([]*provision.Intent, 40)
	for i := range queue {
		queue[i] = &provision.Intent{Kind: provision.Create, Person: fmt.Sprint(i), Ops: []*provision.Op{{ID: fmt.Sprint(i)}}}
	}
	m := provision.NewMachine(16, queue)
	m.Trial()
	m.Recorded(m.Step(noon, true).Intents)
	one := func(err *app.Error) {
		t.Helper()
		sent := m.Step(noon, false).Send
		if len(sent) != 1 {
			t.Fatalf("%d are sent, want 1", len(sent))
		}
		m.Answered(noon, 0.5, sent[0], provision.Answer{Err: err})
	}
	for range 4 {
		one(broken())
	}
	one(refused("an answer all the same"))
	for range 4 {
		one(broken())
	}
	if m.Broken() != nil {
		t.Fatal("four failures in a row, and it is left alone")
	}
	one(nil)
	sent := m.Step(noon, false).Send
	if len(sent) != 2 {
		t.Fatalf("%d are sent once something has gone through, want 2", len(sent))
	}
	for range 5 {
		m.Answered(noon, 0.5, sent[0], provision.Answer{Err: broken()})
	}
	if m.Broken() != nil {
		t.Error("one person's failures are taken for an outage")
	}
}

// An app that cannot be read is left alone as well, again and again, and never taken for
// one that somebody has to mend; and a pause that it asks for while it is half open holds
// for the question, too.
func TestBreakerOfReads(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.crew(20, "")
		h.apply()
		h.must(h.db.Provision().Update(h.ctx, func(tx provision.Tx) error {
			var unsure []provision.Account
			for i := range 20 {
				a := h.account(fmt.Sprintf("p%03d", i))
				a.Observe = true
				unsure = append(unsure, a)
			}
			return tx.PutAccounts(h.ctx, unsure)
		}))
		h.app.profile.ListTrusted = true // one list instead of twenty look-ups
		h.ails(func(call) fault { return fault{before: &app.Error{Class: app.Retry, Status: 502}} })
		var until time.Time
		h.served(func(*provision.Engine) {
			for range 3 { // answers the question alone, so that it opens anew
				time.Sleep(5 * time.Minute)
				if state, row := h.breaker(); state == provision.Closed || row.Paused != "" && row.RetryAt.IsZero() {
					t.Errorf("%s: %+v", state, row)
				}
				h.ails(func(c call) fault {
					if c.Op == "find" && c.ID == "usher-probe" {
						return fault{}
					}
					return fault{before: &app.Error{Class: app.Retry, Status: 502}}
				})
			}
			h.ails(func(call) fault {
				if until.IsZero() {
					until = time.Now().Add(10 * time.Minute)
					return fault{before: slow(10 * time.Minute)}
				}
				if time.Now().Before(until) {
					t.Error("asked while the app asks for a pause")
				}
				return fault{}
			})
			time.Sleep(25 * time.Minute)
		})
		h.settled()
		if paused, resumed := h.events("app.paused", ""), h.events("app.resumed", ""); paused != 1 || resumed != 1 {
			t.Errorf("%d events app.paused, %d app.resumed", paused, resumed)
		}
	})
}

// stuck is a store in which a breaker cannot be shut.
type stuck struct{ provision.Store }

func (s stuck) Update(ctx context.Context, fn func(provision.Tx) error) error {
	return s.Store.Update(ctx, func(tx provision.Tx) error { return fn(stuckTx{tx}) })
}

type stuckTx struct{ provision.Tx }

func (tx stuckTx) PutApp(ctx context.Context, a provision.AppState) error {
	if was, err := tx.App(ctx, a.Name); err != nil || !was.PausedAt.IsZero() && a.PausedAt.IsZero() {
		return errors.Join(err, errCrash)
	}
	return tx.Tx.PutApp(ctx, a)
}

// Whoever cannot write down that an app is well again waits for what is under way, and for
// nothing else: what was to be sent next is not.
func TestBreakerCannotBeShut(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.crew(30, "")
		h.must(h.db.Provision().Update(h.ctx, func(tx provision.Tx) error {
			a, err := tx.App(h.ctx, h.targets[0].Name)
			a.PausedAt = time.Now().Add(-time.Minute) // half open
			return errors.Join(err, tx.PutApp(h.ctx, a))
		}))
		h.others(30, "Another")
		c := h.config()
		c.Store = stuck{c.Store}
		if _, err := provision.New(c).Apply(h.ctx, nil); !errors.Is(err, errCrash) {
			t.Errorf("%v", err)
		}
		h.apply()
		h.settled()
	})
}
