// SPDX-License-Identifier: Apache-2.0

package github

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/usher-id/usher/internal/rest"
)

// Config is what a Client is made of. Organization, AppID, HTTP and one of Key and
// Credential are required.
type Config struct {
	URL          string // of the API; default https://api.github.com
	Organization string // its login, as in github.com/acme
	AppID        string // of the GitHub App: its client id, or its app id
	Key          []byte // PEM of its private key (RSA)
	// Credential stands for Key if it is set: it is asked before each token, so that a key
	// that changes is taken up.
	Credential func() (Key, error)
	// HTTP sends the requests. Where it may connect to is the caller's to say.
	HTTP      http.RoundTripper
	Timeout   time.Duration // of one request; default 30 s
	UserAgent string        // default "usher"
}

// Key is the PEM of a private key. Printing it does not show it.
type Key []byte

// Format writes "[redacted]" for every verb.
func (Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[redacted]") }

// MarshalText writes "[redacted]".
func (Key) MarshalText() ([]byte, error) { return []byte("[redacted]"), nil }

const (
	api     = "github" // whose errors are
	version = "2022-11-28"

	defaultURL = "https://api.github.com"
	serverPath = "/api/v3" // of an Enterprise Server

	limits rest.Limits = "X-RateLimit-"
)

// Client speaks to one organization.
type Client struct {
	base   string // of the API, without a slash at the end
	org    string
	tokens *tokens
	rest   *rest.Client
}

// New checks the configuration and makes a Client. It sends nothing.
func New(cfg Config) (*Client, error) {
	base, err := Base(cfg.URL)
	if err != nil {
		return nil, err
	}
	switch {
	case !isLogin(cfg.Organization):
		return nil, fmt.Errorf("github: %q is no name of an organization; write it as it stands behind github.com/", cfg.Organization)
	case cfg.AppID == "" || !isAppID(cfg.AppID):
		return nil, errors.New("github: no app id; set the client id or the app id that the GitHub App's page shows")
	case (len(cfg.Key) > 0) == (cfg.Credential != nil):
		return nil, errors.New("github: set the private key of the GitHub App")
	case cfg.HTTP == nil:
		return nil, errors.New("github: nothing to send requests by; set HTTP")
	case cfg.Timeout < 0:
		return nil, fmt.Errorf("github: timeout %v is negative", cfg.Timeout)
	case !rest.HeaderValue(cfg.UserAgent):
		return nil, errors.New("github: the user agent holds a character that no header may carry")
	}
	c := &Client{base: base, org: cfg.Organization}
	c.tokens, err = newTokens(c, cfg)
	if err != nil {
		return nil, err
	}
	c.rest = rest.New(rest.Config{
		API: api, Maker: "GitHub", Place: "API", Base: base, Credential: c.tokens, Limits: limits, Said: said,
		RequestID: []string{"X-GitHub-Request-Id"}, Header: header, HTTP: cfg.HTTP, Timeout: cfg.Timeout, UserAgent: cfg.UserAgent,
	})
	return c, nil
}

// isLogin keeps what has a meaning of its own out of paths. Logins of managed users have
// an underscore.
var isLogin = regexp.MustCompile(`^[A-Za-z0-9](?:[A-Za-z0-9_-]{0,98}[A-Za-z0-9])?$`).MatchString

var isAppID = regexp.MustCompile(`^[A-Za-z0-9.]{1,64}$`).MatchString

// IsLogin reports whether a text can be the login of a user.
func IsLogin(s string) bool { return isLogin(s) }

func header(_ context.Context, h http.Header) {
	h.Set("Accept", "application/vnd.github+json")
	h.Set("X-GitHub-Api-Version", version)
}

// Base is where the API of an address is, or what is wrong with the address. Nobody has
// to know where an Enterprise Server keeps it.
func Base(text string) (string, error) {
	if text == "" {
		return defaultURL, nil
	}
	base, why := rest.Address(strings.TrimSuffix(strings.TrimRight(text, "/"), serverPath))
	host := ""
	if u, err := url.Parse(base); err == nil {
		host = strings.ToLower(u.Hostname())
	}
	tenant := strings.HasSuffix(host, ".ghe.com")
	switch {
	case why == "cannot be read":
		why += "; write it like https://api.github.com, or https://github.acme.example/api/v3 of an Enterprise Server"
	case host == "github.com" || host == "www.github.com":
		why = "is that of the web site; leave url out, or write https://api.github.com"
	case tenant && !strings.HasPrefix(host, "api."):
		why = "is that of the web site; write https://api." + host
	}
	switch {
	case why != "":
		return "", errors.New("github: the API's address " + why)
	case tenant, host == "api.github.com":
		return base, nil
	}
	return base + serverPath, nil
}

// String names the organization. It holds no credential.
func (c *Client) String() string { return "github(" + c.base + "#" + c.org + ")" }

// GoString is String, so that %#v does not walk into what is secret.
func (c *Client) GoString() string { return c.String() }

// Organization is the login of the organization.
func (c *Client) Organization() string { return c.org }

// Requests is the number of HTTP requests sent so far, those for tokens included.
func (c *Client) Requests() int64 { return c.rest.Requests() }

// Error is a refusal, or the lack of an answer.
type Error = rest.Error

// Codes of errors, which are ours: GitHub tells them apart by words.
const (
	codeForbidden = "insufficient_scope" // of RFC 6750: another token may have what is lacking
	codeTaken     = "taken"              // a name that is there already
	codeMany      = "too_many_invitations"
)

// IsNotFound reports whether what was asked for is not there, in GitHub's own words.
func IsNotFound(err error) bool { return rest.IsNotFound(err) }

// IsTaken reports whether what was to be made is there already.
func IsTaken(err error) bool { return code(err) == codeTaken }

// IsManyInvitations reports whether the organization has invited as many people as it may
// in a day: 50, or 500 if it is older than a month or pays.
func IsManyInvitations(err error) bool { return code(err) == codeMany }

// IsForbidden reports whether GitHub forbids something, and not whether it was asked too
// often.
func IsForbidden(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Status == http.StatusForbidden && !e.Foreign && !e.Busy
}

func code(err error) string {
	if e, ok := errors.AsType[*Error](err); ok && !e.Foreign {
		return e.Code
	}
	return ""
}

const (
	mostCauses = 5
	// atLeast is how long GitHub wants to be left alone when it was asked too often and
	// does not say for how long.
	atLeast = time.Minute
)

// said reads a refusal. The words of a name that is taken and of the limit of invitations
// are those that others have met, and not documented.
func said(body []byte) (rest.Said, bool) {
	var said struct {
		Message string `json:"message"`
		Errors  []any  `json:"errors"`
	}
	if json.Unmarshal(body, &said) != nil || said.Message == "" {
		return rest.Said{}, false
	}
	parts := []string{said.Message}
	for _, e := range said.Errors[:min(len(said.Errors), mostCauses)] {
		switch e := e.(type) {
		case string:
			parts = append(parts, e)
		case map[string]any:
			if text, ok := e["message"].(string); ok {
				parts = append(parts, text)
			} else if text, ok := e["code"].(string); ok {
				field, _ := e["field"].(string)
				parts = append(parts, strings.TrimSpace(field+" "+text))
			}
		}
	}
	out := rest.Said{Message: strings.Join(parts, "; "), After: atLeast}
	words := strings.ToLower(out.Message)
	has := func(some ...string) bool {
		for _, s := range some {
			if strings.Contains(words, s) {
				return true
			}
		}
		return false
	}
	switch {
	case has("over invitation rate limit"):
		out.Code = codeMany
	case has("secondary rate limit", "api rate limit exceeded", "abuse detection"):
		out.Busy = true
	case has("must be unique", "already_exists", "already exists", "has already been taken"):
		out.Code = codeTaken
	case has("not accessible by integration"):
		out.Code = codeForbidden
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
