// SPDX-License-Identifier: Apache-2.0

package scimserver

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/usher-id/usher/scim"
)

// Memory is a Store in memory, for tests and small services. Its zero value is
// not usable; see NewMemory. It keeps values as they come, passwords too.
//
// Members of groups are kept by row: to add or remove one costs the same in a
// group of 10 and of 100,000. id, userName, externalId, displayName, emails,
// members and what is unique are indexed.
type Memory struct {
	schemas *scim.SchemaSet
	now     func() time.Time
	key     CursorKey

	mu guard
	*shelves
}

// shelves is what a guard guards.
type shelves struct {
	types   map[string]*shelf
	lastID  int // ids are never given again, to a resource of any type
	lastTag int // nor are versions
	within  bool
	undo    []func() // of a transaction, the last change first
}

// guard is a [sync.RWMutex], or nothing for whoever is in a transaction.
type guard interface {
	Lock()
	Unlock()
	RLock()
	RUnlock()
}

// shelf keeps the resources of one type.
type shelf struct {
	name, schema string
	rows         map[string]*row
	order        []*row // as they were made; without a head where one was deleted
	holes        int    // of those
	keys         []*key
	unique       []*key
	members      string                       // the attribute that is kept apart; "" for none
	holders      map[string]map[*row]struct{} // of a member
}

// row is one resource.
type row struct {
	seq    int
	head   *scim.Resource // without members; never written to once it is here
	roster *roster        // nil if the type has no members
}

// key is an index of an attribute's values.
type key struct {
	path  scim.Path
	exact bool
	rows  map[string][]*row
}

var (
	_ MemberStore = (*Memory)(nil)
	_ CursorStore = (*Memory)(nil)
	_ TxStore     = (*Memory)(nil)
)

// NewMemory returns an empty store for some resource types; nil stands for
// scim.CoreResourceTypes. What the schemas say is unique is, such as userName among
// Users (RFC 7643 §4.1.1).
func NewMemory(set *scim.SchemaSet, types []scim.ResourceType) *Memory {
	if set == nil {
		set = scim.CoreSchemas()
	}
	if types == nil {
		types = scim.CoreResourceTypes()
	}
	m := &Memory{schemas: set, now: time.Now, key: make(CursorKey, 32), mu: &sync.RWMutex{}, shelves: &shelves{types: map[string]*shelf{}}}
	_, _ = rand.Read(m.key) // it never fails
	for _, t := range types {
		s := &shelf{
			name: t.Name, schema: t.Schema, rows: map[string]*row{},
			members: memberAttribute(set, t.Schema), holders: map[string]map[*row]struct{}{},
		}
		m.types[t.Name] = s
		for _, a := range attributesOf(set, t) {
			if a.Uniqueness == scim.UniqueServer || a.Uniqueness == scim.UniqueGlobal {
				s.unique = append(s.unique, m.index(s, a.path))
			}
		}
		for _, text := range []string{"userName", "externalId", "displayName", "emails.value"} {
			if p := scim.MustPath(text); known(set, t.Schema, p) {
				m.index(s, p)
			}
		}
	}
	return m
}

func known(set *scim.SchemaSet, schema string, p scim.Path) bool {
	_, ok := set.Lookup(schema, p)
	return ok
}

// index returns the index of an attribute, and makes it if there is none.
func (m *Memory) index(s *shelf, p scim.Path) *key {
	if k := s.key(p); k != nil {
		return k
	}
	a, _ := m.schemas.Lookup(s.schema, p)
	exact := a.CaseExact || a.Type == scim.TypeReference || a.Type == scim.TypeBinary
	k := &key{path: p, exact: exact, rows: map[string][]*row{}}
	s.keys = append(s.keys, k)
	return k
}

func (s *shelf) key(p scim.Path) *key {
	if strings.EqualFold(p.URN, s.schema) {
		p.URN = ""
	}
	for _, k := range s.keys {
		if k.path.Equal(p) || k.path.Sub == "value" && p.Sub == "" && strings.EqualFold(k.path.Attr, p.Attr) && p.URN == "" {
			return k
		}
	}
	return nil
}

