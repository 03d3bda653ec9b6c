// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/scim"
)

// oracle knows what is right: from the company, and from what the apps have really done.
// What the engine writes down it takes as claims.
type oracle struct {
	w       *world
	writing int                // requests that write
	intents map[int64]*intent  // by the journal's number
	byName  map[string]*intent // by the request's name
	keys    map[string]string  // the worker's key, by the directory's id of them
	fences  map[string]int64   // the newest, by app
	flying  []*request         // writing, and not answered
	claims  map[claim]int      // events of the ledger
	events  int
	settled time.Time // when people last moved
	left    []departure
	rest    map[string]time.Time // until when an app is to be left alone, by the engine's own word
	out     map[string]bool      // who has left, by the directory's own word
	back    map[string]time.Time // since when who had is in again
}

// intent is one of the journal.
type intent struct {
	app, person, team string
	kind              provision.Kind
	fence             int64
	outcome           provision.Result
}

// claim is an event of the ledger: what it says was done, where and to whom.
type claim struct{ kind, app, person, object string }

// moment is an instant, and which of all that happens at it.
type moment struct {
	at   time.Time
	step int
}

// departure is somebody whom the directory has let go without being told to.
type departure struct {
	at  time.Time
	key string
}

// took notes that a read was taken to its end: the next settlement acts upon it.
func (w *world) took(r *reading) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.taken = r; r == nil {
		return
	}
	r.taken = true
	if r.file != nil {
		w.hr.files = append(w.hr.files, *r.file)
	}
}

func (o *oracle) id(key string) string {
	for id, k := range o.keys {
		if k == key {
			return id
		}
	}
	return ""
}

// committed takes the claims of a transaction.
func (o *oracle) committed(p *process, who string, n *notes) {
	w := o.w
	now := time.Now()
	if l := n.taken; l != nil {
		w.leases[l.App] = *l
		if l.Fence < o.fences[l.App] {
			w.violate(7, "app %s: the fence goes back from %d to %d", l.App, o.fences[l.App], l.Fence)
		}
		if l.Fence > o.fences[l.App] { // what the owner before has sent was under way for as long as a lease stands
			w.land(func(k *parked) bool { return k.proc != p && k.request.app.name == l.App })
		}
		o.fences[l.App] = l.Fence
		if strings.HasSuffix(who, "/run") {
			w.mu.Lock()
			p.turns[l.App], p.fences[l.App] = moment{now, w.steps}, l.Fence
			w.mu.Unlock()
		}
	}
	if l := n.dropped; l != nil && w.leases[l.App].Fence == l.Fence {
		delete(w.leases, l.App)
	}
	if n.settled {
		if o.settled = now; w.taken != nil {
			w.taken.settled = w.steps
		}
	}
	if n.fenced && len(n.intents) > 0 && n.fence != o.fences[n.intents[0].App] {
		w.violate(7, "app %s: intents are written under fence %d, and %d is the newest", n.intents[0].App, n.fence, o.fences[n.intents[0].App])
	}
	for _, in := range n.intents {
		i := &intent{in.App, in.Person, in.Team, in.Kind, n.fence, ""}
		o.intents[in.ID], o.byName[in.RequestID()] = i, i
	}
	for _, out := range n.outcomes {
		i := o.intents[out.Intent.ID]
		switch {
		case i == nil:
			w.violate(2, "an outcome of a request that was never recorded: %d", out.Intent.ID)
			continue
		case i.outcome != "" && i.outcome != provision.Ambiguous:
			w.violate(2, "request %d (%s of %s%s at %s) has a second outcome: %s after %s", out.Intent.ID, i.kind, i.person, i.team, i.app, out.Result, i.outcome)
		}
		i.outcome = out.Result
		w.recorded(out.Intent)
	}
	o.told(p, n.events, n.settled)
	o.rests(p, n.rests)
}

