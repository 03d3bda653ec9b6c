// SPDX-License-Identifier: Apache-2.0

package auth0test

import (
	"time"

	"github.com/usher-id/usher/internal/fake"
)

// The operations of an Effect.
const (
	Created       = "create"
	Updated       = "update"
	Blocked       = "block"
	Unblocked     = "unblock"
	Deleted       = "delete"
	Linked        = "link"
	Unlinked      = "unlink"
	SignedIn      = "sign_in"
	SessionsEnded = "sessions_end"
	TokensRevoked = "tokens_revoke"
	MemberAdded   = "member_add"
	MemberRemoved = "member_remove"
	SecretRotated = "secret_rotate"
	MailSent      = "mail"
)

// Effect is something that really happened. One request may have several, and one
// that changes nothing has none.
type Effect struct {
	At          time.Time
	Op          string
	Kind        string // "user", "role", "organization", "group", "client", "credential", "event_stream" or "ticket"
	ID          string
	Detail      string // fields that changed, or the member's id
	ClientID    string // by which it came about
	Correlation string // X-Correlation-ID of the request, of which 64 characters are kept
	Outside     bool   // without a request: by an administrator, or by the user
	Lost        bool   // the client was not told: its answer went wrong
}

// cause is who brings something about.
type cause struct {
	fake.Cause

	clientID    string
	clientName  string
	correlation string
}

func administrator() cause { return cause{Cause: fake.Cause{Outside: true}} }

// note writes an effect down. The caller holds the lock.
func (t *Tenant) note(by cause, op, kind, id, detail string) {
	t.Happened(Effect{
		At: t.now(), Op: op, Kind: kind, ID: id, Detail: detail,
		ClientID: by.clientID, Correlation: by.correlation, Outside: by.Outside, Lost: by.Lost,
	})
}
