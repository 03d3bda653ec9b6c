// SPDX-License-Identifier: Apache-2.0

package scimserver

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/usher-id/usher/scim"
)

// roster is the members of one row. Resources that were handed out share the
// beginning of its list, which is therefore never written to while they might: one
// who comes is appended behind them, and one who goes makes a copy at most once
// after each time that somebody has looked.
type roster struct {
	list []scim.Value   // null where somebody has left
	at   map[string]int // of a member's value in list
	gone int

	mu    sync.Mutex // over the store's lock: readers fill what follows
	whole *scim.Resource
	lent  bool // list is shared with a resource
}

// whole is a row's resource with its members.
func (s *shelf) whole(r *row) *scim.Resource {
	if r.roster == nil {
		return r.head
	}
	return r.roster.with(s.members, r.head)
}

func (m *roster) with(attribute string, head *scim.Resource) *scim.Resource {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.whole != nil {
		return m.whole
	}
	m.whole = head
	if len(m.list) > m.gone {
		all := &scim.Resource{Object: writable(head.Object)}
		all.Set(attribute, scim.List(m.present()...))
		m.whole = all
	}
	return m.whole
}

// present are those who are there.
func (m *roster) present() []scim.Value {
	if m.gone == 0 {
		m.lent = true
		return m.list[:len(m.list):len(m.list)]
	}
	out := make([]scim.Value, 0, len(m.list)-m.gone)
	for _, v := range m.list {
		if !v.IsNull() {
			out = append(out, v)
		}
	}
	return out
}

// lentTo tells whether a list is the one that was handed out last: the resource has
// been changed, and its members have not.
func (m *roster) lentTo(attribute string, list []scim.Value) bool {
	if m.whole == nil || len(list) == 0 {
		return false
	}
	v, _ := m.whole.Get(attribute)
	own, _ := v.AsList()
	return len(own) == len(list) && &own[0] == &list[0]
}

// changed forgets what was handed out.
func (m *roster) changed() { m.whole = nil }

func (m *roster) add(id string, v scim.Value) {
	if id != "" {
		m.at[id] = len(m.list)
	}
	m.list = append(m.list, v)
}

func (m *roster) remove(id string) {
	i, ok := m.at[id]
	if !ok {
		return
	}
	if m.lent {
		m.list, m.lent = slices.Clone(m.list), false
	}
	m.list[i] = scim.Null()
	delete(m.at, id)
	if m.gone++; m.gone > manyHoles && m.gone > len(m.list)/2 {
		m.list = slices.DeleteFunc(m.list, scim.Value.IsNull)
		m.gone = 0
		clear(m.at)
		for i, v := range m.list {
			if id, ok := memberID(v); ok {
				m.at[id] = i
			}
		}
	}
}

// enrol replaces all members of a row. Somebody is a member once.
func (s *shelf) enrol(here *row, members scim.Value) {
	list, _ := members.AsList()
	if here.roster != nil && here.roster.lentTo(s.members, list) {
		here.roster.changed() // the rest of the resource is another
		return
	}
	fresh := &roster{at: make(map[string]int, len(list)), list: make([]scim.Value, 0, len(list))}
	for _, v := range list {
		id, _ := memberID(v)
		if _, twice := fresh.at[id]; !twice && !v.IsUnassigned() {
			fresh.add(id, v)
		}
	}
	if here.roster != nil {
		for id := range here.roster.at {
			if _, stays := fresh.at[id]; !stays {
				s.release(here, id)
			}
		}
	}
	for id := range fresh.at {
		s.hold(here, id)
	}
	here.roster = fresh
}

func (s *shelf) hold(here *row, id string) {
	if s.holders[id] == nil {
		s.holders[id] = map[*row]struct{}{}
	}
	s.holders[id][here] = struct{}{}
}

func (s *shelf) release(here *row, id string) {
	delete(s.holders[id], here)
	if len(s.holders[id]) == 0 {
		delete(s.holders, id)
	}
}

// ChangeMembers implements MemberStore.
func (m *Memory) ChangeMembers(_ context.Context, typ, id string, c MemberChange) (MembersChanged, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, err := m.shelf(typ)
	if err != nil {
		return MembersChanged{}, err
	}
	here := s.rows[id]
	switch {
	case here == nil:
		return MembersChanged{}, ErrNotFound
	case !c.Allows(here.head.Version()):
		return MembersChanged{}, ErrVersion
	}
	return m.regroup(s, here, c), nil
}

// regroup changes the members of a row.
func (m *Memory) regroup(s *shelf, here *row, c MemberChange) (done MembersChanged) {
	m.before(s, here)
	in := here.roster
	for _, id := range c.Remove {
		if _, is := in.at[id]; is {
			in.remove(id)
			s.release(here, id)
			done.Removed = append(done.Removed, id)
		}
	}
	for _, v := range c.Add {
		id, _ := memberID(v)
		if _, is := in.at[id]; !is {
			in.add(id, v)
			s.hold(here, id)
			done.Added = append(done.Added, id)
		}
	}
	if len(done.Added)+len(done.Removed) > 0 {
		head := &scim.Resource{Object: writable(here.head.Object)}
		head.Set("meta", m.stamp(here.head))
		here.head = head
		in.changed()
	}
	done.Head, done.Count = here.head, len(in.list)-in.gone
	return done
}

// leave takes a resource that is gone out of every group (RFC 7644 §3.6).
func (m *Memory) leave(id string) {
	for _, s := range m.types {
		for here := range maps.Clone(s.holders[id]) {
			m.regroup(s, here, MemberChange{Attribute: s.members, Remove: []string{id}})
		}
	}
}
