// SPDX-License-Identifier: Apache-2.0

package httpin

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"github.com/usher-id/usher/internal/jsonpath"
	"github.com/usher-id/usher/internal/source"
)

// rows takes records, keeps the good ones and says what is wrong with the others, as
// package csv does with those of a file.
type rows struct {
	l       *List
	pack    source.Packer
	bad     []source.Reject
	seen    map[string]sighting
	clash   map[string]bool // keys that came with different records
	twice   int             // records of a key that had come before
	first   string          // the first such key
	keyless int
	where   string         // the first record without a key that can be read
	has     []bool         // by column: some record has it
	tells   bool           // some record says of something that there is none
	lacking map[string]int // of records that were kept: a column that is not optional, and that they lack
	details *details       // of these records; nil: none
	count   int
	noted   int      // records of which all is known
	values  [][]byte // of the record at hand
}

// sighting is a record that had a key.
type sighting struct {
	sum [32]byte
	bad bool
}

func (l *List) newRows() *rows {
	return &rows{l: l, seen: map[string]sighting{}, clash: map[string]bool{}, lacking: map[string]int{}, has: make([]bool, len(l.Columns)), values: make([][]byte, len(l.Columns))}
}

// add takes a record, and the number of its page.
func (r *rows) add(raw []byte, page int) error {
	if key, v := r.read(raw, page); v != nil {
		r.note(v)
		r.take(key, v)
	}
	return nil
}

// read reads a record and its key, or sets it aside and returns nil.
func (r *rows) read(raw []byte, page int) (key string, v *jsonpath.Value) {
	r.count++
	v, err := jsonpath.Parse(raw)
	switch {
	case err != nil:
		r.lost(page, "it cannot be read: "+err.Error())
		return "", nil
	case v.Kind != '{':
		r.lost(page, "it is no object")
		return "", nil
	}
	key, reason := r.l.key(v)
	if reason != "" {
		r.lost(page, reason)
		return "", nil
	}
	return key, v
}

// lost sets a record aside of which nobody can tell whose it is.
func (r *rows) lost(page int, reason string) {
	r.keyless++
	where := fmt.Sprintf("record %d", r.count)
	if r.l.Paging.Kind != PagingNone {
		where += fmt.Sprintf(", on page %d", page)
	}
	r.where = cmp.Or(r.where, where)
	r.bad = append(r.bad, source.Reject{Reason: where + ": " + reason})
}

// note takes in which columns a record has, with all that is told of it.
func (r *rows) note(v *jsonpath.Value) {
	r.noted++
	for i, c := range r.l.Columns {
		if r.has[i] && r.tells {
			continue
		}
		said := c.of(v)
		r.has[i], r.tells = r.has[i] || said.there, r.tells || said.empty
	}
}

// key is the key of a record, or what is wrong with it.
func (l *List) key(v *jsonpath.Value) (key, reason string) {
	found := v.Find(l.Key)
	switch {
	case len(found) == 0:
		return "", "it has no key: " + l.Key.String() + " is not there"
	case !found[0].Simple():
		return "", "the key at " + l.Key.String() + " is neither text nor a number"
	}
	text := strings.TrimFunc(found[0].String(), source.IsBlank)
	return text, source.BadKey([]byte(text), source.MaxField)
}

// take keeps a record whose key is sure, or says what is wrong with one of its values.
func (r *rows) take(key string, v *jsonpath.Value) {
	var bad *source.Reject
	lacks := -1
	for i, c := range r.l.Columns {
		said := c.of(v)
		text := said.text
		if !said.there && !c.Optional && lacks < 0 {
			lacks = i
		}
		if c.Path.String() == r.l.Key.String() {
			text = key
		} else if reason := cmp.Or(said.wrong, source.BadText([]byte(text), source.MaxField)); reason != "" && bad == nil {
			bad = &source.Reject{Field: c.Name, Key: key, Reason: c.Name + ": " + reason}
		}
		r.values[i] = []byte(text)
	}
	if !r.met(key, sighting{sha256.Sum256(fmt.Appendf(nil, "%q", r.values)), bad != nil}) {
		return
	}
	if bad != nil {
		r.bad = append(r.bad, *bad)
		return
	}
	if lacks >= 0 {
		r.lacking[key] = lacks
	}
	r.pack.Add(0, []byte(key), r.values) // a list has no lines, and its order means nothing
}

