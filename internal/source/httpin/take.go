// SPDX-License-Identifier: Apache-2.0

package httpin

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/usher-id/usher/internal/jsonpath"
)

// Take is which value of a column counts, where its path leads to several: of somebody who
// has several jobs.
type Take string

// The values of Take. A day is written as 2026-11-30, and a time as RFC 3339 has it.
const (
	TakeFirst    Take = ""         // the first that is not null
	TakeEarliest Take = "earliest" // of those that are there
	// TakeLatest is none if one of the items has none: a job without an end does not end,
	// whatever others do.
	TakeLatest Take = "latest"
)

func (c Column) check() error {
	switch c.Take {
	case TakeFirst:
		return nil
	case TakeEarliest, TakeLatest:
		if _, _, ok := c.Path.Items(); ok {
			return nil
		}
		return fmt.Errorf("column %s takes the %s, and its path leads to one value: write [*] behind the list, as in jobs[*].end", c.Name, c.Take)
	}
	return fmt.Errorf("column %s cannot take %q", c.Name, c.Take)
}

// cell is what a record says for a column.
type cell struct {
	text  string
	there bool   // its path leads somewhere, be it to null
	empty bool   // to null, or to a text of nothing: it is said that there is none
	wrong string // what is wrong with what is there
}

// of is what a record says for a column.
func (c Column) of(v *jsonpath.Value) (out cell) {
	if c.Take == TakeFirst {
		out.text, out.there = v.First(c.Path)
		out.empty = out.there && out.text == ""
		return out
	}
	list, rest, _ := c.Path.Items() // few records have many
	var best time.Time
	open := false
	items := v.Find(list)
	for _, item := range items {
		one, has := item.First(rest)
		has = has || item.NullOn(rest)
		out.there = out.there || has
		if one = strings.TrimSpace(one); one == "" {
			open, out.empty = true, out.empty || has
			continue
		}
		at, err := day(one)
		if err != nil {
			return cell{there: out.there, wrong: "one of its values " + err.Error()}
		}
		if out.text == "" || c.Take == TakeEarliest && at.Before(best) || c.Take == TakeLatest && at.After(best) {
			out.text, best = one, at
		}
	}
	switch {
	case len(items) == 0 && !c.Optional:
		// Nothing is told of them, which says neither that they begin nor that they stay.
		out.wrong = "there is no item at " + list.String()
	case open && c.Take == TakeLatest:
		out.text = ""
	}
	return out
}

// day reads a day or a time.
func day(text string) (time.Time, error) {
	if at, err := time.Parse(time.DateOnly, text); err == nil {
		return at, nil
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return at, errors.New("is neither a day such as 2026-11-30 nor a time as RFC 3339 has it")
	}
	return at, nil
}
