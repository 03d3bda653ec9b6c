// SPDX-License-Identifier: Apache-2.0

package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/store"
	"github.com/usher-id/usher/scim"
)

var people = group{
	"people and records come back as they were": roundTrip,
	"people in pages":       pagesOfPeople,
	"who is missing":        missing,
	"whose lifecycle waits": waiting,
	"names are given once":  names,
	"teams are replaced":    teams,
	"search":                search,
	"totals":                totals,
	"many ids at once":      manyIDs,
	"who is found by what":  matching,
	"what does not hold":    notHolding,
	"who is made due":       madeDue,
	"who is the same":       alike,
	"who is erased":         erased,
	"meta":                  meta,
}

func roundTrip(b *bundle) {
	p := person("p")
	p.State, p.Cause, p.Admitted, p.Next, p.Revision, p.Generation = directory.Leaver, directory.CauseAbsent, true, noon, 7, 3
	p.Revoked = directory.Revocation{At: noon.Add(time.Minute), By: "hr", Start: noon.Add(-time.Hour), Outdone: true}
	p.User.Set("displayName", scim.String("Zoë \"Ω\" 'x' \u2028 %_?"))
	r := record("id'; --", "p")
	r.Start, r.End, r.Missing = noon.Add(time.Hour), noon.Add(2*time.Hour), noon.Add(3*time.Hour)
	b.directory(func(tx directory.Tx) error {
		b.must(tx.PutPeople(b.ctx, []*directory.Person{p}))
		return tx.PutRecords(b.ctx, []directory.Record{r})
	})
	b.directory(func(tx directory.Tx) error {
		got, err := tx.People(b.ctx, []string{"p", "nobody"})
		b.must(err)
		equal(b, "people", len(got), 1)
		equal(b, "person", fmt.Sprintf("%+v", noUser(*got["p"])), fmt.Sprintf("%+v", noUser(*p)))
		equal(b, "user", got["p"].User.String(), p.User.String())
		records, err := tx.Records(b.ctx, "hr", []string{r.ID, "none"})
		b.must(err)
		equal(b, "records", len(records), 1)
		equal(b, "record", fmt.Sprintf("%+v", records[r.ID]), fmt.Sprintf("%+v", r))
		other, err := tx.Records(b.ctx, "other", []string{r.ID})
		b.must(err)
		equal(b, "records of another source", len(other), 0)
		of, err := tx.RecordsOf(b.ctx, []string{"p"})
		equal(b, "records of p", fmt.Sprintf("%+v", of["p"]), fmt.Sprintf("%+v", []directory.Record{r}))
		return err
	})
}

func alike(b *bundle) {
	same := func(id, person, of string) directory.Record {
		r := record(id, person)
		r.Same, r.Past, r.Holds = of, of == "u1", of != "u1"
		return r
	}
	a, c, d, other := same("a", "p", "u1"), same("c", "", "u2"), same("d", "q", ""), same("b", "p", "u1")
	other.Source = "idp"
	b.directory(func(tx directory.Tx) error { return tx.PutRecords(b.ctx, []directory.Record{c, a, d, other}) })
	b.directory(func(tx directory.Tx) error {
		of, err := tx.Alike(b.ctx, "hr", []string{"u2", "u1", "u3", ""})
		b.must(err)
		equal(b, "of hr", fmt.Sprintf("%+v", of), fmt.Sprintf("%+v", []directory.Record{a, c}))
		a.Same, a.Past = "u3", false // nothing else changes
		b.must(tx.PutRecords(b.ctx, []directory.Record{a}))
		of, err = tx.Alike(b.ctx, "hr", []string{"u1", "u3"})
		b.must(err)
		equal(b, "of another one", fmt.Sprintf("%+v", of), fmt.Sprintf("%+v", []directory.Record{a}))
		return nil
	})
}

func noUser(p directory.Person) directory.Person {
	p.User = nil
	return p
}

