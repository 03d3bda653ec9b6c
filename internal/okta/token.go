// SPDX-License-Identifier: Apache-2.0

package okta

import (
	"bytes"
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

const (
	grantRoute = "/oauth2/v1/token"
	tokenOp    = http.MethodPost + " " + grantRoute
)

// credential makes what the requests are sent with, and names its scheme.
func (c *Client) credential(cfg Config) (rest.Credential, string, error) {
	asked := cfg.Credential
	if asked == nil {
		asked = func() (Credential, error) { return Credential{cfg.Token, cfg.Key}, nil }
	}
	if cfg.ClientID == "" {
		return &apiToken{asked: asked}, "SSWS", nil
	}
	t := &tokens{client: c, clientID: cfg.ClientID, keyID: cfg.KeyID, scopes: cfg.Scopes, asked: asked}
	if len(t.scopes) == 0 {
		t.scopes = DefaultScopes()
	}
	if len(cfg.Key) > 0 {
		if err := t.sign(cfg.Key); err != nil {
			return nil, "", fmt.Errorf("okta: %w", err)
		}
	}
	return rest.NewTokens(api, tokenOp, t.ask, func() []string { return nil }), "Bearer", nil
}

// apiToken is the credential that is one token for ever, or until it is replaced.
type apiToken struct {
	asked func() (Credential, error)

	mu   sync.Mutex
	last string
}

// Get is the token as it is now.
func (t *apiToken) Get(context.Context) (string, error) {
	c, err := t.asked()
	switch {
	case err != nil:
		return "", &Error{API: api, Unsent: true, Foreign: true, Err: err}
	case c.Token == "" || strings.ContainsAny(c.Token, " \t") || !rest.HeaderValue(c.Token):
		return "", &Error{API: api, Unsent: true, Foreign: true, Err: errors.New("the API token is empty, or holds a blank or a control character; give it without SSWS before it")}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = c.Token
	return c.Token, nil
}

// Drop reports whether there is another token by now.
func (t *apiToken) Drop(token string) bool {
	c, err := t.asked()
	return err == nil && c.Token != token
}

// Reconsider does nothing: each request asks for the token anyway.
func (t *apiToken) Reconsider() {}

// Hidden is the token that was sent last.
func (t *apiToken) Hidden() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return []string{t.last}
}

// tokens asks for access tokens by private_key_jwt: the only way in which Okta gives
// any for its own API.
type tokens struct {
	client          *Client
	clientID, keyID string
	scopes          []string
	asked           func() (Credential, error)
	key             []byte // by which signer was made
	signer          *rest.Signer
}

func (t *tokens) sign(key []byte) error {
	if t.signer != nil && bytes.Equal(key, t.key) {
		return nil
	}
	s, err := rest.NewSigner(key, t.keyID, t.clientID, t.client.base+grantRoute)
	if err != nil {
		return err
	}
	t.key, t.signer = key, s
	return nil
}

// ask asks for a token. Whoever renews calls it, one at a time.
func (t *tokens) ask(ctx context.Context) (rest.Grant, *Error) {
	c, err := t.asked()
	if err == nil {
		err = t.sign(c.Key)
	}
	if err != nil {
		return rest.Grant{}, &Error{Unsent: true, Foreign: true, Err: err}
	}
	assertion, err := t.signer.Assertion(time.Now())
	if err != nil {
		return rest.Grant{}, &Error{Unsent: true, Err: err}
	}
	form := url.Values{
		"grant_type": {"client_credentials"}, "scope": {strings.Join(t.scopes, " ")},
		"client_assertion_type": {rest.AssertionType}, "client_assertion": {assertion},
	}
	r := request{
		Method: http.MethodPost, Route: grantRoute, Apart: true, Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
	}
	status, text, e := t.client.rest.Exchange(ctx, &r, []byte(form.Encode()), rest.Redact{assertion})
	switch {
	case e != nil && status == 0:
		return rest.Grant{}, t.unreachable(e)
	case e != nil:
		return rest.Grant{}, t.explain(e)
	}
	var answer struct {
		Token     string `json:"access_token"`
		Type      string `json:"token_type"`
		Scope     string `json:"scope"`
		ExpiresIn int64  `json:"expires_in"`
	}
	if json.Unmarshal(text, &answer) != nil {
		return rest.Grant{}, t.noOrg()
	}
	grant, ok := rest.ParseGrant(answer.Type, answer.Token, answer.Scope, answer.ExpiresIn)
	if !ok {
		return rest.Grant{}, &Error{Unsent: true, Foreign: true, Err: errors.New("the token endpoint answers without a bearer token and its life")}
	}
	return grant, nil
}

// noOrg is an answer that Okta does not give. It has no status: a "not found" of a wrong
// place must not look like one of a user.
func (t *tokens) noOrg() *Error {
	return &Error{Unsent: true, Foreign: true, Err: fmt.Errorf("%s is no Okta org: its token endpoint answers with something else; set the address to the org's domain", t.client.base)}
}

func (t *tokens) unreachable(e *Error) *Error {
	e.Unsent, e.Foreign = true, true
	if dns, ok := errors.AsType[*net.DNSError](e.Err); ok && dns.IsNotFound {
		e.Err = fmt.Errorf("the org's address %s does not exist; set it to the org's domain: %w", t.client.base, dns)
	}
	return e
}

// explain says what is wrong, as the token endpoint tells it by code; the words are from
// memory, and not verified.
func (t *tokens) explain(e *Error) *Error {
	own := e.Code+e.Message != ""
	e.Foreign, e.Unsent = true, true // of the request that the token was for
	switch {
	case e.Status >= 500, e.Status == http.StatusTooManyRequests:
	case e.Status >= 300 && e.Status < 400:
		wrong := t.noOrg()
		wrong.Err = e.Err
		return wrong
	case e.Status == http.StatusNotFound, e.Status == http.StatusMethodNotAllowed, !own:
		return t.noOrg()
	case e.Code == "invalid_dpop_proof", e.Code == "use_dpop_nonce":
		e.Err = errors.New("the application wants proof of possession (DPoP), which is not sent; switch it off at the application")
	case e.Code == "invalid_scope":
		e.Err = fmt.Errorf("the application may not have %s; grant these under Okta API Scopes", strings.Join(t.scopes, " and "))
	case e.Code == "unauthorized_client", e.Code == "unsupported_grant_type":
		e.Err = errors.New("the application may not use client credentials; make it one of API services")
	case e.Code == "invalid_client":
		e.Err = fmt.Errorf("the org does not take the private key or the client id; register the public key (kid %s) at the application, and check the id", t.signer.KeyID)
	}
	return e
}
