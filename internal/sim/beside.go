// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/scim"
)

// What a daemon does and one cycle after another does not: the source is read beside the
// engine. What changes between the engine's look at somebody and what it writes down of them
// must not be lost. A few people change again and again, so that it is often the same one.

// readsBeside is the class of such runs.
func readsBeside(r *rand.Rand) class {
	c := base(r)
	c.name, c.rate, c.incidents, c.reads, c.loaded = "beside", r.Float64()/10, 25, 0, true
	if r.IntN(2) == 0 {
		c.order = lastFirst // what was answered is written down after what was read
	}
	c.events = []event{{12, beside}, {5, dwells}, {5, recalled}, {6, disliked}, {1, amended}, {2, moves}, {1, ends}, {1, rescinds}}
	c.regrets = true
	return c
}

// trickles is the class of runs in which hardly anything goes wrong, and one after another is
// not listed any more: each cycle loses few, and a day many.
func trickles(r *rand.Rand) class {
	c := base(r)
	c.name, c.rate, c.incidents, c.reads, c.loaded, c.order = "trickle", 0.03+r.Float64()/20, 15, 0, true, inOrder
	c.events = []event{{9, trickle}, {1, moves}}
	return c
}

func trickle(w *world) {
	unread := 0
	for _, h := range w.hr.workers {
		if s, known := w.oracle.newest(h.key); known && !s.absent && !h.listed {
			unread++
		}
	}
	if unread >= mostAbsent-1 { // one read's
		return
	}
	h := w.somebodyIn()
	h.listed = false
	w.hit(f16, "hr")
	w.note("hr: %s is not listed any more", h.key)
}

// changes is the class of runs in which everybody has their accounts, and changes department
// or leaves while requests fail.
func changes(r *rand.Rand) class {
	c := base(r)
	c.name, c.rate, c.incidents, c.reads, c.loaded, c.crash, c.twice = "changes", 0.1+r.Float64()/3, 8, 0, true, r.Float64()/50, 0.05
	c.ailments = []ailment{{f2, 5}, {f6, 4}, {f7, 5}, {f10, 6}, {f34, 5}}
	c.events = []event{{12, transferred}, {5, ends}, {2, rescinds}, {2, moves}}
	return c
}

// transferred is somebody who leaves one department for another.
func transferred(w *world) {
	h := w.somebodyIn()
	h.dept = departments[(slices.Index(departments, h.dept)+1+w.rnd.IntN(len(departments)-1))%len(departments)]
	w.note("hr: %s is in %s", h.key, h.dept)
}

// beside has the source read while the engine is at work.
func beside(w *world) {
	p := w.live
	if p == nil || p.gone() || p.standing() || !p.applying() {
		return
	}
	w.mu.Lock()
	reading := p.reading%2 == 1
	if !reading {
		p.reading++
	}
	w.mu.Unlock()
	if reading {
		return
	}
	w.note("p%d reads the source beside the engine", p.n)
	p.beside.Go(func() {
		if err := p.ingest(false); err != nil && !ours(err) {
			w.violate(0, "process %d: a read beside the engine ends with %v", p.n, err)
		}
		w.mu.Lock()
		p.reading++
		w.mu.Unlock()
		w.nudge()
	})
}

// pace is what the engine is told of reads that are under way.
func (p *process) pace() int64 {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	return p.reading
}

// favourite is one of a few, of whom nothing that was refused has been taken back in time.
func (w *world) favourite() *worker {
	in := slices.DeleteFunc(w.hr.employed(), func(h *worker) bool { return w.spared[h.key] })
	if len(in) == 0 {
		return w.anybody()
	}
	return in[w.rnd.IntN(min(3, len(in)))]
}

// dwells is a change that no app is told of: the far end of a contract.
func dwells(w *world) {
	h := w.favourite()
	h.end = second().Add(60*24*time.Hour + time.Duration(w.rnd.IntN(1000))*time.Second)
	w.note("hr: the contract of %s runs until %s", h.key, stamp(h.end))
}

// recalled is a change that every app is told of.
func recalled(w *world) {
	h := w.favourite()
	h.title = fmt.Sprintf("Title %d.%d", w.rnd.IntN(3), w.steps)
	w.note("hr: %s is %q", h.key, h.title)
}

// disliked gives somebody what an app refuses.
func disliked(w *world) {
	h, a := w.favourite(), w.apps[w.rnd.IntN(len(w.apps))]
	h.title = fmt.Sprintf("Emperor %d", w.steps)
	a.poison[h.key] = true
	w.note("hr: %s is %q, which %s does not like", h.key, h.title, a.name)
}

// amended takes it back.
func amended(w *world) {
	for _, h := range w.hr.workers {
		w.amend(h)
	}
}

func (w *world) amend(h *worker) {
	for _, a := range w.apps {
		if a.poison[h.key] {
			delete(a.poison, h.key)
			h.title = fmt.Sprintf("Title %d", w.steps)
			w.note("hr: %s is %q, which nobody minds", h.key, h.title)
		}
	}
}

// refuses notes that an app does not like somebody, of which the engine has written nothing down yet.
func (w *world) refuses(q *request, owner string) {
	if w.class.regrets && w.faulty {
		w.refusals = append(w.refusals, refusal{q.intent, owner})
	}
}

// refusal is what an app has said no to, and of whom.
type refusal struct{ intent, owner string }

// regret takes back what an app has refused, and has that read before the refusal is written down. Nothing else is
// changed of them from then on, which would have them looked at for that.
func (w *world) regret() {
	w.steps++
	for _, h := range w.hr.workers {
		if h.key == w.refusals[0].owner {
			w.spared[h.key] = true
			w.amend(h)
		}
	}
	w.refusals = w.refusals[1:]
	beside(w)
}

// recorded takes what has been written down off what was refused.
func (w *world) recorded(in *provision.Intent) {
	w.refusals = slices.DeleteFunc(w.refusals, func(r refusal) bool { return r.intent == in.RequestID() })
}

// early holds the apps against the company before anybody has looked at what was set aside,
// which has everything looked at anew: what nobody told of must not have been forgotten.
// Whoever is set aside or waits, by the engine's own word, is left out, but for those whom
// an app has refused for what they have not got any more.
func (w *world) early() {
	w.cycles("what is due still", order{wait: 26 * time.Hour, known: true}, 3)
	if w.broken() {
		return
	}
	w.standing = w.holds()
	paused := w.paused()
	for _, a := range w.apps {
		if a.down || a.restored || slices.Contains(paused, a.name) {
			continue
		}
		aside, ok := w.aside(a)
		if !ok {
			continue
		}
		for _, h := range w.hr.workers {
			if a.poison[h.key] || a.tainted[h.key] || w.marked(h) || aside[w.oracle.id(h.key)] {
				continue
			}
			w.person(a, h)
		}
	}
}

// aside are the people whose account is set aside, or not known, at an app. Where a group is
// nothing is said of anybody.
func (w *world) aside(a *fakeApp) (people map[string]bool, ok bool) {
	people, ok = map[string]bool{}, true
	w.view(func(ctx context.Context, tx provision.Tx) error {
		subjects, err := tx.Subjects(ctx, provision.Query{App: a.name, Limit: 1000, Now: time.Now()})
		if err != nil {
			return err
		}
		for _, s := range subjects {
			if u := s.Account; u.Observe || u.Parked != "" && !strings.Contains(u.Parked, "not liked") {
				people[s.Person.ID] = true
			}
		}
		groups, err := tx.Groups(ctx, a.name)
		for _, g := range groups {
			ok = ok && g.Parked == "" && !g.Observe
		}
		return err
	})
	return people, ok
}

// ails notes that an app did not answer as it should.
func (p *process) ails(q *request, ans answer) {
	if e := ans.err; e != nil && (e.Class == app.Retry || e.Class == app.Ambiguous || e.Class == app.Unreachable) {
		p.w.mu.Lock()
		p.ailed[q.app.name] = time.Now()
		p.w.mu.Unlock()
	}
}

// PutApp notes the pauses that are written down.
func (tx engineTx) PutApp(ctx context.Context, s provision.AppState) error {
	was, err := tx.App(ctx, s.Name)
	if err != nil {
		return err
	}
	if s.RetryAt.After(was.RetryAt) && s.RetryAt.After(time.Now()) {
		s.RetryAt = s.RetryAt.Truncate(time.Microsecond) // as stores keep it
		tx.n.rests = append(tx.n.rests, s)
	}
	return tx.Tx.PutApp(ctx, s)
}

// rests takes the pauses that a transaction has written down. None may be another app's,
// of an app with which nothing was wrong since its owner has had it.
func (o *oracle) rests(p *process, pauses []provision.AppState) {
	for _, s := range pauses {
		o.w.mu.Lock()
		ailed, since := p.ailed[s.Name], p.turns[s.Name].at
		o.w.mu.Unlock()
		for _, a := range o.w.apps {
			if a.name != s.Name && o.rest[a.name].Equal(s.RetryAt) && (ailed.IsZero() || ailed.Before(since)) {
				o.w.violate(9, "app %s is left alone until %s, as app %s has asked for", s.Name, stamp(s.RetryAt), a.name)
			}
		}
		if s.RetryAt.After(o.rest[s.Name]) {
			o.rest[s.Name] = s.RetryAt
		}
	}
}

// disturbs looks at a write that arrives while the app is to be left alone.
func (o *oracle) disturbs(q *request) {
	if until := o.rest[q.app.name]; time.Now().Before(until) {
		o.w.violate(9, "app %s: %s of %s is sent, and it is to be left alone until %s", q.app.name, q.op, q.object, stamp(until))
	}
}

// mapped are the attributes that the mapping names, and what makes a resource one.
var mapped = []string{"schemas", "userName", "displayName", "title", "nickName", "externalId", "active"}

// outside looks for what no mapping names in an account that is to be made.
func (o *oracle) outside(a *fakeApp, u *scim.Resource) {
	for name := range u.All() {
		if !slices.ContainsFunc(mapped, func(m string) bool { return strings.EqualFold(m, name) }) {
			o.w.violate(5, "app %s: an account is made with %s, which no mapping names", a.name, name)
		}
	}
}