// Unique makes attributes of a type unique, instead of those of its schema; none
// lets everything be there twice. It is called before the store is used.
func (m *Memory) Unique(typ string, attributes ...scim.Path) {
	s := m.types[typ]
	s.unique = nil
	for _, p := range attributes {
		s.unique = append(s.unique, m.index(s, p))
	}
}

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
	if r := s.rows[id]; r != nil {
		return s.whole(r), nil
	}
	return nil, ErrNotFound
}

// Create implements Store. Ids are numbers in the order of creation, of all types
// together.
func (m *Memory) Create(_ context.Context, typ string, r *scim.Resource) (*scim.Resource, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, err := m.shelf(typ)
	if err != nil {
		return nil, err
	}
	if err := s.free(r, nil); err != nil {
		return nil, err
	}
	m.lastID++
	fresh := scim.NewResource(r.Schemas()...)
	fresh.SetID(strconv.Itoa(m.lastID))
	for name, v := range r.All() {
		if !strings.EqualFold(name, "id") && !strings.EqualFold(name, "schemas") {
			fresh.Set(name, v)
		}
	}
	fresh.Set("meta", m.stamp(nil))
	stored := s.insert(m.lastID, fresh)
	m.record(func() { s.drop(stored.ID()) })
	return stored, nil
}

// insert puts a resource that has an id on the shelf.
func (s *shelf) insert(seq int, r *scim.Resource) *scim.Resource {
	here := &row{seq: seq}
	s.rows[r.ID()] = here
	s.order = append(s.order, here)
	s.store(here, r)
	return s.whole(here)
}

// store lets a row have what is in a resource, and the indexes know.
func (s *shelf) store(here *row, r *scim.Resource) {
	old := here.head
	here.head = r
	if s.members != "" {
		v, _ := r.Get(s.members)
		here.head = &scim.Resource{Object: writable(r.Object)}
		here.head.Delete(s.members)
		s.enrol(here, v)
	}
	for _, k := range s.keys {
		k.move(here, old, here.head)
	}
}

// Replace implements Store.
func (m *Memory) Replace(_ context.Context, typ string, r *scim.Resource, version string) (*scim.Resource, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, err := m.shelf(typ)
	if err != nil {
		return nil, err
	}
	here := s.rows[r.ID()]
	switch {
	case here == nil:
		return nil, ErrNotFound
	case version != "" && version != here.head.Version():
		return nil, ErrVersion
	}
	if err := s.free(r, here); err != nil {
		return nil, err
	}
	m.before(s, here)
	fresh := &scim.Resource{Object: writable(r.Object)}
	fresh.Set("meta", m.stamp(here.head))
	s.store(here, fresh)
	return s.whole(here), nil
}

// Delete implements Store. References to the resource stay with their holders.
func (m *Memory) Delete(_ context.Context, typ, id, version string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, err := m.shelf(typ)
	if err != nil {
		return err
	}
	here := s.rows[id]
	switch {
	case here == nil:
		return ErrNotFound
	case version != "" && version != here.head.Version():
		return ErrVersion
	}
	old := s.whole(here)
	m.record(func() { s.putBack(here, old) })
	s.drop(id)
	m.leave(id)
	return nil
}

// drop takes a resource off the shelf.
func (s *shelf) drop(id string) {
	here := s.rows[id]
	for _, k := range s.keys {
		k.move(here, here.head, nil)
	}
	if here.roster != nil {
		s.enrol(here, scim.Null())
	}
	delete(s.rows, id)
	here.head, here.roster = nil, nil // a hole in the order, until there are many
	if s.holes++; s.holes > manyHoles && s.holes > len(s.order)/2 {
		s.order = slices.DeleteFunc(s.order, func(r *row) bool { return r.head == nil })
		s.holes = 0
	}
}

const manyHoles = 64

// position is where the first row of at least this number is in the order.
func (s *shelf) position(seq int) int {
	i, _ := slices.BinarySearchFunc(s.order, seq, func(r *row, seq int) int { return r.seq - seq })
	return i
}

// Lookup implements Store, for id, externalId, displayName, userName, emails,
// members and what is unique.
func (m *Memory) Lookup(_ context.Context, typ string, attribute scim.Path, value string) ([]*scim.Resource, bool, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	s, err := m.shelf(typ)
	if err != nil {
		return nil, false, err
	}
	rows, ok := s.having(attribute, value)
	if !ok {
		return nil, false, nil
	}
	found := make([]*scim.Resource, len(rows))
	for i, r := range rows {
		found[i] = s.whole(r)
	}
	return found, true, nil
}

