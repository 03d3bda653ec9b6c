// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"context"
	"time"

	"github.com/usher-id/usher/internal/directory"
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
	HealthReader
}

// HealthReader is what tells how an app is, without reading everybody in it.
type HealthReader interface {
	App(ctx context.Context, name string) (AppState, error)
	Totals(ctx context.Context, app string) (Totals, error)
	// Backlog returns what is due at an app and not parked.
	Backlog(ctx context.Context, app string, now time.Time) (Backlog, error)
	// ParkedReasons returns why accounts and groups are set aside, the most
	// frequent reason first.
	ParkedReasons(ctx context.Context, app string, limit int) ([]ParkedReason, error)
	// HeldSince returns since when each hold stands, by its id.
	HeldSince(ctx context.Context) (map[string]time.Time, error)
	// Waking returns the accounts that the calendar makes due up to an instant,
	// in the order of their time.
	Waking(ctx context.Context, until time.Time, limit int) ([]Waking, error)
	// LiveAt returns the apps in which people have a live account, by person.
	LiveAt(ctx context.Context, people []string) (map[string][]string, error)
}

// Backlog is what is due at an app.
type Backlog struct {
	Due      int
	Retrying int       // of them, those whose retry lies ahead
	Retry    time.Time // the earliest of these, zero for none
	Oldest   time.Time // since when the oldest is due, zero for none
}

// ParkedReason is a reason to be set aside, and whom it concerns.
type ParkedReason struct {
	Reason string
	Count  int
	Since  time.Time // of the oldest request that ended so, zero if there was none
}

// Waking is an account whose grace time ends.
type Waking struct {
	App    string
	Person *directory.Person
	At     time.Time
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
