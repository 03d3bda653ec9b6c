// SPDX-License-Identifier: Apache-2.0

package provision_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/scim"
)

func nobody(string) bool { return false }

// removals makes n operations of a kind and cause.
func removals(kind provision.Kind, cause directory.Cause, n int) []*provision.Op {
	ops := make([]*provision.Op, n)
	for i := range ops {
		o := &provision.Op{Kind: kind, App: "crm", Cause: cause, Person: fmt.Sprintf("%s-%d", cause, i)}
		if kind == provision.MemberRemove {
			o.Team = "t"
		}
		ops[i] = provision.SetOp(o, false, cause == provision.CauseMembership)
	}
	return ops
}

// The limits of DESIGN section 4, each on both sides of its edge.
func TestLimits(t *testing.T) {
	t.Parallel()
	l := provision.DefaultLimits()
	for _, c := range []struct {
		cause             directory.Cause
		accounts, members int
		today, most       int
	}{
		{provision.CauseScope, 0, 0, 0, 3},         // floor
		{provision.CauseScope, 150, 0, 0, 3},       // 2 % and the floor meet
		{provision.CauseScope, 199, 0, 0, 3},       // rounded down
		{provision.CauseScope, 200, 0, 0, 4},       // per cent
		{provision.CauseScope, 100_000, 0, 0, 250}, // cap
		{directory.CauseAbsent, 1000, 0, 0, 20},
		{directory.CauseAbsent, 10, 0, 4, 1}, // floor of the day: 5
		{directory.CauseAbsent, 10, 0, 5, 0},
		{directory.CauseAbsent, 950, 0, 50, 0}, // 5 % of what was there
		{directory.CauseAbsent, 955, 0, 45, 5},
		{directory.CauseAbsent, 100_000, 0, 990, 10}, // cap of the day: 1,000
		{"profile", 1000, 0, 0, 20},                  // a cause that nobody thought of is unexplained
		{directory.CauseTermination, 0, 0, 9999, 10},
		{directory.CauseTermination, 200, 0, 0, 10},
		{directory.CauseTermination, 220, 0, 0, 11},
		{directory.CauseTermination, 100_000, 0, 0, 5000},
		{provision.CauseMembership, 9999, 0, 0, 25},
		{provision.CauseMembership, 0, 20_000, 0, 1000},
	} {
		b := provision.Base(c.accounts, c.members, c.today)
		if limit, reason := l.Verdict(c.cause, c.most, b); c.most > 0 && reason != "" {
			t.Errorf("%+v: %d are held, at most %d: %s", c, c.most, limit, reason)
		}
		limit, reason := l.Verdict(c.cause, c.most+1, b)
		if reason == "" || limit != c.most {
			t.Errorf("%+v: %d pass, or the limit told is %d", c, c.most+1, limit)
		}
	}
}

func TestGuardHoldsWholeSets(t *testing.T) {
	t.Parallel()
	joiner := provision.SetOp(&provision.Op{Kind: provision.Create, App: "crm", Person: "new"}, false, false)
	update := provision.SetOp(&provision.Op{Kind: provision.Update, App: "crm", Person: "old"}, false, false)
	scope := removals(provision.Disable, provision.CauseScope, 4)
	absent := removals(provision.Disable, directory.CauseAbsent, 2)
	terminated := removals(provision.Delete, directory.CauseTermination, 10)
	lost := removals(provision.MemberRemove, provision.CauseMembership, 25)
	// Memberships that go with an account: of one that is held and one that is not.
	with := provision.SetOp(&provision.Op{Kind: provision.MemberRemove, App: "crm", Cause: provision.CauseScope, Person: scope[0].Person, Team: "t"}, false, false)
	free := provision.SetOp(&provision.Op{Kind: provision.MemberRemove, App: "crm", Cause: directory.CauseAbsent, Person: absent[0].Person, Team: "t"}, false, false)
	ops := slices.Concat([]*provision.Op{joiner, update, with, free}, scope, absent, terminated, lost)
	p := provision.DefaultLimits().Guard(provision.Plan{App: "crm", Ops: ops}, provision.Base(10, 10, 0), nobody)
	if len(p.Held) != 1 || p.Held[0].Cause != provision.CauseScope || p.Held[0].Count != 4 || p.Held[0].Limit != 3 || len(p.Held[0].Ops) != 4 {
		t.Fatalf("%+v", p.Held)
	}
	passed := map[*provision.Op]bool{}
	for _, o := range p.Ops {
		passed[o] = true
	}
	for _, o := range ops {
		if held := o == with || slices.Contains(scope, o); passed[o] == held {
			t.Errorf("%s of %s (%s): held %v", o.Kind, o.Person, o.Cause, held)
		}
	}
}

