// SPDX-License-Identifier: Apache-2.0

package scimtest

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode"

	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimserver"
)

// names are what an app hides of who is not active.
type names struct {
	userName string
	emails   scim.Value
}

// unseen tells whether no client knows of a user.
func (w *world) unseen(id string) bool {
	if !w.quirks.HideOutside {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.foreign[id]
}

// known leaves out whom no client knows.
func (w *world) known(found []*scim.Resource) []*scim.Resource {
	if !w.quirks.HideOutside {
		return found
	}
	return slices.DeleteFunc(slices.Clone(found), func(r *scim.Resource) bool { return w.unseen(r.ID()) })
}

// arrived notes who was made by no client.
func (w *world) arrived(c cause, typ string, r *scim.Resource) {
	if !w.quirks.HideOutside || !c.outside || typ != "User" {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.foreign[r.ID()] = true
}

// bind gives a client the account of who was there already, if it has not seen it.
func (w *world) bind(ctx context.Context, typ string, r *scim.Resource) (*scim.Resource, error) {
	if !w.quirks.HideOutside || typ != "User" {
		return nil, nil
	}
	found, _, err := w.memory.Lookup(ctx, typ, scim.Path{Attr: "userName"}, r.UserName())
	if err != nil || len(found) == 0 || !w.unseen(found[0].ID()) {
		return nil, err
	}
	r = r.Clone()
	r.SetID(found[0].ID())
	stored, err := w.memory.Replace(ctx, typ, r, "")
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	delete(w.foreign, stored.ID())
	w.mu.Unlock()
	w.ledger.compare(causeOf(ctx), typ, found[0], stored)
	return stored, nil
}

// fresh is what becomes of a resource that a client makes.
func (w *world) fresh(typ string, r *scim.Resource) *scim.Resource {
	q := &w.quirks
	switch {
	case typ == "Group" && q.Groups.EmptyAtFirst:
		r = r.Clone()
		r.Delete("members")
	case typ == "User" && q.Stamp != "":
		r = r.Clone()
		w.stamped++
		p := scim.MustPath(q.Stamp)
		_ = r.Put(p, scim.String(fmt.Sprintf("account-%d", w.stamped))) // a simple attribute of an extension
		r.AddSchema(p.URN)
	}
	return r
}

// veil hides the names of who is not active, and shows them again.
func (w *world) veil(r *scim.Resource, id string) {
	hidden := veiledName(id)
	masked := scim.List(scim.Complex(object("value", scim.String(hidden+"@suspended.invalid"), "type", scim.String("work"), "primary", scim.Bool(true))))
	emails, _ := r.Get("emails")
	active, known := r.Active()
	w.mu.Lock()
	defer w.mu.Unlock()
	real := w.veiled[id]
	if known && !active {
		if r.UserName() != hidden {
			real.userName = r.UserName()
		}
		if !emails.Equal(masked) {
			real.emails = emails
		}
		w.veiled[id] = real
		r.Set("userName", scim.String(hidden))
		r.Set("emails", masked)
		return
	}
	if r.UserName() == hidden {
		r.Set("userName", scim.String(real.userName))
	}
	if emails.Equal(masked) {
		r.Set("emails", real.emails)
	}
}

func veiledName(id string) string { return "suspended-" + id }

// object is a complex value of names and values in turn.
func object(parts ...any) scim.Object {
	var o scim.Object
	for i := 0; i+1 < len(parts); i += 2 {
		name, _ := parts[i].(string)
		v, _ := parts[i+1].(scim.Value)
		o.Set(name, v)
	}
	return o
}

// bury keeps the names of who was deleted from ever being used again.
func (w *world) bury(r *scim.Resource) {
	w.mu.Lock()
	defer w.mu.Unlock()
	name := r.UserName()
	if name == veiledName(r.ID()) {
		name = w.veiled[r.ID()].userName
	}
	w.gone["userName "+scim.Fold(name)] = true
	if x := r.ExternalID(); x != "" {
		w.gone["externalId "+x] = true
	}
}

// single says whether an attribute has come to more values than it takes.
func (w *world) single(ctx context.Context, typ string, r *scim.Resource) error {
	o := w.quirks.offer(typ)
	if len(o.Single) == 0 {
		return nil
	}
	for name, v := range r.All() {
		if no := o.plural(name, scim.Path{Attr: name}, v); no != nil {
			return w.refuse(causeOf(ctx), no)
		}
	}
	return nil
}

// free says whether a user may have its names, beyond what the schema says of them.
func (w *world) free(ctx context.Context, typ string, r, old *scim.Resource) error {
	if typ != "User" {
		return nil
	}
	if w.quirks.DeleteIsFinal && old == nil {
		w.mu.Lock()
		gone := w.gone["userName "+scim.Fold(r.UserName())] || w.gone["externalId "+r.ExternalID()]
		w.mu.Unlock()
		if gone {
			return w.refuse(causeOf(ctx), against(RefusedState, "%s was deleted, and cannot be made again", r.UserName()).with(http.StatusConflict))
		}
	}
	if !w.quirks.LooseUserNames || old != nil && loose(old.UserName()) == loose(r.UserName()) {
		return nil
	}
	for _, other := range allOf(ctx, w.memory, typ) {
		if other.UserName() != r.UserName() && (old == nil || old.ID() != other.ID()) && loose(other.UserName()) == loose(r.UserName()) {
			return w.refuse(causeOf(ctx), against(RefusedState, "%s and %s are the same userName", r.UserName(), other.UserName()).with(http.StatusConflict))
		}
	}
	return nil
}

// loose is a userName in which punctuation is all the same.
func loose(name string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsLetter(c) || unicode.IsDigit(c) {
			return unicode.ToLower(c)
		}
		return '-'
	}, name)
}

