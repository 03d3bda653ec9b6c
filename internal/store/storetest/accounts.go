// SPDX-License-Identifier: Apache-2.0

package storetest

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/store"
)

var accounts = group{
	"a person gets an account row in every app": rowsForAll,
	"accounts come back as they were":           accountRoundTrip,
	"subjects in pages":                         subjectPages,
	"what is due":                               due,
	"who is due and not in":                     out,
	"since when somebody was marked":            markedSince,
	"a mark is cleared by its version alone":    clearMarks,
	"a mark is cleared with what was done":      restClears,
	"putting an account clears no mark":         putClearsNothing,
	"a change unparks and marks anew":           changeUnparks,
	"accounts are doubted that are there":       doubted,
	"an old plan parks nobody":                  oldPlanParksNobody,
	"an app is marked anew":                     markApp,
	"people are marked anew":                    markPeople,
	"those of a team are marked anew":           markTeams,
	"who got a record is marked anew":           markLinked,
	"by what a source knows people":             recordKeys,
	"memberships":                               edges,
	"owners":                                    owners,
	"the next retry":                            nextRetry,
	"groups":                                    groups,
}

func rowsForAll(b *bundle) {
	b.put(person("a"))
	b.app("one")
	b.app("two")
	b.put(person("b"))
	for _, app := range []string{"one", "two"} {
		same(b, app, b.subjects(provision.Query{App: app, Limit: 9}), []string{"a", "b"})
		same(b, "due at "+app, b.subjects(provision.Query{App: app, Limit: 9, Due: true, Now: noon}), []string{"a", "b"})
	}
	same(b, "at an app that nobody knows", b.subjects(provision.Query{App: "three", Limit: 9}), nil)
}

func accountRoundTrip(b *bundle) {
	b.crowd(2)
	a := b.subject("app", "p000").Account
	equal(b, "a new account's state", a.State, provision.None)
	if a.Sent != nil || !a.Due || a.Version != 1 {
		b.Errorf("a new account: %+v", a)
	}
	a.RemoteID, a.State, a.Sent, a.Since = "r-1", provision.Disabled, user("x"), noon
	a.Parked, a.Attempts, a.RetryAt, a.Observe, a.Last, a.Journal, a.Begun, a.Late = "refused", 3, noon.Add(time.Hour), true, provision.Ambiguous, 42, true, noon.Add(2*time.Hour)
	b.provision(func(tx provision.Tx) error { return tx.PutAccounts(b.ctx, []provision.Account{a}) })
	got := b.subject("app", "p000").Account
	equal(b, "sent", got.Sent.String(), a.Sent.String())
	got.Sent, a.Sent = nil, nil
	equal(b, "account", got, a)
	equal(b, "the other account", b.subject("app", "p001").Account.RemoteID, "")
}

func markLinked(b *bundle) {
	b.crowd(3)
	b.app("other")
	rest := func() {
		b.provision(func(tx provision.Tx) error {
			for _, app := range []string{"app", "other"} {
				subjects, err := tx.Subjects(b.ctx, provision.Query{App: app, Limit: 9})
				b.must(err)
				for _, s := range subjects {
					a := s.Account
					a.Parked = "no such record"
					b.must(tx.PutAccounts(b.ctx, []provision.Account{a}))
					b.must(tx.ClearMarks(b.ctx, app, []provision.Mark{{Person: s.Person.ID, Version: a.Version}}))
				}
			}
			return nil
		})
	}
	rest()
	b.directory(func(tx directory.Tx) error {
		return errors.Join(tx.MarkLinked(b.ctx, nil), tx.MarkLinked(b.ctx, []string{"p001", "nobody"}))
	})
	for _, app := range []string{"app", "other"} {
		same(b, "due at "+app, b.subjects(provision.Query{App: app, Limit: 9, Due: true, Now: noon}), []string{"p001"})
	}
}

