// SPDX-License-Identifier: Apache-2.0

package auth0test

import (
	"slices"
	"time"
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
	Seq         int
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
	clientID    string
	clientName  string
	correlation string
	outside     bool
	lost        bool
	// void lets a change be answered and not happen.
	void bool
}

func administrator() cause { return cause{outside: true} }

// note writes an effect down. The caller holds the lock.
func (t *Tenant) note(by cause, op, kind, id, detail string) {
	t.ledger = append(t.ledger, Effect{
		Seq: len(t.ledger) + 1, At: t.now(), Op: op, Kind: kind, ID: id, Detail: detail,
		ClientID: by.clientID, Correlation: by.correlation, Outside: by.outside, Lost: by.lost,
	})
}

// Ledger returns what really happened, in order. What Load puts there is not in it.
func (t *Tenant) Ledger() []Effect {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.ledger)
}

// Refusal is a request that was refused, or a query that could not be answered,
// because Auth0 is as it is: no fault, and no rate limit.
type Refusal struct {
	At           time.Time
	Method, Path string
	Status       int
	Code         string
	Message      string
}

const mostRefusals = 10_000

// Refusals returns the requests that were refused, in order, up to 10,000.
func (t *Tenant) Refusals() []Refusal {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.refusals)
}
