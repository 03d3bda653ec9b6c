// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"slices"
	"testing"
	"time"
)

// TestDifferences tries the verdict by itself, so that one which is content with
// everything is noticed.
func TestDifferences(t *testing.T) {
	t.Parallel()
	ada := account{UserName: "ada", Title: "Engineer", Active: true}
	want := newHoldings()
	want.accounts["1"], want.accounts["2"] = ada, account{UserName: "bob"}
	want.groups["all"] = []string{"1"}
	same := want.clone()
	same.groups["empty"] = nil // somebody else's group that holds nobody is none of our business
	if got := want.differences(same); len(got) > 0 {
		t.Errorf("equal holdings differ: %v", got)
	}
	for _, c := range []struct {
		change func(holdings)
		told   string
	}{
		{func(h holdings) { delete(h.accounts, "1") }, "1 (ada) has no account"},
		{func(h holdings) { h.accounts["3"] = account{UserName: "eve"} }, "3 (eve) has an account and must have none"},
		{func(h holdings) { a := ada; a.Title = "x"; h.accounts["1"] = a }, `1 (ada): title is "x", must be "Engineer"`},
		{func(h holdings) { a := ada; a.Active = false; h.accounts["1"] = a }, `1 (ada): active is "false", must be "true"`},
		{func(h holdings) { a := ada; a.Department = "x"; h.accounts["1"] = a }, `1 (ada): department is "x", must be ""`},
		{func(h holdings) { delete(h.groups, "all") }, `there is no group "all"`},
		{func(h holdings) { h.groups["all"] = nil }, `1 is not in group "all"`},
		{func(h holdings) { h.groups["all"] = []string{"1", "2"} }, `2 is in group "all" and must not be`},
		{func(h holdings) { h.groups["other"] = []string{"2"} }, `there is a group "other" that must not be`},
	} {
		have := want.clone()
		c.change(have)
		if got := want.differences(have); !slices.Equal(got, []string{c.told}) {
			t.Errorf("%v, want %q", got, c.told)
		}
	}
}

// TestFollow holds the oracle to what a person would predict.
func TestFollow(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 25, 8, 0, 0, 0, time.UTC)
	a := companyApps(MinPeople)[0]
	a.want, a.wishes, a.given = newHoldings(), map[string]string{}, map[string]string{}
	ada := &Worker{Number: "1", Given: "Ada", givenSlug: "ada", Department: "A", Start: now.Add(-day)}
	eve := &Worker{Number: "2", Given: "Ada", givenSlug: "ada", Department: "A", Start: now.Add(day)}
	gone := &Worker{Number: "3", Given: "Bob", givenSlug: "bob", Department: "A", Start: now.Add(-9 * day), End: now.Add(-day)}
	all := []*Worker{eve, ada, gone}
	n := &nameBook{}
	follow := func(export []*Worker, at time.Time) {
		n.give(export)
		a.want.follow(a, export, n, at)
	}
	follow(all, now)
	if len(a.want.accounts) != 1 || a.want.accounts["1"].UserName != "ada@acme.example" || !slices.Equal(a.want.groups["A"], []string{"1"}) {
		t.Fatalf("%+v", a.want)
	}
	follow(all, now.Add(2*day)) // a first day
	if len(a.want.accounts) != 2 || a.want.accounts["2"].UserName != "ada2@acme.example" || !slices.Equal(a.want.groups["A"], []string{"1", "2"}) {
		t.Fatalf("%+v", a.want)
	}
	follow([]*Worker{eve}, now.Add(2*day)) // a truncated export
	if !a.want.accounts["1"].Active || !slices.Equal(a.want.groups["A"], []string{"1", "2"}) {
		t.Fatalf("%+v", a.want)
	}
	ada.Department, ada.Title = "B", "Chief"
	follow(all, now.Add(2*day))
	if len(a.want.groups["A"]) != 1 || !slices.Equal(a.want.groups["B"], []string{"1"}) || a.want.accounts["1"].Title != "Chief" {
		t.Fatalf("%+v", a.want)
	}
	ada.End, ada.Title = now.Add(2*day), "Nobody"
	follow(all, now.Add(3*day))
	if got := a.want.accounts["1"]; got.Active || got.Title != "Chief" || len(a.want.groups["B"]) != 0 {
		t.Fatalf("%+v", got)
	}
}

