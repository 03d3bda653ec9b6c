// SPDX-License-Identifier: Apache-2.0

package memory_test

import (
	"fmt"
	"time"

	"pgregory.net/rapid"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/source"
)

// questions is every method that reads, asked for everything that was ever told and for
// what never was. Where a method selects, what is asked for is drawn.
func questions(b *both) (out []question) {
	ask := func(what string, fn func(everything) (any, error)) { out = append(out, question{what, fn}) }
	at, page := b.time("at"), rapid.SampledFrom([]int{1, 2, 99}).Draw(b.T, "limit")
	some, someIDs := b.list("people", people), b.list("ids", remotes)
	b.log = append(b.log, fmt.Sprintf("ask at %v limit %d people %q ids %q", at, page, some, someIDs))
	directoryQuestions(b, ask, at, page, some)
	for _, src := range sources[1:] {
		sourceQuestions(b, ask, src, at, page)
	}
	for _, app := range apps[1:] {
		appQuestions(b, ask, app, at, page, some, someIDs)
	}
	return out
}

type asker func(what string, fn func(everything) (any, error))

func directoryQuestions(b *both, ask asker, at time.Time, page int, some []string) {
	ask("people", func(tx everything) (any, error) { return tx.People(b.ctx, people) })
	ask("everybody", func(tx everything) (any, error) { return tx.Everybody(b.ctx) })
	ask("in", func(tx everything) (any, error) { return tx.InIDs(b.ctx) })
	ask("in count", func(tx everything) (any, error) { return tx.InCount(b.ctx) })
	ask("totals", func(tx everything) (any, error) { return tx.PeopleTotals(b.ctx) })
	ask("list", func(tx everything) (any, error) { return tx.List(b.ctx, "", "", 99) })
	ask("list a page", func(tx everything) (any, error) { return tx.List(b.ctx, directory.Active, people[1], page) })
	for _, what := range []string{people[1], "UP0", keys[0], keys[3], ""} {
		ask("search "+what, func(tx everything) (any, error) { return tx.Search(b.ctx, what) })
	}
	ask("ahead", func(tx everything) (any, error) { return tx.Ahead(b.ctx, at, page) })
	ask("next date", func(tx everything) (any, error) { return tx.NextDate(b.ctx, at) })
	ask("waiting", func(tx everything) (any, error) {
		due, absent, returned, err := tx.Waiting(b.ctx, at)
		return [][]string{due, absent, returned}, err
	})
	ask("records of", func(tx everything) (any, error) { return tx.RecordsOf(b.ctx, people) })
	ask("stated teams", func(tx everything) (any, error) { return tx.StatedTeams(b.ctx, people) })
	ask("teams", func(tx everything) (any, error) { return tx.TeamsByID(b.ctx) })
	ask("sources", func(tx everything) (any, error) { return tx.Sources(b.ctx) })
	ask("states", func(tx everything) (any, error) { return tx.States(b.ctx) })
	ask("pushed", func(tx everything) (any, error) { return tx.PushedCount(b.ctx, "hr", "User") })
	ask("holds", func(tx everything) (any, error) { return tx.Holds(b.ctx) })
	ask("held since", func(tx everything) (any, error) { return tx.HeldSince(b.ctx) })
	ask("leases", func(tx everything) (any, error) { return tx.Leases(b.ctx) })
	ask("waking", func(tx everything) (any, error) { return tx.Waking(b.ctx, at, page) })
	ask("live at", func(tx everything) (any, error) { return tx.LiveAt(b.ctx, some) })
	ask("live accounts", func(tx everything) (any, error) { return tx.LiveAccounts(b.ctx, some) })
	ask("done", func(tx everything) (any, error) { return tx.DoneOps(b.ctx, at) })
	for _, key := range metas {
		ask("meta "+key, func(tx everything) (any, error) { return tx.Meta(b.ctx, key) })
	}
	for _, scope := range scopes[1:] {
		ask("names in "+scope, func(tx everything) (any, error) { return tx.NamesOf(b.ctx, scope, "userName", people) })
		for _, n := range append(people, namesGiven...) {
			ask("name of "+n, func(tx everything) (any, error) { return tx.NameOf(b.ctx, scope, "userName", n) })
			ask("owner of "+n, func(tx everything) (any, error) { return tx.NameOwner(b.ctx, scope, "userName", n) })
		}
	}
	for _, attribute := range []string{"userName", "title"} {
		for _, value := range namesGiven {
			ask("matching "+attribute+" "+value, func(tx everything) (any, error) { return tx.Matching(b.ctx, attribute, value, sources[:3]) })
			ask("matching hr", func(tx everything) (any, error) { return tx.Matching(b.ctx, attribute, value, []string{"hr"}) })
		}
	}
}

