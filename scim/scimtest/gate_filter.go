// SPDX-License-Identifier: Apache-2.0

package scimtest

import (
	"slices"
	"strings"

	"github.com/usher-id/usher/scim"
)

// against is what the filters of an app have against a query.
func (f *Filters) against(a *ask) *refused {
	text := a.query.Get("filter")
	if text == "" {
		return nil
	}
	parsed, err := scim.ParseFilter(text, scim.FilterLimits{})
	if err != nil {
		return nil // the handler says so
	}
	s := shape{f: f, urn: a.urn}
	s.look(parsed)
	for _, names := range f.Together {
		if s.why == "" && !s.or && sameNames(names, s.names) {
			return nil
		}
	}
	for _, name := range s.names {
		switch {
		case s.why != "":
		case !listed(f.Attributes, name):
			s.why = "there is no query by " + name
		case listed(f.Alone, name) && len(s.names) > 1:
			s.why = name + " is not joined with others"
		}
	}
	switch {
	case s.why != "":
	case s.and && !f.And && len(f.Together) == 0, s.or && !f.Or:
		s.why = "terms are not joined so"
	default:
		return nil
	}
	return against(RefusedFilter, "%s: %s", text, s.why)
}

// shape is what a filter is made of.
type shape struct {
	f       *Filters
	urn     string
	names   []string
	and, or bool
	why     string // what is wrong with it
}

func (s *shape) look(f scim.Filter) {
	switch f := f.(type) {
	case *scim.Compare:
		name := nameIn(s.urn, f.Path)
		s.names = append(s.names, name)
		ops := s.f.Ops
		if len(ops) == 0 {
			ops = []scim.Op{scim.OpEq}
		}
		for key, more := range s.f.More {
			if strings.EqualFold(key, name) {
				ops = append(slices.Clone(ops), more...)
			}
		}
		if !slices.Contains(ops, f.Op) {
			s.why = name + " is not compared by " + string(f.Op)
		}
		if f.Path.Filter != nil {
			s.why = "there are no brackets in filters"
		}
	case *scim.And:
		s.and = true
		for _, t := range f.Terms {
			s.look(t)
		}
	case *scim.Or:
		s.or = true
		for _, t := range f.Terms {
			s.look(t)
		}
	case *scim.Present:
		s.why = "pr is not an operator"
	case *scim.Not:
		s.why = "not is not an operator"
	case *scim.ValuePath:
		s.why = "there are no brackets in filters"
	}
}

// nameIn is a path as filters and lists write it: without filter, and without the
// type's own URN.
func nameIn(urn string, p scim.Path) string {
	p.Filter = nil
	if strings.EqualFold(p.URN, urn) {
		p.URN = ""
	}
	return p.String()
}

func listed(names []string, name string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
}

func sameNames(a, b []string) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(n string) bool { return !listed(b, n) })
}

// termsOf are the comparisons of a filter.
func termsOf(f scim.Filter) []*scim.Compare {
	var out []*scim.Compare
	switch f := f.(type) {
	case *scim.Compare:
		out = append(out, f)
	case *scim.And:
		for _, t := range f.Terms {
			out = append(out, termsOf(t)...)
		}
	case *scim.Or:
		for _, t := range f.Terms {
			out = append(out, termsOf(t)...)
		}
	case *scim.Not:
		out = termsOf(f.Term)
	}
	return out
}

// renamed is a filter with the attributes that names stand for.
func renamed(f scim.Filter, alias map[string]string) scim.Filter {
	each := func(terms []scim.Filter) []scim.Filter {
		out := make([]scim.Filter, len(terms))
		for i, t := range terms {
			out[i] = renamed(t, alias)
		}
		return out
	}
	switch f := f.(type) {
	case *scim.Compare:
		for name, stands := range alias {
			if strings.EqualFold(name, f.Path.String()) {
				if p, err := scim.ParsePath(stands); err == nil {
					return &scim.Compare{Path: p, Op: f.Op, Value: f.Value}
				}
			}
		}
	case *scim.And:
		return &scim.And{Terms: each(f.Terms)}
	case *scim.Or:
		return &scim.Or{Terms: each(f.Terms)}
	case *scim.Not:
		return &scim.Not{Term: renamed(f.Term, alias)}
	}
	return f
}

// leftToRight is a filter as who reads it from left to right understands it: of
// "a or b and c" first the or.
func leftToRight(f scim.Filter) scim.Filter {
	or, ok := f.(*scim.Or)
	if !ok {
		return f
	}
	acc := or.Terms[0]
	for _, t := range or.Terms[1:] {
		and, ok := t.(*scim.And)
		if !ok {
			acc = scim.OrOf(acc, t)
			continue
		}
		acc = scim.OrOf(acc, and.Terms[0])
		acc = &scim.And{Terms: append([]scim.Filter{acc}, and.Terms[1:]...)}
	}
	return acc
}