// recordKeys: subjects come with the keys that the source which is asked for has for them
// still, and no other's.
func recordKeys(b *bundle) {
	b.crowd(3)
	rec := func(source, id, person string, change func(*directory.Record)) directory.Record {
		r := record(id, person)
		r.Source = source
		if change != nil {
			change(&r)
		}
		return r
	}
	b.directory(func(tx directory.Tx) error {
		return tx.PutRecords(b.ctx, []directory.Record{
			rec("list", "2", "p000", nil), rec("list", "1", "p000", func(r *directory.Record) { r.End = noon.Add(time.Hour) }),
			rec("list", "3", "p000", func(r *directory.Record) { r.Missing = noon }), rec("list", "4", "p000", func(r *directory.Record) { r.Alias = "2" }),
			rec("list", "5", "", nil), rec("idp", "6", "p000", nil), rec("idp", "7", "p001", nil), rec("list", "8", "p002", nil),
		})
	})
	for source, want := range map[string]string{"list": "1 until 13:00, 2; ; 8", "idp": "6; 7; ", "": "; ; ", "nobody": "; ; "} {
		var got []string
		b.provision(func(tx provision.Tx) error {
			subjects, err := tx.Subjects(b.ctx, provision.Query{App: "app", Limit: 9, Source: source})
			for _, s := range subjects {
				var keys []string
				for _, k := range s.Records {
					if !k.End.IsZero() {
						k.ID += k.End.UTC().Format(" until 15:04")
					}
					keys = append(keys, k.ID)
				}
				got = append(got, strings.Join(keys, ", "))
			}
			return err
		})
		equal(b, "keys of source "+source, strings.Join(got, "; "), want)
	}
}

func subjectPages(b *bundle) {
	ids := b.crowd(57)
	b.app("other")
	for _, limit := range []int{1, 10, 19, 56, 57, 58} {
		for _, q := range []provision.Query{{}, {Due: true}, {People: ids[10:40]}} {
			var got []string
			q.App, q.Limit, q.Now, q.After = "app", limit, noon, ""
			for {
				page := b.subjects(q)
				if len(page) > limit {
					b.Fatalf("a page of %d, the limit is %d", len(page), limit)
				}
				got = append(got, page...)
				if len(page) < limit {
					break
				}
				q.After = page[len(page)-1]
			}
			want := ids
			if q.People != nil {
				want = q.People
			}
			same(b, "subjects", got, want)
		}
	}
	same(b, "of nobody", b.subjects(provision.Query{App: "app", Limit: 9, People: []string{}}), nil)
}

func due(b *bundle) {
	ids := b.crowd(8)
	b.provision(func(tx provision.Tx) error {
		page, err := tx.Subjects(b.ctx, provision.Query{App: "app", Limit: 99})
		b.must(err)
		at := func(i int) *provision.Account { return &page[i].Account }
		at(1).Parked = "refused"
		at(2).RetryAt = noon
		at(3).RetryAt = noon.Add(time.Second)
		at(4).Observe = true
		at(5).Observe, at(5).RetryAt = true, noon.Add(time.Second)
		at(6).Observe, at(6).Parked = true, "refused"
		for i := range page {
			b.must(tx.PutAccounts(b.ctx, []provision.Account{*at(i)}))
		}
		return tx.ClearMarks(b.ctx, "app", []provision.Mark{{Person: ids[7], Version: at(7).Version}, {Person: ids[4], Version: at(4).Version}})
	})
	q := provision.Query{App: "app", Limit: 99, Now: noon}
	q.Due = true
	same(b, "due", b.subjects(q), []string{ids[0], ids[2]})
	q.Due, q.Observe = false, true
	same(b, "to be looked at", b.subjects(q), []string{ids[4]})
	q.Observe, q.Parked = false, true
	same(b, "parked", b.subjects(q), []string{ids[1], ids[6]})
	q.Parked, q.Due, q.Now = false, true, noon.Add(time.Second)
	same(b, "due a second later", b.subjects(q), []string{ids[0], ids[2], ids[3]})
	q.People = []string{ids[3], ids[7]}
	same(b, "due of two", b.subjects(q), []string{ids[3]})
}

func out(b *bundle) {
	leaver := func(id string) *directory.Person {
		p := person(id)
		p.State = directory.Leaver
		return p
	}
	b.put(person("a"), leaver("b"), person("c"))
	b.app("app") // the rows are made when the app is marked
	b.provision(func(tx provision.Tx) error { return tx.MarkApp(b.ctx, "app") })
	q := provision.Query{App: "app", Limit: 9, Due: true, Out: true, Now: noon, Since: time.Now().Add(-time.Hour)}
	same(b, "out", b.subjects(q), []string{"b"})
	b.put(leaver("a"), person("b"), leaver("d")) // with what they were, or anew
	same(b, "out after a change", b.subjects(q), []string{"a", "d"})
	version := b.subject("app", "a").Account.Version
	b.provision(func(tx provision.Tx) error {
		return tx.ClearMarks(b.ctx, "app", []provision.Mark{{Person: "a", Version: version}})
	})
	same(b, "out and due", b.subjects(q), []string{"d"})
	q.Since = time.Now().Add(time.Hour)
	same(b, "out and marked since", b.subjects(q), nil)
}

