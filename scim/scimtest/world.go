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

	mu   sync.Mutex
	born map[string]time.Time // by type and id, while Settle counts
	fake int                  // ids of what was answered and never made
}

var _ scimserver.Store = (*world)(nil)

func newWorld(m *scimserver.Memory, q Quirks) *world {
	w := &world{memory: m, quirks: q, born: map[string]time.Time{}}
	for _, name := range q.IgnoreAttributes {
		if p, err := scim.CoreSchemas().ParsePath(name); err == nil {
			w.ignore = append(w.ignore, p)
		}
	}
	return w
}

// cause is who does something, and how.
type cause struct {
	method    string
	requestID string
	outside   bool
	void      bool // answered with success, and not done
}

type causeKey struct{}

func request(ctx context.Context, method, id string) context.Context {
	return context.WithValue(ctx, causeKey{}, cause{method: method, requestID: id})
}

func outside(ctx context.Context) context.Context {
	return context.WithValue(ctx, causeKey{}, cause{outside: true})
}

func without(ctx context.Context) context.Context {
	c := causeOf(ctx)
	c.void = true
	return context.WithValue(ctx, causeKey{}, c)
}

func causeOf(ctx context.Context) cause {
	c, _ := ctx.Value(causeKey{}).(cause)
	return c
}

// Get implements scimserver.Store.
func (w *world) Get(ctx context.Context, typ, id string) (*scim.Resource, error) {
	r, err := w.memory.Get(ctx, typ, id)
	if err == nil && causeOf(ctx).method == http.MethodGet {
		r = w.shown(r)
	}
	return r, err
}

// shown is a resource as clients may see it.
func (w *world) shown(r *scim.Resource) *scim.Resource {
	if !w.quirks.NeverReturnMembers || r == nil {
		return r
	}
	if _, ok := r.Get("members"); !ok {
		return r
	}
	r = r.Clone()
	r.Delete("members")
	return r
}

// List implements scimserver.Store.
func (w *world) List(ctx context.Context, typ string, q scimserver.Query) (scimserver.Page, error) {
	p, err := w.memory.List(ctx, typ, q)
	shown := w.settled(typ, p.Resources)
	p.Total -= len(p.Resources) - len(shown)
	p.Resources = shown
	return p, err
}

// Lookup implements scimserver.Store.
func (w *world) Lookup(ctx context.Context, typ string, attribute scim.Path, value string) ([]*scim.Resource, bool, error) {
	found, ok, err := w.memory.Lookup(ctx, typ, attribute, value)
	return w.settled(typ, found), ok, err
}

