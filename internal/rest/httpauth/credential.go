// SPDX-License-Identifier: Apache-2.0

package httpauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/usher-id/usher/internal/jsonpath"
	"github.com/usher-id/usher/internal/rest"
)

// Config is by what a Credential asks for tokens. Of kinds other than OAuth only API
// counts.
type Config struct {
	API string // whose errors they are
	// HTTP sends the request to TokenURL, and nothing else. Where it may connect to is the
	// caller's to say.
	HTTP      http.RoundTripper
	Timeout   time.Duration // of one request for a token; default 30 s
	UserAgent string
}

// Credential is what requests are sent with. It is safe for concurrent use.
type Credential struct {
	rest.Credential

	Scheme string // of the Authorization header; "" is Bearer
	Header string // a header that holds it alone, in place of Authorization; "" is none

	endpoint *rest.Client // nil: it asks nobody
}

// New checks who we are, and makes what requests are sent with. It sends nothing.
func New(a Auth, c Config) (*Credential, error) {
	if err := a.Check(); err != nil {
		return nil, err
	}
	switch a.Kind {
	case OAuth:
		g, err := newGrants(a, c)
		if err != nil {
			return nil, err
		}
		return &Credential{Credential: g.Tokens, endpoint: g.client}, nil
	case Basic:
		return &Credential{Credential: &fixed{api: c.API, get: a.UserPass, hidden: a.Secret}, Scheme: "Basic"}, nil
	case Header:
		return &Credential{Credential: &fixed{api: c.API, get: a.Secret}, Header: a.Header}, nil
	case Bearer:
		return &Credential{Credential: &fixed{api: c.API, get: a.Secret}}, nil
	case None:
		return &Credential{Credential: nobody{}}, nil
	}
	return nil, errors.New("it is of no kind that is known")
}

// Requests is the number of requests for tokens so far.
func (c *Credential) Requests() int64 {
	if c.endpoint == nil {
		return 0
	}
	return c.endpoint.Requests()
}

// String tells nothing.
func (c *Credential) String() string { return "a credential" }

// GoString is String, so that %#v does not walk into what is secret.
func (c *Credential) GoString() string { return c.String() }

// nobody is the credential of whoever needs none.
type nobody struct{}

func (nobody) Get(context.Context) (string, error) { return "", nil }
func (nobody) Drop(string) bool                    { return false }
func (nobody) Reconsider()                         {}
func (nobody) Hidden() []string                    { return nil }

// fixed is a credential that stays until it is exchanged for another one.
type fixed struct {
	api    string
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
		return "", &rest.Error{API: f.api, Unsent: true, Foreign: true, Err: err}
	case value == "" || !rest.HeaderValue(value):
		return "", &rest.Error{API: f.api, Unsent: true, Foreign: true, Err: fmt.Errorf("%w: it is empty, or holds a control character", ErrUnusable)}
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

// grants asks for access tokens.
type grants struct {
	*rest.Tokens

	auth   Auth
	client *rest.Client // of TokenURL, to which the client's credential goes, and nothing else
	where  string       // without a query, which may hold what nobody should see
	route  string
}

func newGrants(a Auth, c Config) (*grants, error) {
	u, err := url.Parse(a.TokenURL)
	if err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.Fragment != "" {
		return nil, errors.New("token_url is no address; write https://host/path")
	}
	if c.HTTP == nil {
		return nil, errors.New("there is nothing to ask for tokens with")
	}
	base := u.Scheme + "://" + u.Host
	g := &grants{auth: a, where: base + u.EscapedPath(), route: u.RequestURI(), client: rest.New(rest.Config{
		API: c.API, Maker: "the token endpoint", Place: "token_url", Base: base, Credential: nobody{}, Said: said,
		HTTP: c.HTTP, Timeout: c.Timeout, UserAgent: c.UserAgent,
	})}
	g.Tokens = rest.NewTokens(c.API, http.MethodPost+" "+g.where, g.ask, func() []string { return nil })
	return g, nil
}

// ask asks for a token. Whoever renews calls it, one at a time. Its errors are about what a
// token was wanted for: of that nothing was sent.
func (g *grants) ask(ctx context.Context) (rest.Grant, *rest.Error) {
	asked, err := g.auth.TokenRequest()
	if err != nil {
		return rest.Grant{}, &rest.Error{Unsent: true, Foreign: true, Err: err}
	}
	r := rest.Request{Method: http.MethodPost, Route: g.route, Apart: true, Header: asked.Header}
	_, text, e := g.client.Exchange(ctx, &r, []byte(asked.Body), asked.Hidden)
	if e != nil {
		e.Unsent, e.Foreign = true, true
		e.Err = g.explain(e)
		return rest.Grant{}, e
	}
	grant, err := ReadGrant(text)
	if err != nil {
		return rest.Grant{}, &rest.Error{Unsent: true, Foreign: true, Err: fmt.Errorf("token_url %s %w; is it right?", g.where, err)}
	}
	return grant, nil
}

// explain is one sentence about why there is no token, and what to look at.
func (g *grants) explain(e *rest.Error) error {
	said := strings.TrimSpace(fmt.Sprintf("status %d %s", e.Status, e.Code))
	if e.Message != "" {
		said += ": " + e.Message
	}
	switch {
	case e.Status == 0:
		return fmt.Errorf("token_url %s does not answer: %w", g.where, e.Err)
	case rest.Refused(e) && !Nowhere(e):
		return fmt.Errorf("token_url %s gives no token (%s): check %s", g.where, said, g.auth.suspects(e.Code))
	case e.Err != nil: // it redirects, or is a page
		return fmt.Errorf("token_url %s gives no token (%s): %w", g.where, said, e.Err)
	case Nowhere(e):
		return fmt.Errorf("token_url %s is not there (%s): check token_url", g.where, said)
	}
	return fmt.Errorf("token_url %s gives no token now (%s)", g.where, said)
}

// Nowhere reports whether nobody gives tokens where one was asked for.
func Nowhere(e *rest.Error) bool {
	return e.Status == http.StatusNotFound || e.Status == http.StatusGone || e.Status == http.StatusMethodNotAllowed
}

// suspects are the keys of the configuration that an error code (RFC 6749 §5.2) is about.
func (a Auth) suspects(code string) string {
	proof := "client_secret"
	if a.Key != nil {
		proof = "private_key and key_id"
	}
	switch code {
	case "invalid_client":
		return "client_id, " + proof
	case "invalid_scope":
		return "scope"
	case "unauthorized_client":
		return "what client_id may do there, and scope"
	case "unsupported_grant_type":
		return "grant_type"
	case "invalid_grant":
		if a.Grant == GrantJWT {
			return "client_id, subject, audience, " + proof + ", and this machine's clock"
		}
	case "invalid_target": // RFC 8707 §2
		return "params"
	}
	return "token_url, client_id, " + proof + ", scope and params"
}

// said reads a refusal (RFC 6749 §5.2).
func said(body []byte) (s rest.Said, own bool) {
	v, err := jsonpath.Parse(body)
	if err != nil {
		return s, false
	}
	text := func(name string) string {
		if m := v.Member(name); m != nil && m.Kind == '"' {
			return m.String()
		}
		return ""
	}
	s.Code, s.Message = text("error"), text("error_description")
	return s, s.Code != ""
}
