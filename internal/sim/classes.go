// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// class is a kind of run: what goes wrong in it, and how often. Some are aimed, as what is
// rare by chance would not be reached in years.
type class struct {
	name      string
	steps     int
	rate      float64 // of requests that meet a fault
	ailments  []ailment
	crash     float64 // at a request or a commit
	making    float64 // at a create
	refuse    float64 // of commits, likewise
	unsure    float64
	twice     float64
	pause     float64
	incidents int // of a hundred moves
	events    []event
	reads     float64 // of reads that go wrong
	order     order_
	senders   int
	prepare   func(w *world)
	loaded    bool // everybody has their accounts before anything goes wrong
	regrets   bool // what an app has refused is taken back before that is written down
}

// order_ is how the scheduler chooses.
type order_ int

const (
	anyhow order_ = iota
	inOrder
	lastFirst
	starve
)

// event is something that happens in the world, with how often of all.
type event struct {
	weight int
	do     func(w *world)
}

var everyAilment = []ailment{{f2, 6}, {f3, 4}, {f5, 1}, {f6, 3}, {f7, 6}, {f8, 1}, {f10, 2}, {f11, 3}, {f13, 3}, {f34, 3}}

var daily = []event{
	{4, hires}, {4, ends}, {3, dated}, {3, vanishes}, {3, returns}, {3, rescinds}, {3, rehires}, {6, moves}, {2, renamed}, {1, swaps},
}

func base(r *rand.Rand) class {
	return class{
		steps: 220, rate: r.Float64() / 4, ailments: everyAilment, incidents: 3, events: daily, reads: 0.15, order: order_(r.IntN(4)), senders: 1 + r.IntN(5),
	}
}

// classes are drawn from in turn, so that each has its share of any number of seeds.
var classes = []func(r *rand.Rand) class{
	func(r *rand.Rand) class { // requests fail
		c := base(r)
		c.name, c.rate = "storm", 0.1+r.Float64()/3
		return c
	},
	func(r *rand.Rand) class { // the process dies, and again
		c := base(r)
		c.name, c.crash, c.refuse, c.unsure, c.twice = "crashes", 0.04, 0.01, 0.01, 0.05
		if r.IntN(2) == 0 {
			c.prepare, c.crash, c.making = slow, 0.01, 0.1
		}
		return c
	},
	func(r *rand.Rand) class { // a process stands still, and another takes its place
		c := base(r)
		c.name, c.pause, c.crash = "pauses", 0.06, 0.005
		return c
	},
	func(r *rand.Rand) class { // reads of the source go wrong
		c := base(r)
		c.name, c.reads, c.incidents, c.rate, c.loaded = "reads", 0.6, 6, r.Float64()/10, r.IntN(2) == 0
		c.events = slices.Concat(daily, []event{{8, vanishes}, {4, ends}, {6, days}})
		return c
	},
	func(r *rand.Rand) class { // many leave at once, or little by little
		c := base(r)
		c.name, c.incidents, c.rate = "departures", 6, r.Float64()/10
		c.events = slices.Concat(daily, []event{{6, exodus}, {10, drip}, {4, days}, {2, wiped}, {6, released}})
		return c
	},
	func(r *rand.Rand) class { // people come and go in the same minute
		c := base(r)
		c.name, c.incidents = "comings", 12
		c.events = []event{{4, ends}, {4, rescinds}, {4, rehires}, {3, vanishes}, {3, returns}, {2, hires}, {2, moves}, {2, soon}}
		return c
	},
	func(r *rand.Rand) class { // others work at the apps, too
		c := base(r)
		c.name, c.incidents = "others", 6
		c.events = slices.Concat(daily, []event{{10, edits}, {5, restores}, {10, squats}})
		return c
	},
	func(r *rand.Rand) class { // one app is sick, and somebody is not liked
		c := base(r)
		c.name = "sick"
		c.prepare = func(w *world) {
			a := w.apps[w.rnd.IntN(len(w.apps))]
			a.sick = true
			a.down = w.rnd.IntN(2) == 0
			w.apps[w.rnd.IntN(len(w.apps))].poison[w.hr.workers[w.rnd.IntN(len(w.hr.workers))].key] = true
		}
		return c
	},
	func(r *rand.Rand) class { // names change hands
		c := base(r)
		c.name, c.incidents = "names", 6
		c.events = []event{{8, swaps}, {6, renamed}, {3, ends}, {3, rehires}, {2, vanishes}, {2, returns}, {2, moves}, {10, squats}}
		return c
	},
	readsBeside, trickles, changes,
	func(r *rand.Rand) class { // all of it
		c := base(r)
		c.name, c.crash, c.pause, c.refuse, c.unsure, c.twice, c.incidents, c.reads = "everything", 0.01, 0.01, 0.005, 0.005, 0.02, 6, 0.3
		c.events = slices.Concat(daily, []event{{3, edits}, {1, restores}, {5, squats}, {2, exodus}, {2, drip}, {2, days}, {1, wiped}, {2, released}, {3, kills}, {2, stops}})
		return c
	},
}