// seen is a page of what the app shows.
func (w *world) seen(ctx context.Context, typ string, q scimserver.Query, read func(scimserver.Query) (scimserver.Page, error)) (scimserver.Page, error) {
	quirks := &w.quirks
	if typ == "User" && q.Filter == nil && quirks.Sample {
		return scimserver.Page{Resources: []*scim.Resource{madeUp("sample-1", "sample.user@example.com")}, Total: 1}, nil
	}
	var err error
	if q.Filter, err = w.understood(ctx, typ, q.Filter); err != nil {
		return scimserver.Page{}, err
	}
	nameless := typ == "User" && q.Filter == nil && quirks.NamelessOne
	if !nameless && !(quirks.HideOutside && typ == "User") {
		return read(q)
	}
	whole := q
	whole.StartIndex, whole.Count = 1, everybody
	p, err := read(whole)
	if err != nil {
		return p, err
	}
	all := w.known(p.Resources)
	if nameless {
		all = append([]*scim.Resource{madeUp("nameless-1", "")}, all...)
	}
	first := min(max(q.StartIndex-1, 0), len(all))
	return scimserver.Page{Resources: all[first:min(first+q.Count, len(all))], Total: len(all)}, nil
}

// madeUp is somebody who is in lists, and nowhere else.
func madeUp(id, name string) *scim.Resource {
	r := scim.NewResource(scim.UserURN)
	r.SetID(id)
	r.Set("userName", scim.String(name))
	r.SetActive(true)
	return r
}

// understood is a filter as the app reads it.
func (w *world) understood(ctx context.Context, typ string, f scim.Filter) (scim.Filter, error) {
	if rules := w.quirks.offer(typ).Filters; rules != nil && rules.LeftToRight {
		f = leftToRight(f)
	}
	if typ != "User" || f == nil {
		return f, nil
	}
	return w.inGroups(ctx, f)
}

// inGroups is a filter in which those who are in a group stand for "groups", which
// no user here has.
func (w *world) inGroups(ctx context.Context, f scim.Filter) (scim.Filter, error) {
	each := func(terms []scim.Filter) (out []scim.Filter, err error) {
		out = make([]scim.Filter, len(terms))
		for i, t := range terms {
			if out[i], err = w.inGroups(ctx, t); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	switch f := f.(type) {
	case *scim.And:
		terms, err := each(f.Terms)
		return &scim.And{Terms: terms}, err
	case *scim.Or:
		terms, err := each(f.Terms)
		return &scim.Or{Terms: terms}, err
	case *scim.Compare:
		id, isText := f.Value.AsString()
		if !strings.EqualFold(f.Path.Attr, "groups") || f.Op != scim.OpEq || !isText {
			return f, nil
		}
		own := scim.Path{Attr: "id"}
		group, err := w.memory.Get(ctx, "Group", id)
		if err != nil || len(group.Members()) == 0 {
			return &scim.Not{Term: &scim.Present{Path: own}}, nil // there is nobody in it
		}
		var terms []scim.Filter
		for _, member := range group.Members() {
			terms = append(terms, scim.Eq(own, member))
		}
		return scim.OrOf(terms...), nil
	}
	return f, nil
}
