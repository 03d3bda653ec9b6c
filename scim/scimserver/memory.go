// SPDX-License-Identifier: Apache-2.0

package scimserver

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/usher-id/usher/scim"
)

// Memory is a Store in memory, for tests and small services. Its zero value is
// not usable; see NewMemory.
type Memory struct {
	schemas *scim.SchemaSet
	now     func() time.Time

	mu    sync.RWMutex
	types map[string]*shelf
}

// shelf keeps the resources of one type.
type shelf struct {
	schema string
	last   int                       // of the ids given
	byID   map[string]*scim.Resource // never written to once they are here
	order  []string                  // ids, as they were made
	place  map[string]int            // of an id in order
	unique []scim.Path
	index  map[string]map[string][]string // attribute, canonical value, ids
}

var _ Store = (*Memory)(nil)

// NewMemory returns an empty store for some resource types; nil stands for
// scim.CoreResourceTypes. userName is unique among Users (RFC 7643 §4.1.1).
func NewMemory(set *scim.SchemaSet, types []scim.ResourceType) *Memory {
	if set == nil {
		set = scim.CoreSchemas()
	}
	if types == nil {
		types = scim.CoreResourceTypes()
	}
	m := &Memory{schemas: set, now: time.Now, types: map[string]*shelf{}}
	for _, t := range types {
		s := &shelf{schema: t.Schema, byID: map[string]*scim.Resource{}, place: map[string]int{}, index: map[string]map[string][]string{}}
		if sch, ok := set.Schema(t.Schema); ok {
			for _, a := range sch.Attributes {
				if a.Uniqueness == "server" || a.Uniqueness == "global" {
					s.unique = append(s.unique, scim.Path{Attr: a.Name})
				}
			}
		}
		for _, p := range append([]scim.Path{{Attr: "externalId"}, {Attr: "displayName"}, {Attr: "userName"}}, s.unique...) {
			s.index[indexKey(p)] = map[string][]string{}
		}
		m.types[t.Name] = s
	}
	return m
}

// Unique makes attributes of a type unique, instead of those of its schema; none
// lets everything be there twice. It is called before the store is used.
func (m *Memory) Unique(typ string, attributes ...scim.Path) {
	s := m.types[typ]
	s.unique = attributes
	for _, p := range attributes {
		if s.index[indexKey(p)] == nil {
			s.index[indexKey(p)] = map[string][]string{}
		}
	}
}

func indexKey(p scim.Path) string { return strings.ToLower(p.String()) }

func (m *Memory) shelf(typ string) (*shelf, error) {
	if s := m.types[typ]; s != nil {
		return s, nil
	}
	return nil, fmt.Errorf("memory: there is no resource type %s", typ)
}

// Get implements Store.
func (m *Memory) Get(_ context.Context, typ, id string) (*scim.Resource, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	s, err := m.shelf(typ)
	if err != nil {
		return nil, err
	}
	if r := s.byID[id]; r != nil {
		return r, nil
	}
	return nil, ErrNotFound
}

// Create implements Store. Ids are numbers in the order of creation.
func (m *Memory) Create(_ context.Context, typ string, r *scim.Resource) (*scim.Resource, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, err := m.shelf(typ)
	if err != nil {
		return nil, err
	}
	if err := m.free(s, r, ""); err != nil {
		return nil, err
	}
	s.last++
	r = r.Clone()
	r.SetID(strconv.Itoa(s.last))
	m.stamp(r, nil)
	s.place[r.ID()] = len(s.order)
	s.order = append(s.order, r.ID())
	s.put(m.schemas, r)
	return r, nil
}

