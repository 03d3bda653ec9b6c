// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"fmt"
	"hash"
	"hash/fnv"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/usher-id/usher/internal/provision"
)

// world is one run: a company, its apps, the engine's processes, and what goes wrong.
type world struct {
	seed  uint64
	class class
	kit   *kit
	store Store
	rnd   *rand.Rand // the scheduler's alone

	hr     company
	apps   []*fakeApp
	oracle *oracle
	taken  *reading // what the last read that was taken is

	mu        sync.Mutex // guards what processes and the scheduler share while both may run
	waiting   []*parked
	fresh     []*parked // of them, those that the scheduler has not met
	arrived   chan struct{}
	serial    map[string]int
	leases    map[string]provision.Lease
	faulty    bool            // things go wrong
	owed      int             // faults that the run must have still
	standing  map[string]bool // holds, in the end
	kept      map[string]int  // of them, how many memberships of an app are held
	releases  bool            // in the end somebody agrees to what is held
	processes int
	late      []*lateness

	procs []*process
	live  *process // the one that gets the orders
	older *process // one that was paused when another took its place

	steps      int
	faults     int
	crashes    int
	hits       map[cell]int
	reached    map[string]bool
	refusals   []refusal       // not written down yet
	spared     map[string]bool // workers of whom nothing more is to be changed
	violations []Violation
	trace      trace
}

// parked is something that waits for the scheduler.
type parked struct {
	key     string
	proc    *process
	request *request // a request that has not had its effect
	effect  func(v verdict) answer
	answer  *request // an answer that was not heard
	halted  bool     // a request that was never sent
	said    *answer  // what the app said while the process stood still
	let     chan verdict
}

// wait parks whoever calls until the scheduler lets them go on.
func (p *process) wait(k *parked) verdict {
	w := p.w
	k.proc, k.let = p, make(chan verdict, 1)
	w.mu.Lock()
	if p.dead {
		w.mu.Unlock()
		return verdict{buried: true}
	}
	k.key = p.name + k.key
	w.serial[k.key]++
	if n := w.serial[k.key]; n > 1 {
		k.key += "#" + strconv.Itoa(n)
	}
	w.fresh = append(w.fresh, k)
	w.mu.Unlock()
	w.nudge()
	return <-k.let
}

// nudge wakes the scheduler from a wait for whatever comes.
func (w *world) nudge() {
	select {
	case w.arrived <- struct{}{}:
	default:
	}
}

// lateness is an effect that comes when nobody waits for it any more.
type lateness struct {
	at     time.Time
	key    string
	effect func(v verdict) answer
}

// Violation is an invariant that did not hold.
type Violation struct {
	Invariant int // of DESIGN §3; 0 for what is none of them
	What      string
	Step      int
}

func (v Violation) String() string {
	return fmt.Sprintf("invariant %d, step %d: %s", v.Invariant, v.Step, v.What)
}

// violate notes that an invariant does not hold.
func (w *world) violate(invariant int, format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.violations) < 20 {
		w.violations = append(w.violations, Violation{invariant, fmt.Sprintf(format, args...), w.steps})
	}
}

func (w *world) broken() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.violations) > 0
}

// trace is what happened, as far as it is told.
type trace struct {
	told  Told
	sum   hash.Hash64
	lines []string
	begun time.Time
}

// told says that somebody wants to know what happens. Most runs are asked for their end alone: of one that is
// not right the whole can be had by making it again.
func (w *world) told() bool { return w.trace.told >= Everything }

func (w *world) note(format string, args ...any) {
	if !w.told() {
		return
	}
	line := fmt.Sprintf("%6d %12s  ", w.steps, time.Since(w.trace.begun).Round(time.Millisecond)) + fmt.Sprintf(format, args...)
	_, _ = w.trace.sum.Write([]byte(line))
	w.trace.lines = append(w.trace.lines, line)
}

// newWorld draws a company and its apps.
func newWorld(seed uint64, k *kit, store Store, told Told) *world {
	w := &world{
		seed: seed, kit: k, store: store, rnd: rand.New(rand.NewPCG(seed, 0x75736865)), //nolint:gosec // a run must repeat
		arrived: make(chan struct{}, 1), serial: map[string]int{}, leases: map[string]provision.Lease{}, hits: map[cell]int{}, reached: map[string]bool{}, spared: map[string]bool{},
		trace: trace{told: told, sum: fnv.New64a(), begun: time.Now()},
	}
	w.class = classes[seed%uint64(len(classes))](w.rnd)
	w.oracle = &oracle{
		w: w, intents: map[int64]*intent{}, byName: map[string]*intent{}, keys: map[string]string{}, fences: map[string]int64{},
		claims: map[claim]int{}, out: map[string]bool{}, back: map[string]time.Time{}, rest: map[string]time.Time{},
	}
	w.releases = w.rnd.IntN(10) < 7
	for range leastPeople + w.rnd.IntN(3) {
		w.hr.hire(w)
	}
	for i := range 3 + w.rnd.IntN(8)/7 {
		a := w.newApp(i)
		w.earlier(a)
		w.apps = append(w.apps, a)
	}
	if w.class.prepare != nil {
		w.class.prepare(w)
	}
	for _, a := range w.apps {
		if w.told() {
			w.note("app %s: %s", a.name, a.ways())
		}
	}
	return w
}
