// SPDX-License-Identifier: Apache-2.0

package scimserver

import (
	"context"
	"slices"

	"github.com/usher-id/usher/scim"
)

// Atomically implements TxStore. Everybody else waits meanwhile, so that fn must not
// wait for anybody.
func (m *Memory) Atomically(_ context.Context, fn func(Store) error) (err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	outer, from := m.within, len(m.undo)
	m.within = true
	done := false
	defer func() { // after a panic, too
		if !done {
			for _, undo := range slices.Backward(m.undo[from:]) {
				undo()
			}
		}
		if m.undo = m.undo[:from]; !outer {
			m.undo = nil
		}
		m.within = outer
	}()
	inside := *m
	inside.mu = nobody{}
	err = fn(&inside)
	done = err == nil
	return err
}

// nobody is the guard of who is in a transaction, and has the store alone.
type nobody struct{}

func (nobody) Lock()    {}
func (nobody) Unlock()  {}
func (nobody) RLock()   {}
func (nobody) RUnlock() {}

// record remembers how a change is taken back.
func (m *Memory) record(undo func()) {
	if m.within {
		m.undo = append(m.undo, undo)
	}
}

// before remembers a row that is going to change.
func (m *Memory) before(s *shelf, here *row) {
	if m.within {
		old := s.whole(here)
		m.record(func() { s.store(here, old) })
	}
}

// putBack puts a row that was deleted where it was.
func (s *shelf) putBack(here *row, r *scim.Resource) {
	s.rows[r.ID()] = here
	if i := s.position(here.seq); i < len(s.order) && s.order[i] == here {
		s.holes--
	} else {
		s.order = slices.Insert(s.order, i, here)
	}
	s.store(here, r)
}
