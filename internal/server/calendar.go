// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"slices"
	"time"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/store"
)

// Date is something that the calendar brings by itself.
type Date struct {
	At     time.Time       `json:"at"` // in the zone of whom it concerns
	Person string          `json:"person"`
	Who    string          `json:"userName"`
	What   string          `json:"what"` // starts, ends, leave, returns, delete
	From   directory.State `json:"from,omitempty"`
	To     directory.State `json:"to,omitempty"`
	Apps   []string        `json:"apps"` // where it shows
	// Overdue says that its time has come and it has not happened: it is held,
	// or no engine has run since.
	Overdue bool `json:"overdue,omitzero"`
}

// mostDates bounds a calendar.
const mostDates = 10_000

// Calendar returns what dates will bring in the days ahead, the earliest first.
func (u *Usher) Calendar(ctx context.Context, days int) ([]Date, error) {
	now := u.now()
	until := now.AddDate(0, 0, days)
	cal := directory.Calendar{Now: now, PreHire: time.Duration(u.Config.Calendar.PrehireDays) * 24 * time.Hour}
	zone, err := u.Config.Calendar.Location()
	if err != nil {
		return nil, err
	}
	dates := []Date{}
	err = u.db.Read(ctx, func(r store.Reader) error {
		people, err := r.Ahead(ctx, until, mostDates)
		if err != nil {
			return err
		}
		ids := make([]string, len(people))
		for i, p := range people {
			ids[i] = p.ID
		}
		live, err := r.LiveAt(ctx, ids)
		if err != nil {
			return err
		}
		for _, p := range people {
			of, err := u.datesOf(cal, p, until, live[p.ID])
			if err != nil {
				return err
			}
			dates = append(dates, of...)
		}
		waking, err := r.Waking(ctx, until, mostDates)
		for _, w := range waking {
			dates = append(dates, Date{
				At: w.At.In(zone), Person: w.Person.ID, Who: w.Person.UserName(), What: "delete", Apps: []string{w.App}, Overdue: !w.At.After(now),
			})
		}
		return err
	})
	slices.SortStableFunc(dates, func(a, b Date) int { return a.At.Compare(b.At) })
	return dates, err
}

func (u *Usher) datesOf(cal directory.Calendar, p *directory.Person, until time.Time, live []string) ([]Date, error) {
	from := cal
	overdue := !p.Next.After(cal.Now)
	if overdue { // what should have happened at Next has not
		from.Now = p.Next.Add(-time.Nanosecond)
	}
	changes, err := directory.Ahead(from, p, until)
	var dates []Date
	for _, c := range changes {
		d := Date{At: c.At, Person: p.ID, Who: p.UserName(), From: c.From, To: c.To, Apps: []string{}, Overdue: !c.At.After(cal.Now)}
		switch {
		case c.To == directory.Leaver && c.From == directory.Staged:
			d.What = "ends"
		case c.To == directory.Leaver:
			d.What, d.Apps = "ends", append(d.Apps, live...)
		case c.From == directory.Staged:
			d.What = "starts"
			for _, t := range u.Targets { // whom the scope keeps out is known when the day has come
				d.Apps = append(d.Apps, t.Name)
			}
		case c.To == directory.OnLeave:
			d.What = "leave"
		default:
			d.What = "returns"
		}
		dates = append(dates, d)
	}
	return dates, err
}
