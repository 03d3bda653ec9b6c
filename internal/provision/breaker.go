// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"context"
	"net/http"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/audit"
)

// An app's breaker keeps a sick app from being asked by every person in turn. It is
// closed while the app answers. Five failures in a row open it, each about somebody
// else, or with no connection at all: nothing is sent to that app, by nobody, until
// AppState.RetryAt. Then it is half open: one harmless question decides whether the app
// is left alone again, for longer, or is sent to, one request at a time until something
// has gone through.
//
// It lies in the app's own row, so that a restart does not close it: Paused says why it
// is open, PausedAt since when it has not been closed. A pause for a credential that is
// refused has no RetryAt, as nothing that the clock does mends that, unless the app has asked
// for a time beside it: once that is over it is half open, too, and asked as after any pause.

// Breaker is the state of an app's breaker.
type Breaker string

// The states.
const (
	Closed   Breaker = "closed"
	HalfOpen Breaker = "half-open"
	Open     Breaker = "open"
)

// Breaker is in which state the app's breaker is. A pause without a time is open, too.
func (a *AppState) Breaker(now time.Time) Breaker {
	switch {
	case a.Paused != "" && (a.RetryAt.IsZero() || a.RetryAt.After(now)):
		return Open
	case a.Paused != "", !a.PausedAt.IsZero():
		return HalfOpen
	}
	return Closed
}

// waitsToProbe says that an app is left alone, and the time has not come to ask it again.
func (a *AppState) waitsToProbe(now time.Time) bool {
	return !a.PausedAt.IsZero() && a.RetryAt.After(now)
}

// failures are what an app has failed in a row. Whatever is about one person or group
// counts once: who is poison to an app that serves others must not look like an outage.
type failures struct {
	of    map[string]bool
	alone int // without a connection, about nobody
}

// add counts a failure about somebody, by its key, and reports whether it is one too many.
func (f *failures) add(key string, e *app.Error) bool {
	if e.Class == app.Unreachable {
		f.alone++
	} else {
		if f.of == nil {
			f.of = map[string]bool{}
		}
		f.of[key] = true
	}
	return f.alone+len(f.of) >= mostStrain
}

func (f *failures) none() bool { return f.alone+len(f.of) == 0 }

func (f *failures) reset() { *f = failures{} }

// sick says that an error is the app's own failure, or the lack of an answer, and not
// what it thinks of the request. One that says when to come back is well enough to say so.
func sick(e *app.Error) bool {
	switch e.Class {
	case app.Unreachable, app.Ambiguous:
		return true
	case app.Retry: // of a read
		return e.RetryAfter == 0 && (e.Status < http.StatusBadRequest || e.Status >= http.StatusInternalServerError)
	}
	return false
}

// mostOpen is for how long an app is left alone at the most: a question a minute costs an
// app nothing, and who has left while it was down waits for no more than that.
const mostOpen = time.Minute

// openFor is how long an app is left alone that has not been well for a while: half as
// long again, spread over its upper half.
func openFor(sick time.Duration, luck float64) time.Duration {
	d := min(max(firstBackoff, sick/2), mostOpen)
	return d/2 + time.Duration(luck*float64(d/2))
}

// open has the app left alone. asked is what it has itself asked for.
func (r *run) open(ctx context.Context, why string, asked time.Duration) error {
	now, since := time.Now(), r.state.PausedAt
	if since.IsZero() {
		since = now
	}
	wait := max(asked, openFor(now.Sub(since), r.luck()))
	r.state.RetryAt, r.broken = latest(r.state.RetryAt, now.Add(wait)), why
	r.sick.reset()
	r.unread = 0
	return r.pause(ctx, why, false)
}

// failing counts a failure of a read, and leaves the app alone if it is one too many.
func (r *run) failing(ctx context.Context, key string, e *app.Error) (opened bool, err error) {
	if r.ahead || !r.state.Listed || !sick(e) || !r.sick.add(key, e) {
		return false, nil
	}
	return true, r.open(ctx, e.Error(), 0)
}

// halfOpen says that the app answers again, and nothing has gone through yet.
func (r *run) halfOpen() bool { return r.state.Paused == "" && !r.state.PausedAt.IsZero() }

// shutBreaker ends a pause for good, once something has gone through, or there was nothing to send.
func (r *run) shutBreaker(ctx context.Context) error {
	if !r.halfOpen() || r.refused != "" {
		return nil
	}
	since := r.state.PausedAt
	r.state.PausedAt = time.Time{}
	return r.update(context.WithoutCancel(ctx), func(tx Tx) error {
		if err := tx.PutApp(ctx, r.state); err != nil {
			return err
		}
		return tx.AppendEvents(ctx, []audit.Event{{
			At: tx.Now(), Kind: "app.resumed", Actor: r.actor, App: r.target.Name, Why: "it answers again",
			Before: map[string]string{"paused_since": since.UTC().Format(time.RFC3339)},
		}})
	})
}