// What was admitted in the directory has been counted there.
func TestGuardSkipsAdmitted(t *testing.T) {
	t.Parallel()
	ops := removals(provision.Disable, directory.CauseAbsent, 50)
	for _, o := range ops {
		provision.SetOp(o, true, false)
	}
	p := provision.DefaultLimits().Guard(provision.Plan{App: "crm", Ops: ops}, provision.Base(60, 0, 0), nobody)
	if len(p.Held) != 0 || len(p.Ops) != 50 {
		t.Errorf("%+v", p.Held)
	}
}

// Two causes that pass one by one do not pass the day's limit together.
func TestCausesShareTheDay(t *testing.T) {
	t.Parallel()
	ops := slices.Concat(removals(provision.Disable, directory.CauseAbsent, 3), removals(provision.Disable, provision.CauseScope, 3))
	p := provision.DefaultLimits().Guard(provision.Plan{App: "crm", Ops: ops}, provision.Base(10, 0, 0), nobody)
	if len(p.Held) != 1 || len(p.Ops) != 3 || p.Held[0].Limit != 2 {
		t.Errorf("%d pass, %+v", len(p.Ops), p.Held)
	}
}

func TestReleaseCoversItsSet(t *testing.T) {
	t.Parallel()
	guard := func(n int, released string) provision.Plan {
		ops := removals(provision.Disable, provision.CauseScope, n)
		rand.Shuffle(n, func(i, j int) { ops[i], ops[j] = ops[j], ops[i] })
		return provision.DefaultLimits().Guard(provision.Plan{App: "crm", Ops: ops}, provision.Base(10, 0, 0),
			func(id string) bool { return id == released })
	}
	id := guard(8, "").Held[0].ID
	if again := guard(8, "").Held[0].ID; again != id {
		t.Errorf("the order shows in the id: %s, %s", id, again)
	}
	p := guard(8, id)
	if len(p.Held) != 0 || len(p.Ops) != 8 || !provision.Consented(p.Ops[0]) {
		t.Errorf("%+v", p)
	}
	for _, n := range []int{7, 9} {
		if p := guard(n, id); len(p.Held) != 1 || len(p.Ops) != 0 {
			t.Errorf("a release of 8 covers %d", n)
		}
	}
	ids := []string{"a", "b"}
	seen := map[string]bool{}
	for _, h := range []string{
		provision.HoldID("crm", provision.CauseScope, ids), provision.HoldID("crm", directory.CauseAbsent, ids),
		provision.HoldID("chat", provision.CauseScope, ids), provision.HoldID("crm", provision.CauseScope, []string{"ab"}),
		provision.HoldID("crm", provision.CauseScope, nil),
	} {
		if seen[h] {
			t.Error("two sets of one id")
		}
		seen[h] = true
	}
}

// No plan that passes exceeds a limit, whatever is asked and whatever there is.
func TestGuardProperty(t *testing.T) {
	t.Parallel()
	causes := []directory.Cause{provision.CauseScope, directory.CauseAbsent, "profile", directory.CauseTermination, provision.CauseMembership}
	rapid.Check(t, func(t *rapid.T) {
		some := func(name string) provision.Limit {
			return provision.Limit{
				Floor: rapid.IntRange(0, 6).Draw(t, name+" floor"), Percent: float64(rapid.IntRange(0, 30).Draw(t, name+" %")),
				Cap: rapid.IntRange(0, 12).Draw(t, name+" cap"),
			}
		}
		l := provision.Limits{Unexplained: some("cycle"), UnexplainedDay: some("day"), Terminations: some("end"), Memberships: some("member")}
		accounts, members, today := rapid.IntRange(0, 99).Draw(t, "accounts"), rapid.IntRange(0, 99).Draw(t, "members"), rapid.IntRange(0, 9).Draw(t, "today")
		var ops []*provision.Op
		for _, c := range causes {
			kind := provision.Disable
			if c == provision.CauseMembership {
				kind = provision.MemberRemove
			}
			ops = append(ops, removals(kind, c, rapid.IntRange(0, 12).Draw(t, string(c)))...)
		}
		p := l.Guard(provision.Plan{App: "crm", Ops: slices.Clone(ops)}, provision.Base(accounts, members, today), nobody)
		n := map[directory.Cause]int{}
		for _, o := range p.Ops {
			n[o.Cause]++
		}
		unexplained := 0
		for _, c := range causes[:3] {
			unexplained += n[c]
			if n[c] > l.Unexplained.Of(accounts) {
				t.Fatalf("%d %s", n[c], c)
			}
		}
		if unexplained > 0 && unexplained+today > l.UnexplainedDay.Of(accounts+today) {
			t.Fatalf("%d unexplained with %d today", unexplained, today)
		}
		if n[directory.CauseTermination] > l.Terminations.Of(accounts) || n[provision.CauseMembership] > l.Memberships.Of(members) {
			t.Fatalf("%v", n)
		}
		total := len(p.Ops)
		for _, h := range p.Held {
			if n[h.Cause] != 0 {
				t.Fatalf("part of %s passes", h.Cause)
			}
			total += h.Count
		}
		if total != len(ops) {
			t.Fatalf("%d operations of %d", total, len(ops))
		}
	})
}

