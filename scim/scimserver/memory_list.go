// SPDX-License-Identifier: Apache-2.0

package scimserver

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/usher-id/usher/scim"
)

// List implements Store. Without a sort resources come as they were made.
func (m *Memory) List(_ context.Context, typ string, q Query) (Page, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	s, err := m.shelf(typ)
	if err != nil {
		return Page{}, err
	}
	if q.Filter == nil && q.SortBy.IsZero() {
		i, skip := 0, q.StartIndex-1
		if s.holes == 0 {
			i, skip = min(skip, len(s.order)), 0
		}
		rows, _ := s.from(i, skip, q.Count)
		return Page{Total: len(s.rows), Resources: s.resources(rows, q)}, nil
	}
	rows := s.selected(m.schemas, q.Filter)
	m.sort(s, q, rows)
	first := min(max(q.StartIndex-1, 0), len(rows))
	return Page{Total: len(rows), Resources: s.resources(rows[first:min(first+q.Count, len(rows))], q)}, nil
}

// Walk implements CursorStore. A cursor names the last resource that was given, so
// that nobody is left out of the pages when somebody else comes or goes; with a
// sort it also counts, for when that one has gone.
func (m *Memory) Walk(_ context.Context, typ string, q Query, cursor string) (Page, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	s, err := m.shelf(typ)
	if err != nil {
		return Page{}, err
	}
	var from bookmark
	if cursor != "" {
		if from, err = m.opened(typ, q, cursor); err != nil {
			return Page{}, err
		}
	}
	if q.Filter == nil && q.SortBy.IsZero() {
		rows, more := s.from(s.position(from.seq+1), 0, q.Count)
		p := Page{Total: len(s.rows), Resources: s.resources(rows, q)}
		if more && len(rows) > 0 {
			p.NextCursor = m.cursor(typ, q, bookmark{seq: rows[len(rows)-1].seq})
		}
		return p, nil
	}
	rows := s.selected(m.schemas, q.Filter)
	m.sort(s, q, rows)
	first := min(max(from.in(rows, q.SortBy.IsZero()), 0), len(rows))
	last := min(first+q.Count, len(rows))
	p := Page{Total: len(rows), Resources: s.resources(rows[first:last], q)}
	if last < len(rows) && q.Count > 0 {
		p.NextCursor = m.cursor(typ, q, bookmark{rows[last-1].seq, last})
	}
	return p, nil
}

// resources are rows as a query wants them: without members, if it can do without.
func (s *shelf) resources(rows []*row, q Query) []*scim.Resource {
	headless := slices.ContainsFunc(q.Without, func(p scim.Path) bool {
		return s.members != "" && p.URN == "" && p.Sub == "" && strings.EqualFold(p.Attr, s.members)
	})
	out := make([]*scim.Resource, len(rows))
	for i, r := range rows {
		if out[i] = r.head; !headless {
			out[i] = s.whole(r)
		}
	}
	return out
}

// from are up to count rows of everybody from a place on, but for some to skip; it
// looks at no others, and tells whether there are more.
func (s *shelf) from(i, skip, count int) (rows []*row, more bool) {
	for ; i < len(s.order); i++ {
		switch {
		case s.order[i].head == nil:
		case skip > 0:
			skip--
		case len(rows) == count:
			return rows, true
		default:
			rows = append(rows, s.order[i])
		}
	}
	return rows, false
}

// selected are the rows that satisfy a filter, as they were made.
func (s *shelf) selected(set *scim.SchemaSet, f scim.Filter) []*row {
	candidates, ok := s.candidates(f)
	if c, simple := f.(*scim.Compare); ok && simple && c.Path.Filter == nil {
		return candidates // neither more nor less
	}
	if !ok {
		candidates = s.order
	}
	var out []*row
	for _, r := range candidates {
		if r.head != nil && set.Match(s.schema, f, s.whole(r)) {
			out = append(out, r)
		}
	}
	return out
}

// candidates are all rows that may satisfy a filter, in order, if an index can
// tell: more than those who do, never less.
func (s *shelf) candidates(f scim.Filter) ([]*row, bool) {
	switch f := f.(type) {
	case *scim.Compare:
		value, isText := f.Value.AsString()
		if f.Op != scim.OpEq || !isText {
			return nil, false
		}
		p := f.Path
		p.Filter = nil // with it they are fewer
		return s.having(p, value)
	case *scim.ValuePath:
		return s.candidates(inner(f.Path, f.Filter))
	case *scim.And:
		var best []*row
		found := false
		for _, term := range f.Terms {
			rows, ok := s.candidates(term)
			if ok && (!found || len(rows) < len(best)) {
				best, found = rows, true
			}
		}
		return best, found
	case *scim.Or:
		var all []*row
		for _, term := range f.Terms {
			rows, ok := s.candidates(term)
			if !ok {
				return nil, false
			}
			all = append(all, rows...)
		}
		slices.SortFunc(all, bySeq)
		return slices.Compact(all), true
	}
	return nil, false
}

