// SPDX-License-Identifier: Apache-2.0

package provision_test

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

// call is one request as the fake app saw it.
type call struct {
	Op   string // create, patch, members, delete, get, find, list
	Kind app.Kind
	ID   string // at the app; the wished externalId for a create, the value for a find
	Nth  int    // of its kind: 1 for the first such call
	Add  []string
	Drop []string
	// Off says that a patch disables the account.
	Off bool
}

func (c call) writes() bool { return c.Op != "get" && c.Op != "find" && c.Op != "list" }

// fault is what goes wrong with one request.
type fault struct {
	before *app.Error // it is not carried out
	after  *app.Error // it is, and the answer is lost
	ignore bool       // success is answered, and nothing happens
}

// fakeApp is an app in memory. It lets everybody have the same name twice, so
// that a duplicate would show, unless unique is set.
type fakeApp struct {
	mu       sync.Mutex
	profile  app.Profile
	unique   bool
	forgets  bool            // keeps no externalId
	ignores  string          // answers with success, and does not store this attribute
	mute     bool            // answers a patch with 204
	hides    map[string]bool // ids that are not in lists, and are there
	last     int
	users    map[string]*scim.Resource
	groups   map[string]*scim.Resource
	members  map[string]map[string]bool
	faults   func(c call) fault
	seen     map[string]int
	calls    []call
	requests int64
	done     map[string]int // what had an effect
}

var everything = app.Operations{Create: true, Replace: true, Patch: true, Delete: true, Get: true, List: true}

func newFakeApp() *fakeApp {
	return &fakeApp{
		profile: app.Profile{Name: "Fake", Users: everything, Groups: everything, MembersReadable: true, MaxMembersPerRequest: 3, PageSize: 100},
		users:   map[string]*scim.Resource{}, groups: map[string]*scim.Resource{},
		members: map[string]map[string]bool{}, seen: map[string]int{}, done: map[string]int{},
	}
}

func (a *fakeApp) Profile() app.Profile { return a.profile }

func (a *fakeApp) Requests() int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.requests
}

// accounts and asked are for tests that look while an engine serves.
func (a *fakeApp) accounts() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.users)
}

func (a *fakeApp) asked() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.calls)
}

// note writes a request down and asks the schedule what goes wrong with it.
// The caller holds mu.
func (a *fakeApp) note(c call) fault {
	a.requests++
	key := c.Op + string(c.Kind) + c.ID
	a.seen[key]++
	c.Nth = a.seen[key]
	a.calls = append(a.calls, c)
	if a.faults == nil {
		return fault{}
	}
	return a.faults(c)
}

func (a *fakeApp) objects(k app.Kind) map[string]*scim.Resource {
	if k == app.KindGroup {
		return a.groups
	}
	return a.users
}

func (a *fakeApp) answer(status int, r *scim.Resource, f fault) (app.Answer, error) {
	if f.after != nil {
		return app.Answer{Elapsed: time.Millisecond}, f.after
	}
	if r != nil {
		r = r.Clone()
	}
	return app.Answer{Status: status, Resource: r, Elapsed: time.Millisecond}, nil
}

func (a *fakeApp) Create(_ context.Context, k app.Kind, r *scim.Resource) (app.Answer, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f := a.note(call{Op: "create", Kind: k, ID: r.ExternalID()})
	if f.before != nil {
		return app.Answer{}, f.before
	}
	for _, o := range a.objects(k) {
		if a.unique && strings.EqualFold(name(o), name(r)) {
			return app.Answer{Status: 409}, conflict()
		}
	}
	a.done["create "+string(k)]++
	return a.answer(201, a.seat(k, r), f)
}

// seat stores a resource under a new id. The caller holds mu.
func (a *fakeApp) seat(k app.Kind, r *scim.Resource) *scim.Resource {
	r = r.Clone()
	a.last++
	r.SetID(fmt.Sprintf("%s-%03d", strings.ToLower(string(k[:1])), a.last))
	if a.forgets {
		r.Delete("externalId")
	}
	r.Delete(a.ignores)
	a.objects(k)[r.ID()] = r
	return r
}