// depart asks the directory's door, as Settle would.
func (h *house) depart(cause directory.Cause, release string, people ...string) (pass bool) {
	h.t.Helper()
	g := provision.Gate{Limits: h.limits, Released: func(id string) bool { return release != "" && id == release }, Actor: "test"}
	h.must(h.db.Directory().Update(h.ctx, func(tx directory.Tx) (err error) {
		pass, err = g.Departures(h.ctx, tx, cause, people)
		return err
	}))
	return pass
}

// TestGateWindow: explicit ends that follow one another within the window are counted
// together; those that somebody agreed to are not.
func TestGateWindow(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.crew(100, "")
		h.apply()
		depart := func(release string, people ...string) (pass bool) {
			g := provision.Gate{
				Limits: h.limits, Released: func(id string) bool { return release != "" && id == release }, Actor: "test", Window: time.Hour,
			}
			h.must(h.db.Directory().Update(h.ctx, func(tx directory.Tx) (err error) {
				pass, err = g.Departures(h.ctx, tx, directory.CauseTermination, people)
				return err
			}))
			return pass
		}
		if !depart("", ids(0, 6)...) || !depart("", ids(6, 10)...) {
			t.Fatal("10 of 100 do not pass")
		}
		if depart("", ids(10, 11)...) {
			t.Error("the 11th passes")
		}
		holds := h.holds()
		if len(holds) != 1 || holds[0].Limit != 0 || !strings.Contains(holds[0].Reason, "with 10 shortly before; at most 10") {
			t.Fatalf("%+v", holds)
		}
		if !depart(holds[0].ID, ids(10, 11)...) {
			t.Error("what was agreed to does not pass")
		}
		if !h.depart(directory.CauseTermination, "", ids(11, 21)...) {
			t.Error("a call that counts by itself is held")
		}
		time.Sleep(time.Hour + time.Second)
		if !depart("", ids(21, 31)...) || len(h.holds()) != 0 {
			t.Error("an hour later 10 more do not pass")
		}
	})
}

func ids(from, to int) []string {
	var out []string
	for i := from; i < to; i++ {
		out = append(out, fmt.Sprintf("p%03d", i))
	}
	return out
}

func TestGate(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.crew(60, "")
		h.apply()
		if h.depart(directory.CauseAbsent, "", ids(0, 4)...) {
			t.Error("4 absent of 60 pass")
		}
		first := h.holds()
		if len(first) != 1 || first[0].App != "crm" || first[0].Count != 4 || first[0].Limit != 3 {
			t.Fatalf("%+v", first)
		}
		if !h.depart(directory.CauseTermination, "", ids(10, 20)...) {
			t.Error("10 terminations of 60 are held")
		}
		if h.depart(directory.CauseAbsent, "", ids(0, 4)...) || len(h.holds()) != 1 || h.holds()[0].ID != first[0].ID {
			t.Errorf("the same set: %+v", h.holds())
		}
		if n := h.events("hold.made", ""); n != 1 {
			t.Errorf("%d events hold.made", n)
		}
		if h.depart(directory.CauseAbsent, first[0].ID, ids(0, 5)...) {
			t.Error("a release covers more than its set")
		}
		if !h.depart(directory.CauseAbsent, first[0].ID, ids(0, 4)...) || len(h.holds()) != 0 {
			t.Errorf("released: %+v", h.holds())
		}
		// What was agreed to is not counted against what passes without.
		if !h.depart(directory.CauseAbsent, "", ids(20, 23)...) {
			t.Errorf("3 after a release of 4: %+v", h.holds())
		}
		if h.depart(directory.CauseAbsent, "", ids(23, 26)...) {
			t.Error("3 and 3 in a day")
		}
		if h.depart(directory.CauseTermination, "", ids(0, 11)...) {
			t.Error("11 terminations of 60 pass")
		}
		if len(h.holds()) != 2 {
			t.Errorf("each cause has its hold: %+v", h.holds())
		}
		h.depart(directory.CauseAbsent, "")
		h.depart(directory.CauseTermination, "")
		if len(h.holds()) != 0 {
			t.Errorf("a hold outlives its cause: %+v", h.holds())
		}
	})
}

