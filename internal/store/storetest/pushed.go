// SPDX-License-Identifier: Apache-2.0

package storetest

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/source"
	"github.com/usher-id/usher/internal/token"
	"github.com/usher-id/usher/scim"
)

var pushed = group{
	"pushed resources come back as they were": pushedRoundTrip,
	"pushed resources by their keys":          pushedKeys,
	"pushed Users who have a name or had it":  pushedRivals,
	"pushed resources in pages":               pushedPages,
	"pushed resources by filter and order":    pushedQueries,
	"members of pushed groups":                pushedMembers,
	"pushed Users as they are shown":          pushedUsers,
	"names of other types are taken once":     pushedTaken,
	"values that pushed resources have":       pushedValues,
	"teams that sources state":                statedTeams,
	"who is erased leaves pushed groups":      erasedLeavesGroups,
}

var tokens = group{
	"tokens":                      tokensAreKept,
	"an assertion is used once":   assertionsAreUsedOnce,
	"what has expired is removed": expiredAccessGoes,
}

func (b *bundle) push(fn func(source.PushTx) error) {
	b.Helper()
	b.must(b.all.Pushed().Update(b.ctx, fn))
}

// resource is a pushed User, called as its id.
func resource(provider, id string) *source.Pushed {
	return &source.Pushed{
		Source: provider, Type: "User", ID: id, Record: "rec-" + id, Name: id, External: "e-" + id, Version: 1, Created: noon, Modified: noon,
		Body: []byte(`{"userName":"` + id + `"}`),
	}
}

func (b *bundle) found(provider string, by source.PushedBy, value string, deleted bool) (ids []string) {
	b.Helper()
	b.push(func(tx source.PushTx) error {
		rows, err := tx.Pushed(b.ctx, provider, "User", by, value, deleted)
		ids = nil
		for _, r := range rows {
			ids = append(ids, r.ID)
		}
		return err
	})
	return ids
}

func pushedRoundTrip(b *bundle) {
	r := resource("idp", "a")
	r.Ended = noon.Add(time.Hour)
	b.push(func(tx source.PushTx) error { return tx.PutPushed(b.ctx, r) })
	if r.Seq == 0 {
		b.Error("no place was given")
	}
	r.Name, r.External, r.Version, r.Modified, r.Ended, r.Record, r.Members, r.Body = "b", "", 2, noon.Add(time.Minute), time.Time{}, "other", 3, []byte(`{}`)
	b.push(func(tx source.PushTx) error { return tx.PutPushed(b.ctx, r) })
	b.push(func(tx source.PushTx) error {
		rows, err := tx.Pushed(b.ctx, "idp", "User", source.PushedByID, "a", false)
		if len(rows) != 1 {
			b.Fatalf("%d rows", len(rows))
		}
		equal(b, "the resource", fmt.Sprintf("%+v", rows[0]), fmt.Sprintf("%+v", *r))
		return err
	})
}

func pushedKeys(b *bundle) {
	b.push(func(tx source.PushTx) error {
		for _, r := range []*source.Pushed{resource("idp", "a"), resource("idp", "b"), resource("other", "a")} {
			b.must(tx.PutPushed(b.ctx, r))
		}
		gone := resource("idp", "c")
		gone.Name, gone.External = "a", "e-a"
		b.must(tx.PutPushed(b.ctx, gone))
		gone.Body = nil
		return tx.PutPushed(b.ctx, gone)
	})
	same(b, "by id", b.found("idp", source.PushedByID, "a", false), []string{"a"})
	same(b, "by name", b.found("idp", source.PushedByName, "a", false), []string{"a"})
	same(b, "by name, with who was deleted", b.found("idp", source.PushedByName, "a", true), []string{"a", "c"})
	same(b, "by externalId", b.found("idp", source.PushedByExternal, "e-a", false), []string{"a"})
	same(b, "by externalId, with who was deleted", b.found("idp", source.PushedByExternal, "e-a", true), []string{"a", "c"})
	same(b, "by record", b.found("idp", source.PushedByRecord, "rec-a", false), []string{"a"})
	same(b, "by record, of who was deleted", b.found("idp", source.PushedByRecord, "rec-c", false), nil)
	same(b, "who was deleted", b.found("idp", source.PushedByID, "c", false), nil)
	same(b, "by nothing", b.found("idp", source.PushedByExternal, "", true), nil)
	same(b, "at another provider", b.found("other", source.PushedByID, "b", true), nil)
}

