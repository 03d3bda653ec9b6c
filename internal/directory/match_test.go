// SPDX-License-Identifier: Apache-2.0

package directory_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/store"
	"github.com/usher-id/usher/scim"
)

var (
	nickName = scim.MustPath("nickName")
	number   = scim.Path{URN: scim.EnterpriseUserURN, Attr: "employeeNumber"}
)

// pair is a house with the sources hr, whose people are its own, and more, which
// matches them by employee number.
func pair(t *testing.T, waits bool) *house {
	t.Helper()
	h := setup(t, "hr", "more")
	h.cfg.Paths = append(h.cfg.Paths, nickName, number)
	h.cfg.Sources[1].Match, h.cfg.Sources[1].Waits = []scim.Path{number}, waits
	h.retally()
	return h
}

func (h *house) retally() {
	h.t.Helper()
	err := h.db.Directory().Update(h.t.Context(), func(tx directory.Tx) error {
		_, err := h.dir().Retally(h.t.Context(), tx, [32]byte{1})
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

// file is a complete read of a source: rows by key.
type file map[string]row

// reads takes a complete read and lets everybody settle.
func (h *house) reads(source string, f file) directory.Accepted {
	h.t.Helper()
	out := h.states(source, f)
	h.settle()
	return out
}

// states takes a complete read.
func (h *house) states(source string, f file) directory.Accepted {
	h.t.Helper()
	var statements []directory.Statement
	for _, id := range slices.Sorted(maps.Keys(f)) {
		s := h.says(id, f[id])
		s.Source, s.File = source, source+".csv"
		statements = append(statements, s)
	}
	var out directory.Accepted
	err := h.db.Directory().Update(h.t.Context(), func(tx directory.Tx) (err error) {
		if out, err = h.dir().Accept(h.t.Context(), tx, source, statements); err != nil {
			return err
		}
		return h.dir().Standing(h.t.Context(), tx, source, true, func(id string, _ time.Time) bool { _, ok := f[id]; return ok })
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return out
}

// ofPerson is the id that a source's record founds.
func ofPerson(source, id string) string { return directory.Key{Source: source, ID: id}.PersonID() }

// everyone lists all people: their values by path, and the keys of their records.
func (h *house) everyone() map[string]directory.Listing {
	h.t.Helper()
	out := map[string]directory.Listing{}
	h.read(func(r store.Reader) error {
		all, err := r.List(h.t.Context(), "", "", 1000)
		for _, l := range all {
			out[l.Person.ID] = l
		}
		return err
	})
	return out
}

func value(l directory.Listing, p scim.Path) string {
	if l.Person == nil {
		return "(nobody)"
	}
	v, _ := l.Person.User.At(p)
	s, _ := v.AsString()
	return s
}

func keysOf(l directory.Listing) string {
	var keys []string
	for _, r := range l.Records {
		keys = append(keys, r.Source+":"+r.ID)
	}
	return strings.Join(keys, " ")
}

func (h *house) has(id string, p scim.Path, want string) {
	h.t.Helper()
	if got := value(h.everyone()[id], p); got != want {
		h.t.Errorf("%s of %s is %q, want %q", p, id, got, want)
	}
}

func numbered(n string, more row) row { return ada.with(row{number: n}).with(more) }

func TestARecordFindsItsPerson(t *testing.T) {
	t.Parallel()
	h := pair(t, true)
	h.reads("hr", file{"1": numbered("E-7", row{title: "Clerk"}), "2": numbered("E-8", nil)})
	before := h.events()
	out := h.reads("more", file{"x": {number: " e-7 ", nickName: "Addie", title: "Wizard"}})
	if out.Changed != 1 || len(out.Waiting)+len(out.Rejected)+out.New != 0 {
		t.Errorf("accepted %+v", out)
	}
	p := h.everyone()[personID("1")]
	if got := keysOf(p); got != "hr:1 more:x" {
		t.Errorf("the records %s", got)
	}
	h.has(p.Person.ID, nickName, "Addie")
	h.has(p.Person.ID, title, "Clerk") // hr comes first
	h.has(p.Person.ID, number, "E-7")  // its spelling, too
	h.has(personID("2"), nickName, "") // and nobody else's
	h.told(before, map[string]int{"person.changed": 1, "record.matched": 1})
	h.reads("hr", file{"1": numbered("E-7", nil), "2": numbered("E-8", nil)})
	h.has(p.Person.ID, title, "Wizard") // hr no longer states one
	h.quiet()
}

func TestARecordThatMatchesNobodyWaits(t *testing.T) {
	t.Parallel()
	h := pair(t, true)
	h.reads("hr", file{"1": numbered("1", nil)})
	more := file{"x": {number: "2", nickName: "Bo"}, "y": {nickName: "nobody's"}}
	before := h.events()
	for range 2 {
		if out := h.reads("more", more); len(out.Waiting) != 2 || out.New+len(out.Rejected) != 0 {
			t.Errorf("accepted %+v", out)
		}
	}
	h.told(before, map[string]int{})
	if n := h.totals().Total; n != 1 {
		t.Errorf("%d people", n)
	}
	// The person comes; the record says nothing new, and is theirs all the same.
	h.reads("hr", file{"1": numbered("1", nil), "2": numbered("2", nil)})
	if out := h.reads("more", more); len(out.Waiting) != 1 || out.Changed != 1 {
		t.Errorf("accepted %+v", out)
	}
	h.has(personID("2"), nickName, "Bo")
}

func TestARecordThatMatchesNobodyFounds(t *testing.T) {
	t.Parallel()
	h := pair(t, false)
	h.reads("hr", file{"1": numbered("1", nil)})
	out := h.reads("more", file{"x": numbered("2", row{userName: "bo@acme.example"}), "y": numbered("1", row{nickName: "Addie"})})
	if out.New != 1 || len(out.Waiting) != 0 {
		t.Errorf("accepted %+v", out)
	}
	h.has(personID("1"), nickName, "Addie")
	bo := ofPerson("more", "x")
	h.has(bo, userName, "bo@acme.example")
	// The same human appears in the source that comes first: one person, one account.
	h.reads("hr", file{"1": numbered("1", nil), "9": numbered("2", row{title: "Director"})})
	if got := keysOf(h.everyone()[bo]); got != "hr:9 more:x" {
		t.Errorf("the records %s", got)
	}
	h.has(bo, title, "Director")
	h.has(bo, userName, "bo@acme.example")
	if n := h.totals().Total; n != 2 {
		t.Errorf("%d people", n)
	}
}

func TestARecordThatMatchesSeveralIsSetAside(t *testing.T) {
	t.Parallel()
	h := pair(t, true)
	h.reads("hr", file{"1": numbered("7", nil), "2": numbered("7", nil)})
	if out := h.reads("more", file{"x": {number: "7", nickName: "Addie"}}); len(out.Rejected) != 1 || !strings.Contains(out.Rejected[0].Err.Error(), "several people") {
		t.Errorf("accepted %+v", out)
	}
	for _, id := range []string{"1", "2"} {
		h.has(personID(id), nickName, "")
	}
	// It is tried again when that is mended.
	h.reads("hr", file{"1": numbered("7", nil), "2": numbered("8", nil)})
	if out := h.reads("more", file{"x": {number: "7", nickName: "Addie"}}); len(out.Rejected) != 0 {
		t.Errorf("accepted %+v", out)
	}
	h.has(personID("1"), nickName, "Addie")
}

func TestTwoRecordsOfOneSourceForOnePerson(t *testing.T) {
	t.Parallel()
	h := pair(t, true)
	h.reads("hr", file{"1": numbered("7", nil)})
	two := file{"x": {number: "7", nickName: "Addie"}, "y": {number: "7", nickName: "Bo"}}
	for range 2 {
		if out := h.reads("more", two); len(out.Rejected) != 1 || out.Rejected[0].ID != "y" {
			t.Errorf("accepted %+v", out)
		}
		h.has(personID("1"), nickName, "Addie")
	}
	// The first is gone: the second may speak for the person, with the next read.
	h.reads("more", file{"y": two["y"]})
	h.reads("more", file{"y": two["y"]})
	h.has(personID("1"), nickName, "Bo")
}

func TestARecordNeverMovesSilently(t *testing.T) {
	t.Parallel()
	h := pair(t, true)
	h.reads("hr", file{"1": numbered("1", nil), "2": numbered("2", nil)})
	h.reads("more", file{"x": {number: "1", nickName: "Addie"}})
	before := h.events()
	out := h.reads("more", file{"x": {number: "2", nickName: "Bo"}})
	if len(out.Rejected) != 1 || !strings.Contains(out.Rejected[0].Err.Error(), "matches another") {
		t.Errorf("accepted %+v", out)
	}
	h.has(personID("1"), nickName, "Addie")
	h.has(personID("2"), nickName, "")
	h.told(before, map[string]int{})
	// A value that names nobody moves nothing either.
	h.reads("more", file{"x": {number: "3", nickName: "Ada"}})
	h.has(personID("1"), nickName, "Ada")
	// Nor does a change at the other source.
	h.reads("hr", file{"1": numbered("5", nil), "2": numbered("3", nil)})
	h.reads("more", file{"x": {number: "3", nickName: "Ada"}})
	h.has(personID("1"), nickName, "Ada")
	// Gone from a complete read and back, it is looked at as if it were new.
	h.reads("more", file{})
	h.has(personID("1"), nickName, "")
	h.reads("more", file{"x": {number: "3", nickName: "Ada"}})
	h.has(personID("2"), nickName, "Ada")
	h.has(personID("1"), nickName, "")
}

func TestAddedAttributesGoWithTheirRecord(t *testing.T) {
	t.Parallel()
	h := pair(t, true)
	h.reads("hr", file{"1": numbered("1", nil), "2": numbered("2", nil)})
	h.reads("more", file{"x": {number: "1", nickName: "Addie", department: "Legal"}, "y": {number: "2"}})
	before := h.events()
	h.reads("more", file{"y": {number: "2"}})
	h.has(personID("1"), nickName, "")
	h.stands("1", directory.Active, "", 1)
	h.told(before, map[string]int{"person.changed": 1})
	h.reads("more", file{"x": {number: "1", nickName: "Addie"}, "y": {number: "2"}})
	h.has(personID("1"), nickName, "Addie")
	h.quiet()
}

// TestWhoAddsHoldsNobody: a list of telephones keeps nobody in, and brings
// nobody back.
func TestWhoAddsHoldsNobody(t *testing.T) {
	t.Parallel()
	h := pair(t, true)
	h.reads("hr", file{"1": numbered("1", nil), "2": numbered("2", nil)})
	h.reads("more", file{"x": {number: "1", nickName: "Addie"}})
	h.reads("hr", file{"2": numbered("2", nil)})
	h.stands("1", directory.Leaver, directory.CauseAbsent, 1)
	h.states("more", file{"x": {number: "1", nickName: "Ada"}})
	h.stands("1", directory.Leaver, directory.CauseAbsent, 1) // not even until Settle
	h.settle()
	h.stands("1", directory.Leaver, directory.CauseAbsent, 1)
	h.reads("more", file{})
	h.reads("more", file{"x": {number: "1", nickName: "Bo"}})
	h.stands("1", directory.Leaver, directory.CauseAbsent, 1)
	h.quiet()

	h.gate.shut[directory.CauseAbsent] = true
	h.reads("hr", file{"1": numbered("1", nil)})
	h.stands("2", directory.Missing, "", 1)
	h.states("more", file{"x": {number: "2", nickName: "Bo"}})
	h.stands("2", directory.Missing, "", 1)
	h.settle()
	h.stands("2", directory.Missing, "", 1)
	h.stands("1", directory.Active, "", 1)
}

// TestDatesAreOfOneRecord: the start of one employment and the end of another
// make none.
func TestDatesAreOfOneRecord(t *testing.T) {
	t.Parallel()
	h := pair(t, false)
	h.reads("more", file{"x": numbered("1", row{endDate: day(-1)})})
	id := ofPerson("more", "x")
	if p := h.everyone()[id].Person; p.State != directory.Leaver {
		t.Fatalf("%+v", p)
	}
	// From contractor to employee: the source that comes first says that they are in.
	h.reads("hr", file{"1": numbered("1", nil)})
	if p := h.everyone()[id].Person; p.State != directory.Active {
		t.Errorf("%+v", p)
	}
	h.has(id, endDate, "")
	// What the other one says of its own end does not count any more.
	h.reads("more", file{"x": numbered("1", row{endDate: day(-3)})})
	if p := h.everyone()[id].Person; p.State != directory.Active {
		t.Errorf("%+v", p)
	}
	// The first source says that they have left: they have, whatever others say …
	h.reads("hr", file{"1": numbered("1", row{endDate: day(-1)})})
	h.reads("more", file{"x": numbered("1", nil)})
	if p := h.everyone()[id].Person; p.State != directory.Leaver {
		t.Errorf("%+v", p)
	}
	// … also when it lists them no more …
	h.reads("hr", file{})
	h.quiet()
	if p := h.everyone()[id].Person; p.State != directory.Leaver {
		t.Errorf("%+v", p)
	}
	// … unless an employment began since: from employee to contractor.
	h.reads("more", file{"x": numbered("1", row{startDate: day(0)})})
	if p := h.everyone()[id].Person; p.State != directory.Active || p.Generation != 2 {
		t.Errorf("%+v", p)
	}
	h.quiet()
}

// TestTheNextEmploymentComesByDate: nothing is read on the day.
func TestTheNextEmploymentComesByDate(t *testing.T) {
	t.Parallel()
	h := pair(t, false)
	h.reads("hr", file{"1": numbered("1", row{endDate: day(2)})})
	h.reads("more", file{"x": numbered("1", row{startDate: day(2), department: "Legal"})})
	h.stands("1", directory.Active, "", 1)
	h.has(personID("1"), endDate, "2026-03-03T00:00:00Z")
	h.now = day(2)
	h.settle()
	h.stands("1", directory.Active, "", 1)
	h.has(personID("1"), endDate, "")
	h.quiet()
}

func TestOneSourceLosesSightOfSomebodyWhomAnotherHolds(t *testing.T) {
	t.Parallel()
	h := pair(t, false)
	h.reads("hr", file{"1": numbered("1", row{title: "Clerk"}), "2": numbered("2", nil)})
	h.reads("more", file{"x": numbered("1", row{title: "Adviser"})})
	h.reads("hr", file{"2": numbered("2", nil)})
	h.stands("1", directory.Active, "", 1)
	h.has(personID("1"), title, "Adviser")
	h.wasAsked(directory.CauseAbsent)
	h.reads("more", file{})
	h.wasAsked(directory.CauseAbsent, "1")
	h.stands("1", directory.Leaver, directory.CauseAbsent, 1)
	h.quiet()
}

// TestAbsenceReopensNobody: the source that said that they have left loses sight
// of them, and so has another one before.
func TestAbsenceReopensNobody(t *testing.T) {
	t.Parallel()
	h := pair(t, false)
	h.reads("hr", file{"1": numbered("1", nil), "2": numbered("2", nil)})
	h.reads("more", file{"x": numbered("1", row{endDate: day(-1)})})
	h.stands("1", directory.Active, "", 1)
	h.reads("hr", file{"2": numbered("2", nil)})
	h.stands("1", directory.Leaver, directory.CauseTermination, 1)
	h.reads("more", file{})
	h.stands("1", directory.Leaver, directory.CauseTermination, 1)
	h.quiet()
}

// TestLessAuthorityReopensNobody: whom the source with more authority has let go
// stays out, however often another one says that they are there.
func TestLessAuthorityReopensNobody(t *testing.T) {
	t.Parallel()
	h := pair(t, false)
	h.reads("hr", file{"1": numbered("1", nil), "2": numbered("2", nil)})
	h.reads("more", file{"x": numbered("1", nil)})
	h.reads("hr", file{"1": numbered("1", row{endDate: day(-1)}), "2": numbered("2", nil)})
	h.stands("1", directory.Leaver, directory.CauseTermination, 1)
	for _, name := range []string{"Addie", "Ada"} {
		h.reads("more", file{"x": numbered("1", row{nickName: name})})
		h.stands("1", directory.Leaver, directory.CauseTermination, 1)
	}
	h.reads("more", file{})
	h.reads("more", file{"x": numbered("1", nil)})
	h.stands("1", directory.Leaver, directory.CauseTermination, 1)
	h.quiet()
}

// TestWhatWentMeanwhile: what somebody had of another source when they left is
// gone when they are back, if that source says it no more.
func TestWhatWentMeanwhile(t *testing.T) {
	t.Parallel()
	h := pair(t, true)
	h.reads("hr", file{"1": numbered("1", nil), "2": numbered("2", nil)})
	h.reads("more", file{"x": {number: "1", nickName: "Addie"}})
	h.reads("hr", file{"2": numbered("2", nil)})
	h.reads("more", file{})
	h.has(personID("1"), nickName, "Addie") // who left is left as they were
	h.reads("hr", file{"1": numbered("1", nil), "2": numbered("2", nil)})
	h.stands("1", directory.Active, "", 1)
	h.has(personID("1"), nickName, "")
	h.quiet()
}

// TestNoTwoRecordsOfOneSource: one that holds somebody may come back.
func TestNoTwoRecordsOfOneSource(t *testing.T) {
	t.Parallel()
	h := pair(t, false)
	h.reads("more", file{"x": numbered("1", nil)})
	h.reads("hr", file{"1": numbered("1", nil)})
	h.reads("hr", file{})
	h.reads("hr", file{"2": numbered("1", nil)}) // another key for the same number
	h.reads("hr", file{"1": numbered("1", nil), "2": numbered("1", nil)})
	if got := keysOf(h.everyone()[ofPerson("more", "x")]); got != "hr:1 more:x" {
		t.Errorf("the records %s", got)
	}
	if got := keysOf(h.everyone()[ofPerson("hr", "2")]); got != "hr:2" {
		t.Errorf("the records %s", got)
	}
}

func TestAuthorityByAttribute(t *testing.T) {
	t.Parallel()
	h := pair(t, true)
	h.cfg.Sources[1].First = []scim.Path{title}
	h.retally()
	h.reads("hr", file{"1": numbered("1", row{title: "Clerk", familyName: "Brandt"})})
	h.reads("more", file{"x": {number: "1", title: "Wizard", familyName: "Smith"}})
	h.has(personID("1"), title, "Wizard")
	h.has(personID("1"), familyName, "Brandt")
	var records []directory.Record
	for _, l := range h.everyone() {
		records = l.Records
	}
	for path, want := range map[scim.Path]string{
		title: "more:x wins, hr:1 loses", familyName: "hr:1 wins, more:x loses", department: "hr:1 wins, more:x loses", nickName: "hr:1 loses, more:x loses",
	} {
		opinions, err := h.dir().Opinions(records, path)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, o := range opinions {
			verb := " loses"
			if o.Won {
				verb = " wins"
			}
			if o.Why == "" {
				t.Errorf("%s: no reason", path)
			}
			got = append(got, o.Record.Source+":"+o.Record.ID+verb)
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%s: %s, want %s", path, strings.Join(got, ", "), want)
		}
	}
	// Another configuration: nothing is read, and everybody is somebody else.
	h.cfg.Sources[1].First = nil
	before := h.events()
	h.retally()
	h.has(personID("1"), title, "Clerk")
	h.told(before, map[string]int{"person.changed": 1})
	h.quiet()
	h.retally()
	h.quiet()
}

// TestMatchComesLater: a source that matches is added to people who are there.
func TestMatchComesLater(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.cfg.Paths = append(h.cfg.Paths, nickName, number)
	h.retally()
	h.reads("hr", file{"1": numbered("1", nil)})
	h.cfg.Sources = append(h.cfg.Sources, directory.SourceRules{Name: "more", Match: []scim.Path{userName, number}, Waits: true})
	h.retally()
	h.reads("more", file{"x": {number: "1", nickName: "Addie"}})
	h.has(personID("1"), nickName, "Addie")
}

// TestReservedNamesAreMatched: who wished for a name that was taken is found by
// the one they have.
func TestReservedNamesAreMatched(t *testing.T) {
	t.Parallel()
	h := pair(t, true)
	h.cfg.Sources[1].Match = []scim.Path{userName}
	h.cfg.Sources[1].Unique = nil
	h.retally()
	h.reads("hr", file{"1": ada, "2": ada})
	h.has(personID("2"), userName, "ada2@acme.example")
	h.reads("more", file{"x": {userName: "ADA2@acme.example", nickName: "Two"}, "y": {userName: "ada@acme.example", nickName: "One"}})
	h.has(personID("1"), nickName, "One")
	h.has(personID("2"), nickName, "Two")
}
