// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"time"
)

// The least that a run is (DESIGN: the simulator).
const (
	leastApps, leastPeople, leastSteps, leastFaults = 3, 20, 200, 5
)

// Result is what a run was.
type Result struct {
	Seed       uint64
	Class      string
	Apps       int
	People     int
	Steps      int
	Faults     int
	Crashes    int
	Requests   int64
	Lasted     time.Duration // by the run's own clock
	Hits       map[cell]int
	Violations []Violation
	Sum        uint64 // of the trace
	Trace      []string
}

// Told is what is written down of a run. Nothing else of it is different for that.
type Told int

const (
	Ending     Told = iota // how it ended: Trace and Sum are empty
	Everything             // all that happened, one thing at a time
	Reads                  // the reads that wait for nobody, too, in the order in which they come, which may be another the next time
)

// Run makes one run in the bubble of its caller.
func Run(seed uint64, store Store, told Told) (Result, error) {
	k, err := made()
	if err != nil {
		return Result{}, err
	}
	w := newWorld(seed, k, store, told)
	w.play()
	w.quiesce()
	if w.broken() && w.told() {
		w.dump()
	}
	w.end()
	res := Result{
		Seed: seed, Class: w.class.name, Apps: len(w.apps), People: w.hr.last, Steps: w.steps, Faults: w.faults, Crashes: w.crashes,
		Lasted: time.Since(w.trace.begun), Hits: w.hits, Violations: w.violations, Sum: w.trace.sum.Sum64(), Trace: w.trace.lines,
	}
	for _, a := range w.apps {
		res.Requests += a.requests
	}
	if len(res.Violations) == 0 {
		if res.Apps < leastApps || res.People < leastPeople || res.Steps < leastSteps || res.Faults < leastFaults {
			w.violate(0, "the run is too small: %d apps, %d people, %d steps, %d faults", res.Apps, res.People, res.Steps, res.Faults)
			res.Violations = w.violations
		}
	}
	return res, nil
}

// play is the bad part of a run.
func (w *world) play() {
	w.live = w.start()
	most := w.class.steps + w.rnd.IntN(40)
	if w.class.loaded {
		w.cycle(order{wait: time.Hour})
		most += w.steps
	}
	w.faulty, w.owed = true, leastFaults
	for moves := 0; (w.steps < most || w.faults < leastFaults) && moves < 20*most && !w.broken(); moves++ {
		w.settle()
		w.move()
	}
}

// move is one thing that happens.
func (w *world) move() {
	p := w.live
	if p != nil && p.gone() {
		w.live, p = nil, nil
	}
	if o := w.older; o != nil && o.gone() {
		w.older = nil
	}
	if p != nil && p.standing() {
		w.note("p%d stands still", p.n)
		w.land(func(k *parked) bool { return k.proc == p })
		w.live, w.older, p = nil, p, nil
	}
	ready := w.ready()
	switch r := w.rnd.IntN(100); {
	case w.older != nil && (r < 1 || r < 20 && w.overtaken(w.older)):
		w.wake()
	case p == nil && r < 50:
		w.pass(time.Duration(w.rnd.IntN(20_000))*time.Millisecond, false)
	case p == nil && (w.older == nil || r < 90):
		w.live = w.start()
		w.note("p%d starts", w.live.n)
	case len(w.refusals) > 0 && p != nil && p.applying() && r < 40:
		w.regret()
	case r < w.class.incidents:
		w.incident()
	case r < w.class.incidents+8:
		w.pass(w.lapse(), false)
	case len(ready) > 0:
		w.let(w.choose(ready))
	case p != nil && p.idle():
		w.steps++
		o := order{wait: time.Duration(w.rnd.IntN(4)) * time.Minute, verify: w.rnd.IntN(10) == 0 && !w.settling()}
		w.note("p%d is asked for a cycle, waiting %s", p.n, o.wait)
		p.ask(o)
	default:
		w.pass(time.Hour, true)
	}
}

// lapse is how long a step takes.
func (w *world) lapse() time.Duration {
	longest := [...]time.Duration{50 * time.Millisecond, 50 * time.Millisecond, 2 * time.Second, 30 * time.Second}
	return time.Duration(w.rnd.Int64N(int64(longest[w.rnd.IntN(len(longest))])))
}

// overtaken says that another process has had an app since: what this one has to say is to be refused.
func (w *world) overtaken(p *process) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for app, fence := range p.fences {
		if w.oracle.fences[app] > fence {
			return true
		}
	}
	return false
}

// wake lets a process go on that stood still.
func (w *world) wake() {
	o := w.older
	w.older = nil
	w.mu.Lock()
	o.still = false
	w.mu.Unlock()
	w.hit(f18, "process")
	w.note("p%d goes on", o.n)
	if w.live == nil {
		w.live = o
	}
}

// quiesce is the good part: nothing goes wrong any more, somebody looks at what was set
// aside, and all must come right.
func (w *world) quiesce() {
	if w.broken() {
		return
	}
	w.faulty = false
	w.note("the faults end")
	w.settle()
	if p := w.live; p != nil && p.standing() {
		w.live, w.older = nil, p
		w.land(func(k *parked) bool { return k.proc == p })
	}
	if w.older != nil {
		w.wake()
	}
	w.drain()
	if w.live == nil || w.live.gone() {
		w.live = w.start()
	}
	for _, a := range w.apps {
		a.sick = false
	}
	w.rest(25 * time.Hour)
	w.cycle(order{wait: 26 * time.Hour})
	w.early()
	w.heal()
	w.cycles("somebody looks at what is set aside", order{wait: 26 * time.Hour, known: true}, 6)
	w.standing = w.holds()
	w.check(false)
	w.rest(2 * time.Minute)
	if w.doubtful() || w.rnd.IntN(4) == 0 {
		w.cycles("everything is verified", order{wait: 26 * time.Hour, known: true, verify: true}, 6)
	}
	w.enable()
	w.check(true)
	before := w.writes()
	w.cycle(order{wait: 26 * time.Hour})
	if n := w.writes() - before; n > 0 && !w.broken() {
		w.violate(6, "a cycle after a finished one sends %d writes", n)
	}
	w.explain()
	w.final()
}
