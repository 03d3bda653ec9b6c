// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/scim"
)

// fakeApp is an app in memory, with ways of its own and a ledger of what was really done.
type fakeApp struct {
	w       *world
	name    string
	profile app.Profile

	unique   bool            // a user name is one account's
	keepsExt bool            // an externalId is kept
	lowers   bool            // user names are kept in lower case
	drops    bool            // a title is taken and not kept
	mute     bool            // a change is answered without a body
	recycles bool            // the id of what was deleted is given again
	settle   time.Duration   // until what was written is seen by reads
	restored bool            // from a backup, once
	lied     map[string]bool // workers whose change it said it had made
	shut     map[string]bool // workers whose account others have disabled
	sick     bool            // most of what it is asked for fails
	down     bool            // all of it, until it is healed
	poison   map[string]bool

	users    []*account // in the order in which they were made
	groups   []*group
	last     int
	free     []string // ids of what was deleted
	requests int64
	effects  map[effect]int  // by the engine's requests
	orphans  map[string]bool // workers for whom an account was made when nobody waited for it any more
	tainted  map[string]bool // workers whose account is not what the engine's own requests made it
}

// effect is a kind of thing that was done, to whom.
type effect struct{ kind, whom string }

// account is one user of an app, in all states that it had.
type account struct {
	id     string
	owner  string // the worker's key, whom it is said to be of
	was    whose  // of an account that was there before us
	locale string // which no mapping names
	states []state
}

// whose says of an account that was there before us what may be done with it.
type whose int

const (
	engines   whose = iota // not there before us
	strangers              // nobody's: it must never be written
	claimed                // called as somebody of ours, and somebody else's: likewise
	mighty                 // called as somebody of ours, and privileged: likewise
	adoptable              // called as somebody of ours, and to be taken over for them
)

type state struct {
	at                               time.Time
	userName, name, title, nick, ext string
	active, gone                     bool
}

// group is one group of an app.
type group struct {
	id     string
	states []groupState
}

type groupState struct {
	at        time.Time
	name, ext string
	members   []string // ids, in order
}

func (u *account) now() *state     { return &u.states[len(u.states)-1] }
func (g *group) now() *groupState  { return &g.states[len(g.states)-1] }
func (u *account) live() bool      { return u.now().active && !u.now().gone }
func (u *account) put(s state)     { s.at = time.Now(); u.states = append(u.states, s) }
func (g *group) put(s groupState)  { s.at = time.Now(); g.states = append(g.states, s) }
func (a *fakeApp) seen() time.Time { return time.Now().Add(-a.lag()) }

// lag is how old what reads show may be. It is less than the settle time that the profile
// names, as that has to cover requests that come late, too.
func (a *fakeApp) lag() time.Duration { return a.settle / 2 }

// patience is how long after its caller has given up a request may have its effect. Where
// the app itself lets nobody be there twice that may be late; elsewhere the settle time is
// the promise that it is not.
func (a *fakeApp) patience() time.Duration {
	if a.unique {
		return 10 * time.Minute
	}
	return a.settle / 2
}

// at is an account as reads show it at an instant, nil if they do not.
func (u *account) at(t time.Time) *state {
	for i := len(u.states) - 1; i >= 0; i-- {
		if s := &u.states[i]; !s.at.After(t) {
			if s.gone {
				return nil
			}
			return s
		}
	}
	return nil
}

func (g *group) at(t time.Time) *groupState {
	for i := len(g.states) - 1; i >= 0; i-- {
		if s := &g.states[i]; !s.at.After(t) {
			return s
		}
	}
	return nil
}

func (a *fakeApp) user(id string) *account {
	for i := len(a.users) - 1; i >= 0; i-- { // the newest of an id that was given again
		if a.users[i].id == id {
			return a.users[i]
		}
	}
	return nil
}

func (a *fakeApp) group(id string) *group {
	for _, g := range a.groups {
		if g.id == id {
			return g
		}
	}
	return nil
}

func (a *fakeApp) nextID(letter string) string {
	if letter == "u" && a.recycles && len(a.free) > 0 {
		id := a.free[0]
		a.free = a.free[1:]
		a.orphans[a.user(id).owner] = true // the engine knows them by what is another's now
		a.w.hit(f12, "create")
		return id
	}
	a.last++
	return fmt.Sprintf("%s%03d", letter, a.last)
}

// client is the app as one process of the engine sees it.
type client struct {
	*fakeApp
	proc *process
}

