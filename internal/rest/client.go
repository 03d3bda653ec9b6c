// SPDX-License-Identifier: Apache-2.0

package rest

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Config is what a Client is made of. What has no default is required.
type Config struct {
	API   string // whose errors they are: "auth0"
	Maker string // for people: "Auth0"
	Place string // what the address is of, for people: "tenant"
	Base  string // the address, without a slash at the end
	// Prefix of routes is left out where they are named.
	Prefix     string
	Credential Credential
	Scheme     string // of the Authorization header; default "Bearer"
	// KeyHeader is a header of the maker's own that holds the token alone, instead of
	// Authorization.
	KeyHeader string
	// Limits are the headers by which the API tells its limits.
	Limits Limits
	// Said reads a refusal, and whether it is one of the API's own.
	Said func(body []byte) (said Said, own bool)
	// RequestID are the headers in which the API names a request, the first goes first.
	RequestID []string
	// Header adds to the headers of a request; may be nil.
	Header func(context.Context, http.Header)
	// HTTP sends the requests. Where it may connect to is the caller's to say.
	HTTP      http.RoundTripper
	Timeout   time.Duration // of one request; default 30 s
	UserAgent string        // default "usher"
	Answer    int64         // most bytes of one answer; default 8 MiB
}

// Said is what an API says of its refusal.
type Said struct {
	Code, Message string
	// Busy says that the API was asked too often, whatever the status: it did nothing, and
	// may be asked again, After at the earliest if its headers do not say when.
	Busy  bool
	After time.Duration
}

// Credential is by what an API knows us.
type Credential interface {
	// Get is a token to send. It may ask for one.
	Get(ctx context.Context) (string, error)
	// Drop forgets a token that the API does not take, and says whether there may be
	// another.
	Drop(token string) bool
	// Reconsider is told that what is sent does not allow something that may be granted
	// by now.
	Reconsider()
	// Hidden are the secrets that must be in no error.
	Hidden() []string
}

const (
	defaultTimeout   = 30 * time.Second
	defaultUserAgent = "usher"
	defaultAnswer    = 8 << 20
)

// Client speaks to one API at one address.
type Client struct {
	api, maker, place, base, prefix, scheme, keyHeader, userAgent string

	credential Credential
	limits     Limits
	said       func([]byte) (Said, bool)
	requestID  []string
	header     func(context.Context, http.Header)
	http       *http.Client
	timeout    time.Duration
	answer     int64
	requests   atomic.Int64

	mu    sync.Mutex
	paces map[string]*pace
}

// New makes a Client. It sends nothing.
func New(cfg Config) *Client {
	return &Client{
		api: cfg.API, maker: cfg.Maker, place: cfg.Place, base: cfg.Base, prefix: cfg.Prefix, scheme: cmp.Or(cfg.Scheme, "Bearer"), keyHeader: cfg.KeyHeader,
		userAgent: cmp.Or(cfg.UserAgent, defaultUserAgent), credential: cfg.Credential, limits: cfg.Limits, said: cfg.Said,
		requestID: cfg.RequestID, header: cfg.Header, timeout: cmp.Or(cfg.Timeout, defaultTimeout), answer: cmp.Or(cfg.Answer, defaultAnswer),
		http: &http.Client{
			Transport:     cfg.HTTP,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		paces: map[string]*pace{},
	}
}

// Requests is the number of HTTP requests sent so far, those for tokens included.
func (c *Client) Requests() int64 { return c.requests.Load() }

// Timeout is that of one request.
func (c *Client) Timeout() time.Duration { return c.timeout }

// SetAnswer sets how many bytes an answer may have. It is for tests, before any request.
func (c *Client) SetAnswer(most int64) { c.answer = most }

// pace is the limit that a request counts for.
func (c *Client) pace(r *Request) *pace {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.paces[r.Pace]
	if p == nil {
		p = &pace{limits: c.limits}
		c.paces[r.Pace] = p
	}
	return p
}

// HeaderValue reports whether s may stand in a header: no control characters.
func HeaderValue(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) < 0
}

// Address checks where an API is. It refuses what would get lost or be shown when paths
// are appended, and returns why, to be said of the address, with the rest after a
// semicolon; the text itself stays out of it: it may hold a password.
func Address(text string) (base, why string) {
	u, err := url.Parse(text)
	switch {
	case err != nil, u.Scheme != "https" && u.Scheme != "http", u.Hostname() == "":
		return "", "cannot be read"
	case u.User != nil:
		return "", "holds a user name or password; take it out"
	case strings.Trim(u.Path, "/") != "":
		return "", "holds a path; end it after the host name"
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.Contains(text, "#"):
		return "", "holds a query or a fragment; end it after the host name"
	}
	return u.Scheme + "://" + u.Host, ""
}
