// SPDX-License-Identifier: Apache-2.0

package directory_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/store"
)

func (h *house) settles(want directory.Settled) {
	h.t.Helper()
	got := h.settle()
	if got.Joined != want.Joined || got.Left != want.Left || got.Missing != want.Missing || got.Returned != want.Returned || len(got.Problems) != 0 {
		h.t.Errorf("settled %+v, want %+v", got, want)
	}
}

// quiet asserts that there is nothing left to do, and nothing to tell.
func (h *house) quiet() {
	h.t.Helper()
	before := h.events()
	h.settles(directory.Settled{})
	h.told(before, map[string]int{})
}

func ids(keys ...string) []string {
	out := make([]string, len(keys))
	for i, k := range keys {
		out[i] = personID(k)
	}
	slices.Sort(out)
	return out
}

func (h *house) wasAsked(cause directory.Cause, keys ...string) {
	h.t.Helper()
	if got, want := h.gate.asked[cause], ids(keys...); !slices.Equal(got, want) {
		h.t.Errorf("the gate was asked (%s) for %v, want %v", cause, got, want)
	}
}

func TestDatesComeToTheSecond(t *testing.T) {
	t.Parallel()
	h := setup(t)
	at := day(1).Add(9 * time.Hour)
	h.accept(
		h.says("joins", ada.with(row{startDate: at})),
		h.says("leaves", ada.with(row{endDate: at})),
		h.says("rests", ada.with(row{leaveStart: at, leaveEnd: at.Add(time.Hour)})),
	)
	h.now = at.Add(-time.Second)
	h.quiet()
	h.now = at
	before := h.events()
	h.settles(directory.Settled{Joined: 1, Left: 1})
	h.stands("joins", directory.Active, "", 1)
	if p := h.stands("leaves", directory.Leaver, directory.CauseTermination, 1); !p.Admitted {
		t.Error("the gate let this departure pass, and the guard would count it again")
	}
	h.stands("rests", directory.OnLeave, "", 1)
	h.told(before, map[string]int{"person.active": 1, "person.left": 1, "person.on_leave": 1})
	h.quiet()
	h.now = at.Add(time.Hour)
	h.settle()
	h.stands("rests", directory.Active, "", 1)
	h.quiet()
}

func TestCausesAreAskedApart(t *testing.T) {
	t.Parallel()
	h := setup(t)
	rows := []string{"1", "2", "3", "4", "5", "6"}
	for _, id := range rows {
		h.accept(h.says(id, ada))
	}
	h.accept(h.says("1", ada.with(row{endDate: day(0)})), h.says("2", ada.with(row{endDate: day(-1)})))
	h.only("1", "6") // 2 is absent as well: it has one departure, the explicit one
	h.settles(directory.Settled{Left: 5})
	h.wasAsked(directory.CauseTermination, "1", "2")
	h.wasAsked(directory.CauseAbsent, "3", "4", "5")
	if len(h.gate.calls) != 3 {
		t.Errorf("the gate was asked %v", h.gate.calls)
	}
	h.stands("2", directory.Leaver, directory.CauseTermination, 1)
	h.stands("3", directory.Leaver, directory.CauseAbsent, 1)
	h.stands("6", directory.Active, "", 1)
	h.quiet()
}

func TestOneCauseHeldTheOtherGoesOn(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.accept(h.says("1", ada), h.says("2", ada), h.says("3", ada.with(row{startDate: day(0)})))
	h.accept(h.says("1", ada.with(row{endDate: day(0)})))
	h.only("1", "3")
	h.gate.shut[directory.CauseTermination] = true
	h.settles(directory.Settled{Left: 1})
	h.stands("1", directory.Active, directory.CauseTermination, 1)
	h.inTeams("1", "Sales")
	h.stands("2", directory.Leaver, directory.CauseAbsent, 1)
	// asked anew each time, until somebody agrees
	h.settles(directory.Settled{})
	h.wasAsked(directory.CauseTermination, "1")
	h.gate.shut[directory.CauseTermination] = false
	h.settles(directory.Settled{Left: 1})
	h.stands("1", directory.Leaver, directory.CauseTermination, 1)
	h.quiet()
}

func TestMissingKeepsEverything(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.accept(h.says("1", ada), h.says("2", ada))
	h.only("2")
	h.gate.shut[directory.CauseAbsent] = true
	before := h.events()
	h.settles(directory.Settled{Missing: 1})
	p := h.stands("1", directory.Missing, "", 1)
	if p.UserName() == "" || p.Revision != 2 {
		t.Errorf("a missing person lost something: %+v", p)
	}
	h.inTeams("1", "Sales")
	h.told(before, map[string]int{"person.missing": 1})
	h.quiet()
	h.wasAsked(directory.CauseAbsent, "1") // asked anew, moved no more

	h.only("1", "2")
	before = h.events()
	h.settles(directory.Settled{Returned: 1})
	h.stands("1", directory.Active, "", 1)
	h.told(before, map[string]int{"person.returned": 1})
	h.wasAsked(directory.CauseAbsent) // asked for nobody, so that the hold goes
	if !slices.Contains(h.gate.calls, directory.CauseAbsent) {
		t.Error("the gate was not asked, so that a hold would stay")
	}
	h.quiet()
}