var _ app.App = client{}

// Profile implements app.App.
func (c client) Profile() app.Profile { return c.profile }

// Requests implements app.App.
func (c client) Requests() int64 {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	return c.requests
}

// request is one request on its way.
type request struct {
	app     *fakeApp
	proc    *process
	op      string // for tables and traces
	object  string // what it is about
	write   bool
	intent  string // the engine's name of it
	at      time.Time
	members int
	who     []string
	person  string // of the intent, by the oracle
	fence   int64
	off, on bool // it disables, or enables
}

// lying is what a lie about such a request means; "" if none is told.
func (q *request) lying() string {
	switch q.op {
	case "create", "update", "disable", "enable", "delete":
		return q.op
	case "member-add", "member-remove":
		if q.app.profile.MembersReadable {
			return q.op
		}
	}
	return ""
}

// answer is what an app says to a request once it has carried it out.
type answer struct {
	status   int
	resource *scim.Resource
	err      *app.Error
}

// do sends a request and waits for its answer.
func (c client) do(ctx context.Context, q *request, carryOut func(v verdict) answer) (app.Answer, error) {
	q.app, q.proc, q.intent, q.at = c.fakeApp, c.proc, app.RequestID(ctx), time.Now()
	w := c.w
	w.mu.Lock()
	c.requests++
	w.mu.Unlock()
	began := time.Now()
	if !q.write && !w.faulty && !c.down {
		return c.read(q, carryOut)
	}
	v := c.proc.wait(&parked{key: c.name + "/" + q.op + "/" + q.object + "/" + q.intent, request: q, effect: carryOut})
	if v.buried {
		return app.Answer{}, &app.Error{Class: app.Ambiguous}
	}
	var ans answer
	switch {
	case v.said != nil:
		ans = *v.said
	case v.err != nil && !v.after:
		ans.err = v.err
	default:
		ans = carryOut(v)
		if v.after && ans.err == nil {
			ans.err = v.err
		}
	}
	w.said(q, ans)
	if v.die {
		c.proc.die()
		return app.Answer{}, &app.Error{Class: app.Ambiguous}
	}
	if v.slow {
		if u := c.proc.wait(&parked{key: c.name + "/answer/" + q.object + "/" + q.intent, answer: q}); u.buried {
			return app.Answer{}, &app.Error{Class: app.Ambiguous}
		}
	}
	w.answered(q)
	out := app.Answer{Status: ans.status, Resource: ans.resource, Elapsed: time.Since(began)}
	if ans.err != nil {
		out.Status = ans.err.Status
		return out, ans.err
	}
	return out, nil
}

// read answers a read at once, when nothing goes wrong any more and its turn decides
// nothing: whoever writes waits for the scheduler, and it for whoever reads.
func (c client) read(q *request, carryOut func(v verdict) answer) (app.Answer, error) {
	if c.proc.gone() {
		return app.Answer{}, &app.Error{Class: app.Ambiguous}
	}
	ans := carryOut(verdict{part: -1})
	if c.w.trace.told == Reads {
		c.w.mu.Lock()
		c.w.said(q, ans)
		c.w.mu.Unlock()
	}
	if ans.err != nil {
		return app.Answer{Status: ans.err.Status}, ans.err
	}
	return app.Answer{Status: ans.status, Resource: ans.resource}, nil
}

// said notes what an app answers.
func (w *world) said(q *request, ans answer) {
	q.proc.ails(q, ans)
	switch {
	case !w.told():
	case ans.err != nil:
		w.note("    %s says to %s of %s: %v %s", q.app.name, q.op, q.object, ans.err, strings.Join(q.who, " "))
	case ans.resource != nil && q.write:
		w.note("    %s says to %s of %s: %d, it is %s", q.app.name, q.op, q.object, ans.status, ans.resource.ID())
	default:
		w.note("    %s says to %s of %s: %d %s", q.app.name, q.op, q.object, ans.status, strings.Join(q.who, " "))
	}
}

func refused(class app.Class, status int, detail string) answer {
	return answer{err: &app.Error{Class: class, Status: status, Detail: detail}}
}

