// SPDX-License-Identifier: Apache-2.0

package storetest

import (
	"errors"
	"fmt"
	"time"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/events"
	"github.com/usher-id/usher/internal/source"
)

var outbox = group{
	"events are kept in the order of commits": eventsInOrder,
	"events of one stream are not another's":  eventsApart,
	"events commit with what they tell of":    eventsCommit,
	"events that are too old or too many":     eventsTrimmed,
	"who is erased is in no event":            erasedEvents,
}

var (
	byPush = events.Stream{Source: "idp", Delivery: events.Push}
	byPoll = events.Stream{Source: "idp", Delivery: events.Poll}
)

func queued(s events.Stream, id string) events.Queued {
	return events.Queued{Stream: s, ID: id, Resource: "r-" + id, At: noon, Claims: []byte(`{"jti":"` + id + `"}`)}
}

func (b *bundle) events(fn func(events.Tx) error) {
	b.Helper()
	b.must(b.all.Events().Update(b.ctx, fn))
}

func (b *bundle) queue(list ...events.Queued) {
	b.Helper()
	b.push(func(tx source.PushTx) error { return tx.QueueEvents(b.ctx, list) })
}

func (b *bundle) inStream(s events.Stream) (ids []string) {
	b.Helper()
	b.must(b.all.Events().View(b.ctx, func(tx events.Tx) error {
		ids = nil
		all, err := tx.QueuedEvents(b.ctx, s, 100)
		for _, q := range all {
			ids = append(ids, q.ID)
		}
		return err
	}))
	return ids
}

func eventsInOrder(b *bundle) {
	b.queue(queued(byPush, "c"), queued(byPush, "a"))
	b.queue(queued(byPush, "b"))
	same(b, "in order", b.inStream(byPush), []string{"c", "a", "b"})
	b.events(func(tx events.Tx) error {
		all, err := tx.QueuedEvents(b.ctx, byPush, 2)
		want := queued(byPush, "c")
		if len(all) != 2 || all[0].Seq >= all[1].Seq {
			b.Fatalf("%+v", all)
		}
		want.Seq = all[0].Seq
		equal(b, "an event", fmt.Sprintf("%+v", all[0]), fmt.Sprintf("%+v", want))
		b.must(err)
		still, err := tx.StillQueued(b.ctx, byPush, []string{"b", "nobody", "a"})
		same(b, "still queued", still, []string{"b", "a"})
		b.must(err)
		gone, err := tx.RemoveEvents(b.ctx, byPush, []string{"a", "nobody", "a"})
		same(b, "removed", gone, []string{"a"})
		return err
	})
	same(b, "what is left", b.inStream(byPush), []string{"c", "b"})
	b.events(func(tx events.Tx) error {
		_, err := tx.RemoveEvents(b.ctx, byPush, []string{"c", "b"})
		return err
	})
	b.queue(queued(byPush, "d")) // a place is never given twice
	b.events(func(tx events.Tx) error {
		all, err := tx.QueuedEvents(b.ctx, byPush, 2)
		if len(all) != 1 || all[0].Seq < 4 {
			b.Errorf("%+v", all)
		}
		return err
	})
}

func eventsApart(b *bundle) {
	other := events.Stream{Source: "other", Delivery: events.Push}
	b.queue(queued(byPush, "a"), queued(byPoll, "a"), queued(other, "a"))
	b.events(func(tx events.Tx) error {
		gone, err := tx.RemoveEvents(b.ctx, byPoll, []string{"a"})
		same(b, "removed", gone, []string{"a"})
		return err
	})
	same(b, "of the other delivery", b.inStream(byPush), []string{"a"})
	same(b, "of the other source", b.inStream(other), []string{"a"})
	b.events(func(tx events.Tx) error {
		n, err := tx.TrimEvents(b.ctx, other, noon.Add(time.Hour), 0, 100)
		equal(b, "trimmed", n, 1)
		b.must(err)
		all, err := tx.Backlogs(b.ctx)
		same(b, "what waits", all, []events.Backlog{{Stream: byPush, Count: 1, Oldest: noon}})
		return err
	})
}

func eventsCommit(b *bundle) {
	err := b.all.Pushed().Update(b.ctx, func(tx source.PushTx) error {
		b.must(tx.PutPushed(b.ctx, resource("idp", "a")))
		b.must(tx.QueueEvents(b.ctx, []events.Queued{queued(byPush, "a")}))
		return errUndo
	})
	if !errors.Is(err, errUndo) {
		b.Fatal(err)
	}
	same(b, "after a change that was taken back", b.inStream(byPush), nil)
	same(b, "resources", b.found("idp", source.PushedByID, "a", true), nil)
}

func eventsTrimmed(b *bundle) {
	for i := range 6 {
		q := queued(byPush, fmt.Sprint(i))
		q.At = noon.Add(time.Duration(i) * time.Minute)
		b.queue(q)
	}
	trim := func(before time.Time, keep, want int) {
		b.Helper()
		b.events(func(tx events.Tx) error {
			n, err := tx.TrimEvents(b.ctx, byPush, before, keep, 2)
			equal(b, "trimmed", n, want)
			return err
		})
	}
	trim(noon, 6, 0)
	trim(noon.Add(2*time.Minute), 100, 2)
	same(b, "not too old", b.inStream(byPush), []string{"2", "3", "4", "5"})
	trim(noon, 3, 1)
	same(b, "not too many", b.inStream(byPush), []string{"3", "4", "5"})
	trim(noon, 0, 2)
	same(b, "no more than at a time", b.inStream(byPush), []string{"5"})
	trim(noon, 0, 1)
	same(b, "none", b.inStream(byPush), nil)
}

func erasedEvents(b *bundle) {
	b.put(person("p1"))
	// Told of "there", nothing of it waits; "waits" is gone, and who follows may not know
	// it; they do know it of "known".
	deleted := func(id string) *source.Pushed {
		r := resource("idp", id)
		r.Body = nil
		return r
	}
	for _, res := range []*source.Pushed{resource("idp", "there"), deleted("waits"), deleted("known"), resource("idp", "another")} {
		if res.ID != "another" {
			b.directory(func(tx directory.Tx) error {
				r := record(res.Record, "p1")
				r.Source = "idp"
				return tx.PutRecords(b.ctx, []directory.Record{r})
			})
		}
		b.push(func(tx source.PushTx) error { return tx.PutPushed(b.ctx, res) })
	}
	theirs, others := queued(byPush, "1"), queued(byPush, "2")
	theirs.Resource = "waits"
	b.queue(theirs, others)
	b.directory(func(tx directory.Tx) error {
		gone, err := tx.Erase(b.ctx, "p1")
		same(b, "what others may not know of", gone, []directory.Resource{{Source: "idp", ID: "there"}, {Source: "idp", ID: "waits"}})
		return err
	})
	same(b, "what is left", b.inStream(byPush), []string{"2"})
}
