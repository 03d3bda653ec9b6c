// SPDX-License-Identifier: Apache-2.0

package mapping

import (
	"errors"
	"strings"
	"sync"
	"time"
)

// dateFormat is RFC 3339 in UTC with seconds: one instant has one spelling.
const dateFormat = "2006-01-02T15:04:05Z"

// dateSpec is what date() knows before it sees a value.
type dateSpec struct {
	layouts []layout
	names   string // for errors: the layouts as they were written
}

func newDateSpec(patterns []string) (*dateSpec, error) {
	if len(patterns) == 0 {
		return nil, errors.New("date needs at least one layout")
	}
	s := &dateSpec{names: `"` + strings.Join(patterns, `", "`) + `"`}
	for _, p := range patterns {
		l, err := parseLayout(p)
		if err != nil {
			return nil, &layoutError{pattern: p, err: err}
		}
		s.layouts = append(s.layouts, l)
	}
	return s, nil
}

type layoutError struct {
	pattern string
	err     error
}

func (e *layoutError) Error() string { return "date layout \"" + e.pattern + "\": " + e.err.Error() }
func (e *layoutError) Unwrap() error { return e.err }

// parse turns text into RFC 3339, or blank text into "". Where the text names no
// offset of its own it is a time in loc.
func (s *dateSpec) parse(text string, loc *time.Location) (string, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return "", nil
	}
	verdict := errShape
	for _, l := range s.layouts {
		c, err := l.parse(text)
		if err == nil {
			return c.format(loc)
		}
		if errors.Is(err, errNoSuchDate) {
			verdict = err
		}
	}
	if errors.Is(verdict, errNoSuchDate) {
		return "", &valueError{"date: there is no such date or time (layouts: " + s.names + ")"}
	}
	return "", &valueError{"date: the text has none of the layouts " + s.names}
}

func (c *clock) format(loc *time.Location) (string, error) {
	if c.hasOffset {
		loc = time.UTC
	}
	t := time.Date(c.year, time.Month(c.month), c.day, c.hour, c.minute, c.second, 0, loc)
	if t.Day() != c.day {
		// A day that begins at 01:00: Go goes back from the midnight that is not there.
		if _, end := t.ZoneBounds(); !end.IsZero() {
			t = end
		}
	}
	if c.hasOffset {
		t = t.Add(-time.Duration(c.offset) * time.Second)
	}
	return formatDate("date", t)
}

func formatDate(fn string, t time.Time) (string, error) {
	t = t.UTC()
	if y := t.Year(); y < 1 || y > 9999 {
		return "", &valueError{fn + ": the year leaves 1 to 9999"}
	}
	return t.Format(dateFormat), nil
}

// parseDateText reads what date() wrote, or a bare date.
func parseDateText(fn, text string, loc *time.Location) (time.Time, bool, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return time.Time{}, false, nil
	}
	c, err := parseISO(text)
	if err != nil {
		return time.Time{}, false, &valueError{fn + ": the text is no date; make it one with date()"}
	}
	out, err := c.format(loc)
	if err != nil {
		return time.Time{}, false, err
	}
	t, err := time.Parse(time.RFC3339, out)
	if err != nil {
		return time.Time{}, false, &valueError{fn + ": the text is no date; make it one with date()"}
	}
	return t.In(loc), true, nil
}

// endOfDay is the last second of the day, in loc, that the instant falls on.
func endOfDay(text string, loc *time.Location) (string, error) {
	t, ok, err := parseDateText("endOfDay", text, loc)
	if !ok {
		return "", err
	}
	// The day after, less a second: right also where a day has 23 or 25 hours.
	next := time.Date(t.Year(), t.Month(), t.Day()+1, 0, 0, 0, 0, loc)
	if next.Day() == t.Day() {
		// A day that begins at 01:00: Go goes back from the midnight that is not there.
		if _, end := next.ZoneBounds(); !end.IsZero() {
			next = end
		}
	}
	return formatDate("endOfDay", next.Add(-time.Second))
}

// maxDays keeps addDays inside what time.Date can count.
const maxDays = 10_000 * 366

// addDays moves by calendar days in loc, so that a clock change in between does
// not move the hour.
func addDays(text string, n int64, loc *time.Location) (string, error) {
	t, ok, err := parseDateText("addDays", text, loc)
	if !ok {
		return "", err
	}
	if n > maxDays || n < -maxDays {
		return "", &valueError{"addDays: too many days"}
	}
	return formatDate("addDays", t.AddDate(0, 0, int(n)))
}

// zones caches time zones by name; loading one costs a search in the embedded
// database. The cache is bounded by the names that exist.
type zones struct{ byName sync.Map }

func (z *zones) load(name string) (*time.Location, error) {
	if loc, ok := z.byName.Load(name); ok {
		return loc.(*time.Location), nil
	}
	// "Local" would make the result depend on the machine.
	if name == "Local" || name == "local" || len(name) > 64 {
		return nil, errZone
	}
	if name == "" || name == "UTC" {
		return time.UTC, nil
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, errZone
	}
	z.byName.Store(name, loc)
	return loc, nil
}

var errZone = &valueError{"there is no such time zone; name one as in \"Europe/Berlin\""}
