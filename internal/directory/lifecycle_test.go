// SPDX-License-Identifier: Apache-2.0

package directory_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/scim"
)

func TestDerive(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	second, day := time.Second, 24*time.Hour
	never := time.Time{}
	for _, c := range []struct {
		name    string
		facts   directory.Facts
		preHire time.Duration
		state   directory.State
		next    time.Time
	}{
		{"no dates", directory.Facts{}, 0, directory.Active, never},
		{"starts in a second", directory.Facts{Start: noon.Add(second)}, 0, directory.Staged, noon.Add(second)},
		{"starts now", directory.Facts{Start: noon}, 0, directory.Active, never},
		{"ends in a second", directory.Facts{End: noon.Add(second)}, 0, directory.Active, noon.Add(second)},
		{"ends now", directory.Facts{End: noon}, 0, directory.Leaver, never},
		{"ended a second ago", directory.Facts{End: noon.Add(-second)}, 0, directory.Leaver, never},
		{"started, and ends later", directory.Facts{Start: noon.Add(-day), End: noon.Add(day)}, 0, directory.Active, noon.Add(day)},
		{"let in two days before", directory.Facts{Start: noon.Add(2 * day)}, 2 * day, directory.Active, never},
		{"let in two days before, in a second", directory.Facts{Start: noon.Add(2*day + second)}, 2 * day, directory.Staged, noon.Add(second)},
		{"on leave as of now", directory.Facts{LeaveStart: noon}, 0, directory.OnLeave, never},
		{"on leave, back in a second", directory.Facts{LeaveStart: noon.Add(-day), LeaveEnd: noon.Add(second)}, 0, directory.OnLeave, noon.Add(second)},
		{"back from leave now", directory.Facts{LeaveStart: noon.Add(-day), LeaveEnd: noon}, 0, directory.Active, never},
		{"on leave in a second", directory.Facts{LeaveStart: noon.Add(second), LeaveEnd: noon.Add(day)}, 0, directory.Active, noon.Add(second)},
		{"on leave until after the end", directory.Facts{LeaveStart: noon.Add(-day), LeaveEnd: noon.Add(day), End: noon.Add(second)}, 0, directory.OnLeave, noon.Add(second)},
		{"leave that ends before it starts", directory.Facts{LeaveStart: noon, LeaveEnd: noon.Add(-day)}, 0, directory.Active, never},
		{"ended while on leave", directory.Facts{LeaveStart: noon.Add(-day), End: noon}, 0, directory.Leaver, never},
		{"said to be on leave", directory.Facts{OnLeave: true}, 0, directory.OnLeave, never},
		{"said to be, since yesterday", directory.Facts{OnLeave: true, LeaveStart: noon.Add(-day)}, 0, directory.OnLeave, never},
		{"said to be, from a second ahead on", directory.Facts{OnLeave: true, LeaveStart: noon.Add(second)}, 0, directory.Active, noon.Add(second)},
		{"said to be, back in a second", directory.Facts{OnLeave: true, LeaveEnd: noon.Add(second)}, 0, directory.OnLeave, noon.Add(second)},
		{"said to be, back now", directory.Facts{OnLeave: true, LeaveEnd: noon}, 0, directory.Active, never},
		{"said to be, and ends in a second", directory.Facts{OnLeave: true, End: noon.Add(second)}, 0, directory.OnLeave, noon.Add(second)},
		{"said to be, and ended", directory.Facts{OnLeave: true, End: noon}, 0, directory.Leaver, never},
		{"said to be, and starts in a second", directory.Facts{OnLeave: true, Start: noon.Add(second)}, 0, directory.Staged, noon.Add(second)},
		{"not said to be, by days", directory.Facts{LeaveStart: noon.Add(-day)}, 0, directory.OnLeave, never},
		{"starts and has ended", directory.Facts{Start: noon.Add(day), End: noon}, 0, directory.Leaver, never},
		{"ends before it starts", directory.Facts{Start: noon.Add(2 * day), End: noon.Add(day)}, 0, directory.Staged, noon.Add(day)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			state, why, next := directory.Derive(directory.Calendar{Now: noon, PreHire: c.preHire}, c.facts)
			if state != c.state || !next.Equal(c.next) || next.IsZero() != c.next.IsZero() {
				t.Errorf("derived %s, next %v; want %s, next %v", state, next, c.state, c.next)
			}
			if why == "" {
				t.Error("a state without a reason")
			}
		})
	}
}

