// SPDX-License-Identifier: Apache-2.0

package scimtest

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimserver"
)

// world is a store with quirks, and the ledger of what happened in it.
type world struct {
	memory *scimserver.Memory
	quirks Quirks
	ignore []scim.Path
	ledger ledger

	writing sync.Mutex // the ledger has the order of the writes

	refuse  func(cause, *refused) error // writes a refusal down
	stamped int                         // ids of the app's own

	mu      sync.Mutex
	born    map[string]time.Time // by type and id, while Settle counts
	fake    int                  // ids of what was answered and never made
	foreign map[string]bool      // ids of users that no client knows, for HideOutside
	gone    map[string]bool      // names of who can never be made again, for DeleteIsFinal
	veiled  map[string]names     // by id, for InactiveHidesNames
}

var (
	_ scimserver.MemberStore = (*world)(nil)
	_ scimserver.CursorStore = (*world)(nil)
)

func newWorld(m *scimserver.Memory, set *scim.SchemaSet, q Quirks) (*world, error) {
	w := &world{
		memory: m, quirks: q, born: map[string]time.Time{},
		foreign: map[string]bool{}, gone: map[string]bool{}, veiled: map[string]names{},
	}
	for _, name := range q.IgnoreAttributes {
		p, err := set.ParsePath(name)
		if err != nil {
			return nil, fmt.Errorf("IgnoreAttributes: %w", err)
		}
		w.ignore = append(w.ignore, p)
	}
	return w, nil
}

// cause is who does something, and how.
type cause struct {
	method    string
	path      string
	requestID string
	outside   bool
	void      bool // answered with success, and not done
	lost      bool // done, and the client is not told so
}

type causeKey struct{}

func request(ctx context.Context, method, path, id string) context.Context {
	return context.WithValue(ctx, causeKey{}, cause{method: method, path: path, requestID: id})
}

func outside(ctx context.Context) context.Context {
	return context.WithValue(ctx, causeKey{}, cause{outside: true})
}

func without(ctx context.Context) context.Context {
	c := causeOf(ctx)
	c.void = true
	return context.WithValue(ctx, causeKey{}, c)
}

// unseen says that the client will not see the answer.
func unseen(ctx context.Context) context.Context {
	c := causeOf(ctx)
	c.lost = true
	return context.WithValue(ctx, causeKey{}, c)
}

func causeOf(ctx context.Context) cause {
	c, _ := ctx.Value(causeKey{}).(cause)
	return c
}

// Get implements scimserver.Store.
func (w *world) Get(ctx context.Context, typ, id string) (*scim.Resource, error) {
	if w.unseen(id) {
		return nil, scimserver.ErrNotFound
	}
	return w.memory.Get(ctx, typ, id)
}

// List implements scimserver.Store.
func (w *world) List(ctx context.Context, typ string, q scimserver.Query) (scimserver.Page, error) {
	return w.page(ctx, typ, q, func(q scimserver.Query) (scimserver.Page, error) { return w.memory.List(ctx, typ, q) })
}

// Walk implements scimserver.CursorStore.
func (w *world) Walk(ctx context.Context, typ string, q scimserver.Query, cursor string) (scimserver.Page, error) {
	return w.page(ctx, typ, q, func(q scimserver.Query) (scimserver.Page, error) { return w.memory.Walk(ctx, typ, q, cursor) })
}

// page is a page of the memory's as the app shows it.
func (w *world) page(ctx context.Context, typ string, q scimserver.Query, read func(scimserver.Query) (scimserver.Page, error)) (scimserver.Page, error) {
	if w.quirks.IgnoreFilter {
		q.Filter = nil
	}
	if w.quirks.PageDelay > 0 {
		wait(ctx, w.quirks.PageDelay)
	}
	p, err := w.seen(ctx, typ, q, read)
	settled := w.settled(typ, p.Resources)
	p.Total -= len(p.Resources) - len(settled)
	p.Resources = settled
	return p, err
}

// Lookup implements scimserver.Store.
func (w *world) Lookup(ctx context.Context, typ string, attribute scim.Path, value string) ([]*scim.Resource, bool, error) {
	if w.quirks.IgnoreFilter || w.quirks.PageDelay > 0 {
		return nil, false, nil
	}
	found, ok, err := w.memory.Lookup(ctx, typ, attribute, value)
	return w.settled(typ, w.known(found)), ok, err
}

