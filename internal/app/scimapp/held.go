// SPDX-License-Identifier: Apache-2.0

package scimapp

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/scim"
)

// What is sent whole, a resource by PUT or an attribute by a PATCH without
// filters, takes the place of what is there, and there is more there than ours: a
// home address, a title that nobody mapped, a suspension by the app's own
// administrator. So it is made of what the app holds.

// held reads what the app holds of the resource. Nothing is sent whole on a
// reading that failed, or that shows by what it lacks that it is not all.
func (a *App) held(ctx context.Context, kind app.Kind, id string) (*scim.Resource, app.Answer, error) {
	if !a.profile.Operations(kind).Get {
		return nil, app.Answer{}, a.lacks("GET", kind, "what else it holds would be lost; it has to be changed in the app, by hand")
	}
	answer, err := a.Get(ctx, kind, id)
	switch {
	case err != nil:
		return nil, answer, err
	case answer.Resource == nil, kind == app.KindUser && answer.Resource.UserName() == "":
		// Every user has a userName (RFC 7643 §4.1.1).
		return nil, answer, refuse(app.Terminal, errors.New("the app tells only a part of the account, and the rest would be lost: it has to be changed in the app, by hand"))
	}
	return answer.Resource, answer, nil
}

// understands reports whether the app finds values by the path's filter.
func (a *App) understands(p scim.Path) bool {
	switch a.profile.Patch.PathFilters {
	case app.PathFiltersNone:
		return false
	case app.PathFiltersType:
		eq, ok := p.Filter.(*scim.Compare)
		return ok && eq.Op == scim.OpEq && strings.EqualFold(eq.Path.String(), "type")
	}
	// Without a path there is no place for a filter.
	return a.profile.Patch.Style == app.PatchStylePaths || a.profile.Patch.Style == ""
}

// Weight is how many requests a Patch takes: one more if it reads the resource first.
func (a *App) Weight(kind app.Kind, changes []scim.Change) int {
	if a.readsBefore(kind, changes) {
		return 2
	}
	return 1
}

func (a *App) readsBefore(kind app.Kind, changes []scim.Change) bool {
	return len(changes) > 0 && (a.beyond(kind, changes) != "" || slices.ContainsFunc(changes, func(c scim.Change) bool {
		return c.Path.Filter != nil && !a.understands(c.Path)
	}))
}

// wholes replaces what is said of single values of an attribute, by a filter that
// the app does not understand, by the attribute as a whole, as the app holds it
// and with the changes made to it.
func (a *App) wholes(ctx context.Context, kind app.Kind, id string, changes []scim.Change, want *scim.Resource) ([]scim.Change, app.Answer, error) {
	name := func(c scim.Change) scim.Path { return scim.Path{URN: c.Path.URN, Attr: c.Path.Attr} }
	var whole []scim.Path
	for _, c := range changes {
		if c.Path.Filter == nil || a.understands(c.Path) || slices.ContainsFunc(whole, name(c).Equal) {
			continue
		}
		if want == nil {
			return nil, app.Answer{}, refuse(app.Terminal, fmt.Errorf("the app takes %s only as a whole, and what else it holds is not known", name(c)))
		}
		whole = append(whole, name(c))
	}
	if len(whole) == 0 {
		return changes, app.Answer{}, nil
	}
	held, answer, err := a.held(ctx, kind, id)
	if err != nil {
		return nil, answer, err
	}
	var out []scim.Change
	for _, c := range changes {
		if !slices.ContainsFunc(whole, name(c).Equal) {
			out = append(out, c)
		}
	}
	for _, p := range whole {
		var own []scim.Change
		for _, c := range changes {
			if p.Equal(name(c)) {
				own = append(own, c)
			}
		}
		before, _ := held.At(p)
		after := held.Clone()
		if err := a.lay(after, own, want); err != nil {
			return nil, app.Answer{}, refuse(app.Terminal, err)
		}
		v, _ := after.At(p)
		out = append(out, scim.Change{Path: p, Before: before, After: v})
	}
	return out, app.Answer{}, nil
}

// lay makes the changes to what the app holds.
func (a *App) lay(held *scim.Resource, changes []scim.Change, want *scim.Resource) error {
	for _, c := range changes {
		if err := claim(held, c); err != nil {
			return err
		}
	}
	for _, c := range changes {
		at := scim.Path{URN: c.Path.URN, Attr: c.Path.Attr}
		before, _ := held.At(at)
		p := c.Path
		if now, ok := before.AsComplex(); ok && p.Filter == nil && p.Sub == "" {
			if more, ok := c.After.AsComplex(); ok {
				merge(&now, more)
				c.After = scim.Complex(now)
			}
		}
		if c.After.IsUnassigned() && p.Filter != nil && strings.EqualFold(p.Sub, "value") {
			p.Sub = "" // a number without its value is no number: the rest of it goes, too
		}
		if err := held.Put(p, c.After); err != nil {
			return err
		}
		for _, lost := range c.Lost {
			held.Remove(lost)
		}
		if p.Filter == nil {
			continue
		}
		after, _ := held.At(at)
		list, _ := after.AsList()
		switch ours, _ := want.At(at); {
		case len(list) > 1 && a.profile.SingleValued.Cover(at) && !ours.IsUnassigned():
			after = ours // there is room for one, and it is to be ours
		default:
			after = onePrimary(before, after)
		}
		if err := held.Put(at, after); err != nil {
			return err
		}
	}
	return nil
}

