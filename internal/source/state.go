// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"time"
)

// StateReader is what commands and pages ask of the sources.
type StateReader interface {
	// States returns what is known of every source that was ever read, or tried.
	States(ctx context.Context) ([]State, error)
	// PushedCount counts the resources of a type that a provider has pushed.
	PushedCount(ctx context.Context, source, typ string) (int, error)
}

// State is how a source is.
type State struct {
	Source   string
	File     string
	Read     time.Time // when it was last read, zero for never
	Complete bool
	Reason   string // why the last read was not proven complete
	Replay   bool
	Rows     int
	Rejected int // rows of the last read that were set aside
	// Trouble is why it cannot be read now, "" if it can.
	Trouble string
	Since   time.Time // of the trouble
	Tried   time.Time
	Tries   int
}
