// SPDX-License-Identifier: Apache-2.0

// Package token makes and knows the bearer tokens of those who may speak to our own
// endpoints.
//
// A token is 256 random bits. It is shown once, when it is made; what is kept is its
// digest, so that who reads the store can speak for nobody. It ends by a date, or
// when somebody ends it, and says who asked for it and when it was last used.
//
// It owns what a token is and when it holds. It must not know what it opens.
//
// Goroutines: none.
package token

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"github.com/usher-id/usher/internal/audit"
)

// Token is what is kept of one.
type Token struct {
	ID      string            `json:"id"`     // names it in lists, and tells nothing of it
	Source  string            `json:"source"` // whose endpoint it opens
	Digest  [sha256.Size]byte `json:"digest"`
	Owner   string            `json:"owner"` // who asked for it
	Created time.Time         `json:"created"`
	Expires time.Time         `json:"expires"` // zero for never
	Revoked time.Time         `json:"revoked"` // zero for not
	Used    time.Time         `json:"used"`    // last, to the minute; zero for never
	// Of an access token: the OAuth client that it was issued to, and the thumbprint
	// (RFC 7638) of the key by which that client was known. It holds as long as the
	// client has that key.
	Client string `json:"client,omitempty"`
	Key    string `json:"key,omitempty"`
}

// Store keeps tokens.
type Store interface {
	// PutToken keeps a token and tells the ledger of it: both or neither. One that is
	// kept already only ever ends sooner: nothing lets a token that was revoked hold
	// again, and nothing lets one hold for longer. When it was used is not touched.
	PutToken(ctx context.Context, t Token, e audit.Event) error
	// UseToken notes when a token was last used, and nothing else.
	UseToken(ctx context.Context, id string, at time.Time) error
	// Token finds one by its digest, TokenByID by its id.
	Token(ctx context.Context, digest [sha256.Size]byte) (t Token, found bool, err error)
	TokenByID(ctx context.Context, id string) (t Token, found bool, err error)
	// Tokens lists all, the newest first.
	Tokens(ctx context.Context) ([]Token, error)
}

// prefix lets a scanner of repositories and logs know a token that got there.
const prefix = "usher_scim_"

// New makes a token. The secret is all that opens anything, and is not kept. A life
// of zero is for ever.
func New(source, owner string, now time.Time, life time.Duration) (secret string, t Token) {
	raw := make([]byte, 32)
	_, _ = rand.Read(raw) // it never fails
	secret = prefix + base64.RawURLEncoding.EncodeToString(raw)
	t = Token{ID: strings.ToLower(rand.Text()[:10]), Source: source, Digest: Digest(secret), Owner: owner, Created: now}
	if life > 0 {
		t.Expires = now.Add(life)
	}
	return secret, t
}

// Digest is what is kept of a secret. The secret is random: nobody finds it by
// trying, whatever it is digested with.
func Digest(secret string) [sha256.Size]byte { return sha256.Sum256([]byte(secret)) }

// Why a token does not hold.
var (
	ErrUnknown = errors.New("the bearer token is not one of ours")
	ErrExpired = errors.New("the bearer token has expired")
	ErrRevoked = errors.New("the bearer token has been revoked")
)

// Check tells whether a token holds at an instant.
func (t Token) Check(now time.Time) error {
	switch {
	case !t.Revoked.IsZero() && !t.Revoked.After(now):
		return ErrRevoked
	case !t.Expires.IsZero() && !t.Expires.After(now):
		return ErrExpired
	}
	return nil
}

// Find returns the token that a secret is, if it holds. The search is by a digest
// of what was presented: how long it takes tells nothing of any token.
func Find(ctx context.Context, s Store, secret string, now time.Time) (Token, error) {
	if !strings.HasPrefix(secret, prefix) || len(secret) > 2*len(prefix)+64 {
		return Token{}, ErrUnknown
	}
	t, ok, err := s.Token(ctx, Digest(secret))
	if err != nil {
		return t, err
	}
	if !ok {
		return t, ErrUnknown
	}
	return t, t.Check(now)
}

// usedEvery is how exactly it is known when a token was last used.
const usedEvery = time.Minute

// Stale tells whether it is to be noted that a token is used.
func (t Token) Stale(now time.Time) bool { return now.Sub(t.Used) >= usedEvery }
