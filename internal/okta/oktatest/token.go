// SPDX-License-Identifier: Apache-2.0

package oktatest

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/usher-id/usher/internal/fake"
)

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

func oauth(status int, code, why string) *refusal {
	return &refusal{status: status, code: code, summary: why, oauth: true}
}

// issueToken is POST /oauth2/v1/token, of client credentials by private_key_jwt alone.
func issueToken(c *call) (answer, error) {
	if kind, _, _ := strings.Cut(c.r.Header.Get("Content-Type"), ";"); kind != "application/x-www-form-urlencoded" {
		return answer{}, oauth(http.StatusBadRequest, "invalid_request", "The content type must be application/x-www-form-urlencoded.")
	}
	form, err := url.ParseQuery(string(c.body))
	scopes := strings.Fields(form.Get("scope"))
	switch {
	case err != nil:
		return answer{}, oauth(http.StatusBadRequest, "invalid_request", "The form cannot be read.")
	case form.Get("grant_type") != "client_credentials":
		return answer{}, oauth(http.StatusBadRequest, "unsupported_grant_type", "The grant type is not supported.")
	case form.Get("client_assertion_type") != assertionType:
		return answer{}, oauth(http.StatusUnauthorized, "invalid_client", "The client_assertion_type is invalid.")
	}
	_, why := c.assertions.Check(form.Get("client_assertion"), "", fake.Base(c.r)+"/oauth2/v1/token", c.now, func(id string) ([]fake.PublicKey, bool) {
		return c.keys, id == c.cfg.ClientID && id != ""
	})
	switch {
	case why != "":
		return answer{}, oauth(http.StatusUnauthorized, "invalid_client", why)
	case c.cfg.DPoP && c.r.Header.Get("DPoP") == "":
		return answer{}, oauth(http.StatusBadRequest, "invalid_dpop_proof", "The DPoP proof JWT header is missing.")
	case len(scopes) == 0 || slices.ContainsFunc(scopes, func(s string) bool { return !slices.Contains(c.cfg.Scopes, s) }):
		return answer{}, oauth(http.StatusBadRequest, "invalid_scope", "One or more scopes are not configured for the client.")
	}
	value := c.ids.Secret("token")
	c.tokens.Give(value, scopes, c.now.Add(c.cfg.TokenLife))
	return answer{status: http.StatusOK, body: map[string]any{
		"token_type": "Bearer", "expires_in": int(c.cfg.TokenLife / time.Second), "access_token": value, "scope": strings.Join(scopes, " "),
	}}, nil
}

// authenticate finds out who sends a call, and whether they may.
func (c *call) authenticate(scope string) *refusal {
	if key, ok := strings.CutPrefix(c.r.Header.Get("Authorization"), "SSWS "); ok && key == c.cfg.Token && key != "" {
		return nil
	}
	switch scopes, ok := c.tokens.Check(c.r, c.now); {
	case !ok:
		return refuse(http.StatusUnauthorized, "E0000011", "Invalid token provided")
	case !slices.Contains(scopes, scope):
		return forbidden()
	}
	return nil
}

// RevokeTokens makes all access tokens that were issued so far worthless.
func (o *Org) RevokeTokens() {
	o.Lock()
	defer o.Unlock()
	o.tokens.Revoke()
}

// SetToken replaces the API token.
func (o *Org) SetToken(token string) {
	o.Lock()
	defer o.Unlock()
	o.cfg.Token = token
}
