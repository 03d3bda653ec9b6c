// SPDX-License-Identifier: Apache-2.0

package auth0test

import (
	"crypto/subtle"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// assertionType is the type of an assertion by private_key_jwt (RFC 7523 §2.2).
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// token is an access token for the Management API.
type token struct {
	client  *client
	scopes  []string
	until   time.Time
	revoked bool
}

// grant is a request for a token, as JSON or as a form.
type grant struct {
	Type          string `json:"grant_type"`
	ClientID      string `json:"client_id"`
	Secret        string `json:"client_secret"`
	AssertionType string `json:"client_assertion_type"`
	Assertion     string `json:"client_assertion"`
	Audience      string `json:"audience"`
	Scope         string `json:"scope"`
}

// oauthRefusal makes a refusal in the shape of the token endpoint (RFC 6749 §5.2).
func oauthRefusal(status int, code, message string) *refusal {
	return &refusal{status: status, code: code, message: message, oauth: true}
}

func (c *call) grant() (grant, error) {
	var g grant
	kind, _, _ := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	switch kind {
	case "application/x-www-form-urlencoded":
		form, err := url.ParseQuery(string(c.body))
		if err != nil {
			return g, oauthRefusal(http.StatusBadRequest, "invalid_request", "the form cannot be read")
		}
		return grant{
			form.Get("grant_type"), form.Get("client_id"), form.Get("client_secret"), form.Get("client_assertion_type"),
			form.Get("client_assertion"), form.Get("audience"), form.Get("scope"),
		}, nil
	case "application/json":
		if err := json.Unmarshal(c.body, &g); err != nil {
			return g, oauthRefusal(http.StatusBadRequest, "invalid_request", "the body is no JSON")
		}
		return g, nil
	default:
		return g, oauthRefusal(http.StatusBadRequest, "invalid_request", "Content-Type must be application/json or application/x-www-form-urlencoded")
	}
}

// issueToken is POST /oauth/token, of client_credentials alone.
func issueToken(c *call) (answer, error) {
	g, err := c.grant()
	if err != nil {
		return answer{}, err
	}
	if g.Type != "client_credentials" {
		return answer{}, oauthRefusal(http.StatusForbidden, "unsupported_grant_type", "Unsupported grant type: "+g.Type)
	}
	who, err := c.authenticateClient(g)
	if err != nil {
		return answer{}, err
	}
	if g.Audience == "" {
		return answer{}, oauthRefusal(http.StatusForbidden, "access_denied", "No audience parameter was provided, and no default audience has been configured")
	}
	if g.Audience != c.base(c.r)+API+"/" {
		return answer{}, oauthRefusal(http.StatusForbidden, "access_denied", "Service not enabled within domain: "+g.Audience)
	}
	switch {
	case who.NotMachine:
		return answer{}, oauthRefusal(http.StatusForbidden, "unauthorized_client", "Grant type 'client_credentials' not allowed for the client.")
	case who.Ungranted:
		return answer{}, oauthRefusal(http.StatusForbidden, "access_denied", `Client is not authorized to access "`+g.Audience+`". You might probably want to create a "client-grant" associated to this API.`)
	}
	scopes := who.granted()
	if asked := strings.Fields(g.Scope); len(asked) > 0 {
		scopes = slices.DeleteFunc(slices.Clone(scopes), func(s string) bool { return !slices.Contains(asked, s) })
	}
	maps.DeleteFunc(c.tokens, func(_ string, t *token) bool { return t.revoked || !c.now.Before(t.until.Add(time.Hour)) })
	text := c.ids.Secret("token")
	c.tokens[text] = &token{client: who, scopes: scopes, until: c.now.Add(c.cfg.TokenLife)}
	var o object
	o.text("access_token", text)
	o.text("scope", strings.Join(scopes, " "))
	o.number("expires_in", int(c.cfg.TokenLife/time.Second))
	o.text("token_type", "Bearer")
	return ok(o.end())
}

func (c *call) authenticateClient(g grant) (*client, error) {
	denied := oauthRefusal(http.StatusUnauthorized, "access_denied", "Unauthorized")
	switch {
	case g.Assertion != "" && g.Secret != "":
		return nil, oauthRefusal(http.StatusBadRequest, "invalid_request", "more than one way of client authentication")
	case g.Assertion != "":
		if g.AssertionType != assertionType {
			return nil, oauthRefusal(http.StatusBadRequest, "invalid_request", "client_assertion_type must be "+assertionType)
		}
		return c.assertedClient(g)
	case c.clients[g.ClientID] == nil || g.Secret == "":
		return nil, denied
	}
	who := c.clients[g.ClientID]
	if !who.accepts(g.Secret, c.now) {
		return nil, denied
	}
	return who, nil
}

// accepts reports whether a secret is the client's, or the one before within the time
// that a rotation takes to spread.
func (cl *client) accepts(secret string, now time.Time) bool {
	if cl.keysOnly || cl.secret == "" {
		return false
	}
	same := func(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
	return same(secret, cl.secret) && !now.Before(cl.newFrom) || now.Before(cl.oldUntil) && same(secret, cl.oldSecret)
}

// authenticate finds the token of a call.
func (c *call) authenticate() error {
	scheme, text, _ := strings.Cut(c.r.Header.Get("Authorization"), " ")
	if text == "" {
		return refuse(http.StatusUnauthorized, "", "Missing authentication")
	}
	if !strings.EqualFold(scheme, "Bearer") {
		return refuse(http.StatusUnauthorized, "invalid_token", "Bad HTTP authentication header format")
	}
	tok := c.tokens[text]
	switch {
	case tok == nil || tok.revoked || c.clients[tok.client.ID] != tok.client:
		return refuse(http.StatusUnauthorized, "invalid_token", "Invalid token")
	case !c.now.Before(tok.until):
		return refuse(http.StatusUnauthorized, "invalid_token", "Expired token received for JSON Web Token validation")
	}
	c.token = tok
	c.by.clientID, c.by.clientName = tok.client.ID, tok.client.Name
	return nil
}

// RevokeTokens makes all tokens that were issued so far worthless, at once.
func (t *Tenant) RevokeTokens() {
	t.Lock()
	defer t.Unlock()
	for _, tok := range t.tokens {
		tok.revoked = true
	}
}
