// SPDX-License-Identifier: Apache-2.0

package scimclient

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/usher-id/usher/scim"
)

// Defaults of Config.
const (
	DefaultTimeout   = 30 * time.Second
	DefaultUserAgent = "scimclient"

	// A group's members come in one answer, so the bounds are wider than scim's own.
	defaultMaxBytes    = 32 << 20
	defaultMaxElements = 2_000_000
)

// Config is what a Client is made of. BaseURL is required.
type Config struct {
	// BaseURL is the root of the service, such as https://app.example/scim/v2.
	BaseURL string
	// HTTP carries the requests; nil means a client with an own transport's
	// defaults. It is copied; the copy follows no redirects.
	HTTP *http.Client
	// Token gives the bearer token (RFC 6750) for each request; nil sends none. It may ask
	// for one: that counts towards no request's time, and has as much again.
	Token func(context.Context) (string, error)
	// Renew is told of a token that was answered with 401, and says whether Token gives
	// another one by now. If so, the request is sent once more: nothing came of it. nil is no.
	Renew func(token string) bool
	// Scheme is that of the Authorization header; "" means Bearer.
	Scheme string
	// TokenHeader is a header that holds what Token gives and nothing else, in place of
	// Authorization with its scheme.
	TokenHeader string
	// Hidden are secrets beside the token that must be in no error; nil means none.
	Hidden func() []string
	// UserAgent names the caller to the server.
	UserAgent string
	// ContentType is the media type of what is sent; "" means SCIM's own, as some
	// servers know application/json alone. Answers are read in either.
	ContentType string
	// Accept is what answers are asked for in; "" prefers ContentType to the other.
	Accept string
	// Header goes with every request. What the client sets itself is refused here.
	Header http.Header
	// Throttle says how the server tells that it is asked too often.
	Throttle Throttle
	// Limits bounds what is read of an answer; zero fields mean 32 MiB,
	// 2,000,000 elements and scim's defaults for the rest.
	Limits scim.Limits
	// Timeout bounds one request from dialling to the last byte of the answer.
	Timeout time.Duration
}

// Client calls one SCIM service provider.
type Client struct {
	base      string // without trailing slash
	http      *http.Client
	token     func(context.Context) (string, error)
	renew     func(token string) bool
	hidden    func() []string
	scheme    string
	inHeader  string // "": the token is in Authorization
	userAgent string
	mediaType string // of what is sent
	accept    string
	header    http.Header
	throttle  Throttle
	limits    scim.Limits
	timeout   time.Duration
}

// New checks the configuration and makes a Client. It sends nothing.
func New(cfg Config) (*Client, error) {
	base, err := parseBase(cfg.BaseURL)
	if err != nil {
		return nil, err
	}
	if !validHeader(cfg.UserAgent) {
		return nil, errors.New("scimclient: the user agent holds a character that no header may carry")
	}
	if err := checkHeaders(cfg); err != nil {
		return nil, err
	}
	if cfg.Timeout < 0 {
		return nil, fmt.Errorf("scimclient: timeout %v is negative", cfg.Timeout)
	}
	hc := &http.Client{}
	if cfg.HTTP != nil {
		*hc = *cfg.HTTP
	}
	// A redirect would hand the credential to whoever the answer names (RFC 6750 §5.2).
	hc.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	lim := cfg.Limits
	lim.MaxBytes = cmp.Or(lim.MaxBytes, defaultMaxBytes)
	lim.MaxElements = cmp.Or(lim.MaxElements, defaultMaxElements)
	if lim.MaxBytes < 0 {
		return nil, errors.New("scimclient: an answer must be bounded: set Limits.MaxBytes to 0 or more")
	}
	return &Client{
		base: base, http: hc, token: cfg.Token, limits: lim,
		userAgent: cmp.Or(cfg.UserAgent, DefaultUserAgent),
		timeout:   cmp.Or(cfg.Timeout, DefaultTimeout),
		mediaType: cmp.Or(cfg.ContentType, contentType), accept: cmp.Or(cfg.Accept, accepts(cfg.ContentType)),
		header: cfg.Header.Clone(), throttle: cfg.Throttle,
		renew: cfg.Renew, hidden: cfg.Hidden, scheme: cmp.Or(cfg.Scheme, "Bearer"), inHeader: cfg.TokenHeader,
	}, nil
}