// settled leaves out what is too young to be found.
func (w *world) settled(typ string, found []*scim.Resource) []*scim.Resource {
	if w.quirks.Settle == 0 {
		return found
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []*scim.Resource
	for _, r := range found {
		if born, ok := w.born[typ+r.ID()]; ok && time.Since(born) < w.quirks.Settle {
			continue
		}
		out = append(out, r)
	}
	return out
}

// Create implements scimserver.Store.
func (w *world) Create(ctx context.Context, typ string, r *scim.Resource) (*scim.Resource, error) {
	if err := w.tooLong(ctx, r); err != nil {
		return nil, err
	}
	if causeOf(ctx).void {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.fake++
		r = r.Clone()
		r.SetID(fmt.Sprintf("never-%d", w.fake))
		return r, nil
	}
	return w.create(ctx, typ, r)
}

func (w *world) tooLong(ctx context.Context, r *scim.Resource) error {
	if n := w.quirks.MaxUserName; n > 0 && len([]rune(r.UserName())) > n {
		return w.refuse(causeOf(ctx), against(RefusedValue, "userName is longer than %d characters", n))
	}
	return nil
}

func (w *world) create(ctx context.Context, typ string, r *scim.Resource) (*scim.Resource, error) {
	w.writing.Lock()
	defer w.writing.Unlock()
	c := causeOf(ctx)
	if !c.outside {
		r = w.kept(r, nil)
		if err := w.free(ctx, typ, r, nil); err != nil {
			return nil, err
		}
		if bound, err := w.bind(ctx, typ, r); bound != nil || err != nil {
			return bound, err
		}
		r = w.fresh(typ, r)
	}
	stored, err := w.memory.Create(ctx, typ, r)
	if err != nil {
		return nil, err
	}
	w.arrived(c, typ, stored)
	if w.quirks.Settle > 0 {
		w.mu.Lock()
		w.born[typ+stored.ID()] = time.Now()
		w.mu.Unlock()
	}
	w.ledger.add(c, typ, stored, Created, "")
	for _, id := range membersOf(stored) {
		w.ledger.add(c, typ, stored, MemberAdded, id)
	}
	return stored, nil
}

// kept is what the app keeps of a resource that it is to store.
func (w *world) kept(r, old *scim.Resource) *scim.Resource {
	q := &w.quirks
	if len(w.ignore) == 0 && !q.DropExternalID && !q.LowerUserName && !q.IgnoreDeactivate && !q.InactiveHidesNames && len(q.Constants) == 0 {
		return r
	}
	r = r.Clone()
	for _, p := range w.ignore {
		r.Remove(p)
		if old != nil {
			if v, ok := old.At(p); ok {
				_ = r.Put(p, v) // what was read at a path can be put there
			}
		}
	}
	if q.DropExternalID {
		r.SetExternalID("")
	}
	if q.LowerUserName && r.UserName() != "" {
		r.Set("userName", scim.String(strings.ToLower(r.UserName())))
	}
	if active, known := r.Active(); q.IgnoreDeactivate && known && !active && old != nil {
		r.SetActive(true)
	}
	if r.UserName() != "" {
		for name, text := range q.Constants {
			_ = r.Put(scim.MustPath(name), scim.String(text)) // a sub-attribute that the schema has
		}
		if q.InactiveHidesNames && old != nil {
			w.veil(r, old.ID())
		}
	}
	return r
}

// Replace implements scimserver.Store.
func (w *world) Replace(ctx context.Context, typ string, r *scim.Resource, version string) (*scim.Resource, error) {
	if err := w.tooLong(ctx, r); err != nil {
		return nil, err
	}
	if causeOf(ctx).void {
		return r, nil
	}
	return w.store(ctx, typ, r, version)
}

func (w *world) store(ctx context.Context, typ string, r *scim.Resource, version string) (*scim.Resource, error) {
	w.writing.Lock()
	defer w.writing.Unlock()
	return w.storeLocked(ctx, typ, r, version)
}

func (w *world) storeLocked(ctx context.Context, typ string, r *scim.Resource, version string) (*scim.Resource, error) {
	c := causeOf(ctx)
	old, err := w.memory.Get(ctx, typ, r.ID())
	if err != nil {
		return nil, err
	}
	if !c.outside {
		r = w.kept(r, old)
		if n := w.quirks.MaxMembersPerPatch; n > 0 && c.method == http.MethodPatch && moved(old, r) > n {
			return nil, w.refuse(c, tooManyMembers(n))
		}
		if err := w.single(ctx, typ, r); err != nil {
			return nil, err
		}
		if err := w.free(ctx, typ, r, old); err != nil {
			return nil, err
		}
	}
	stored, err := w.memory.Replace(ctx, typ, r, version)
	if err != nil {
		return nil, err
	}
	w.ledger.compare(c, typ, old, stored)
	if active, known := stored.Active(); w.quirks.InactiveDeletes && typ == "User" && known && !active && !c.outside {
		return stored, w.deleteLocked(ctx, typ, stored.ID(), "")
	}
	return stored, nil
}

func tooManyMembers(most int) *refused {
	return against(RefusedMembers, "more than %d members in one request", most).with(http.StatusRequestEntityTooLarge)
}

// ChangeMembers implements scimserver.MemberStore.
func (w *world) ChangeMembers(ctx context.Context, typ, id string, change scimserver.MemberChange) (scimserver.MembersChanged, error) {
	c := causeOf(ctx)
	if n := w.quirks.MaxMembersPerPatch; n > 0 && len(change.Add)+len(change.Remove) > n && !c.outside {
		return scimserver.MembersChanged{}, w.refuse(c, tooManyMembers(n))
	}
	if c.void {
		change.Add, change.Remove = nil, nil
	}
	w.writing.Lock()
	defer w.writing.Unlock()
	done, err := w.memory.ChangeMembers(ctx, typ, id, change)
	if err != nil || len(done.Added)+len(done.Removed) == 0 {
		return done, err
	}
	for _, member := range done.Added {
		w.ledger.add(c, typ, done.Head, MemberAdded, member)
	}
	for _, member := range done.Removed {
		w.ledger.add(c, typ, done.Head, MemberRemoved, member)
	}
	return done, nil
}

// moved is how many members two states of a group differ in.
func moved(old, now *scim.Resource) int {
	n := 0
	before, after := membersOf(old), membersOf(now)
	for _, id := range after {
		if _, had := slices.BinarySearch(before, id); !had {
			n++
		}
	}
	for _, id := range before {
		if _, has := slices.BinarySearch(after, id); !has {
			n++
		}
	}
	return n
}

// Delete implements scimserver.Store. A user leaves all groups with it.
func (w *world) Delete(ctx context.Context, typ, id, version string) error {
	w.writing.Lock()
	defer w.writing.Unlock()
	return w.deleteLocked(ctx, typ, id, version)
}

func (w *world) deleteLocked(ctx context.Context, typ, id, version string) error {
	c := causeOf(ctx)
	old, err := w.memory.Get(ctx, typ, id)
	if err == nil && w.unseen(id) && !c.outside {
		err = scimserver.ErrNotFound
	}
	if err != nil || c.void {
		return err
	}
	members := scim.Path{Attr: "members"}
	groups, err := w.memory.List(ctx, "Group", scimserver.Query{
		StartIndex: 1, Count: everybody, Filter: scim.Eq(members, id), Without: []scim.Path{members},
	})
	if err != nil {
		return err
	}
	if err := w.memory.Delete(ctx, typ, id, version); err != nil {
		return err
	}
	w.ledger.add(c, typ, old, Deleted, "")
	if typ == "User" && w.quirks.DeleteIsFinal && !c.outside {
		w.bury(old)
	}
	for _, g := range groups.Resources {
		if g.ID() != id {
			w.ledger.add(causeOf(outside(ctx)), "Group", g, MemberRemoved, id)
		}
	}
	return nil
}

// alter changes a resource, with nobody in between.
func (w *world) alter(ctx context.Context, typ, id string, change func(*scim.Resource)) error {
	w.writing.Lock()
	defer w.writing.Unlock()
	old, err := w.memory.Get(ctx, typ, id)
	if err != nil {
		return err
	}
	r := old.Clone()
	change(r)
	r.SetID(id)
	_, err = w.storeLocked(ctx, typ, r, "")
	return err
}

// restore puts an earlier state back, and writes down what became of it.
func (w *world) restore(from *scimserver.MemorySnapshot) {
	w.writing.Lock()
	defer w.writing.Unlock()
	w.memory.Restore(from)
	w.mu.Lock()
	clear(w.born)
	w.mu.Unlock()
	w.ledger.add(cause{outside: true}, "", scim.NewResource(), Restored, "")
}
