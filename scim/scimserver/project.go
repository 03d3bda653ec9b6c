// SPDX-License-Identifier: Apache-2.0

package scimserver

import (
	"fmt"
	"slices"
	"strings"

	"github.com/usher-id/usher/scim"
)

// projection says what of a resource an answer shows (RFC 7644 §3.9).
type projection struct {
	asked bool   // the client has named attributes
	only  []part // if asked: nothing but these, schemas and id
	drop  []part // otherwise: everything but these
	// without are paths that it leaves out, for the store.
	without []scim.Path
}

// part is an attribute, some of its sub-attributes, or an extension.
type part struct {
	urn  string // of an extension; "" for the resource's own schema
	attr string // "" for all attributes
	subs []string
}

// rule is a characteristic of the schemas: when an attribute is returned.
type rule struct {
	scim.Path
	returned scim.Returned
}

// rulesOf lists the attributes and sub-attributes that are not returned by
// default.
func rulesOf(set *scim.SchemaSet, t scim.ResourceType) []rule {
	var out []rule
	note := func(p scim.Path, a scim.Attribute) {
		if a.Returned != scim.ReturnedDefault && a.Returned != "" {
			out = append(out, rule{p, a.Returned})
		}
	}
	for _, a := range attributesOf(set, t) {
		note(a.path, a.Attribute)
		for _, sub := range a.SubAttributes {
			p := a.path
			p.Sub = sub.Name
			note(p, sub)
		}
	}
	return out
}

func defaultProjection(rules []rule) projection {
	var p projection
	for _, r := range rules {
		if r.returned != scim.ReturnedAlways {
			p.drop = addPart(p.drop, r.Path)
		}
	}
	return p
}

// addPart adds a path to parts, so that each attribute stands once.
func addPart(list []part, p scim.Path) []part {
	i := slices.IndexFunc(list, func(q part) bool { return strings.EqualFold(q.urn, p.URN) && strings.EqualFold(q.attr, p.Attr) })
	switch {
	case i < 0 && p.Sub == "":
		return append(list, part{urn: p.URN, attr: p.Attr})
	case i < 0:
		return append(list, part{urn: p.URN, attr: p.Attr, subs: []string{p.Sub}})
	case p.Sub == "":
		list[i].subs = nil
	case list[i].subs != nil:
		list[i].subs = append(list[i].subs, p.Sub)
	}
	return list
}

func (p part) has(sub string) bool {
	return slices.ContainsFunc(p.subs, func(s string) bool { return strings.EqualFold(s, sub) })
}

// projection reads attributes and excludedAttributes.
func (h *Handler) projection(t *resourceType, params query) (*projection, error) {
	only, without := params.get("attributes"), params.get("excludedAttributes")
	switch {
	case only == "" && without == "":
		return &t.plain, nil
	case only != "" && without != "":
		return nil, badQuery(scim.InvalidSyntax, "attributes and excludedAttributes do not go together")
	case only != "":
		return h.onlyThese(t, only)
	}
	return h.allBut(t, without)
}

func (h *Handler) onlyThese(t *resourceType, list string) (*projection, error) {
	paths, err := h.paths(t, list)
	if err != nil {
		return nil, err
	}
	p := &projection{asked: true}
	for _, path := range paths {
		p.only = addPart(p.only, path)
	}
	for _, r := range t.rules {
		switch {
		case r.returned == scim.ReturnedNever:
			p.drop = addPart(p.drop, r.Path)
		case r.returned == scim.ReturnedAlways && (r.Sub == "" || asksFor(p.only, r.Path)):
			p.only = addPart(p.only, r.Path)
		}
	}
	for _, path := range t.own {
		if !asksFor(p.only, path) {
			p.without = append(p.without, path)
		}
	}
	return p, nil
}

// asksFor tells whether a part has something of the path's attribute.
func asksFor(list []part, p scim.Path) bool {
	return slices.ContainsFunc(list, func(q part) bool { return strings.EqualFold(q.urn, p.URN) && strings.EqualFold(q.attr, p.Attr) })
}

func (h *Handler) allBut(t *resourceType, list string) (*projection, error) {
	paths, err := h.paths(t, list)
	if err != nil {
		return nil, err
	}
	p := &projection{drop: slices.Clone(t.plain.drop)}
	for i := range p.drop {
		p.drop[i].subs = slices.Clone(p.drop[i].subs)
	}
	for _, path := range paths {
		kept := strings.EqualFold(path.Attr, "id") || strings.EqualFold(path.Attr, "schemas") || path.IsZero()
		for _, r := range t.rules {
			kept = kept || r.returned == scim.ReturnedAlways && r.Equal(path)
		}
		if !kept {
			p.drop = addPart(p.drop, path)
			p.without = append(p.without, path)
		}
	}
	return p, nil
}

const maxProjected = 100

func (h *Handler) paths(t *resourceType, list string) ([]scim.Path, error) {
	names := strings.Split(list, ",")
	if len(names) > maxProjected {
		return nil, badQuery(scim.InvalidValue, fmt.Sprintf("%d attributes are named; %d may be", len(names), maxProjected))
	}
	paths := make([]scim.Path, 0, len(names))
	for _, name := range names {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		p, err := h.c.Schemas.ParsePath(name)
		if err != nil {
			return nil, err
		}
		if p.Filter != nil {
			return nil, badQuery(scim.InvalidPath, "an attribute to show is named without a filter")
		}
		if strings.EqualFold(p.URN, t.Schema) {
			p.URN = ""
		}
		paths = append(paths, p)
	}
	return paths, nil
}

