// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"crypto/sha256"
	"encoding/base32"
	"strconv"
	"time"

	"github.com/usher-id/usher/scim"
)

// Intent is one request that is about to be sent, written down before.
type Intent struct {
	ID      int64 // given by the store
	App     string
	Kind    Kind
	Person  string // "" for groups and memberships
	Team    string // "" for accounts
	Remote  string // the app's id of what is written, "" for a create
	Attempt int
	Ops     []*Op // one, or the memberships of one request
	// Remotes are the app's ids of the people in Ops, for memberships.
	Remotes []string
	known   []*scim.Resource // what is kept of these accounts, or of the one that it is about; not stored
	At      time.Time
	// Answered says that it has an outcome, which is ambiguous; otherwise a
	// crash came between.
	Answered bool
}

// requestID is base32 in the letters that ids have.
var requestID = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// RequestID names the request on the wire and in the app's own log. It follows
// from what is asked, so that a support person can find it again.
func (i *Intent) RequestID() string {
	text := make([]byte, 0, 64)
	for _, o := range i.Ops {
		text = append(append(text, o.ID...), '\n')
	}
	text = strconv.AppendInt(text, i.ID, 10)
	text = strconv.AppendInt(append(text, ' '), int64(i.Attempt), 10)
	sum := sha256.Sum256(append(text, '\n'))
	return "usher-" + requestID.EncodeToString(sum[:10])
}

// key is what may have one writer at a time: one (app, person) or (app, group).
func (i *Intent) key() string {
	if i.Team != "" {
		return "g" + i.Team
	}
	return "p" + i.Person
}

// Result is how a request ended. The set is closed: whatever cannot be told
// apart is Ambiguous.
type Result string

// The results.
const (
	Done       Result = "done"
	RetryLater Result = "retry"     // nothing happened; again after T
	Parked     Result = "parked"    // refused; nothing is tried until something changes
	Ambiguous  Result = "ambiguous" // it may have happened; look before doing anything
	Lost       Result = "lost"      // what the app's id named is not there
	Taken      Result = "taken"     // 409: something of that name is there
	Ignored    Result = "ignored"   // answered with success, and read back unchanged
	Withdrawn  Result = "withdrawn" // never sent
	Split      Result = "split"     // refused as a whole, tried again in halves
	Refused    Result = "refused"   // 401 or 403: the app is paused
	Forbidden  Result = "forbidden" // 403 to this one, while the app answers other requests
	Shut       Result = "shut"      // of no request: others have disabled the account since
	Void       Result = "void"      // was ambiguous; the look-up shows that it did not happen
)

// Outcome is what became of an intent.
type Outcome struct {
	Intent   *Intent
	Result   Result
	Remote   string // the app's id, for a create
	Status   int    // HTTP, 0 for none
	Detail   string // for people; never a secret
	At       time.Time
	RetryAt  time.Time
	Verified bool // read back
	Elapsed  time.Duration
	Shown    shown // what the answer tells of the attributes
}
