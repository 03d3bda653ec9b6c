// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"slices"
	"strings"
	"testing/synctest"
	"time"

	"github.com/usher-id/usher/internal/app"
)

// meet takes what has come to wait since the last step, in order of name.
func (w *world) meet() {
	w.mu.Lock()
	fresh := w.fresh
	w.fresh = nil
	w.mu.Unlock()
	slices.SortFunc(fresh, byKey)
	for _, k := range fresh {
		if k.request == nil {
			continue
		}
		// A process that stands still does not send. What a timer has brought here all the
		// same finds its connection closed when the process goes on.
		if k.halted = k.proc.standing(); !k.halted {
			w.oracle.arrives(k.request)
		}
	}
	w.waiting = append(w.waiting, fresh...)
	slices.SortFunc(w.waiting, byKey)
}

func byKey(a, b *parked) int { return strings.Compare(a.key, b.key) }

// settle waits until nothing runs, and sees to who has died.
func (w *world) settle() {
	for {
		synctest.Wait()
		w.meet()
		buried := false
		for _, p := range w.procs {
			if p.gone() && w.bury(p) {
				buried = true
			}
		}
		w.land(func(k *parked) bool { return !k.request.lands().After(time.Now()) })
		if !buried && !w.overdue() {
			return
		}
	}
}

// bury lets everything go that a dead process waits for. A request that was on its way may
// have its effect all the same, at once or later.
func (w *world) bury(p *process) (some bool) {
	var rest, mine []*parked
	for _, k := range w.waiting {
		if k.proc == p {
			mine = append(mine, k)
		} else {
			rest = append(rest, k)
		}
	}
	w.waiting = rest
	for _, k := range mine {
		if q := k.request; q != nil && (k.said != nil || k.halted) {
			w.answered(q)
		} else if q != nil && q.write {
			switch n := w.rnd.IntN(3); {
			case n == 0:
				w.note("%s: never arrives, the process is dead", k.key)
			case n == 1 || q.app.patience() == 0:
				w.note("%s: has its effect, the process is dead", k.key)
				k.effect(verdict{part: -1, unheard: true})
				w.hit(f1, q.op)
			default:
				w.defer_(k, 1+time.Duration(w.rnd.Int64N(int64(q.app.patience()))))
				w.hit(f3, q.op)
			}
			w.answered(q)
		}
		if k.answer != nil {
			w.answered(k.answer)
			w.hit(f1, k.answer.op)
		}
		k.let <- verdict{buried: true}
	}
	return len(mine) > 0
}

// defer_ has a request take effect later.
func (w *world) defer_(k *parked, after time.Duration) {
	at := time.Now().Add(after)
	w.note("%s: will have its effect in %s", k.key, after.Round(time.Millisecond))
	w.late = append(w.late, &lateness{at, k.key, k.effect})
	slices.SortStableFunc(w.late, func(a, b *lateness) int { return a.at.Compare(b.at) })
}

// overdue carries out what was deferred until now.
func (w *world) overdue() (some bool) {
	for len(w.late) > 0 && !w.late[0].at.After(time.Now()) {
		l := w.late[0]
		w.late = w.late[1:]
		a := l.effect(verdict{part: -1, lately: true})
		w.note("%s: has its effect late: %d", l.key, a.status)
		some = true
	}
	return some
}

// ready are those who may go on.
func (w *world) ready() []*parked {
	var out []*parked
	for _, k := range w.waiting {
		if !k.proc.standing() {
			out = append(out, k)
		}
	}
	return out
}

// pass lets time go by, until at the latest something that was deferred is due. With wake it
// ends as soon as something comes to wait, or somebody comes to rest.
func (w *world) pass(d time.Duration, wake bool) {
	if len(w.late) > 0 {
		d = min(d, time.Until(w.late[0].at))
	}
	for _, k := range w.waiting {
		if k.request != nil && k.request.write && k.said == nil && !k.halted {
			d = min(d, time.Until(k.request.lands()))
		}
	}
	if d <= 0 {
		return
	}
	select {
	case <-w.arrived: // an old one
	default:
	}
	if !wake {
		time.Sleep(d)
		return
	}
	t := time.NewTimer(d + time.Nanosecond) // which nothing of the engine's falls upon
	defer t.Stop()
	select {
	case <-w.arrived:
	case <-t.C:
	}
}

