// SPDX-License-Identifier: Apache-2.0

package storetest

import (
	"errors"
	"slices"
	"time"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/store"
)

var guard = group{
	"holds are replaced by door and app": holds,
	"what passed":                        passed,
	"an app's totals":                    appTotals,
	"live accounts":                      liveAccounts,
	"apps":                               apps,
	"leases and their fence":             leases,
	"findings":                           findings,
}

var journal = group{
	"an intent stays open until its outcome": intents,
	"what was done since":                    doneOps,
	"entries, the newest first":              entries,
}

func hold(id, app string) provision.Hold {
	return provision.Hold{ID: id, App: app, Cause: directory.CauseAbsent, Count: 9, Limit: 3, Reason: "too many"}
}

func holds(b *bundle) {
	is := func(want ...string) {
		b.Helper()
		var got []string
		b.read(func(r store.Reader) error {
			all, err := r.Holds(b.ctx)
			for _, h := range all {
				got = append(got, h.ID)
				if h.Cause != directory.CauseAbsent || h.Count != 9 || h.Limit != 3 || h.Reason != "too many" {
					b.Errorf("hold %+v", h)
				}
			}
			return err
		})
		same(b, "holds", got, want)
	}
	put := func(door, app string, holds ...provision.Hold) {
		b.provision(func(tx provision.Tx) error { return tx.PutHolds(b.ctx, door, app, holds) })
	}
	put("plan", "a", hold("1", "a"), hold("2", "a"))
	put("plan", "b", hold("3", "b"))
	put("directory:absent", "", hold("4", "a"), hold("4", "b"))
	is("1", "2", "4", "3", "4")
	put("plan", "a", hold("5", "a"))
	is("4", "5", "3", "4")
	put("directory:absent", "")
	is("5", "3")
	put("plan", "a")
	put("plan", "b")
	is()
}

func passed(b *bundle) {
	b.provision(func(tx provision.Tx) error {
		b.must(tx.AddPassed(b.ctx, "app", directory.CauseAbsent, 3))
		b.must(tx.AddPassed(b.ctx, "app", directory.CauseAbsent, 4))
		b.must(tx.AddPassed(b.ctx, "other", directory.CauseAbsent, 5))
		b.must(tx.AddPassed(b.ctx, "app", directory.CauseTermination, 6))
		b.must(tx.AddPassed(b.ctx, "app", directory.CauseRevoked, 2))
		for cause, want := range map[directory.Cause]int{directory.CauseTermination: 6, directory.CauseRevoked: 2} {
			ended, err := tx.Terminated(b.ctx, "app", cause, tx.Now().Add(-time.Minute))
			equal(b, "explicit ones, "+string(cause), ended, want)
			b.must(err)
		}
		n, err := tx.Passed(b.ctx, "app", tx.Now().Add(-time.Minute))
		b.must(err)
		equal(b, "passed", n, 7)
		n, err = tx.Passed(b.ctx, "app", tx.Now())
		equal(b, "passed since now", n, 0)
		return err
	})
}

