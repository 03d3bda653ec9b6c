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
	"sync/atomic"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/dial"
	"github.com/usher-id/usher/internal/rest/httpauth"
	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimclient"
)

// Config is what an App is made of. BaseURL and Profile are required.
type Config struct {
	BaseURL string
	// Token gives the bearer token of each request; nil sends none.
	Token func(context.Context) (string, error)
	// Credential stands for Token if it is set. One that the app does not take is renewed
	// once, before that counts as refused.
	Credential *httpauth.Credential
	Profile    app.Profile
	Allow      dial.Allow

	Timeout     time.Duration  // of one request, from dialling to the last byte; default 30 s
	DialTimeout time.Duration  // of one connection; default 10 s
	Concurrency int            // connections kept open; default the profile's, then 16
	RootCAs     *x509.CertPool // nil means the system's
	// Certificate is ours, for an app that asks for one when a connection is made (RFC 8446
	// §4.3.2); nil shows none. It is asked each time, so that a new one counts.
	Certificate func() (*tls.Certificate, error)
	UserAgent   string      // default "usher"
	Limits      scim.Limits // of one answer; see scimclient.Config
}

// Defaults of Config.
const (
	defaultDialTimeout = 10 * time.Second
	defaultConcurrency = 16
	defaultUserAgent   = "usher"
)

// App is a SCIM 2.0 app.
type App struct {
	client    *scimclient.Client
	discovery *scimclient.Client // within narrower bounds
	profile   app.Profile
	schemas   *scim.SchemaSet
	transport *http.Transport
	counter   *counter
	auth      *httpauth.Credential // nil: it asks nobody for tokens
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
	if err := dial.CheckURL(cfg.BaseURL, cfg.Allow); err != nil {
		return nil, fmt.Errorf("scimapp: %w", err)
	}
	transport := newTransport(cfg)
	count := &counter{next: transport}
	accept, header := headers(cfg.Profile)
	config := scimclient.Config{
		BaseURL: cfg.BaseURL, HTTP: &http.Client{Transport: count}, Token: cfg.Token,
		UserAgent: cmp.Or(cfg.UserAgent, defaultUserAgent), Limits: cfg.Limits, Timeout: cfg.Timeout,
		ContentType: cfg.Profile.ContentType, Accept: accept, Header: header,
		Throttle: scimclient.Throttle{
			Statuses: cfg.Profile.Throttle.Statuses, Headers: cfg.Profile.Throttle.Headers, Words: cfg.Profile.Throttle.Words,
		},
	}
	if c := cfg.Credential; c != nil {
		config.Token, config.Renew, config.Hidden = c.Get, c.Drop, c.Hidden
		config.Scheme, config.TokenHeader = c.Scheme, c.Header
	}
	client, err := scimclient.New(config)
	if err != nil {
		return nil, fmt.Errorf("scimapp: %w", err)
	}
	discovery, err := scimclient.New(discoveryOf(config))
	if err != nil {
		return nil, fmt.Errorf("scimapp: %w", err)
	}
	return &App{
		client: client, discovery: discovery, profile: cfg.Profile, schemas: scim.CoreSchemas(),
		transport: transport, counter: count, auth: cfg.Credential,
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

func newTransport(cfg Config) *http.Transport {
	t := dial.NewTransport(cfg.Allow, cmp.Or(cfg.DialTimeout, defaultDialTimeout), cmp.Or(cfg.Concurrency, cfg.Profile.Concurrency, defaultConcurrency), cfg.RootCAs)
	if cfg.Certificate != nil {
		t.TLSClientConfig.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return cfg.Certificate() }
	}
	return t
}

// Profile says how this app differs from plain SCIM 2.0.
func (a *App) Profile() app.Profile { return a.profile }

// Requests is the number of HTTP requests sent so far, those for tokens included.
func (a *App) Requests() int64 {
	n := a.counter.n.Load()
	if a.auth != nil {
		n += a.auth.Requests()
	}
	return n
}

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