func pushedRivals(b *bundle) {
	b.push(func(tx source.PushTx) error {
		for _, r := range []struct{ id, name, external string }{
			{"a", "ann", "1"}, {"b", "bob", "2"}, {"c", "cid", "1"}, {"d", "ann", "2"}, {"e", "eve", ""}, {"f", "ann", "1"},
		} {
			p := resource("idp", r.id)
			p.Name, p.External = r.name, r.external
			b.must(tx.PutPushed(b.ctx, p))
			if r.id == "d" {
				p.Body = nil
				b.must(tx.PutPushed(b.ctx, p))
			}
		}
		group, other := resource("idp", "g"), resource("other", "h")
		group.Type, group.Name, group.External = "Group", "ann", "1"
		other.Name, other.External = "ann", "1"
		b.must(tx.PutPushed(b.ctx, group))
		return tx.PutPushed(b.ctx, other)
	})
	for _, c := range []struct {
		name, external string
		want           []string
	}{{"ann", "1", []string{"a", "c", "d", "f"}}, {"bob", "1", []string{"a", "b", "c", "f"}}, {"ann", "", []string{"a", "d", "f"}}, {"zoe", "2", []string{"b", "d"}}, {"zoe", "", nil}} {
		var got []string
		b.push(func(tx source.PushTx) error {
			rows, err := tx.PushedRivals(b.ctx, "idp", c.name, c.external)
			got = nil
			for _, r := range rows {
				got = append(got, r.ID)
			}
			return err
		})
		same(b, c.name+" "+c.external, got, c.want)
	}
}

func pushedPages(b *bundle) {
	b.push(func(tx source.PushTx) error {
		for i := range 10 {
			r := resource("idp", fmt.Sprint("u", i))
			b.must(tx.PutPushed(b.ctx, r))
			b.must(tx.PutPushed(b.ctx, resource("other", fmt.Sprint("u", i))))
			if i%5 == 3 { // two of them go
				r.Body = nil
				b.must(tx.PutPushed(b.ctx, r))
			}
		}
		n, err := tx.PushedCount(b.ctx, "idp", "User")
		equal(b, "count", n, 8)
		b.must(err)
		n, err = tx.PushedCount(b.ctx, "idp", "Group")
		equal(b, "count of none", n, 0)
		b.must(err)
		var seen []string
		after := int64(0)
		for {
			rows, _, err := tx.PushedAfter(b.ctx, asked("User", ""), after, 3)
			b.must(err)
			for _, r := range rows {
				seen, after = append(seen, r.ID), r.Seq
			}
			if len(rows) < 3 {
				break
			}
		}
		same(b, "in order", seen, []string{"u0", "u1", "u2", "u4", "u5", "u6", "u7", "u9"})
		rows, err := tx.PushedAt(b.ctx, "idp", "User", 3, 2)
		if len(rows) != 2 || rows[0].ID != "u4" || rows[1].ID != "u5" {
			b.Errorf("from the fourth on: %+v", rows)
		}
		return err
	})
}

// asked is a query about a type, with a filter.
func asked(typ, filter string) source.PushedQuery {
	q := source.PushedQuery{Source: "idp", Type: typ, Schemas: scim.CoreSchemas(), Schema: scim.UserURN, Name: "userName", Groups: "groups"}
	if typ == "Group" {
		q.Schema, q.Name, q.Members, q.Groups = scim.GroupURN, "displayName", "members", ""
	}
	if filter != "" {
		f, err := scim.ParseFilter(filter, scim.FilterLimits{})
		if err != nil {
			panic(err)
		}
		q.Filter = f
	}
	return q
}