// ledgerOf is an app of which the ledger alone is asked.
type ledgerOf struct {
	simulator

	says deeds
}

func (l ledgerOf) deeds() deeds { return l.says }

// TestMisdeeds: each number of the ledger is held against what must have been done.
func TestMisdeeds(t *testing.T) {
	t.Parallel()
	must := deeds{made: 5, out: 3, back: 2, gone: 1}
	for _, c := range []struct {
		loses bool
		says  deeds
		told  []string
	}{
		{false, deeds{made: 5, out: 3, back: 2, gone: 1}, nil},
		{true, deeds{made: 5, out: 3, back: 2, gone: 1, lost: 1}, nil},
		{true, deeds{made: 5, out: 3, back: 2, gone: 1}, []string{"no answer of it was lost on the way, as the story has it"}},
		{false, deeds{made: 6, out: 3, back: 2, gone: 1}, []string{"6 accounts were created, must be 5"}},
		{false, deeds{made: 5, out: 4, back: 2, gone: 1}, []string{"4 accounts were disabled, must be 3"}},
		{false, deeds{made: 5, out: 3, back: 1, gone: 1}, []string{"1 accounts were enabled again, must be 2"}},
		{false, deeds{made: 5, out: 3, back: 2}, []string{"0 accounts were deleted, must be 1"}},
		{false, deeds{made: 5, out: 3, back: 2, gone: 1, odd: []string{"group x was deleted"}}, []string{"group x was deleted"}},
	} {
		a := &App{traits: traits{loses: c.loses}, sim: ledgerOf{says: c.says}, did: must}
		if got := a.misdeeds(); !slices.Equal(got, c.told) {
			t.Errorf("%+v: %q, want %q", c.says, got, c.told)
		}
	}
}

// TestFollowLeavers: what becomes of a leaver's account is the app's own way, and counted.
func TestFollowLeavers(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 25, 8, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		traits traits
		want   *account // of the leaver; nil: none
		did    deeds    // after leaving, a block that is lifted, and the return
	}{
		{traits{}, &account{UserName: "ada@acme.example", Given: "Ada", Display: "Ada", Department: "A"}, deeds{made: 1, out: 1, back: 1}},
		{traits{login: true, mails: true}, &account{UserName: "ada@x", Mail: "ada@x", Given: "Ada", Display: "Ada", Department: "A"}, deeds{made: 1, out: 2, back: 1}},
		{traits{hidesNames: true}, &account{Given: "Ada", Display: "Ada", Department: "A"}, deeds{made: 1, out: 1, back: 1}},
		{traits{deletes: true}, nil, deeds{made: 2, gone: 1}},
	} {
		a := &App{traits: c.traits, want: newHoldings()}
		ada := &Worker{Number: "1", Given: "Ada", givenSlug: "ada", Mail: "ada@x", Department: "A", Start: now.Add(-day)}
		n := &nameBook{}
		follow := func() {
			n.give([]*Worker{ada})
			a.want.follow(a, []*Worker{ada}, n, now)
		}
		follow()
		ada.End = now
		follow()
		ada.letIn = true
		follow()
		got, there := a.want.accounts["1"]
		if there != (c.want != nil) || there && got != *c.want {
			t.Errorf("%+v: %+v", c.traits, got)
		}
		ada.End = time.Time{}
		follow()
		if !a.want.accounts["1"].Active || a.did.made != c.did.made || a.did.out != c.did.out || a.did.back != c.did.back || a.did.gone != c.did.gone {
			t.Errorf("%+v: %+v, did %+v", c.traits, a.want.accounts["1"], a.did)
		}
	}
}
