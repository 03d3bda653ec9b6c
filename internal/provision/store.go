// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"context"
	"strings"
	"time"

	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/internal/directory"
)

// Store is what the engine keeps its state in. The function of Update may be
// called more than once; what it does outside its Tx must bear that.
type Store interface {
	Update(ctx context.Context, fn func(Tx) error) error
	View(ctx context.Context, fn func(Tx) error) error
}

// Tx is one transaction, seen by what it is used for.
type Tx interface {
	audit.Appender
	Now() time.Time
	LeaseTx
	AppTx
	AccountTx
	GroupTx
	JournalTx
	FindingTx
	NameTx
	GuardTx
}

// AppTx keeps what is known of apps as a whole.
type AppTx interface {
	App(ctx context.Context, name string) (AppState, error)
	PutApp(ctx context.Context, a AppState) error
	// MarkApp marks every account of an app as due, and unparks it; people
	// without a row get one.
	MarkApp(ctx context.Context, app string) error
	// ResetApp forgets every account, group and membership of an app, and
	// marks everybody as due.
	ResetApp(ctx context.Context, app string) error
	// Unpark lets what ended with a result be tried again: of a group, by whoever is in its
	// team.
	Unpark(ctx context.Context, app string, last Result) error
	// ForeignNames returns the names of the accounts listed as nobody's; by
	// ExternalName and UserName. DropForeign takes some off the list.
	ForeignNames(ctx context.Context, app string) (map[string]bool, error)
	DropForeign(ctx context.Context, app string, remoteIDs []string) error
	// ForeignAmong returns which of the app's ids are listed as nobody's.
	ForeignAmong(ctx context.Context, app string, remoteIDs []string) (map[string]bool, error)
	// Wake marks whose calendar time has come.
	Wake(ctx context.Context, app string, now time.Time) error
	// Doubt has the accounts and groups of an app looked at that are not set aside, or
	// that others have disabled (Shut), which are no longer set aside until they are seen;
	// people, when not nil, narrows the accounts to theirs.
	Doubt(ctx context.Context, app string, people []string) error
	// MarkPeople marks the accounts of some people as due, MarkTeams those of whoever is in
	// some teams.
	MarkPeople(ctx context.Context, app string, people []string) error
	MarkTeams(ctx context.Context, app string, teams []string) error
	// PutForeign replaces the list of accounts that no person owns.
	PutForeign(ctx context.Context, app string, accounts []Foreign) error
}

// Foreign is an account in an app that no person owns.
type Foreign struct {
	RemoteID, UserName, ExternalID, Reason string
	Active                                 bool
}

// ExternalName and UserName are how an account is recognised on the list of
// those that are nobody's. An externalId is exact, a user name is not (RFC 7643
// §3.1, §4.1.1).
func ExternalName(id string) string { return "e" + id }

// UserName is ExternalName for a user name.
func UserName(name string) string { return "u" + strings.ToLower(name) }

// Mark is what a finished plan clears, if no newer mark has come.
type Mark struct {
	Person  string
	Version int64
	Wake    time.Time // when the calendar makes it due again, zero for never
}

// Query selects subjects. People, when not nil, narrows it to them.
type Query struct {
	App     string
	After   string // person id, for the next page
	Limit   int
	People  []string
	Due     bool      // only those with a mark, not parked
	Observe bool      // only those whose state at the app is not known
	Parked  bool      // only those that are set aside
	Out     bool      // with Due: only people who are not in,
	Since   time.Time // and were marked after this instant
	Now     time.Time
	Source  string // whose keys of these people are asked for; "": none
}

// AccountTx keeps accounts and their memberships.
type AccountTx interface {
	Subjects(ctx context.Context, q Query) ([]Subject, error)
	PutAccounts(ctx context.Context, accounts []Account) error
	ClearMarks(ctx context.Context, app string, marks []Mark) error
	// PutEdges keeps memberships: of those that are there already only what is not known
	// (Unsure) becomes known, and the other way round. journal is the request's entry, 0 for
	// none.
	PutEdges(ctx context.Context, app string, add, remove []Edge, journal int64) error
	// Owners returns who owns the app's ids, by id.
	Owners(ctx context.Context, app string, remoteIDs []string) (map[string]string, error)
	// NextRetry returns the earliest RetryAt after an instant of what is due,
	// zero for none; people, when not nil, narrows it to theirs.
	NextRetry(ctx context.Context, app string, people []string, after time.Time) (time.Time, error)
	// MarkedSince reports whether somebody was marked after an instant.
	MarkedSince(ctx context.Context, app string, after time.Time) (bool, error)
}

// GroupTx keeps groups.
type GroupTx interface {
	Groups(ctx context.Context, app string) (map[string]Group, error)
	PutGroups(ctx context.Context, groups []Group) error
	TeamsByID(ctx context.Context) (map[string]directory.Team, error)
	// EdgesOf returns the people whom a group holds, as last confirmed.
	EdgesOf(ctx context.Context, app, team string) ([]string, error)
}

// JournalTx keeps intents and outcomes.
type JournalTx interface {
	// PutIntents stores intents under the fence of whoever sends them, and sets
	// their ids.
	PutIntents(ctx context.Context, fence int64, intents []*Intent) error
	PutOutcomes(ctx context.Context, outcomes []Outcome) error
	// Confirm notes of entries that a later look-up has shown what they did: they are verified.
	Confirm(ctx context.Context, entries []int64) error
	OpenIntents(ctx context.Context, app string) ([]*Intent, error)
	// EntriesThat returns the newest entries of a person at an app that ended so, the newest first.
	EntriesThat(ctx context.Context, ended Result, app, person string, limit int) ([]Entry, error)
	// DoneOps returns which operations were done at or after an instant.
	DoneOps(ctx context.Context, since time.Time) (map[string]bool, error)
}

// GuardTx keeps holds and counts what passed.
type GuardTx interface {
	// PutHolds replaces the holds of a door; app narrows it to one app's.
	PutHolds(ctx context.Context, door, app string, holds []Hold) error
	Holds(ctx context.Context) ([]Hold, error)
	// Passed returns how many unexplained removals passed since an instant, and
	// Terminated how many explicit ones of a cause, without those that somebody agreed to.
	Passed(ctx context.Context, app string, since time.Time) (int, error)
	Terminated(ctx context.Context, app string, cause directory.Cause, since time.Time) (int, error)
	AddPassed(ctx context.Context, app string, cause directory.Cause, n int) error
	Totals(ctx context.Context, app string) (Totals, error)
	// LiveAccounts counts the live accounts of people, by app.
	LiveAccounts(ctx context.Context, people []string) (map[string]int, error)
	// InCount counts who is in, for limits measured in people.
	InCount(ctx context.Context) (int, error)
}

// Totals are an app's sizes.
type Totals struct {
	Live, Disabled, Parked, Waiting, Memberships, Foreign int
}
