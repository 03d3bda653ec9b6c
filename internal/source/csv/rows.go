// SPDX-License-Identifier: Apache-2.0

package csv

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/usher-id/usher/internal/source"
)

// rows takes records, keeps the good ones and says what is wrong with the others.
type rows struct {
	lay      *layout
	lim      Limits
	header   bool // is read
	count    int
	pack     source.Packer
	good     []source.Row // packed, once all are read
	bad      []source.Reject
	seen     map[string][]int // key → lines, of rows that are set aside although their key is sure
	repeated map[string][]int // key → all its lines, if there are several
	keyless  []int            // lines of rows whose key is unsure
	changes  bool             // of the rows of a key the last one counts
	outdone  int              // rows that a later one of their key has outdone
	values   [][]byte         // of the row at hand
}

func newRows(lay *layout, lim Limits) *rows {
	return &rows{lay: lay, lim: lim, seen: map[string][]int{}, repeated: map[string][]int{}, values: make([][]byte, len(lay.values))}
}

func (c *rows) add(r *record) error {
	if !c.header {
		c.header = true
		return nil
	}
	c.count++
	if c.count > c.lim.MaxRows {
		return fmt.Errorf("the file has more than %d rows", c.lim.MaxRows)
	}
	if reject, unsure := c.structure(r); reject.Reason != "" {
		c.bad = append(c.bad, reject)
		if unsure {
			c.keyless = append(c.keyless, r.line)
		}
		return nil
	}
	c.take(r)
	return nil
}

// structure looks at the record as a whole, and at its key. unsure means that nobody can tell whose row it is.
func (c *rows) structure(r *record) (reject source.Reject, unsure bool) {
	reject = source.Reject{Line: r.line, Column: r.faultAt}
	switch r.fault {
	case faultStray:
		reject.Reason = "text after a closing quote"
		return reject, true
	case faultOpen:
		reject.Reason = fmt.Sprintf("a quote that begins in line %d is never closed; it swallowed all up to line %d", r.faultLine, r.lastLine)
		return reject, true
	case faultSwallowed:
		reject.Reason = fmt.Sprintf("a quote that begins in line %d seems to have swallowed rows up to line %d", r.faultLine, r.lastLine)
		return reject, true
	case faultTooLong:
		return c.tooLong(r, reject)
	case faultNone:
	}
	if r.fields != c.lay.fields {
		reject.Reason = fmt.Sprintf("%s where the header has %d", count(r.fields, "field"), c.lay.fields)
		return reject, true
	}
	if reason := source.BadKey(c.key(r), c.lim.MaxField); reason != "" {
		reject.Column, reject.Field, reject.Reason = c.lay.at[c.lay.key], c.lay.names[c.lay.key], reason
		return reject, true
	}
	return reject, false
}

// tooLong knows whose the row is if the key stood before the limit, and no quote ran on over several lines.
func (c *rows) tooLong(r *record, reject source.Reject) (source.Reject, bool) {
	reject.Reason = fmt.Sprintf("longer than %d bytes", c.lim.MaxRow)
	if r.lastLine != r.line {
		reject.Reason += fmt.Sprintf("; a quote runs on from line %d to line %d", r.faultLine, r.lastLine)
		return reject, true
	}
	if r.fields != c.lay.fields || r.faultAt <= c.lay.at[c.lay.key] || source.BadKey(c.key(r), c.lim.MaxField) != "" {
		return reject, true
	}
	reject.Key = string(c.key(r))
	c.seen[reject.Key] = append(c.seen[reject.Key], r.line)
	return reject, false
}

func (c *rows) key(r *record) []byte {
	return bytes.TrimFunc(text(r, c.lay.key), source.IsBlank)
}

func text(r *record, slot int) []byte {
	s := r.spans[slot]
	return r.text[s.from:s.to]
}

