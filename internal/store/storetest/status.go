// SPDX-License-Identifier: Apache-2.0

package storetest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/queue"
	"github.com/usher-id/usher/internal/request"
	"github.com/usher-id/usher/internal/source"
	"github.com/usher-id/usher/internal/store"
)

var status = group{
	"a source's trouble is counted until it ends": trouble,
	"people by their next date":                   ahead,
	"an app's backlog":                            backlog,
	"why accounts are parked":                     parkedReasons,
	"a hold keeps its time":                       heldSince,
	"whose grace time ends":                       waking,
	"where somebody has a live account":           liveAt,
}

// commands are what other processes ask of an engine, and what it does by itself.
var commands = group{
	"a request has one outcome":           requests,
	"how many requests wait is bounded":   manyRequests,
	"outcomes are forgotten":              pruned,
	"a job is there with its transaction": jobs,
}

func trouble(b *bundle) {
	is := func(want ...source.State) {
		b.Helper()
		b.read(func(r store.Reader) error {
			got, err := r.States(b.ctx)
			b.must(err)
			equal(b, "sources", len(got), len(want))
			for i := range min(len(got), len(want)) {
				s := got[i]
				if s.Trouble != "" && (s.Since.IsZero() || s.Tried.Before(s.Since)) {
					b.Errorf("trouble since %s, tried %s", s.Since, s.Tried)
				}
				if (s.File != "") == s.Read.IsZero() {
					b.Errorf("%s read at %s", s.Source, s.Read)
				}
				s.Since, s.Tried, s.Read = time.Time{}, time.Time{}, time.Time{}
				equal(b, "source", s, want[i])
			}
			return nil
		})
	}
	put := func(name, what string) {
		b.source(func(tx source.Tx) error { return tx.PutTrouble(b.ctx, name, what) })
	}
	is()
	put("hr", "the file does not exist")
	put("hr", "the file is empty")
	is(source.State{Source: "hr", Trouble: "the file is empty", Tries: 2})
	b.source(func(tx source.Tx) error {
		return errors.Join(tx.PutTrouble(b.ctx, "hr", ""), tx.PutRead(b.ctx, source.Report{
			Source: "hr", File: "hr.csv", Rows: 3, Complete: false, Reason: "a row", Rejected: []source.Reject{{Line: 2, Reason: "bad"}},
		}, source.Proof{Digest: [32]byte{1}}))
	})
	read := source.State{Source: "hr", File: "hr.csv", Rows: 3, Rejected: 1, Reason: "a row"}
	is(read)
	put("auth0", "gone")
	put("hr", "gone")
	read.Trouble, read.Tries = "gone", 1
	is(source.State{Source: "auth0", Trouble: "gone", Tries: 1}, read)
}

func ahead(b *bundle) {
	for i, after := range []time.Duration{3, 1, 0, 2} {
		p := person(fmt.Sprint(i))
		if after > 0 {
			p.Next = noon.Add(after * time.Hour)
		}
		b.put(p)
	}
	b.read(func(r store.Reader) error {
		for _, c := range []struct {
			until time.Duration
			limit int
			want  []string
		}{{0, 9, nil}, {1, 9, []string{"1"}}, {9, 9, []string{"1", "3", "0"}}, {9, 2, []string{"1", "3"}}} {
			people, err := r.Ahead(b.ctx, noon.Add(c.until*time.Hour), c.limit)
			b.must(err)
			var got []string
			for _, p := range people {
				got = append(got, p.ID)
			}
			same(b, "ahead", got, c.want)
		}
		next, err := r.NextDate(b.ctx, noon.Add(time.Hour))
		equal(b, "next date", next, noon.Add(2*time.Hour))
		last, lastErr := r.NextDate(b.ctx, noon.Add(3*time.Hour))
		equal(b, "no date", last, time.Time{})
		return errors.Join(err, lastErr)
	})
}

func backlog(b *bundle) {
	b.crowd(4)
	of := b.accounts("p001", "p002", "p003")
	b.provision(func(tx provision.Tx) error {
		waits, later, parked := of[0], of[1], of[2]
		waits.RetryAt, later.RetryAt, parked.Parked = noon.Add(time.Hour), noon.Add(2*time.Hour), "no"
		return tx.PutAccounts(b.ctx, []provision.Account{waits, later, parked})
	})
	b.read(func(r store.Reader) error {
		got, err := r.Backlog(b.ctx, "app", noon)
		if got.Oldest.IsZero() {
			b.Error("nothing is due since any time")
		}
		got.Oldest = time.Time{}
		equal(b, "backlog", got, provision.Backlog{Due: 3, Retrying: 2, Retry: noon.Add(time.Hour)})
		none, noneErr := r.Backlog(b.ctx, "other", noon)
		equal(b, "no backlog", none, provision.Backlog{})
		return errors.Join(err, noneErr)
	})
}