func sourceQuestions(b *both, ask asker, src string, at time.Time, page int) {
	some := b.list("keys", keys)
	ask("records of "+src, func(tx everything) (any, error) { return tx.Records(b.ctx, src, keys) })
	ask("alike", func(tx everything) (any, error) { return tx.Alike(b.ctx, src, []string{"u1", "u3"}) })
	ask("parts", func(tx everything) (any, error) { return tx.Linked(b.ctx, src, some) })
	ask("linked to", func(tx everything) (any, error) { return tx.LinkedTo(b.ctx, src) })
	ask("digests", func(tx everything) (any, error) { return tx.Digests(b.ctx, src) })
	ask("marks", func(tx everything) (any, error) {
		due, next, err := tx.Marks(b.ctx, src, at, page)
		return []any{due, next}, err
	})
	ask("no marks", func(tx everything) (any, error) {
		due, next, err := tx.Marks(b.ctx, src, at, 0)
		return []any{due, next}, err
	})
	ask("marked", func(tx everything) (any, error) { return tx.Marked(b.ctx, src, keys[1]) })
	ask("teamless", func(tx everything) (any, error) { return tx.Teamless(b.ctx, src, nil) })
	ask("teamless of some", func(tx everything) (any, error) { return tx.Teamless(b.ctx, src, some) })
	for d := range byte(3) {
		ask("known", func(tx everything) (any, error) {
			return tx.Known(b.ctx, src, source.Proof{Digest: [32]byte{d}, ModTime: at}, func(id string) bool { return id > keys[1] })
		})
	}
}

func appQuestions(b *both, ask asker, app string, at time.Time, page int, some, ids []string) {
	ask("app "+app, func(tx everything) (any, error) { return tx.App(b.ctx, app) })
	for _, q := range []provision.Query{
		{},
		{Source: "hr"},
		{Source: "list", Limit: page},
		{After: people[1]},
		{People: some, Limit: page},
		{People: people, After: people[0]},
		{Parked: true},
		{Due: true},
		{Due: true, Now: at},
		{Due: true, Now: at, Limit: page, After: people[0]},
		{Due: true, Now: at, People: some},
		{Observe: true, Now: at},
		{Due: true, Observe: true, Now: at},
		{Due: true, Out: true, Now: at, Since: start},
		{Due: true, Out: true, Now: at, Since: at},
		{Observe: true, Now: at, People: some},
	} {
		q.App = app
		if q.Limit == 0 {
			q.Limit = 99
		}
		ask(fmt.Sprintf("subjects %+v", q), func(tx everything) (any, error) { return tx.Subjects(b.ctx, q) })
	}
	ask("owners", func(tx everything) (any, error) { return tx.Owners(b.ctx, app, remotes) })
	ask("next retry", func(tx everything) (any, error) { return tx.NextRetry(b.ctx, app, nil, at) })
	ask("next retry of some", func(tx everything) (any, error) { return tx.NextRetry(b.ctx, app, some, at) })
	ask("marked since", func(tx everything) (any, error) { return tx.MarkedSince(b.ctx, app, at) })
	ask("groups", func(tx everything) (any, error) { return tx.Groups(b.ctx, app) })
	ask("foreign names", func(tx everything) (any, error) { return tx.ForeignNames(b.ctx, app) })
	ask("foreign among", func(tx everything) (any, error) { return tx.ForeignAmong(b.ctx, app, ids) })
	ask("open", func(tx everything) (any, error) { return tx.OpenIntents(b.ctx, app) })
	ask("totals", func(tx everything) (any, error) { return tx.Totals(b.ctx, app) })
	ask("passed", func(tx everything) (any, error) { return tx.Passed(b.ctx, app, at) })
	ask("terminated", func(tx everything) (any, error) { return tx.Terminated(b.ctx, app, directory.CauseTermination, at) })
	ask("revoked", func(tx everything) (any, error) { return tx.Terminated(b.ctx, app, directory.CauseRevoked, at) })
	ask("findings", func(tx everything) (any, error) { return tx.Findings(b.ctx, app) })
	ask("fence", func(tx everything) (any, error) { return tx.Fence(b.ctx, app) })
	ask("backlog", func(tx everything) (any, error) { return tx.Backlog(b.ctx, app, at) })
	ask("parked reasons", func(tx everything) (any, error) { return tx.ParkedReasons(b.ctx, app, page) })
	ask("shut out", func(tx everything) (any, error) { return tx.ShutOut(b.ctx, app, nil) })
	ask("shut out of some", func(tx everything) (any, error) { return tx.ShutOut(b.ctx, app, ids) })
	for _, p := range people {
		ask("entries of "+p, func(tx everything) (any, error) { return tx.Entries(b.ctx, app, p, page) })
		ask("done entries of "+p, func(tx everything) (any, error) { return tx.EntriesThat(b.ctx, provision.Done, app, p, page) })
	}
	for _, t := range teams {
		ask("edges of "+t.ID, func(tx everything) (any, error) { return tx.EdgesOf(b.ctx, app, t.ID) })
		ask("member entry", func(tx everything) (any, error) {
			e, found, err := tx.MemberEntry(b.ctx, app, people[0], t.ID)
			return []any{e, found}, err
		})
	}
}