// take keeps a row whose key is sure, or says what is wrong with one of its values.
func (c *rows) take(r *record) {
	for _, slot := range c.lay.values {
		if slot < 0 || slot == c.lay.key {
			continue
		}
		if reason := source.BadText(text(r, slot), c.lim.MaxField); reason != "" {
			key := string(c.key(r))
			c.seen[key] = append(c.seen[key], r.line)
			c.bad = append(c.bad, source.Reject{
				Line: r.line, Column: c.lay.at[slot], Field: c.lay.names[slot], Key: key, Reason: reason,
			})
			return
		}
	}
	key := c.key(r)
	for i, slot := range c.lay.values {
		switch {
		case slot == c.lay.key:
			c.values[i] = key
		case slot >= 0:
			c.values[i] = text(r, slot)
		default:
			c.values[i] = nil
		}
	}
	c.pack.Add(r.line, key, c.values)
}

// findRepeated finds the keys that occur more than once.
func (c *rows) findRepeated() {
	order := make([]int32, len(c.good))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int {
		return cmp.Or(strings.Compare(c.good[a].Key, c.good[b].Key), cmp.Compare(a, b))
	})
	for i, at := range order {
		row := c.good[at]
		last := i > 0 && c.good[order[i-1]].Key == row.Key
		next := i+1 < len(order) && c.good[order[i+1]].Key == row.Key
		if last || next || len(c.seen) > 0 && len(c.seen[row.Key]) > 0 {
			c.repeated[row.Key] = append(c.repeated[row.Key], row.Line)
		}
	}
	for key, at := range c.seen {
		if len(at)+len(c.repeated[key]) > 1 {
			c.repeated[key] = append(c.repeated[key], at...)
			slices.Sort(c.repeated[key])
		}
	}
}

// settle sets the rows of repeated keys aside, puts the rejects in the order of lines and says whether the file is complete.
func (c *rows) settle(proof *source.Proof) ([]source.Row, []source.Reject) {
	c.good = c.pack.Rows()
	c.findRepeated()
	switch {
	case len(c.repeated) == 0:
	case c.changes:
		c.keepLast()
	default:
		c.setRepeatedAside()
	}
	proof.Rows, proof.Rejected = len(c.good), len(c.bad)
	proof.Complete = len(c.keyless) == 0
	if !proof.Complete {
		word := "have"
		if len(c.keyless) == 1 {
			word = "has"
		}
		proof.Reason = fmt.Sprintf("%s %s no key that can be read for sure: %s", count(len(c.keyless), "row"), word, lines(c.keyless, 0))
	}
	return c.good, c.bad
}

// keepLast drops the rows that a later good row of their key has outdone.
func (c *rows) keepLast() {
	last := make(map[string]int, len(c.repeated))
	for _, row := range c.good {
		if _, ok := c.repeated[row.Key]; ok {
			last[row.Key] = row.Line
		}
	}
	c.good = slices.DeleteFunc(c.good, func(row source.Row) bool {
		line, ok := last[row.Key]
		old := ok && line != row.Line
		if old {
			c.outdone++
		}
		return old
	})
}

func (c *rows) setRepeatedAside() {
	for i := range c.bad {
		b := &c.bad[i]
		if at, ok := c.repeated[b.Key]; ok && b.Key != "" {
			b.Reason += "; and " + repeats(at, b.Line)
		}
	}
	c.good = slices.DeleteFunc(c.good, func(row source.Row) bool {
		at, ok := c.repeated[row.Key]
		if ok {
			c.bad = append(c.bad, source.Reject{
				Line: row.Line, Column: c.lay.at[c.lay.key], Field: c.lay.names[c.lay.key], Key: row.Key, Reason: repeats(at, row.Line),
			})
		}
		return ok
	})
	slices.SortFunc(c.bad, func(a, b source.Reject) int { return cmp.Compare(a.Line, b.Line) })
}

func repeats(at []int, line int) string {
	return fmt.Sprintf("the key occurs %d times, also in %s", len(at), lines(at, line))
}

// lines names lines, without one of them, and not too many: a file of nothing but one key would say n² of them.
func lines(at []int, without int) string {
	const most = 10
	others := len(at)
	if _, ok := slices.BinarySearch(at, without); ok {
		others--
	}
	var named []string
	for _, line := range at[:min(len(at), most+1)] {
		if line != without && len(named) < most {
			named = append(named, strconv.Itoa(line))
		}
	}
	s := "lines " + strings.Join(named, ", ")
	if others == 1 {
		s = "line " + named[0]
	}
	if more := others - len(named); more > 0 {
		s += fmt.Sprintf(" and %d more", more)
	}
	return s
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
