// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"cmp"
	"iter"
	"slices"
	"strings"
)

// table is a map in the order of its keys. Copying the struct copies the table: what
// both hold is shared until one of them writes, and then only what is written to is
// copied, the list of chunks and one chunk.
type table[K key[K], V any] struct {
	chunks []*chunk[K, V] // none is empty
	of     *owner         // who may write to the list
}

// chunk holds neighbours, most at the most.
type chunk[K key[K], V any] struct {
	of   *owner
	rows []row[K, V]
}

type row[K key[K], V any] struct {
	key   K
	value V
}

// most is where a copy of a chunk still costs less than finding the way through more of
// them.
const most = 32

// owner is a transaction: what carries its mark it has made itself, and nobody else has
// seen.
type owner struct{ _ byte }

// key compares as SQLite does: strings byte by byte, the first part first.
type key[K any] interface{ compare(K) int }

type (
	one     string
	two     struct{ a, b string }
	three   struct{ a, b, c string }
	number  int64
	counted struct {
		of string
		n  int64
	}
	// none is the value of a table that is a set.
	none struct{}
)

func (k one) compare(l one) int { return strings.Compare(string(k), string(l)) }

func (k two) compare(l two) int {
	if c := strings.Compare(k.a, l.a); c != 0 {
		return c
	}
	return strings.Compare(k.b, l.b)
}

func (k three) compare(l three) int {
	if c := strings.Compare(k.a, l.a); c != 0 {
		return c
	}
	if c := strings.Compare(k.b, l.b); c != 0 {
		return c
	}
	return strings.Compare(k.c, l.c)
}

func (k number) compare(l number) int { return cmp.Compare(k, l) }

func (k counted) compare(l counted) int {
	if c := strings.Compare(k.of, l.of); c != 0 {
		return c
	}
	return cmp.Compare(k.n, l.n)
}

// find returns where a key is, or belongs.
func (t *table[K, V]) find(k K) (at, i int, found bool) {
	low, high := 0, len(t.chunks) // the last chunk that does not begin after it
	for low < high {
		if mid := int(uint(low+high) >> 1); t.chunks[mid].rows[0].key.compare(k) <= 0 {
			low = mid + 1
		} else {
			high = mid
		}
	}
	if low == 0 {
		return 0, 0, false
	}
	at = low - 1
	rows := t.chunks[at].rows
	low, high = 0, len(rows)
	for low < high {
		mid := int(uint(low+high) >> 1)
		switch c := rows[mid].key.compare(k); {
		case c == 0:
			return at, mid, true
		case c < 0:
			low = mid + 1
		default:
			high = mid
		}
	}
	return at, low, false
}

func (t *table[K, V]) get(k K) (v V, ok bool) {
	at, i, found := t.find(k)
	if !found {
		return v, false
	}
	return t.chunks[at].rows[i].value, true
}

func (t *table[K, V]) has(k K) bool {
	_, _, found := t.find(k)
	return found
}

// last returns the value of the highest key.
func (t *table[K, V]) last() (v V, ok bool) {
	if len(t.chunks) == 0 {
		return v, false
	}
	rows := t.chunks[len(t.chunks)-1].rows
	return rows[len(rows)-1].value, true
}

// from walks the rows from a key on. Values may be replaced meanwhile; nothing may be
// added or dropped.
func (t *table[K, V]) from(k K) iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		chunks := t.chunks
		at, i, _ := t.find(k)
		for ; at < len(chunks); at, i = at+1, 0 {
			rows := chunks[at].rows
			for ; i < len(rows); i++ {
				if !yield(rows[i].key, rows[i].value) {
					return
				}
			}
		}
	}
}

// all walks every row, under the terms of from.
func (t *table[K, V]) all() iter.Seq2[K, V] {
	var first K // nothing sorts before it: of no table is a key negative
	return t.from(first)
}

// backward walks every row from the end, under the terms of from.
func (t *table[K, V]) backward() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for _, c := range slices.Backward(t.chunks) {
			for _, r := range slices.Backward(c.rows) {
				if !yield(r.key, r.value) {
					return
				}
			}
		}
	}
}

func (t *table[K, V]) own(o *owner) {
	if t.of != o {
		t.chunks, t.of = append(make([]*chunk[K, V], 0, len(t.chunks)+1), t.chunks...), o
	}
}

func (t *table[K, V]) write(o *owner, at int) *chunk[K, V] {
	t.own(o)
	c := t.chunks[at]
	if c.of != o {
		c = &chunk[K, V]{of: o, rows: append(make([]row[K, V], 0, len(c.rows)+1), c.rows...)}
		t.chunks[at] = c
	}
	return c
}

// slot returns where the value of a key stands, for the transaction to write to it; nil
// if there is none.
func (t *table[K, V]) slot(o *owner, k K) *V {
	at, i, found := t.find(k)
	if !found {
		return nil
	}
	return &t.write(o, at).rows[i].value
}

func (t *table[K, V]) put(o *owner, k K, v V) {
	if len(t.chunks) == 0 {
		t.own(o)
		t.chunks = append(t.chunks, &chunk[K, V]{of: o, rows: []row[K, V]{{k, v}}})
		return
	}
	at, i, found := t.find(k)
	c := t.write(o, at)
	if found {
		c.rows[i].value = v
		return
	}
	c.rows = slices.Insert(c.rows, i, row[K, V]{k, v})
	n := len(c.rows)
	if n <= most {
		return
	}
	half := n / 2
	if at == len(t.chunks)-1 && i == n-1 { // what only grows at its end leaves full chunks behind
		half = n - 1
	}
	right := append(make([]row[K, V], 0, most), c.rows[half:]...)
	clear(c.rows[half:])
	c.rows = c.rows[:half]
	t.chunks = slices.Insert(t.chunks, at+1, &chunk[K, V]{of: o, rows: right})
}

func (t *table[K, V]) drop(o *owner, k K) bool {
	at, i, found := t.find(k)
	if !found {
		return false
	}
	if c := t.write(o, at); len(c.rows) > 1 {
		c.rows = slices.Delete(c.rows, i, i+1)
	} else {
		t.chunks = slices.Delete(t.chunks, at, at+1)
	}
	return true
}

// dropFrom drops the rows from a key on, as long as they are within, and returns their keys.
func (t *table[K, V]) dropFrom(o *owner, k K, within func(K) bool) (gone []K) {
	for k := range t.from(k) {
		if !within(k) {
			break
		}
		gone = append(gone, k)
	}
	for _, k := range gone {
		t.drop(o, k)
	}
	return gone
}

// edit changes a copy of a row, as the row itself may be part of a committed state.
func edit[K key[K], V any](t *table[K, *V], o *owner, k K, change func(*V)) bool {
	slot := t.slot(o, k)
	if slot == nil {
		return false
	}
	v := **slot
	change(&v)
	*slot = &v
	return true
}