// Create implements app.App.
func (c client) Create(ctx context.Context, kind app.Kind, r *scim.Resource) (app.Answer, error) {
	if kind == app.KindGroup {
		s := groupState{name: r.DisplayName(), ext: r.ExternalID()}
		return c.do(ctx, &request{op: "group-create", object: s.name, write: true}, func(v verdict) answer { return c.makeGroup(s) })
	}
	s := state{userName: r.UserName(), name: r.DisplayName(), title: text(r, "title"), nick: text(r, "nickName"), ext: r.ExternalID()}
	s.active, _ = r.Active()
	c.w.oracle.outside(c.fakeApp, r)
	return c.do(ctx, &request{op: "create", object: s.nick, write: true, on: true}, func(v verdict) answer { return c.makeUser(s, v) })
}

func (c client) makeUser(s state, v verdict) answer {
	a := c.fakeApp
	switch {
	case a.poison[s.nick]:
		a.w.hit(f20, "create")
		return refused(app.Terminal, 400, "this one is not liked here")
	case a.unique && slices.ContainsFunc(a.users, func(u *account) bool { return !u.now().gone && strings.EqualFold(u.now().userName, s.userName) }):
		a.w.hit(f4, "create")
		return refused(app.Conflict, 409, "the user name is taken")
	}
	a.normalise(&s)
	if v.lie || v.lately {
		a.taint(s.nick)
	}
	if v.lie {
		s.at = time.Now()
		u := &account{id: a.nextID("u"), owner: s.nick, states: []state{s}}
		return answer{status: 201, resource: u.shown(&s)}
	}
	u := &account{id: a.nextID("u"), owner: s.nick, locale: "en-" + s.nick}
	u.put(s)
	a.w.oracle.made(a, u)
	a.users = append(a.users, u)
	a.effects[effect{"create", s.nick}]++
	return answer{status: 201, resource: u.shown(u.now())}
}

// normalise makes of a state what the app keeps of it.
func (a *fakeApp) normalise(s *state) {
	if a.lowers {
		s.userName = strings.ToLower(s.userName)
	}
	if a.drops {
		s.title = ""
	}
	if !a.keepsExt {
		s.ext = ""
	}
}

// taint notes that a worker's account is not what the engine's requests were said to have
// made it: the engine can know only by looking, for which nothing gives it a reason.
func (a *fakeApp) taint(owner string) { a.tainted[owner] = true }

func (u *account) shown(s *state) *scim.Resource {
	r := scim.NewResource(scim.UserURN)
	r.SetID(u.id)
	r.Set("userName", scim.String(s.userName))
	for _, f := range [...][2]string{{"displayName", s.name}, {"title", s.title}, {"nickName", s.nick}, {"locale", u.locale}} {
		if f[1] != "" {
			r.Set(f[0], scim.String(f[1]))
		}
	}
	if s.ext != "" {
		r.SetExternalID(s.ext)
	}
	r.SetActive(s.active)
	if u.was == mighty {
		var role scim.Object
		role.Set("value", scim.String("admin"))
		r.Set("roles", scim.List(scim.Complex(role)))
	}
	return r
}

func text(r *scim.Resource, name string) string {
	v, _ := r.Get(name)
	s, _ := v.AsString()
	return s
}

func (c client) makeGroup(s groupState) answer {
	a := c.fakeApp
	if a.unique && slices.ContainsFunc(a.groups, func(g *group) bool { return g.now().name == s.name }) {
		a.w.hit(f4, "group-create")
		return refused(app.Conflict, 409, "the name is taken")
	}
	if !a.keepsExt {
		s.ext = ""
	}
	g := &group{id: a.nextID("g")}
	g.put(s)
	a.w.oracle.madeGroup(a, g)
	a.groups = append(a.groups, g)
	a.effects[effect{"group-create", s.name}]++
	return answer{status: 201, resource: a.shownGroup(g, g.now(), false)}
}

func (a *fakeApp) shownGroup(g *group, s *groupState, bare bool) *scim.Resource {
	r := scim.NewResource(scim.GroupURN)
	r.SetID(g.id)
	r.Set("displayName", scim.String(s.name))
	if s.ext != "" {
		r.SetExternalID(s.ext)
	}
	if bare || !a.profile.MembersReadable || len(s.members) == 0 {
		return r
	}
	list := make([]scim.Value, 0, len(s.members))
	for _, id := range s.members {
		var o scim.Object
		o.Set("value", scim.String(id))
		list = append(list, scim.Complex(o))
	}
	r.Set("members", scim.List(list...))
	return r
}