// TestCalendarMissesNothing walks from one next instant to the next one and
// holds the walk against the state at every second.
func TestCalendarMissesNothing(t *testing.T) {
	t.Parallel()
	begin := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	const horizon = 12
	rapid.Check(t, func(t *rapid.T) {
		date := func(name string) time.Time {
			n := rapid.IntRange(0, horizon).Draw(t, name)
			if n == 0 {
				return time.Time{}
			}
			return begin.Add(time.Duration(n) * time.Second)
		}
		f := directory.Facts{Start: date("start"), End: date("end"), LeaveStart: date("leaveStart"), LeaveEnd: date("leaveEnd"), OnLeave: rapid.Bool().Draw(t, "onLeave")}
		preHire := time.Duration(rapid.IntRange(0, 3).Draw(t, "preHire")) * time.Second
		state, _, next := directory.Derive(directory.Calendar{Now: begin, PreHire: preHire}, f)
		for n := 1; n <= horizon+1; n++ {
			now := begin.Add(time.Duration(n) * time.Second)
			is, _, after := directory.Derive(directory.Calendar{Now: now, PreHire: preHire}, f)
			switch {
			case !next.IsZero() && !next.After(now):
				state, next = is, after
			case is != state:
				t.Fatalf("%+v: %s at second %d, but the calendar says %s until %v", f, is, n, state, next)
			}
			if !next.IsZero() && !next.After(now) {
				t.Fatalf("%+v: next %v does not lie after %v", f, next, now)
			}
		}
		if !next.IsZero() {
			t.Fatalf("%+v: the calendar waits for %v, when nothing can come any more", f, next)
		}
	})
}

// TestWordOfLeave: that somebody is said to be on leave makes of nobody but who is active
// somebody who is on leave, and the other way round; who is in, and when that changes, it
// leaves alone.
func TestWordOfLeave(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		date := func(name string) time.Time {
			n := rapid.IntRange(-3, 3).Draw(t, name)
			if n == 3 {
				return time.Time{}
			}
			return now.Add(time.Duration(n) * time.Second)
		}
		f := directory.Facts{Start: date("start"), End: date("end"), LeaveStart: date("leaveStart"), LeaveEnd: date("leaveEnd")}
		cal := directory.Calendar{Now: now, PreHire: time.Duration(rapid.IntRange(0, 2).Draw(t, "preHire")) * time.Second}
		without, _, _ := directory.Derive(cal, f)
		f.OnLeave = true
		with, _, next := directory.Derive(cal, f)
		dated := !f.LeaveStart.IsZero() || !f.LeaveEnd.IsZero()
		switch {
		case with.In() != without.In() || !with.In() && with != without:
			t.Fatalf("%+v: %s by the word, %s without it", f, with, without)
		case without == directory.OnLeave && with != directory.OnLeave:
			t.Fatalf("%+v: %s by the word, and by the days on leave", f, with)
		case !dated && with.In() && with != directory.OnLeave:
			t.Fatalf("%+v: %s, and no day stands against the word", f, with)
		case !f.LeaveStart.IsZero() && with != without: // the days decide
			t.Fatalf("%+v: %s by the word, %s by the days", f, with, without)
		}
		if !dated && with.In() && !next.Equal(f.End) {
			t.Fatalf("%+v: the word changes by itself at %v", f, next)
		}
	})
}

func TestStatesThatAreIn(t *testing.T) {
	t.Parallel()
	for state, in := range map[directory.State]bool{
		directory.Active: true, directory.OnLeave: true, directory.Missing: true,
		directory.Staged: false, directory.Leaver: false, directory.Erased: false, "": false,
	} {
		if state.In() != in {
			t.Errorf("%q: in %t", state, state.In())
		}
	}
}

// Who is in and whose end has been stated is held from then on until they are let go, or the
// end is taken back; a date that is not theirs to leave by does not count.
func TestHeld(t *testing.T) {
	t.Parallel()
	h := setup(t)
	held := func(when string, want ...string) {
		t.Helper()
		for _, id := range []string{"ends", "starts", "rests", "stays"} {
			if p := h.person(id); p.Held() != slices.Contains(want, id) || !p.State.In() {
				t.Errorf("%s: %s is %s, and held: %t", when, id, p.State, p.Held())
			}
		}
	}
	h.accept(h.says("ends", ada), h.says("starts", ada), h.says("rests", ada.with(row{leaveStart: day(1)})), h.says("stays", ada.with(row{endDate: day(5)})))
	held("at first")
	h.gate.shut[directory.CauseTermination] = true
	h.accept(h.says("ends", ada.with(row{endDate: day(0)})), h.says("starts", ada.with(row{startDate: day(9)})))
	held("when it is stated", "ends", "starts")
	h.now = day(1)
	h.settle()
	held("while it waits", "ends", "starts")
	h.now = day(5)
	h.settle()
	held("when a date has come", "ends", "starts", "stays")
	h.accept(h.says("starts", ada))
	held("when it is taken back", "ends", "stays")
	h.now = day(4)
	h.settle()
	held("when the calendar was ahead", "ends")
	h.gate.shut[directory.CauseTermination] = false
	h.settle()
	if p := h.person("ends"); p.Held() || p.State != directory.Leaver {
		t.Errorf("%+v", p)
	}
}

// Whose access was ended is held by that, before Settle has looked.
func TestRevokedIsHeld(t *testing.T) {
	t.Parallel()
	p := &directory.Person{State: directory.Active, User: scim.NewResource(scim.UserURN), Next: day(0), Revoked: directory.Revocation{At: day(0)}}
	if !p.HeldAt(day(1)) || p.HeldAt(day(-1)) {
		t.Error("held before, or not after")
	}
}
