// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"context"
	"time"
)

// Reader is what commands and pages ask of the provisioning state.
type Reader interface {
	Subjects(ctx context.Context, q Query) ([]Subject, error)
	Groups(ctx context.Context, app string) (map[string]Group, error)
	Holds(ctx context.Context) ([]Hold, error)
	// Findings returns what an app was found to do, by attribute.
	Findings(ctx context.Context, app string) (map[string]Finding, error)
	// Leases returns who writes, or wrote last, to which app.
	Leases(ctx context.Context) ([]Lease, error)
	// Entries returns the newest journal entries of a person at an app, the
	// newest first. MemberEntry returns the one that made a membership.
	Entries(ctx context.Context, app, person string, limit int) ([]Entry, error)
	MemberEntry(ctx context.Context, app, person, team string) (Entry, bool, error)
}

// Entry is a request as the journal has it.
type Entry struct {
	ID        int64
	Kind      Kind
	At        time.Time // of the intent
	RequestID string
	Result    Result // "" while it is open
	Status    int
	Detail    string
	DoneAt    time.Time
	Verified  bool
	Ops       []*Op
}
