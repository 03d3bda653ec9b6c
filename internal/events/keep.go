// SPDX-License-Identifier: Apache-2.0

package events

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/usher-id/usher/internal/audit"
)

// Retention is how much waits for a recipient who does not come.
type Retention struct {
	Age    time.Duration
	Number int
}

// DefaultRetention holds for streams that the configuration does not bound, and for
// what is left of those that it no longer has.
func DefaultRetention() Retention { return Retention{7 * 24 * time.Hour, 100_000} }

// keepEvery is how often it is looked for what is too old or too much.
const keepEvery = time.Minute

// mostTrimmed is how many tokens are dropped in one transaction: no change should wait
// for the dropping of a large backlog.
const mostTrimmed = 1_000

// Keeper drops what has waited for too long, or is too much, the oldest first.
type Keeper struct {
	Store Store
	Of    map[Stream]Retention
	Tally *Tally
	Log   *slog.Logger
}

// Run looks at once, and then from time to time, until ctx ends.
func (k *Keeper) Run(ctx context.Context) {
	every := time.NewTicker(keepEvery)
	defer every.Stop()
	for {
		if err := k.Look(ctx); err != nil && ctx.Err() == nil {
			k.Log.Error("old events could not be dropped", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
	}
}

// Look drops what is to be dropped now. The ledger is told how much it was.
func (k *Keeper) Look(ctx context.Context) error {
	var waiting []Backlog
	err := k.Store.View(ctx, func(tx Tx) (err error) {
		waiting, err = tx.Backlogs(ctx)
		return err
	})
	if err != nil {
		return err
	}
	for _, b := range waiting {
		r, ok := k.Of[b.Stream]
		if !ok {
			r = DefaultRetention()
		}
		if b.Count <= r.Number && time.Since(b.Oldest) <= r.Age {
			continue
		}
		if err := k.trim(ctx, b.Stream, r); err != nil {
			return err
		}
	}
	return nil
}

func (k *Keeper) trim(ctx context.Context, s Stream, r Retention) error {
	total := 0
	defer func() {
		if total > 0 {
			k.Tally.add(s, Counts{Dropped: int64(total)})
			k.Log.Warn("events that were not fetched are dropped", "stream", s.String(), "count", total)
		}
	}()
	for n := mostTrimmed; n == mostTrimmed; total += n {
		err := k.Store.Update(ctx, func(tx Tx) (err error) {
			if n, err = tx.TrimEvents(ctx, s, tx.Now().Add(-r.Age), r.Number, mostTrimmed); err != nil || n == 0 {
				return err
			}
			return tx.AppendEvents(ctx, []audit.Event{{
				At: tx.Now(), Kind: "events.dropped", Actor: "serve", Object: s.Source,
				Why: fmt.Sprintf("%d events of %s were not fetched: kept are %d, for %s", n, s, r.Number, r.Age),
			}})
		})
		if err != nil {
			return fmt.Errorf("stream %s: %w", s, err)
		}
	}
	return nil
}