func markedSince(b *bundle) {
	b.crowd(2)
	b.app("other")
	version := b.subject("app", "p001").Account.Version
	is := func(what, app string, want bool, since time.Time) {
		b.Helper()
		b.provision(func(tx provision.Tx) error {
			got, err := tx.MarkedSince(b.ctx, app, since)
			equal(b, what, got, want)
			return err
		})
	}
	before := time.Now()
	time.Sleep(time.Millisecond)
	is("nothing has happened", "app", false, before)
	is("an app that nobody knows", "none", false, before)
	b.provision(func(tx provision.Tx) error {
		return tx.ClearMarks(b.ctx, "app", []provision.Mark{{Person: "p001", Version: version, Wake: noon}})
	})
	is("a mark was cleared", "app", false, before)
	b.provision(func(tx provision.Tx) error { return tx.Wake(b.ctx, "app", noon.Add(-time.Second)) })
	is("nobody's time has come", "app", false, before)
	b.provision(func(tx provision.Tx) error { return tx.Wake(b.ctx, "app", noon) })
	is("somebody's time has come", "app", true, before)
	is("somebody's time has come elsewhere", "other", false, before)
	before = time.Now()
	time.Sleep(time.Millisecond)
	b.provision(func(tx provision.Tx) error { return tx.MarkPeople(b.ctx, "app", []string{"p000"}) })
	is("somebody was marked", "app", true, before)
	before = time.Now()
	time.Sleep(time.Millisecond)
	b.put(person("p000"))
	is("somebody changed", "app", true, before)
	is("somebody changed, everywhere", "other", true, before)
}

// An account that is written together with the clearing of its mark loses it,
// unless a newer one has come.
func restClears(b *bundle) {
	for _, steady := range []bool{true, false} {
		id := map[bool]string{true: "steady", false: "unsteady"}[steady]
		b.put(person("x"))
		b.app("app")
		b.put(person(id))
		a := b.subject("app", id).Account
		b.put(person(id))
		put := func(version int64) provision.Account {
			a.Steady, a.Rest = steady, &provision.Mark{Person: id, Version: version, Wake: noon}
			b.provision(func(tx provision.Tx) error { return tx.PutAccounts(b.ctx, []provision.Account{a}) })
			return b.subject("app", id).Account
		}
		newer := put(a.Version)
		if !newer.Due || newer.Version <= a.Version {
			b.Fatalf("%s: a newer mark was cleared: %+v", id, newer)
		}
		a.RemoteID, a.State = "r-"+id, provision.Disabled
		got := put(newer.Version)
		if got.Due || got.RemoteID != a.RemoteID || got.State != a.State {
			b.Errorf("%s: %+v", id, got)
		}
		b.provision(func(tx provision.Tx) error { return tx.Wake(b.ctx, "app", noon) })
		equal(b, id+" is due when the calendar says so", b.subject("app", id).Account.Due, true)
	}
}

func clearMarks(b *bundle) {
	b.crowd(1)
	old := b.subject("app", "p000").Account.Version
	b.put(person("p000")) // a newer mark comes between plan and clearing
	clear := func(version int64) {
		b.provision(func(tx provision.Tx) error {
			return tx.ClearMarks(b.ctx, "app", []provision.Mark{{Person: "p000", Version: version}})
		})
	}
	clear(old)
	a := b.subject("app", "p000").Account
	if !a.Due || a.Version <= old {
		b.Fatalf("a newer mark was cleared by an older plan: %+v, was %d", a, old)
	}
	clear(a.Version)
	equal(b, "due", b.subject("app", "p000").Account.Due, false)
	b.put(person("p000"))
	equal(b, "due", b.subject("app", "p000").Account.Due, true)
}

func putClearsNothing(b *bundle) {
	b.crowd(1)
	a := b.subject("app", "p000").Account
	put := func(due bool) bool {
		a.Due = due
		b.provision(func(tx provision.Tx) error { return tx.PutAccounts(b.ctx, []provision.Account{a}) })
		return b.subject("app", "p000").Account.Due
	}
	equal(b, "due after a put without a mark", put(false), true)
	b.provision(func(tx provision.Tx) error {
		return tx.ClearMarks(b.ctx, "app", []provision.Mark{{Person: "p000", Version: a.Version}})
	})
	equal(b, "due after a put without a mark", put(false), false)
	equal(b, "due after a put with one", put(true), true)
}