func (a *fakeApp) Patch(_ context.Context, k app.Kind, id string, changes []scim.Change, want *scim.Resource) (app.Answer, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := call{Op: "patch", Kind: k, ID: id}
	for _, ch := range changes {
		if v, ok := ch.After.AsBool(); ok && ch.Path.Attr == "active" && !v {
			c.Off = true
		}
	}
	f := a.note(c)
	if f.before != nil {
		return app.Answer{}, f.before
	}
	r, ok := a.objects(k)[id]
	if !ok {
		return app.Answer{Status: 404}, missing()
	}
	if !f.ignore {
		if active, _ := r.Active(); active && c.Off {
			a.done["off"]++
		}
		r = r.Clone()
		if !a.profile.Operations(k).Patch { // a PUT: what is left out is cleared
			if want == nil {
				return app.Answer{Status: 400}, refused("nothing to put")
			}
			r = want.Clone()
			r.SetID(id)
			r.SetActive(true)
		}
		for _, ch := range changes {
			if ch.Path.Attr == a.ignores {
				continue
			}
			if err := r.Put(ch.Path, ch.After); err != nil {
				return app.Answer{Status: 400}, refused(err.Error())
			}
		}
		a.objects(k)[id] = r
	}
	if a.mute {
		return a.answer(204, nil, f)
	}
	return a.answer(200, r, f)
}

func (a *fakeApp) ChangeMembers(_ context.Context, group string, add, remove []string) (app.Answer, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f := a.note(call{Op: "members", Kind: app.KindGroup, ID: group, Add: slices.Clone(add), Drop: slices.Clone(remove)})
	switch {
	case f.before != nil:
		return app.Answer{}, f.before
	case a.groups[group] == nil:
		return app.Answer{Status: 404}, missing()
	case len(add)+len(remove) > a.profile.MaxMembersPerRequest:
		return app.Answer{Status: 413}, &app.Error{Class: app.TooLarge, Status: 413}
	}
	for _, id := range add {
		if a.users[id] == nil {
			return app.Answer{Status: 400}, refused("no such member: " + id)
		}
	}
	if a.members[group] == nil {
		a.members[group] = map[string]bool{}
	}
	for _, id := range add {
		a.members[group][id] = true
	}
	for _, id := range remove {
		delete(a.members[group], id)
	}
	return a.answer(204, nil, f)
}

func (a *fakeApp) Delete(_ context.Context, k app.Kind, id string) (app.Answer, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f := a.note(call{Op: "delete", Kind: k, ID: id})
	if f.before != nil {
		return app.Answer{}, f.before
	}
	if a.objects(k)[id] == nil {
		return app.Answer{Status: 404}, missing()
	}
	if f.ignore {
		return a.answer(204, nil, f)
	}
	if k == app.KindUser && a.profile.DeleteLeaves == app.LeavesDisabled {
		r := a.users[id].Clone()
		r.SetActive(false)
		a.users[id] = r
		return a.answer(204, nil, f)
	}
	a.drop(k, id)
	return a.answer(204, nil, f)
}

// drop takes a resource away, behind everybody's back if called by a test.
func (a *fakeApp) drop(k app.Kind, id string) {
	delete(a.objects(k), id)
	delete(a.members, id)
	for _, m := range a.members {
		delete(m, id)
	}
}

func (a *fakeApp) Get(_ context.Context, k app.Kind, id string) (app.Answer, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if f := a.note(call{Op: "get", Kind: k, ID: id}); f.before != nil {
		return app.Answer{}, f.before
	}
	r := a.objects(k)[id]
	if r == nil {
		return app.Answer{Status: 404}, missing()
	}
	return a.answer(200, a.withMembers(k, r), fault{})
}