// accounts returns people's accounts at the app "app".
func (b *bundle) accounts(people ...string) (out []provision.Account) {
	b.Helper()
	for _, p := range people {
		out = append(out, b.subject("app", p).Account)
	}
	return out
}

func parkedReasons(b *bundle) {
	b.crowd(4)
	all := b.accounts("p000", "p001", "p002")
	b.provision(func(tx provision.Tx) error {
		in := &provision.Intent{App: "app", Kind: provision.Create, Person: "p001", At: noon}
		if err := tx.PutIntents(b.ctx, 1, []*provision.Intent{in}); err != nil {
			return err
		}
		if err := tx.PutOutcomes(b.ctx, []provision.Outcome{{Intent: in, Result: provision.Parked}}); err != nil {
			return err
		}
		all[0].Parked, all[1].Parked, all[2].Parked = "b", "b", "a"
		all[1].Journal = in.ID
		group := provision.Group{App: "app", Team: "t", Standing: provision.Standing{Parked: "b"}}
		return errors.Join(tx.PutAccounts(b.ctx, all), tx.PutGroups(b.ctx, []provision.Group{group}))
	})
	b.read(func(r store.Reader) error {
		got, err := r.ParkedReasons(b.ctx, "app", 9)
		if len(got) == 0 || got[0].Since.IsZero() {
			b.Fatalf("reasons: %+v", got)
		}
		got[0].Since = time.Time{}
		same(b, "reasons", got, []provision.ParkedReason{{Reason: "b", Count: 3}, {Reason: "a", Count: 1}})
		one, oneErr := r.ParkedReasons(b.ctx, "app", 1)
		equal(b, "reasons", len(one), 1)
		return errors.Join(err, oneErr)
	})
}

func heldSince(b *bundle) {
	since := func() (m map[string]time.Time) {
		b.read(func(r store.Reader) (err error) {
			m, err = r.HeldSince(b.ctx)
			return err
		})
		return m
	}
	put := func(holds ...provision.Hold) {
		b.provision(func(tx provision.Tx) error { return tx.PutHolds(b.ctx, "plan", "a", holds) })
	}
	put(hold("1", "a"))
	first := since()["1"]
	if first.IsZero() {
		b.Fatal("a hold stands since no time")
	}
	time.Sleep(time.Millisecond)
	put(hold("1", "a"), hold("2", "a"))
	equal(b, "since", since()["1"], first)
	if !since()["2"].After(first) {
		b.Error("a new hold stands as long as an old one")
	}
	put()
	equal(b, "holds", len(since()), 0)
}

func waking(b *bundle) {
	b.crowd(3)
	b.provision(func(tx provision.Tx) error {
		var marks []provision.Mark
		for i, after := range []time.Duration{2, 0, 1} {
			m := provision.Mark{Person: fmt.Sprintf("p%03d", i), Version: b.subject("app", fmt.Sprintf("p%03d", i)).Account.Version}
			if after > 0 {
				m.Wake = noon.Add(after * time.Hour)
			}
			marks = append(marks, m)
		}
		return tx.ClearMarks(b.ctx, "app", marks)
	})
	b.read(func(r store.Reader) error {
		got, err := r.Waking(b.ctx, noon.Add(9*time.Hour), 9)
		b.must(err)
		if len(got) != 2 || got[0].Person.ID != "p002" || got[1].Person.ID != "p000" || got[0].App != "app" || got[0].At != noon.Add(time.Hour) {
			b.Errorf("waking: %+v", got)
		}
		got, err = r.Waking(b.ctx, noon.Add(time.Hour), 9)
		equal(b, "waking", len(got), 1)
		return err
	})
}

func liveAt(b *bundle) {
	b.app("other")
	b.crowd(3)
	b.provision(func(tx provision.Tx) error {
		return tx.PutAccounts(b.ctx, []provision.Account{
			{App: "app", Person: "p000", State: provision.Live},
			{App: "other", Person: "p000", State: provision.Live},
			{App: "app", Person: "p001", State: provision.Disabled},
			{App: "app", Person: "p002", State: provision.Live},
		})
	})
	b.read(func(r store.Reader) error {
		got, err := r.LiveAt(b.ctx, []string{"p000", "p001", "nobody"})
		same(b, "apps", got["p000"], []string{"app", "other"})
		equal(b, "people", len(got), 1)
		return err
	})
}

func leave(b *bundle) int64 {
	b.Helper()
	id, err := b.all.Requests().Leave(b.ctx, request.Request{Kind: "apply", Args: []byte(`{"person":"p"}`), Actor: "apply by ines"})
	b.must(err)
	return id
}