func changeUnparks(b *bundle) {
	b.crowd(2)
	for _, id := range []string{"p000", "p001"} {
		a := b.subject("app", id).Account
		a.Parked, a.RetryAt, a.RemoteID, a.Observe = "refused", noon.Add(time.Hour), "r-"+id, true
		b.provision(func(tx provision.Tx) error { return tx.PutAccounts(b.ctx, []provision.Account{a}) })
	}
	before, other := b.subject("app", "p000").Account, b.subject("app", "p001").Account
	b.put(person("p000"))
	a := b.subject("app", "p000").Account
	if a.Parked != "" || !a.RetryAt.IsZero() || !a.Due || a.Version != before.Version+1 {
		b.Errorf("after a change: %+v", a)
	}
	if a.RemoteID != before.RemoteID || !a.Observe {
		b.Errorf("a change forgot what is known of the account: %+v", a)
	}
	equal(b, "the other account", b.subject("app", "p001").Account, other)
	// What is to be looked at, and not yet, is not looked at the sooner.
	a.RetryAt = noon.Add(time.Hour)
	b.provision(func(tx provision.Tx) error { return tx.PutAccounts(b.ctx, []provision.Account{a}) })
	b.put(person("p000"))
	equal(b, "when it is to be looked at", b.subject("app", "p000").Account.RetryAt, a.RetryAt)
}

func doubted(b *bundle) {
	b.crowd(4)
	b.provision(func(tx provision.Tx) error {
		var accounts []provision.Account
		for i, id := range []string{"p000", "p001", "p002", "p003"} {
			a := b.subject("app", id).Account
			a.RemoteID = "r-" + id
			if i >= 2 {
				a.Parked = "refused"
			}
			if i == 3 {
				a.Last = provision.Shut
			}
			accounts = append(accounts, a)
		}
		b.must(tx.PutAccounts(b.ctx, accounts))
		b.must(tx.PutGroups(b.ctx, []provision.Group{{App: "app", Team: "t", RemoteID: "g"}, {App: "app", Team: "u"}}))
		return tx.Doubt(b.ctx, "app", []string{"p001", "p003"})
	})
	looked := func() []string { return b.subjects(provision.Query{App: "app", Limit: 9, Observe: true, Now: noon}) }
	same(b, "to be looked at", looked(), []string{"p001", "p003"})
	b.provision(func(tx provision.Tx) error {
		all, err := tx.Groups(b.ctx, "app")
		equal(b, "a group that is there is doubted", all["t"].Observe, true)
		equal(b, "and one that is not", all["u"].Observe, false)
		b.must(err)
		return tx.Doubt(b.ctx, "app", nil)
	})
	same(b, "to be looked at", looked(), []string{"p000", "p001", "p003"})
}

func markApp(b *bundle) {
	b.crowd(2)
	a := b.subject("app", "p000").Account
	a.Parked, a.RetryAt = "refused", noon
	b.provision(func(tx provision.Tx) error {
		b.must(tx.PutAccounts(b.ctx, []provision.Account{a}))
		b.must(tx.PutGroups(b.ctx, []provision.Group{{App: "app", Team: "t", Standing: provision.Standing{Parked: "refused", RetryAt: noon}}}))
		b.must(tx.ClearMarks(b.ctx, "app", []provision.Mark{{Person: "p001", Version: 1}}))
		return tx.MarkApp(b.ctx, "app")
	})
	for _, id := range []string{"p000", "p001"} {
		got := b.subject("app", id).Account
		if !got.Due || got.Version <= a.Version || got.Parked != "" || !got.RetryAt.IsZero() {
			b.Errorf("%s: %+v", id, got)
		}
	}
	b.provision(func(tx provision.Tx) error {
		all, err := tx.Groups(b.ctx, "app")
		g := all["t"]
		if g.Parked != "" || !g.RetryAt.IsZero() {
			b.Errorf("group %+v", g)
		}
		return err
	})
}

