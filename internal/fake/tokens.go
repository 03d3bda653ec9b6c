// SPDX-License-Identifier: Apache-2.0

package fake

import (
	"net/http"
	"strings"
	"time"
)

// Tokens are the access tokens that a fake has given. The zero value has none.
type Tokens struct{ given map[string]token }

// token is an access token.
type token struct {
	scopes []string
	until  time.Time
}

// Give makes a token good for some scopes until a time.
func (t *Tokens) Give(value string, scopes []string, until time.Time) {
	if t.given == nil {
		t.given = map[string]token{}
	}
	t.given[value] = token{scopes, until}
}

// Check finds the scopes of the token that a request is sent with (RFC 6750 §2.1), false if
// there is none, or none that is good.
func (t *Tokens) Check(r *http.Request, now time.Time) (scopes []string, ok bool) {
	value, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	found, given := t.given[value]
	if !bearer || !given || !now.Before(found.until) {
		return nil, false
	}
	return found.scopes, true
}

// Revoke makes all that were given so far worthless.
func (t *Tokens) Revoke() { clear(t.given) }
