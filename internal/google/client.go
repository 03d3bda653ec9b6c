// SPDX-License-Identifier: Apache-2.0

package google

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/usher-id/usher/internal/rest"
)

// Config is what a Client is made of. Administrator, HTTP and one of Key and Credential
// are required.
type Config struct {
	// URL is where the API is; default [DefaultURL]. Another one must be on this machine,
	// and then has the token endpoint, too, at /token.
	URL string
	// Key is the key file of a service account, JSON.
	Key []byte
	// Credential stands for Key if it is set: it is asked before each token, so that a key
	// that changes is taken up.
	Credential func() ([]byte, error)
	// Administrator is the address of the administrator for whom the service account acts.
	Administrator string
	// Customer is the account's id; default my_customer, which is the administrator's own.
	Customer string
	Scopes   []string // default [DefaultScopes] of users and groups
	// HTTP sends the requests. Where it may connect to is the caller's to say.
	HTTP      http.RoundTripper
	Timeout   time.Duration // of one request; default 30 s
	UserAgent string        // default "usher"
}

// DefaultURL is where Google's API is.
const DefaultURL = "https://admin.googleapis.com"

const (
	api     = "google" // whose errors are
	apiPath = "/admin/directory/v1"

	myCustomer = "my_customer"
)

// The scopes (OAuth 2.0 Scopes for Google APIs).
const (
	ScopeUsers    = "https://www.googleapis.com/auth/admin.directory.user"
	ScopeSecurity = "https://www.googleapis.com/auth/admin.directory.user.security" // sign out, revoke
	ScopeGroups   = "https://www.googleapis.com/auth/admin.directory.group"         // with their members
)

// DefaultScopes are what users need, and groups where there are any.
func DefaultScopes(groups bool) []string {
	if groups {
		return []string{ScopeUsers, ScopeSecurity, ScopeGroups}
	}
	return []string{ScopeUsers, ScopeSecurity}
}

// Client speaks to one Google Workspace account.
type Client struct {
	base, customer, admin string
	rest, auth            *rest.Client
}

// New checks the configuration and makes a Client. It sends nothing.
func New(cfg Config) (*Client, error) {
	base, token, err := parseBase(cmp.Or(cfg.URL, DefaultURL))
	if err != nil {
		return nil, err
	}
	switch {
	case (len(cfg.Key) > 0) == (cfg.Credential != nil):
		return nil, errors.New("google: set the key file of a service account")
	case !address(cfg.Administrator):
		return nil, errors.New("google: no administrator; set the e-mail address of the one for whom the service account acts")
	case cfg.HTTP == nil:
		return nil, errors.New("google: nothing to send requests by; set HTTP")
	case cfg.Timeout < 0:
		return nil, fmt.Errorf("google: timeout %v is negative", cfg.Timeout)
	case !rest.HeaderValue(cfg.UserAgent):
		return nil, errors.New("google: the user agent holds a character that no header may carry")
	}
	c := &Client{base: base, customer: cmp.Or(cfg.Customer, myCustomer), admin: cfg.Administrator}
	t := &tokens{client: c, url: token, administrator: cfg.Administrator, scopes: cfg.Scopes, asked: cfg.Credential}
	if len(t.scopes) == 0 {
		t.scopes = DefaultScopes(true)
	}
	if t.asked == nil {
		t.asked = func() ([]byte, error) { return cfg.Key, nil }
		if err := t.sign(cfg.Key); err != nil {
			return nil, fmt.Errorf("google: %w", err)
		}
	}
	credential := rest.NewTokens(api, t.op(), t.ask, func() []string { return nil })
	const mostAnswer = 32 << 20 // a page has 500 users, each of whose lists may have 10 kB
	rc := rest.Config{
		Answer: mostAnswer,
		API:    api, Maker: "Google", Place: "API", Base: base, Prefix: apiPath, Credential: credential, Said: said,
		RequestID: []string{"X-Request-Id", "X-Goog-Request-Id"}, HTTP: cfg.HTTP, Timeout: cfg.Timeout, UserAgent: cfg.UserAgent,
	}
	c.rest = rest.New(rc)
	rc.Base, rc.Prefix = strings.TrimSuffix(token, tokenRoute), ""
	c.auth = rest.New(rc)
	return c, nil
}

// CheckURL says what is wrong with the address of the API.
func CheckURL(text string) error {
	_, _, err := parseBase(text)
	return err
}

const (
	tokenRoute = "/token"
	tokenURL   = "https://oauth2.googleapis.com" + tokenRoute
)