// inner is what stands in square brackets as a filter of its own; nil where it is
// more than comparisons that must all hold.
func inner(whole scim.Path, f scim.Filter) scim.Filter {
	switch f := f.(type) {
	case *scim.Compare:
		if f.Path.Sub == "" && f.Path.URN == "" {
			return &scim.Compare{Path: scim.Path{URN: whole.URN, Attr: whole.Attr, Sub: f.Path.Attr}, Op: f.Op, Value: f.Value}
		}
	case *scim.And:
		var terms []scim.Filter
		for _, t := range f.Terms {
			if g := inner(whole, t); g != nil {
				terms = append(terms, g)
			}
		}
		return &scim.And{Terms: terms}
	}
	return nil
}

// sort orders rows (RFC 7644 §3.4.2.3): those without a value last when ascending;
// a multi-valued attribute by its primary value, or else its first. Equal ones stay
// as they were made.
func (m *Memory) sort(s *shelf, q Query, rows []*row) {
	sortBy(m.schemas, s.schema, q, rows, s.whole)
}

func sortBy[T comparable](set *scim.SchemaSet, schema string, q Query, rows []T, resource func(T) *scim.Resource) {
	if q.SortBy.IsZero() {
		return
	}
	key, typ := sortKey(set, schema, q.SortBy)
	keys := make(map[T]scim.Value, len(rows))
	for _, r := range rows {
		keys[r] = key(resource(r))
	}
	slices.SortStableFunc(rows, func(x, y T) int {
		order := compareValues(keys[x], keys[y], typ)
		if q.Descending {
			return -order
		}
		return order
	})
}

// sortKey returns what resources are sorted by, and of which type that is.
func sortKey(set *scim.SchemaSet, schema string, by scim.Path) (func(*scim.Resource) scim.Value, scim.Type) {
	a, _ := set.Lookup(schema, by)
	exact := a.CaseExact || a.Type == scim.TypeReference || a.Type == scim.TypeBinary || a.Type == scim.TypeDateTime
	return func(r *scim.Resource) scim.Value {
		v := sortValue(r, by)
		if text, ok := v.AsString(); ok && !exact {
			v = scim.String(scim.Fold(text))
		}
		return v
	}, a.Type
}

// Select makes a page of resources that are at hand: it filters, sorts and cuts
// them as a query says. They come in the store's own order, which must be the
// same each time. Schemas are those of the Handler, nil for scim.CoreSchemas, and
// schema is the URN of the resources' type.
func Select(set *scim.SchemaSet, schema string, all []*scim.Resource, q Query) Page {
	if set == nil {
		set = scim.CoreSchemas()
	}
	var found []*scim.Resource
	for _, r := range all {
		if q.Filter == nil || set.Match(schema, q.Filter, r) {
			found = append(found, r)
		}
	}
	sortBy(set, schema, q, found, func(r *scim.Resource) *scim.Resource { return r })
	first := min(max(q.StartIndex-1, 0), len(found))
	return Page{Total: len(found), Resources: found[first : first+min(max(q.Count, 0), len(found)-first)]}
}

func sortValue(r *scim.Resource, p scim.Path) scim.Value {
	whole := p
	whole.Sub = ""
	v, _ := r.At(whole)
	if list, ok := v.AsList(); ok {
		v = scim.Null()
		for i, e := range list {
			o, _ := e.AsComplex()
			primary, _ := o.Get("primary")
			if yes, _ := primary.AsBool(); i == 0 || yes {
				v = e
			}
		}
	}
	if o, ok := v.AsComplex(); ok {
		v, _ = o.Get(p.Sub)
	}
	return v
}

// compareValues orders values of one type; unassigned is after all others.
func compareValues(v, w scim.Value, t scim.Type) int {
	if v.IsUnassigned() || w.IsUnassigned() {
		return cmp.Compare(rank(!v.IsUnassigned()), rank(!w.IsUnassigned())) * -1
	}
	if b, ok := v.AsBool(); ok {
		c, _ := w.AsBool()
		return cmp.Compare(rank(b), rank(c))
	}
	if f, ok := v.AsDecimal(); ok {
		g, _ := w.AsDecimal()
		return cmp.Compare(f, g)
	}
	x, _ := v.AsString()
	y, _ := w.AsString()
	if t == scim.TypeDateTime {
		if at, ok := scim.ParseDateTime(x); ok {
			if other, ok := scim.ParseDateTime(y); ok {
				return at.Compare(other)
			}
		}
	}
	return strings.Compare(x, y)
}

func rank(b bool) int {
	if b {
		return 1
	}
	return 0
}

// bookmark is where a page ended: the last row, and how many came up to it.
type bookmark struct{ seq, count int }

// in returns the place of the next row.
func (b bookmark) in(rows []*row, unsorted bool) int {
	if unsorted {
		i, _ := slices.BinarySearchFunc(rows, b.seq+1, func(r *row, seq int) int { return r.seq - seq })
		return i
	}
	if i := slices.IndexFunc(rows, func(r *row) bool { return r.seq == b.seq }); i >= 0 {
		return i + 1
	}
	return b.count
}

// cursor writes a bookmark.
func (m *Memory) cursor(typ string, q Query, b bookmark) string {
	return m.key.Seal("", typ, q, int64(b.seq), int64(b.count))
}

func (m *Memory) opened(typ string, q Query, cursor string) (bookmark, error) {
	place, err := m.key.Open("", typ, q, cursor)
	if err != nil || len(place) != 2 {
		return bookmark{}, ErrCursor
	}
	return bookmark{int(place[0]), int(place[1])}, nil
}