func (a *fakeApp) withMembers(k app.Kind, r *scim.Resource) *scim.Resource {
	if k != app.KindGroup || !a.profile.MembersReadable {
		return r
	}
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

// listed is what lists and searches show of a resource.
func (a *fakeApp) listed(r *scim.Resource) *scim.Resource {
	r = r.Clone()
	if a.profile.ListPartial {
		r.Delete("displayName")
	}
	return r
}

func (a *fakeApp) Find(_ context.Context, k app.Kind, p scim.Path, value string) ([]*scim.Resource, app.Answer, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if f := a.note(call{Op: "find", Kind: k, ID: value}); f.before != nil {
		return nil, app.Answer{}, f.before
	}
	var hits []*scim.Resource
	for _, id := range sorted(a.objects(k)) {
		v, _ := a.objects(k)[id].At(p)
		if s, ok := v.AsString(); ok && strings.EqualFold(s, value) {
			hits = append(hits, a.listed(a.objects(k)[id]))
		}
	}
	return hits, app.Answer{Status: 200}, nil
}

func (a *fakeApp) List(_ context.Context, k app.Kind, excludeMembers bool) iter.Seq2[*scim.Resource, error] {
	return func(yield func(*scim.Resource, error) bool) {
		a.mu.Lock()
		f := a.note(call{Op: "list", Kind: k})
		var all []*scim.Resource
		for _, id := range sorted(a.objects(k)) {
			if a.hides[id] {
				continue
			}
			r := a.objects(k)[id]
			if !excludeMembers {
				r = a.withMembers(k, r)
			}
			all = append(all, a.listed(r))
		}
		a.mu.Unlock()
		if f.before != nil {
			yield(nil, f.before)
			return
		}
		for _, r := range all {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// user puts an account there that we did not make.
func (a *fakeApp) user(userName, externalID string, more ...func(*scim.Resource)) string {
	r := scim.NewResource(scim.UserURN)
	r.Set("userName", scim.String(userName))
	if externalID != "" {
		r.SetExternalID(externalID)
	}
	r.SetActive(true)
	for _, m := range more {
		m(r)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.seat(app.KindUser, r).ID()
}

// group puts a group there that we did not make.
func (a *fakeApp) group(display, externalID string, members ...string) string {
	r := scim.NewResource(scim.GroupURN)
	r.Set("displayName", scim.String(display))
	if externalID != "" {
		r.SetExternalID(externalID)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	id := a.seat(app.KindGroup, r).ID()
	a.members[id] = map[string]bool{}
	for _, m := range members {
		a.members[id][m] = true
	}
	return id
}

// writes returns the writing requests so far.
func (a *fakeApp) writes() []call {
	a.mu.Lock()
	defer a.mu.Unlock()
	var out []call
	for _, c := range a.calls {
		if c.writes() {
			out = append(out, c)
		}
	}
	return out
}

// forget empties the trace, not the app.
func (a *fakeApp) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls, a.seen = nil, map[string]int{}
}

func name(r *scim.Resource) string {
	if s := r.UserName(); s != "" {
		return s
	}
	return r.DisplayName()
}

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func conflict() *app.Error {
	return &app.Error{Class: app.Conflict, Status: 409, ScimType: "uniqueness"}
}
func missing() *app.Error { return &app.Error{Class: app.NotFound, Status: 404} }
func refused(detail string) *app.Error {
	return &app.Error{Class: app.Terminal, Status: 400, Detail: detail}
}
func lost() *app.Error         { return &app.Error{Class: app.Ambiguous} }
func broken() *app.Error       { return &app.Error{Class: app.Ambiguous, Status: 500} }
func unauthorized() *app.Error { return &app.Error{Class: app.Unauthorized, Status: 401} }
func slow(d time.Duration) *app.Error {
	return &app.Error{Class: app.Retry, Status: 429, RetryAfter: d}
}
