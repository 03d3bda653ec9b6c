// SPDX-License-Identifier: Apache-2.0

package provision_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/store"
)

// served runs an engine's Serve beside a test.
func (h *house) served(fn func(e *provision.Engine)) {
	h.t.Helper()
	e := h.engine()
	ctx, stop := context.WithCancel(h.ctx)
	ended := make(chan error)
	go func() { ended <- e.Serve(ctx) }()
	fn(e)
	stop()
	h.must(<-ended)
}

func TestServeFollows(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.crew(3, "sales")
		h.served(func(e *provision.Engine) {
			time.Sleep(100 * time.Millisecond)
			if n := h.app.accounts(); n != 3 {
				t.Fatalf("%d accounts after the start", n)
			}
			h.put(somebody("p000", directory.Active, "displayName", "x"))
			e.Wake()
			time.Sleep(50 * time.Millisecond)
			if h.account("p000").Due {
				t.Error("nothing followed a wake")
			}
			h.put(somebody("p001", directory.Leaver)) // by another replica: nobody wakes
			time.Sleep(1100 * time.Millisecond)
			if h.account("p001").State != provision.Disabled {
				t.Error("the look once a second saw nothing")
			}
			h.app.forget()
			time.Sleep(time.Hour)
			if n := h.app.asked(); n > 0 {
				t.Errorf("a quiet hour sent %d requests", n)
			}
		})
		h.settled()
	})
}

// A retry comes at its time, without anybody's help.
func TestServeRetries(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.crew(2, "")
		h.app.faults = func(c call) fault {
			if c.Op == "create" && c.ID == "p001" && c.Nth == 1 {
				return fault{before: slow(20 * time.Minute)}
			}
			return fault{}
		}
		h.served(func(*provision.Engine) {
			time.Sleep(19 * time.Minute)
			if n := h.app.accounts(); n != 1 {
				t.Errorf("%d accounts before the retry", n)
			}
			time.Sleep(2 * time.Minute)
			if n := h.app.accounts(); n != 2 {
				t.Errorf("%d accounts after the retry", n)
			}
		})
		h.settled()
	})
}

// A sick app is asked less and less, however much happens, and taken up again
// by itself.
func TestServePausesASickApp(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.crew(3, "")
		h.app.faults = func(call) fault { return fault{before: unauthorized()} }
		h.served(func(e *provision.Engine) {
			for range 60 {
				h.put(somebody("p000", directory.Active, "displayName", time.Now().String()))
				e.Wake()
				time.Sleep(time.Minute)
			}
			if n := h.app.asked(); n == 0 || n > 30 {
				t.Errorf("%d requests in an hour of 401", n)
			}
			h.app.mu.Lock()
			h.app.faults = nil
			h.app.mu.Unlock()
			time.Sleep(15 * time.Minute)
		})
		h.settled()
	})
}

// A cycle that somebody asks for takes its turn with Serve's own.
func TestApplyBesideServe(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.crew(20, "sales")
		var e, asked *provision.Engine
		owner := provision.NewOwner("test")
		c := h.config()
		c.Owner = owner
		e = provision.New(c)
		c.Actor = "somebody"
		asked = provision.New(c)
		ctx, stop := context.WithCancel(h.ctx)
		ended := make(chan error)
		go func() { ended <- e.Serve(ctx) }()
		for i := range 5 {
			h.put(somebody("p003", directory.Active, "displayName", string(rune('a'+i))))
			res, err := asked.Apply(h.ctx, nil)
			if err != nil || res.Apps["crm"].Paused != "" {
				t.Error(err, res.Apps["crm"])
			}
			if h.account("p003").Due {
				t.Error("not done when the cycle has ended")
			}
		}
		stop()
		h.must(<-ended)
		synctest.Wait()
		h.settled()
	})
}

// Whoever lost an app can write nothing more about it.
func TestFenced(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.crew(5, "")
		h.app.faults = func(c call) fault {
			if c.Op == "create" && c.ID == "p002" { // meanwhile, another process takes over
				h.must(h.db.Provision().Update(h.ctx, func(tx provision.Tx) error {
					_, _, err := tx.TakeLease(h.ctx, "crm", "another", time.Now().Add(time.Hour))
					return err
				}))
			}
			return fault{}
		}
		if _, err := h.engine().Apply(h.ctx, nil); err == nil {
			t.Error("nobody noticed that the app was taken over")
		}
		if h.account("p002").RemoteID != "" {
			t.Error("the outcome was written under an old fence")
		}
		h.app.faults = nil
		h.apply() // looks up what was left open
		h.settled()
		if n := h.events("account.created", ""); n != 5 {
			t.Errorf("%d events account.created", n)
		}
	})
}

