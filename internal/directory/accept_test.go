// SPDX-License-Identifier: Apache-2.0

package directory_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/store"
	"github.com/usher-id/usher/scim"
)

// ada is an ordinary employee.
var ada = row{userName: "ada@acme.example", familyName: "Brandt", department: "Sales", startDate: day(-100)}

func TestAcceptNewChangedUnchanged(t *testing.T) {
	t.Parallel()
	h := setup(t)
	out := h.accept(h.says("1", ada), h.says("2", ada.with(row{startDate: day(7)})))
	if out.New != 2 || out.Changed != 0 || out.Unchanged != 0 || len(out.Rejected) != 0 {
		t.Fatalf("accepted %+v, want 2 new", out)
	}
	h.stands("1", directory.Active, "", 1)
	if p := h.stands("2", directory.Staged, "", 1); !p.Next.Equal(day(7)) {
		t.Errorf("next %v, want %v", p.Next, day(7))
	}
	h.told(nil, map[string]int{"person.created": 2})

	before := h.events()
	out = h.accept(h.says("1", ada), h.says("2", ada.with(row{startDate: day(8)})))
	if out.New != 0 || out.Changed != 1 || out.Unchanged != 1 {
		t.Fatalf("accepted %+v, want 1 changed, 1 unchanged", out)
	}
	if p := h.stands("2", directory.Staged, "", 1); !p.Next.Equal(day(8)) || p.Revision != 2 {
		t.Errorf("next %v, revision %d, want %v, 2", p.Next, p.Revision, day(8))
	}
	h.told(before, map[string]int{"person.changed": 1})
}

