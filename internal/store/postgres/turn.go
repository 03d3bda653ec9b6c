// SPDX-License-Identifier: Apache-2.0

package postgres

import "context"

// turn is the right to write, one at a time and in the order of asking.
type turn chan struct{}

func newTurn() turn { return make(turn, 1) }

func (t turn) take(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t turn) give() { <-t }