func pushedQueries(b *bundle) {
	b.push(func(tx source.PushTx) error {
		for i, title := range []string{"One", "two", "", "ONE", "one"} {
			r := resource("idp", fmt.Sprint("u", i))
			r.Created = noon.Add(time.Duration(i) * time.Second)
			r.Body = []byte(`{"userName":"u` + fmt.Sprint(i) + `"}`)
			if title != "" {
				r.Body = []byte(`{"userName":"u` + fmt.Sprint(i) + `","title":"` + title + `"}`)
			}
			b.must(tx.PutPushed(b.ctx, r))
			if i == 4 { // who has gone is in no answer
				r.Body = nil
				b.must(tx.PutPushed(b.ctx, r))
			}
		}
		return tx.PutPushed(b.ctx, resource("other", "u7"))
	})
	page := func(q source.PushedQuery, skip, limit int) (ids []string, total int, ok bool) {
		b.push(func(tx source.PushTx) error {
			rows, n, known, err := tx.PushedPage(b.ctx, q, skip, limit)
			ids, total, ok = nil, n, known
			for _, r := range rows {
				ids = append(ids, r.ID)
			}
			return err
		})
		return ids, total, ok
	}
	ids, total, ok := page(asked("User", `title eq "one"`), 0, 10)
	same(b, "by a filter", ids, []string{"u0", "u3"})
	equal(b, "total", total, 2)
	equal(b, "known", ok, true)
	ids, total, _ = page(asked("User", `title eq "one"`), 1, 1)
	same(b, "the second page", ids, []string{"u3"})
	equal(b, "total", total, 2)
	q := asked("User", "")
	q.SortBy, q.Descending = scim.MustPath("meta.created"), true
	ids, total, _ = page(q, 1, 2)
	same(b, "in an order", ids, []string{"u2", "u1"})
	equal(b, "total", total, 4)
	q = asked("User", `title pr`)
	q.SortBy = scim.MustPath("title")
	ids, _, _ = page(q, 0, 9)
	same(b, "in an order without regard to case", ids, []string{"u0", "u3", "u1"})
	if _, _, ok = page(asked("User", `title eq "one" and unknown eq "x"`), 0, 9); ok {
		b.Error("a page by what no schema has")
	}
	b.push(func(tx source.PushTx) error {
		for i, who := range []string{"u0", "u1", "u2", "u0"} { // the last one is another's
			g := resource(map[bool]string{true: "idp", false: "other"}[i < 3], fmt.Sprint("g", i))
			g.Type, g.Body = "Group", []byte(`{"displayName":"g"}`)
			b.must(tx.PutPushed(b.ctx, g))
			_, err := tx.AddMembers(b.ctx, g.Source, g.ID, []source.PushedMember{{ID: who, Body: []byte(`{"value":"` + who + `"}`)}})
			b.must(err)
		}
		return nil
	})
	for filter, want := range map[string][]string{
		`members eq "u0"`: {"g0"}, `members.value eq "u1"`: {"g1"}, `members[value eq "u2"]`: {"g2"}, `members eq "U0"`: nil,
		`members eq "u2" or members.value eq "u0" or id eq "g0"`: {"g0", "g2"}, `not (members eq "u0")`: {"g1", "g2"}, `members eq "u0" and displayName eq "x"`: nil,
		`(members eq "u0" or id eq "g2") and displayName sw "G"`: {"g0", "g2"}, `members eq "u1" or displayName co "x"`: {"g1"},
	} {
		q := asked("Group", filter)
		ids, _, _ = page(q, 0, 9)
		same(b, filter, ids, want)
		b.push(func(tx source.PushTx) error {
			rows, exact, err := tx.PushedAfter(b.ctx, q, 0, 9)
			if len(rows) != len(want) || !exact {
				b.Errorf("%s: %+v, %v", filter, rows, exact)
			}
			return err
		})
	}
	b.push(func(tx source.PushTx) error {
		rows, exact, err := tx.PushedAfter(b.ctx, asked("User", `title eq "one" and unknown eq "x"`), 1, 9)
		if exact || len(rows) != 1 || rows[0].ID != "u3" {
			b.Errorf("what may satisfy a filter: %+v, %v", rows, exact)
		}
		return err
	})
}