// A source that comes with the text of what it maps has the same stored as one that does
// not, and who is shut out has an end all the same, which no text of the source has.
func TestWithText(t *testing.T) {
	t.Parallel()
	h := setup(t)
	with := func(s directory.Statement, blocked bool) directory.Statement {
		user, err := s.Map()
		if err != nil {
			t.Fatal(err)
		}
		s.Text, s.Blocked, s.New = user.AppendJSON(nil), blocked, true
		s.Map = func() (*scim.Resource, error) { return scim.ParseResource(s.Text, scim.Limits{}) }
		return s
	}
	here := h.says("4", ada) // no leave, which is nothing said
	says := here.Map
	here.Map = func() (*scim.Resource, error) {
		user, err := says()
		if err == nil {
			err = user.Put(scim.Path{URN: scim.UsherUserURN, Attr: "onLeave"}, scim.Bool(false))
		}
		return user, err
	}
	plain := h.says("1", ada)
	if out := h.accept(plain, with(h.says("2", ada), false), with(h.says("3", ada), true), with(here, false)); out.New != 4 {
		t.Fatalf("accepted %+v, want 4 new", out)
	}
	one, two := h.stands("1", directory.Active, "", 1), h.stands("2", directory.Active, "", 1)
	if two.User.Put(userName, scim.String(one.UserName())) != nil || one.User.String() != two.User.String() {
		t.Errorf("without: %s\nwith: %s", one.User, two.User)
	}
	h.stands("3", directory.Leaver, directory.CauseTermination, 1)
	var records map[string]directory.Record
	err := h.db.Directory().Update(t.Context(), func(tx directory.Tx) (err error) {
		records, err = tx.Records(t.Context(), "hr", []string{"1", "2", "3", "4"})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"2", "4"} {
		if text := string(records["1"].User); text == "" || text != string(records[id].User) {
			t.Errorf("without: %s\nwith: %s", text, records[id].User)
		}
	}
	if r := records["3"]; !r.End.Equal(h.now) || !strings.Contains(string(r.User), "endDate") {
		t.Errorf("ends %v: %s", r.End, r.User)
	}
}

func TestUnchangedEvaluatesNothing(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.accept(h.says("1", ada))
	s := h.says("1", ada)
	s.Map = func() (*scim.Resource, error) {
		t.Error("a statement that says nothing new was evaluated")
		return nil, errPoison
	}
	before := h.events()
	if out := h.accept(s); out.Unchanged != 1 || len(out.Rejected) != 0 {
		t.Errorf("accepted %+v, want 1 unchanged", out)
	}
	h.told(before, map[string]int{})
}

func TestAStatementIsRejectedAlone(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.accept(h.says("2", ada), h.says("3", ada), h.says("4", ada), h.says("6", ada), h.says("7", ada))
	before := h.events()
	unmapped := h.says("2", ada.with(row{title: "x"}))
	unmapped.Map = func() (*scim.Resource, error) { return nil, errPoison }
	huge := ada.with(row{title: strings.Repeat("x", 1<<20)})
	out := h.accept(
		h.says("1", ada),
		unmapped,
		h.says("3", ada.with(row{department: "poison"})),
		h.says("4", ada.with(row{endDate: "soon"})),
		h.says("5", ada),
		h.says("6", huge), // more than a value may hold when it is read again
		h.says("7", ada.with(row{onLeave: "yes"})),
	)
	if out.New != 2 || out.Changed != 0 || len(out.Rejected) != 5 {
		t.Fatalf("accepted %d new, %d changed, %d rejected; want 2, 0, 5", out.New, out.Changed, len(out.Rejected))
	}
	for i, id := range []string{"2", "3", "4", "6", "7"} {
		found := false
		for _, r := range out.Rejected {
			found = found || r.ID == id && r.Err != nil
		}
		if !found {
			t.Errorf("%d: %s was not rejected: %+v", i, id, out.Rejected)
		}
		if p := h.person(id); p.Revision != 1 {
			t.Errorf("%s is not as they were: revision %d", id, p.Revision)
		}
	}
	h.told(before, map[string]int{"person.created": 2})
	// What was rejected is tried again with the next read: it was not taken.
	if out := h.accept(h.says("3", ada.with(row{department: "Legal"}))); out.Changed != 1 {
		t.Errorf("accepted %+v, want 1 changed", out)
	}
}

func TestTeamsFollowTheAttributes(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.accept(h.says("1", ada), h.says("2", ada.with(row{startDate: day(1)})))
	h.inTeams("1", "Sales")
	h.inTeams("2") // gets them with the first day
	h.accept(h.says("1", ada.with(row{department: "Legal"})))
	h.inTeams("1", "Legal")
	h.accept(h.says("1", ada.with(row{department: ""})))
	h.inTeams("1")
	h.now = day(1)
	h.settle()
	h.inTeams("2", "Sales")
}

// inTeams asserts the teams of somebody who has no account anywhere.
func (h *house) inTeams(id string, want ...string) {
	h.t.Helper()
	got := h.teams(id)
	if strings.Join(got, ",") != strings.Join(want, ",") {
		h.t.Errorf("%s is in %v, want %v", id, got, want)
	}
}

func TestWhoWouldBeOutWaitsForTheGate(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.accept(h.says("1", ada), h.says("2", ada))
	before := h.events()
	h.accept(h.says("1", ada.with(row{endDate: day(-1)})), h.says("2", ada.with(row{startDate: day(30)})))
	for _, id := range []string{"1", "2"} {
		if p := h.stands(id, directory.Active, directory.CauseTermination, 1); p.Next.IsZero() || p.Next.After(h.now) {
			t.Errorf("%s is not due: next %v", id, p.Next)
		}
		h.inTeams(id, "Sales")
	}
	h.told(before, map[string]int{"person.changed": 2})
	h.settle()
	h.stands("1", directory.Leaver, directory.CauseTermination, 1)
	h.inTeams("1")
	if p := h.stands("2", directory.Staged, "", 1); !p.Next.Equal(day(30)) {
		t.Errorf("next %v, want %v", p.Next, day(30))
	}
}

func TestALeaverWhenFirstSeenAsksNobody(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.accept(h.says("1", ada.with(row{endDate: day(-1)})))
	if p := h.stands("1", directory.Leaver, directory.CauseTermination, 1); p.Admitted {
		t.Error("nobody has counted this departure, so the guard must count it at the plan")
	}
	h.settle()
	if len(h.gate.asked[directory.CauseTermination]) != 0 {
		t.Errorf("the gate was asked for %v", h.gate.asked)
	}
}

// TestTerminationTakenBack: without a newer hire date it is the same
// employment, whatever happens to the end date.
func TestTerminationTakenBack(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.accept(h.says("1", ada))
	h.accept(h.says("1", ada.with(row{endDate: day(-1)})))
	h.settle()
	before := h.stands("1", directory.Leaver, directory.CauseTermination, 1)
	told := h.events()
	h.accept(h.says("1", ada))
	after := h.stands("1", directory.Active, "", 1)
	if after.ID != before.ID || after.UserName() != before.UserName() {
		t.Errorf("reopened as %s %s, was %s %s", after.ID, after.UserName(), before.ID, before.UserName())
	}
	h.told(told, map[string]int{"person.changed": 1})
	h.accept(h.says("1", ada.with(row{endDate: day(-1)})))
	h.settle()
	h.accept(h.says("1", ada.with(row{endDate: day(20)})))
	h.stands("1", directory.Active, "", 1)
}

func TestRehired(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.accept(h.says("1", ada.with(row{endDate: day(-10)})))
	name := h.stands("1", directory.Leaver, directory.CauseTermination, 1).UserName()
	told := h.events()
	h.accept(h.says("1", ada.with(row{startDate: day(-1)})))
	if p := h.stands("1", directory.Active, "", 2); p.UserName() != name {
		t.Errorf("came back as %s, was %s", p.UserName(), name)
	}
	h.told(told, map[string]int{"person.rehired": 1})
	// A correction of the new employment is no third one.
	h.accept(h.says("1", ada.with(row{startDate: day(-2)})))
	h.stands("1", directory.Active, "", 2)
	// One that begins later is staged until then, as the second was.
	h.accept(h.says("1", ada.with(row{startDate: day(-2), endDate: day(-1)})))
	h.settle()
	h.stands("1", directory.Leaver, directory.CauseTermination, 2)
	h.accept(h.says("1", ada.with(row{startDate: day(5)})))
	h.stands("1", directory.Staged, "", 3)
	h.now = day(5)
	h.settle()
	h.stands("1", directory.Active, "", 3)
}

// TestRehiredAfterAbsence: most files list those who are employed and no
// others, so that a rehire looks like this.
func TestRehiredAfterAbsence(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.accept(h.says("1", ada), h.says("2", ada), h.says("3", ada))
	h.only("3")
	h.settle()
	h.stands("1", directory.Leaver, directory.CauseAbsent, 1)
	h.accept(h.says("1", ada.with(row{startDate: day(-1)})), h.says("2", ada.with(row{title: "Director"})))
	h.stands("1", directory.Active, "", 2)
	h.stands("2", directory.Active, "", 1) // no newer hire date: it was a gap in the file
}

// TestCorrectionsAreNoRehire: files hold ends that lie before their starts.
func TestCorrectionsAreNoRehire(t *testing.T) {
	t.Parallel()
	h := setup(t)
	odd := ada.with(row{startDate: day(-10), endDate: day(-20)})
	h.accept(h.says("1", odd))
	told := h.events()
	h.accept(h.says("1", odd.with(row{title: "Clerk"})))
	h.accept(h.says("1", odd.with(row{title: "Teller"})))
	h.stands("1", directory.Leaver, directory.CauseTermination, 1)
	h.told(told, map[string]int{"person.changed": 2})
}

func TestNobodyIsAcceptedWhenTheStoreFails(t *testing.T) {
	t.Parallel()
	h := setup(t)
	failed := errors.New("disk full")
	err := h.db.Directory().Update(t.Context(), func(tx directory.Tx) error {
		if _, err := h.dir().Accept(t.Context(), tx, "hr", []directory.Statement{h.says("1", ada)}); err != nil {
			return err
		}
		return failed
	})
	if !errors.Is(err, failed) {
		t.Fatalf("error %v", err)
	}
	if n := h.totals().Total; n != 0 {
		t.Errorf("%d people of a transaction that failed", n)
	}
	h.told(nil, map[string]int{})
	h.read(func(r store.Reader) error {
		all, err := r.List(t.Context(), "", "", 10)
		if len(all) != 0 {
			t.Errorf("%d records of a transaction that failed", len(all))
		}
		return err
	})
}
