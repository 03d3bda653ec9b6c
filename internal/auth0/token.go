// SPDX-License-Identifier: Apache-2.0

package auth0

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
)

// assertionType is that of RFC 7523 §2.2.
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// tokens gets access tokens and keeps the last one. One caller renews it while the
// others wait; if that one gives up, the next takes over; if the tenant refuses, all
// who waited are told so by the one refusal.
type tokens struct {
	client   *Client
	audience string
	secret   string
	signer   *signer // nil with a secret
	key      []byte  // by which signer was made, of what was asked for
	asked    func() (Credential, error)

	turn chan struct{} // held by who renews

	mu      sync.Mutex
	value   string
	scopes  []string
	made    time.Time
	renew   time.Time // at about 80 % of its life
	expires time.Time
	round   int    // counts the renewals that ended with an answer
	refused *Error // what the last one of them said, nil for a token
}

// Scopes are the permissions that the tenant has granted ("read:users"), as its token
// endpoint tells them beside the token; none if it tells none.
func (c *Client) Scopes(ctx context.Context) ([]string, error) {
	if _, err := c.tokens.get(ctx); err != nil {
		return nil, err
	}
	c.tokens.mu.Lock()
	defer c.tokens.mu.Unlock()
	return append([]string(nil), c.tokens.scopes...), nil
}

// get is a token that is good for some time yet.
func (t *tokens) get(ctx context.Context) (string, error) {
	value, round := t.current()
	if value != "" {
		return value, nil
	}
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-ctx.Done():
		return "", &Error{Op: tokenOp, Unsent: true, Err: context.Cause(ctx)}
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
func (t *tokens) refusedSince(round int) *Error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.round == round {
		return nil
	}
	return t.refused
}

// current is the token that is kept, "" if it is due, and the number of renewals.
func (t *tokens) current() (string, int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if time.Now().Before(t.renew) {
		return t.value, t.round
	}
	return "", t.round
}

// drop forgets a token that the API does not take, unless another is there already.
func (t *tokens) drop(value string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.value == value {
		t.value, t.renew, t.expires = "", time.Time{}, time.Time{}
	}
}

// Stale is how old a token must be before another is asked for because its scopes do
// not do: a token keeps those that it was given with, and each one is counted.
const Stale = 10 * time.Minute

// Reconsider has the next request ask for a token anew if the one that is kept is older
// than Stale: the scopes that somebody has granted meanwhile are not in it.
func (c *Client) Reconsider() {
	t := c.tokens
	t.mu.Lock()
	defer t.mu.Unlock()
	if time.Since(t.made) >= Stale {
		t.value, t.renew, t.expires = "", time.Time{}, time.Time{}
	}
}

// Forget forgets the token that is kept, so that the next request asks for one by the
// credential as it is then. Requests that are on their way go on with what they have.
func (c *Client) Forget() {
	c.tokens.mu.Lock()
	defer c.tokens.mu.Unlock()
	c.tokens.value, c.tokens.renew, c.tokens.expires = "", time.Time{}, time.Time{}
}

// request renews the token. While the old one lives, the lack of an answer is none of
// the caller's trouble.
func (t *tokens) request(ctx context.Context) (string, error) {
	answer, e := t.exchange(ctx)
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if e != nil && ctx.Err() != nil {
		return "", e // the caller's end, and not an answer: the next one asks again
	}
	t.round++
	t.refused = e
	if e != nil {
		if !refused(e) && t.value != "" && now.Add(time.Minute).Before(t.expires) {
			t.renew = now.Add(probeEvery)
			return t.value, nil
		}
		return "", e
	}
	life := time.Duration(min(answer.ExpiresIn, 30*86_400)) * time.Second
	t.value, t.scopes = answer.Token, strings.Fields(answer.Scope)
	t.made, t.expires, t.renew = now, now.Add(life), now.Add(life*8/10)
	return t.value, nil
}