// reject sets a record aside whose key is sure.
func (r *rows) reject(key, reason string) {
	if r.met(key, sighting{bad: true}) {
		r.bad = append(r.bad, source.Reject{Key: key, Reason: reason})
	}
}

// met notes that a key came, and reports whether that is the first time.
func (r *rows) met(key string, now sighting) bool {
	before, there := r.seen[key]
	if !there {
		r.seen[key] = now
		return true
	}
	r.first = cmp.Or(r.first, key)
	r.twice++
	r.clash[key] = r.clash[key] || before.sum != now.sum || before.bad
	return false
}

// hidden are the columns that no record has and that are not optional.
func (r *rows) hidden() (names []string) {
	if r.noted == 0 { // of nobody nothing is known
		return nil
	}
	for i, c := range r.l.Columns {
		if !r.has[i] && !c.Optional {
			names = append(names, fmt.Sprintf("%s (%s)", c.Name, c.Path))
		}
	}
	return names
}

// doubt notes in a walk what of its records leaves it open whether these were all.
func (r *rows) doubt(w *walk) {
	if r.keyless > 0 {
		word := "record has"
		if r.keyless > 1 {
			word = "records have"
		}
		w.doubt("%d %s no key that can be read for sure, the first is %s", r.keyless, word, r.where)
	}
	if r.twice > 0 {
		w.doubt("the key %s came more than once (%d records too many): the list moved while it was read, or key is not what tells people apart", r.first, r.twice)
	}
}

// setLackingAside sets records aside that lack a column which others have and which is not
// optional: it may be hidden from us of them alone, and were it their end they would be back.
// A system that never says of anything that there is none, though, leaves out what is
// empty; it is believed.
func (r *rows) setLackingAside(good []source.Row) []source.Row {
	if !r.tells || len(r.lacking) == 0 {
		return good
	}
	return slices.DeleteFunc(good, func(row source.Row) bool {
		i, lacks := r.lacking[row.Key]
		if lacks && !r.clash[row.Key] {
			c := r.l.Columns[i]
			r.bad = append(r.bad, source.Reject{Field: c.Name, Key: row.Key, Reason: fmt.Sprintf("%s: there is no %s, which others have: may this credential not see it of this one? If it is left out where it is empty, list %s under optional", c.Name, c.Path, c.Name)})
		}
		return lacks
	})
}

// done returns the rows. Keys that came with different records are set aside; their
// people are as they were.
func (r *rows) done() (good []source.Row, bad []source.Reject) {
	good = r.setLackingAside(r.pack.Rows())
	if len(r.clash) > 0 {
		good = slices.DeleteFunc(good, func(row source.Row) bool { return r.clash[row.Key] })
		for key := range r.clash {
			if s := r.seen[key]; !s.bad {
				r.bad = append(r.bad, source.Reject{Key: key, Reason: "the key occurs more than once, with different records"})
			}
		}
		slices.SortFunc(r.bad, func(a, b source.Reject) int { return strings.Compare(a.Key, b.Key) })
	}
	return good, r.bad
}

// fingerprint identifies what a read says, in whatever order.
func fingerprint(all []source.Row) (sum [32]byte) {
	var b bytes.Buffer
	for _, r := range all {
		b.Reset()
		fmt.Fprintf(&b, "%q %q", r.Key, r.Values())
		one := sha256.Sum256(b.Bytes())
		for i := range sum {
			sum[i] ^= one[i]
		}
	}
	return sum
}
