// SPDX-License-Identifier: Apache-2.0

package auth0

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/usher-id/usher/internal/rest"
)

// tokens gets access tokens of the Management API.
type tokens struct {
	*rest.Tokens

	client   *Client
	audience string
	signer   *rest.Signer // nil with a secret
	key      []byte       // by which signer was made, of what was asked for
	asked    func() (Credential, error)

	mu     sync.Mutex
	secret string // what was sent last, which other requests keep out of their errors
}

// hidden is the secret that must be in no error.
func (t *tokens) hidden() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.secret
}

func (t *tokens) hide(secret string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.secret = secret
}

// newSigner makes the assertions of private_key_jwt. Auth0 takes RS256, RS384 and PS256,
// and an assertion for five minutes at most.
func newSigner(key []byte, client, audience string) (*rest.Signer, error) {
	s, err := rest.NewSigner(key, "", client, audience)
	if err != nil {
		return nil, fmt.Errorf("auth0: %w", err)
	}
	return s, nil
}

// Scopes are the permissions that the tenant has granted ("read:users"), as its token
// endpoint tells them beside the token; none if it tells none.
func (c *Client) Scopes(ctx context.Context) ([]string, error) { return c.tokens.Scopes(ctx) }

// Reconsider has the next request ask for a token anew if the one that is kept is older
// than rest.Stale: the scopes that somebody has granted meanwhile are not in it.
func (c *Client) Reconsider() { c.tokens.Reconsider() }

// Forget forgets the token that is kept, so that the next request asks for one by the
// credential as it is then. Requests that are on their way go on with what they have.
func (c *Client) Forget() { c.tokens.Forget() }

const (
	grantRoute = "/oauth/token"
	tokenOp    = http.MethodPost + " " + grantRoute
)

type tokenRequest struct {
	Grant         string `json:"grant_type"`
	Audience      string `json:"audience"`
	ClientID      string `json:"client_id"`
	Secret        string `json:"client_secret,omitzero"`
	AssertionType string `json:"client_assertion_type,omitzero"`
	Assertion     string `json:"client_assertion,omitzero"`
}

type tokenAnswer struct {
	Token     string `json:"access_token"`
	Type      string `json:"token_type"`
	Scope     string `json:"scope"`
	ExpiresIn int64  `json:"expires_in"`
}

// ask asks for a token.
func (t *tokens) ask(ctx context.Context) (rest.Grant, *Error) {
	if err := t.credential(); err != nil {
		return rest.Grant{}, &Error{Unsent: true, Foreign: true, Err: err}
	}
	ask := tokenRequest{Grant: "client_credentials", Audience: t.audience, ClientID: t.client.clientID, Secret: t.hidden()}
	if t.signer != nil {
		assertion, err := t.signer.Assertion(time.Now())
		if err != nil {
			return rest.Grant{}, &Error{Unsent: true, Err: err}
		}
		ask.AssertionType, ask.Assertion = rest.AssertionType, assertion
	}
	body, err := json.Marshal(ask)
	if err != nil {
		return rest.Grant{}, &Error{Unsent: true, Err: errors.New("the client id, the secret or the audience is no valid text")}
	}
	r := request{Method: http.MethodPost, Route: grantRoute, Apart: true}
	status, text, e := t.client.rest.Exchange(ctx, &r, body, rest.Redact{ask.Secret, ask.Assertion})
	switch {
	case e != nil && status == 0:
		return rest.Grant{}, t.unreachable(e)
	case e != nil:
		return rest.Grant{}, t.explain(e)
	}
	var answer tokenAnswer
	if json.Unmarshal(text, &answer) != nil {
		return rest.Grant{}, t.noTenant()
	}
	grant, ok := rest.ParseGrant(answer.Type, answer.Token, answer.Scope, answer.ExpiresIn)
	if !ok {
		return rest.Grant{}, &Error{Unsent: true, Foreign: true, Err: errors.New("the token endpoint answers without a bearer token and its life")}
	}
	return grant, nil
}

// auth0s says that the tenant's address is below Auth0's own domain.
func (c *Client) auth0s() bool {
	u, err := url.Parse(c.base)
	return err == nil && strings.HasSuffix(strings.ToLower(u.Hostname()), ".auth0.com")
}

// domain says what an address that is wrong is to be.
func (c *Client) domain() string {
	if c.auth0s() { // where a region that is wrong is as likely as a name
		return "the tenant's domain, of its region, as the dashboard shows it at the application"
	}
	return "the tenant's domain"
}

// noTenant is an answer that Auth0 does not give. It has no status: a "not found" of
// a wrong place must not look like one of a user.
func (t *tokens) noTenant() *Error {
	return &Error{Unsent: true, Foreign: true, Err: fmt.Errorf("%s is no Auth0 tenant: its token endpoint answers with something else; set the address to %s", t.client.base, t.client.domain())}
}

func (t *tokens) unreachable(e *Error) *Error {
	e.Unsent, e.Foreign = true, true
	if dns, ok := errors.AsType[*net.DNSError](e.Err); ok && dns.IsNotFound {
		e.Err = fmt.Errorf("the tenant's address %s does not exist; set it to %s: %w", t.client.base, t.client.domain(), dns)
	}
	return e
}

// explain says what is wrong, as the token endpoint tells it by code and words. Its
// words are from memory, and not verified; what they do not tell stays open.
func (t *tokens) explain(e *Error) *Error {
	said, own := strings.ToLower(e.Message), e.Code+e.Message != ""
	e.Foreign, e.Unsent = true, true // of the request that the token was for
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(said, w) {
				return true
			}
		}
		return false
	}
	switch {
	case e.Status >= 500, e.Status == http.StatusTooManyRequests:
	case e.Status == http.StatusNotFound, e.Status == http.StatusMethodNotAllowed, !own:
		wrong := t.noTenant()
		if e.Status >= 300 && e.Status < 400 {
			wrong.Err = e.Err
		}
		return wrong
	case e.Code == "invalid_target", has("service not found", "service not enabled", "audience"):
		e.Err = fmt.Errorf("the audience %s is no API of the tenant; set it to the identifier of the Management API", t.audience)
		if !t.client.auth0s() && t.audience == t.client.base+apiPath+"/" {
			e.Err = fmt.Errorf("the audience %s is no API of the tenant; with a domain of one's own set it to that of the tenant's first domain, like https://acme.eu.auth0.com/api/v2/", t.audience)
		}
	case has("client-grant", "client grant", "not authorized to access"):
		e.Err = fmt.Errorf("the application is not authorized for the API %s; authorize it there, with the scopes that are needed", t.audience)
	case has("grant type"):
		e.Err = errors.New("the application may not use client credentials; make it a machine-to-machine application")
	case has("unknown client", "client not found", "no such client", "client does not exist", "client_id"):
		e.Err = errors.New("the client id is none of this tenant; set it to that of the application")
	case e.Status != http.StatusUnauthorized && e.Status != http.StatusForbidden && e.Code != "invalid_client":
	case t.signer != nil:
		e.Err = fmt.Errorf("the tenant does not take the private key; register its public key (kid %s) at the application, and check the client id", t.signer.KeyID)
	case has("secret"):
		e.Err = errors.New("the client secret is wrong; set it to that of the application")
	default:
		e.Err = fmt.Errorf("the client id or the client secret is wrong, or %s is another's; set both to those of the application, and the address to %s", t.client.base, t.client.domain())
	}
	return e
}