// told takes events of the ledger.
func (o *oracle) told(p *process, events []audit.Event, settled bool) {
	o.events += len(events)
	absent, ended := 0, 0
	for _, e := range events {
		o.claims[claim{e.Kind, e.App, e.Person, e.Object}]++
		if e.Kind == "person.created" {
			if _, key, ok := strings.Cut(e.Object, ":"); ok {
				o.keys[e.Person] = key
			}
		}
		if key := o.keys[e.Person]; strings.HasPrefix(e.Kind, "person.") {
			out := o.out[key]
			switch {
			case e.Kind == "person.left", e.Kind == "person.leaver", e.Kind == "person.staged":
				out = true
			case e.Kind != "person.changed" || moved(e):
				out = outside(e)
			}
			if o.out[key] && !out {
				o.back[key] = time.Now()
			}
			o.out[key] = out
		}
		if e.Kind != "person.left" {
			continue
		}
		switch s, known := o.newest(o.keys[e.Person]); {
		case !known || s.in(time.Now()):
			if !o.justified(o.keys[e.Person], moment{}, false) {
				o.w.violate(4, "%s becomes a leaver without a cause", o.keys[e.Person])
			}
		case s.absent && (s.end.IsZero() || s.end.After(time.Now())):
			absent++
			if !p.agreed() {
				o.left = append(o.left, departure{time.Now(), o.keys[e.Person]})
			}
		default:
			ended++
		}
	}
	if !settled || p.agreed() {
		return
	}
	if absent > mostAbsent {
		o.w.violate(4, "%d people become leavers at once as they are not listed, and nobody has agreed", absent)
	}
	if ended > mostEnded {
		o.w.violate(4, "%d people become leavers at once, and nobody has agreed", ended)
	}
	day := 0
	for _, d := range o.left {
		if time.Since(d.at) < 24*time.Hour {
			day++
		}
	}
	if absent > 0 && day > mostAbsentDay {
		o.w.violate(4, "%d people become leavers within 24 hours as they are not listed, and nobody has agreed", day)
	}
}

// What may leave without anybody's consent from a company of so few (DESIGN §4, guard).
const (
	mostAbsent    = 3
	mostAbsentDay = 5
	mostEnded     = 10
	mostSeats     = 25
)

func (p *process) agreed() bool {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	return len(p.release) > 0
}

// newest is what the last read that was given said of a worker.
func (o *oracle) newest(key string) (statement, bool) {
	if n := len(o.w.hr.reads); n > 0 {
		s, ok := o.w.hr.reads[n-1].know[key]
		return s, ok
	}
	return statement{}, false
}

// justified says whether a request that lets somebody in, or out, has a reason: one of the
// reads says so that whoever has had the app since an instant may have acted upon: those
// after the last that was settled by then, and that one.
func (o *oracle) justified(key string, since moment, in bool) bool {
	now := time.Now()
	reads := o.w.hr.reads
	for i := len(reads) - 1; i >= 0; i-- {
		r := reads[i]
		s, ok := r.know[key]
		if ok && s.in(now) == in || !ok && !in {
			return true
		}
		if ok && (s.in(since.at) == in || s.in(o.settled) == in) { // a date has come meanwhile
			return true
		}
		if r.whole && r.settled > 0 && r.settled < since.step {
			return false
		}
	}
	return false
}

// arrives looks at a request before it has its effect.
func (o *oracle) arrives(q *request) {
	if !q.write {
		return
	}
	o.writing++
	w := o.w
	i := o.byName[q.intent]
	if i == nil {
		w.violate(2, "app %s: %s of %s is sent, and no intent of it is recorded", q.app.name, q.op, q.object)
		return
	}
	q.person, q.fence = i.person, i.fence
	if i.outcome != "" {
		w.violate(2, "app %s: %s of %s is sent, and it has an outcome: %s", q.app.name, q.op, q.object, i.outcome)
	}
	if newest := o.fences[q.app.name]; i.fence != newest {
		w.violate(7, "app %s: %s of %s is sent under fence %d, and %d is the newest", q.app.name, q.op, q.object, i.fence, newest)
	}
	for _, f := range o.flying {
		if f.app == q.app && f.fence == q.fence && f.key() == q.key() {
			w.violate(7, "app %s: %s and %s of %s are under way at a time", q.app.name, f.op, q.op, q.object)
		}
	}
	o.flying = append(o.flying, q)
	o.disturbs(q)
	if i.person == "" {
		return
	}
	w.mu.Lock()
	since := q.proc.turns[q.app.name]
	w.mu.Unlock()
	key := o.keys[i.person]
	switch {
	case q.off && !o.justified(key, since, false):
		w.violate(4, "app %s: %s of %s, and there is no cause", q.app.name, q.op, key)
	case q.on && !o.justified(key, since, true):
		w.violate(8, "app %s: %s of %s, who is to be out", q.app.name, q.op, key)
	}
}