// incident is one event, drawn.
func (w *world) incident() {
	total := 0
	for _, e := range w.class.events {
		total += e.weight
	}
	n := w.rnd.IntN(total)
	for _, e := range w.class.events {
		if n -= e.weight; n < 0 {
			w.steps++
			e.do(w)
			return
		}
	}
}

func (w *world) anybody() *worker { return w.hr.workers[w.rnd.IntN(len(w.hr.workers))] }

func (w *world) somebodyIn() *worker {
	if in := w.hr.employed(); len(in) > 0 {
		return in[w.rnd.IntN(len(in))]
	}
	return w.anybody()
}

// somebodyOut is who has left, or anybody.
func (w *world) somebodyOut() *worker {
	var out []*worker
	now := time.Now()
	for _, h := range w.hr.workers {
		if !h.listed || !(statement{worker: *h}).in(now) {
			out = append(out, h)
		}
	}
	if len(out) == 0 {
		return w.anybody()
	}
	return out[w.rnd.IntN(len(out))]
}

// slow has every app take its time to show what it holds, and nothing else keeps anybody from being there twice.
func slow(w *world) {
	for _, a := range w.apps {
		a.unique, a.settle = false, time.Duration(20+w.rnd.IntN(40))*time.Second
		a.profile.Settle, a.profile.ListTrusted = a.settle, false
	}
}

func second() time.Time { return time.Now().Truncate(time.Second) }

func hires(w *world) { w.note("hr: %s is hired", w.hr.hire(w).key) }

func ends(w *world) {
	h := w.somebodyIn()
	h.end = second()
	w.note("hr: %s has left", h.key)
}

func dated(w *world) {
	h := w.somebodyIn()
	h.end = second().Add(time.Duration(w.rnd.IntN(7200)) * time.Second)
	w.note("hr: %s leaves at %s", h.key, stamp(h.end))
}

func soon(w *world) {
	h := w.somebodyOut()
	h.start, h.end, h.listed = second().Add(time.Duration(w.rnd.IntN(120))*time.Second), time.Time{}, true
	w.note("hr: %s starts at %s", h.key, stamp(h.start))
}

func vanishes(w *world) {
	h := w.somebodyIn()
	h.listed = false
	w.note("hr: %s is not listed any more", h.key)
}

func returns(w *world) {
	h := w.somebodyOut()
	h.listed = true
	w.note("hr: %s is listed", h.key)
}

func rescinds(w *world) {
	h := w.somebodyOut()
	h.end, h.listed = time.Time{}, true
	w.note("hr: %s has not left after all", h.key)
}

func rehires(w *world) {
	h := w.somebodyOut()
	h.start, h.end, h.listed = second(), time.Time{}, true
	w.hit(f32, "hr")
	w.note("hr: %s is hired again", h.key)
}

func moves(w *world) {
	h := w.somebodyIn()
	switch w.rnd.IntN(3) {
	case 0:
		h.dept = departments[w.rnd.IntN(len(departments))]
	case 1:
		h.title = [...]string{"", "Title 1", "Title 2", "Chief"}[w.rnd.IntN(4)]
	default:
		h.name = "Name " + h.key + strings.Repeat("'", w.rnd.IntN(3))
	}
	w.note("hr: %s is %s, %q in %s", h.key, h.name, h.title, h.dept)
}

func renamed(w *world) {
	h := w.somebodyIn()
	if w.marked(h) {
		return
	}
	h.login = "new." + h.login
	if len(h.login) > 30 {
		h.login = "user" + h.key[1:]
	}
	w.note("hr: %s is called %s", h.key, h.login)
}

func swaps(w *world) {
	a, b := w.somebodyIn(), w.somebodyIn()
	if a == b || w.marked(a) || w.marked(b) {
		return
	}
	a.name, b.name = b.name, a.name
	w.hit(f33, "hr")
	w.note("hr: %s and %s swap names", a.key, b.key)
}

// marked says that an account was there before us that is called as a worker: what is to
// become of it is known for that name alone.
func (w *world) marked(h *worker) bool {
	for _, a := range w.apps {
		for _, u := range a.users {
			if u.was != engines && u.owner == h.key {
				return true
			}
		}
	}
	return false
}

func exodus(w *world) {
	n := 4 + w.rnd.IntN(12)
	how := w.rnd.IntN(2)
	for range n {
		h := w.somebodyIn()
		if how == 0 {
			h.listed = false
		} else {
			h.end = second()
		}
	}
	w.note("hr: some %d leave at once", n)
}

func drip(w *world) {
	for range 1 + w.rnd.IntN(3) {
		w.somebodyIn().listed = false
	}
	w.hit(f16, "hr")
	w.note("hr: a few more are not listed")
}

func days(w *world) {
	d := time.Duration(1+w.rnd.IntN(40)) * time.Hour
	w.note("%s pass", d)
	w.pass(d, false)
}

func wiped(w *world) {
	for _, h := range w.hr.workers {
		h.dept = ""
	}
	w.hit(f17, "hr")
	w.note("hr: nobody is in a department")
}