// choose takes one of those who may go on.
func (w *world) choose(ready []*parked) *parked {
	switch w.class.order {
	case inOrder:
		return ready[0]
	case lastFirst:
		return ready[len(ready)-1]
	case starve: // one app is served only when nobody else waits
		for _, k := range ready {
			if !strings.Contains(k.key, "/"+w.apps[0].name+"/") {
				return k
			}
		}
	}
	return ready[w.rnd.IntN(len(ready))]
}

// lands is when a request has its effect at the latest that nothing has kept from it: what
// is on its way is not so for hours. An app that takes its time to show what it holds names
// a time that covers both.
func (q *request) lands() time.Time {
	if q.app.settle > 0 {
		return q.at.Add(q.app.settle / 2)
	}
	return q.at.Add(5 * time.Second) // as a lease stands
}

// land lets requests have their effect that have left a process which stands still, or which
// another has overtaken: nothing holds them up any longer.
func (w *world) land(of func(k *parked) bool) {
	for _, k := range w.waiting {
		if k.request != nil && k.request.write && k.said == nil && !k.halted && of(k) {
			a := k.effect(verdict{part: -1, unheard: true})
			k.said = &a
			w.note("%s: has its effect, and nobody hears of it yet: %d", k.key, a.status)
		}
	}
}

// let lets one go on.
func (w *world) let(k *parked) {
	w.waiting = slices.DeleteFunc(w.waiting, func(o *parked) bool { return o == k })
	w.steps++
	if k.halted {
		w.note("%s: was never sent", k.key)
		k.let <- verdict{part: -1, err: &app.Error{Class: app.Unreachable}}
		return
	}
	if k.said != nil {
		w.note("%s: is answered", k.key)
		k.let <- verdict{part: -1, said: k.said}
		return
	}
	v := w.rule(k)
	switch {
	case !w.told():
	case v.fault != noFault:
		w.note("%s: %s %s", k.key, faultName(v.fault), describe(v))
	default:
		w.note("%s", k.key)
	}
	if v.late > 0 {
		w.defer_(k, v.late)
	}
	k.let <- v
}

// rule says what happens to one who goes on.
func (w *world) rule(k *parked) verdict {
	q := k.request
	switch {
	case q != nil:
		v := w.ail(q)
		if q.app.down {
			v = verdict{part: -1, fault: f7, err: broken()}
		}
		if v.fault == noFault && w.faulty && q.write && (w.chance(w.class.crash) || q.op == "create" && w.chance(w.class.making)) {
			v.fault, v.die = f1, true
			w.crashes++
		}
		w.hit(v.fault, q.op)
		return v
	case strings.Contains(k.key, "/hr/read"):
		v := verdict{read: w.deliver()}
		return v
	case strings.Contains(k.key, "/commit/") && w.faulty:
		return w.commits(k)
	}
	return verdict{part: -1}
}

func (w *world) chance(p float64) bool { return p > 0 && w.rnd.Float64() < p }

// commits says what happens to a transaction.
func (w *world) commits(k *parked) verdict {
	v := verdict{}
	c := &w.class
	switch {
	case w.chance(c.crash):
		v.fault, v.die = f26, true
		if w.rnd.IntN(2) == 0 {
			v.fault, v.refuse = f25, true // and the process ends
		}
		w.crashes++
	case w.chance(c.refuse):
		v.fault, v.refuse = f24, true
	case w.chance(c.unsure):
		v.fault, v.unsure = f22, true
	case w.chance(c.twice):
		v.fault, v.twice = f23, true
	case c.pause > 0 && w.older == nil && w.live == k.proc && k.proc.applying() && w.chance(w.pausing(k)):
		v.fault, v.pause = f21, true
	}
	w.hit(v.fault, "commit")
	return v
}

// pausing is how likely a process stands still behind a commit. What it is about to write down for another app is a
// step that it takes first when it goes on, whoever has that app by then.
func (w *world) pausing(k *parked) float64 {
	if slices.ContainsFunc(w.waiting, func(o *parked) bool { return o.proc == k.proc && strings.Contains(o.key, "/record") }) {
		return 5 * w.class.pause
	}
	return w.class.pause
}

func (p *process) applying() bool {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	return p.phase == "applies"
}

func (p *process) idle() bool {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	return !p.busy && !p.dead && !p.still
}