// accepts prefers the type that is sent, and takes the other one: what a server
// reads it writes, and many write application/json whatever they are asked for.
func accepts(sent string) string {
	if sent == plainJSON {
		return plainJSON + ", " + contentType + ";q=0.9"
	}
	return contentType + ", " + plainJSON + ";q=0.9"
}

// checkHeaders refuses what would break a request, or undo what keeps it safe.
func checkHeaders(cfg Config) error {
	if !validHeader(cfg.ContentType) || !validHeader(cfg.Accept) {
		return errors.New("scimclient: a media type holds a character that no header may carry")
	}
	if cfg.Scheme != "" && !isName(cfg.Scheme) {
		return errors.New("scimclient: the scheme of the credential is none")
	}
	if cfg.TokenHeader != "" && (!isName(cfg.TokenHeader) || ownHeader(cfg.TokenHeader) && !strings.EqualFold(cfg.TokenHeader, "Authorization")) {
		return errors.New("scimclient: the credential cannot be in that header")
	}
	for name, values := range cfg.Header {
		if ownHeader(name) {
			return fmt.Errorf("scimclient: the header %s is the client's own", name)
		}
		if !isName(name) {
			return errors.New("scimclient: a header's name is none")
		}
		for _, v := range values {
			if !validHeader(v) {
				return fmt.Errorf("scimclient: the header %s holds a character that no header may carry", name)
			}
		}
	}
	return nil
}

// ownHeader reports whether the client sets a header itself.
func ownHeader(name string) bool {
	switch http.CanonicalHeaderKey(name) {
	case "Authorization", "Cookie", "Host", "Content-Type", "Content-Length", "Accept", "Accept-Encoding", "User-Agent",
		"X-Request-Id", "Traceparent", "Tracestate", "If-Match", "If-None-Match", "Connection", "Transfer-Encoding":
		return true
	}
	return false
}

// isName reports whether a text is a token of RFC 9110 §5.6.2.
func isName(s string) bool {
	return token(s, 128) && !strings.ContainsAny(s, "\"(),/:;<=>?@[\\]{}")
}

// parseBase refuses what would send a credential in clear sight or get lost when
// a path is appended. The text itself stays out of the error: it may hold a password.
func parseBase(s string) (string, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return "", errors.New("scimclient: the base URL cannot be parsed; write it like https://app.example/scim/v2")
	case u.Scheme != "https" && u.Scheme != "http", u.Host == "", u.Hostname() == "":
		return "", errors.New("scimclient: the base URL needs a scheme and a host; write it like https://app.example/scim/v2")
	case u.User != nil:
		return "", errors.New("scimclient: the base URL holds a user name or password; remove it and give the credential as the token")
	case u.RawQuery != "" || u.ForceQuery:
		return "", errors.New("scimclient: the base URL holds a query; remove the part from the question mark on")
	case u.Fragment != "" || strings.Contains(s, "#"):
		return "", errors.New("scimclient: the base URL holds a fragment; remove the part from the number sign on")
	}
	return strings.TrimRight(u.String(), "/"), nil
}

// String names the service. It holds no credential.
func (c *Client) String() string { return "scimclient(" + c.base + ")" }

// GoString is String, so that %#v does not walk into the HTTP client.
func (c *Client) GoString() string { return c.String() }

// resourceURL is the address of one resource. Ids come from servers: they are
// escaped, and those that would name another place are refused.
func (c *Client) resourceURL(endpoint, id string) (string, error) {
	u, err := c.endpointURL(endpoint)
	if err != nil {
		return "", err
	}
	switch id {
	case "":
		return "", errors.New("the id is empty, which would name the whole collection")
	case ".", "..":
		return "", fmt.Errorf("the id %q would name another place", id)
	}
	return u + "/" + url.PathEscape(id), nil
}

func (c *Client) endpointURL(endpoint string) (string, error) {
	if endpoint == "" {
		return c.base, nil
	}
	clean := strings.TrimRight(endpoint, "/")
	if !strings.HasPrefix(clean, "/") || strings.ContainsAny(clean, "?#\\ \r\n") || strings.Contains(clean, "..") {
		return "", fmt.Errorf("the endpoint %q is not a path like /Users", endpoint)
	}
	return c.base + clean, nil
}

// validHeader reports whether s may stand in a header: no control characters.
func validHeader(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] == 0x7f {
			return false
		}
	}
	return true
}