func pagesOfPeople(b *bundle) {
	ids := b.crowd(25)
	var got []string
	b.read(func(r store.Reader) error {
		for after := ""; ; {
			page, err := r.List(b.ctx, "", after, 10)
			if err != nil || len(page) == 0 {
				return err
			}
			for _, l := range page {
				got = append(got, l.Person.ID)
				equal(b, "records of "+l.Person.ID, len(l.Records), 1)
			}
			after = got[len(got)-1]
		}
	})
	same(b, "people", got, ids)
	b.read(func(r store.Reader) error {
		of, err := r.List(b.ctx, directory.Active, "", 100)
		b.must(err)
		none, err := r.List(b.ctx, directory.Erased, "", 100)
		equal(b, "people of their state", len(of), len(ids))
		equal(b, "people of no state that there is", len(none), 0)
		return err
	})
}

func missing(b *bundle) {
	b.put(person("a"), person("b"), person("c"))
	var changed []string
	set := func(complete bool, here ...string) {
		b.directory(func(tx directory.Tx) (err error) {
			changed, err = tx.SetMissing(b.ctx, "hr", complete, func(id string, taken time.Time) bool {
				return slices.Contains(here, strings.TrimPrefix(id, "r-")) && taken.Equal(noon)
			})
			return err
		})
	}
	is := func(want ...string) {
		b.Helper()
		var got []string
		b.directory(func(tx directory.Tx) error {
			records, err := tx.Records(b.ctx, "hr", []string{"r-a", "r-b", "r-c"})
			for _, id := range []string{"a", "b", "c"} {
				if !records["r-"+id].Missing.IsZero() {
					got = append(got, id)
				}
			}
			return err
		})
		same(b, "missing", got, want)
	}
	set(false, "a")
	is()
	same(b, "changed", changed, nil)
	set(true, "a")
	same(b, "changed", changed, []string{"r-b", "r-c"})
	is("b", "c")
	since := func() (at time.Time) {
		b.directory(func(tx directory.Tx) error {
			records, err := tx.Records(b.ctx, "hr", []string{"r-b"})
			at = records["r-b"].Missing
			return err
		})
		return at
	}
	first := since()
	set(true, "a", "c")
	is("b")
	equal(b, "missing since", since(), first)
	set(false, "a", "b")
	same(b, "changed", changed, []string{"r-b"})
	is()
	b.directory(func(tx directory.Tx) error { // another source's read says nothing of this one
		_, err := tx.SetMissing(b.ctx, "other", true, func(string, time.Time) bool { return false })
		return err
	})
	is()
}

func waiting(b *bundle) {
	with := func(id string, state directory.State, cause directory.Cause, next time.Time, missing ...bool) {
		p := person(id)
		p.State, p.Cause, p.Next = state, cause, next
		b.directory(func(tx directory.Tx) error {
			b.must(tx.PutPeople(b.ctx, []*directory.Person{p}))
			for i, m := range missing {
				r := record(fmt.Sprintf("%s-%d", id, i), id)
				if m {
					r.Missing = noon
				}
				b.must(tx.PutRecords(b.ctx, []directory.Record{r}))
			}
			return nil
		})
	}
	none := time.Time{}
	with("absent", directory.Active, "", none, true, true)
	with("absent-held", directory.Missing, "", none, true)
	with("absent-staged", directory.Staged, "", noon.Add(time.Hour), true)
	with("absent-left", directory.Leaver, directory.CauseAbsent, none, true)
	with("back", directory.Missing, "", none, false)
	with("back-left", directory.Leaver, directory.CauseAbsent, none, false)
	with("due", directory.Active, "", noon, false)
	with("due-absent", directory.Active, "", noon.Add(-time.Hour), true)
	with("half", directory.Active, "", none, true, false)
	with("later", directory.Active, "", noon.Add(time.Microsecond), false)
	with("terminated", directory.Leaver, directory.CauseTermination, none, false)
	b.directory(func(tx directory.Tx) error {
		due, absent, returned, err := tx.Waiting(b.ctx, noon)
		same(b, "due", due, []string{"due", "due-absent"})
		same(b, "absent", absent, []string{"absent", "absent-held", "absent-staged", "due-absent"})
		same(b, "returned", returned, []string{"back", "back-left"})
		in, err2 := tx.InIDs(b.ctx)
		b.must(err2)
		same(b, "in", in, []string{"absent", "absent-held", "back", "due", "due-absent", "half", "later"})
		return err
	})
}

