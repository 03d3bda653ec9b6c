// SPDX-License-Identifier: Apache-2.0

package scimserver

import (
	"net/http"

	"github.com/usher-id/usher/scim"
)

// filter reads a filter and refuses what must not be asked (RFC 7644 §3.4.2.2).
func (h *Handler) filter(t *resourceType, text string) (scim.Filter, error) {
	f, err := scim.ParseFilter(text, h.c.Limits.Filter)
	if err != nil {
		return nil, err
	}
	return f, h.check(t, f)
}

func (h *Handler) check(t *resourceType, f scim.Filter) error {
	switch f := f.(type) {
	case *scim.And:
		return h.checkAll(t, f.Terms)
	case *scim.Or:
		return h.checkAll(t, f.Terms)
	case *scim.Not:
		return h.check(t, f.Term)
	case *scim.Compare:
		return h.compared(t, f)
	case *scim.Present:
		return h.checkPath(t, f.Path)
	case *scim.ValuePath:
		p := f.Path
		p.Filter = f.Filter
		return h.checkPath(t, p)
	}
	return nil
}

func (h *Handler) checkAll(t *resourceType, terms []scim.Filter) error {
	for _, f := range terms {
		if err := h.check(t, f); err != nil {
			return err
		}
	}
	return nil
}

func (h *Handler) compared(t *resourceType, f *scim.Compare) error {
	if err := h.checkPath(t, f.Path); err != nil {
		return err
	}
	p := f.Path
	p.Filter = nil
	a, known := h.c.Schemas.Lookup(t.Schema, p)
	if known && a.Type == scim.TypeComplex {
		p.Sub = "value"
		if a, known = h.c.Schemas.Lookup(t.Schema, p); !known {
			return badQuery(scim.InvalidFilter, f.Path.String()+" is complex: name a sub-attribute")
		}
	}
	switch f.Op {
	case scim.OpGt, scim.OpGe, scim.OpLt, scim.OpLe:
		if a.Type == scim.TypeBoolean || a.Type == scim.TypeBinary {
			return badQuery(scim.InvalidFilter, f.Path.String()+" is "+string(a.Type)+" and has no order")
		}
	}
	return nil
}

// checkPath refuses attributes that no schema has: under "not" or "ne" a misspelt
// one would select everybody.
func (h *Handler) checkPath(t *resourceType, p scim.Path) error {
	inner := p.Filter
	p.Filter = nil
	if h.secret(t, p) {
		return &scim.Error{Status: http.StatusForbidden, ScimType: scim.Sensitive, Detail: p.String() + " cannot be searched for"}
	}
	if !h.c.Lenient.IgnoreUnknownInFilters {
		if _, known := h.c.Schemas.Lookup(t.Schema, p); !known {
			return badQuery(scim.InvalidFilter, p.String()+" is not in the schemas")
		}
	}
	if inner == nil {
		return nil
	}
	p.Sub = ""
	return h.within(t, p, inner)
}

// secrets refuses a path whose filter names what is never returned. What it names
// beyond the schemas is for PATCH itself to say.
func (h *Handler) secrets(t *resourceType, p scim.Path) error {
	err := h.within(t, scim.Path{URN: p.URN, Attr: p.Attr}, p.Filter)
	if e := scim.ErrorOf(err); e != nil && e.ScimType == scim.Sensitive {
		return err
	}
	return nil
}

// within checks what stands in square brackets: paths there name sub-attributes.
func (h *Handler) within(t *resourceType, whole scim.Path, f scim.Filter) error {
	under := func(p scim.Path) scim.Path {
		return scim.Path{URN: whole.URN, Attr: whole.Attr, Sub: p.Attr}
	}
	var terms []scim.Filter
	switch f := f.(type) {
	case *scim.And:
		terms = f.Terms
	case *scim.Or:
		terms = f.Terms
	case *scim.Not:
		terms = []scim.Filter{f.Term}
	case *scim.Present:
		return h.checkPath(t, under(f.Path))
	case *scim.Compare:
		return h.compared(t, &scim.Compare{Path: under(f.Path), Op: f.Op, Value: f.Value})
	}
	for _, term := range terms {
		if err := h.within(t, whole, term); err != nil {
			return err
		}
	}
	return nil
}