// Patch implements app.App.
func (c client) Patch(ctx context.Context, kind app.Kind, id string, changes []scim.Change, _ *scim.Resource) (app.Answer, error) {
	if kind == app.KindGroup {
		return c.do(ctx, &request{op: "group-update", object: id, write: true}, func(verdict) answer { return c.rename(id, changes) })
	}
	q := &request{op: "update", object: id, write: true}
	for _, ch := range changes {
		if ch.Path.Attr == "active" {
			q.on, _ = ch.After.AsBool()
			q.off = !q.on
			q.op = "enable"
			if q.off {
				q.op = "disable"
			}
		}
	}
	return c.do(ctx, q, func(v verdict) answer { return c.change(q, id, changes, v) })
}

func (c client) change(q *request, id string, changes []scim.Change, v verdict) answer {
	a := c.fakeApp
	u := a.user(id)
	if u == nil || u.now().gone {
		return refused(app.NotFound, 404, "")
	}
	if a.settle > 0 && u.at(a.seen()) == nil {
		a.w.hit(f11, q.op)
		return refused(app.NotFound, 404, "not there yet")
	}
	s := *u.now()
	a.w.oracle.writes(q, u)
	for _, ch := range changes {
		value, _ := ch.After.AsString()
		switch ch.Path.Attr {
		case "active":
			s.active, _ = ch.After.AsBool()
		case "userName":
			s.userName = value
		case "displayName":
			s.name = value
		case "title":
			s.title = value
		case "nickName":
			s.nick = value
		case "externalId":
			s.ext = value
		default:
			a.w.violate(5, "app %s: %s is written, which no mapping names", a.name, ch.Path)
		}
	}
	a.normalise(&s)
	switch {
	case a.poison[u.owner] && !q.off:
		a.w.hit(f20, q.op)
		a.w.refuses(q, u.owner)
		return refused(app.Terminal, 400, "this one is not liked here")
	case a.unique && slices.ContainsFunc(a.users, func(o *account) bool {
		return o != u && !o.now().gone && strings.EqualFold(o.now().userName, s.userName)
	}):
		a.w.hit(f4, q.op)
		return refused(app.Conflict, 409, "the user name is taken")
	}
	a.lied[u.owner] = a.lied[u.owner] || v.lie
	if v.lie && !q.off || v.lately { // a lie about a departure is read back
		a.taint(u.owner)
	}
	if !v.lie {
		if was := u.now(); was.active && !s.active {
			a.effects[effect{"disable", u.owner}]++
		}
		u.put(s)
	}
	if a.mute {
		return answer{status: 204}
	}
	return answer{status: 200, resource: u.shown(&s)}
}

func (c client) rename(id string, changes []scim.Change) answer {
	g := c.group(id)
	if g == nil || g.at(c.seen()) == nil {
		return refused(app.NotFound, 404, "")
	}
	s := *g.now()
	for _, ch := range changes {
		s.name, _ = ch.After.AsString()
	}
	g.put(s)
	return answer{status: 200, resource: c.shownGroup(g, g.now(), false)}
}

// ChangeMembers implements app.App.
func (c client) ChangeMembers(ctx context.Context, id string, add, remove []string) (app.Answer, error) {
	q := &request{op: "member-add", object: id, write: true, members: len(add) + len(remove), who: slices.Concat(add, remove)}
	if len(remove) > 0 {
		q.op = "member-remove"
	}
	return c.do(ctx, q, func(v verdict) answer { return c.seat(q, id, add, remove, v) })
}

func (c client) seat(q *request, id string, add, remove []string, v verdict) answer {
	a := c.fakeApp
	g := a.group(id)
	switch {
	case g == nil || g.at(a.seen()) == nil:
		return refused(app.NotFound, 404, "no such group")
	case len(add)+len(remove) > a.profile.MaxMembersPerRequest:
		return refused(app.TooLarge, 413, "")
	}
	for _, m := range add {
		if u := a.user(m); u == nil || u.at(a.seen()) == nil || u.now().gone {
			a.w.hit(f14, q.op)
			return refused(app.Terminal, 400, "no such member: "+m)
		}
	}
	if v.lie || v.lately {
		for _, m := range slices.Concat(add, remove) {
			if u := a.user(m); u != nil {
				a.taint(u.owner)
			}
		}
	}
	if v.lie {
		return answer{status: 204}
	}
	s := *g.now()
	s.members = slices.Clone(s.members)
	for i, m := range slices.Concat(add, remove) {
		if v.part >= 0 && i >= v.part {
			break
		}
		at, there := slices.BinarySearch(s.members, m)
		switch {
		case i < len(add) && !there:
			s.members = slices.Insert(s.members, at, m)
		case i >= len(add) && there:
			s.members = slices.Delete(s.members, at, at+1)
		}
	}
	g.put(s)
	return answer{status: 204}
}