// settled leaves out what is too young to be found, and shows the rest as
// clients may see it.
func (w *world) settled(typ string, found []*scim.Resource) []*scim.Resource {
	if w.quirks.Settle == 0 && !w.quirks.NeverReturnMembers {
		return found
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []*scim.Resource
	for _, r := range found {
		if born, ok := w.born[typ+r.ID()]; ok && time.Since(born) < w.quirks.Settle {
			continue
		}
		out = append(out, w.shown(r))
	}
	return out
}

// Create implements scimserver.Store.
func (w *world) Create(ctx context.Context, typ string, r *scim.Resource) (*scim.Resource, error) {
	if n := w.quirks.MaxUserName; n > 0 && len([]rune(r.UserName())) > n {
		return nil, &scim.Error{Status: http.StatusBadRequest, ScimType: scim.InvalidValue, Detail: fmt.Sprintf("userName is longer than %d characters", n)}
	}
	if causeOf(ctx).void {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.fake++
		r = r.Clone()
		r.SetID(fmt.Sprintf("never-%d", w.fake))
		return r, nil
	}
	r, err := w.create(ctx, typ, r)
	return w.shown(r), err
}

func (w *world) create(ctx context.Context, typ string, r *scim.Resource) (*scim.Resource, error) {
	w.writing.Lock()
	defer w.writing.Unlock()
	if !causeOf(ctx).outside {
		r = w.kept(r, nil)
	}
	stored, err := w.memory.Create(ctx, typ, r)
	if err != nil {
		return nil, err
	}
	if w.quirks.Settle > 0 {
		w.mu.Lock()
		w.born[typ+stored.ID()] = time.Now()
		w.mu.Unlock()
	}
	c := causeOf(ctx)
	w.ledger.add(c, typ, stored, Created, "")
	for _, id := range membersOf(stored) {
		w.ledger.add(c, typ, stored, MemberAdded, id)
	}
	return stored, nil
}

// kept is what the app keeps of a resource that it is to store.
func (w *world) kept(r, old *scim.Resource) *scim.Resource {
	q := w.quirks
	if len(w.ignore) == 0 && !q.DropExternalID && !q.LowerUserName && !q.IgnoreDeactivate {
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
	return r
}

// Replace implements scimserver.Store.
func (w *world) Replace(ctx context.Context, typ string, r *scim.Resource, version string) (*scim.Resource, error) {
	if causeOf(ctx).void {
		return w.shown(r), nil
	}
	stored, err := w.store(ctx, typ, r, version)
	return w.shown(stored), err
}

func (w *world) store(ctx context.Context, typ string, r *scim.Resource, version string) (*scim.Resource, error) {
	w.writing.Lock()
	defer w.writing.Unlock()
	c := causeOf(ctx)
	old, err := w.memory.Get(ctx, typ, r.ID())
	if err != nil {
		return nil, err
	}
	if !c.outside {
		r = w.kept(r, old)
		if n := w.quirks.MaxMembersPerPatch; n > 0 && c.method == http.MethodPatch && moved(old, r) > n {
			return nil, &scim.Error{Status: http.StatusRequestEntityTooLarge, Detail: fmt.Sprintf("more than %d members in one request", n)}
		}
	}
	stored, err := w.memory.Replace(ctx, typ, r, version)
	if err != nil {
		return nil, err
	}
	w.ledger.compare(c, typ, old, stored)
	return stored, nil
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
	c := causeOf(ctx)
	if c.void {
		return nil
	}
	old, err := w.memory.Get(ctx, typ, id)
	if err != nil {
		return err
	}
	w.writing.Lock()
	err = w.memory.Delete(ctx, typ, id, version)
	if err == nil {
		w.ledger.add(c, typ, old, Deleted, "")
	}
	w.writing.Unlock()
	if err != nil || typ != "User" {
		return err
	}
	return w.leave(ctx, id)
}

func (w *world) leave(ctx context.Context, id string) error {
	groups, err := w.memory.List(ctx, "Group", scimserver.Query{StartIndex: 1, Count: 1 << 30})
	if err != nil {
		return err
	}
	for _, g := range groups.Resources {
		if _, in := slices.BinarySearch(membersOf(g), id); !in {
			continue
		}
		g = g.Clone()
		g.Remove(scim.Path{Attr: "members", Filter: scim.Eq(scim.Path{Attr: "value"}, id)})
		if _, err := w.store(outside(ctx), "Group", g, ""); err != nil {
			return err
		}
	}
	return nil
}

// operation names what a request is about, without ids, which depend on the
// order of requests.
func (w *world) operation(r *http.Request, body []byte) Operation {
	parts := strings.Split(strings.Trim(strings.TrimPrefix(r.URL.Path, Base), "/"), "/")
	op := Operation{Method: r.Method, Type: strings.TrimSuffix(parts[0], "s")}
	sent, err := scim.ParseResource(body, scim.Limits{MaxBytes: maxBody})
	if err != nil {
		sent = scim.NewResource()
	}
	switch {
	case len(parts) > 1 && parts[1] != ".search":
		if found, err := w.memory.Get(r.Context(), op.Type, parts[1]); err == nil {
			op.Identity = identity(found)
		}
		if r.Method == http.MethodPatch {
			op.Detail = w.patched(r.Context(), sent)
		}
	case r.Method == http.MethodPost && len(parts) == 1:
		op.Identity = identity(sent)
	default:
		op.Identity = r.URL.Query().Get("filter") + "#" + r.URL.Query().Get("startIndex") + r.URL.Query().Get("cursor")
	}
	return op
}

func identity(r *scim.Resource) string {
	if n := nameOf(r); n != "" {
		return n
	}
	return r.ExternalID()
}

// patched tells PATCH requests to one resource apart: by path, and by the names
// of the members that are meant.
func (w *world) patched(ctx context.Context, sent *scim.Resource) string {
	v, _ := sent.Get("Operations")
	list, _ := v.AsList()
	var words []string
	for _, e := range list {
		o, _ := e.AsComplex()
		op, _ := o.Get("op")
		path, _ := o.Get("path")
		name, _ := op.AsString()
		text, _ := path.AsString()
		value, _ := o.Get("value")
		members, isList := value.AsList()
		if !strings.HasPrefix(text, "members") {
			words = append(words, name+" "+text)
			continue
		}
		if isList {
			for _, m := range members {
				mo, _ := m.AsComplex()
				id, _ := mo.Get("value")
				s, _ := id.AsString()
				words = append(words, name+" "+w.userName(ctx, s))
			}
			continue
		}
		if p, err := scim.ParsePath(text); err == nil {
			if c, ok := p.Filter.(*scim.Compare); ok {
				s, _ := c.Value.AsString()
				words = append(words, name+" "+w.userName(ctx, s))
			}
		}
	}
	slices.Sort(words)
	return strings.Join(words, ",")
}

func (w *world) userName(ctx context.Context, id string) string {
	r, err := w.memory.Get(ctx, "User", id)
	if err != nil {
		return "?"
	}
	return identity(r)
}
