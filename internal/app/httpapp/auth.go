// SPDX-License-Identifier: Apache-2.0

package httpapp

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/usher-id/usher/internal/jsonpath"
	"github.com/usher-id/usher/internal/rest"
)

// AuthKind is how we say who we are.
type AuthKind string

// The kinds of authentication.
const (
	AuthNone   AuthKind = ""
	AuthBearer AuthKind = "bearer" // RFC 6750
	AuthBasic  AuthKind = "basic"  // RFC 7617
	AuthHeader AuthKind = "header" // a header of the maker's own
	AuthOAuth  AuthKind = "oauth"  // client credentials, RFC 6749 §4.4
)

// Auth is who we are. The functions return a credential as it is now, so that one that
// was exchanged counts at once.
type Auth struct {
	Kind   AuthKind
	User   func() (string, error) // of AuthBasic; the client id of AuthOAuth
	Secret func() (string, error) // token, password, value, or the client's secret
	Header string                 // name, of AuthHeader

	// Of AuthOAuth:
	TokenURL string
	Scope    string
	InBody   bool // the client's credentials go in the body, and not by Basic
}

func (a Auth) check() error {
	switch {
	case a.Kind == AuthNone:
		return nil
	case a.Secret == nil, (a.Kind == AuthBasic || a.Kind == AuthOAuth) && a.User == nil:
		return &Error{PartAuth, "it lacks a credential"}
	case a.Kind == AuthHeader && a.Header == "":
		return &Error{PartAuth, "it has no name of a header"}
	case a.Kind == AuthOAuth:
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
	case AuthOAuth:
		a.tokens = newGrants(a.config)
		return a.tokens.Tokens, "", ""
	case AuthBasic:
		return &fixed{get: func() (string, error) {
			user, err := auth.User()
			if err != nil {
				return "", err
			}
			password, err := auth.Secret()
			return base64.StdEncoding.EncodeToString([]byte(user + ":" + password)), err
		}, hidden: auth.Secret}, "Basic", ""
	case AuthHeader:
		return &fixed{get: auth.Secret}, "", auth.Header
	case AuthBearer:
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

	auth   Auth
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

const (
	defaultLife = 5 * time.Minute // of a token that tells none
	mostToken   = 16 << 10
)

// ask asks for a token (RFC 6749 §4.4.2). Whoever renews calls it, one at a time.
func (g *grants) ask(ctx context.Context) (rest.Grant, *rest.Error) {
	id, err := g.auth.User()
	if err != nil {
		return rest.Grant{}, &rest.Error{Unsent: true, Foreign: true, Err: err}
	}
	secret, err := g.auth.Secret()
	if err != nil {
		return rest.Grant{}, &rest.Error{Unsent: true, Foreign: true, Err: err}
	}
	r := rest.Request{Method: http.MethodPost, Route: g.route.route, Apart: true, Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}}
	if q := g.route.query.Encode(); q != "" {
		r.Route += "?" + q
	}
	form := url.Values{"grant_type": {"client_credentials"}}
	if g.auth.Scope != "" {
		form.Set("scope", g.auth.Scope)
	}
	basic := ""
	if g.auth.InBody {
		form.Set("client_id", id)
		form.Set("client_secret", secret)
	} else { // each part is encoded as a form is, RFC 6749 §2.3.1
		basic = base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id) + ":" + url.QueryEscape(secret)))
		r.Header.Set("Authorization", "Basic "+basic)
	}
	_, text, e := g.client.Exchange(ctx, &r, []byte(form.Encode()), rest.Redact{secret, url.QueryEscape(secret), basic})
	if e != nil {
		e.Unsent, e.Foreign = true, true // of the request that the token was for
		if rest.Refused(e) {
			e.Err = errors.New("token_url gives no token: check it, client_id, client_secret and scope")
		}
		return rest.Grant{}, e
	}
	return readGrant(text)
}

func readGrant(text []byte) (rest.Grant, *rest.Error) {
	wrong := func(msg string) (rest.Grant, *rest.Error) {
		return rest.Grant{}, &rest.Error{Unsent: true, Foreign: true, Err: errors.New(msg)}
	}
	v, err := jsonpath.Parse(text)
	if err != nil {
		return wrong("token_url answers with no token of OAuth: " + err.Error())
	}
	at := func(name string) string {
		if m := v.Member(name); m != nil && m.Simple() {
			return m.String()
		}
		return ""
	}
	token, kind := at("access_token"), at("token_type")
	switch {
	case token == "" || len(token) > mostToken || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return wrong("token_url answers without an access_token that can be sent")
	case kind != "" && !strings.EqualFold(kind, "bearer"):
		return wrong("token_url answers with a token that is none of type bearer")
	}
	g := rest.Grant{Token: token, Life: defaultLife}
	if s, err := strconv.ParseFloat(at("expires_in"), 64); err == nil && s > 0 {
		g.Life = time.Duration(min(s, (24*time.Hour).Seconds()) * float64(time.Second))
	}
	return g, nil
}
