// SPDX-License-Identifier: Apache-2.0

package storetest

import (
	"fmt"
	"time"

	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/source"
)

var sources = group{
	"what is known of a source":          known,
	"a read that was read before":        replays,
	"every source that stated something": stated,
}

var ledger = group{
	"events are chained in the order of their commits": chained,
	"the chain is appended to at its head alone":       heads,
	"pages of the chain":                               chainPages,
}

func known(b *bundle) {
	b.put(person("a"), person("b"))
	b.source(func(tx source.Tx) error {
		k, err := tx.Known(b.ctx, "hr", source.Proof{}, func(id string) bool { return id == "r-a" || id == "new" })
		b.must(err)
		equal(b, "known", k, source.Known{Records: 2, Here: 1})
		k, err = tx.Known(b.ctx, "other", source.Proof{}, func(string) bool { return true })
		equal(b, "known of another source", k, source.Known{})
		return err
	})
}

// replays reads files of the days 1, 2 and 3, as if each were put in place in turn.
func replays(b *bundle) {
	for i, c := range []struct {
		digest byte
		day    int
		replay bool
	}{
		{1, 1, false},
		{1, 1, false}, // unchanged
		{2, 2, false},
		{1, 1, true},
		{1, 1, true}, // still there
		{3, 3, false},
		{2, 2, true},
		{4, 4, false},
		{1, 1, true},
		{3, 3, true}, // no newer than what came before that replay
		{5, 6, false},
		{4, 4, true},
		{4, 7, false}, // the same bytes, and a newer file
		{3, 8, false}, // written anew: the source has taken its last change back
	} {
		p := source.Proof{Digest: [32]byte{c.digest}, ModTime: noon.AddDate(0, 0, c.day), Complete: true}
		b.source(func(tx source.Tx) error {
			k, err := tx.Known(b.ctx, "hr", p, func(string) bool { return false })
			b.must(err)
			equal(b, fmt.Sprintf("read %d is a replay", i), k.Replay, c.replay)
			r := source.Report{Source: "hr", File: "hr.csv", Rows: 1, Complete: true, Replay: k.Replay, Rejected: []source.Reject{{Line: i, Reason: "odd"}}}
			return tx.PutRead(b.ctx, r, p)
		})
	}
}

func stated(b *bundle) {
	is := func(want ...string) {
		b.source(func(tx source.Tx) error {
			got, err := tx.Sources(b.ctx)
			same(b, "sources", got, want)
			return err
		})
	}
	is()
	b.put(person("a"), person("b"))
	is("hr")
	b.directory(func(tx directory.Tx) error {
		r := record("1", "c")
		r.Source = "auth0"
		return tx.PutRecords(b.ctx, []directory.Record{r})
	})
	is("auth0", "hr")
}

func (b *bundle) tell(n int) {
	b.Helper()
	events := make([]audit.Event, n)
	for i := range events {
		events[i] = audit.Event{At: noon.Add(time.Duration(i) * time.Second), Kind: "person.changed", Person: "p", Why: "because"}
	}
	b.directory(func(tx directory.Tx) error { return tx.AppendEvents(b.ctx, events) })
}

func chained(b *bundle) {
	b.tell(3)
	b.tell(0)
	b.tell(2)
	out, err := b.db.Ledger().Unchained(b.ctx, 4)
	b.must(err)
	equal(b, "unchained, up to 4", len(out), 4)
	for i, e := range out[:3] {
		if e.ID != out[0].ID+int64(i) || !e.At.Equal(noon.Add(time.Duration(i)*time.Second)) || e.Kind != "person.changed" || e.Digest == [32]byte{} {
			b.Errorf("event %d: %+v", i, e)
		}
	}
	n, err := audit.Sequence(b.ctx, b.db.Ledger())
	b.must(err)
	equal(b, "chained", n, 5)
	r, err := audit.Verify(b.ctx, b.db.Ledger())
	b.must(err)
	equal(b, "verified", r.Events, 5)
	equal(b, "pending", r.Pending, 0)
}

func heads(b *bundle) {
	l := b.db.Ledger()
	head, err := l.Head(b.ctx)
	b.must(err)
	equal(b, "head of none", head, audit.Link{})
	b.tell(2)
	out, err := l.Unchained(b.ctx, 9)
	b.must(err)
	first := audit.Link{Seq: 1, Event: out[0].ID, Hash: [32]byte{1}}
	b.must(l.AppendLinks(b.ctx, head, []audit.Link{first}))
	now, err := l.Head(b.ctx)
	b.must(err)
	equal(b, "head", now, first)
	second := audit.Link{Seq: 2, Event: out[1].ID, Hash: [32]byte{2}}
	for _, wrong := range []audit.Link{{}, {Seq: 1, Event: out[0].ID, Hash: [32]byte{9}}, second} {
		if err := l.AppendLinks(b.ctx, wrong, []audit.Link{second}); err == nil {
			b.Errorf("chained after %+v, which is not the head", wrong)
		}
	}
	b.must(l.AppendLinks(b.ctx, first, []audit.Link{second}))
}

func chainPages(b *bundle) {
	b.tell(7)
	_, err := audit.Sequence(b.ctx, b.db.Ledger())
	b.must(err)
	var seqs []int64
	for after := int64(0); ; {
		page, err := b.db.Ledger().Chained(b.ctx, after, 3)
		b.must(err)
		if len(page) == 0 {
			break
		}
		for _, e := range page {
			seqs = append(seqs, e.Seq)
			if e.Link.Event != e.Envelope.ID || len(e.Salt) == 0 || len(e.Payload) == 0 {
				b.Errorf("entry %+v", e)
			}
		}
		after = seqs[len(seqs)-1]
	}
	same(b, "numbers", seqs, []int64{1, 2, 3, 4, 5, 6, 7})
}