func appTotals(b *bundle) {
	ids := b.crowd(6)
	b.app("other")
	b.provision(func(tx provision.Tx) error {
		for i, s := range []provision.AccountState{provision.Live, provision.Live, provision.Disabled, provision.Gone} {
			a := provision.Account{App: "app", Person: ids[i], State: s}
			if i == 0 {
				a.Parked, a.Version = "refused", 1
			}
			b.must(tx.PutAccounts(b.ctx, []provision.Account{a}))
		}
		b.must(tx.ClearMarks(b.ctx, "app", []provision.Mark{{Person: ids[5], Version: 1}}))
		b.must(tx.PutGroups(b.ctx, []provision.Group{{App: "app", Team: "t", Standing: provision.Standing{Parked: "refused"}}}))
		b.must(tx.PutEdges(b.ctx, "app", []provision.Edge{{Team: "t", Person: ids[0]}, {Team: "t", Person: ids[1]}}, nil, 1))
		b.must(tx.PutForeign(b.ctx, "app", []provision.Foreign{{RemoteID: "x"}, {RemoteID: "y"}}))
		b.must(tx.PutForeign(b.ctx, "app", []provision.Foreign{{RemoteID: "z"}}))
		got, err := tx.Totals(b.ctx, "app")
		b.must(err)
		equal(b, "totals", got, provision.Totals{Live: 2, Disabled: 1, Parked: 2, Waiting: 4, Memberships: 2, Foreign: 1})
		got, err = tx.Totals(b.ctx, "nowhere")
		equal(b, "totals of an app that nobody knows", got, provision.Totals{})
		return err
	})
	b.provision(func(tx provision.Tx) error {
		for i, s := range []provision.AccountState{provision.Disabled, provision.Live, provision.Live, provision.Live} {
			b.must(tx.PutAccounts(b.ctx, []provision.Account{{App: "app", Person: ids[i], State: s}}))
		}
		b.must(tx.PutEdges(b.ctx, "app", []provision.Edge{{Team: "t", Person: ids[1]}, {Team: "u", Person: ids[1]}}, nil, 2)) // one of them is there
		b.must(tx.PutEdges(b.ctx, "app", nil, []provision.Edge{{Team: "t", Person: ids[0]}, {Team: "u", Person: ids[0]}}, 2))
		b.must(tx.PutEdges(b.ctx, "other", []provision.Edge{{Team: "t", Person: ids[1]}}, nil, 2))
		got, err := tx.Totals(b.ctx, "app")
		equal(b, "live, disabled and memberships after they have changed", [3]int{got.Live, got.Disabled, got.Memberships}, [3]int{3, 1, 2})
		return err
	})
	b.provision(func(tx provision.Tx) error {
		b.must(tx.ResetApp(b.ctx, "app"))
		got, err := tx.Totals(b.ctx, "app")
		equal(b, "live, disabled and memberships at another address", [3]int{got.Live, got.Disabled, got.Memberships}, [3]int{})
		b.must(err)
		got, err = tx.Totals(b.ctx, "other")
		equal(b, "memberships of the other app", got.Memberships, 1)
		return err
	})
}

func liveAccounts(b *bundle) {
	ids := b.crowd(4)
	b.app("other")
	b.provision(func(tx provision.Tx) error {
		for i, s := range []provision.AccountState{provision.Live, provision.Live, provision.Disabled} {
			b.must(tx.PutAccounts(b.ctx, []provision.Account{{App: "app", Person: ids[i], State: s}}))
		}
		b.must(tx.PutAccounts(b.ctx, []provision.Account{{App: "other", Person: ids[3], State: provision.Live}}))
		got, err := tx.LiveAccounts(b.ctx, ids[1:])
		b.must(err)
		equal(b, "apps", len(got), 2)
		equal(b, "app", got["app"], 1)
		equal(b, "other", got["other"], 1)
		none, err := tx.LiveAccounts(b.ctx, nil)
		equal(b, "apps of nobody", len(none), 0)
		return err
	})
}

func apps(b *bundle) {
	a := provision.AppState{Name: "app", Digest: [32]byte{1, 2}, Listed: true, Agreed: true, Paused: "401", Foreign: 3}
	b.provision(func(tx provision.Tx) error {
		got, err := tx.App(b.ctx, "app")
		b.must(err)
		equal(b, "an app never seen", got, provision.AppState{Name: "app"})
		b.must(tx.PutApp(b.ctx, provision.AppState{Name: "app"}))
		b.must(tx.PutApp(b.ctx, a))
		got, err = tx.App(b.ctx, "app")
		equal(b, "app", got, a)
		return err
	})
}

func intent(op, person string) *provision.Intent {
	return &provision.Intent{
		App: "app", Kind: provision.Update, Person: person, Remote: "r1", Attempt: 2, At: noon,
		Ops: []*provision.Op{{ID: op, Kind: provision.Update, App: "app", Person: person, Why: "because"}},
	}
}