func released(w *world) {
	if p := w.live; p != nil && p.idle() && len(w.ready()) == 0 {
		o := order{wait: time.Minute, release: w.holds()}
		w.note("p%d is asked for a cycle, and %d holds are released", p.n, len(o.release))
		p.ask(o)
	}
}

func kills(w *world) {
	if p := w.live; p != nil && !p.gone() {
		w.hit(f26, "process")
		w.crashes++
		w.note("p%d is killed", p.n)
		p.die()
	}
}

func stops(w *world) {
	if p := w.live; p != nil && !p.gone() {
		w.hit(f27, "process")
		w.note("p%d is told to stop", p.n)
		p.cancel()
		w.live = nil
	}
}

// edits is somebody else at work at an app.
func edits(w *world) {
	a := w.apps[w.rnd.IntN(len(w.apps))]
	if len(a.users) == 0 {
		return
	}
	u := a.users[w.rnd.IntN(len(a.users))]
	if u.now().gone || u.was != engines {
		return
	}
	a.taint(u.owner)
	s := *u.now()
	switch w.rnd.IntN(4) {
	case 0:
		s.title = "Edited"
		u.put(s)
	case 1:
		s.active = !s.active
		a.shut[u.owner] = true
		u.put(s)
	case 2:
		a.vanish(u)
	default:
		if len(a.groups) > 0 {
			g := a.groups[w.rnd.IntN(len(a.groups))]
			gs := *g.now()
			if i, there := slices.BinarySearch(gs.members, u.id); there {
				gs.members = slices.Delete(slices.Clone(gs.members), i, i+1)
			} else {
				gs.members = slices.Insert(slices.Clone(gs.members), i, u.id)
			}
			g.put(gs)
		}
	}
	w.note("%s: somebody else changes %s of %s", a.name, u.id, u.owner)
}

// restores puts an app back to what it was some time ago.
func restores(w *world) {
	a := w.apps[w.rnd.IntN(len(w.apps))]
	to := time.Now().Add(-time.Duration(w.rnd.Int64N(int64(time.Since(w.trace.begun)) + 1)))
	for _, u := range a.users {
		was := u.at(to)
		if u.was != engines && len(u.states) == 1 {
			continue
		}
		if was != nil && *was == *u.now() {
			continue
		}
		a.taint(u.owner)
		s := *u.now()
		if was != nil {
			s = *was
		} else {
			s.active, s.gone = false, true
		}
		if u.live() && !s.active && !s.gone { // which looks as if others had shut them out
			a.shut[u.owner] = true
		}
		u.put(s)
	}
	for _, g := range a.groups {
		if was := g.at(to); was != nil {
			g.put(*was)
		} else {
			s := *g.now()
			s.members = nil
			g.put(s)
		}
	}
	a.restored, a.recycles = true, false
	w.hit(f9, "app")
	w.note("%s: restored to what it was %s ago", a.name, time.Since(to).Round(time.Second))
}

// deliver is what the next read of the source yields.
func (w *world) deliver() delivery {
	d := delivery{file: w.hr.export()}
	if !w.faulty || len(w.hr.reads) == 0 || !w.chance(w.class.reads) {
		return d
	}
	what := ""
	switch n := len(d.file.rows); w.rnd.IntN(7) {
	case 0:
		what = "nothing, and calls it whole"
		d.file.rows = nil
	case 1:
		what = "the first rows, and no end"
		most := n
		if w.rnd.IntN(2) == 0 { // so few are missing that no guard minds
			most = min(n, mostAbsent)
		}
		d.file.rows, d.partial = d.file.rows[:n-w.rnd.IntN(most+1)], "the file ends before its trailer"
	case 2:
		what = "an error"
		d.fail = errGarbage
	case 3:
		what = "rows that cannot be read"
		for range 1 + w.rnd.IntN(3) {
			if n > 0 {
				d.rejected = append(d.rejected, d.file.rows[w.rnd.IntN(n)].key)
			}
		}
	case 4, 5:
		if len(w.hr.files) < 2 || !w.hr.reads[len(w.hr.reads)-1].taken { // what was read half is not known to be newer
			return d
		}
		what = "an older file"
		f := w.hr.files[w.rnd.IntN(len(w.hr.files)-1)]
		last := w.hr.files[len(w.hr.files)-1]
		if f.digest() == last.digest() {
			return d
		}
		d.file, d.replay = f, true
		w.hit(f19, "hr-read")
		w.note("hr: the file is %s", what)
		return d
	default:
		last := w.hr.reads[len(w.hr.reads)-1]
		if known := min(len(last.know), len(w.oracle.keys)); !last.taken || !last.whole || known < 20 || 2*n < len(last.know) { // too few to be sure, or nobody whom the directory has taken in
			return d
		}
		what, d.strange = "some other system's", true
		for i := range d.file.rows {
			d.file.rows[i].key = "x" + d.file.rows[i].key[1:]
		}
	}
	w.hit(f15, "hr-read")
	w.note("hr: the file is %s", what)
	return d
}
