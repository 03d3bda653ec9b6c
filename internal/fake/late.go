// SPDX-License-Identifier: Apache-2.0

package fake

import (
	"iter"
	"maps"
	"slices"
	"time"
)

// Late is what reads know of objects of a kind: it is behind what was written, as search
// indexes and replicas are. The zero value knows of none. What it is told must be copies.
type Late[T any] struct {
	seen    map[string]*T
	pending []told[T]
}

// told is a change that will be known of.
type told[T any] struct {
	at time.Time
	id string
	is *T // nil: it is gone
}

// Tell has an object be known of as it is, nil if it is gone, from a time on.
func (l *Late[T]) Tell(at time.Time, id string, is *T) {
	l.pending = append(l.pending, told[T]{at, id, is})
}

// Now has an object be known of at once.
func (l *Late[T]) Now(id string, is *T) {
	if l.seen == nil {
		l.seen = map[string]*T{}
	}
	l.seen[id] = is
}

// CatchUp has it known what was told for now or before, in the order in which it was told.
func (l *Late[T]) CatchUp(now time.Time) {
	n := 0
	for ; n < len(l.pending) && !now.Before(l.pending[n].at); n++ {
		if t := l.pending[n]; t.is == nil {
			delete(l.seen, t.id)
		} else {
			l.Now(t.id, t.is)
		}
	}
	l.pending = l.pending[n:]
}

// Get is an object as it is known, nil if it is not.
func (l *Late[T]) Get(id string) *T { return l.seen[id] }

// All are the objects that are known of, by id, in no order.
func (l *Late[T]) All() iter.Seq2[string, *T] { return maps.All(l.seen) }

// Find are the ids of what matches, in order.
func (l *Late[T]) Find(match func(*T) bool) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(l.seen)), func(id string) bool { return !match(l.seen[id]) })
}
