// SPDX-License-Identifier: Apache-2.0

package csv

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/usher-id/usher/internal/source"
)

// layout is where in a row the columns are.
type layout struct {
	delim  byte
	fields int   // of the header
	slots  []int // by field: the slot, or -1
	names  []string
	at     []int // by slot: the 1-based field
	key    int   // slot of the key
	values []int // by column that is read: its slot, or -1 if the file lacks it
}

// findLayout reads the header out of the start of the text. With whole, the start is all there is.
func findLayout(head []byte, whole bool, c *Config) (*layout, error) {
	// Always the same bytes, however large the pieces are in which the file came.
	if most := c.Limits.MaxRow + 1; len(head) > most {
		head, whole = head[:most], false
	}
	delims := []byte{',', ';', '\t', '|'}
	if c.Delimiter != 0 {
		delims = []byte{byte(c.Delimiter)}
	}
	var best *header
	for _, delim := range delims {
		h := readHeader(head, whole, delim, c)
		if best == nil || h.score > best.score || h.score == best.score && h.fault < best.fault {
			best = h
		}
	}
	if !best.found && !whole {
		best.fault = faultTooLong
	}
	if err := best.check(c); err != nil {
		return nil, err
	}
	return best.layout(c), nil
}

// header is the first record under one delimiter.
type header struct {
	delim byte
	names []string
	found bool
	fault fault
	score int // declared columns in it
}

func readHeader(head []byte, whole bool, delim byte, c *Config) *header {
	h := &header{delim: delim}
	var p *parser
	p = newParser(delim, c.Limits.MaxRow, func(r *record) error {
		h.found, h.fault, p.done = true, r.fault, true
		for _, s := range r.spans {
			name := strings.TrimFunc(string(r.text[s.from:s.to]), source.IsBlank)
			h.names = append(h.names, name)
		}
		return nil
	})
	// The parser's only errors are those of emit, and this one has none.
	_ = p.feed(head)
	if whole {
		_, _ = p.finish()
	}
	for _, name := range c.Columns {
		if slices.Contains(h.names, name) {
			h.score++
		}
	}
	return h
}

func (h *header) check(c *Config) error {
	switch {
	case h.fault == faultTooLong:
		return fmt.Errorf("the header is longer than %d bytes", c.Limits.MaxRow)
	case !h.found:
		return errors.New("the file holds no header line")
	case h.fault == faultOpen:
		return errors.New("a quote in the header is never closed")
	case h.fault != faultNone:
		return errors.New("a quoted name in the header is followed by text")
	case len(h.names) > c.Limits.MaxColumns:
		return fmt.Errorf("the header has %d columns, more than %d", len(h.names), c.Limits.MaxColumns)
	}
	for _, name := range h.names {
		if strings.ContainsRune(name, 0) {
			return errors.New("the header holds NUL: if the file is UTF-16 without a byte order mark, set the encoding")
		}
	}
	if err := h.missing(c); err != nil {
		return err
	}
	seen := make(map[string]int, len(h.names))
	for i, name := range h.names {
		if first, ok := seen[name]; ok && name != "" {
			return fmt.Errorf("the header has the column %s twice, as columns %d and %d", printable(name), first, i+1)
		}
		seen[name] = i + 1
	}
	return nil
}

// missing names the required columns that are not there. The header's own names are told only if one of them is declared:
// a file without a header begins with a person.
func (h *header) missing(c *Config) error {
	var lost []string
	for _, name := range c.Columns {
		if (name == c.Key || slices.Contains(c.Required, name)) && !slices.Contains(h.names, name) {
			lost = append(lost, name)
		}
	}
	if len(lost) == 0 {
		return nil
	}
	if h.score == 0 {
		return fmt.Errorf("no declared column stands in the first line (wanted: %s); is there a header, and is the delimiter right?",
			strings.Join(c.Columns, ", "))
	}
	var says []string
	for _, name := range lost {
		say := printable(name)
		if near := closest(name, h.names, c.Columns); near != "" {
			say += fmt.Sprintf(" (did you mean %s?)", printable(near))
		}
		says = append(says, say)
	}
	word := "column"
	if len(lost) > 1 {
		word = "columns"
	}
	return fmt.Errorf("the file lacks the %s %s; it has %s", word, strings.Join(says, ", "), list(h.names))
}

func (h *header) layout(c *Config) *layout {
	l := &layout{delim: h.delim, fields: len(h.names), slots: make([]int, len(h.names))}
	for i := range l.slots {
		l.slots[i] = -1
	}
	slot := func(name string) int {
		i := slices.Index(h.names, name)
		if i < 0 {
			return -1
		}
		if l.slots[i] < 0 {
			l.slots[i] = len(l.names)
			l.names, l.at = append(l.names, name), append(l.at, i+1)
		}
		return l.slots[i]
	}
	l.key = slot(c.Key)
	for _, name := range c.kept() {
		l.values = append(l.values, slot(name))
	}
	return l
}

// fieldsOf numbers the columns that are read, as a spreadsheet counts.
func (l *layout) fieldsOf() []int {
	out := make([]int, len(l.values))
	for i, slot := range l.values {
		if slot >= 0 {
			out[i] = l.at[slot]
		}
	}
	return out
}

func list(names []string) string {
	const most = 50
	var b strings.Builder
	for i, name := range names {
		if i == most {
			fmt.Fprintf(&b, " and %d more", len(names)-most)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(printable(name))
	}
	return b.String()
}

// printable quotes a name so that nothing in it can act on a terminal.
func printable(name string) string {
	if r := []rune(name); len(r) > 64 {
		name = string(r[:64]) + "…"
	}
	return fmt.Sprintf("%+q", name)
}

// closest finds the name that is most likely meant: not one that is declared itself, and not too far off.
func closest(name string, names, declared []string) string {
	best, least := "", max(1, len(name)/3)+1
	for _, n := range names {
		if n == "" || len(n) > 64 || slices.Contains(declared, n) {
			continue
		}
		if d := distance(fold(name), fold(n)); d < least {
			best, least = n, d
		}
	}
	return best
}

// fold makes "First Name" and "first_name" equal.
func fold(s string) string {
	return strings.NewReplacer("_", "", "-", "", " ", "", ".", "").Replace(strings.ToLower(s))
}

// distance counts what was mistyped: letters added, left out, changed, or swapped with their neighbour.
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			cost := last[j]
			if a[i] != b[j] {
				cost++
			}
			row[j+1] = min(cost, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
