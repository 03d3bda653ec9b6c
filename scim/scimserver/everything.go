// SPDX-License-Identifier: Apache-2.0

package scimserver

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/usher-id/usher/scim"
)

// queryAll answers a query over all resource types (RFC 7644 §3.4.2.1).
func (h *Handler) queryAll(w http.ResponseWriter, r *http.Request, _ []string) error {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return notAllowed(w, http.MethodGet, http.MethodHead)
	}
	params, err := readQuery(r)
	if err != nil {
		return err
	}
	return h.listAll(w, r, params)
}

// searchAll answers the same in a body (RFC 7644 §3.4.3).
func (h *Handler) searchAll(w http.ResponseWriter, r *http.Request, parts []string) error {
	switch {
	case len(parts) > 1:
		return notHere(r)
	case r.Method != http.MethodPost:
		return notAllowed(w, http.MethodPost)
	}
	params, err := h.searched(w, r)
	if err != nil {
		return err
	}
	return h.listAll(w, r, params)
}

// share is what a query over all types asks of one of them, and how that is shown.
type share struct {
	t *resourceType
	Query
	none bool // the filter holds of no resource of the type
	as   *projection
}

// found is a resource among those of other types.
type found struct {
	*scim.Resource
	share *share
	key   scim.Value // that it is sorted by
}

// listAll answers with resources of one type after the other, or sorted all together.
// Totals and pages are of all of them.
func (h *Handler) listAll(w http.ResponseWriter, r *http.Request, params query) error {
	shares, err := h.shares(r, params)
	if err != nil {
		return err
	}
	q := shares[0].Query
	collect := h.concatenated
	if params.get("sortBy") != "" {
		collect = h.merged
	}
	all, total, err := collect(r, shares)
	if err != nil {
		return err
	}
	root := h.root(r)
	answer := scim.ListResponse{TotalResults: total, StartIndex: q.StartIndex, ItemsPerPage: len(all), Resources: make([]*scim.Resource, len(all))}
	for i, f := range all {
		t := f.share.t
		answer.Resources[i] = t.shown(t.location(root, f.ID()), f.Resource, f.share.as)
	}
	body, _ := answer.MarshalJSON() // it has no error
	send(w, http.StatusOK, body)
	return nil
}

// shares divides a query among the types. What one type does not have is unassigned
// there, if another has it; what none has is the error that it always is.
func (h *Handler) shares(r *http.Request, params query) ([]*share, error) {
	if params.has("cursor") {
		return nil, badQuery(scim.InvalidValue, "over all resource types there are pages by startIndex alone")
	}
	rules, root := h.rules(r), h.root(r)
	filters := make([]scim.Filter, len(h.types))
	if params.has("filter") {
		f, err := rules.filter().Read(params.get("filter"), h.c.Limits.Filter)
		if err == nil {
			filters, err = h.spread(f, rules.filter())
		}
		if err != nil {
			return nil, err
		}
	}
	paged := query{}
	for name, value := range params {
		if name != "filter" && name != "sortBy" {
			paged[name] = value
		}
	}
	shares := make([]*share, len(h.types))
	for i, t := range h.types {
		q, err := h.parse(t, paged, rules, root)
		if err != nil {
			return nil, err
		}
		s := &share{t: t, Query: q.Query}
		if s.as, err = h.projection(t, params); err != nil {
			return nil, err
		}
		if params.get("sortBy") == "" { // else what is sorted by is looked at here
			s.Without = s.as.without
		}
		if f := filters[i]; f != nil {
			rest, constant, holds := folded(ofMeta(f, t, root))
			if s.none = constant && !holds; !constant {
				s.Filter = rest
			}
		}
		shares[i] = s
	}
	return shares, h.sorted(shares, params.get("sortBy"))
}

// sorted has those types sorted that have the attribute.
func (h *Handler) sorted(shares []*share, by string) error {
	if by == "" {
		return nil
	}
	var first error
	known := false
	for _, s := range shares {
		p, err := h.sortBy(s.t, by)
		switch e := scim.ErrorOf(err); {
		case err == nil:
			s.SortBy, known = p, true
		case e != nil && e.Status == http.StatusForbidden:
			return err
		case first == nil:
			first = err
		}
	}
	if known {
		return nil
	}
	return first
}

// spread checks a filter for each type.
func (h *Handler) spread(f scim.Filter, rules scim.FilterRules) ([]scim.Filter, error) {
	join := func(terms []scim.Filter, joined func([]scim.Filter) scim.Filter) ([]scim.Filter, error) {
		of := make([][]scim.Filter, len(h.types))
		for _, t := range terms {
			each, err := h.spread(t, rules)
			if err != nil {
				return nil, err
			}
			for i := range of {
				of[i] = append(of[i], each[i])
			}
		}
		out := make([]scim.Filter, len(of))
		for i := range of {
			out[i] = joined(of[i])
		}
		return out, nil
	}
	switch f := f.(type) {
	case *scim.And:
		return join(f.Terms, func(terms []scim.Filter) scim.Filter { return &scim.And{Terms: terms} })
	case *scim.Or:
		return join(f.Terms, func(terms []scim.Filter) scim.Filter { return &scim.Or{Terms: terms} })
	case *scim.Not:
		return join([]scim.Filter{f.Term}, func(terms []scim.Filter) scim.Filter { return &scim.Not{Term: terms[0]} })
	}
	return h.spreadTerm(f, rules)
}

