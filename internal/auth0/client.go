// SPDX-License-Identifier: Apache-2.0

package auth0

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Config is what a Client is made of. URL, ClientID, HTTP and one of Secret and Key
// are required.
type Config struct {
	URL      string // of the tenant: https://acme.eu.auth0.com
	Audience string // of the Management API; default URL + "/api/v2/"
	ClientID string
	Secret   string // client_secret
	Key      []byte // PEM of a private key, for private_key_jwt (RFC 7523)
	// HTTP sends the requests. Where it may connect to is the caller's to say.
	HTTP    http.RoundTripper
	Timeout time.Duration // of one request; default 30 s. A stream of events has none
	// Fields are added to app_metadata of nobody: see UserChange.
	UserAgent string // default "usher"
}

// Client speaks to one tenant.
type Client struct{ cfg Config }

// New checks the configuration and makes a Client. It sends nothing.
func New(cfg Config) (*Client, error) { return &Client{cfg}, errNotYet }

var errNotYet = errors.New("auth0: not built yet")

// Requests is the number of HTTP requests sent so far, those for tokens included.
func (c *Client) Requests() int64 { return 0 }

// Error is a refusal, or the lack of an answer.
type Error struct {
	Status     int    // HTTP status; 0 if none came
	Code       string // errorCode, or error of the token endpoint
	Message    string // Auth0's own words, cut and cleaned
	RequestID  string
	RetryAfter time.Duration // until the limit is reset, 0 to 24 h
	// Unsent says that provably nothing reached the tenant: no connection came about.
	Unsent bool
	Err    error // the cause on our side; may be nil
}

func (e *Error) Error() string { return fmt.Sprintf("auth0: status %d", e.Status) }

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// IsNotFound reports whether what was asked for is not there.
func IsNotFound(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Status == http.StatusNotFound
}

type correlationKey struct{}

// WithCorrelation names the requests that are made with the context: X-Correlation-ID,
// of which the tenant's log keeps 64 characters.
func WithCorrelation(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, correlationKey{}, id)
}
