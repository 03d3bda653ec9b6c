// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"testing"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/server"
)

// TestDaysBeginWhereThePersonIs walks through the hours around a first and a last
// day: the person's own time zone counts, then the calendar's.
func TestDaysBeginWhereThePersonIs(t *testing.T) {
	in(t, func(w *world) {
		w.edit("time_zone: UTC", "time_zone: Europe/Berlin")
		w.edit("      usher.startDate:", "      usher.timeZone: row.dept\n      usher.startDate:")
		w.staff = []worker{
			{id: "1", first: "berlin", start: "2026-07-01"},
			{id: "2", first: "auckland", dept: "Pacific/Auckland", start: "2026-07-01"},
			{id: "3", first: "angeles", dept: "America/Los_Angeles", start: "2026-07-01"},
			{id: "4", first: "berlin-leaves", start: "2020-01-01", end: "2026-07-01"},
			{id: "5", first: "auckland-leaves", dept: "Pacific/Auckland", start: "2020-01-01", end: "2026-07-01"},
			{id: "6", first: "angeles-rests", dept: "America/Los_Angeles", start: "2020-01-01", leave: "2026-06-01", back: "2026-07-01"},
			{id: "7", first: "angeles-rehired", dept: "America/Los_Angeles", start: "2026-07-01", end: ""},
		}
		now := "now: 2026-03-01"
		at := func(time string, want map[string]directory.State) {
			t.Helper()
			w.edit(now, "now: "+time)
			now = "now: " + time
			w.apply()
			u := w.open()
			defer u.Close()
			is := map[string]directory.State{}
			if err := u.List(w.ctx, "", func(l directory.Listing) { is[l.Records[0].ID] = l.Person.State }); err != nil {
				t.Fatal(err)
			}
			for id, state := range want {
				if is[id] != state {
					t.Errorf("at %s: %s is %s, want %s", time, id, is[id], state)
				}
			}
		}
		const staged, active, leaver, onLeave = directory.Staged, directory.Active, directory.Leaver, directory.OnLeave
		at("2026-06-30T11:59:59Z", map[string]directory.State{"1": staged, "2": staged, "3": staged, "4": active, "5": active, "6": onLeave})
		at("2026-06-30T12:00:00Z", map[string]directory.State{"1": staged, "2": active, "3": staged, "4": active, "5": leaver, "6": onLeave})
		at("2026-06-30T21:59:59Z", map[string]directory.State{"1": staged, "3": staged, "4": active})
		at("2026-06-30T22:00:00Z", map[string]directory.State{"1": active, "3": staged, "4": leaver, "6": onLeave})
		at("2026-07-01T06:59:59Z", map[string]directory.State{"3": staged, "6": onLeave})
		at("2026-07-01T07:00:00Z", map[string]directory.State{"3": active, "6": active})
		w.quiet()
		// Rehired where the day begins later: a new generation, of the same account.
		accounts := len(w.app.objects["User"])
		w.staff[4].start, w.staff[4].end, w.staff[4].dept = "2026-07-02", "", "America/Los_Angeles"
		at("2026-07-02T06:59:59Z", map[string]directory.State{"5": staged})
		at("2026-07-02T07:00:00Z", map[string]directory.State{"5": active})
		if n := len(w.app.objects["User"]); n != accounts {
			t.Errorf("%d accounts, were %d", n, accounts)
		}
		u := w.open()
		defer u.Close()
		e, err := u.Why(w.ctx, server.Question{Person: "5"})
		if err != nil || e.Records[0].Generation != 2 {
			t.Errorf("%+v %v", e, err)
		}
	})
}
