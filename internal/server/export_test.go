// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"log/slog"
	"time"

	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/internal/secret"
	"github.com/usher-id/usher/internal/token"
)

// Ledger is the open store's.
func (u *Usher) Ledger() audit.Store { return u.db.Ledger() }

// SecretStore is the open store's.
func (u *Usher) SecretStore() secret.Store { return u.db.Secrets() }

// UsesOf is usesOf.
var UsesOf = usesOf

// TokenStore is the open store's.
func (u *Usher) TokenStore() token.Store { return u.db.Tokens() }

// Part, NewPart and RunParts are part and runParts.
type Part = part

func NewPart(name string, run func(context.Context) error) Part { return part{name, run} }

func RunParts(ctx context.Context, parts ...Part) error { return runParts(ctx, parts) }

// Bounded is bounded.
var Bounded = bounded

// TargetDigest is targetDigest.
var TargetDigest = targetDigest

// Offers is offers.
var Offers = offers

// Twins is twins.
var Twins = twins

// Rediscover is what the daemon does when it asks apps what they take.
func (u *Usher) Rediscover(ctx context.Context, log *slog.Logger, now time.Time, start bool) time.Time {
	d := &daemon{Usher: u, log: log, o: Options{Actor: "test"}, books: make(chan struct{}, 1)}
	return d.rediscover(ctx, now, start)
}