// Replace implements Store.
func (m *Memory) Replace(_ context.Context, typ string, r *scim.Resource, version string) (*scim.Resource, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, err := m.shelf(typ)
	if err != nil {
		return nil, err
	}
	old := s.byID[r.ID()]
	switch {
	case old == nil:
		return nil, ErrNotFound
	case version != "" && version != old.Version():
		return nil, ErrVersion
	}
	if err := m.free(s, r, r.ID()); err != nil {
		return nil, err
	}
	r = &scim.Resource{Object: shallow(r.Object)}
	m.stamp(r, old)
	s.drop(m.schemas, old)
	s.put(m.schemas, r)
	return r, nil
}

// Delete implements Store. References to the resource stay with their holders.
func (m *Memory) Delete(_ context.Context, typ, id, version string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, err := m.shelf(typ)
	if err != nil {
		return err
	}
	old := s.byID[id]
	switch {
	case old == nil:
		return ErrNotFound
	case version != "" && version != old.Version():
		return ErrVersion
	}
	s.drop(m.schemas, old)
	i := s.place[id]
	s.order[i] = "" // a hole, so that nobody else moves
	delete(s.place, id)
	delete(s.byID, id)
	return nil
}

// Lookup implements Store, for id, externalId, displayName, userName and what
// is unique.
func (m *Memory) Lookup(_ context.Context, typ string, attribute scim.Path, value string) ([]*scim.Resource, bool, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	s, err := m.shelf(typ)
	if err != nil {
		return nil, false, err
	}
	if strings.EqualFold(attribute.Attr, "id") && attribute.Sub == "" && attribute.URN == "" {
		if r := s.byID[value]; r != nil {
			return []*scim.Resource{r}, true, nil
		}
		return nil, true, nil
	}
	if strings.EqualFold(attribute.URN, s.schema) {
		attribute.URN = ""
	}
	ids, ok := s.index[indexKey(attribute)]
	if !ok {
		return nil, false, nil
	}
	var found []*scim.Resource
	for _, id := range ids[m.canonical(s, attribute, value)] {
		found = append(found, s.byID[id])
	}
	return found, true, nil
}

// canonical is a text as an index has it: letter case counts only where the
// schema says so.
func (m *Memory) canonical(s *shelf, p scim.Path, value string) string {
	if a, ok := m.schemas.Lookup(s.schema, p); ok && a.CaseExact {
		return value
	}
	return strings.ToLower(value)
}

// free says whether what must be unique is.
func (m *Memory) free(s *shelf, r *scim.Resource, id string) error {
	for _, p := range s.unique {
		v, _ := r.At(p)
		text, _ := v.AsString()
		if text == "" {
			continue
		}
		for _, other := range s.index[indexKey(p)][m.canonical(s, p, text)] {
			if other != id {
				return &UniquenessError{p.String()}
			}
		}
	}
	return nil
}

func (m *Memory) stamp(r, old *scim.Resource) {
	now := scim.String(m.now().UTC().Format(time.RFC3339Nano))
	var meta scim.Object
	version := 1
	meta.Set("created", now)
	if old != nil {
		v, _ := old.Get("meta")
		was, _ := v.AsComplex()
		if created, ok := was.Get("created"); ok {
			meta.Set("created", created)
		}
		n, _ := strconv.Atoi(strings.Trim(strings.TrimPrefix(old.Version(), "W/"), `"`))
		version = n + 1
	}
	meta.Set("lastModified", now)
	meta.Set("version", scim.String(`W/"`+strconv.Itoa(version)+`"`))
	r.Set("meta", scim.Complex(meta))
}

func (s *shelf) put(set *scim.SchemaSet, r *scim.Resource) {
	s.byID[r.ID()] = r
	s.each(set, r, func(values map[string][]string, key string) { values[key] = append(values[key], r.ID()) })
}

func (s *shelf) drop(set *scim.SchemaSet, r *scim.Resource) {
	s.each(set, r, func(values map[string][]string, key string) {
		left := slices.DeleteFunc(values[key], func(id string) bool { return id == r.ID() })
		if values[key] = left; len(left) == 0 {
			delete(values, key)
		}
	})
}

