// SPDX-License-Identifier: Apache-2.0

package dial

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
	"unicode"
)

const (
	maxHeaderBytes = 64 << 10
	idleTimeout    = 90 * time.Second
)

// NewTransport makes a transport that connects to where it is allowed to and nowhere
// else, with idle connections kept open. Without root certificates it takes the system's.
func NewTransport(allow Allow, dialTimeout time.Duration, idle int, roots *x509.CertPool) *http.Transport {
	return transport(NewDialer(dialTimeout, allow).DialContext, dialTimeout, idle, roots)
}

type dialFunc func(ctx context.Context, network, address string) (net.Conn, error)

func transport(dial dialFunc, dialTimeout time.Duration, idle int, roots *x509.CertPool) *http.Transport {
	return &http.Transport{
		Proxy:                  nil, // see the package comment
		DialContext:            dial,
		ForceAttemptHTTP2:      true, // an own dialer switches it off otherwise
		MaxIdleConnsPerHost:    idle,
		IdleConnTimeout:        idleTimeout,
		TLSHandshakeTimeout:    dialTimeout,
		MaxResponseHeaderBytes: maxHeaderBytes,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
	}
}

// NewTypedTransport makes a transport for a base URL that somebody has typed, and so means:
// its host may be inside the house. It connects to no other, whatever answers refer to, and
// never to a metadata service or a link-local address. The error says what is wrong with
// the URL.
func NewTypedTransport(base string, dialTimeout time.Duration, idle int) (*http.Transport, error) {
	allow := Allow{Loopback: true, Private: true, PlainHTTP: true}
	if err := CheckURL(base, allow); err != nil {
		return nil, err
	}
	u, err := url.Parse(base)
	if err != nil {
		return nil, err
	}
	if strings.ContainsFunc(u.Host, func(r rune) bool { return r > unicode.MaxASCII }) {
		return nil, errors.New("the host in the base URL has letters beyond ASCII; write it as DNS has it, such as xn--…")
	}
	typed := net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), map[string]string{"http": "80", "https": "443"}[u.Scheme]))
	dialer := NewDialer(dialTimeout, allow)
	return transport(func(ctx context.Context, network, address string) (net.Conn, error) {
		if !strings.EqualFold(address, typed) {
			return nil, fmt.Errorf("%w: %s is not the one that was typed", ErrAddress, address)
		}
		return dialer.DialContext(ctx, network, address)
	}, dialTimeout, idle, nil), nil
}

// CheckURL says what is wrong with a base URL before anything is dialled, with
// what to do about it. The address itself stays out of the text: it may hold a password.
func CheckURL(base string, allow Allow) error {
	u, err := url.Parse(base)
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "":
		return errors.New("the base URL cannot be read; write it like https://app.example/scim/v2")
	case u.User != nil:
		return errors.New("the base URL holds a user name or password; take it out and set the token instead")
	case u.RawQuery != "" || u.ForceQuery:
		return errors.New("the base URL holds a query; take out the part from the question mark on")
	case u.Fragment != "":
		return errors.New("the base URL holds a fragment; take out the part from the number sign on")
	case u.Scheme == "http" && !allow.PlainHTTP:
		return errors.New("the base URL is plain http, which shows the token to everybody on the way; use https, or allow plain http for this app")
	case u.Scheme != "http" && u.Scheme != "https":
		return errors.New("the base URL must begin with https://")
	}
	if addr, err := netip.ParseAddr(u.Hostname()); err == nil {
		if err := CheckAddress(addr, allow); err != nil {
			return fmt.Errorf("the base URL: %w", err)
		}
	}
	return nil
}