// shared is a store of several processes, another of which owns every app until
// an instant.
type shared struct {
	provision.Store
	until time.Time
}

type sharedTx struct {
	provision.Tx
	until time.Time
}

func (s shared) Update(ctx context.Context, fn func(provision.Tx) error) error {
	return s.Store.Update(ctx, func(tx provision.Tx) error { return fn(sharedTx{tx, s.until}) })
}

func (t sharedTx) TakeLease(ctx context.Context, app, holder string, until time.Time) (provision.Lease, bool, error) {
	if time.Now().Before(t.until) {
		return provision.Lease{App: app, Holder: "another", Fence: 1, Until: t.until}, false, nil
	}
	return t.Tx.TakeLease(ctx, app, holder, until)
}

// A replica that stands by takes over soon after the owner's death, however long
// it has stood by.
func TestServeStandsBy(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.crew(3, "")
		c := h.config()
		c.Store = shared{c.Store, time.Now().Add(time.Hour)}
		c.Cycled = func(_ string, _ provision.AppReport, err error) {
			if err != nil {
				t.Error(err)
			}
		}
		ctx, stop := context.WithCancel(h.ctx)
		ended := make(chan error)
		go func() { ended <- provision.New(c).Serve(ctx) }()
		time.Sleep(time.Hour - time.Millisecond) // at the hour itself it may have begun
		if n := h.app.asked(); n > 0 {
			t.Errorf("%d requests to an app of another's", n)
		}
		time.Sleep(5 * time.Second)
		if n := h.app.accounts(); n != 3 {
			t.Errorf("%d accounts 5 s after the owner's death", n)
		}
		stop()
		h.must(<-ended)
	})
}

// Whoever is stopped leaves the app to others at once, and tells of its last
// cycle.
func TestStopDropsTheLease(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.crew(30, "")
		ctx, stop := context.WithCancel(h.ctx)
		h.app.faults = func(c call) fault {
			if c.Op == "create" && c.ID == "p010" {
				stop()
			}
			return fault{}
		}
		told := 0
		c := h.config()
		c.Cycled = func(_ string, r provision.AppReport, err error) {
			if told++; err != nil || r.Create == 0 {
				t.Errorf("%+v, %v", r, err)
			}
		}
		h.must(provision.New(c).Serve(ctx))
		if told != 1 {
			t.Errorf("%d cycles told of", told)
		}
		h.must(h.db.Read(h.ctx, func(r store.Reader) error {
			leases, err := r.Leases(h.ctx)
			if len(leases) != 1 || !leases[0].Until.IsZero() {
				t.Errorf("%+v", leases)
			}
			return err
		}))
	})
}

// A source is read chunk by chunk. What reaches too far as a whole does not pass
// piece by piece meanwhile; leavers whom the guard has let pass go at once.
func TestServeWaitsForTheWholeRead(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.crew(40, "sales")
		h.put(somebody("zoe", directory.Active))
		h.apply()
		var reading atomic.Int64
		c := h.config()
		c.Reading = reading.Load
		e := provision.New(c)
		ctx, stop := context.WithCancel(h.ctx)
		ended := make(chan error)
		go func() { ended <- e.Serve(ctx) }()
		time.Sleep(time.Minute)
		h.app.forget()
		reading.Add(1)
		zoe := somebody("zoe", directory.Leaver)
		zoe.Admitted = true
		h.put(zoe)
		for i := range 40 {
			h.seat(fmt.Sprintf("p%03d", i))
			if i%10 == 0 {
				time.Sleep(2 * time.Second)
			}
		}
		if w := h.app.writes(); len(w) != 1 || !w[0].Off || h.account("zoe").State != provision.Disabled {
			t.Errorf("while the source was read: %+v", w)
		}
		reading.Add(1)
		time.Sleep(2 * time.Second)
		if w := h.app.writes(); len(w) != 1 {
			t.Errorf("when the source had been read: %+v", w[1:])
		}
		if held := h.holds(); len(held) != 1 || held[0].Count != 40 {
			t.Errorf("held: %+v", held)
		}
		stop()
		h.must(<-ended)
	})
}
