// SPDX-License-Identifier: Apache-2.0

package provision_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
)

// A pause that an app asks for outlasts the stage in which it did, however
// little that stage has left to send, and whoever comes next.
func TestPauseOutlastsItsStage(t *testing.T) {
	for name, pause := range map[string]time.Duration{"short": 5 * time.Second, "long": 10 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T, h *house) {
				h.crew(2, "sales")
				h.apply()
				h.put(somebody("p000", directory.Leaver))
				for i := range 8 {
					h.put(somebody(fmt.Sprintf("q%03d", i), directory.Active))
				}
				h.seat("p001", "support")
				var until time.Time
				h.app.faults = func(c call) fault {
					switch {
					case time.Now().Before(until):
						t.Errorf("%s %s while the app asks for a pause", c.Op, c.ID)
					case c.Off && until.IsZero():
						until = time.Now().Add(pause)
						return fault{before: slow(pause)}
					}
					return fault{}
				}
				h.apply()
				if until.IsZero() {
					t.Error("nobody asked for a pause")
				}
				h.settled()
			})
		})
	}
}

// A pause that an app asks for stands although it refuses our credential in the same breath;
// once both are over, what was forbidden meanwhile is tried again.
func TestPauseOutlastsARefusal(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.crew(6, "")
		h.apply()
		h.targets[0].Concurrency = 3
		for i := range 6 {
			h.put(somebody(fmt.Sprintf("p%03d", i), directory.Active, "displayName", "x"))
		}
		var until time.Time
		barred := h.account("p000").RemoteID
		h.app.faults = func(c call) fault {
			switch {
			case time.Now().Before(until) && c.Op != "patch" && c.ID != barred: // which may be under way
				t.Errorf("%s %s while the app asks for a pause", c.Op, c.ID)
			case until.IsZero() && c.ID == barred && c.writes():
				return fault{before: &app.Error{Class: app.Unauthorized, Status: 403}}
			case until.IsZero() && c.writes():
				until = time.Now().Add(30 * time.Minute)
				return fault{before: slow(30 * time.Minute)}
			case !until.IsZero() && c.writes() && time.Now().Before(until):
				return fault{before: unauthorized()}
			}
			return fault{}
		}
		for range 2 {
			if rep := h.apply(); time.Now().Before(until) && rep.Paused == "" {
				t.Errorf("%+v", rep)
			}
		}
		h.settled()
	})
}

// A pause for a refusal that an earlier version wrote down frees what was forbidden when it ends,
// too; an app that was sick frees nothing.
func TestPauseOfAnEarlierVersion(t *testing.T) {
	for _, sick := range []bool{false, true} {
		t.Run(fmt.Sprint(sick), func(t *testing.T) {
			in(t, func(t *testing.T, h *house) {
				h.crew(3, "")
				h.apply()
				barred := h.account("p000").RemoteID
				h.app.faults = func(c call) fault {
					if c.ID == barred && c.writes() {
						return fault{before: &app.Error{Class: app.Unauthorized, Status: 403}}
					}
					return fault{}
				}
				h.put(somebody("p000", directory.Active, "displayName", "x"))
				h.apply()
				h.app.faults = nil
				h.must(h.db.Provision().Update(h.ctx, func(tx provision.Tx) error {
					a, err := tx.App(h.ctx, "crm")
					a.Paused, a.PausedAt = "it is paused", time.Now()
					if sick {
						a.RetryAt = time.Now()
					}
					return errors.Join(err, tx.PutApp(h.ctx, a))
				}))
				h.apply()
				if a := h.account("p000"); (a.Parked != "") != sick {
					t.Errorf("%+v", a)
				}
			})
		})
	}
}

// Whom an app's pause has kept goes when it ends, and not only when the one who
// met it may try again.
func TestPauseKeepsNobodyLonger(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.crew(8, "")
		h.apply()
		h.targets[0].Concurrency, h.wait = 1, time.Minute
		for i := range 8 {
			h.put(somebody(fmt.Sprintf("p%03d", i), directory.Active, "displayName", "x"))
		}
		tired := h.account("p000")
		tired.Attempts = 8
		h.must(h.db.Provision().Update(h.ctx, func(tx provision.Tx) error {
			return tx.PutAccounts(h.ctx, []provision.Account{tired})
		}))
		h.app.faults = func(c call) fault {
			if c.Op == "patch" && c.ID == tired.RemoteID {
				return fault{before: slow(30 * time.Second)}
			}
			return fault{}
		}
		if rep := h.apply(); rep.Update != 7 || rep.Waiting != 1 {
			t.Errorf("%+v", rep)
		}
	})
}

