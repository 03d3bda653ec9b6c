// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/scim"
)

// call is one request as the fake app sees it. Accounts and groups go by the
// part of their name before the @.
type call struct {
	op      string // create, patch, delete, add, remove, get, find, list
	kind    app.Kind
	name    string
	members []string // of an add or remove
	off     bool     // a patch that disables
}

func (c call) writes() bool { return !slices.Contains([]string{"get", "find", "list"}, c.op) }

// on says whether the call is an op on an account or group of this name.
func (c call) on(op, name string) bool { return c.op == op && c.name == name }

// fakeApp is an app in memory. It lets two accounts have one name, so that a
// duplicate would show.
type fakeApp struct {
	mu       sync.Mutex
	profile  app.Profile
	last     int
	objects  map[app.Kind]map[string]*scim.Resource
	members  map[string]map[string]bool // ids of accounts, by id of group
	before   func(call) *app.Error      // what goes wrong before anything happened
	after    func(call) *app.Error      // what goes wrong after it did
	sent     []call                     // writes
	requests int64
}

func newFakeApp() *fakeApp {
	p, err := app.ProfileByID("generic-scim2")
	if err != nil {
		panic(err)
	}
	return &fakeApp{
		profile: p, members: map[string]map[string]bool{},
		objects: map[app.Kind]map[string]*scim.Resource{app.KindUser: {}, app.KindGroup: {}},
	}
}

func (a *fakeApp) Profile() app.Profile { return a.profile }

func (a *fakeApp) Requests() int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.requests
}

// serve counts a request and carries it out between what goes wrong.
func (a *fakeApp) serve(c call, carryOut func() (*scim.Resource, *app.Error)) (app.Answer, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.requests++
	if c.name == "" {
		c.name = "?"
	}
	if c.writes() {
		a.sent = append(a.sent, c)
	}
	if a.before != nil {
		if e := a.before(c); e != nil {
			return app.Answer{}, e
		}
	}
	r, e := carryOut()
	if e == nil && a.after != nil {
		e = a.after(c)
	}
	if e != nil {
		return app.Answer{}, e
	}
	return app.Answer{Status: 200, Resource: r, Elapsed: time.Millisecond}, nil
}

// nameOf is a resource's name, short. The caller holds mu, as in all below.
func nameOf(r *scim.Resource) string {
	if r == nil {
		return ""
	}
	short, _, _ := strings.Cut(r.UserName(), "@")
	if short == "" {
		return r.DisplayName()
	}
	return short
}

func (a *fakeApp) nameAt(k app.Kind, id string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return nameOf(a.objects[k][id])
}

// seat stores a resource under an id of its own.
func (a *fakeApp) seat(k app.Kind, r *scim.Resource) *scim.Resource {
	a.last++
	r = r.Clone()
	r.SetID(fmt.Sprintf("%s%04d", strings.ToLower(string(k[:1])), a.last))
	a.objects[k][r.ID()] = r
	if k == app.KindGroup {
		a.members[r.ID()] = map[string]bool{}
	}
	return r
}

// read is a resource as it is answered.
func (a *fakeApp) read(r *scim.Resource) *scim.Resource {
	r = r.Clone()
	var list []scim.Value
	for _, id := range sorted(a.members[r.ID()]) {
		var o scim.Object
		o.Set("value", scim.String(id))
		list = append(list, scim.Complex(o))
	}
	if len(list) > 0 {
		r.Set("members", scim.List(list...))
	}
	return r
}

func (a *fakeApp) Create(_ context.Context, k app.Kind, r *scim.Resource) (app.Answer, error) {
	return a.serve(call{op: "create", kind: k, name: nameOf(r)}, func() (*scim.Resource, *app.Error) {
		return a.read(a.seat(k, r)), nil
	})
}

func (a *fakeApp) Patch(_ context.Context, k app.Kind, id string, changes []scim.Change, _ *scim.Resource) (app.Answer, error) {
	c := call{op: "patch", kind: k, name: a.nameAt(k, id)}
	for _, ch := range changes {
		on, ok := ch.After.AsBool()
		c.off = c.off || ch.Path.Attr == "active" && ok && !on
	}
	return a.serve(c, func() (*scim.Resource, *app.Error) {
		r := a.objects[k][id]
		if r == nil {
			return nil, missing()
		}
		for _, ch := range changes {
			if err := r.Put(ch.Path, ch.After); err != nil {
				return nil, refused(err.Error())
			}
		}
		return a.read(r), nil
	})
}