func names(b *bundle) {
	const scope, attr = "organisation", "userName"
	b.directory(func(tx directory.Tx) error {
		b.must(tx.Reserve(b.ctx, scope, attr, "ada@x", "Ada@x", "p"))
		b.must(tx.Reserve(b.ctx, scope, "nickName", "ada@x", "Ada@x", "q"))
		b.must(tx.Reserve(b.ctx, "app", attr, "ada@x", "Ada@x", "q"))
		owner, err := tx.NameOwner(b.ctx, scope, attr, "ada@x")
		b.must(err)
		equal(b, "owner", owner, "p")
		name, err := tx.NameOf(b.ctx, scope, attr, "p")
		b.must(err)
		equal(b, "name", name, "Ada@x")
		free, err := tx.NameOwner(b.ctx, scope, attr, "bo@x")
		b.must(err)
		equal(b, "owner of a free name", free, "")
		none, err := tx.NameOf(b.ctx, scope, attr, "q")
		equal(b, "name of one without", none, "")
		return err
	})
	for what, r := range map[string][2]string{"a name given twice": {"ada@x", "r"}, "a second name": {"bo@x", "p"}} {
		err := b.db.Directory().Update(b.ctx, func(tx directory.Tx) error { return tx.Reserve(b.ctx, scope, attr, r[0], r[0], r[1]) })
		if err == nil {
			b.Error(what)
		}
	}
}

func team(name string) directory.Team {
	return directory.Team{ID: directory.TeamID("department", name), Rule: "department", Value: name, Name: name}
}

func teams(b *bundle) {
	b.crowd(3)
	set := func(m map[string][]directory.Team) {
		b.directory(func(tx directory.Tx) error { return tx.SetTeams(b.ctx, m) })
	}
	is := func(id string, want ...string) {
		b.Helper()
		var got []string
		for _, t := range b.subject("app", id).Teams {
			got = append(got, t.Name)
		}
		if strings.Join(got, ",") != strings.Join(want, ",") {
			b.Errorf("%s is in %v, want %v", id, got, want)
		}
	}
	set(map[string][]directory.Team{"p000": {team("a")}, "p001": {team("a"), team("a")}})
	is("p000", "a")
	is("p001", "a")
	is("p002")
	set(map[string][]directory.Team{"p000": {team("b")}, "p001": nil})
	is("p000", "b")
	is("p001")
	renamed := team("b")
	renamed.Name = "B"
	set(map[string][]directory.Team{"p002": {renamed}})
	is("p000", "B")
	is("p002", "B")
	for range 20 { // of two names of one team it is the first person's, each time
		set(map[string][]directory.Team{"p000": {renamed}, "p001": {team("b")}, "p002": {team("b")}})
		is("p002", "B")
	}
	b.provision(func(tx provision.Tx) error {
		all, err := tx.TeamsByID(b.ctx)
		equal(b, "teams", len(all), 2)
		equal(b, "team", all[renamed.ID], renamed)
		return err
	})
}

func search(b *bundle) {
	p, q := person("p"), person("q")
	q.User = user("Ada@Acme.Example")
	b.put(p, q)
	b.directory(func(tx directory.Tx) error {
		return tx.PutRecords(b.ctx, []directory.Record{record("waits", "")})
	})
	for what, want := range map[string][]string{
		"p": {"p"}, "ada@acme.example": {"q"}, "ADA@ACME.EXAMPLE": {"q"}, "r-p": {"p"}, "": nil, "nobody": nil, "%": nil, "r-": nil, "waits": nil,
	} {
		b.read(func(r store.Reader) error {
			got, err := r.Search(b.ctx, what)
			same(b, what, got, want)
			return err
		})
	}
}