// One a cycle, far below what a cycle lets pass: the day's window stops it, and
// opens again.
func TestGateDrip(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.crew(60, "")
		h.apply()
		gone := 0
		for i := range 50 {
			if h.depart(directory.CauseAbsent, "", fmt.Sprintf("p%03d", i)) {
				gone++
			}
			time.Sleep(time.Minute)
		}
		if gone != 5 {
			t.Errorf("%d went", gone)
		}
		time.Sleep(24 * time.Hour)
		if !h.depart(directory.CauseAbsent, "", "p055") {
			t.Error("the window never opens again")
		}
	})
}

// Whose end has been stated, and whose departure is not accepted yet, gains nothing; what changes
// of them, and what they lose for another reason, goes on. Once the end is taken back nothing is lacking.
func TestHeldDepartureGainsNothing(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.crew(4, "sales")
		h.put(somebody("p000", directory.Leaver)) // who never had an account
		h.apply()
		held := func(id string) *directory.Person {
			p := somebody(id, directory.Active, "displayName", "Of late")
			p.Next, p.Cause = time.Now(), directory.CauseTermination
			return p
		}
		for _, id := range []string{"p000", "p001", "p002"} {
			h.put(held(id))
		}
		h.seat("p001", "ops")
		h.app.forget()
		rep := h.apply()
		if rep.Update != 2 || rep.MemberRemove != 1 || len(h.app.writes()) != 3 {
			t.Errorf("%+v", h.app.writes())
		}
		for _, id := range []string{"p000", "p001"} {
			if a := h.account(id); a.Due || (a.State == provision.Live) != (id == "p001") {
				t.Errorf("%+v", a)
			}
		}
		for _, id := range []string{"p000", "p001", "p002"} {
			h.put(somebody(id, directory.Active, "displayName", "Of late"))
		}
		h.apply()
		h.settled()
	})
}

// So does whoever's end comes while a cycle waits for an app.
func TestEndComesWhileTheAppIsWaitedFor(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.crew(2, "")
		h.apply()
		p := somebody("late", directory.Active)
		p.Next = time.Now().Add(time.Minute).Truncate(time.Second)
		h.must(p.User.Put(scim.Path{URN: scim.UsherUserURN, Attr: "endDate"}, scim.String(p.Next.UTC().Format(time.RFC3339))))
		h.put(p)
		h.app.faults = func(c call) fault {
			if c.Op == "create" && c.Nth == 1 {
				return fault{before: slow(10 * time.Minute)}
			}
			return fault{}
		}
		if rep := h.apply(); rep.Create != 0 {
			t.Errorf("%+v", rep)
		}
	})
}

// doorShut is a gate that lets nobody go, and the rules of no team.
type doorShut struct{}

func (doorShut) Departures(context.Context, directory.Tx, directory.Cause, []string) (bool, error) {
	return false, nil
}
func (doorShut) TeamsOf(*directory.Person) ([]directory.Team, error) { return nil, nil }

// An end that is stated while an engine is at work counts for it at once, although the clock by
// which it plans is behind the one by which the end was accepted.
func TestHeldWhileAnEngineIsAtWork(t *testing.T) {
	in(t, func(t *testing.T, h *house) {
		h.clock = time.Now() // the engine's stands
		later := h.clock.Add(30 * time.Second)
		end := scim.Path{URN: scim.UsherUserURN, Attr: "endDate"}
		d := directory.New(directory.Config{
			Schemas: scim.CoreSchemas(), Teams: doorShut{}, Gate: doorShut{}, Actor: "test", Now: func() time.Time { return later },
			Sources: []directory.SourceRules{{Name: "hr"}}, Paths: []scim.Path{{Attr: "userName"}, {Attr: "displayName"}, end},
		})
		states := func(version byte, ends ...string) {
			t.Helper()
			s := directory.Statement{Key: directory.Key{Source: "hr", ID: "1"}, Digest: [32]byte{version}, Map: func() (*scim.Resource, error) {
				u := somebody("p000", "").User
				if len(ends) > 0 {
					h.must(u.Put(end, scim.String(ends[0])))
				}
				return u, nil
			}}
			h.must(h.db.Directory().Update(h.ctx, func(tx directory.Tx) error {
				_, err := d.Accept(h.ctx, tx, "hr", []directory.Statement{s})
				return err
			}))
		}
		states(1)
		h.app.faults = func(c call) fault {
			if c.Op == "create" && c.Nth == 1 {
				states(2, later.UTC().Add(-time.Hour).Format(time.RFC3339))
				return fault{before: slow(time.Minute)}
			}
			return fault{}
		}
		h.apply()
		if n := h.app.did("create"); n != 1 || len(h.app.users) > 0 {
			t.Errorf("%d requests, and %d accounts", n, len(h.app.users))
		}
		h.app.faults = nil
		states(3)
		h.apply()
		if len(h.app.users) != 1 {
			t.Error("nobody gets in whose end was taken back")
		}
	})
}