// refused reports whether a tenant said no, rather than nothing of use.
func refused(e *Error) bool {
	return e.Status >= 400 && e.Status < 500 && e.Status != http.StatusTooManyRequests
}

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

// exchange asks for a token. After a 429 it waits and asks again.
func (t *tokens) exchange(ctx context.Context) (*tokenAnswer, *Error) {
	for n := 0; ; n++ {
		answer, e := t.ask(ctx)
		if e == nil {
			return answer, nil
		}
		e.Op = tokenOp
		if e.Status != http.StatusTooManyRequests {
			return nil, e
		}
		wait := e.RetryAfter
		if wait == 0 {
			wait = max(time.Second, backoff(n))
		}
		if sleep(ctx, wait) != nil {
			return nil, e
		}
	}
}

func (t *tokens) ask(ctx context.Context) (*tokenAnswer, *Error) {
	if err := t.credential(); err != nil {
		return nil, &Error{Unsent: true, foreign: true, Err: err}
	}
	ask := tokenRequest{Grant: "client_credentials", Audience: t.audience, ClientID: t.client.clientID, Secret: t.secret}
	if t.signer != nil {
		assertion, err := t.signer.assertion(time.Now())
		if err != nil {
			return nil, &Error{Unsent: true, Err: err}
		}
		ask.AssertionType, ask.Assertion = assertionType, assertion
	}
	body, err := json.Marshal(ask)
	if err != nil {
		return nil, &Error{Unsent: true, Err: errors.New("the client id, the secret or the audience is no valid text")}
	}
	ctx, limit := within(ctx, t.client.timeout)
	defer limit.done()
	r := request{method: http.MethodPost, route: grantRoute, body: ask, apart: true}
	req, err := t.client.newRequest(ctx, &r, t.client.base+grantRoute, body, "")
	if err != nil {
		return nil, &Error{Unsent: true, Err: err}
	}
	hide := redact{ask.Secret, ask.Assertion}
	res, e := t.client.roundTrip(req, hide)
	if e != nil {
		return nil, t.unreachable(e)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxErrorBody+1))
	if res.StatusCode != http.StatusOK {
		return nil, t.explain(refusal(res, text, hide, time.Now()))
	}
	var answer tokenAnswer
	if err != nil || len(text) > maxErrorBody || json.Unmarshal(text, &answer) != nil {
		return nil, t.noTenant()
	}
	if !strings.EqualFold(answer.Type, "Bearer") || answer.Token == "" || !headerValue(answer.Token) || answer.ExpiresIn <= 0 {
		return nil, &Error{Unsent: true, foreign: true, Err: errors.New("the token endpoint answers without a bearer token and its life")}
	}
	return &answer, nil
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
	return &Error{Unsent: true, foreign: true, Err: fmt.Errorf("%s is no Auth0 tenant: its token endpoint answers with something else; set the address to %s", t.client.base, t.client.domain())}
}

func (t *tokens) unreachable(e *Error) *Error {
	e.Unsent, e.foreign = true, true
	if dns, ok := errors.AsType[*net.DNSError](e.Err); ok && dns.IsNotFound {
		e.Err = fmt.Errorf("the tenant's address %s does not exist; set it to %s: %w", t.client.base, t.client.domain(), dns)
	}
	return e
}

// explain says what is wrong, as the token endpoint tells it by code and words. Its
// words are from memory, and not verified; what they do not tell stays open.
func (t *tokens) explain(e *Error) *Error {
	said, own := strings.ToLower(e.Message), e.Code+e.Message != ""
	e.foreign, e.Unsent = true, true // of the request that the token was for
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
		e.Err = fmt.Errorf("the tenant does not take the private key; register its public key (kid %s) at the application, and check the client id", t.signer.kid)
	case has("secret"):
		e.Err = errors.New("the client secret is wrong; set it to that of the application")
	default:
		e.Err = fmt.Errorf("the client id or the client secret is wrong, or %s is another's; set both to those of the application, and the address to %s", t.client.base, t.client.domain())
	}
	return e
}
