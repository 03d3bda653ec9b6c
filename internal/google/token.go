// SPDX-License-Identifier: Apache-2.0

package google

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/usher-id/usher/internal/rest"
)

// account is what a key file of a service account says.
type account struct {
	Type     string `json:"type"`
	Email    string `json:"client_email"`
	ClientID string `json:"client_id"`
	KeyID    string `json:"private_key_id"`
	Key      string `json:"private_key"`
	TokenURI string `json:"token_uri"`
	Universe string `json:"universe_domain"`
}

// CheckKey says what is wrong with a key file, and nothing of what it holds.
func CheckKey(text []byte) error {
	a, err := parseAccount(text, tokenURL)
	if err == nil {
		_, err = a.signer(tokenURL)
	}
	return err
}

// parseAccount reads a key file. What it says of where its signatures are to go is held
// against where they go.
func parseAccount(text []byte, token string) (account, error) {
	var a account
	switch err := json.Unmarshal(text, &a); {
	case err != nil: // whose words would quote the key
		return a, errors.New("the key is no JSON; give the key file of a service account as it was downloaded")
	case a.Type != "service_account":
		return a, fmt.Errorf("the key file is of type %.40q, and not of a service_account", a.Type)
	case !address(a.Email), a.Key == "":
		return a, errors.New("the key file lacks client_email or private_key")
	case a.Universe != "" && a.Universe != "googleapis.com":
		return a, errors.New("the key file is of another universe_domain than googleapis.com")
	case a.TokenURI != "" && a.TokenURI != token && !slices.Contains(theirs[:], a.TokenURI):
		return a, fmt.Errorf("the key file has a token_uri that is none of Google's; what it signs goes to %s alone", token)
	}
	return a, nil
}

// theirs are what key files of Google's have as token_uri; the last two are old ones.
var theirs = [...]string{tokenURL, "https://accounts.google.com/o/oauth2/token", "https://www.googleapis.com/oauth2/v4/token"}

func (a *account) signer(token string) (*rest.Signer, error) {
	return rest.NewSigner([]byte(a.Key), a.KeyID, a.Email, token)
}

// tokens asks for access tokens by an assertion of the service account (RFC 7523 §2.1).
type tokens struct {
	client        *Client
	url           string
	administrator string
	scopes        []string
	asked         func() ([]byte, error)
	key           []byte // by which signer was made
	account       account
	signer        *rest.Signer
}

func (t *tokens) op() string { return http.MethodPost + " " + tokenRoute }

func (t *tokens) sign(key []byte) error {
	if t.signer != nil && bytes.Equal(key, t.key) {
		return nil
	}
	a, err := parseAccount(key, t.url)
	if err != nil {
		return err
	}
	s, err := a.signer(t.url)
	if err != nil {
		return err
	}
	t.key, t.account, t.signer = bytes.Clone(key), a, s
	return nil
}

// ask asks for a token. Whoever renews calls it, one at a time.
func (t *tokens) ask(ctx context.Context) (rest.Grant, *Error) {
	key, err := t.asked()
	if err == nil {
		err = t.sign(key)
	}
	if err != nil {
		return rest.Grant{}, &Error{Unsent: true, Foreign: true, Err: err}
	}
	grant, e := t.exchange(ctx, t.scopes)
	if e != nil && e.Status != 0 {
		return grant, t.explain(ctx, e)
	}
	return grant, e
}

func (t *tokens) exchange(ctx context.Context, scopes []string) (rest.Grant, *Error) {
	assertion, err := t.signer.Grant(time.Now(), t.administrator, scopes)
	if err != nil {
		return rest.Grant{}, &Error{Unsent: true, Err: err}
	}
	form := url.Values{"grant_type": {rest.GrantType}, "assertion": {assertion}}
	r := request{Method: http.MethodPost, Route: tokenRoute, Apart: true, Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}}
	status, text, e := t.client.auth.Exchange(ctx, &r, []byte(form.Encode()), rest.Redact{assertion})
	if e != nil {
		e.Foreign, e.Unsent = true, true // of the request that the token was for
		if dns, ok := errors.AsType[*net.DNSError](e.Err); ok && status == 0 && dns.IsNotFound {
			e.Err = fmt.Errorf("%s cannot be found: %w", t.url, dns)
		}
		return rest.Grant{}, e
	}
	var answer struct {
		Token     string `json:"access_token"`
		Type      string `json:"token_type"`
		Scope     string `json:"scope"`
		ExpiresIn int64  `json:"expires_in"`
	}
	if json.Unmarshal(text, &answer) == nil {
		if grant, ok := rest.ParseGrant(answer.Type, answer.Token, answer.Scope, answer.ExpiresIn); ok {
			return grant, nil
		}
	}
	return rest.Grant{}, &Error{Unsent: true, Foreign: true, Err: errors.New("the token endpoint answers without a bearer token and its life")}
}

// explain says what is wrong, as the token endpoint tells it by code.
func (t *tokens) explain(ctx context.Context, e *Error) *Error {
	switch {
	case e.Status >= 500, e.Status == http.StatusTooManyRequests:
	case e.Status < 400:
		return &Error{Unsent: true, Foreign: true, Err: e.Err}
	case e.Code+e.Message == "":
		// It has no status: a "not found" of a wrong place must not look like one of a user.
		return &Error{Unsent: true, Foreign: true, Err: fmt.Errorf("%s does not answer as Google's token endpoint does", t.url)}
	case e.Code == "unauthorized_client":
		e.Err = t.unauthorized(ctx)
	case e.Code == "invalid_grant":
		e.Err = fmt.Errorf("Google gives no token for %s: the address of the administrator is wrong, the key %.12s… is deleted, or this machine's clock is wrong by more than a minute", t.administrator, t.signer.KeyID) //nolint:staticcheck // it is a name
	case e.Code == "invalid_client":
		e.Err = errors.New("the service account is not there any more, or is disabled; make a key of one that is")
	}
	return e
}

// unauthorized finds out which scopes the service account may not have: Google names none,
// and refuses all for the lack of one.
func (t *tokens) unauthorized(ctx context.Context) error {
	where := fmt.Sprintf("add them in the Admin console (Security, API controls, Domain-wide delegation) to the client %s", t.account.ClientID)
	var lacking []string
	for _, s := range t.scopes {
		if len(t.scopes) == 1 {
			lacking = t.scopes
			break
		}
		_, e := t.exchange(ctx, []string{s})
		switch {
		case e == nil:
		case e.Code == "unauthorized_client":
			lacking = append(lacking, s)
		default: // what it is about is not known
			return errors.New("the service account may not have all scopes that are asked for; " + where)
		}
	}
	switch len(lacking) {
	case 0:
		return errors.New("each scope is granted alone, and not all together: " + where)
	case len(t.scopes):
		return fmt.Errorf("the service account has no domain-wide delegation for %s; %s", strings.Join(lacking, " and "), where)
	}
	return fmt.Errorf("the service account may not have %s; %s", strings.Join(lacking, " and "), where)
}
