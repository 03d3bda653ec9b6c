// SPDX-License-Identifier: Apache-2.0

package auth0

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// Config is what a Client is made of. URL, ClientID, HTTP and one of Secret, Key and
// Credential are required.
type Config struct {
	URL      string // of the tenant: https://acme.eu.auth0.com
	Audience string // of the Management API; default URL + "/api/v2/"
	ClientID string
	Secret   string // client_secret
	Key      []byte // PEM of a private key, for private_key_jwt (RFC 7523)
	// Credential stands for Secret and Key if it is set: it is asked before each token, so
	// that one that changes is taken up.
	Credential func() (Credential, error)
	// HTTP sends the requests. Where it may connect to is the caller's to say.
	HTTP      http.RoundTripper
	Timeout   time.Duration // of one request; default 30 s. A stream of events has none
	UserAgent string        // default "usher"
}

const (
	defaultTimeout   = 30 * time.Second
	defaultUserAgent = "usher"
	apiPath          = "/api/v2"
)

// Client speaks to one tenant.
type Client struct {
	base      string // of the tenant, without a slash at the end
	clientID  string
	userAgent string
	timeout   time.Duration
	http      *http.Client
	tokens    *tokens
	pace      pace
	bounds    bounds
	requests  atomic.Int64
}

// bounds limit what is read.
type bounds struct {
	answer   int64 // bytes of one JSON answer
	line     int   // bytes of one line of an export
	export   int64 // bytes of an export after decompression
	sseLine  int   // bytes of a line of a stream
	sseEvent int   // bytes of the data of an event
}

// New checks the configuration and makes a Client. It sends nothing.
func New(cfg Config) (*Client, error) {
	base, err := parseBase(cfg.URL)
	if err != nil {
		return nil, err
	}
	switch {
	case cfg.ClientID == "":
		return nil, errors.New("auth0: no client id; set that of a machine-to-machine application")
	case cfg.Credential != nil && cfg.Secret == "" && len(cfg.Key) == 0:
	case cfg.Credential != nil, (cfg.Secret == "") == (len(cfg.Key) == 0):
		return nil, errors.New("auth0: set either the client secret or a private key, and not both")
	}
	switch {
	case cfg.HTTP == nil:
		return nil, errors.New("auth0: nothing to send requests by; set HTTP")
	case cfg.Timeout < 0:
		return nil, fmt.Errorf("auth0: timeout %v is negative", cfg.Timeout)
	case !headerValue(cfg.UserAgent):
		return nil, errors.New("auth0: the user agent holds a character that no header may carry")
	}
	c := &Client{
		base: base, clientID: cfg.ClientID,
		userAgent: cmp.Or(cfg.UserAgent, defaultUserAgent),
		timeout:   cmp.Or(cfg.Timeout, defaultTimeout),
		http: &http.Client{
			Transport:     cfg.HTTP,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		bounds: bounds{answer: 8 << 20, line: 1 << 20, export: 8 << 30, sseLine: 1 << 20, sseEvent: 4 << 20},
	}
	c.tokens = &tokens{client: c, audience: cmp.Or(cfg.Audience, base+apiPath+"/"), secret: cfg.Secret, asked: cfg.Credential, turn: make(chan struct{}, 1)}
	if len(cfg.Key) > 0 {
		if c.tokens.signer, err = newSigner(cfg.Key, cfg.ClientID, base+"/"); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// parseBase refuses what would get lost or be shown when paths are appended. The
// text itself stays out of the error: it may hold a password.
func parseBase(text string) (string, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil, u.Scheme != "https" && u.Scheme != "http", u.Hostname() == "":
		return "", errors.New("auth0: the tenant's address cannot be read; write it like https://acme.eu.auth0.com")
	case u.User != nil:
		return "", errors.New("auth0: the tenant's address holds a user name or password; take it out")
	case strings.Trim(u.Path, "/") != "":
		return "", errors.New("auth0: the tenant's address holds a path; end it after the host name")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.Contains(text, "#"):
		return "", errors.New("auth0: the tenant's address holds a query or a fragment; end it after the host name")
	}
	return u.Scheme + "://" + u.Host, nil
}

// String names the tenant. It holds no credential.
func (c *Client) String() string { return "auth0(" + c.base + ")" }

// GoString is String, so that %#v does not walk into what is secret.
func (c *Client) GoString() string { return c.String() }

// Requests is the number of HTTP requests sent so far, those for tokens included.
func (c *Client) Requests() int64 { return c.requests.Load() }

type correlationKey struct{}

// WithCorrelation names the requests that are made with the context: X-Correlation-ID,
// of which the tenant's log keeps 64 characters.
func WithCorrelation(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, correlationKey{}, id)
}

const maxCorrelation = 64

// correlation is the id of the context as a header may carry it, or "".
func correlation(ctx context.Context) string {
	id, _ := ctx.Value(correlationKey{}).(string)
	id = strings.Map(func(r rune) rune {
		if r <= ' ' || r >= 0x7f {
			return -1
		}
		return r
	}, id)
	return id[:min(len(id), maxCorrelation)]
}

// headerValue reports whether s may stand in a header: no control characters.
func headerValue(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) < 0
}