func intents(b *bundle) {
	first, second, other := intent("1", "p"), intent("2", "q"), intent("3", "p")
	other.App = "other"
	b.provision(func(tx provision.Tx) error { return tx.PutIntents(b.ctx, 1, []*provision.Intent{first, second, other}) })
	if first.ID == 0 || second.ID <= first.ID || other.ID <= second.ID {
		b.Errorf("ids %d, %d, %d", first.ID, second.ID, other.ID)
	}
	open := func() (ids []int64) {
		b.provision(func(tx provision.Tx) error {
			out, err := tx.OpenIntents(b.ctx, "app")
			for _, in := range out {
				ids = append(ids, in.ID)
				if in.App != "app" || in.Kind != provision.Update || in.Remote != "r1" || in.Attempt != 2 || !in.At.Equal(noon) || len(in.Ops) != 1 || in.Ops[0].Why != "because" {
					b.Errorf("intent %+v", in)
				}
			}
			return err
		})
		return ids
	}
	same(b, "open", open(), []int64{first.ID, second.ID})
	outcome := func(in *provision.Intent, r provision.Result) {
		b.provision(func(tx provision.Tx) error {
			return tx.PutOutcomes(b.ctx, []provision.Outcome{{Intent: in, Result: r, At: noon}})
		})
	}
	outcome(first, provision.Ambiguous)
	same(b, "open, as nobody knows", open(), []int64{first.ID, second.ID})
	outcome(second, provision.RetryLater)
	same(b, "open", open(), []int64{first.ID})
	outcome(first, provision.Void)
	same(b, "open", open(), nil)
}

func doneOps(b *bundle) {
	done, failed := intent("1", "p"), intent("2", "q")
	done.Ops = append(done.Ops, &provision.Op{ID: "1b"})
	b.provision(func(tx provision.Tx) error {
		b.must(tx.PutIntents(b.ctx, 1, []*provision.Intent{done, failed}))
		b.must(tx.PutOutcomes(b.ctx, []provision.Outcome{{Intent: done, Result: provision.Done}, {Intent: failed, Result: provision.Parked}}))
		got, err := tx.DoneOps(b.ctx, tx.Now())
		b.must(err)
		if len(got) != 2 || !got["1"] || !got["1b"] {
			b.Errorf("done %v", got)
		}
		got, err = tx.DoneOps(b.ctx, tx.Now().Add(time.Second))
		equal(b, "done later", len(got), 0)
		return err
	})
}

func entries(b *bundle) {
	b.crowd(1)
	first, second := intent("1", "p000"), intent("2", "p000")
	member := &provision.Intent{App: "app", Kind: provision.MemberAdd, Team: "t", At: noon, Ops: []*provision.Op{{ID: "3", Person: "p000", Team: "t"}}}
	b.provision(func(tx provision.Tx) error {
		b.must(tx.PutIntents(b.ctx, 1, []*provision.Intent{first, second, member}))
		b.must(tx.PutOutcomes(b.ctx, []provision.Outcome{{Intent: first, Result: provision.Done, Status: 200, Detail: "fine", Verified: true}}))
		return tx.PutEdges(b.ctx, "app", []provision.Edge{{Team: "t", Person: "p000"}}, nil, member.ID)
	})
	b.read(func(r store.Reader) error {
		got, err := r.Entries(b.ctx, "app", "p000", 9)
		b.must(err)
		if len(got) != 2 || got[0].ID != second.ID || got[0].Result != "" || got[1].ID != first.ID {
			b.Fatalf("entries %+v", got)
		}
		e := got[1]
		if e.Result != provision.Done || e.Status != 200 || e.Detail != "fine" || !e.Verified || e.DoneAt.IsZero() || e.RequestID != first.RequestID() || len(e.Ops) != 1 {
			b.Errorf("entry %+v", e)
		}
		none, err := r.Entries(b.ctx, "app", "", 9)
		b.must(err)
		equal(b, "entries of nobody", len(none), 0)
		equal(b, "verified before", got[0].Verified, false)
		m, found, err := r.MemberEntry(b.ctx, "app", "p000", "t")
		b.must(err)
		if !found || m.ID != member.ID {
			b.Errorf("membership %+v, found %t", m, found)
		}
		_, found, err = r.MemberEntry(b.ctx, "app", "p000", "u")
		equal(b, "another membership", found, false)
		return err
	})
	b.provision(func(tx provision.Tx) error {
		done, err := tx.EntriesThat(b.ctx, provision.Done, "app", "p000", 1)
		if len(done) != 1 || done[0].ID != first.ID {
			b.Errorf("done: %+v", done)
		}
		return errors.Join(err, tx.Confirm(b.ctx, []int64{second.ID, 0}))
	})
	b.read(func(r store.Reader) error {
		got, err := r.Entries(b.ctx, "app", "p000", 1)
		b.must(err)
		if len(got) != 1 || got[0].ID != second.ID || !got[0].Verified || got[0].Result != "" {
			b.Errorf("confirmed %+v", got)
		}
		return nil
	})
}

