// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"slices"
)

// letIn has accounts looked at that a read shows as open, and that are known as disabled
// in an app that is the same system: somebody let them in again behind our back, as the
// reset of a password lifts a block. That brings nobody back, and must not stay so.
//
// What counts is what the read shows, not that it is news: a block that we made and that
// was lifted before the next read leaves nothing new behind. A list that lags behind
// our own block costs a look.
func (in *ingestion) letIn(ctx context.Context, tx Tx) error {
	if in.batch == nil || in.batch.Live == nil {
		return nil
	}
	for _, app := range in.s.Live.Twins {
		var among []string
		if in.partial {
			if among = slices.Collect(in.open); len(among) == 0 {
				continue
			}
		}
		out, err := tx.ShutOut(ctx, app, among)
		if err != nil {
			return err
		}
		shut := make(map[string]bool, len(out))
		for _, id := range out {
			shut[id] = true
		}
		var doubted []string
		for id := range in.open {
			if shut[id] {
				doubted = append(doubted, id)
			}
		}
		if err := tx.Suspect(ctx, app, doubted); err != nil {
			return err
		}
	}
	return nil
}

// open yields the ids by which somebody can get in, as the read has it: those of records
// that are not blocked, and of the accounts that were made parts of them.
func (in *ingestion) open(yield func(string) bool) {
	for _, row := range in.batch.Rows {
		if in.batch.Live.Blocked[row.Key] || in.gone[row.Key] {
			continue
		}
		for _, id := range append([]string{row.Key}, in.batch.Live.Aliases[row.Key]...) {
			if !yield(id) {
				return
			}
		}
	}
}
