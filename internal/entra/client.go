// SPDX-License-Identifier: Apache-2.0

package entra

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/usher-id/usher/internal/rest"
)

// Config is what a Client is made of. Tenant, ClientID, HTTP and one of Secret, Key and
// Credential are required, and Certificate with a Key.
type Config struct {
	URL       string // of Graph; default DefaultURL
	Authority string // where tokens come from; default that of the cloud that URL is of
	Tenant    string // its id, or one of its domains
	ClientID  string // of the app registration
	Secret    string
	// Key is the PEM of a private key, and Certificate that of its certificate, as the app
	// registration has it.
	Key, Certificate []byte
	// Credential stands for Secret and Key if it is set: it is asked before each token, so
	// that one that changes is taken up. With a Certificate it is a Key.
	Credential func() (Credential, error)
	// Attributes are the properties of users that are read, beside those that this package
	// has a use for itself.
	Attributes []string
	// HTTP sends the requests. Where it may connect to is the caller's to say.
	HTTP      http.RoundTripper
	Timeout   time.Duration // of one request; default 30 s
	UserAgent string        // default "usher"
}

// Credential is by what a tenant knows us: either of the two. Printing it shows neither.
type Credential struct {
	Secret string
	Key    []byte
}

// Format writes "[redacted]" for every verb.
func (Credential) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[redacted]") }

// MarshalText writes "[redacted]".
func (Credential) MarshalText() ([]byte, error) { return []byte("[redacted]"), nil }

const (
	api     = "entra" // whose errors are
	apiPath = "/v1.0"
)

// Client speaks to one tenant.
type Client struct {
	base, tenant string
	selected     string // the properties of users, as $select has them
	rest         *rest.Client
	login        *rest.Client // where tokens come from
	tokens       *tokens
	granted      *rest.Tokens
}

// New checks the configuration and makes a Client. It sends nothing.
func New(cfg Config) (*Client, error) {
	base, login, err := parseAddresses(cfg.URL, cfg.Authority)
	if err != nil {
		return nil, err
	}
	given := 0
	for _, is := range []bool{cfg.Secret != "", len(cfg.Key) > 0, cfg.Credential != nil} {
		if is {
			given++
		}
	}
	switch {
	case given != 1:
		return nil, errors.New("entra: set either a client secret or a private key, and not both")
	case len(cfg.Key) > 0 && len(cfg.Certificate) == 0:
		return nil, errors.New("entra: no certificate; the tenant knows a private key by that alone")
	case cfg.Secret != "" && len(cfg.Certificate) > 0:
		return nil, errors.New("entra: a certificate goes with a private key, and not with a client secret")
	case cfg.HTTP == nil:
		return nil, errors.New("entra: nothing to send requests by; set HTTP")
	case cfg.Timeout < 0:
		return nil, fmt.Errorf("entra: timeout %v is negative", cfg.Timeout)
	case !rest.HeaderValue(cfg.UserAgent):
		return nil, errors.New("entra: the user agent holds a character that no header may carry")
	}
	if err := errors.Join(CheckTenant(cfg.Tenant), CheckClientID(cfg.ClientID)); err != nil {
		return nil, err
	}
	c := &Client{base: base, tenant: cfg.Tenant, selected: selection(cfg.Attributes)}
	c.tokens = &tokens{client: c, authority: login, clientID: cfg.ClientID, certificate: cfg.Certificate, asked: cfg.Credential}
	if c.tokens.asked == nil {
		c.tokens.asked = func() (Credential, error) { return Credential{cfg.Secret, cfg.Key}, nil }
	}
	if len(cfg.Key) > 0 {
		if err := c.tokens.sign(cfg.Key); err != nil {
			return nil, fmt.Errorf("entra: %w", err)
		}
	}
	c.granted = rest.NewTokens(api, tokenOp, c.tokens.ask, c.tokens.hidden)
	common := rest.Config{
		API: api, Maker: "Microsoft", Place: "tenant", Said: said, RequestID: []string{"request-id", "x-ms-request-id"},
		HTTP: cfg.HTTP, Timeout: cfg.Timeout, UserAgent: cfg.UserAgent, Credential: c.granted,
	}
	at := common
	at.Base = login
	c.login = rest.New(at)
	at.Base, at.Prefix = base, apiPath
	c.rest = rest.New(at)
	return c, nil
}

