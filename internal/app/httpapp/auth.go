// SPDX-License-Identifier: Apache-2.0

package httpapp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"github.com/usher-id/usher/internal/rest"
	"github.com/usher-id/usher/internal/rest/httpauth"
)

// checkAuth says what is wrong with who we are.
func checkAuth(a httpauth.Auth) error {
	if err := a.Check(); err != nil {
		return &Error{PartAuth, err.Error()}
	}
	if a.Kind == httpauth.OAuth {
		if t, err := parseTarget(a.TokenURL); err != nil || t.has() {
			return &Error{PartAuth, "token_url is no address; write https://host/path"}
		}
	}
	return nil
}

// credential makes what requests are sent with, and says where in them it stands.
func (a *App) credential() (c rest.Credential, scheme, header string) {
	auth := a.config.Auth
	switch auth.Kind {
	case httpauth.OAuth:
		a.tokens = newGrants(a.config)
		return a.tokens.Tokens, "", ""
	case httpauth.Basic:
		return &fixed{get: auth.UserPass, hidden: auth.Secret}, "Basic", ""
	case httpauth.Header:
		return &fixed{get: auth.Secret}, "", auth.Header
	case httpauth.Bearer:
		return &fixed{get: auth.Secret}, "", ""
	}
	return nobody{}, "", ""
}

// nobody is the credential of whoever needs none.
type nobody struct{}

func (nobody) Get(context.Context) (string, error) { return "", nil }
func (nobody) Drop(string) bool                    { return false }
func (nobody) Reconsider()                         {}
func (nobody) Hidden() []string                    { return nil }

// fixed is a credential that stays until it is exchanged for another one.
type fixed struct {
	get    func() (string, error)
	hidden func() (string, error) // what else must be in no error; may be nil

	mu   sync.Mutex
	last string
}

// Get is the credential as it is now.
func (f *fixed) Get(context.Context) (string, error) {
	value, err := f.get()
	switch {
	case err != nil:
		return "", &rest.Error{API: api, Unsent: true, Foreign: true, Err: err}
	case value == "" || !rest.HeaderValue(value):
		return "", &rest.Error{API: api, Unsent: true, Foreign: true, Err: errors.New("the credential is empty, or holds a control character")}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last = value
	return value, nil
}

// Drop reports whether there is another credential by now.
func (f *fixed) Drop(value string) bool {
	now, err := f.get()
	return err == nil && now != value
}

// Reconsider does nothing: each request asks for the credential anyway.
func (f *fixed) Reconsider() {}

// Hidden is what was sent last, and what it was made of.
func (f *fixed) Hidden() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := []string{f.last}
	if f.hidden != nil {
		if more, err := f.hidden(); err == nil {
			all = append(all, more)
		}
	}
	return all
}

// grants asks for access tokens by client credentials.
type grants struct {
	*rest.Tokens

	auth   httpauth.Auth
	client *rest.Client // of token_url, to which the secret goes and nothing else
	route  target
}

func newGrants(c Config) *grants {
	t, _ := parseTarget(c.Auth.TokenURL) // which was checked
	g := &grants{auth: c.Auth, route: t, client: rest.New(rest.Config{
		API: api, Maker: "the token endpoint", Place: "token_url", Base: t.base, Credential: nobody{}, Said: said, HTTP: c.HTTP, Timeout: c.Timeout, UserAgent: userAgent,
	})}
	g.Tokens = rest.NewTokens(api, http.MethodPost+" "+t.String(), g.ask, func() []string { return nil })
	return g
}

// ask asks for a token. Whoever renews calls it, one at a time.
func (g *grants) ask(ctx context.Context) (rest.Grant, *rest.Error) {
	asked, err := g.auth.TokenRequest()
	if err != nil {
		return rest.Grant{}, &rest.Error{Unsent: true, Foreign: true, Err: err}
	}
	r := rest.Request{Method: http.MethodPost, Route: g.route.route, Apart: true, Header: asked.Header}
	if q := g.route.query.Encode(); q != "" {
		r.Route += "?" + q
	}
	_, text, e := g.client.Exchange(ctx, &r, []byte(asked.Body), asked.Hidden)
	if e != nil {
		e.Unsent, e.Foreign = true, true // of the request that the token was for
		if rest.Refused(e) {
			e.Err = errors.New("token_url gives no token: check it, client_id, client_secret and scope")
		}
		return rest.Grant{}, e
	}
	grant, err := httpauth.ReadGrant(text)
	if err != nil {
		return rest.Grant{}, &rest.Error{Unsent: true, Foreign: true, Err: fmt.Errorf("token_url %w", err)}
	}
	return grant, nil
}
