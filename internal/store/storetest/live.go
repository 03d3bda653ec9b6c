// SPDX-License-Identifier: Apache-2.0

package storetest

import (
	"fmt"
	"slices"
	"time"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/source"
	"github.com/usher-id/usher/internal/store"
)

var live = group{
	"marks wait for their time":           marks,
	"marks that are renewed stay":         renewed,
	"events are heard once":               heard,
	"records that are parts of others":    parts,
	"what the records say":                digests,
	"what is set aside of some":           rejectsOfSome,
	"teams that a source states":          liveTeams,
	"teams of a rule, and of no other":    teamsOfRules,
	"records that are there again":        present,
	"who lacks a team":                    teamless,
	"what a record says now":              touched,
	"an erased person is in no such team": erasedMember,
	"accounts that are open are doubted":  doubt,
}

// doubt: whoever is known as disabled is found by the account's id, and only whom it is
// asked for is looked at again.
func doubt(b *bundle) {
	b.app("other")
	b.crowd(4)
	for i, state := range []provision.AccountState{provision.Disabled, provision.Live, provision.Gone, provision.Disabled} {
		for _, app := range []string{"app", "other"} {
			a := b.subject(app, fmt.Sprintf("p%03d", i)).Account
			a.RemoteID, a.State, a.Parked = fmt.Sprintf("r-%d", i), state, "for a reason"
			b.provision(func(tx provision.Tx) error {
				b.must(tx.PutAccounts(b.ctx, []provision.Account{a}))
				return tx.ClearMarks(b.ctx, app, []provision.Mark{{Person: a.Person, Version: a.Version}})
			})
		}
	}
	out := func(what, app string, ids []string, want ...string) {
		b.Helper()
		b.source(func(tx source.Tx) error {
			got, err := tx.ShutOut(b.ctx, app, ids)
			slices.Sort(got)
			same(b, what, got, want)
			return err
		})
	}
	out("everybody who is shut out", "app", nil, "r-0", "r-3")
	out("some of them", "app", []string{"r-1", "r-3", "r-9"}, "r-3")
	out("nobody of none", "app", []string{})
	out("at an app that nobody knows", "none", nil)
	before := b.subject("app", "p000").Account
	b.source(func(tx source.Tx) error { return tx.Suspect(b.ctx, "app", []string{"r-0", "r-9"}) })
	if a := b.subject("app", "p000").Account; !a.Observe || !a.Due || a.Parked != "" || a.Version <= before.Version {
		b.Errorf("the doubted account: %+v", a)
	}
	for _, s := range []struct{ app, person string }{{"app", "p001"}, {"app", "p003"}, {"other", "p000"}} {
		if a := b.subject(s.app, s.person).Account; a.Observe || a.Due || a.Parked == "" {
			b.Errorf("%s at %s: %+v", s.person, s.app, a)
		}
	}
	out("who is looked at anyhow is not asked for", "app", nil, "r-3")
	out("nor is anybody at another app touched", "other", nil, "r-0", "r-3")
}

func (b *bundle) marks(now time.Time, limit int) (keys string, next time.Time) {
	b.Helper()
	b.source(func(tx source.Tx) error {
		due, at, err := tx.Marks(b.ctx, "idp", now, limit)
		keys, next = "", at
		for _, m := range due {
			keys += m.Key + " "
		}
		return err
	})
	return keys, next
}

func marks(b *bundle) {
	b.source(func(tx source.Tx) error {
		b.must(tx.Mark(b.ctx, "other", []source.Mark{{Key: "x", Due: noon}}))
		return tx.Mark(b.ctx, "idp", []source.Mark{
			{Key: "late", Due: noon.Add(time.Hour)}, {Key: "b", Due: noon}, {Key: "a", Due: noon}, {Key: "first", Due: noon.Add(-time.Hour)}, {Key: "", Due: noon},
		})
	})
	keys, next := b.marks(noon, 10)
	equal(b, "due", keys, "first  a b ")
	equal(b, "next", next.Equal(noon.Add(-time.Hour)), true)
	keys, _ = b.marks(noon, 2)
	equal(b, "the first two", keys, "first  ")
	keys, next = b.marks(noon, 0)
	equal(b, "none asked for", keys+fmt.Sprint(next.IsZero()), "false")
	b.source(func(tx source.Tx) error {
		due, _, err := tx.Marks(b.ctx, "idp", noon, 10)
		b.must(err)
		return tx.Unmark(b.ctx, "idp", due)
	})
	keys, next = b.marks(noon.Add(2*time.Hour), 10)
	equal(b, "left", keys, "late ")
	equal(b, "next", next.Equal(noon.Add(time.Hour)), true)
}

