// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
)

// Link is one event's place in the chain.
type Link struct {
	Seq   int64 // 1, 2, 3 … without a gap
	Event int64 // Envelope.ID
	Hash  [sha256.Size]byte
}

// Store is what the sequencer and the verifier need. Each method is one
// transaction.
type Store interface {
	// Head returns the last link, or a zero Link when there is none.
	Head(ctx context.Context) (Link, error)
	// Unchained returns the oldest events that have no link, in commit order.
	Unchained(ctx context.Context, limit int) ([]Envelope, error)
	// AppendLinks adds links after head; it refuses when the head has moved.
	AppendLinks(ctx context.Context, head Link, links []Link) error
	// Chained returns up to limit entries whose number is above seq.
	Chained(ctx context.Context, seq int64, limit int) ([]Entry, error)
}

// Entry is a stored event with its link. Payload and salt are nil once erased.
type Entry struct {
	Link
	Envelope
	Salt    []byte
	Payload []byte
}

const batch = 1000

// hash binds an envelope to its number and to everything before it. Fixed
// widths and lengths leave no two inputs with the same encoding.
func hash(prev [sha256.Size]byte, seq int64, e Envelope) [sha256.Size]byte {
	b := make([]byte, 0, 128)
	b = append(b, "usher ledger 1\n"...)
	b = append(b, prev[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(seq))
	b = binary.BigEndian.AppendUint64(b, uint64(e.ID))
	b = binary.BigEndian.AppendUint64(b, uint64(e.At.UnixMicro()))
	b = binary.BigEndian.AppendUint32(b, uint32(len(e.Kind)))
	b = append(b, e.Kind...)
	b = append(b, e.Digest[:]...)
	return sha256.Sum256(b)
}

// Sequence chains every committed event that has no link yet and returns how
// many it chained. One caller at a time: the store refuses a second.
func Sequence(ctx context.Context, s Store) (int, error) {
	total := 0
	for {
		head, err := s.Head(ctx)
		if err != nil {
			return total, err
		}
		events, err := s.Unchained(ctx, batch)
		if err != nil || len(events) == 0 {
			return total, err
		}
		links := make([]Link, len(events))
		prev := head
		for i, e := range events {
			prev = Link{Seq: prev.Seq + 1, Event: e.ID, Hash: hash(prev.Hash, prev.Seq+1, e)}
			links[i] = prev
		}
		if err := s.AppendLinks(ctx, head, links); err != nil {
			return total, err
		}
		total += len(links)
	}
}

// Report is the result of a verification.
type Report struct {
	Events  int64             `json:"events"`
	Erased  int64             `json:"erased"`
	Pending int               `json:"pending"` // committed, not chained yet
	Head    [sha256.Size]byte `json:"-"`
}

// Broken says where a chain does not hold.
type Broken struct {
	Seq    int64
	Event  int64
	Reason string
}

func (b *Broken) Error() string {
	return fmt.Sprintf("ledger entry %d (event %d): %s", b.Seq, b.Event, b.Reason)
}

// Verify recomputes every digest and every link from the beginning. The first
// one that does not hold is returned as a *Broken.
func Verify(ctx context.Context, s Store) (Report, error) {
	var r Report
	for {
		entries, err := s.Chained(ctx, r.Events, batch)
		if err != nil {
			return r, err
		}
		for _, e := range entries {
			if err := r.add(e); err != nil {
				return r, err
			}
		}
		if len(entries) < batch {
			break
		}
	}
	pending, err := s.Unchained(ctx, math.MaxInt32) // few: each cycle ends with a sequencer
	r.Pending = len(pending)
	return r, err
}

func (r *Report) add(e Entry) error {
	broken := func(reason string) error { return &Broken{e.Seq, e.Event, reason} }
	switch {
	case e.Seq != r.Events+1:
		return broken(fmt.Sprintf("entry %d is missing", r.Events+1))
	case e.Link.Event != e.Envelope.ID:
		return broken("the event is missing")
	case e.Payload == nil:
		r.Erased++
	case len(e.Salt) != saltBytes: // the digest runs over both, without a mark between them
		return broken("the payload's salt is not what was written")
	case digest(e.Salt, e.Payload) != e.Digest:
		return broken("the payload is not what was written")
	}
	if hash(r.Head, e.Seq, e.Envelope) != e.Hash {
		return broken("the hash does not follow from the entry before it")
	}
	r.Events, r.Head = e.Seq, e.Hash
	return nil
}