// sluggish is a store whose every read takes a while.
type sluggish struct{ provision.Store }

func (s sluggish) View(ctx context.Context, fn func(provision.Tx) error) error {
	time.Sleep(time.Second)
	return s.Store.View(ctx, fn)
}

// A retry whose time comes while the last round looks is not forgotten.
func TestRetryDuringTheLastLook(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.crew(2, "")
		h.apply()
		for at := range 20 {
			h.put(somebody("p000", directory.Active, "displayName", fmt.Sprint(at)))
			waits := h.account("p000")
			waits.RetryAt = time.Now().Add(time.Duration(at)*500*time.Millisecond + time.Millisecond)
			h.must(h.db.Provision().Update(h.ctx, func(tx provision.Tx) error {
				return tx.PutAccounts(h.ctx, []provision.Account{waits})
			}))
			c := h.config()
			c.Store = sluggish{c.Store}
			if _, err := provision.New(c).Apply(h.ctx, nil); err != nil || h.account("p000").Due {
				t.Errorf("a retry after %s was left: %v", waits.RetryAt, err)
			}
		}
	})
}

// Whoever looks accounts up does not go on asking an app that wants a pause.
func TestLookUpsPause(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.crew(60, "")
		h.apply()
		h.must(h.db.Provision().Update(h.ctx, func(tx provision.Tx) error {
			var unsure []provision.Account
			for i := range 60 {
				a := h.account(fmt.Sprintf("p%03d", i))
				a.Observe = true
				unsure = append(unsure, a)
			}
			return tx.PutAccounts(h.ctx, unsure)
		}))
		var until time.Time
		early := 0
		h.app.faults = func(call) fault {
			if until.IsZero() {
				until = time.Now().Add(time.Minute)
				return fault{before: slow(time.Minute)}
			}
			if time.Now().Before(until) {
				early++
			}
			return fault{}
		}
		h.apply()
		if most := h.targets[0].Concurrency; early > most {
			t.Errorf("%d requests while the app asks for a pause", early)
		}
		if a := h.account("p059"); a.Observe {
			t.Errorf("%+v", a)
		}
		h.settled()
	})
}

// Whom the app forbids to look up is set aside, be there more of them than are put up with
// in a row, if it answers anything else; if it does not, it is paused, and is not asked
// about everybody.
func TestLookUpsThatAreForbidden(t *testing.T) {
	for _, void := range []bool{false, true} {
		t.Run(fmt.Sprint(void), func(t *testing.T) {
			in(t, func(t *testing.T, h *house) {
				h.crew(30, "")
				h.apply()
				h.targets[0].Concurrency = 1
				protected := map[string]bool{}
				h.must(h.db.Provision().Update(h.ctx, func(tx provision.Tx) error {
					var unsure []provision.Account
					for i := range 30 {
						a := h.account(fmt.Sprintf("p%03d", i))
						a.Observe, protected[a.RemoteID] = true, i < 17
						unsure = append(unsure, a)
					}
					return tx.PutAccounts(h.ctx, unsure)
				}))
				h.put(somebody("p020", directory.Active, "displayName", "x"))
				h.app.mu.Lock()
				h.app.calls = nil
				h.app.mu.Unlock()
				h.app.faults = func(c call) fault {
					if protected[c.ID] || void {
						return fault{before: &app.Error{Class: app.Unauthorized, Status: 403}}
					}
					return fault{}
				}
				rep := h.apply()
				if void {
					if rep.Paused == "" || rep.Parked != 0 || rep.Update != 0 || len(h.app.calls) > 10 {
						t.Errorf("%+v, %d requests", rep, len(h.app.calls))
					}
					h.app.faults = nil
					h.apply()
					h.settled()
					return
				}
				if rep.Paused != "" || rep.Parked != 17 || rep.Update != 1 {
					t.Errorf("%+v", rep)
				}
			})
		})
	}
}

// A pause that was written down while the clock was years ahead is none.
func TestPauseOfAWrongClock(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.crew(1, "")
		h.apply()
		h.must(h.db.Provision().Update(h.ctx, func(tx provision.Tx) error {
			a, err := tx.App(h.ctx, "crm")
			if err != nil {
				return err
			}
			a.RetryAt = time.Now().AddDate(10, 0, 0)
			return tx.PutApp(h.ctx, a)
		}))
		h.put(somebody("p000", directory.Leaver))
		if rep := h.apply(); rep.Disable != 1 {
			t.Errorf("%+v", rep)
		}
	})
}
