// SPDX-License-Identifier: Apache-2.0

package auth0

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/usher-id/usher/internal/rest"
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
	api     = "auth0" // whose errors are
	apiPath = "/api/v2"

	limits rest.Limits = "X-Ratelimit-"
)

// Client speaks to one tenant.
type Client struct {
	base     string // of the tenant, without a slash at the end
	clientID string
	rest     *rest.Client
	tokens   *tokens
	bounds   bounds
}

// bounds limit what is read.
type bounds struct {
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
	case !rest.HeaderValue(cfg.UserAgent):
		return nil, errors.New("auth0: the user agent holds a character that no header may carry")
	}
	c := &Client{
		base: base, clientID: cfg.ClientID,
		bounds: bounds{line: 1 << 20, export: 8 << 30, sseLine: 1 << 20, sseEvent: 4 << 20},
	}
	c.tokens = &tokens{client: c, audience: cmp.Or(cfg.Audience, base+apiPath+"/"), secret: cfg.Secret, asked: cfg.Credential}
	c.tokens.Tokens = rest.NewTokens(api, tokenOp, c.tokens.ask, func() []string { return []string{c.tokens.hidden()} })
	if len(cfg.Key) > 0 {
		if c.tokens.signer, err = newSigner(cfg.Key, cfg.ClientID, base+"/"); err != nil {
			return nil, err
		}
	}
	c.rest = rest.New(rest.Config{
		API: api, Maker: "Auth0", Place: "tenant", Base: base, Prefix: apiPath, Credential: c.tokens, Limits: limits, Said: said,
		// Which of the headers a tenant sends is not verified.
		RequestID: []string{"X-Auth0-Requestid", "X-Request-Id"}, Header: correlated,
		HTTP: cfg.HTTP, Timeout: cfg.Timeout, UserAgent: cfg.UserAgent,
	})
	return c, nil
}

// parseBase refuses what would get lost or be shown when paths are appended.
func parseBase(text string) (string, error) {
	base, why := rest.Address(text)
	if why == "cannot be read" {
		why += "; write it like https://acme.eu.auth0.com"
	}
	if why != "" {
		return "", errors.New("auth0: the tenant's address " + why)
	}
	return base, nil
}

// String names the tenant. It holds no credential.
func (c *Client) String() string { return "auth0(" + c.base + ")" }

// GoString is String, so that %#v does not walk into what is secret.
func (c *Client) GoString() string { return c.String() }

// Requests is the number of HTTP requests sent so far, those for tokens included.
func (c *Client) Requests() int64 { return c.rest.Requests() }

// Limit is how many requests the tenant allows at once, as it told last; 0 if it has
// told of none.
func (c *Client) Limit() int { return c.rest.Limit("") }

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

// correlated names a request.
func correlated(ctx context.Context, h http.Header) {
	if id := correlation(ctx); id != "" {
		h.Set("X-Correlation-Id", id)
	}
}
