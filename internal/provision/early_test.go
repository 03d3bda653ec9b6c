// SPDX-License-Identifier: Apache-2.0

package provision_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
)

// slack is a store that takes its time after each commit, or after the first one that
// records requests.
type slack struct {
	provision.Store
	turn    chan struct{}
	each    time.Duration
	intents time.Duration
	until   atomic.Int64 // the lease, as last committed
}

func newSlack(s provision.Store) *slack { return &slack{Store: s, turn: make(chan struct{}, 1)} }

func (s *slack) Update(ctx context.Context, fn func(provision.Tx) error) error {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	var taken time.Time
	wait := s.each
	err := s.Store.Update(ctx, func(tx provision.Tx) error { return fn(slackTx{tx, &taken, &wait, s.intents}) })
	if !taken.IsZero() && err == nil {
		s.until.Store(taken.UnixNano())
	}
	if wait == s.intents {
		s.intents = 0
	}
	time.Sleep(wait)
	return err
}

type slackTx struct {
	provision.Tx
	taken   *time.Time
	wait    *time.Duration
	intents time.Duration
}

func (tx slackTx) TakeLease(ctx context.Context, app, holder string, until time.Time) (provision.Lease, bool, error) {
	l, ok, err := tx.Tx.TakeLease(ctx, app, holder, until)
	*tx.taken = l.Until
	return l, ok, err
}

func (tx slackTx) PutIntents(ctx context.Context, fence int64, intents []*provision.Intent) error {
	if tx.intents > 0 {
		*tx.wait = tx.intents
	}
	return tx.Tx.PutIntents(ctx, fence, intents)
}

// What was there before us is matched before anything is made, even if the time to try the
// list again has come before the engine looks.
func TestListThatFailedIsNoGround(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.app.profile.ListTrusted = true
		h.put(somebody("p000", directory.Active))
		h.app.user("p000@acme.example", "p000")
		h.app.faults = func(c call) fault {
			if c.Op == "list" && c.Nth == 1 {
				return fault{before: lost()}
			}
			return fault{}
		}
		c := h.config()
		s := newSlack(c.Store)
		s.each = 1200 * time.Millisecond // longer than the wait after a first failure
		c.Store = s
		_, err := provision.New(c).Apply(h.ctx, nil)
		h.must(err)
		if n := h.app.accounts(); n != 1 {
			t.Errorf("%d accounts, want the one that was there", n)
		}
	})
}

// A process that stood still for longer than its lease does not send what it had recorded
// before: another one may have looked for it, found nothing, and sent it itself.
func TestNothingIsSentWithoutTheLease(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.put(somebody("p000", directory.Active), somebody("p001", directory.Active))
		c := h.config()
		s := newSlack(c.Store)
		s.intents = 30 * time.Second
		c.Store = s
		h.app.faults = func(c call) fault {
			if until := time.Unix(0, s.until.Load()); c.writes() && !time.Now().Before(until) {
				t.Errorf("%s %s is sent %s after the lease has run out", c.Op, c.ID, time.Since(until))
			}
			return fault{}
		}
		_, err := provision.New(c).Apply(h.ctx, nil)
		h.must(err)
		h.matches()
	})
}

// Within the time that an app takes to show what it holds, an account that is not shown is
// not gone.
func TestVerifiedBeforeItShows(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.app.profile.Settle = time.Minute
		h.put(somebody("p000", directory.Active))
		h.apply()
		made, id := time.Now(), h.account("p000").RemoteID
		account := h.app.users[id]
		h.app.faults = func(call) fault {
			if h.app.users[id] = account; time.Since(made) < time.Minute {
				delete(h.app.users, id)
			}
			return fault{}
		}
		h.verify()
		if a := h.account("p000"); a.State != provision.Live || a.RemoteID != id {
			t.Errorf("the account %s is taken for %+v", id, a)
		}
	})
}

// An app that does not know a member yet, and says so by 400, is asked again once the
// account has been looked up; only then the member is set aside.
func TestMemberNotKnownYet(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.put(somebody("p000", directory.Active))
		h.seat("p000", "sales")
		refusals := 0
		h.app.faults = func(c call) fault {
			if c.Op == "members" && refusals == 0 {
				refusals++
				return fault{before: refused("no such member")}
			}
			return fault{}
		}
		h.apply()
		h.settled()
		if a := h.account("p000"); refusals != 1 || a.Parked != "" {
			t.Errorf("%d refusals; %+v", refusals, a)
		}
	})
}