func pushedMembers(b *bundle) {
	of := func(ids ...string) (out []source.PushedMember) {
		for _, id := range ids {
			out = append(out, source.PushedMember{ID: id, Body: []byte(`{"value":"` + id + `"}`)})
		}
		return out
	}
	b.push(func(tx source.PushTx) error {
		added, err := tx.AddMembers(b.ctx, "idp", "g", of("b", "a"))
		same(b, "added", added, []string{"b", "a"})
		b.must(err)
		added, err = tx.AddMembers(b.ctx, "idp", "g", of("a", "c"))
		same(b, "added anew", added, []string{"c"})
		b.must(err)
		_, err = tx.AddMembers(b.ctx, "other", "g", of("z"))
		b.must(err)
		_, err = tx.AddMembers(b.ctx, "idp", "h", of("a"))
		b.must(err)
		removed, err := tx.RemoveMembers(b.ctx, "idp", "g", []string{"b", "z"})
		same(b, "removed", removed, []string{"b"})
		b.must(err)
		members, err := tx.Members(b.ctx, "idp", "g")
		if len(members) != 2 || members[0].ID != "a" || string(members[1].Body) != `{"value":"c"}` {
			b.Errorf("members %+v", members)
		}
		b.must(err)
		for _, who := range [][]string{{"a"}, {"a", "c", "z"}} {
			shown, err := tx.GroupsOf(b.ctx, "idp", who)
			b.must(err)
			with, err := tx.GroupsWith(b.ctx, "idp", who)
			b.must(err)
			for member, of := range with {
				var ids []string
				for _, g := range shown[member] {
					ids = append(ids, g.ID)
				}
				same(b, "groups as they are shown", ids, of)
			}
		}
		groups, err := tx.GroupsWith(b.ctx, "idp", []string{"a", "c", "z"})
		same(b, "groups of a", groups["a"], []string{"g", "h"})
		same(b, "groups of c", groups["c"], []string{"g"})
		same(b, "groups of z", groups["z"], nil)
		return err
	})
}

// pushedUsers: a look finds what an answer shows of a User, with the groups that there are.
func pushedUsers(b *bundle) {
	a, gone := resource("idp", "a"), resource("idp", "gone")
	group := resource("idp", "g")
	group.Type, group.Body = "Group", []byte(`{"displayName":"Sales \"EU\""}`)
	b.push(func(tx source.PushTx) error {
		for _, r := range []*source.Pushed{a, resource("idp", "b"), gone, group, resource("other", "a")} {
			b.must(tx.PutPushed(b.ctx, r))
		}
		gone.Body = nil
		b.must(tx.PutPushed(b.ctx, gone))
		for _, g := range []string{"nameless", "g"} {
			_, err := tx.AddMembers(b.ctx, "idp", g, []source.PushedMember{{ID: "a", Body: []byte(`{}`)}})
			b.must(err)
		}
		_, err := tx.AddMembers(b.ctx, "other", "g", []source.PushedMember{{ID: "b", Body: []byte(`{}`)}})
		return err
	})
	look := func(by source.PushedBy, value string) (users []source.PushedUser) {
		b.Helper()
		b.must(b.all.Pushed().Look(b.ctx, func(tx source.PushTx) (err error) {
			users, err = tx.PushedUsers(b.ctx, "idp", by, value)
			return err
		}))
		return users
	}
	shown := source.Pushed{Type: "User", ID: "a", Version: 1, Created: noon, Modified: noon, Body: a.Body}
	for by, value := range map[source.PushedBy]string{source.PushedByID: "a", source.PushedByName: "a", source.PushedByExternal: "e-a"} {
		equal(b, "by "+string(by), fmt.Sprintf("%+v", look(by, value)), fmt.Sprintf("%+v", []source.PushedUser{{
			Pushed: shown, Groups: []source.PushedGroup{{ID: "g", DisplayName: `Sales "EU"`}, {ID: "nameless"}},
		}}))
	}
	if u := look(source.PushedByID, "b"); len(u) != 1 || u[0].Groups != nil {
		b.Errorf("who is in no group here: %+v", u)
	}
	b.push(func(tx source.PushTx) error { // who writes sees what it has written
		b.must(tx.PutPushed(b.ctx, resource("idp", "new")))
		users, err := tx.PushedUsers(b.ctx, "idp", source.PushedByName, "new")
		if len(users) != 1 || users[0].ID != "new" {
			b.Errorf("within the transaction: %+v", users)
		}
		return err
	})
	for _, id := range []string{"gone", "g", "nobody"} {
		if u := look(source.PushedByID, id); len(u) > 0 {
			b.Errorf("%s: %+v", id, u)
		}
	}
}