// parseBase takes Google's own address, and those of this machine, for tests: what is
// signed by the key goes nowhere else.
func parseBase(text string) (base, token string, err error) {
	base, why := rest.Address(strings.TrimSuffix(strings.TrimRight(text, "/"), apiPath))
	switch {
	case why == "cannot be read":
		why += "; take url out, as Google's is known"
	case why != "":
	case base == DefaultURL:
		return base, tokenURL, nil
	case loopback(base):
		return base, base + tokenRoute, nil
	default:
		why = "is none of Google's; take url out"
	}
	return "", "", errors.New("google: the API's address " + why)
}

func loopback(base string) bool {
	u, err := url.Parse(base)
	if err != nil {
		return false
	}
	addr, err := netip.ParseAddr(u.Hostname())
	return err == nil && addr.IsLoopback()
}

// address reports whether a text looks like an e-mail address.
func address(s string) bool {
	at := strings.LastIndexByte(s, '@')
	return at > 0 && at < len(s)-1 && !strings.ContainsAny(s, " \t\r\n,;<>")
}

// String names the account. It holds no credential.
func (c *Client) String() string { return "google(" + c.base + ", " + c.customer + ")" }

// GoString is String, so that %#v does not walk into what is secret.
func (c *Client) GoString() string { return c.String() }

// Requests is the number of HTTP requests sent so far, those for tokens included.
func (c *Client) Requests() int64 { return c.rest.Requests() + c.auth.Requests() }

// Error is a refusal, or the lack of an answer. Its Code is Google's reason.
type Error = rest.Error

// IsNotFound reports whether what was asked for is not there, in Google's own words. It
// also says so of what is new.
func IsNotFound(err error) bool { return rest.IsNotFound(err) }

// IsTaken reports whether what was to be made, or an address of it, is there already. It
// has been said of changes that were made.
func IsTaken(err error) bool { return rest.IsConflict(err) }

// IsForbidden reports whether we may not do what was asked for, in Google's own words: a
// limit comes with the same status.
func IsForbidden(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Status == http.StatusForbidden && !e.Foreign && !e.Busy && !IsSpent(err)
}

// IsSpent reports whether a limit of the day is used up: nothing was done, and nothing will
// be until the day is over (by Google's page of errors at midnight Pacific Time; unverified).
func IsSpent(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && !e.Foreign && e.Code == "dailyLimitExceeded"
}

// IsInvalid reports whether Google refuses a request for what is in it, or for whom it is
// about.
func IsInvalid(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && !e.Foreign && (e.Status == http.StatusBadRequest || e.Status == http.StatusPreconditionFailed)
}

// IsUnsettled reports whether a change came too early, as it does for a while after
// another one. That there may be no more users is the same status, and none of it.
func IsUnsettled(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && !e.Foreign && e.Status == http.StatusPreconditionFailed && e.Code != "limitExceeded"
}

// busy are the reasons that are limits that pass soon, whatever the status: 403 or 429.
var busy = []string{"userRateLimitExceeded", "rateLimitExceeded", "quotaExceeded"}

// said reads a refusal: Google's have an object error, and those of its token endpoint a text.
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
		_ = json.Unmarshal(said.Error, &code) // it is a text
		return rest.Said{Code: code, Message: said.Description}, code != ""
	}
	var e struct {
		Message string `json:"message"`
		Status  string `json:"status"`
		Errors  []struct {
			Reason string `json:"reason"`
		} `json:"errors"`
	}
	if said.Error.Kind() != '{' || json.Unmarshal(said.Error, &e) != nil || e.Message == "" && e.Status == "" && len(e.Errors) == 0 {
		return rest.Said{}, false
	}
	out := rest.Said{Code: e.Status, Message: e.Message, Busy: e.Status == "RESOURCE_EXHAUSTED"}
	if len(e.Errors) > 0 && e.Errors[0].Reason != "" {
		out.Code = e.Errors[0].Reason
		out.Busy = slices.Contains(busy, out.Code)
	}
	return out, true
}

// request is one call of the API.
type request = rest.Request

// call sends a request and reads its answer into a value; nil reads nothing.
func (c *Client) call(ctx context.Context, r request, into any) error {
	_, err := c.rest.Call(ctx, r, into)
	return err
}

// gone sends a request after which something is not there.
func (c *Client) gone(ctx context.Context, r request) error {
	if err := c.call(ctx, r, nil); err != nil && !IsNotFound(err) {
		return err
	}
	return nil
}
