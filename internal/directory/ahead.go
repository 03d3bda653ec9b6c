// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"fmt"
	"slices"
	"time"

	"github.com/usher-id/usher/scim"
)

// Change is what a date alone will make of a person.
type Change struct {
	At       time.Time // in the zone in which the date was stated, or the person's own
	From, To State
}

// Ahead returns the changes that a person's dates bring in (c.Now, until], the
// earliest first. Somebody who is Missing, or was never accepted as gone, gains
// nothing by a date: theirs are told as if they were not.
func Ahead(c Calendar, p *Person, until time.Time) ([]Change, error) {
	f, err := p.facts()
	if err != nil {
		return nil, fmt.Errorf("person %s: %w", p.ID, err)
	}
	if !f.start.IsZero() {
		f.start = f.start.Add(-c.PreHire)
	}
	zone := zoneOf(p.User)
	at := func(now time.Time) State {
		s, _, _ := derive(Calendar{Now: now}, f)
		return s
	}
	var out []Change
	for _, t := range []time.Time{f.start, f.end, f.leaveStart, f.leaveEnd} {
		if !t.After(c.Now) || t.After(until) {
			continue
		}
		before, after := at(t.Add(-time.Nanosecond)), at(t)
		if before == after || slices.ContainsFunc(out, func(o Change) bool { return o.At.Equal(t) }) {
			continue
		}
		if zone != nil {
			t = t.In(zone)
		}
		out = append(out, Change{t, before, after})
	}
	slices.SortFunc(out, func(a, b Change) int { return a.At.Compare(b.At) })
	return out, nil
}

// zoneOf is the person's own time zone (RFC 7643 §4.1.1), nil if none is stated
// that is known.
func zoneOf(u *scim.Resource) *time.Location {
	v, _ := u.Get("timezone")
	name, _ := v.AsString()
	if name == "" || name == "Local" {
		return nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil
	}
	return zone
}
