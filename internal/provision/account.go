// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"time"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/scim"
)

// AccountState is what is known of an account at its app.
type AccountState string

// An account that was never there is None; one that we deleted is Gone.
const (
	None     AccountState = ""
	Live     AccountState = "live"
	Disabled AccountState = "disabled"
	Gone     AccountState = "gone"
)

// Account is the link between a person and an app.
type Account struct {
	App, Person string
	RemoteID    string
	State       AccountState
	Sent        *scim.Resource // mapped attributes as last confirmed; nil when none
	Since       time.Time      // of the state, by the calendar's clock, as grace times run by it
	// Begun says that a departure of several requests was sent and is not done: a part of it
	// may be. No look-up ends it, as one need not show all of it; only a Disable that is done
	// does, or whatever lets the person in.
	Begun bool
	// Late is until when a request that was given up may have its effect, zero for never: see
	// late.go. No other request ends it, only a look-up after that.
	Late time.Time
	// Steady says, when the row is written, that nothing has changed of its mark,
	// of what it is parked for, and of whether it must be looked up.
	Steady bool
	// Rest says, when the row is written, that all that was planned under its mark
	// is done: the mark is cleared unless a newer one has come.
	Rest *Mark
	Standing
}

// Group is the link between a team and an app.
type Group struct {
	App, Team string
	RemoteID  string
	Name      string // displayName as last confirmed
	Standing
}

// Standing is what the engine keeps of an account's or group's due work.
type Standing struct {
	Due      bool
	Version  int64     // of the mark; clearing one checks it
	Parked   string    // the reason why nothing is tried until something changes
	Attempts int       // failed in a row
	RetryAt  time.Time // not before
	Observe  bool      // what the app holds is not known: look before doing anything
	Last     Result    // how the last request ended, "" for none
	Journal  int64     // the last request's entry, 0 for none
}

// Edge is a membership at an app.
type Edge struct {
	Team, Person string
}

// Unsure is the journal's entry of memberships of which nobody can tell whether they are there:
// a request for them had no answer, and the app does not show who is in a group.
const Unsure int64 = -1

// Subject is all that a plan for one person at one app rests on.
type Subject struct {
	Person  *directory.Person
	Teams   []directory.Team
	Account Account
	Members map[string]bool   // teams whose group holds the account, as last confirmed; false where that is not known
	Names   map[string]string // by path: what is theirs alone in the app, of what has been given already
	Records []RecordKey       // of the source that was asked for, as far as it has them still; in order of key

	owed int // operations that were planned and not done
}

// AppState is what the engine keeps of an app.
type AppState struct {
	Name    string
	Digest  [32]byte // of mapping, scope, groups and profile
	Address string   // of its API, as last applied
	Listed  bool     // what was there before us has been read
	Agreed  bool     // somebody agreed to the first writes
	Paused  string   // why nothing is sent, "" when it is
	Foreign int      // accounts that no person owns, as last listed

	PausedAt time.Time // since when, zero when it is not
	RetryAt  time.Time // when it may be asked again, as it asked for a pause
}