func (a *fakeApp) ChangeMembers(_ context.Context, group string, add, remove []string) (app.Answer, error) {
	c := call{op: "add", kind: app.KindGroup, name: a.nameAt(app.KindGroup, group)}
	if len(remove) > 0 {
		c.op = "remove"
	}
	for _, id := range slices.Concat(add, remove) {
		c.members = append(c.members, a.nameAt(app.KindUser, id))
	}
	return a.serve(c, func() (*scim.Resource, *app.Error) {
		if a.members[group] == nil {
			return nil, missing()
		}
		for _, id := range add {
			if a.objects[app.KindUser][id] == nil {
				return nil, refused("no such member")
			}
			a.members[group][id] = true
		}
		for _, id := range remove {
			delete(a.members[group], id)
		}
		return nil, nil
	})
}

func (a *fakeApp) Delete(_ context.Context, k app.Kind, id string) (app.Answer, error) {
	return a.serve(call{op: "delete", kind: k, name: a.nameAt(k, id)}, func() (*scim.Resource, *app.Error) {
		if a.objects[k][id] == nil {
			return nil, missing()
		}
		a.drop(k, id)
		return nil, nil
	})
}

func (a *fakeApp) Get(_ context.Context, k app.Kind, id string) (app.Answer, error) {
	return a.serve(call{op: "get", kind: k, name: a.nameAt(k, id)}, func() (*scim.Resource, *app.Error) {
		if r := a.objects[k][id]; r != nil {
			return a.read(r), nil
		}
		return nil, missing()
	})
}

func (a *fakeApp) Find(_ context.Context, k app.Kind, p scim.Path, value string) ([]*scim.Resource, app.Answer, error) {
	var hits []*scim.Resource
	short, _, _ := strings.Cut(value, "@")
	ans, err := a.serve(call{op: "find", kind: k, name: short}, func() (*scim.Resource, *app.Error) {
		for _, id := range sorted(a.objects[k]) {
			v, _ := a.objects[k][id].At(p)
			if s, _ := v.AsString(); strings.EqualFold(s, value) {
				hits = append(hits, a.read(a.objects[k][id]))
			}
		}
		return nil, nil
	})
	return hits, ans, err
}

func (a *fakeApp) List(_ context.Context, k app.Kind, _ bool) iter.Seq2[*scim.Resource, error] {
	return func(yield func(*scim.Resource, error) bool) {
		var all []*scim.Resource
		_, err := a.serve(call{op: "list", kind: k}, func() (*scim.Resource, *app.Error) {
			for _, id := range sorted(a.objects[k]) {
				all = append(all, a.read(a.objects[k][id]))
			}
			return nil, nil
		})
		if err != nil {
			yield(nil, err)
			return
		}
		for _, r := range all {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// drop takes a resource away, behind everybody's back if a test does.
func (a *fakeApp) drop(k app.Kind, id string) {
	delete(a.objects[k], id)
	delete(a.members, id)
	for _, m := range a.members {
		delete(m, id)
	}
}

// id is that of the one account or group of a name, "" if there is none.
func (a *fakeApp) id(k app.Kind, name string) string {
	for id, r := range a.objects[k] {
		if nameOf(r) == name {
			return id
		}
	}
	return ""
}

// live names who has an account that is not disabled, in order.
func (a *fakeApp) live() (names []string) {
	for _, u := range a.objects[app.KindUser] {
		if on, known := u.Active(); on || !known {
			names = append(names, nameOf(u))
		}
	}
	slices.Sort(names)
	return names
}

// in names the members of the group of this name, in order.
func (a *fakeApp) in(group string) (names []string) {
	for id := range a.members[a.id(app.KindGroup, group)] {
		names = append(names, nameOf(a.objects[app.KindUser][id]))
	}
	slices.Sort(names)
	return names
}

func missing() *app.Error { return &app.Error{Class: app.NotFound, Status: 404} }
func refused(detail string) *app.Error {
	return &app.Error{Class: app.Terminal, Status: 400, Detail: detail}
}

func busy(d time.Duration) *app.Error {
	return &app.Error{Class: app.Retry, Status: 503, RetryAfter: d}
}
