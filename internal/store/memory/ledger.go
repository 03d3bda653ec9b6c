// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"context"
	"errors"
	"slices"

	"github.com/usher-id/usher/internal/audit"
)

type envelope struct {
	at     instant
	kind   string
	digest [32]byte
}

// payload is what can be erased of an event.
type payload struct {
	person     string
	salt, text []byte
}

func (e *envelope) read(id number) audit.Envelope {
	return audit.Envelope{ID: int64(id), At: e.at.time(), Kind: e.kind, Digest: e.digest}
}

// AppendEvents implements audit.Appender.
func (tx *Tx) AppendEvents(ctx context.Context, events []audit.Event) error {
	for _, e := range events {
		if err := tx.may(ctx); err != nil {
			return err
		}
		s, err := audit.Seal(e)
		if err != nil {
			return err
		}
		if s.At.IsZero() {
			return errNoTime
		}
		tx.ledgerEntries++
		id := number(tx.ledgerEntries)
		tx.ledger.put(tx.own, id, &envelope{stamp(s.At), s.Kind, s.Digest})
		tx.payloads.put(tx.own, id, &payload{s.Person, s.Salt, s.Payload})
	}
	return nil
}

var errMoved = errors.New("the ledger's head has moved: another sequencer is at work")

// chain serves audit.Store.
type chain struct{ db *DB }

func (c chain) Head(ctx context.Context) (l audit.Link, err error) {
	err = c.db.view(ctx, func(tx *Tx) error {
		l, _ = tx.chain.last()
		return nil
	})
	return l, err
}

func (c chain) Unchained(ctx context.Context, limit int) (out []audit.Envelope, err error) {
	err = c.db.view(ctx, func(tx *Tx) error {
		head, _ := tx.chain.last()
		for id, e := range tx.ledger.from(number(head.Event + 1)) {
			if limit >= 0 && len(out) >= limit {
				break
			}
			out = append(out, e.read(id))
		}
		return nil
	})
	return out, err
}

func (c chain) AppendLinks(ctx context.Context, head audit.Link, links []audit.Link) error {
	return c.db.update(ctx, func(tx *Tx) error {
		if now, _ := tx.chain.last(); now != head {
			return errMoved
		}
		for _, l := range links {
			if tx.chain.has(number(l.Seq)) {
				return errTwice
			}
			tx.chain.put(tx.own, number(l.Seq), l)
		}
		return nil
	})
}

func (c chain) Chained(ctx context.Context, seq int64, limit int) (out []audit.Entry, err error) {
	err = c.db.view(ctx, func(tx *Tx) error {
		for _, l := range tx.chain.from(number(seq + 1)) {
			if limit >= 0 && len(out) >= limit {
				break
			}
			entry := audit.Entry{Link: l}
			if e, ok := tx.ledger.get(number(l.Event)); ok {
				entry.Envelope = e.read(number(l.Event))
			}
			if p, ok := tx.payloads.get(number(l.Event)); ok {
				entry.Salt, entry.Payload = slices.Clone(p.salt), slices.Clone(p.text)
			}
			out = append(out, entry)
		}
		return nil
	})
	return out, err
}
