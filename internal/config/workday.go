// SPDX-License-Identifier: Apache-2.0

package config

import "time"

// Workday is how the workers of a tenant are read by its SOAP.
type Workday struct {
	Pos      Position `json:"-"`
	Ahead    Duration `json:"ahead"` // whole days
	PageSize int      `json:"page_size"`
}

// MakerWorkday is the type whose sources are read so.
const MakerWorkday = "workday"

const (
	defaultAhead    = Duration(90 * 24 * time.Hour)
	longestAhead    = 366 * 24 * time.Hour
	defaultWorkers  = 100
	mostWorkersPage = 999
)

func (d *decoder) workday(n *node, what string) *Workday {
	what = "workday of " + what
	w := &Workday{Pos: n.pos, Ahead: defaultAhead, PageSize: defaultWorkers}
	d.section(n, what, n.pos,
		field{key: "ahead", read: func(n *node) { set(&w.Ahead)(d.duration(n, "ahead of "+what, 24*time.Hour, longestAhead)) }},
		field{key: "page_size", read: func(n *node) {
			if v, ok := d.number(n, "page_size of "+what, 1, mostWorkersPage, true); ok {
				w.PageSize = int(v)
			}
		}},
	)
	return w
}

// workdayChecked holds that a source of type workday is one, and no other.
func (d *decoder) workdayChecked(s Source, what string) {
	w, of := s.HTTP.Workday, s.Maker == MakerWorkday
	switch {
	case w == nil:
	case !of:
		d.fail(w.Pos, "workday of "+what+" is for type: workday", "remove it")
	case s.HTTP.Auth != nil && s.HTTP.Auth.Kind != AuthBasic:
		d.fail(s.HTTP.Auth.Pos, "auth of "+what+" must be basic", "the user NAME@TENANT and the password of an integration system user")
	}
}