// writable is an object that shares what it holds with another, which does not
// notice when it is changed.
func writable(o scim.Object) scim.Object {
	out, _ := scim.Complex(o).AsComplex()
	return out
}

// shown is a resource as a client sees it. r stays as it is.
func (t *resourceType) shown(location string, r *scim.Resource, p *projection) *scim.Resource {
	all := writable(r.Object)
	all.Set("meta", scim.Complex(t.meta(location, r)))
	if p.asked {
		all = p.pick(all)
	}
	for _, d := range p.drop {
		all = d.dropFrom(all)
	}
	return &scim.Resource{Object: all}
}

// meta is what the store has of it and what the handler knows (RFC 7643 §3.1).
func (t *resourceType) meta(location string, r *scim.Resource) scim.Object {
	v, _ := r.Get("meta")
	stored, _ := v.AsComplex()
	var meta scim.Object
	meta.Set("resourceType", scim.String(t.Name))
	for name, v := range stored.All() {
		switch name {
		case "created", "lastModified", "version":
			meta.Set(name, v)
		}
	}
	meta.Set("location", scim.String(location))
	return meta
}

func (p *projection) pick(all scim.Object) scim.Object {
	var out scim.Object
	for _, name := range []string{"schemas", "id"} {
		if v, ok := all.Get(name); ok {
			out.Set(name, v)
		}
	}
	for _, part := range p.only {
		part.pickFrom(all, &out)
	}
	return out
}

func (p part) pickFrom(all scim.Object, out *scim.Object) {
	switch {
	case p.urn == "" && p.attr == "": // the resource's own schema, by its URN
		for name, v := range all.All() {
			if !strings.Contains(name, ":") && !strings.EqualFold(name, "meta") && !strings.EqualFold(name, "externalId") {
				out.Set(name, v)
			}
		}
	case p.urn == "":
		if v, ok := all.Get(p.attr); ok {
			setKnown(out, p.attr, all, p.only(v))
		}
	default:
		v, _ := all.Get(p.urn)
		from, ok := v.AsComplex()
		if !ok {
			return
		}
		if p.attr == "" {
			setKnown(out, p.urn, all, v)
			return
		}
		if v, ok = from.Get(p.attr); !ok {
			return
		}
		old, _ := out.Get(p.urn)
		to, _ := old.AsComplex()
		setKnown(&to, p.attr, from, p.only(v))
		setKnown(out, p.urn, all, scim.Complex(to))
	}
}

// setKnown sets an attribute in the spelling that another object has, unless
// nothing is left of its value.
func setKnown(o *scim.Object, name string, from scim.Object, v scim.Value) {
	if v.IsUnassigned() {
		return
	}
	for spelling := range from.All() {
		if strings.EqualFold(spelling, name) {
			name = spelling
			break
		}
	}
	o.Set(name, v)
}

// only is the value with the part's sub-attributes alone.
func (p part) only(v scim.Value) scim.Value {
	if p.subs == nil {
		return v
	}
	return each(v, func(o scim.Object) scim.Object {
		var out scim.Object
		for name, w := range o.All() {
			if p.has(name) {
				out.Set(name, w)
			}
		}
		return out
	})
}

func (p part) dropFrom(o scim.Object) scim.Object {
	name := p.attr
	if p.urn != "" {
		name = p.urn
	}
	v, ok := o.Get(name)
	if !ok {
		return o
	}
	if p.urn != "" && p.attr != "" {
		inner, _ := v.AsComplex()
		v = scim.Complex(part{attr: p.attr, subs: p.subs}.dropFrom(inner))
	} else if p.subs != nil {
		v = each(v, func(e scim.Object) scim.Object {
			for _, sub := range p.subs {
				e.Delete(sub)
			}
			return e
		})
	} else {
		v = scim.Null()
	}
	if !v.IsUnassigned() {
		o.Set(name, v)
		return o
	}
	o.Delete(name)
	if p.urn != "" {
		return withoutSchema(o, p.urn)
	}
	return o
}

// each changes a complex value, or every one of a list. What nothing is left of is
// left out.
func each(v scim.Value, change func(scim.Object) scim.Object) scim.Value {
	if o, ok := v.AsComplex(); ok {
		return scim.Complex(change(o))
	}
	list, ok := v.AsList()
	if !ok {
		return v
	}
	out := make([]scim.Value, 0, len(list))
	for _, e := range list {
		if e = each(e, change); !e.IsUnassigned() {
			out = append(out, e)
		}
	}
	return scim.List(out...)
}

func withoutSchema(o scim.Object, urn string) scim.Object {
	v, _ := o.Get("schemas")
	list, _ := v.AsList()
	out := make([]scim.Value, 0, len(list))
	for _, e := range list {
		if s, _ := e.AsString(); !strings.EqualFold(s, urn) {
			out = append(out, e)
		}
	}
	o.Set("schemas", scim.List(out...))
	return o
}
