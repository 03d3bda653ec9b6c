// SPDX-License-Identifier: Apache-2.0

package rest

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Grant is an access token, as a token endpoint gives it.
type Grant struct {
	Token  string
	Scopes []string
	Life   time.Duration
}

// longestLife is for how long a token is believed to be good at most.
const longestLife = 30 * 24 * time.Hour

// Tokens gets access tokens and keeps the last one. One caller renews it while the
// others wait; if that one gives up, the next takes over; if the API refuses, all
// who waited are told so by the one refusal.
type Tokens struct {
	api, op string
	ask     func(context.Context) (Grant, *Error)
	hidden  func() []string

	turn chan struct{} // held by who renews

	mu      sync.Mutex
	grant   Grant
	made    time.Time
	renew   time.Time // at about 80 % of its life
	expires time.Time
	round   int    // counts the renewals that ended with an answer
	refused *Error // what the last one of them said, nil for a token
}

// NewTokens makes Tokens. ask asks for one, once, which op names in errors; hidden are
// the secrets that it sends, asked for at any time and from anywhere.
func NewTokens(api, op string, ask func(context.Context) (Grant, *Error), hidden func() []string) *Tokens {
	return &Tokens{api: api, op: op, ask: ask, hidden: hidden, turn: make(chan struct{}, 1)}
}

// Hidden are the secrets that must be in no error.
func (t *Tokens) Hidden() []string { return t.hidden() }

// Scopes are the permissions that were granted, as the token endpoint tells them beside
// the token; none if it tells none.
func (t *Tokens) Scopes(ctx context.Context) ([]string, error) {
	if _, err := t.Get(ctx); err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]string(nil), t.grant.Scopes...), nil
}

// Get is a token that is good for some time yet.
func (t *Tokens) Get(ctx context.Context) (string, error) {
	value, round := t.current()
	if value != "" {
		return value, nil
	}
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-ctx.Done():
		return "", &Error{API: t.api, Op: t.op, Unsent: true, Err: context.Cause(ctx)}
	}
	if value, _ := t.current(); value != "" {
		return value, nil
	}
	if e := t.refusedSince(round); e != nil {
		return "", e
	}
	return t.request(ctx)
}

// refusedSince is what a renewal ended with that somebody else did since a round.
func (t *Tokens) refusedSince(round int) *Error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.round == round {
		return nil
	}
	return t.refused
}

// current is the token that is kept, "" if it is due, and the number of renewals.
func (t *Tokens) current() (string, int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if time.Now().Before(t.renew) {
		return t.grant.Token, t.round
	}
	return "", t.round
}

// Drop forgets a token that the API does not take, unless another is there already.
func (t *Tokens) Drop(value string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.grant.Token == value {
		t.forget()
	}
	return true
}

// Forget forgets the token that is kept, so that the next request asks for one. Requests
// that are on their way go on with what they have.
func (t *Tokens) Forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.forget()
}

// Stale is how old a token must be before another is asked for because its scopes do
// not do: a token keeps those that it was given with, and some makers count each one.
const Stale = 10 * time.Minute

// Reconsider implements Credential: the next request asks for another token if this one is
// older than Stale, as the scopes that somebody has granted meanwhile are not in it. Until
// there is another, this one goes on.
func (t *Tokens) Reconsider() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if time.Since(t.made) >= Stale {
		t.renew = time.Time{}
	}
}

func (t *Tokens) forget() { t.grant.Token, t.renew, t.expires = "", time.Time{}, time.Time{} }

// request renews the token. While the old one lives, the lack of an answer is none of
// the caller's trouble.
func (t *Tokens) request(ctx context.Context) (string, error) {
	grant, e := t.exchange(ctx)
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if e != nil && ctx.Err() != nil {
		return "", e // the caller's end, and not an answer: the next one asks again
	}
	t.round++
	t.refused = e
	if e != nil {
		if !Refused(e) && t.grant.Token != "" && now.Add(time.Minute).Before(t.expires) {
			t.renew = now.Add(probeEvery)
			return t.grant.Token, nil
		}
		return "", e
	}
	grant.Life = min(grant.Life, longestLife)
	t.grant = grant
	t.made, t.expires, t.renew = now, now.Add(grant.Life), now.Add(grant.Life*8/10)
	return grant.Token, nil
}

// Refused reports whether an API said no, rather than nothing of use.
func Refused(e *Error) bool {
	return e.Status >= 400 && e.Status < 500 && e.Status != http.StatusTooManyRequests
}

// exchange asks for a token. After a 429 it waits and asks again.
func (t *Tokens) exchange(ctx context.Context) (Grant, *Error) {
	for n := 0; ; n++ {
		grant, e := t.ask(ctx)
		if e == nil {
			return grant, nil
		}
		e.API, e.Op = t.api, t.op
		if e.Status != http.StatusTooManyRequests {
			return Grant{}, e
		}
		wait := e.RetryAfter
		if wait == 0 {
			wait = max(time.Second, Backoff(n))
		}
		if Sleep(ctx, wait) != nil {
			return Grant{}, e
		}
	}
}

// ParseGrant reads what a token endpoint answers (RFC 6749 §5.1), false if there is no
// bearer token in it, or not how long it lives.
func ParseGrant(kind, token, scope string, expiresIn int64) (Grant, bool) {
	if !strings.EqualFold(kind, "Bearer") || token == "" || !HeaderValue(token) || expiresIn <= 0 {
		return Grant{}, false
	}
	life := time.Duration(min(expiresIn, int64(longestLife/time.Second))) * time.Second
	return Grant{Token: token, Scopes: strings.Fields(scope), Life: life}, true
}