// having returns the rows with a text in an attribute, in order, if there is an
// index of it.
func (s *shelf) having(p scim.Path, value string) (rows []*row, ok bool) {
	if p.Filter != nil || value == "" {
		return nil, false
	}
	own := p.URN == "" || strings.EqualFold(p.URN, s.schema)
	if own && p.Sub == "" && strings.EqualFold(p.Attr, "id") {
		if r := s.rows[value]; r != nil {
			return []*row{r}, true
		}
		return nil, true
	}
	if own && s.members != "" && strings.EqualFold(p.Attr, s.members) && (p.Sub == "" || strings.EqualFold(p.Sub, "value")) {
		for r := range s.holders[value] {
			rows = append(rows, r)
		}
	} else {
		k := s.key(p)
		if k == nil {
			return nil, false
		}
		rows = slices.Clone(k.rows[k.fold(value)])
	}
	slices.SortFunc(rows, bySeq)
	return slices.Compact(rows), true
}

func bySeq(a, b *row) int { return a.seq - b.seq }

// fold is a text as an index has it: letter case counts only where the schema
// says so.
func (k *key) fold(text string) string {
	if k.exact {
		return text
	}
	return scim.Fold(text)
}

// texts are what a resource has in the attribute.
func (k *key) texts(r *scim.Resource) []string {
	if r == nil {
		return nil
	}
	v, _ := r.At(k.path)
	if s, ok := v.AsString(); ok && s != "" {
		return []string{k.fold(s)}
	}
	list, _ := v.AsList()
	var out []string
	for _, e := range list {
		if s, _ := e.AsString(); s != "" {
			out = append(out, k.fold(s))
		}
	}
	return out
}

func (k *key) move(here *row, old, fresh *scim.Resource) {
	was, is := k.texts(old), k.texts(fresh)
	if slices.Equal(was, is) {
		return
	}
	for _, text := range was {
		left := slices.DeleteFunc(k.rows[text], func(r *row) bool { return r == here })
		if k.rows[text] = left; len(left) == 0 {
			delete(k.rows, text)
		}
	}
	for _, text := range is {
		k.rows[text] = append(k.rows[text], here)
	}
}

// free says whether what must be unique is.
func (s *shelf) free(r *scim.Resource, here *row) error {
	for _, k := range s.unique {
		for _, text := range k.texts(r) {
			for _, other := range k.rows[text] {
				if other != here {
					return &UniquenessError{k.path.String()}
				}
			}
		}
	}
	return nil
}

// stamp is the meta of a new state of a resource.
func (m *Memory) stamp(old *scim.Resource) scim.Value {
	now := scim.String(m.now().UTC().Format(time.RFC3339Nano))
	created := now
	if old != nil {
		v, _ := old.Get("meta")
		was, _ := v.AsComplex()
		if c, ok := was.Get("created"); ok {
			created = c
		}
	}
	m.lastTag++
	var meta scim.Object
	meta.Set("created", created)
	meta.Set("lastModified", now)
	meta.Set("version", scim.String(`W/"`+strconv.Itoa(m.lastTag)+`"`))
	return scim.Complex(meta)
}

// MemorySnapshot is a state of a Memory. It is not written to.
type MemorySnapshot struct{ types map[string][]*scim.Resource }

// Snapshot returns what is in the store now.
func (m *Memory) Snapshot() *MemorySnapshot {
	m.mu.RLock()
	defer m.mu.RUnlock()
	out := &MemorySnapshot{types: map[string][]*scim.Resource{}}
	for name, s := range m.types {
		for _, r := range s.order {
			if r.head != nil {
				out.types[name] = append(out.types[name], s.whole(r))
			}
		}
	}
	return out
}

// Restore puts a state of this store back, with its ids and versions. New ids and
// versions go on where they were.
func (m *Memory) Restore(from *MemorySnapshot) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, s := range m.types {
		s.rows, s.order, s.holes = map[string]*row{}, nil, 0
		s.holders = map[string]map[*row]struct{}{}
		for _, k := range s.keys {
			k.rows = map[string][]*row{}
		}
		for _, r := range from.types[name] {
			seq, _ := strconv.Atoi(r.ID()) // Create has made it of a number
			s.insert(seq, r)
		}
	}
}