func requests(b *bundle) {
	s := b.all.Requests()
	if _, ok, err := s.Find(b.ctx, 1); ok || err != nil {
		b.Fatal(ok, err)
	}
	first, second := leave(b), leave(b)
	taken, err := s.Take(b.ctx, 1)
	b.must(err)
	if len(taken) != 1 || taken[0].ID != first || taken[0].Kind != "apply" || string(taken[0].Args) != `{"person":"p"}` ||
		taken[0].Actor != "apply by ines" || taken[0].At.IsZero() || taken[0].Taken.IsZero() {
		b.Fatalf("taken: %+v", taken)
	}
	taken, err = s.Take(b.ctx, 9)
	b.must(err)
	if len(taken) != 1 || taken[0].ID != second {
		b.Fatalf("taken: %+v", taken)
	}
	taken, err = s.Take(b.ctx, 9)
	b.must(err)
	equal(b, "taken twice", len(taken), 0)
	b.must(s.Finish(b.ctx, first, []byte(`{"a": 1}`), ""))
	if s.Finish(b.ctx, first, nil, "again") == nil || s.Finish(b.ctx, 99, nil, "") == nil {
		b.Error("an outcome was replaced, or given to nothing")
	}
	r, ok, err := s.Find(b.ctx, first)
	b.must(err)
	if !ok || string(r.Document) != `{"a": 1}` || r.Error != "" || r.Done.IsZero() {
		b.Errorf("found: %+v", r)
	}
	open, err := s.Open(b.ctx)
	b.must(err)
	if len(open) != 1 || open[0].ID != second {
		b.Errorf("open: %+v", open)
	}
	b.must(s.Finish(b.ctx, second, nil, "it broke"))
	r, _, err = s.Find(b.ctx, second)
	b.must(err)
	if r.Document != nil || r.Error != "it broke" {
		b.Errorf("found: %+v", r)
	}
}

func manyRequests(b *bundle) {
	for range request.MaxOpen {
		leave(b)
	}
	_, err := b.all.Requests().Leave(b.ctx, request.Request{Kind: "apply", Args: []byte("{}"), Actor: "x"})
	if !errors.Is(err, request.ErrMany) {
		b.Error(err)
	}
	taken, err := b.all.Requests().Take(b.ctx, 1)
	b.must(err)
	b.must(b.all.Requests().Finish(b.ctx, taken[0].ID, nil, ""))
	leave(b)
}

func pruned(b *bundle) {
	s := b.all.Requests()
	var ids []int64
	for range 4 {
		ids = append(ids, leave(b))
	}
	_, err := s.Take(b.ctx, 9)
	b.must(err)
	for _, id := range ids[:3] {
		b.must(s.Finish(b.ctx, id, nil, ""))
	}
	b.must(s.Prune(b.ctx, time.Now().Add(-time.Hour), 2))
	there := func(want ...bool) {
		b.Helper()
		var got []bool
		for _, id := range ids {
			_, ok, err := s.Find(b.ctx, id)
			b.must(err)
			got = append(got, ok)
		}
		same(b, "there", got, want)
	}
	there(false, true, true, true)
	b.must(s.Prune(b.ctx, time.Now().Add(time.Hour), 9))
	there(false, false, false, true) // what has no outcome stays
}

func jobs(b *bundle) {
	if b.all.Jobs() == nil {
		b.Fatal("an engine's store has no connection for its queue")
	}
	enqueue := func(key string, undo error) (merged bool) {
		b.Helper()
		err := b.db.Directory().Update(b.ctx, func(tx directory.Tx) (err error) {
			merged, err = tx.(queue.Enqueuer).Enqueue(b.ctx, queue.Job{Kind: "job", Key: key})
			return errors.Join(err, undo)
		})
		if !errors.Is(err, undo) {
			b.Fatal(err)
		}
		return merged
	}
	if enqueue("a", errUndo) || enqueue("a", nil) || enqueue("b", nil) {
		b.Error("merged with nothing")
	}
	if !enqueue("a", nil) {
		b.Error("two equal jobs")
	}
	worked := make(chan string, 9)
	q, err := queue.New(queue.Config{Pool: b.all.Jobs(), Logger: quiet(), Work: map[string]func(context.Context, string) error{
		"job": func(_ context.Context, key string) error { worked <- key; return nil },
	}})
	b.must(err)
	b.must(q.Start(b.ctx))
	got := map[string]bool{<-worked: true, <-worked: true}
	b.must(q.Stop(context.WithoutCancel(b.ctx)))
	if !got["a"] || !got["b"] || len(worked) != 0 {
		b.Errorf("worked: %v and %d more", got, len(worked))
	}
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }
