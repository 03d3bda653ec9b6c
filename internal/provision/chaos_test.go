// SPDX-License-Identifier: Apache-2.0

package provision_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/scim"
)

// brittle is a store whose transactions fail at random, which to the engine is
// what a crash is to a process: from then on nothing more is written.
type brittle struct {
	provision.Store
	mu   *sync.Mutex // the lease is renewed beside the run
	dead func() bool
	down *bool
}

var errCrash = errors.New("crash")

func (b brittle) Update(ctx context.Context, fn func(provision.Tx) error) error {
	b.mu.Lock()
	*b.down = *b.down || b.dead()
	down := *b.down
	b.mu.Unlock()
	if down {
		return errCrash
	}
	return b.Store.Update(ctx, fn)
}

// trouble makes a request go wrong at random.
func trouble(rnd *rand.Rand, rate float64) func(c call) fault {
	return func(c call) fault {
		if rnd.Float64() > rate {
			return fault{}
		}
		switch k := rnd.IntN(8); {
		case k == 0 && rnd.IntN(5) == 0:
			return fault{before: unauthorized()}
		case k <= 1:
			return fault{before: slow(time.Duration(rnd.IntN(90)) * time.Second)}
		case k == 2 && c.Op != "list":
			return fault{before: missing()} // a stale replica
		case k <= 4 && c.writes():
			return fault{after: lost()}
		case k == 5 && c.writes():
			return fault{after: broken()}
		case k == 6 && c.writes():
			return fault{before: broken()}
		default:
			return fault{before: &app.Error{Class: app.Unreachable}}
		}
	}
}

// fate changes the company at random.
func (h *house) fate(rnd *rand.Rand) {
	for range 1 + rnd.IntN(4) {
		id := fmt.Sprintf("p%02d", rnd.IntN(15))
		states := []directory.State{directory.Active, directory.Active, directory.Active, directory.Leaver, directory.OnLeave, directory.Missing}
		state := states[rnd.IntN(len(states))]
		if old := h.people[id]; old == nil && state != directory.Active {
			state = directory.Staged
		}
		h.put(somebody(id, state, "displayName", fmt.Sprintf("Name %d", rnd.IntN(3))))
		var teams []string
		for _, v := range []string{"sales", "ops", "board"} {
			if rnd.IntN(2) == 0 {
				teams = append(teams, v)
			}
		}
		h.seat(id, teams...)
	}
}

// Random changes, faults and crashes; once they cease, the app is as the
// directory says, nobody is there twice, and each effect has been told once.
func TestChaos(t *testing.T) {
	seeds := uint64(40)
	if testing.Short() {
		seeds = 10
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			in(t, func(t *testing.T, h *house) { h.chaos(rand.New(rand.NewPCG(seed, 1))) })
		})
	}
}

func (h *house) chaos(rnd *rand.Rand) {
	h.limits = provision.Limits{ // the guard has tests of its own
		Unexplained: provision.Limit{Floor: 1000}, UnexplainedDay: provision.Limit{Floor: 1000},
		Terminations: provision.Limit{Floor: 1000}, Memberships: provision.Limit{Floor: 1000},
	}
	h.app.profile.MembersReadable = true
	h.app.profile.ListTrusted = rnd.IntN(2) == 0
	h.app.profile.MaxMembersPerRequest = 1 + rnd.IntN(4)
	h.app.profile.PageSize = 1 + rnd.IntN(10)
	h.wait = time.Duration(rnd.IntN(3)) * time.Minute
	store := rand.New(rand.NewPCG(rnd.Uint64(), 2)) // the app's own is used by its callers' goroutines
	rate, crashes := rnd.Float64()/3, rnd.Float64()/10
	for range 16 {
		h.fate(store)
		h.app.faults = trouble(rnd, rate)
		e := provision.New(provision.Config{
			Store: patient(brittle{h.db.Provision(), new(sync.Mutex), func() bool { return store.Float64() < crashes }, new(bool)}), Schemas: scim.CoreSchemas(),
			Targets: h.targets, Limits: h.limits, Actor: "test", Now: h.now, Wait: h.wait,
		})
		if _, err := e.Apply(h.ctx, nil); err != nil && !errors.Is(err, errCrash) {
			h.t.Fatal(err)
		}
		time.Sleep(time.Duration(store.IntN(600)) * time.Second)
	}
	h.app.faults, h.wait = nil, 24*time.Hour
	h.calm()
	h.settled()
	before := len(h.app.writes())
	if rep := h.verify(); rep.Drifted != 0 || len(h.app.writes()) != before {
		h.t.Errorf("whoever looks finds drift, and nobody has changed anything: %+v", rep)
	}
	h.toldOnce()
}

// calm is somebody who looks at everything that was set aside.
func (h *house) calm() {
	h.t.Helper()
	for range 3 {
		h.must(h.db.Provision().Update(h.ctx, func(tx provision.Tx) error { return tx.MarkApp(h.ctx, "crm") }))
		h.apply()
	}
}

// toldOnce compares the ledger with what happened at the app.
func (h *house) toldOnce() {
	h.t.Helper()
	for kind, n := range map[string]int{"account.created": h.app.done["create User"], "account.disabled": h.app.done["off"], "group.created": h.app.done["create Group"]} {
		if got := h.events(kind, ""); got != n {
			h.t.Errorf("%d events %s, it happened %d times", got, kind, n)
		}
	}
	seen := map[string]string{}
	for id, u := range h.app.users {
		if other := seen[u.UserName()]; other != "" {
			h.t.Errorf("%s is there twice: %s and %s", u.UserName(), id, other)
		}
		seen[u.UserName()] = id
	}
}