// Delete implements app.App.
func (c client) Delete(ctx context.Context, _ app.Kind, id string) (app.Answer, error) {
	q := &request{op: "delete", object: id, write: true, off: true}
	return c.do(ctx, q, func(v verdict) answer {
		a := c.fakeApp
		u := a.user(id)
		if u == nil || u.now().gone {
			return refused(app.NotFound, 404, "")
		}
		a.w.oracle.writes(q, u)
		if v.lately {
			a.taint(u.owner)
		}
		if v.lie {
			a.lied[u.owner] = true
			return answer{status: 204}
		}
		s := *u.now()
		if s.active {
			a.effects[effect{"disable", u.owner}]++
		}
		s.active = false
		if a.profile.DeleteLeaves != app.LeavesDisabled {
			a.vanish(u)
			return answer{status: 204}
		}
		u.put(s)
		return answer{status: 204}
	})
}

// vanish takes an account away, with what hangs on it.
func (a *fakeApp) vanish(u *account) {
	s := *u.now()
	s.active, s.gone = false, true
	u.put(s)
	a.free = append(a.free, u.id)
	for _, g := range a.groups {
		if i, there := slices.BinarySearch(g.now().members, u.id); there {
			gs := *g.now()
			gs.members = slices.Delete(slices.Clone(gs.members), i, i+1)
			g.put(gs)
		}
	}
}

// Get implements app.App.
func (c client) Get(ctx context.Context, kind app.Kind, id string) (app.Answer, error) {
	return c.do(ctx, &request{op: "get", object: id}, func(verdict) answer {
		if kind == app.KindGroup {
			g := c.group(id)
			if g == nil || g.at(c.seen()) == nil {
				return refused(app.NotFound, 404, "")
			}
			return answer{status: 200, resource: c.shownGroup(g, g.at(c.seen()), false)}
		}
		u := c.user(id)
		if u == nil || u.at(c.seen()) == nil {
			if u != nil && !u.now().gone {
				c.w.hit(f11, "get")
			}
			return refused(app.NotFound, 404, "")
		}
		return answer{status: 200, resource: u.shown(u.at(c.seen()))}
	})
}

// Find implements app.App.
func (c client) Find(ctx context.Context, kind app.Kind, attribute scim.Path, value string) ([]*scim.Resource, app.Answer, error) {
	var hits []*scim.Resource
	ans, err := c.do(ctx, &request{op: "find", object: attribute.Attr + " " + value}, func(verdict) answer {
		at := c.seen()
		if kind == app.KindGroup {
			for _, g := range c.groups {
				if s := g.at(at); s != nil && strings.EqualFold(s.name, value) {
					hits = append(hits, c.shownGroup(g, s, true))
				}
			}
			return answer{status: 200}
		}
		for _, u := range c.users {
			is := func(s *state) bool {
				return attribute.Attr == "userName" && strings.EqualFold(s.userName, value) || attribute.Attr == "externalId" && s.ext == value
			}
			switch s := u.at(at); {
			case s != nil && is(s):
				hits = append(hits, u.shown(s))
			case s == nil && !u.now().gone && is(u.now()):
				c.w.hit(f11, "find")
			}
		}
		return answer{status: 200}
	})
	if err != nil {
		return nil, ans, err
	}
	return hits, ans, nil
}

// List implements app.App. A list that is cut ends with an error.
func (c client) List(ctx context.Context, kind app.Kind, excludeMembers bool) iter.Seq2[*scim.Resource, error] {
	return func(yield func(*scim.Resource, error) bool) {
		var all []*scim.Resource
		_, err := c.do(ctx, &request{op: "list", object: string(kind)}, func(verdict) answer {
			at := c.seen()
			for _, u := range c.users {
				if s := u.at(at); kind == app.KindUser && s != nil {
					all = append(all, u.shown(s))
				}
			}
			for _, g := range c.groups {
				if s := g.at(at); kind == app.KindGroup && s != nil {
					all = append(all, c.shownGroup(g, s, excludeMembers))
				}
			}
			return answer{status: 200}
		})
		for _, r := range all {
			if !yield(r, nil) {
				return
			}
		}
		if err != nil {
			yield(nil, err)
		}
	}
}