func renewed(b *bundle) {
	var had []source.Mark
	b.source(func(tx source.Tx) (err error) {
		b.must(tx.Mark(b.ctx, "idp", []source.Mark{{Key: "a", Due: noon.Add(time.Hour), Gone: noon}, {Key: "b", Due: noon}}))
		had, _, err = tx.Marks(b.ctx, "idp", noon.Add(time.Hour), 10)
		return err
	})
	b.source(func(tx source.Tx) error {
		b.must(tx.Mark(b.ctx, "idp", []source.Mark{{Key: "a", Due: noon}})) // earlier, and no word of its being gone
		b.must(tx.Unmark(b.ctx, "idp", had))
		due, _, err := tx.Marks(b.ctx, "idp", noon, 10)
		equal(b, "due", len(due), 1)
		equal(b, "gone since", due[0].Gone.Equal(noon), true)
		equal(b, "since", due[0].Since.Equal(had[0].Since), true)
		return err
	})
	b.source(func(tx source.Tx) error {
		for key, want := range map[string]bool{"a": true, "c": false} {
			got, err := tx.Marked(b.ctx, "idp", key)
			b.must(err)
			equal(b, "marked "+key, got, want)
		}
		return nil
	})
}

func heard(b *bundle) {
	for i, want := range []bool{false, true, true} {
		b.source(func(tx source.Tx) error {
			before, err := tx.Heard(b.ctx, "idp", "evt_1")
			equal(b, fmt.Sprint("time ", i), before, want)
			return err
		})
	}
	b.source(func(tx source.Tx) error {
		before, err := tx.Heard(b.ctx, "other", "evt_1")
		equal(b, "of another source", before, false)
		return err
	})
}

func parts(b *bundle) {
	whole, part, merged := record("whole", "p"), record("part", "q"), record("merged", "")
	part.Alias, merged.Alias, whole.Blocked = "whole", "whole", true
	b.directory(func(tx directory.Tx) error { return tx.PutRecords(b.ctx, []directory.Record{whole, part, merged}) })
	b.directory(func(tx directory.Tx) error {
		of, err := tx.Linked(b.ctx, "hr", []string{"whole", "part"})
		b.must(err)
		equal(b, "parts", len(of), 2)
		equal(b, "merged", fmt.Sprintf("%+v", of[0]), fmt.Sprintf("%+v", merged))
		equal(b, "part", fmt.Sprintf("%+v", of[1]), fmt.Sprintf("%+v", part))
		to, err := tx.LinkedTo(b.ctx, "hr")
		b.must(err)
		equal(b, "to", fmt.Sprint(to), "map[part:whole]")
		all, err := tx.Records(b.ctx, "hr", []string{"whole"})
		equal(b, "whole", fmt.Sprintf("%+v", all["whole"]), fmt.Sprintf("%+v", whole))
		part.Alias, whole.Blocked = "", false // nothing else changes
		b.must(tx.PutRecords(b.ctx, []directory.Record{part, whole}))
		to, _ = tx.LinkedTo(b.ctx, "hr")
		equal(b, "taken apart", len(to), 0)
		return err
	})
}

func digests(b *bundle) {
	here, gone := record("here", "p"), record("gone", "q")
	here.Digest, gone.Missing = [32]byte{1, 2, 3}, noon
	b.source(func(tx source.Tx) error {
		b.must(tx.PutRecords(b.ctx, []directory.Record{here, gone}))
		got, err := tx.Digests(b.ctx, "hr")
		equal(b, "digests", fmt.Sprint(got), fmt.Sprint(map[string][32]byte{"here": here.Digest}))
		return err
	})
}

func rejectsOfSome(b *bundle) {
	b.source(func(tx source.Tx) error {
		b.must(tx.PutRead(b.ctx, source.Report{Source: "idp", Rows: 2, Rejected: []source.Reject{{Key: "a", Reason: "x"}, {Key: "b", Reason: "y"}}}, source.Proof{}))
		return tx.PutRejects(b.ctx, "idp", []string{"a", "c"}, []source.Reject{{Key: "c", Reason: "z"}})
	})
	b.read(func(r store.Reader) error {
		states, err := r.States(b.ctx)
		b.must(err)
		equal(b, "set aside", states[0].Rejected, 2)
		return nil
	})
}

func says(rule, id, name string, members ...string) source.StatedTeam {
	return source.StatedTeam{Rule: rule, ID: id, Name: name, Members: members}
}

