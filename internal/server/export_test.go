// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"log/slog"
	"strings"
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

// Credentials is what the daemon does when it looks after credentials.
func (u *Usher) Credentials(ctx context.Context, log *slog.Logger) error {
	d := &daemon{Usher: u, log: log, o: Options{Actor: "test"}, books: make(chan struct{}, 1), keeper: newKeeper()}
	return d.credentials(ctx)
}

// Least are the scopes that a configuration needs, all applications together, with the
// word on what is done without each ("" is nothing).
func (b *Built) Least() map[string]string {
	out := map[string]string{}
	for _, g := range b.grants {
		for _, n := range g.needs() {
			if was, there := out[n.scope]; !there || was != "" {
				out[n.scope] = n.without
			}
		}
	}
	return out
}

// ScopeTable is the table of scopes as the documentation shows it.
func ScopeTable() string {
	return tableOf("source", sourceScopes) + tableOf("app", appScopes)
}

func tableOf[T any](of string, rows []scopeRow[T]) (out string) {
	for _, r := range rows {
		var scopes []string
		for _, text := range r.scopes {
			scope, or, found := strings.Cut(text, "|")
			scope = "`" + scope + "`"
			if found {
				scope += " or `" + or + "`"
			}
			scopes = append(scopes, scope)
		}
		without := r.without
		if without == "" {
			without = map[string]string{"source": "nothing is read from it", "app": "it is paused, but for shutting people out"}[of]
		}
		out += "| " + of + ": " + r.what + " | " + strings.Join(scopes, ", ") + " | " + without + " |\n"
	}
	return out
}

// DueExpiries is dueExpiries.
var DueExpiries = dueExpiries
