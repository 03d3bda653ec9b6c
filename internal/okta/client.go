// SPDX-License-Identifier: Apache-2.0

package okta

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

	"github.com/usher-id/usher/internal/rest"
)

// Config is what a Client is made of. URL, HTTP and one of Token, Key and Credential
// are required, and ClientID without a Token.
type Config struct {
	URL      string // of the org: https://acme.okta.com; /api/v1 may stand behind it
	Token    string // an API token (SSWS)
	ClientID string // of an API services application
	Key      []byte // PEM of its private key, for private_key_jwt (RFC 7523)
	KeyID    string // as Okta names the public key; default its RFC 7638 thumbprint
	// Scopes are asked for with a Key; default okta.users.manage and okta.groups.manage.
	Scopes []string
	// Credential stands for Token and Key if it is set: it is asked before each use, so
	// that one that changes is taken up. With a ClientID it is a Key.
	Credential func() (Credential, error)
	// HTTP sends the requests. Where it may connect to is the caller's to say.
	HTTP      http.RoundTripper
	Timeout   time.Duration // of one request; default 30 s
	UserAgent string        // default "usher"
}

// Credential is by what an org knows us: either of the two. Printing it shows neither.
type Credential struct {
	Token string
	Key   []byte
}

// Format writes "[redacted]" for every verb.
func (Credential) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[redacted]") }

// MarshalText writes "[redacted]".
func (Credential) MarshalText() ([]byte, error) { return []byte("[redacted]"), nil }

// DefaultScopes are what users and groups need.
func DefaultScopes() []string { return []string{"okta.users.manage", "okta.groups.manage"} }

const (
	api     = "okta" // whose errors are
	apiPath = "/api/v1"

	limits rest.Limits = "X-Rate-Limit-"
)

// Client speaks to one org.
type Client struct {
	base string // of the org, without a slash at the end
	rest *rest.Client
}

// New checks the configuration and makes a Client. It sends nothing.
func New(cfg Config) (*Client, error) {
	base, err := parseBase(cfg.URL)
	if err != nil {
		return nil, err
	}
	given := 0
	for _, is := range []bool{cfg.Token != "", len(cfg.Key) > 0, cfg.Credential != nil} {
		if is {
			given++
		}
	}
	switch {
	case given != 1:
		return nil, errors.New("okta: set either an API token or a private key, and not both")
	case cfg.Token != "" && cfg.ClientID != "":
		return nil, errors.New("okta: an API token goes without a client id")
	case len(cfg.Key) > 0 && cfg.ClientID == "":
		return nil, errors.New("okta: no client id; set that of an API services application")
	case strings.ContainsAny(cfg.Token, " \t") || !rest.HeaderValue(cfg.Token):
		return nil, errors.New("okta: the API token holds a blank or a control character; give it without SSWS before it")
	case cfg.HTTP == nil:
		return nil, errors.New("okta: nothing to send requests by; set HTTP")
	case cfg.Timeout < 0:
		return nil, fmt.Errorf("okta: timeout %v is negative", cfg.Timeout)
	case !rest.HeaderValue(cfg.UserAgent):
		return nil, errors.New("okta: the user agent holds a character that no header may carry")
	}
	c := &Client{base: base}
	credential, scheme, err := c.credential(cfg)
	if err != nil {
		return nil, err
	}
	c.rest = rest.New(rest.Config{
		API: api, Maker: "Okta", Place: "org", Base: base, Prefix: apiPath, Credential: credential, Scheme: scheme, Limits: limits, Said: said,
		RequestID: []string{"X-Okta-Request-Id"}, HTTP: cfg.HTTP, Timeout: cfg.Timeout, UserAgent: cfg.UserAgent,
	})
	return c, nil
}

// CheckURL says what is wrong with the address of an org.
func CheckURL(text string) error {
	_, err := parseBase(text)
	return err
}

// parseBase also refuses the address of the admin console, under which there is no API.
func parseBase(text string) (string, error) {
	base, why := rest.Address(strings.TrimSuffix(strings.TrimRight(text, "/"), apiPath))
	host, _, _ := strings.Cut(base, ".")
	switch {
	case why == "cannot be read":
		why += "; write it like https://acme.okta.com"
	case strings.HasSuffix(host, "-admin"):
		why = "is that of the admin console; take -admin out"
	}
	if why != "" {
		return "", errors.New("okta: the org's address " + why)
	}
	return base, nil
}

// String names the org. It holds no credential.
func (c *Client) String() string { return "okta(" + c.base + ")" }

// GoString is String, so that %#v does not walk into what is secret.
func (c *Client) GoString() string { return c.String() }

// Requests is the number of HTTP requests sent so far, those for tokens included.
func (c *Client) Requests() int64 { return c.rest.Requests() }

// Error is a refusal, or the lack of an answer. Its Code is Okta's errorCode.
type Error = rest.Error

// IsNotFound reports whether what was asked for is not there, in Okta's own words.
func IsNotFound(err error) bool { return rest.IsNotFound(err) }

// IsTaken reports whether what was to be made, or a value of it, is there already.
func IsTaken(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && !e.Foreign && (e.Status == http.StatusConflict || e.Code == codeInvalid && strings.Contains(e.Message, "already exists"))
}

// IsState reports whether a user's status does not allow what was asked for. It comes
// with the status of a lack of permission, which it is none of.
func IsState(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && !e.Foreign && slices.Contains([]string{codeActive, codeState}, e.Code)
}

// Codes of errors.
const (
	codeInvalid = "E0000001"
	codeActive  = "E0000016" // of an activation
	codeState   = "E0000038" // not in the user's current status
)

const mostCauses = 5

// said reads a refusal: Okta's have an errorCode, and those of its token endpoint an error.
func said(body []byte) (rest.Said, bool) {
	var said struct {
		Code    string `json:"errorCode"`
		Summary string `json:"errorSummary"`
		Causes  []struct {
			Summary string `json:"errorSummary"`
		} `json:"errorCauses"`
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if json.Unmarshal(body, &said) != nil {
		return rest.Said{}, false
	}
	if said.Code == "" {
		return rest.Said{Code: said.Error, Message: said.Description}, said.Error != "" && said.Description != ""
	}
	parts := []string{said.Summary}
	for _, cause := range said.Causes[:min(len(said.Causes), mostCauses)] {
		parts = append(parts, cause.Summary)
	}
	return rest.Said{Code: said.Code, Message: strings.Join(parts, "; ")}, true
}

// request is one call of the org.
type request = rest.Request

// call sends a request and reads its answer into a value; nil reads nothing.
func (c *Client) call(ctx context.Context, r request, into any) error {
	_, err := c.rest.Call(ctx, paced(r), into)
	return err
}

// paced says which of Okta's limits a request counts for: they are by endpoint.
func paced(r request) request {
	kind, rest, _ := strings.Cut(strings.TrimPrefix(r.Route, apiPath+"/"), "/")
	switch {
	case rest != "{}":
	case r.Method == http.MethodGet:
		kind += " by id"
	default:
		kind += " by id, written"
	}
	r.Pace = kind
	if rest != "" && rest != "{}" {
		r.Pace = "others"
	}
	return r
}