func totals(b *bundle) {
	for i, s := range []directory.State{
		directory.Active, directory.Active, directory.Staged, directory.OnLeave, directory.Missing, directory.Leaver, directory.Leaver, directory.Leaver,
	} {
		p := person(fmt.Sprint(i))
		p.State = s
		b.put(p)
	}
	b.read(func(r store.Reader) error {
		got, err := r.PeopleTotals(b.ctx)
		equal(b, "totals", got, directory.Totals{Total: 8, Active: 2, Staged: 1, OnLeave: 1, Missing: 1, Leaver: 3})
		return err
	})
	b.provision(func(tx provision.Tx) error {
		n, err := tx.InCount(b.ctx)
		equal(b, "in", n, 4)
		return err
	})
}

// manyIDs asks for more than a statement may have parameters.
func manyIDs(b *bundle) {
	ids := b.crowd(200)
	for i := range 40_000 {
		ids = append(ids, fmt.Sprintf("nobody-%d", i))
	}
	b.directory(func(tx directory.Tx) error {
		got, err := tx.People(b.ctx, ids)
		equal(b, "people", len(got), 200)
		return err
	})
}

func meta(b *bundle) {
	b.directory(func(tx directory.Tx) error {
		none, err := tx.Meta(b.ctx, "key")
		b.must(err)
		equal(b, "meta", string(none), "")
		b.must(tx.PutMeta(b.ctx, "key", []byte{0, 1, 255}))
		b.must(tx.PutMeta(b.ctx, "key", []byte{0, 2, 255}))
		got, err := tx.Meta(b.ctx, "key")
		equal(b, "meta", string(got), "\x00\x02\xff")
		return err
	})
	b.read(func(r store.Reader) error {
		got, err := r.Meta(b.ctx, "key")
		equal(b, "meta, beside the engine", string(got), "\x00\x02\xff")
		return err
	})
}

func matching(b *bundle) {
	key := func(canonical, source string) directory.MatchKey {
		return directory.MatchKey{Attribute: "userName", Canonical: canonical, Source: source}
	}
	b.directory(func(tx directory.Tx) error {
		return tx.PutKeys(b.ctx, map[string][]directory.MatchKey{
			"a": {key("ada", "hr"), {Attribute: "title", Canonical: "bo", Source: "hr"}}, "b": {key("bo", "auth0")}, "c": {key("bo", "hr"), key("bo", "hr")},
		})
	})
	is := func(what string, want []string, attribute, canonical string, sources ...string) {
		b.Helper()
		b.directory(func(tx directory.Tx) error {
			got, err := tx.Matching(b.ctx, attribute, canonical, sources)
			same(b, what, got, want)
			return err
		})
	}
	is("one", []string{"a"}, "userName", "ada", "hr")
	is("another case", nil, "userName", "Ada", "hr")
	is("another source", nil, "userName", "ada", "auth0")
	is("no source", nil, "userName", "ada")
	is("two", []string{"b", "c"}, "userName", "bo", "hr", "auth0")
	is("another attribute", []string{"a"}, "title", "bo", "hr")
	b.directory(func(tx directory.Tx) error {
		return tx.PutKeys(b.ctx, map[string][]directory.MatchKey{"a": {key("bo", "hr")}, "b": nil})
	})
	is("replaced", nil, "userName", "ada", "hr", "auth0")
	is("replaced", []string{"a", "c"}, "userName", "bo", "hr", "auth0")
}

