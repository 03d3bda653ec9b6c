// SPDX-License-Identifier: Apache-2.0

package scimapp

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimclient"
)

// Config is what an App is made of. BaseURL and Profile are required.
type Config struct {
	BaseURL string
	// Token gives the bearer token of each request; nil sends none.
	Token   func(context.Context) (string, error)
	Profile app.Profile
	Allow   Allow

	Timeout     time.Duration  // of one request, from dialling to the last byte; default 30 s
	DialTimeout time.Duration  // of one connection; default 10 s
	Concurrency int            // connections kept open; default the profile's, then 16
	RootCAs     *x509.CertPool // nil means the system's
	UserAgent   string         // default "usher"
	Limits      scim.Limits    // of one answer; see scimclient.Config
}

// Defaults of Config.
const (
	defaultDialTimeout = 10 * time.Second
	defaultConcurrency = 16
	defaultUserAgent   = "usher"

	maxHeaderBytes = 64 << 10
	idleTimeout    = 90 * time.Second
)

// App is a SCIM 2.0 app.
type App struct {
	client    *scimclient.Client
	profile   app.Profile
	schemas   *scim.SchemaSet
	transport *http.Transport
	counter   *counter
}

var _ app.App = (*App)(nil)

// New checks the configuration and makes an App. It sends nothing.
func New(cfg Config) (*App, error) {
	if cfg.Profile.Kind != "scim2" {
		return nil, fmt.Errorf("scimapp: profile %q is of kind %q, which is no SCIM 2.0", cfg.Profile.ID, cfg.Profile.Kind)
	}
	switch cfg.Profile.Patch.Style {
	case app.PatchStylePaths, app.PatchStylePathless, app.PatchStyleObject, "":
	default:
		return nil, fmt.Errorf("scimapp: profile %q wants the PATCH style %q, which is not known", cfg.Profile.ID, cfg.Profile.Patch.Style)
	}
	if cfg.Concurrency < 0 || cfg.Timeout < 0 || cfg.DialTimeout < 0 {
		return nil, errors.New("scimapp: concurrency and timeouts must not be negative")
	}
	if err := checkBase(cfg.BaseURL, cfg.Allow); err != nil {
		return nil, err
	}
	transport := newTransport(cfg)
	count := &counter{next: transport}
	accept, header := headers(cfg.Profile)
	client, err := scimclient.New(scimclient.Config{
		BaseURL: cfg.BaseURL, HTTP: &http.Client{Transport: count}, Token: cfg.Token,
		UserAgent: cmp.Or(cfg.UserAgent, defaultUserAgent), Limits: cfg.Limits, Timeout: cfg.Timeout,
		ContentType: cfg.Profile.ContentType, Accept: accept, Header: header,
		Throttle: scimclient.Throttle{
			Statuses: cfg.Profile.Throttle.Statuses, Headers: cfg.Profile.Throttle.Headers, Words: cfg.Profile.Throttle.Words,
		},
	})
	if err != nil {
		return nil, fmt.Errorf("scimapp: %w", err)
	}
	return &App{
		client: client, profile: cfg.Profile, schemas: scim.CoreSchemas(),
		transport: transport, counter: count,
	}, nil
}

// headers are those that the profile wants on every request. A User-Agent is sent
// to everybody; what a profile says of it is words.
func headers(p app.Profile) (accept string, header http.Header) {
	header = http.Header{}
	for name, value := range p.RequiredHeaders {
		switch http.CanonicalHeaderKey(name) {
		case "Accept":
			accept = value
		case "User-Agent":
		default:
			header.Set(name, value)
		}
	}
	return accept, header
}

// checkBase says what is wrong with an address before anything is dialled, with
// what to do about it. The address itself stays out of the text: it may hold a password.
func checkBase(base string, allow Allow) error {
	u, err := url.Parse(base)
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "":
		return errors.New("scimapp: the base URL cannot be read; write it like https://app.example/scim/v2")
	case u.User != nil:
		return errors.New("scimapp: the base URL holds a user name or password; take it out and set the token instead")
	case u.RawQuery != "" || u.ForceQuery:
		return errors.New("scimapp: the base URL holds a query; take out the part from the question mark on")
	case u.Fragment != "":
		return errors.New("scimapp: the base URL holds a fragment; take out the part from the number sign on")
	case u.Scheme == "http" && !allow.PlainHTTP:
		return errors.New("scimapp: the base URL is plain http, which shows the token to everybody on the way; use https, or allow plain http for this app")
	case u.Scheme != "http" && u.Scheme != "https":
		return errors.New("scimapp: the base URL must begin with https://")
	}
	if addr, err := netip.ParseAddr(u.Hostname()); err == nil {
		if err := CheckAddress(addr, allow); err != nil {
			return fmt.Errorf("scimapp: the base URL: %w", err)
		}
	}
	return nil
}

func newTransport(cfg Config) *http.Transport {
	return NewTransport(cfg.Allow, cmp.Or(cfg.DialTimeout, defaultDialTimeout), cmp.Or(cfg.Concurrency, cfg.Profile.Concurrency, defaultConcurrency), cfg.RootCAs)
}

// NewTransport makes a transport that connects to where it is allowed to and nowhere
// else, with idle connections kept open, for other things than apps, too. Without root
// certificates it takes the system's.
func NewTransport(allow Allow, dialTimeout time.Duration, idle int, roots *x509.CertPool) *http.Transport {
	dialer := newDialer(dialTimeout, allow)
	return &http.Transport{
		Proxy:                  nil, // see the package comment
		DialContext:            dialer.DialContext,
		ForceAttemptHTTP2:      true, // an own dialer switches it off otherwise
		MaxIdleConnsPerHost:    idle,
		IdleConnTimeout:        idleTimeout,
		TLSHandshakeTimeout:    dialTimeout,
		MaxResponseHeaderBytes: maxHeaderBytes,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
	}
}

// Profile says how this app differs from plain SCIM 2.0.
func (a *App) Profile() app.Profile { return a.profile }

// Requests is the number of HTTP requests sent so far.
func (a *App) Requests() int64 { return a.counter.n.Load() }

// Close gives up idle connections. Requests under way go on.
func (a *App) Close() { a.transport.CloseIdleConnections() }

// String names the app. It holds no credential.
func (a *App) String() string { return "scimapp(" + a.profile.ID + " " + a.client.String() + ")" }

// GoString is String, so that %#v does not walk into the transport.
func (a *App) GoString() string { return a.String() }

// counter counts requests where they leave.
type counter struct {
	next http.RoundTripper
	n    atomic.Int64
}

func (c *counter) RoundTrip(r *http.Request) (*http.Response, error) {
	c.n.Add(1)
	return c.next.RoundTrip(r)
}