func markPeople(b *bundle) {
	ids := b.crowd(3)
	b.app("other")
	b.provision(func(tx provision.Tx) error {
		for _, app := range []string{"app", "other"} {
			for _, id := range ids {
				b.must(tx.ClearMarks(b.ctx, app, []provision.Mark{{Person: id, Version: 1}, {Person: id, Version: 2}}))
			}
		}
		return tx.MarkPeople(b.ctx, "app", ids[1:2])
	})
	same(b, "due", b.subjects(provision.Query{App: "app", Limit: 9, Due: true, Now: noon}), ids[1:2])
	same(b, "due elsewhere", b.subjects(provision.Query{App: "other", Limit: 9, Due: true, Now: noon}), nil)
}

func markTeams(b *bundle) {
	ids := b.crowd(4)
	b.app("other")
	t, u := directory.Team{ID: "t", Rule: "dept", Value: "t", Name: "t"}, directory.Team{ID: "u", Rule: "dept", Value: "u", Name: "u"}
	b.directory(func(tx directory.Tx) error {
		return tx.SetTeams(b.ctx, map[string][]directory.Team{ids[0]: {t, u}, ids[1]: {t}, ids[2]: {u}, ids[3]: nil})
	})
	rest := func() {
		b.Helper()
		b.provision(func(tx provision.Tx) error {
			for _, app := range []string{"app", "other"} {
				for _, s := range ids {
					for v := range int64(9) {
						b.must(tx.ClearMarks(b.ctx, app, []provision.Mark{{Person: s, Version: v}}))
					}
				}
			}
			return nil
		})
	}
	due := func(what string, want []string) {
		b.Helper()
		same(b, what, b.subjects(provision.Query{App: "app", Limit: 9, Due: true, Now: noon}), want)
		same(b, what+", elsewhere", b.subjects(provision.Query{App: "other", Limit: 9, Due: true, Now: noon}), nil)
	}
	rest()
	b.provision(func(tx provision.Tx) error { return tx.MarkTeams(b.ctx, "app", nil) })
	due("nobody", nil)
	b.provision(func(tx provision.Tx) error { return tx.MarkTeams(b.ctx, "app", []string{"t", "x"}) })
	due("of a team", ids[:2])
	since := func() (at time.Time) {
		b.read(func(r store.Reader) error {
			log, err := r.Backlog(b.ctx, "app", noon)
			at = log.Oldest
			return err
		})
		return at
	}
	before := since()
	b.provision(func(tx provision.Tx) error { return tx.MarkTeams(b.ctx, "app", []string{"t"}) })
	if !since().Equal(before) {
		b.Errorf("due since %s, and since %s when marked again", before, since())
	}
	rest()
	aside := provision.Group{App: "app", Team: "u", Standing: provision.Standing{Parked: "403", Last: provision.Forbidden}}
	other := provision.Group{App: "app", Team: "t", Standing: provision.Standing{Parked: "400", Last: provision.Parked}}
	b.provision(func(tx provision.Tx) error {
		b.must(tx.PutGroups(b.ctx, []provision.Group{aside, other}))
		return tx.Unpark(b.ctx, "app", provision.Forbidden)
	})
	due("of a group that is free again", []string{ids[0], ids[2]})
	b.provision(func(tx provision.Tx) error {
		got, err := tx.Groups(b.ctx, "app")
		equal(b, "set aside", got["u"].Parked, "")
		equal(b, "for another reason", got["t"].Parked, "400")
		return err
	})
}

