// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"bytes"
	"errors"
	"io/fs"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/server"
)

const past = "2026-02-01" // before the calendar of every world

// An offer that is withdrawn is a row that is gone before its start.
func TestWithdrawnHireStaysOut(t *testing.T) {
	in(t, func(w *world) {
		w.staff = append(staff(10), worker{id: "99", first: "newbie", dept: "A", start: "2026-04-01"})
		w.apply()
		w.staff = staff(10)
		w.apply()
		w.today("2026-04-01")
		w.apply()
		w.out("newbie")
		w.alive(10)
	})
}

// Only a record brings somebody back who has left as absent, never a date.
func TestAbsentLeaverStaysOutOnLeaveDates(t *testing.T) {
	in(t, func(w *world) {
		w.staff = append(staff(10), worker{id: "99", first: "zoe", dept: "A", start: "2020-01-01", leave: "2026-05-01", back: "2026-06-01"})
		w.apply()
		w.alive(11)
		w.staff = staff(10)
		for _, day := range []string{"2026-03-02", "2026-05-01", "2026-06-01"} {
			w.today(day)
			w.apply()
			w.out("zoe")
		}
	})
}

func TestLeaverWithoutAccountIsQuiet(t *testing.T) {
	in(t, func(w *world) {
		w.staff = staff(3)
		w.apply()
		w.app.drop(app.KindUser, w.app.id(app.KindUser, "p001"))
		w.staff[0].end = past
		if rep := w.apply(); rep.Waiting != 0 || rep.Parked != 0 {
			t.Errorf("%+v", rep)
		}
		w.quiet()
		w.alive(2)
	})
}

func TestDeletedWhenGraceIsOver(t *testing.T) {
	in(t, func(w *world) {
		w.edit("    first_run: go\n", "    first_run: go\n    delete_after: 30d\n")
		w.staff = staff(3)
		w.apply()
		w.staff[0].end = past
		w.apply()
		if rep := w.apply(); rep.Delete != 0 {
			t.Errorf("deleted at once: %+v", rep)
		}
		w.today("2026-04-15")
		if rep := w.apply(); rep.Delete != 1 {
			t.Errorf("not deleted after its grace: %+v", rep)
		}
		if n := len(w.app.objects[app.KindUser]); n != 2 {
			t.Errorf("%d accounts are there", n)
		}
		w.quiet()
	})
}

// A file that cannot be read keeps nobody in whose end is known, and says so.
func TestUnreadableSourceStopsNoLeaver(t *testing.T) {
	in(t, func(w *world) {
		w.staff = staff(5)
		w.staff[0].end = "2026-03-02"
		w.apply()
		w.alive(5)
		w.today("2026-03-05")
		w.file = nil
		doc, err := w.try(server.Options{})
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the cycle ends with %v", err)
		}
		if rep := doc.Apps["app"]; rep == nil || rep.Disable != 1 || doc.People.Missing != 0 {
			t.Errorf("%+v %+v", rep, doc.People)
		}
		w.out("p001")
		w.alive(4)
	})
}

func TestLeaverLeavesAParkedGroup(t *testing.T) {
	in(t, func(w *world) {
		w.staff = staff(5)
		w.apply()
		w.edit("display_name: team.value", `display_name: '"G-" + team.value'`)
		w.app.before = func(c call) *app.Error {
			if c.op == "patch" && c.kind == app.KindGroup {
				return refused("displayName is immutable")
			}
			return nil
		}
		w.apply()
		w.staff[0].end = past
		w.apply()
		w.out("p001")
		w.full("A", 4)
	})
}

// A calendar that was wrong for one cycle does not stay wrong.
func TestWrongCalendarIsTakenBack(t *testing.T) {
	in(t, func(w *world) {
		w.staff = append(staff(5), worker{id: "70", first: "soon", dept: "A", start: "2020-01-01", end: "2027-01-01"},
			worker{id: "71", first: "later", dept: "A", start: "2027-01-01"})
		w.apply()
		w.alive(6)
		w.today("2028-03-01")
		w.apply()
		w.out("soon")
		w.today("2026-03-02")
		doc := w.steer(server.Options{})
		if p := doc.People; p.Leaver != 0 || p.Staged != 1 || p.Active != 6 {
			t.Errorf("%+v", p)
		}
		w.out("later")
		w.full("A", 6)
		w.alive(6)
	})
}

