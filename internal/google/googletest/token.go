// SPDX-License-Identifier: Apache-2.0

package googletest

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/usher-id/usher/internal/fake"
)

const grantType = "urn:ietf:params:oauth:grant-type:jwt-bearer"

func oauth(status int, code, why string) *refusal {
	return &refusal{status: status, reason: code, message: why, oauth: true}
}

// issueToken is POST /token, for what a service account has signed in the name of an
// administrator. All scopes must have been given, or none is.
func issueToken(c *call) (any, error) {
	if kind, _, _ := strings.Cut(c.r.Header.Get("Content-Type"), ";"); kind != "application/x-www-form-urlencoded" {
		return nil, oauth(http.StatusBadRequest, "invalid_request", "The content type must be application/x-www-form-urlencoded.")
	}
	form, err := url.ParseQuery(string(c.body))
	if err != nil || form.Get("grant_type") != grantType {
		return nil, oauth(http.StatusBadRequest, "unsupported_grant_type", "Invalid grant_type: "+form.Get("grant_type"))
	}
	claims, why := c.assertions.Grant(form.Get("assertion"), fake.Base(c.r)+"/token", c.now, func(id string) ([]fake.PublicKey, bool) {
		return c.keys, id == c.cfg.Email
	})
	scopes := strings.Fields(claims.Scope)
	switch {
	case why != "":
		return nil, oauth(http.StatusBadRequest, "invalid_grant", why)
	case len(scopes) == 0:
		return nil, oauth(http.StatusBadRequest, "invalid_scope", "Invalid OAuth scope or ID token audience provided.")
	case claims.Subject != c.cfg.Administrator:
		return nil, oauth(http.StatusBadRequest, "invalid_grant", "Invalid email or User ID")
	case slices.ContainsFunc(scopes, func(s string) bool { return !slices.Contains(c.cfg.Scopes, s) }):
		return nil, oauth(http.StatusUnauthorized, "unauthorized_client", "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the scopes requested.")
	}
	value := c.ids.Secret("token")
	c.tokens.Give(value, scopes, c.now.Add(c.cfg.TokenLife))
	return map[string]any{"token_type": "Bearer", "expires_in": int(c.cfg.TokenLife / time.Second), "access_token": value}, nil
}

// authenticate finds out who sends a call, and whether they may.
func (c *call) authenticate(scope string) *refusal {
	switch scopes, ok := c.tokens.Check(c.r, c.now); {
	case !ok:
		return refuse(http.StatusUnauthorized, "authError", "Invalid Credentials")
	case !slices.Contains(scopes, scope):
		return refuse(http.StatusForbidden, "insufficientPermissions", "Request had insufficient authentication scopes.")
	}
	return nil
}

// RevokeTokens makes all access tokens that were issued so far worthless.
func (a *Account) RevokeTokens() {
	a.Lock()
	defer a.Unlock()
	a.tokens.Revoke()
}