// pushedTaken: of what is neither a User nor a Group the store takes a name once.
func pushedTaken(b *bundle) {
	kept := func(provider, typ, id, name string) *source.Pushed {
		return &source.Pushed{Source: provider, Type: typ, ID: id, Name: name, Version: 1, Created: noon, Modified: noon, Body: []byte(`{}`)}
	}
	put := func(r *source.Pushed) error {
		return b.all.Pushed().Update(b.ctx, func(tx source.PushTx) error { return tx.PutPushed(b.ctx, r) })
	}
	first := kept("idp", "Agent", "1", "bot")
	b.must(put(first))
	b.must(put(first)) // it has the name itself
	if err := put(kept("idp", "Agent", "2", "bot")); !errors.Is(err, source.ErrTaken) {
		b.Errorf("a second one of the name: %v", err)
	}
	b.must(put(kept("other", "Agent", "2", "bot")))
	b.must(put(kept("idp", "Device", "2", "bot")))
	for _, id := range []string{"3", "4"} { // without a name, and Groups
		b.must(put(kept("idp", "Agent", id, "")))
		b.must(put(kept("idp", "Group", id, "bot")))
	}
	renamed := kept("idp", "Agent", "5", "other")
	b.must(put(renamed))
	renamed.Name = "bot"
	if err := put(renamed); !errors.Is(err, source.ErrTaken) {
		b.Errorf("one that takes the name: %v", err)
	}
	first.Body = nil
	b.must(put(first))
	b.must(put(renamed)) // it is free
	first.Body = []byte(`{}`)
	if err := put(first); !errors.Is(err, source.ErrTaken) {
		b.Errorf("one that comes back: %v", err)
	}
	b.push(func(tx source.PushTx) error {
		rows, err := tx.Pushed(b.ctx, "idp", "Agent", source.PushedByName, "bot", false)
		if len(rows) != 1 || rows[0].ID != "5" || rows[0].Record != "" {
			b.Errorf("%+v", rows)
		}
		return err
	})
}

// pushedValues: each value once, with how many have it.
func pushedValues(b *bundle) {
	b.push(func(tx source.PushTx) error {
		for i, body := range []string{
			`{"roles":[{"value":"admin","display":"Admins","type":"it"},{"value":"reader"}]}`,
			`{"roles":[{"value":"admin"},{"value":"admin","type":"it"}]}`,
			`{"entitlements":[{"value":"seat"}]}`, `{"roles":[]}`, `{"roles":[{"display":"nameless"}]}`, `{"roles":[{"value":"gone"}]}`,
		} {
			r := resource("idp", fmt.Sprint("u", i))
			r.Body = []byte(body)
			b.must(tx.PutPushed(b.ctx, r))
			if i == 5 {
				r.Body = nil
				b.must(tx.PutPushed(b.ctx, r))
			}
		}
		theirs := resource("other", "u0")
		theirs.Body = []byte(`{"roles":[{"value":"theirs"}]}`)
		b.must(tx.PutPushed(b.ctx, theirs))
		got, err := tx.PushedValues(b.ctx, "idp", "User", "roles", 10)
		want := []source.PushedValue{{Value: "admin", Display: "Admins", Kind: "it", Users: 2}, {Value: "reader", Users: 1}}
		if !slices.Equal(got, want) {
			b.Errorf("%+v, want %+v", got, want)
		}
		b.must(err)
		if got, err = tx.PushedValues(b.ctx, "idp", "User", "roles", 1); len(got) != 1 {
			b.Errorf("%+v", got)
		}
		return err
	})
}

func statedTeams(b *bundle) {
	b.put(person("p1"), person("p2"))
	b.directory(func(tx directory.Tx) error {
		var records []directory.Record
		for _, id := range []string{"a", "b"} {
			r := record("rec-"+id, map[string]string{"a": "p1", "b": "p2"}[id])
			r.Source = "idp"
			records = append(records, r)
		}
		return tx.PutRecords(b.ctx, records)
	})
	group := &source.Pushed{Source: "idp", Type: "Group", ID: "g", Record: "g", Name: "ops", Version: 1, Created: noon, Modified: noon, Body: []byte(`{"displayName":"Ops"}`)}
	b.push(func(tx source.PushTx) error {
		for _, r := range []*source.Pushed{resource("idp", "a"), resource("idp", "b"), group} {
			b.must(tx.PutPushed(b.ctx, r))
		}
		_, err := tx.AddMembers(b.ctx, "idp", "g", []source.PushedMember{{ID: "a", Body: []byte(`{}`)}, {ID: "nobody", Body: []byte(`{}`)}})
		b.must(err)
		people, err := tx.PeopleOf(b.ctx, "idp", []string{"a", "b", "nobody"})
		same(b, "whom users speak of", people, []string{"p1", "p2"})
		return err
	})
	want := source.PushedTeam("idp", "g", "Ops")
	of := func() map[string][]directory.Team {
		var teams map[string][]directory.Team
		b.directory(func(tx directory.Tx) (err error) {
			teams, err = tx.StatedTeams(b.ctx, []string{"p1", "p2"})
			return err
		})
		return teams
	}
	same(b, "teams of who is in the group", of()["p1"], []directory.Team{want})
	same(b, "teams of who is not", of()["p2"], nil)
	b.push(func(tx source.PushTx) error {
		group.Body = nil
		return tx.PutPushed(b.ctx, group)
	})
	same(b, "teams of a group that is gone", of()["p1"], nil)
}