func TestMissingGainsNothingByDate(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.accept(h.says("1", ada.with(row{leaveStart: day(-5), leaveEnd: day(1)})), h.says("2", ada))
	h.only("2")
	h.gate.shut[directory.CauseAbsent] = true
	h.settle()
	h.now = day(1)
	h.settle()
	h.stands("1", directory.Missing, "", 1)
	h.now = day(2)
	h.only("1", "2")
	h.settle()
	h.stands("1", directory.Active, "", 1)
}

func TestMissingWhoseEndComesIsATermination(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.accept(h.says("1", ada.with(row{endDate: day(1)})), h.says("2", ada))
	h.only("2")
	h.gate.shut[directory.CauseAbsent] = true
	h.settle()
	h.stands("1", directory.Missing, "", 1)
	h.now = day(1)
	h.settles(directory.Settled{Left: 1})
	h.wasAsked(directory.CauseTermination, "1")
	h.wasAsked(directory.CauseAbsent)
	h.stands("1", directory.Leaver, directory.CauseTermination, 1)
	// ended, and back in the file: it says nothing but that they have left
	h.only("1", "2")
	h.quiet()
}

func TestReturnedAfterTheEnd(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.accept(h.says("1", ada.with(row{endDate: day(5)})), h.says("2", ada))
	h.only("2")
	h.gate.shut[directory.CauseAbsent] = true
	h.settle()
	h.now = day(6)
	h.only("1", "2")
	h.gate.shut[directory.CauseTermination] = true
	h.settle()
	h.stands("1", directory.Active, directory.CauseTermination, 1) // no way around the gate
	h.gate.shut[directory.CauseTermination] = false
	h.settle()
	h.stands("1", directory.Leaver, directory.CauseTermination, 1)
	h.quiet()
}

func TestAbsentLeaverReturns(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.accept(h.says("1", ada), h.says("2", ada))
	h.only("2")
	h.settles(directory.Settled{Left: 1})
	if p := h.stands("1", directory.Leaver, directory.CauseAbsent, 1); !p.Admitted {
		t.Error("the gate let this departure pass, and the guard would count it again")
	}
	h.inTeams("1")
	h.only("1", "2")
	h.settles(directory.Settled{Returned: 1})
	h.stands("1", directory.Active, "", 1)
	h.inTeams("1", "Sales")
	h.quiet()
}

// TestNoDateBringsALeaverBack: who left as absent had dates that lie ahead.
func TestNoDateBringsALeaverBack(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.accept(
		h.says("1", ada.with(row{leaveStart: day(1), leaveEnd: day(2)})),
		h.says("2", ada.with(row{leaveStart: day(-1), leaveEnd: day(1)})),
		h.says("3", ada.with(row{endDate: day(1)})),
		h.says("4", ada.with(row{startDate: day(1)})),
		h.says("5", ada),
	)
	h.only("5")
	h.settles(directory.Settled{Left: 4})
	for n := 1; n <= 3; n++ {
		h.now = day(n)
		h.settle()
		for _, id := range []string{"1", "2", "3", "4"} {
			if p := h.person(id); p.State != directory.Leaver {
				t.Errorf("day %d: %s is %s", n, id, p.State)
			}
		}
	}
}

// TestStagedNoShow: somebody who is gone from the file before the first day.
func TestStagedNoShow(t *testing.T) {
	t.Parallel()
	t.Run("accepted", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		h.accept(h.says("1", ada.with(row{startDate: day(1)})), h.says("2", ada))
		h.only("2")
		h.settles(directory.Settled{Left: 1})
		if p := h.stands("1", directory.Leaver, directory.CauseAbsent, 1); p.Admitted {
			t.Error("had no access, and is counted as one who lost it")
		}
		h.now = day(1)
		h.quiet()
	})
	t.Run("held", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		h.accept(h.says("1", ada.with(row{startDate: day(1)})), h.says("2", ada))
		h.only("2")
		h.gate.shut[directory.CauseAbsent] = true
		h.quiet()
		h.stands("1", directory.Staged, "", 1)
		h.now = day(1)
		h.quiet() // the first day comes, the person does not
		h.stands("1", directory.Staged, "", 1)
		h.inTeams("1")
		h.only("1", "2")
		h.settles(directory.Settled{Joined: 1})
		h.stands("1", directory.Active, "", 1)
	})
	t.Run("withdrawn", func(t *testing.T) {
		t.Parallel()
		h := setup(t)
		h.accept(h.says("1", ada.with(row{startDate: day(2)})))
		h.accept(h.says("1", ada.with(row{startDate: day(2), endDate: day(1)})))
		h.now = day(1)
		h.settle()
		h.stands("1", directory.Leaver, directory.CauseTermination, 1)
		h.wasAsked(directory.CauseTermination) // nothing is taken away
		h.now = day(2)
		h.quiet()
	})
}