// state states teams, and returns whose records that changes.
func (b *bundle) state(rule string, teams ...source.StatedTeam) (changed string) {
	b.Helper()
	b.source(func(tx source.Tx) error {
		of, err := tx.StateTeams(b.ctx, "hr", rule, teams)
		changed = fmt.Sprint(of)
		return err
	})
	return changed
}

func (b *bundle) teamsOf(person string) (names string) {
	b.Helper()
	b.directory(func(tx directory.Tx) error {
		of, err := tx.StatedTeams(b.ctx, []string{person})
		names = ""
		for _, t := range of[person] {
			names += t.Rule + ":" + t.Value + ":" + t.Name + " "
		}
		return err
	})
	return names
}

func liveTeams(b *bundle) {
	b.put(person("p"), person("q"))
	equal(b, "first", b.state("roles", says("roles", "r1", "Readers", "r-p", "nobody")), "[nobody r-p]")
	equal(b, "again", b.state("roles", says("roles", "r1", "Readers", "r-p", "nobody")), "[]")
	equal(b, "again, and twice", b.state("roles", says("roles", "r1", "Readers", "r-p", "nobody", "r-p")), "[]")
	equal(b, "p", b.teamsOf("p"), "roles:r1:Readers ")
	equal(b, "another name, and other members", b.state("roles", says("roles", "r1", "Authors", "r-q", "nobody", "r-q")), "[r-p r-q]")
	equal(b, "p", b.teamsOf("p"), "")
	equal(b, "q", b.teamsOf("q"), "roles:r1:Authors ")
	equal(b, "gone", b.state("roles"), "[nobody r-q]")
	equal(b, "q", b.teamsOf("q"), "")
}

func teamless(b *bundle) {
	b.put(person("p"), person("q"))
	b.state("roles", says("roles", "r1", "Readers", "r-p", "r-q", "nobody"))
	team := says("roles", "r1", "", "").Team("hr")
	b.directory(func(tx directory.Tx) error { return tx.SetTeams(b.ctx, map[string][]directory.Team{"q": {team}}) })
	b.source(func(tx source.Tx) error {
		all, err := tx.Teamless(b.ctx, "hr", nil)
		b.must(err)
		same(b, "of all", all, []string{"r-p"})
		some, err := tx.Teamless(b.ctx, "hr", []string{"r-q"})
		same(b, "of one who has it", some, nil)
		return err
	})
}

func touched(b *bundle) {
	r := record("x", "p")
	r.At = noon
	b.source(func(tx source.Tx) error { return tx.PutRecords(b.ctx, []directory.Record{r, record("y", "q")}) })
	b.source(func(tx source.Tx) error {
		b.must(tx.Touch(b.ctx, "hr", []string{"x", "unknown"}))
		all, err := tx.Records(b.ctx, "hr", []string{"x"})
		equal(b, "taken now", all["x"].At.After(noon), true)
		return err
	})
}

func teamsOfRules(b *bundle) {
	b.put(person("p"))
	b.state("roles", says("roles", "x", "Readers", "r-p"))
	b.state("organizations", says("organizations", "x", "Acme", "r-p"))
	equal(b, "both", len(b.teamsOf("p")), len("roles:x:Readers organizations:x:Acme "))
	b.state("roles")
	equal(b, "one", b.teamsOf("p"), "organizations:x:Acme ")
}

func present(b *bundle) {
	gone, part := record("gone", "p"), record("part", "")
	gone.Missing, part.Missing, part.Alias = noon, noon, "here"
	b.directory(func(tx directory.Tx) error {
		b.must(tx.PutRecords(b.ctx, []directory.Record{gone, part, record("here", "q")}))
		back, err := tx.Present(b.ctx, "hr", []string{"gone", "here", "part", "unknown"})
		b.must(err)
		same(b, "back", back, []string{"gone"})
		all, err := tx.Records(b.ctx, "hr", []string{"gone"})
		equal(b, "there", all["gone"].Missing.IsZero(), true)
		return err
	})
}

func erasedMember(b *bundle) {
	b.put(person("p"))
	b.state("roles", says("roles", "x", "Readers", "r-p", "r-q"))
	b.source(func(tx source.Tx) error { return tx.Mark(b.ctx, "hr", []source.Mark{{Key: "r-p", Due: noon}}) })
	b.directory(func(tx directory.Tx) error {
		_, err := tx.Erase(b.ctx, "p")
		return err
	})
	equal(b, "what is left", b.state("roles"), "[r-q]")
	b.source(func(tx source.Tx) error {
		due, _, err := tx.Marks(b.ctx, "hr", noon, 10)
		equal(b, "marks", len(due), 0)
		return err
	})
}