// erasedLeavesGroups: a group counts its members right, and is another version.
func erasedLeavesGroups(b *bundle) {
	b.put(person("p1"))
	b.directory(func(tx directory.Tx) error {
		r := record("rec-a", "p1")
		r.Source = "idp"
		return tx.PutRecords(b.ctx, []directory.Record{r})
	})
	group := &source.Pushed{Source: "idp", Type: "Group", ID: "g", Record: "g", Name: "ops", Version: 1, Created: noon, Modified: noon, Members: 2, Body: []byte(`{}`)}
	other := *group
	other.ID, other.Record, other.Members = "h", "h", 1
	b.push(func(tx source.PushTx) error {
		for _, r := range []*source.Pushed{resource("idp", "a"), group, &other} {
			b.must(tx.PutPushed(b.ctx, r))
		}
		_, err := tx.AddMembers(b.ctx, "idp", "g", []source.PushedMember{{ID: "a", Body: []byte(`{}`)}, {ID: "b", Body: []byte(`{}`)}})
		b.must(err)
		_, err = tx.AddMembers(b.ctx, "idp", "h", []source.PushedMember{{ID: "b", Body: []byte(`{}`)}})
		return err
	})
	b.directory(func(tx directory.Tx) error {
		_, err := tx.Erase(b.ctx, "p1")
		return err
	})
	b.push(func(tx source.PushTx) error {
		groups, _, err := tx.PushedAfter(b.ctx, asked("Group", ""), 0, 10)
		b.must(err)
		for i, want := range []struct {
			members int
			version int64
		}{{1, 2}, {1, 1}} {
			if g := groups[i]; g.Members != want.members || g.Version != want.version {
				b.Errorf("%s: %d members at version %d, want %+v", g.ID, g.Members, g.Version, want)
			}
		}
		members, err := tx.Members(b.ctx, "idp", "g")
		if len(members) != 1 || members[0].ID != "b" {
			b.Errorf("members %+v", members)
		}
		return err
	})
	same(b, "an erased User", b.found("idp", source.PushedByID, "a", false), nil)
}

func tokensAreKept(b *bundle) {
	s := b.all.Tokens()
	secret, old := token.New("idp", "ines", noon, time.Hour)
	_, fresh := token.New("idp", "paul", noon.Add(time.Minute), 0)
	put := func(t token.Token) {
		b.Helper()
		b.must(s.PutToken(b.ctx, t, audit.Event{Kind: "token.created", Object: t.ID}))
	}
	put(old)
	put(fresh)
	stale := old
	old.Used, old.Revoked = noon.Add(time.Minute), noon.Add(2*time.Minute)
	put(old)
	b.must(s.UseToken(b.ctx, old.ID, old.Used))
	b.must(s.UseToken(b.ctx, old.ID, noon)) // late
	stale.Expires = time.Time{}
	put(stale) // by somebody who has not heard that it is revoked
	got, ok, err := s.Token(b.ctx, token.Digest(secret))
	if err != nil || !ok || got != old {
		b.Errorf("%+v %t %v, want %+v", got, ok, err, old)
	}
	got, ok, err = s.TokenByID(b.ctx, fresh.ID)
	if err != nil || !ok || got != fresh {
		b.Errorf("%+v %t %v, want %+v", got, ok, err, fresh)
	}
	if _, ok, err := s.Token(b.ctx, token.Digest("guess")); ok || err != nil {
		b.Error("a token that nobody made", ok, err)
	}
	sooner := fresh
	sooner.Expires = noon.Add(time.Hour)
	put(sooner)
	put(fresh)
	if got, _, err := s.TokenByID(b.ctx, fresh.ID); err != nil || got != sooner {
		b.Errorf("%+v %v, want %+v: it lives for longer again", got, err, sooner)
	}
	n, err := audit.Sequence(b.ctx, b.db.Ledger())
	if err != nil || n != 6 {
		b.Errorf("%d events, %v", n, err)
	}
	all, err := s.Tokens(b.ctx)
	if err != nil || len(all) != 2 || all[0].ID != fresh.ID {
		b.Errorf("%+v %v", all, err)
	}
}
