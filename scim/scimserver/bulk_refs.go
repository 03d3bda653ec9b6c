// SPDX-License-Identifier: Apache-2.0

package scimserver

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/usher-id/usher/scim"
)

// refPrefix begins a text that stands for the id of what another operation makes
// (RFC 7644 §3.7.2). The word is reserved: no id holds it (RFC 7643 §3.1).
const refPrefix = "bulkId:"

// refer finds what the operations refer to, and refuses those that refer to nobody.
func (j *job) refer() {
	named := map[string]int{}
	makes := map[string]bool{}
	for _, s := range j.steps {
		if s.bulkID != "" {
			named[s.bulkID]++
			makes[s.bulkID] = makes[s.bulkID] || s.method == http.MethodPost
		}
	}
	for _, s := range j.steps {
		if s.wrong == nil && named[s.bulkID] > 1 { // nobody could tell whom it means
			s.wrong = badQuery(scim.InvalidValue, "bulkId "+s.bulkID+" is that of another operation, too")
		}
		if s.wrong != nil {
			continue
		}
		refs := j.h.references(s)
		for _, ref := range refs {
			switch {
			case !makes[ref]:
				s.wrong = badQuery(scim.InvalidValue, refPrefix+ref+" is of no operation that makes something")
			case ref == s.bulkID:
				s.wrong = badQuery(scim.InvalidValue, "it refers to itself")
			}
		}
		if s.wrong == nil {
			s.refs = refs
		}
	}
}

// references lists the bulkIds that an operation refers to, each once. What the
// service provider passes over in a resource, such as a User's groups, counts for
// nothing.
func (h *Handler) references(s *step) []string {
	out := map[string]bool{}
	note := func(ref string) string {
		out[ref] = true
		return ""
	}
	if s.method != http.MethodDelete {
		s.rewritten(note)
	}
	if len(out) > 0 && s.method != http.MethodPatch {
		o, _ := s.data.AsComplex()
		accept := h.c.Rules.accept()
		accept.Noted = nil
		if kept, err := h.c.Schemas.Accept(s.t.ResourceType, &scim.Resource{Object: o}, accept); err == nil {
			clear(out)
			rewrite(scim.Complex(kept.Object), "", texts(note, false))
		}
	}
	if ref, ok := strings.CutPrefix(s.id, refPrefix); ok {
		note(ref)
	}
	return slices.Sorted(maps.Keys(out))
}

// rewritten is the data of an operation with the ids of those that it refers to; of
// whom there is none, the text stays.
func (s *step) rewritten(id func(ref string) string) scim.Value {
	return rewrite(s.data, "", texts(id, s.method == http.MethodPatch))
}

// texts rewrites one text of an attribute: one that is a reference, a $ref that ends
// in one, and, in a PATCH, a path that has one in its filter.
func texts(id func(ref string) string, patch bool) func(name, text string) string {
	return func(name, text string) string {
		if ref, ok := strings.CutPrefix(text, refPrefix); ok && ref != "" {
			return cmp.Or(id(ref), text)
		}
		if strings.EqualFold(name, "$ref") {
			end := strings.LastIndexByte(text, '/') + 1
			if ref, ok := strings.CutPrefix(text[end:], refPrefix); ok && ref != "" {
				if known := id(ref); known != "" {
					return text[:end] + url.PathEscape(known)
				}
			}
		}
		if patch && strings.EqualFold(name, "path") && strings.Contains(text, `"`+refPrefix) {
			if p, err := scim.ParsePath(text); err == nil && p.Filter != nil {
				p.Filter = filtered(p.Filter, func(text string) string { return texts(id, false)("", text) })
				return p.String()
			}
		}
		return text
	}
}

// rewrite is a value with other texts, which shares with it what has none of them.
func rewrite(v scim.Value, name string, text func(name, text string) string) scim.Value {
	out, _ := rewriting(v, name, text)
	return out
}

func rewriting(v scim.Value, name string, text func(name, text string) string) (out scim.Value, changed bool) {
	if s, ok := v.AsString(); ok {
		if fresh := text(name, s); fresh != s {
			return scim.String(fresh), true
		}
		return v, false
	}
	if o, ok := v.AsComplex(); ok {
		for name, e := range o.All() { // which go on as they were: the first Set copies
			if e, differs := rewriting(e, name, text); differs {
				o.Set(name, e)
				changed = true
			}
		}
		return scim.Complex(o), changed
	}
	list, _ := v.AsList()
	var fresh []scim.Value
	for i, e := range list {
		e, differs := rewriting(e, name, text)
		if differs && fresh == nil {
			fresh = slices.Clone(list)
		}
		if differs {
			fresh[i] = e
		}
	}
	if fresh == nil {
		return v, false
	}
	return scim.List(fresh...), true
}

// filtered is a filter with other texts to compare with.
func filtered(f scim.Filter, text func(string) string) scim.Filter {
	each := func(terms []scim.Filter) []scim.Filter {
		out := make([]scim.Filter, len(terms))
		for i, t := range terms {
			out[i] = filtered(t, text)
		}
		return out
	}
	switch f := f.(type) {
	case *scim.And:
		return &scim.And{Terms: each(f.Terms)}
	case *scim.Or:
		return &scim.Or{Terms: each(f.Terms)}
	case *scim.Not:
		return &scim.Not{Term: filtered(f.Term, text)}
	case *scim.Compare:
		if s, ok := f.Value.AsString(); ok {
			return &scim.Compare{Path: f.Path, Op: f.Op, Value: scim.String(text(s))}
		}
	}
	return f
}
