// SPDX-License-Identifier: Apache-2.0

package token_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/token"
)

// shelf keeps one token, and tells what it was asked for.
type shelf struct {
	token.Store
	t     token.Token
	err   error
	asked int
}

func (s *shelf) Token(_ context.Context, digest [sha256.Size]byte) (token.Token, bool, error) {
	s.asked++
	return s.t, digest == s.t.Digest, s.err
}

func TestFind(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	secret, made := token.New("idp", "ines", now, time.Hour)
	other, _ := token.New("idp", "ines", now, time.Hour)
	if secret == other || made.Source != "idp" || made.Owner != "ines" || strings.Contains(made.ID, secret) || len(secret) < 50 {
		t.Fatalf("%s %+v", secret, made)
	}
	revoked, ever := made, made
	revoked.Revoked, ever.Expires = now.Add(time.Minute), time.Time{}
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		secret string
		t      token.Token
		at     time.Time
		stored error
		want   error
		asked  int
	}{
		"holds":                    {secret, made, now, nil, nil, 1},
		"at the last moment":       {secret, made, now.Add(time.Hour - 1), nil, nil, 1},
		"expired":                  {secret, made, now.Add(time.Hour), nil, token.ErrExpired, 1},
		"for ever":                 {secret, ever, now.AddDate(100, 0, 0), nil, nil, 1},
		"before it is revoked":     {secret, revoked, now, nil, nil, 1},
		"revoked":                  {secret, revoked, now.Add(time.Minute), nil, token.ErrRevoked, 1},
		"another one":              {other, made, now, nil, token.ErrUnknown, 1},
		"nothing":                  {"", made, now, nil, token.ErrUnknown, 0},
		"not one of ours":          {"xoxb-" + secret, made, now, nil, token.ErrUnknown, 0},
		"endless":                  {secret + strings.Repeat("x", 1_000), made, now, nil, token.ErrUnknown, 0},
		"the store cannot be read": {secret, made, now, broken, broken, 1},
	} {
		s := &shelf{t: c.t, err: c.stored}
		if _, err := token.Find(t.Context(), s, c.secret, c.at); !errors.Is(err, c.want) || s.asked != c.asked {
			t.Errorf("%s: %v, asked %d times", name, err, s.asked)
		}
	}
	if made.Used = now; made.Stale(now.Add(59*time.Second)) || !made.Stale(now.Add(time.Minute)) {
		t.Error("it is noted once a minute that a token is used")
	}
}
