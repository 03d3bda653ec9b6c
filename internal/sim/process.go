// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/source"
)

// process is one process of the engine: it works the orders of cron, or of somebody at a
// terminal, until it is stopped or killed.
type process struct {
	w      *world
	n      int
	name   string // that what it waits for begins with
	ctx    context.Context
	cancel context.CancelFunc
	orders chan order
	done   chan struct{}
	owner  *provision.Owner

	// Guarded by the world's mutex.
	dead    bool
	still   bool // it stands still: nothing of it runs, and it does not know
	busy    bool
	phase   string
	release map[string]bool      // holds that somebody agrees to
	turns   map[string]moment    // since when it has had an app
	fences  map[string]int64     // under which
	reading int64                // odd while the source is read beside the engine
	ailed   map[string]time.Time // when an app did not answer as it should, last

	beside sync.WaitGroup // the read beside the engine
}

// order is one cycle that a process is asked for.
type order struct {
	wait    time.Duration // for retries
	verify  bool
	release map[string]bool
	known   bool     // the source has not changed, and is not read; dates come all the same
	app     string   // only this one
	people  []string // only these, without a read of the source
}

// start starts a process over the store as it is.
func (w *world) start() *process {
	w.processes++
	p := &process{
		w: w, n: w.processes, name: fmt.Sprintf("p%d/", w.processes), orders: make(chan order, 1), done: make(chan struct{}), owner: provision.NewOwner("sim"),
		turns: map[string]moment{}, fences: map[string]int64{}, phase: "idle", ailed: map[string]time.Time{},
	}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	w.procs = append(w.procs, p)
	go p.work()
	return p
}

func (p *process) work() {
	defer close(p.done)
	for {
		select {
		case o := <-p.orders:
			if err := p.cycle(o); err != nil && !ours(err) {
				p.w.violate(0, "process %d: a cycle ends with %v", p.n, err)
			}
			p.enter("idle", false)
		case <-p.ctx.Done():
			return
		}
	}
}

func (p *process) enter(phase string, busy bool) {
	p.w.mu.Lock()
	p.phase, p.busy = phase, busy
	p.w.mu.Unlock()
	p.w.nudge()
}

// ask gives a process an order. It must be idle.
func (p *process) ask(o order) {
	p.w.mu.Lock()
	p.busy, p.phase, p.release = true, "starts", o.release
	p.w.mu.Unlock()
	p.orders <- o
}

// die ends a process as kill -9 does: nothing of it commits or is sent from here on.
func (p *process) die() {
	p.w.mu.Lock()
	p.dead = true
	p.w.mu.Unlock()
	p.cancel()
}

// stop lets a process stand still, as a machine does that is paused.
func (p *process) stop() {
	p.w.mu.Lock()
	p.still = true
	p.w.mu.Unlock()
}

func (p *process) gone() bool {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	return p.dead
}

func (p *process) standing() bool {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	return p.still
}

// released is the engine's question whether somebody agrees to a hold.
func (p *process) released(id string) bool {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	return p.release[id]
}

// cycle is one apply, as internal/server composes it.
func (p *process) cycle(o order) error {
	var errs []error
	if o.people == nil {
		p.enter("reads", true)
		errs = append(errs, p.ingest(o.known))
	}
	p.enter("applies", true)
	errs = append(errs, p.apply(o))
	p.beside.Wait()
	_, err := audit.Sequence(context.WithoutCancel(p.ctx), chain{p.w.store.Ledger(), p})
	return errors.Join(append(errs, err)...)
}

// ingest reads the source and moves people to where they belong. What cannot be read
// today stops no date from coming, nor does what is known already.
func (p *process) ingest(known bool) error {
	d := p.directory()
	var unread error
	r := &reader{p: p}
	err := directories{p.w.store, p, "rules"}.Update(p.ctx, func(tx directory.Tx) error {
		_, err := d.Retally(p.ctx, tx, p.w.kit.teams.Digest())
		return err
	})
	if err != nil {
		return err
	}
	if !known {
		_, unread = source.Ingest(p.ctx, sources{p.w.store, p, "read"}, d, source.Source{
			Name: "hr", File: "hr.csv", Reader: r, Mapping: p.w.kit.row, Digest: p.w.kit.row.Digest(),
		})
		if unread == nil {
			p.w.took(r.reading)
		}
	}
	err = directories{p.w.store, p, "settle"}.Update(p.ctx, func(tx directory.Tx) error {
		_, err := d.Settle(p.ctx, tx)
		return err
	})
	return errors.Join(unread, err)
}

func (p *process) directory() *directory.Directory {
	return directory.New(directory.Config{
		Schemas: p.w.kit.schemas, Sources: []directory.SourceRules{{Name: "hr"}}, Paths: p.w.kit.row.Paths(), Teams: p.w.kit.teams,
		Gate:  provision.Gate{Limits: provision.DefaultLimits(), Released: p.released, Actor: "sim"},
		Actor: "sim", Now: time.Now,
	})
}

// reader is the source's Reader; what it yields is for the scheduler to say.
type reader struct {
	p       *process
	reading *reading
}

var errGarbage = errors.New("sim: the file cannot be read")

func (r *reader) Read(context.Context) (b *source.Batch, err error) {
	v := r.p.wait(&parked{key: "hr/read"})
	if v.buried {
		return nil, errCrash
	}
	b, r.reading, err = r.p.w.hr.deliver(v.read, r.p.w.oracle.out)
	return b, err
}

// apply runs the engine, each app's in a goroutine of its own, as Engine.Apply does with
// all of them; apart, they can be told apart at the store.
func (p *process) apply(o order) error {
	var wg sync.WaitGroup
	errs := make([]error, len(p.w.apps))
	for i, a := range p.w.apps {
		if o.app != "" && o.app != a.name {
			continue
		}
		e := provision.New(p.config(a, o))
		wg.Go(func() {
			if _, err := e.Apply(p.ctx, nil); err != nil {
				errs[i] = fmt.Errorf("app %s: %w", a.name, err)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (p *process) config(a *fakeApp, o order) provision.Config {
	w := p.w
	return provision.Config{
		Store: provisions{w.store.Provision(), p, a.name}, Owner: p.owner, Schemas: w.kit.schemas, Targets: []*provision.Target{p.target(a)},
		Limits: provision.DefaultLimits(), Released: p.released, People: slices.Clone(o.people), Actor: "sim", Now: time.Now, Wait: o.wait, Verify: o.verify,
		Luck: a.luck, Reading: p.pace,
	}
}

// luck is the engine's jitter at an app, one number for each instant: several requests can fail at one without waiting
// for anybody, when a lease has run out, and in which order they are told of is for the runtime to say.
func (a *fakeApp) luck() float64 {
	n := uint64(slices.Index(a.w.apps, a))
	return rand.New(rand.NewPCG(a.w.seed<<2|n, uint64(time.Now().UnixNano()))).Float64() //nolint:gosec // a run must repeat
}

func (p *process) target(a *fakeApp) *provision.Target {
	return &provision.Target{
		Name: a.name, App: client{a, p}, Mapping: p.w.kit.account, Teams: map[string]bool{"department": true},
		Adopt: []string{"externalId", "userName"}, FirstRunGo: true, Concurrency: p.w.class.senders, Digest: [32]byte{1},
	}
}