// merge sets what a complex value says, and leaves the rest of what is there, as a
// replace by PATCH does (RFC 7644 §3.5.2.3).
func merge(now *scim.Object, more scim.Object) {
	for name, v := range more.All() {
		old, _ := now.Get(name)
		inner, ok := old.AsComplex()
		if said, both := v.AsComplex(); ok && both {
			merge(&inner, said)
			v = scim.Complex(inner)
		}
		now.Set(name, v)
	}
}

// claim gives our value the mark by which the change looks for it, where the app
// keeps no such marks: it would stay beside the new one, as somebody else's.
func claim(held *scim.Resource, c scim.Change) error {
	eq, ok := c.Path.Filter.(*scim.Compare)
	element := scim.Path{URN: c.Path.URN, Attr: c.Path.Attr, Filter: c.Path.Filter}
	if _, found := held.At(element); found || !ok || eq.Op != scim.OpEq || !strings.EqualFold(c.Path.Sub, "value") {
		return nil
	}
	element.Filter = nil
	v, _ := held.At(element)
	list, _ := v.AsList()
	for i, e := range list {
		o, _ := e.AsComplex()
		value, _ := o.Get("value")
		_, marked := o.Get(eq.Path.Attr)
		if marked || value.IsUnassigned() || !value.Equal(c.Before) && !value.Equal(c.After) {
			continue
		}
		o.Set(eq.Path.Attr, eq.Value)
		list = slices.Clone(list)
		list[i] = scim.Complex(o)
		return held.Put(element, scim.List(list...))
	}
	return nil
}

// onePrimary takes the mark of the primary value off the values that are as they
// were, if one that changed has it: there is one at most (RFC 7643 §2.4), and an
// app that finds values by itself moves it likewise (RFC 7644 §3.5.2).
func onePrimary(before, after scim.Value) scim.Value {
	primary := func(v scim.Value) bool {
		o, _ := v.AsComplex()
		mark, _ := o.Get("primary")
		is, _ := mark.AsBool()
		return is
	}
	was, _ := before.AsList()
	list, _ := after.AsList()
	as := func(v scim.Value) bool { return slices.ContainsFunc(was, v.Equal) }
	if !slices.ContainsFunc(list, func(v scim.Value) bool { return primary(v) && !as(v) }) {
		return after
	}
	out := slices.Clone(list)
	for i, v := range out {
		if primary(v) && as(v) {
			o, _ := v.AsComplex()
			o.Set("primary", scim.Bool(false))
			out[i] = scim.Complex(o)
		}
	}
	return scim.List(out...)
}

// replacement is the account as a PUT sends it (RFC 7644 §3.5.1): what the app
// holds, with what it does not tell of ours, and with the changes made to it. What
// is not ours to say is left out. An active that is not told is not made up.
func (a *App) replacement(kind app.Kind, id string, changes []scim.Change, held, want *scim.Resource) (*scim.Resource, error) {
	r := held.Clone()
	for name := range held.All() {
		attr, known := a.schemas.Lookup(kind.Schema(), scim.Path{Attr: name})
		if known && (attr.Mutability == scim.ReadOnly || attr.Mutability == scim.WriteOnly) {
			r.Delete(name)
		}
	}
	r.Delete("meta")
	// The manager's name is read-only (RFC 7643 §4.3), and the address is the id's: it
	// would name the old manager still.
	manager := func(sub string) scim.Path {
		return scim.Path{URN: scim.EnterpriseUserURN, Attr: "manager", Sub: sub}
	}
	r.Remove(manager("displayName"))
	if _, told := r.At(manager("value")); told {
		r.Remove(manager("$ref"))
	}
	for _, urn := range want.Schemas() {
		r.AddSchema(urn)
	}
	fill(&r.Object, want.Object)
	r.SetID(id)
	if err := a.lay(r, changes, want); err != nil {
		return nil, err
	}
	if a.profile.Operations(kind).PutPartial {
		for _, c := range changes {
			if c.After.IsUnassigned() {
				a.gone(r, c.Path)
			}
			for _, p := range c.Lost {
				a.gone(r, p)
			}
		}
	}
	return r, nil
}

// fill adds what of ours the app does not tell, such as an externalId: it is there
// all the same, and a PUT without it would clear it.
func fill(r *scim.Object, want scim.Object) {
	for name, ours := range want.All() {
		v, there := r.Get(name)
		if !there {
			r.Set(name, ours)
			continue
		}
		inner, ok := v.AsComplex()
		more, both := ours.AsComplex()
		if ok && both {
			fill(&inner, more)
			r.Set(name, scim.Complex(inner))
		}
	}
}

// gone names what a change took away as null, where it is not there any more: the
// attribute, or the part of one that stays otherwise.
func (a *App) gone(r *scim.Resource, p scim.Path) {
	whole := scim.Path{URN: p.URN, Attr: p.Attr}
	attr, known := a.schemas.Lookup(scim.UserURN, whole)
	if p.Filter != nil || known && attr.MultiValued {
		p = whole // of several values the list is said
	}
	if _, left := r.At(p); left {
		return // other values stay, and are said
	}
	null := func(o *scim.Object, name string) {
		if p.Sub == "" {
			o.Set(name, scim.Null())
			return
		}
		v, _ := o.Get(name)
		inner, _ := v.AsComplex()
		inner.Set(p.Sub, scim.Null())
		o.Set(name, scim.Complex(inner))
	}
	switch {
	case p.URN == "" || strings.EqualFold(p.URN, scim.UserURN):
		null(&r.Object, p.Attr)
	case p.Attr == "":
		r.Set(p.URN, scim.Null())
	default:
		v, _ := r.Get(p.URN)
		o, _ := v.AsComplex()
		null(&o, p.Attr)
		r.Set(p.URN, scim.Complex(o))
		r.AddSchema(p.URN)
	}
}
