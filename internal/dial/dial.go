// SPDX-License-Identifier: Apache-2.0

package dial

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"time"
)

const (
	maxHeaderBytes = 64 << 10
	idleTimeout    = 90 * time.Second
)

// NewTransport makes a transport that connects to where it is allowed to and nowhere
// else, with idle connections kept open. Without root certificates it takes the system's.
func NewTransport(allow Allow, dialTimeout time.Duration, idle int, roots *x509.CertPool) *http.Transport {
	dialer := NewDialer(dialTimeout, allow)
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
