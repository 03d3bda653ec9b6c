// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/secret"
	"github.com/usher-id/usher/internal/token"
)

// Ledger is the open store's.
func (u *Usher) Ledger() audit.Store { return u.db.Ledger() }

// Revoke is what a call does that ends somebody's access at once.
func (u *Usher) Revoke(ctx context.Context, name, key string, at time.Time) error {
	return u.db.Directory().Update(ctx, func(tx directory.Tx) error {
		_, err := u.directory(Options{Actor: "test"}).Revoke(ctx, tx, directory.Key{Source: name, ID: key}, at)
		return err
	})
}

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

// Calls is what the daemon does with the calls of a list, by itself: without its timers and
// its watch, and as soon as it is told to.
type Calls struct {
	http.Handler

	d    *daemon
	name string
}

// Calls takes the calls of a list from now on.
func (u *Usher) Calls(name string, log *slog.Logger) *Calls {
	d := &daemon{
		Usher: u, log: log, o: Options{Actor: "test"}, health: newHealth(), pushes: make(chan struct{}, 1), dates: make(chan struct{}, 1), books: make(chan struct{}, 1),
		changed: map[string]bool{}, reading: map[string]bool{}, marked: map[string]chan struct{}{}, told: map[string]chan struct{}{},
	}
	u.window = departWithin
	d.engine = provision.New(d.engineConfig(d.db, d.o, nil))
	d.serveLive()
	c := &Calls{d: d, name: name}
	for _, l := range u.Lists {
		if l.Source == name {
			l.Reader.Unsure = func(string) { wake(d.told[name]) }
			c.Handler = d.callsOf(l)
		}
	}
	return c
}

// ReadAll reads everybody, as a timer has the daemon do.
func (c *Calls) ReadAll(ctx context.Context) error {
	_, err := c.d.readOne(ctx, c.d.live(c.name))
	return err
}

// Work does what calls have told to do: it reads people by their ids, and everybody if it is
// not known whom. Then people are moved, as they are by a date, too, and apps follow. It
// returns how often everybody was read.
func (c *Calls) Work(ctx context.Context) (reads int, err error) {
	for {
		next, err := c.d.rereadOnce(ctx, c.d.live(c.name), c.d.log)
		if err != nil {
			return reads, err
		}
		if !next.IsZero() && !next.After(time.Now()) {
			continue
		}
		select {
		case <-c.d.told[c.name]:
			reads++
			if err := c.ReadAll(ctx); err != nil {
				return reads, err
			}
			continue
		default:
		}
		break
	}
	if err := c.d.settle(ctx); err != nil {
		return reads, err
	}
	_, err = c.d.Usher.engine(c.d.db, c.d.o, nil).Apply(ctx, nil)
	return reads, err
}