func (q *request) key() string {
	if q.person != "" {
		return "p" + q.person
	}
	return "g" + q.object
}

// answered takes a request off those under way.
func (w *world) answered(q *request) {
	w.oracle.flying = slices.DeleteFunc(w.oracle.flying, func(f *request) bool { return f == q })
}

// made looks at an account that is about to be made.
func (o *oracle) made(a *fakeApp, u *account) {
	for _, other := range a.users {
		if other.owner != u.owner || other.was == strangers || a.tainted[u.owner] {
			continue
		}
		if other.live() {
			o.w.violate(1, "app %s: %s has the account %s, and gets %s", a.name, u.owner, other.id, u.id)
		}
	}
}

func (o *oracle) madeGroup(a *fakeApp, g *group) {
	for _, other := range a.groups {
		if other.now().name == g.now().name && !a.restored {
			o.w.violate(1, "app %s: the group %s is there, and is made again", a.name, g.now().name)
		}
	}
}

// writes looks at an account that is about to be written to.
func (o *oracle) writes(q *request, u *account) {
	key := o.keys[q.person]
	switch {
	case u.was == strangers, u.was == claimed, u.was == mighty:
		o.w.violate(5, "app %s: %s of %s for %s, which is not ours", q.app.name, q.op, u.id, key)
	case u.owner != key:
		o.w.violate(5, "app %s: %s of %s for %s, and it is the account of %s", q.app.name, q.op, u.id, key, u.owner)
	}
}

// deactivated is what the ledger calls the end of an account.
var deactivated = []string{"account.disabled", "account.deleted"}

func (o *oracle) count(app, person string, kinds ...string) (n int) {
	for _, k := range kinds {
		n += o.claims[claim{k, app, person, ""}]
	}
	return n
}

// final holds the ledger against what happened.
func (w *world) final() {
	if w.broken() {
		return
	}
	o := w.oracle
	ctx := context.Background()
	for id, i := range o.intents {
		if i.outcome == "" || i.outcome == provision.Ambiguous {
			w.violate(2, "request %d (%s of %s%s at %s) has no outcome in the end: %q", id, i.kind, i.person, i.team, i.app, i.outcome)
		}
	}
	for _, a := range w.apps {
		for id, key := range o.keys {
			if a.tainted[key] || a.lied[key] || w.marked(&worker{key: key}) {
				continue
			}
			if told, done := o.count(a.name, id, "account.created"), a.effects[effect{"create", key}]; told != done {
				w.violate(10, "app %s: the account of %s was made %d times, and the ledger tells of %d", a.name, key, done, told)
			}
			if told, done := o.count(a.name, id, deactivated...), a.effects[effect{"disable", key}]; told != done {
				w.violate(10, "app %s: %s was disabled %d times, and the ledger tells of %d", a.name, key, done, told)
			}
		}
	}
	rep, err := audit.Verify(ctx, w.store.Ledger())
	if err != nil {
		w.violate(10, "the chain does not hold: %v", err)
	} else if n := int(rep.Events) + rep.Pending; n != o.events {
		w.violate(10, "%d events were committed, and the chain has %d", o.events, n)
	}
}

// outside says that an event leaves somebody who is not in, or not any more.
func outside(e audit.Event) bool {
	after, _ := e.After.(map[string]scim.Value)
	state, _ := after["state"].AsString()
	return state == string(directory.Leaver) || state == string(directory.Staged)
}

// moved says that an event tells of another state.
func moved(e audit.Event) bool {
	after, _ := e.After.(map[string]scim.Value)
	_, ok := after["state"]
	return ok
}