// String names the tenant. It holds no credential.
func (c *Client) String() string { return "entra(" + c.tenant + " at " + c.base + ")" }

// GoString is String, so that %#v does not walk into what is secret.
func (c *Client) GoString() string { return c.String() }

// Requests is the number of HTTP requests sent so far, those for tokens included.
func (c *Client) Requests() int64 { return c.rest.Requests() + c.login.Requests() }

// Error is a refusal, or the lack of an answer. Its Code is Graph's.
type Error = rest.Error

// IsNotFound reports whether what was asked for is not there, in Graph's own words, as far
// as the replica that was asked knows.
func IsNotFound(err error) bool { return rest.IsNotFound(err) }

// IsTaken reports whether a value of what was to be made or changed is somebody else's.
func IsTaken(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && !e.Foreign && (e.Status == http.StatusConflict ||
		e.Status == http.StatusBadRequest && (strings.Contains(e.Message, "Another object with the same value") || strings.Contains(e.Message, codeConflict)))
}

// IsSynced reports whether a write was refused because what it is about comes from an
// on-premises directory, where alone it can be changed.
func IsSynced(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && !e.Foreign && e.Status == http.StatusBadRequest && strings.Contains(e.Message, "on-premises mastered")
}

// IsMember reports whether a member was to be added that is one.
func IsMember(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && !e.Foreign && e.Status == http.StatusBadRequest && strings.Contains(e.Message, "added object references already exist")
}

// IsMissing reports whether a group or somebody who is to be a member is not there, as far
// as the replica that was asked knows: one is told by 404, the other by 400 as well.
func IsMissing(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return IsNotFound(err) || ok && !e.Foreign && e.Status == http.StatusBadRequest &&
		(strings.Contains(e.Message, "one of the objects being referenced do not exist") || strings.Contains(e.Message, "reference-property objects are not present"))
}

// Codes of errors, and of their details.
const (
	codeBusy     = "Directory_ConcurrencyViolation" // others write to the same: nothing was done
	codeConflict = "ObjectConflict"
)

const mostDetails = 5

// said reads a refusal: Graph's error is an object, and that of the token endpoint a text.
func said(body []byte) (rest.Said, bool) {
	var said struct {
		Error       jsontext.Value `json:"error"`
		Description string         `json:"error_description"`
	}
	if json.Unmarshal(body, &said) != nil {
		return rest.Said{}, false
	}
	if said.Error.Kind() == '"' {
		var code string
		if json.Unmarshal(said.Error, &code) != nil {
			return rest.Said{}, false
		}
		return rest.Said{Code: code, Message: said.Description}, code != "" && said.Description != ""
	}
	var e struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		Details []struct {
			Code   string `json:"code"`
			Target string `json:"target"`
		} `json:"details"`
	}
	if json.Unmarshal(said.Error, &e) != nil || e.Code == "" {
		return rest.Said{}, false
	}
	parts := []string{e.Message}
	for _, d := range e.Details[:min(len(e.Details), mostDetails)] {
		parts = append(parts, strings.TrimSpace(d.Code+" "+d.Target))
	}
	return rest.Said{Code: e.Code, Message: strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), "; "), Busy: e.Code == codeBusy}, true
}

// request is one call of Graph.
type request = rest.Request

// call sends a request and reads its answer into a value; nil reads nothing.
func (c *Client) call(ctx context.Context, r request, into any) error {
	_, err := c.rest.Call(ctx, r, into)
	return c.reconsidered(err)
}

// reconsidered has another token asked for if what this one allows does not do: it holds
// what was granted when it was made.
func (c *Client) reconsidered(err error) error {
	if e, ok := errors.AsType[*Error](err); ok && e.Status == http.StatusForbidden && !e.Foreign {
		c.granted.Reconsider()
	}
	return err
}

// gone sends a request after which something is not there.
func (c *Client) gone(ctx context.Context, r request) error {
	if err := c.call(ctx, r, nil); err != nil && !IsNotFound(err) {
		return err
	}
	return nil
}
