// SPDX-License-Identifier: Apache-2.0

package events

import (
	"context"
	"sync"
	"time"

	"github.com/usher-id/usher/internal/audit"
)

// Delivery is how a stream's tokens come to their recipient.
type Delivery string

// The deliveries.
const (
	Push Delivery = "push"
	Poll Delivery = "poll"
)

// Stream is one source's tokens on their way to one recipient.
type Stream struct {
	Source   string
	Delivery Delivery
}

func (s Stream) String() string { return s.Source + " by " + string(s.Delivery) }

// Queued is a token in the outbox.
type Queued struct {
	Stream
	Seq      int64  // its place; given by the store
	ID       string // jti
	Resource string // the id of whom or what it tells of
	At       time.Time
	Claims   []byte // JSON, not signed yet
}

// Backlog is what waits in a stream.
type Backlog struct {
	Stream
	Count  int
	Oldest time.Time
}

// Queuer is what the transaction of a change embeds.
type Queuer interface {
	// QueueEvents puts tokens at the end of their streams.
	QueueEvents(ctx context.Context, tokens []Queued) error
}

// Store is where the outbox is kept.
type Store interface {
	Update(ctx context.Context, fn func(Tx) error) error
	View(ctx context.Context, fn func(Tx) error) error
}

// Tx is one transaction.
type Tx interface {
	audit.Appender
	Queuer
	Now() time.Time

	// QueuedEvents returns up to limit tokens of a stream, in the order of commits.
	QueuedEvents(ctx context.Context, s Stream, limit int) ([]Queued, error)
	// RemoveEvents removes tokens from a stream by their jti, and returns those that
	// were there.
	RemoveEvents(ctx context.Context, s Stream, ids []string) (removed []string, err error)
	// StillQueued returns those of ids that are in a stream, in their order.
	StillQueued(ctx context.Context, s Stream, ids []string) (queued []string, err error)
	// TrimEvents looks at the first tokens of a stream, most of them, and removes those
	// that were queued before an instant, or are more than the newest keep.
	TrimEvents(ctx context.Context, s Stream, before time.Time, keep, most int) (n int, err error)
	// Backlogs are the streams in which something waits. The oldest is the first.
	Backlogs(ctx context.Context) ([]Backlog, error)
}

// Bell tells who waits that something was queued. The zero Bell is ready to use.
type Bell struct {
	mu   sync.Mutex
	rung chan struct{} // closed by the next Ring; nil if nobody waits
}

// Ring wakes everybody who waits.
func (b *Bell) Ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rung != nil {
		close(b.rung)
		b.rung = nil
	}
}

// Next is closed by the next Ring. Whoever asks before looking into the outbox misses
// nothing.
func (b *Bell) Next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rung == nil {
		b.rung = make(chan struct{})
	}
	return b.rung
}

// Counts is what has become of a stream's tokens since the start.
type Counts struct {
	Delivered, Refused, Dropped, Failed int64 // Failed counts tries
}

// Tally counts. The zero Tally is ready to use.
type Tally struct {
	mu    sync.Mutex
	of    map[Stream]Counts
	polls map[Stream]int
}

func (t *Tally) add(s Stream, c Counts) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.of == nil {
		t.of = map[Stream]Counts{}
	}
	sum := t.of[s]
	sum.Delivered += c.Delivered
	sum.Refused += c.Refused
	sum.Dropped += c.Dropped
	sum.Failed += c.Failed
	t.of[s] = sum
}

// waits counts polls that begin to wait, or by less than none that no longer do.
func (t *Tally) waits(s Stream, polls int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.polls == nil {
		t.polls = map[Stream]int{}
	}
	t.polls[s] += polls
}

// Polls returns how many polls of a stream wait now.
func (t *Tally) Polls(s Stream) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.polls[s]
}

// Of returns the counts of a stream.
func (t *Tally) Of(s Stream) Counts {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.of[s]
}
