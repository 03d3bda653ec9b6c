// SPDX-License-Identifier: Apache-2.0

package entra

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/usher-id/usher/internal/rest"
)

const (
	grantRoute = "/oauth2/v2.0/token"
	tokenOp    = http.MethodPost + " /{tenant}" + grantRoute
)

// tokens asks for access tokens by client credentials, proved by a secret or by
// private_key_jwt with a certificate.
type tokens struct {
	client              *Client
	authority, clientID string
	certificate         []byte
	asked               func() (Credential, error)
	key                 []byte // by which signer was made
	signer              *rest.Signer
	until               time.Time // when the certificate ends

	mu   sync.Mutex
	last string // the secret that was sent last
}

// hidden is what must be in no error.
func (t *tokens) hidden() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return []string{t.last}
}

func (t *tokens) endpoint() string { return t.authority + "/" + t.client.tenant + grantRoute }

func (t *tokens) sign(key []byte) error {
	if t.signer != nil && bytes.Equal(key, t.key) {
		return nil
	}
	s, until, err := rest.NewCertSigner(key, t.certificate, t.clientID, t.endpoint())
	if err != nil {
		return err
	}
	t.key, t.signer, t.until = key, s, until
	return nil
}

// proof is what says who we are, and what of it is secret.
func (t *tokens) proof() (url.Values, string, error) {
	c, err := t.asked()
	switch {
	case err != nil:
		return nil, "", err
	case len(t.certificate) == 0:
		if c.Secret == "" || strings.ContainsAny(c.Secret, "\r\n") {
			return nil, "", errors.New("the client secret is empty, or holds a line break; give its value as it was shown once")
		}
		return url.Values{"client_secret": {c.Secret}}, c.Secret, nil
	}
	if err := t.sign(c.Key); err != nil {
		return nil, "", err
	}
	now := time.Now()
	if !now.Before(t.until) {
		return nil, "", fmt.Errorf("the certificate ended on %s: make another, and add it to the app registration", t.until.UTC().Format(time.DateOnly))
	}
	assertion, err := t.signer.Assertion(now)
	if err != nil {
		return nil, "", err
	}
	return url.Values{"client_assertion_type": {rest.AssertionType}, "client_assertion": {assertion}}, assertion, nil
}

// ask asks for a token. Whoever renews calls it, one at a time.
func (t *tokens) ask(ctx context.Context) (rest.Grant, *Error) {
	form, proof, err := t.proof()
	if err != nil {
		return rest.Grant{}, &Error{Unsent: true, Foreign: true, Err: err}
	}
	t.mu.Lock()
	t.last = proof
	t.mu.Unlock()
	form.Set("grant_type", "client_credentials")
	form.Set("client_id", t.clientID)
	form.Set("scope", t.client.base+"/.default") // all that was granted to the app registration
	r := request{
		Method: http.MethodPost, Route: "/" + t.client.tenant + grantRoute, Apart: true,
		Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
	}
	status, text, e := t.client.login.Exchange(ctx, &r, []byte(form.Encode()), rest.Redact{proof, url.QueryEscape(proof)})
	switch {
	case e != nil && status == 0:
		return rest.Grant{}, t.unreachable(e)
	case e != nil:
		return rest.Grant{}, t.explain(e)
	}
	var answer struct {
		Token     string `json:"access_token"`
		Type      string `json:"token_type"`
		ExpiresIn int64  `json:"expires_in"`
	}
	if json.Unmarshal(text, &answer) != nil {
		return rest.Grant{}, t.nowhere()
	}
	grant, ok := rest.ParseGrant(answer.Type, answer.Token, strings.Join(rolesOf(answer.Token), " "), answer.ExpiresIn)
	if !ok {
		return rest.Grant{}, &Error{Unsent: true, Foreign: true, Err: errors.New("the token endpoint answers without a bearer token and its life")}
	}
	return grant, nil
}

// rolesOf are the application permissions that a token of Graph's holds, as its claims
// tell; none if they cannot be read. The token is not ours to verify: what it does not
// allow is refused by Graph.
func rolesOf(token string) (roles []string) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil
	}
	text, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	var claims struct {
		Roles []string `json:"roles"`
	}
	if err != nil || json.Unmarshal(text, &claims) != nil {
		return nil
	}
	for _, r := range claims.Roles {
		if rest.Keyword(r) != "" {
			roles = append(roles, r)
		}
	}
	return roles
}

// Permissions are the application permissions that were granted, as the access token tells
// them; none if it does not. It asks for a token if there is none.
func (c *Client) Permissions(ctx context.Context) ([]string, error) { return c.granted.Scopes(ctx) }

// nowhere is an answer that a token endpoint of Entra does not give. It has no status: a
// "not found" of a wrong place must not look like one of a user.
func (t *tokens) nowhere() *Error {
	return &Error{Unsent: true, Foreign: true, Err: fmt.Errorf("%s issues no tokens of Entra: something else answers there; see to the address", t.authority)}
}

func (t *tokens) unreachable(e *Error) *Error {
	e.Unsent, e.Foreign = true, true
	if dns, ok := errors.AsType[*net.DNSError](e.Err); ok && dns.IsNotFound {
		e.Err = fmt.Errorf("the address %s, where tokens come from, does not exist: %w", t.authority, dns)
	}
	return e
}

var aadsts = regexp.MustCompile(`\bAADSTS(\d{4,9})\b`)

// explain says what is wrong. By number the token endpoint tells it most exactly; the
// maker says that numbers may change (learn.microsoft.com/entra/identity-platform/
// reference-error-codes), so that nothing rests on them but words for people.
func (t *tokens) explain(e *Error) *Error {
	own := e.Code+e.Message != ""
	e.Foreign, e.Unsent = true, true // of the request that the token was for
	number := ""
	if m := aadsts.FindStringSubmatch(e.Message); m != nil {
		number = m[1]
	}
	is := func(numbers ...string) bool { return slices.Contains(numbers, number) }
	switch {
	case e.Status >= 500, e.Status == http.StatusTooManyRequests:
	case e.Status >= 300 && e.Status < 400, !own:
		wrong := t.nowhere()
		if e.Err != nil && e.Status < 400 {
			wrong.Err = e.Err
		}
		return wrong
	case is("90002", "900023", "900021"):
		e.Err = fmt.Errorf("there is no tenant %s at %s: set the tenant's id, or a domain that it has verified; tenants of national clouds have another url", t.client.tenant, t.authority)
	case is("700016"):
		e.Err = fmt.Errorf("the tenant %s has no application %s: see whether client_id is the Application (client) ID, and whether it was registered in this tenant", t.client.tenant, t.clientID)
	case is("7000215"):
		e.Err = errors.New("the client secret is not one of the application's: set its value, not its id")
	case is("7000222"):
		e.Err = errors.New("the client secret has expired: add another to the app registration")
	case is("700027", "7000214"):
		e.Err = errors.New("the tenant does not take the certificate: add it to the app registration, Certificates & secrets")
	case is("7000112"):
		e.Err = errors.New("the application is disabled in the tenant")
	case is("500011", "70011", "1002012"):
		e.Err = fmt.Errorf("the tenant gives no token for %s: its address is of another cloud than the tenant", t.client.base)
	case is("53003"):
		e.Err = errors.New("a policy of conditional access keeps the application out")
	case e.Code == "invalid_client":
		e.Err = errors.New("the tenant does not take the credential of the application")
	}
	return e
}