// spreadTerm does so for one expression, which must make sense for one type at least.
func (h *Handler) spreadTerm(f scim.Filter, rules scim.FilterRules) ([]scim.Filter, error) {
	strict, loose := rules, rules
	strict.IgnoreUnknown, loose.IgnoreUnknown = false, true
	var first error
	known := false
	out := make([]scim.Filter, len(h.types))
	for i, t := range h.types {
		checked, err := strict.Check(h.c.Schemas, t.Schema, f)
		switch e := scim.ErrorOf(err); {
		case err == nil:
			out[i], known = checked, true
		case e != nil && e.Status == http.StatusForbidden: // for whatever type: it would tell
			return nil, err
		case first == nil:
			first = err
		}
	}
	if !known {
		if !rules.IgnoreUnknown {
			return nil, first
		}
		if _, err := loose.Check(h.c.Schemas, h.types[0].Schema, f); err != nil { // which tells of the rule, too
			return nil, err
		}
	}
	loose.Noted = nil
	for i, t := range h.types {
		if out[i] == nil {
			checked, err := loose.Check(h.c.Schemas, t.Schema, f)
			out[i] = holds(err == nil && h.c.Schemas.Match(t.Schema, checked, scim.NewResource(t.Schema)))
		}
	}
	return out, nil
}

// folded is a filter without what is true, or false, of every resource; constant says
// that nothing else is left.
func folded(f scim.Filter) (rest scim.Filter, constant, value bool) {
	join := func(terms []scim.Filter, neutral bool) (left []scim.Filter, decided bool) {
		for _, t := range terms {
			rest, constant, value := folded(t)
			switch {
			case !constant:
				left = append(left, rest)
			case value != neutral:
				return nil, true
			}
		}
		return left, false
	}
	switch f := f.(type) {
	case *scim.Present:
		return f, f.Path.Equal(scim.Path{Attr: "id"}), true
	case *scim.Not:
		rest, constant, value := folded(f.Term)
		return &scim.Not{Term: rest}, constant, !value
	case *scim.And:
		left, decided := join(f.Terms, true)
		return &scim.And{Terms: left}, decided || len(left) == 0, !decided
	case *scim.Or:
		left, decided := join(f.Terms, false)
		return &scim.Or{Terms: left}, decided || len(left) == 0, decided
	}
	return f, false, false
}

// concatenated are the resources of a page, type by type.
func (h *Handler) concatenated(r *http.Request, shares []*share) (all []found, total int, err error) {
	skip, want := shares[0].StartIndex-1, shares[0].Count
	for _, s := range shares {
		if s.none {
			continue
		}
		q := s.Query
		q.StartIndex, q.Count = skip+1, want
		page, err := h.page(r, s.t, asked{Query: q})
		if err != nil {
			return nil, 0, err
		}
		for _, res := range page.Resources {
			all = append(all, found{Resource: res, share: s})
		}
		total += page.Total
		skip, want = max(0, skip-page.Total), want-len(page.Resources)
	}
	return all, total, nil
}

// merged are the resources of a page of all types in one order: as many as come up to
// its end are read of each of them, so that the end must not be far.
func (h *Handler) merged(r *http.Request, shares []*share) (all []found, total int, err error) {
	start, count := shares[0].StartIndex-1, shares[0].Count
	if start > h.c.Limits.Page-count {
		return nil, 0, badQuery(scim.TooMany, fmt.Sprintf("sorted over all resource types the first %d can be seen; sort one type", h.c.Limits.Page))
	}
	var typ scim.Type
	for _, s := range shares {
		if s.none {
			continue
		}
		q := s.Query
		q.StartIndex, q.Count = 1, start+count
		page, err := h.page(r, s.t, asked{Query: q})
		if err != nil {
			return nil, 0, err
		}
		total += page.Total
		key := func(*scim.Resource) scim.Value { return scim.Null() }
		if !s.SortBy.IsZero() {
			key, typ = sortKey(h.c.Schemas, s.t.Schema, s.SortBy)
		}
		for _, res := range page.Resources {
			all = append(all, found{res, s, key(res)})
		}
	}
	slices.SortStableFunc(all, func(a, b found) int {
		order := compareValues(a.key, b.key, typ)
		if shares[0].Descending {
			return -order
		}
		return order
	})
	all = all[min(start, len(all)):]
	return all[:min(count, len(all))], total, nil
}