func leases(b *bundle) {
	take := func(app, holder string) (l provision.Lease, ok bool) {
		b.Helper()
		b.provision(func(tx provision.Tx) (err error) {
			l, ok, err = tx.TakeLease(b.ctx, app, holder, tx.Now().Add(time.Minute))
			return err
		})
		return l, ok
	}
	fence := func(app string, want int64) {
		b.Helper()
		b.provision(func(tx provision.Tx) error {
			got, err := tx.Fence(b.ctx, app)
			equal(b, "fence of "+app, got, want)
			return err
		})
	}
	fence("app", 0)
	first, ok := take("app", "one")
	if !ok || first.Fence == 0 || first.Holder != "one" {
		b.Errorf("%+v, %v", first, ok)
	}
	fence("app", first.Fence)
	fence("other", 0)
	if again, ok := take("app", "one"); !ok || again.Fence != first.Fence { // a renewal
		b.Errorf("%+v, %v", again, ok)
	}
	b.provision(func(tx provision.Tx) error { return tx.DropLease(b.ctx, first) })
	second, ok := take("app", "two")
	if !ok || second.Fence <= first.Fence {
		b.Errorf("%+v after %+v, %v", second, first, ok)
	}
	b.provision(func(tx provision.Tx) error { return tx.DropLease(b.ctx, first) }) // too late: it is another's
	b.read(func(r store.Reader) error {
		all, err := r.Leases(b.ctx)
		if len(all) != 1 || all[0].Holder != "two" || all[0].Until.IsZero() {
			b.Errorf("%+v", all)
		}
		return err
	})
}

func findings(b *bundle) {
	is := func(app string, want ...string) {
		b.Helper()
		b.provision(func(tx provision.Tx) error {
			found, err := tx.Findings(b.ctx, app)
			var got []string
			for a, f := range found {
				got = append(got, a+": "+f.What+" "+f.Person)
			}
			slices.Sort(got)
			same(b, "findings of "+app, got, want)
			return err
		})
	}
	put := func(app, attribute, what string) {
		b.provision(func(tx provision.Tx) error {
			return tx.PutFindings(b.ctx, []provision.Finding{{App: app, Attribute: attribute, What: what, Person: "p", Journal: 7}})
		})
	}
	put("a", "title", "ignored")
	put("a", "title", "again") // the first stays
	put("a", "active", "other")
	put("b", "title", "ignored")
	is("a", "active: other p", "title: ignored p")
	b.provision(func(tx provision.Tx) error { return tx.DropFindings(b.ctx, "a", "title") })
	is("a", "active: other p")
	b.provision(func(tx provision.Tx) error { return tx.DropFindings(b.ctx, "a") })
	is("a")
	is("b", "title: ignored p")
}