func (s *shelf) each(set *scim.SchemaSet, r *scim.Resource, fn func(values map[string][]string, key string)) {
	for name, values := range s.index {
		p, err := scim.ParsePath(name)
		if err != nil {
			continue
		}
		v, _ := r.At(p)
		text, _ := v.AsString()
		if text == "" {
			continue
		}
		if a, ok := set.Lookup(s.schema, p); !ok || !a.CaseExact {
			text = strings.ToLower(text)
		}
		fn(values, text)
	}
}

// List implements Store. Without a sort resources come as they were made, and a
// cursor is the place of the next one, so that nobody is left out of the pages
// when somebody else goes; with a sort it counts what was given.
func (m *Memory) List(_ context.Context, typ string, q Query) (Page, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	s, err := m.shelf(typ)
	if err != nil {
		return Page{}, err
	}
	from := 0
	if q.Cursor != "" {
		if from, err = after(q); err != nil {
			return Page{}, err
		}
	}
	whole := q.Filter == nil && q.SortBy.IsZero() && len(s.byID) == len(s.order)
	if whole && !q.ByCursor { // nothing to look at but the page
		return s.window(q.StartIndex-1, q.Count, s.order), nil
	}
	var ids []string
	var places []int
	for i, id := range s.order {
		if id != "" && (whole || m.schemas.Match(s.schema, q.Filter, s.byID[id])) {
			ids, places = append(ids, id), append(places, i)
		}
	}
	m.sort(s, q, ids)
	if !q.ByCursor {
		return s.window(q.StartIndex-1, q.Count, ids), nil
	}
	sorted := !q.SortBy.IsZero()
	if !sorted {
		from, _ = slices.BinarySearch(places, from)
	}
	p := s.window(from, q.Count, ids)
	if next := from + len(p.Resources); next < len(ids) && q.Count > 0 {
		if !sorted {
			next = places[next]
		}
		p.NextCursor = cursor(q, next)
	}
	return p, nil
}

// window cuts a page out of the ids that a query selects.
func (s *shelf) window(from, count int, ids []string) Page {
	p := Page{Total: len(ids)}
	from = min(from, len(ids))
	for _, id := range ids[from:min(from+count, len(ids))] {
		p.Resources = append(p.Resources, s.byID[id])
	}
	return p
}

func (m *Memory) sort(s *shelf, q Query, ids []string) {
	if q.SortBy.IsZero() {
		return
	}
	a, _ := m.schemas.Lookup(s.schema, q.SortBy)
	key := func(id string) (string, bool) {
		v, ok := s.byID[id].At(q.SortBy)
		text, isText := v.AsString()
		if !isText {
			text = v.String()
		}
		if !a.CaseExact {
			text = strings.ToLower(text)
		}
		return text, ok
	}
	slices.SortStableFunc(ids, func(x, y string) int {
		kx, okx := key(x)
		ky, oky := key(y)
		switch { // RFC 7644 §3.4.2.3: what has no value comes last when ascending
		case okx != oky && okx == !q.Descending:
			return -1
		case okx != oky:
			return 1
		case q.Descending:
			return cmp.Compare(ky, kx)
		}
		return cmp.Compare(kx, ky)
	})
}

// cursor is bound to its query, so that it opens no other.
func cursor(q Query, at int) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(at) + " " + querySum(q)))
}

func querySum(q Query) string {
	filter := ""
	if q.Filter != nil {
		filter = q.Filter.String()
	}
	return fmt.Sprintf("%q %q %t", filter, q.SortBy.String(), q.Descending)
}

func after(q Query) (int, error) {
	text, err := base64.RawURLEncoding.DecodeString(q.Cursor)
	if err != nil {
		return 0, ErrCursor
	}
	at, sum, _ := strings.Cut(string(text), " ")
	n, err := strconv.Atoi(at)
	if err != nil || n < 0 || sum != querySum(q) {
		return 0, ErrCursor
	}
	return n, nil
}
