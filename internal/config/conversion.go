// SPDX-License-Identifier: Apache-2.0

package config

import (
	"slices"
	"time"
)

// Conversion is what becomes of somebody who gets a new record at the source, as a
// contractor does who becomes an employee.
type Conversion struct {
	Pos  Position `json:"-"`
	Rule string   `json:"rule"` // ConversionNew or ConversionLink
	// Column holds an id of the human, which all their records have.
	Column  Text     `json:"column,omitzero"`
	Overlap Duration `json:"overlap"` // for how long nobody may work between two records
}

// The values of Conversion.Rule.
const (
	ConversionNew  = "new"  // the new record is somebody new
	ConversionLink = "link" // it is the same person
)

const (
	usualGap    = Duration(7 * 24 * time.Hour)
	shortestGap = 24 * time.Hour // an end of a day and the beginning of the next are not one instant
	longestGap  = 90 * 24 * time.Hour
)

func (d *decoder) conversion(n *node, what string) *Conversion {
	what = "conversion of " + what
	c := &Conversion{Pos: n.pos, Rule: ConversionNew, Overlap: usualGap}
	d.section(n, what, n.pos,
		field{key: "rule", read: func(n *node) {
			if t, ok := d.choice(n, "rule of "+what, ConversionNew, ConversionLink); ok {
				c.Rule = t.Value
			}
		}},
		field{key: "column", read: func(n *node) { c.Column, _ = d.text(n, "column of "+what) }},
		field{key: "overlap", read: func(n *node) {
			set(&c.Overlap)(d.duration(n, "overlap of "+what, shortestGap, longestGap))
		}},
	)
	return c
}

// convertible checks that what tells who is the same is a column of the source.
func (d *decoder) convertible(s Source) {
	c := s.Conversion
	switch {
	case c == nil:
	case c.Rule == ConversionLink && c.Column.IsZero():
		d.fail(c.Pos, "conversion of source "+s.Name+" has no column", "which holds an id of the human that all their records have: never a name, or an address")
	case !c.Column.IsZero() && !slices.ContainsFunc(s.Columns, func(t Text) bool { return t.Value == c.Column.Value }):
		d.fail(c.Column.Pos, quote(c.Column.Value)+" in conversion is no column of source "+s.Name, "")
	case c.Rule == ConversionLink && c.Column.Value == s.Key.Value:
		d.fail(c.Column.Pos, "conversion of source "+s.Name+" has its key as the column, which no two records share", "")
	case c.Rule == ConversionLink && len(s.Match) > 0 && s.Unmatched != UnmatchedFound:
		d.fail(c.Pos, "conversion of source "+s.Name+" has no use: its rows only add to people", "remove it, or write unmatched: found")
	}
}

// Linked reports whether records of one human are one person.
func (s Source) Linked() bool { return s.Conversion != nil && s.Conversion.Rule == ConversionLink }
