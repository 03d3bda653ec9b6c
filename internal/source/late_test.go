// SPDX-License-Identifier: Apache-2.0

package source_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-id/usher/internal/source"
	"github.com/usher-id/usher/internal/store"
	"github.com/usher-id/usher/internal/store/sqlite/sqlitetest"
)

const lateBy = 20 * time.Second

// late is a system that tells what was before a change for lateBy, and takes its time for
// each person, in a bubble's time.
type late struct {
	each    time.Duration
	was, is string // how everybody is called
	changed map[string]time.Time
	looks   int
	asked   int // people
}

func (*late) ReadAll(context.Context, source.Knowledge) (*source.Batch, error) {
	panic("nobody reads everybody")
}

func (*late) ReadTeams(context.Context) ([]string, []source.StatedTeam, error) { return nil, nil, nil }

func (l *late) ReadSome(_ context.Context, keys []string) (*source.Batch, error) {
	b := &source.Batch{Columns: columns, Fields: []int{1, 2, 3, 4, 5}, Live: &source.LiveBatch{Began: time.Now()}}
	l.looks++
	l.asked += len(keys)
	for i, key := range keys {
		time.Sleep(l.each)
		name := l.was
		if at, ok := l.changed[key]; ok && time.Since(at) >= lateBy {
			name = l.is
		}
		b.Rows = append(b.Rows, source.NewRow(i+1, key, worker{id: key, name: name, start: "2020-01-01"}.values()...))
	}
	return b, nil
}

// slow is a store that is waited for.
type slow struct {
	source.Store
	wait time.Duration
}

func (s *slow) Update(ctx context.Context, fn func(source.Tx) error) error {
	time.Sleep(s.wait)
	return s.Store.Update(ctx, fn)
}

// lateHouse is a house whose people come from there.
type lateHouse struct {
	*house
	hr   *late
	file string // of the store
	// between is what happens between a look and what becomes of it; may be nil.
	between func()
}

func (h *lateHouse) open(t testing.TB) {
	t.Helper()
	db, err := store.Open(t.Context(), h.file, "test")
	if err != nil {
		t.Fatal(err)
	}
	h.house = over(t, db)
	h.st = &slow{h.st, 0}
}

func (h *lateHouse) close() {
	h.t.Helper()
	if err := h.db.Close(); err != nil {
		h.t.Error(err)
	}
}

func (h *lateHouse) from() source.Source {
	return source.Source{Name: "hr", File: "hr", Mapping: h.mapping, Digest: h.mapping.Digest(), Live: &source.Live{Reader: h.hr, Lag: lateBy, Served: true}}
}

// change has people change, and tells of each.
func (h *lateHouse) change(keys ...string) {
	h.t.Helper()
	for _, key := range keys {
		h.hr.changed[key] = time.Now()
		if _, err := source.Hear(h.t.Context(), h.st, h.from(), source.Word{Key: key}); err != nil {
			h.t.Fatal(err)
		}
	}
}

// look reads who is to be read now, and reports when to come again, zero for never.
func (h *lateHouse) look() (next time.Time) {
	h.t.Helper()
	re, next, err := source.Look(h.t.Context(), h.st, h.from())
	if err != nil {
		h.t.Fatal(err)
	}
	if re == nil {
		return next
	}
	if h.between != nil {
		h.between()
	}
	h.st.(*slow).wait = time.Millisecond // others write meanwhile
	if _, err := re.Take(h.t.Context(), h.dir); err != nil {
		h.t.Fatal(err)
	}
	h.st.(*slow).wait = 0
	return time.Now()
}

// rest looks until nobody is marked any more.
func (h *lateHouse) rest() {
	h.t.Helper()
	for range 20 {
		next := h.look()
		if next.IsZero() {
			return
		}
		time.Sleep(time.Until(next))
	}
	h.t.Errorf("there is always more to read: %d looks", h.hr.looks)
}

// called are how people are called, without repetition.
func (h *lateHouse) called() (names []string) {
	h.t.Helper()
	for _, l := range h.listings() {
		v, _ := l.Person.User.Get("displayName")
		name, _ := v.AsString()
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// TestASystemAnswersLate: whoever may have been read as they were is read again behind the
// lag, however long a look takes and whatever it waits for, and then no more.
func TestASystemAnswersLate(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		people int
		each   time.Duration
		// play is what happens from the change on; people are read afterwards.
		play  func(h *lateHouse, keys []string)
		asked int // people, in all
	}{
		"one, with one word":         {1, 0, func(*lateHouse, []string) {}, 2},
		"more than fit into the lag": {40, 1250 * time.Millisecond, func(*lateHouse, []string) {}, 80},
		"the look waits until it is taken": {1, 0, func(h *lateHouse, _ []string) {
			h.between = func() { time.Sleep(time.Minute); h.between = nil }
		}, 2},
		"the look itself comes behind the lag":                {1, 0, func(*lateHouse, []string) { time.Sleep(lateBy) }, 1},
		"two words before a look, the first of which is over": {1, 0, func(h *lateHouse, keys []string) { time.Sleep(lateBy * 5 / 4); h.change(keys...) }, 2},
		"a word between a look and its taking": {1, 0, func(h *lateHouse, keys []string) {
			h.between = func() { h.between = nil; time.Sleep(lateBy / 2); h.change(keys...) }
		}, 3},
		"a word behind the first look": {1, 0, func(h *lateHouse, keys []string) {
			h.look()
			time.Sleep(lateBy / 2)
			h.change(keys...)
		}, 3}, // at once, by the second word, and behind that
		"the store is opened anew": {3, time.Second, func(h *lateHouse, _ []string) {
			h.look()
			h.close()
			h.open(h.t)
		}, 6},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := sqlitetest.New(t)
			synctest.Test(t, func(t *testing.T) {
				h := &lateHouse{hr: &late{was: "ada", is: "grace", changed: map[string]time.Time{}}, file: file}
				h.open(t)
				defer func() { h.close() }()
				var keys []string
				for i := range c.people {
					keys = append(keys, fmt.Sprint(i))
				}
				h.change(keys...) // as they come
				clear(h.hr.changed)
				h.rest()
				if got := h.called(); strings.Join(got, " ") != "ada" {
					t.Fatalf("they are called %q", got)
				}
				h.hr.each, h.hr.looks, h.hr.asked = c.each, 0, 0
				h.change(keys...)
				c.play(h, keys)
				h.rest()
				if got := h.called(); strings.Join(got, " ") != "grace" {
					t.Errorf("they are called %q", got)
				}
				if h.hr.asked != c.asked {
					t.Errorf("%d people were asked for in %d looks, want %d", h.hr.asked, h.hr.looks, c.asked)
				}
			})
		})
	}
}