// notHolding: a record that only adds to a person keeps nobody in, and waits
// without a person.
func notHolding(b *bundle) {
	p := person("p")
	added := record("extra", "p")
	added.Source, added.Holds = "phones", false
	waits := record("waits", "")
	lost := record("lost", "p")
	lost.Source, lost.Holds, lost.Missing = "phones", false, noon
	waits.Source, waits.Holds = "phones", false
	gone := record("r", "p")
	gone.Missing = noon
	b.directory(func(tx directory.Tx) error {
		b.must(tx.PutPeople(b.ctx, []*directory.Person{p}))
		return tx.PutRecords(b.ctx, []directory.Record{gone, added, waits, lost})
	})
	b.directory(func(tx directory.Tx) error {
		_, absent, returned, err := tx.Waiting(b.ctx, noon)
		b.must(err)
		same(b, "absent", absent, []string{"p"})
		same(b, "returned", returned, nil)
		p.State = directory.Missing
		b.must(tx.PutPeople(b.ctx, []*directory.Person{p}))
		_, absent, returned, err = tx.Waiting(b.ctx, noon)
		same(b, "absent", absent, []string{"p"})
		same(b, "returned", returned, nil)
		got, err2 := tx.Records(b.ctx, "phones", []string{"extra", "waits"})
		b.must(err2)
		equal(b, "record", fmt.Sprintf("%+v", got["extra"]), fmt.Sprintf("%+v", added))
		equal(b, "record", fmt.Sprintf("%+v", got["waits"]), fmt.Sprintf("%+v", waits))
		return err
	})
	b.directory(func(tx directory.Tx) error {
		b.must(tx.Release(b.ctx, "phones", []string{"extra", "lost"}))
		b.must(tx.Release(b.ctx, "hr", []string{"r"}))
		of, err := tx.RecordsOf(b.ctx, []string{"p", ""})
		equal(b, "records of p", len(of["p"]), 2)
		equal(b, "records of nobody", len(of[""]), 2)
		return err
	})
}

func madeDue(b *bundle) {
	b.put(person("a"), person("b"), person("c"))
	more := record("more", "b")
	more.Source = "phones"
	b.directory(func(tx directory.Tx) error {
		b.must(tx.PutRecords(b.ctx, []directory.Record{more}))
		return tx.MarkDue(b.ctx, "hr", []string{"r-a", "r-b"}, noon)
	})
	b.directory(func(tx directory.Tx) error {
		due, _, _, err := tx.Waiting(b.ctx, noon)
		same(b, "due", due, []string{"b"})
		b.must(err)
		all, err := tx.Everybody(b.ctx)
		same(b, "everybody", all, []string{"a", "b", "c"})
		return err
	})
}

// erased: what tells of one person goes, and nobody else's does.
func erased(b *bundle) {
	b.crowd(2)
	b.directory(func(tx directory.Tx) error {
		b.must(tx.PutKeys(b.ctx, map[string][]directory.MatchKey{"p000": {{Attribute: "a", Canonical: "c", Source: "hr"}}, "p001": {{Attribute: "a", Canonical: "c", Source: "hr"}}}))
		return tx.AppendEvents(b.ctx, []audit.Event{{At: noon, Kind: "person.changed", Person: "p000"}, {At: noon, Kind: "person.changed", Person: "p001"}})
	})
	b.provision(func(tx provision.Tx) error {
		return tx.PutAccounts(b.ctx, []provision.Account{{App: "app", Person: "p000", State: provision.Live}})
	})
	err := b.db.Directory().Update(b.ctx, func(tx directory.Tx) error {
		_, err := tx.Erase(b.ctx, "p000")
		return err
	})
	if !errors.Is(err, directory.ErrHasAccess) {
		b.Errorf("somebody who has a live account: %v", err)
	}
	b.directory(func(tx directory.Tx) error {
		gone, err := tx.Erase(b.ctx, "p001")
		b.must(err)
		equal(b, "Users of providers", len(gone), 0)
		of, err := tx.RecordsOf(b.ctx, []string{"p000", "p001"})
		b.must(err)
		equal(b, "records of the other", len(of["p000"]), 1)
		equal(b, "records", len(of["p001"]), 0)
		found, err := tx.Matching(b.ctx, "a", "c", []string{"hr"})
		same(b, "found", found, []string{"p000"})
		return err
	})
	_, err = audit.Sequence(b.ctx, b.db.Ledger())
	b.must(err)
	r, err := audit.Verify(b.ctx, b.db.Ledger())
	b.must(err)
	equal(b, "erased", r.Erased, 1)
}