func edges(b *bundle) {
	b.crowd(3)
	is := func(id string, want ...string) {
		b.Helper()
		var got []string
		for team := range b.subject("app", id).Members {
			got = append(got, team)
		}
		slices.Sort(got)
		if strings.Join(got, ",") != strings.Join(want, ",") {
			b.Errorf("%s is in %v, want %v", id, got, want)
		}
	}
	e := func(team, person string) provision.Edge { return provision.Edge{Team: team, Person: person} }
	b.provision(func(tx provision.Tx) error {
		return tx.PutEdges(b.ctx, "app", []provision.Edge{e("t", "p000"), e("u", "p000"), e("t", "p002")}, nil, 1)
	})
	is("p000", "t", "u")
	is("p001")
	is("p002", "t")
	b.provision(func(tx provision.Tx) error { // what is there already, and what is not there
		return tx.PutEdges(b.ctx, "app", []provision.Edge{e("t", "p000"), e("t", "p001")}, []provision.Edge{e("t", "p002"), e("x", "p000")}, 2)
	})
	is("p000", "t", "u")
	is("p001", "t")
	is("p002")
	b.provision(func(tx provision.Tx) error {
		of, err := tx.EdgesOf(b.ctx, "app", "t")
		same(b, "members of t", of, []string{"p000", "p001"})
		return err
	})
	known := func(id string, want bool) {
		b.Helper()
		if got, there := b.subject("app", id).Members["t"]; got != want || !there {
			b.Errorf("%s in t: known %t, there %t", id, got, there)
		}
	}
	for _, journal := range []int64{provision.Unsure, 3, provision.Unsure, provision.Unsure, 0} { // of one that is there, and one that is new
		b.provision(func(tx provision.Tx) error {
			return tx.PutEdges(b.ctx, "app", []provision.Edge{e("t", "p000"), e("t", "p002"), e("t", "p000")}, nil, journal) // one of them twice
		})
		known("p000", journal != provision.Unsure)
		known("p002", journal != provision.Unsure)
		known("p001", true)
	}
	b.provision(func(tx provision.Tx) error {
		got, err := tx.Totals(b.ctx, "app")
		equal(b, "memberships", got.Memberships, 4)
		return err
	})
}

func owners(b *bundle) {
	ids := b.crowd(2)
	a := b.subject("app", ids[0]).Account
	a.RemoteID = "r'1"
	b.provision(func(tx provision.Tx) error {
		b.must(tx.PutAccounts(b.ctx, []provision.Account{a}))
		got, err := tx.Owners(b.ctx, "app", []string{"r'1", "r2", ""})
		equal(b, "owners", len(got), 1)
		equal(b, "owner", got["r'1"], ids[0])
		b.must(err)
		none, err := tx.Owners(b.ctx, "other", []string{"r'1"})
		equal(b, "owners elsewhere", len(none), 0)
		return err
	})
}

func nextRetry(b *bundle) {
	b.crowd(3)
	var people []string
	var after time.Time
	next := func() (at time.Time) {
		b.provision(func(tx provision.Tx) (err error) {
			at, err = tx.NextRetry(b.ctx, "app", people, after)
			return err
		})
		return at
	}
	equal(b, "next", next(), time.Time{})
	put := func(id string, at time.Time, parked string) {
		a := b.subject("app", id).Account
		a.RetryAt, a.Parked = at, parked
		b.provision(func(tx provision.Tx) error { return tx.PutAccounts(b.ctx, []provision.Account{a}) })
	}
	put("p000", noon.Add(2*time.Hour), "")
	put("p001", noon.Add(time.Hour), "")
	put("p002", noon, "refused")
	equal(b, "next", next(), noon.Add(time.Hour))
	after = noon.Add(time.Hour)
	equal(b, "next after the first", next(), noon.Add(2*time.Hour))
	people = []string{"p001"}
	equal(b, "next of somebody who waits no longer", next(), time.Time{})
	people, after = nil, time.Time{}
	b.put(person("p001"))
	equal(b, "next", next(), noon.Add(2*time.Hour))
}

func groups(b *bundle) {
	g := provision.Group{App: "app", Team: "t", RemoteID: "g1", Name: "Sales", Standing: provision.Standing{
		Parked: "refused", Attempts: 2, RetryAt: noon, Observe: true, Last: provision.Taken, Journal: 7,
	}}
	b.directory(func(tx directory.Tx) error { return tx.SetTeams(b.ctx, nil) })
	b.provision(func(tx provision.Tx) error {
		b.must(tx.PutGroups(b.ctx, []provision.Group{{App: "app", Team: "t"}, {App: "other", Team: "t"}}))
		b.must(tx.PutGroups(b.ctx, []provision.Group{g}))
		all, err := tx.Groups(b.ctx, "app")
		equal(b, "groups", len(all), 1)
		equal(b, "group", all["t"], g)
		return err
	})
}

// oldPlanParksNobody: what was refused was the state before the change.
func oldPlanParksNobody(b *bundle) {
	b.crowd(1)
	a := b.subject("app", "p000").Account
	b.put(person("p000"))
	a.Parked, a.RemoteID = "refused", "r1"
	b.provision(func(tx provision.Tx) error { return tx.PutAccounts(b.ctx, []provision.Account{a}) })
	got := b.subject("app", "p000").Account
	equal(b, "parked", got.Parked, "")
	equal(b, "due", got.Due, true)
	equal(b, "remote id", got.RemoteID, "r1")
}