func TestALeaverWhoIsAbsentAsWell(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.accept(h.says("1", ada.with(row{endDate: day(-1)})), h.says("2", ada))
	h.only("2")
	h.quiet()
	h.wasAsked(directory.CauseAbsent)
	h.stands("1", directory.Leaver, directory.CauseTermination, 1)
	h.only("1", "2")
	h.quiet()
	h.stands("1", directory.Leaver, directory.CauseTermination, 1)
}

func TestStartMovedAheadAndBack(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.accept(h.says("1", ada))
	h.accept(h.says("1", ada.with(row{startDate: day(5)})))
	h.settles(directory.Settled{Left: 1})
	h.wasAsked(directory.CauseTermination, "1")
	h.stands("1", directory.Staged, "", 1)
	h.now = day(5)
	h.settles(directory.Settled{Joined: 1})
	h.stands("1", directory.Active, "", 1) // and no longer admitted: stands asserts it
}

func TestATeamRuleThatFailsStopsNobody(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.accept(h.says("1", ada.with(row{startDate: day(1), department: "poison"})), h.says("2", ada.with(row{startDate: day(1)})))
	h.now = day(1)
	out := h.settle()
	if out.Joined != 2 || len(out.Problems) != 1 || out.Problems[personID("1")] == nil {
		t.Errorf("settled %+v, want both in and a problem told", out)
	}
	h.inTeams("2", "Sales")
}

// TestRealGate holds too many absent people, forgets the hold with its cause,
// and lets exactly the released set pass.
func TestRealGate(t *testing.T) {
	t.Parallel()
	h := setup(t)
	release := ""
	h.gate.real = provision.Gate{Limits: provision.DefaultLimits(), Released: func(id string) bool { return id == release }, Actor: "test"}
	var all []string
	for i := range 100 {
		all = append(all, fmt.Sprintf("%03d", i))
		h.accept(h.says(all[i], ada))
	}
	holds := func() (out []provision.Hold) {
		h.read(func(r store.Reader) (err error) {
			out, err = r.Holds(t.Context())
			return err
		})
		return out
	}

	h.only(all[10:]...)
	h.settles(directory.Settled{Missing: 10})
	first := holds()
	if len(first) != 1 || first[0].Count != 10 || first[0].Cause != directory.CauseAbsent {
		t.Fatalf("holds %+v", first)
	}
	h.quiet()
	if again := holds(); len(again) != 1 || again[0].ID != first[0].ID {
		t.Errorf("the same set has another hold: %+v", again)
	}

	h.only(all...)
	h.settles(directory.Settled{Returned: 10})
	if rest := holds(); len(rest) != 0 {
		t.Errorf("the cause is gone and the hold is not: %+v", rest)
	}

	release = first[0].ID
	h.only(all[11:]...) // one more than was agreed to
	h.settles(directory.Settled{Missing: 11})
	h.only(all[10:]...)
	h.settles(directory.Settled{Returned: 1, Left: 10})
	if rest := holds(); len(rest) != 0 {
		t.Errorf("released, and still held: %+v", rest)
	}
	if n := h.totals(); n.Leaver != 10 || n.Active != 90 {
		t.Errorf("people %+v", n)
	}

	release = ""
	h.only(all[13:]...) // what was agreed to does not count
	h.settles(directory.Settled{Left: 3})
	h.only(all[15:]...)
	h.settles(directory.Settled{Left: 2})
	h.only(all[16:]...) // more than five in a day are too many, one at a time as well
	h.settles(directory.Settled{Missing: 1})
	// explicit ones have a limit of their own
	for _, id := range all[90:] {
		h.accept(h.says(id, ada.with(row{endDate: day(0)})))
	}
	h.settles(directory.Settled{Left: 10})
	for _, id := range all[79:90] {
		h.accept(h.says(id, ada.with(row{endDate: day(0)})))
	}
	h.settles(directory.Settled{})
	if n := h.totals(); n.Leaver != 25 || n.Missing != 1 {
		t.Errorf("people %+v", n)
	}
}

// TestRetally: other rules make everybody's teams anew, once.
func TestRetally(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.accept(h.says("1", ada), h.says("2", ada.with(row{startDate: day(9)})), h.says("3", ada.with(row{endDate: day(-1)})))
	retally := func(rules directory.TeamRules, digest byte) {
		t.Helper()
		h.cfg.Teams = rules
		err := h.db.Directory().Update(t.Context(), func(tx directory.Tx) error {
			_, err := h.dir().Retally(t.Context(), tx, [32]byte{digest})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	before := h.events()
	retally(everybody{}, 1)
	h.inTeams("1", "everybody")
	h.inTeams("2") // not in yet
	h.inTeams("3")
	retally(departments{}, 1) // equal digests: nothing is looked at
	h.inTeams("1", "everybody")
	retally(departments{}, 2)
	h.inTeams("1", "Sales")
	h.told(before, map[string]int{})
}

// everybody is in one team.
type everybody struct{}

func (everybody) TeamsOf(*directory.Person) ([]directory.Team, error) {
	return []directory.Team{{ID: directory.TeamID("everybody", ""), Rule: "everybody", Name: "everybody"}}, nil
}