func TestTerminatedWhileMissing(t *testing.T) {
	in(t, func(w *world) {
		w.staff = staff(40)
		w.apply()
		w.staff = staff(40)[10:]
		if doc := w.steer(server.Options{}); doc.People.Missing != 10 {
			t.Fatalf("%+v", doc.People)
		}
		gone := staff(1)[0]
		gone.end = past
		w.staff = append(w.staff, gone)
		doc := w.steer(server.Options{})
		if doc.Apps["app"].Disable != 1 || doc.People.Leaver != 1 || doc.People.Missing != 9 {
			t.Errorf("%+v %+v", doc.Apps["app"], doc.People)
		}
		w.out("p001")
		w.alive(39)
	})
}

// An account that came of a request without an answer is not lost sight of.
func TestLeaverWhoseCreateWasAmbiguous(t *testing.T) {
	in(t, func(w *world) {
		w.staff = staff(3)
		w.apply()
		w.staff = append(w.staff, worker{id: "50", first: "boss", dept: "A", start: "2020-01-01"})
		w.app.after = func(c call) *app.Error {
			if c.on("create", "boss") {
				return &app.Error{Class: app.Ambiguous}
			}
			return nil
		}
		w.app.before = func(c call) *app.Error { // nor can it be looked up before they leave
			if len(w.app.objects[app.KindUser]) == 4 && !c.writes() {
				return busy(time.Hour)
			}
			return nil
		}
		if rep := w.apply(); rep.Waiting != 1 {
			t.Fatalf("%+v", rep)
		}
		w.app.before, w.app.after = nil, nil
		w.staff[3].end = past
		w.steer(server.Options{Wait: 2 * time.Hour})
		w.out("boss")
		w.alive(3)
		if created, disabled := w.events("account.created"), w.events("account.disabled"); created != 4 || disabled != 1 {
			t.Errorf("the ledger tells of %d created and %d disabled", created, disabled)
		}
		w.quiet()
	})
}

func TestFailingTeamRuleStopsNoLeaver(t *testing.T) {
	in(t, func(w *world) {
		w.edit("each: person.enterprise.department", "each: 'person.enterprise.department.substring(0, 2)'")
		w.staff = staff(5)
		for i := range w.staff {
			w.staff[i].dept = "Abc"
		}
		w.apply()
		w.full("Ab", 5)
		w.staff[0].dept, w.staff[0].end = "X", past // too short for the rule
		if doc := w.steer(server.Options{}); doc.RejectedRows != 0 {
			t.Errorf("%+v", doc.Sources[0].Rejected)
		}
		w.out("p001")
		w.alive(4)
	})
}

// HR takes a termination back by writing the file that it wrote before.
func TestTerminationTakenBack(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		age  time.Duration
		live int
	}{
		"by a newer file": {0, 5},
		"an older file":   {time.Hour, 4},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, func(w *world) {
				w.staff = staff(5)
				w.apply()
				w.staff[0].end = past
				w.apply()
				w.alive(4)
				w.staff[0].end = ""
				w.aged = w.aged.Add(-c.age)
				doc := w.steer(server.Options{})
				if old := c.age > 0; doc.Sources[0].Replay != old || (doc.RejectedRows > 0) != old {
					t.Errorf("%+v", doc.Sources[0])
				}
				w.alive(c.live)
				w.full("A", c.live)
			})
		})
	}
}

// Many who are gone at once are missing, and keep what they have. A file that
// ends within a line proves nobody absent.
func TestFileCutShort(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ bites, missing int }{
		"between lines":        {0, 10},
		"within the last line": {15, 0},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, func(w *world) {
				w.staff = staff(40)
				w.apply()
				whole := w.file
				w.file = func(b []byte) []byte {
					lines := bytes.SplitAfter(b, []byte("\n"))
					b = bytes.Join(lines[:31], nil) // the header and thirty rows
					return b[:len(b)-c.bites]
				}
				doc := w.steer(server.Options{})
				if doc.People.Missing != c.missing || (len(doc.Holds) > 0) != (c.missing > 0) || doc.Sources[0].Complete != (c.missing > 0) {
					t.Errorf("%+v %+v %+v", doc.People, doc.Holds, doc.Sources[0])
				}
				w.alive(40)
				w.full("A", 40)
				w.file = whole
				doc = w.steer(server.Options{})
				if doc.People.Active != 40 || len(doc.Holds) > 0 || doc.Apps["app"].Writes() > 0 {
					t.Errorf("the whole file again: %+v %+v %+v", doc.People, doc.Holds, doc.Apps["app"])
				}
				w.alive(40)
			})
		})
	}
}
