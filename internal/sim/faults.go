// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"time"

	"github.com/usher-id/usher/internal/app"
)

// fault is one way in which something goes wrong. The numbers are those of the failure model.
type fault int

// The faults of the model, by number.
const (
	noFault fault = iota
	f1
	f2
	f3
	f4
	f5
	f6
	f7
	f8
	f9
	f10
	f11
	f12
	f13
	f14
	f15
	f16
	f17
	f18
	f19
	f20
	f21
	f22
	f23
	f24
	f25
	f26
	f27
	f28
	f29
	f30
	f31
	f32
	f33
	f34
	f35
	f36
	f37
	f38
	lastFault
)

// verdict is what the scheduler lets happen to something that waits.
type verdict struct {
	fault   fault
	err     *app.Error    // before: nothing happened; with after: it did
	after   bool          // the effect comes about, and the answer is lost
	lie     bool          // success is answered, and nothing happens
	part    int           // of the members of a request, how many; or of a list, how many are shown; -1 for all
	late    time.Duration // the effect comes about so much after the caller has given up
	slow    bool          // the answer waits once more
	lately  bool          // this is such an effect
	unheard bool          // its answer is heard by nobody, or late
	said    *answer       // it has had its effect before
	buried  bool          // the process is dead, and nothing may come of it

	refuse bool // a transaction does not commit
	twice  bool // its function is called twice
	unsure bool // it commits, and the caller is told that it did not
	die    bool // the process dies behind it
	pause  bool // the process stands still behind it
	read   delivery
}

// ailments are the faults that a request can meet, with how often of a hundred.
type ailment struct {
	fault  fault
	weight int
}

// ail draws what happens to a request. Reads cannot be lost after their effect, as they have
// none; an app that is sick has more of everything.
func (w *world) ail(q *request) verdict {
	v := verdict{part: -1}
	if !w.faulty || w.rnd.Float64() > w.rate(q) {
		v.slow = w.faulty && w.rnd.IntN(4) == 0
		return v
	}
	for range 8 { // not every fault can meet every request
		if v = w.ailment(q); v.fault != noFault {
			w.owed = max(0, w.owed-1)
			break
		}
	}
	return v
}

func (w *world) ailment(q *request) verdict {
	v := verdict{part: -1}
	v.fault = w.pick(w.class.ailments)
	r := w.rnd
	switch v.fault {
	case f2:
		if !q.write {
			v.fault = f7
			v.err = broken()
			break
		}
		v.after, v.err = true, &app.Error{Class: app.Ambiguous}
	case f3:
		v.err = &app.Error{Class: app.Ambiguous}
		if most := q.app.patience(); q.write && most > 0 {
			v.late = 1 + time.Duration(r.Int64N(int64(most)))
		}
	case f5:
		v.err = &app.Error{Class: app.Precondition, Status: 412}
	case f6:
		waits := []time.Duration{0, time.Second, 7 * time.Second, 45 * time.Second, 10 * time.Minute, 24 * time.Hour}
		v.err = &app.Error{Class: app.Retry, Status: 429, RetryAfter: waits[min(r.IntN(8), r.IntN(8), len(waits)-1)]}
	case f7:
		v.err = broken()
		v.after = q.write && r.IntN(2) == 0
	case f8:
		v.err = &app.Error{Class: app.Unauthorized, Status: 401 + 2*r.IntN(2)}
	case f10:
		if !q.write || q.lying() == "" {
			v.fault = noFault
			break
		}
		v.lie = true
	case f11:
		if q.write || q.op == "list" {
			v.fault = noFault
			break
		}
		v.err = &app.Error{Class: app.NotFound, Status: 404} // a replica that lags, of an app that names no settle time
		if q.op == "find" || q.app.settle == 0 {
			v.fault, v.err = noFault, nil // which no engine can tell from the truth
		}
	case f13:
		if q.members == 0 {
			v.fault = noFault
			break
		}
		v.part, v.after, v.err = r.IntN(q.members+1), true, broken()
	case f34:
		v.err = &app.Error{Class: app.Unreachable}
	}
	return v
}

func broken() *app.Error { return &app.Error{Class: app.Ambiguous, Status: 500} }

// rate is how likely a request meets a fault.
func (w *world) rate(q *request) float64 {
	if w.owed > 0 { // each run has its share of faults, however lucky
		return 1
	}
	if q.app.sick {
		return 0.7
	}
	return w.class.rate
}

func (w *world) pick(from []ailment) fault {
	total := 0
	for _, a := range from {
		total += a.weight
	}
	n := w.rnd.IntN(total)
	for _, a := range from {
		if n -= a.weight; n < 0 {
			return a.fault
		}
	}
	return noFault
}

// hit counts a fault that came about.
func (w *world) hit(f fault, op string) {
	if f != noFault && w.faulty { // what is counted is what a run had to bear
		w.hits[cell{f, op}]++
		w.faults++
	}
}

// cell is a fault and what it hit.
type cell struct {
	fault fault
	op    string
}
