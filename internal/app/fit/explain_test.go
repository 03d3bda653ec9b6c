// SPDX-License-Identifier: Apache-2.0

package fit_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/app/fit"
	"github.com/usher-id/usher/internal/dial"
)

// A wrong address, region and token are each named as such.
func TestWhatIsWrongIsNamed(t *testing.T) {
	t.Parallel()
	aws, err := app.ProfileByID("aws-iam-identity-center")
	if err != nil {
		t.Fatal(err)
	}
	pager, err := app.ProfileByID("pagerduty")
	if err != nil {
		t.Fatal(err)
	}
	plain, err := app.ProfileByID("generic-scim2")
	if err != nil {
		t.Fatal(err)
	}
	dns := &app.Error{Class: app.Unreachable, Err: &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "scim.eu-west-9.amazonaws.com", IsNotFound: true}}}
	for name, c := range map[string]struct {
		err       error
		p         app.Profile
		text, fix string // how it begins, what is in it
	}{
		"region": {dns, aws, "the host name in url, or the region in it, is wrong: there is no scim.eu-west-9.amazonaws.com", "https://scim.{region}.amazonaws.com/"},
		"host":   {dns, plain, "the host name in url is wrong: there is no scim.eu-west-9.amazonaws.com", "set url to the SCIM base URL"},
		"certificate": {
			&app.Error{Class: app.Unreachable, Err: &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}}, plain,
			"the host in url cannot prove who it is (TLS certificate)", "app's own host",
		},
		"inside the house": {&app.Error{Class: app.Unreachable, Err: fmt.Errorf("dial: %w: 10.0.0.1 is private", dial.ErrAddress)}, plain, "url leads to an address that is shut", "allow"},
		"token":            {&app.Error{Class: app.Unauthorized, Status: 401}, plain, "the token is wrong or has expired", "set token"},
		"token of another region": {
			&app.Error{Class: app.Unauthorized, Status: 401}, pager, "the token is wrong or has expired",
			"; or it is of another region or plan: PagerDuty is at https://api.eu.pagerduty.com/scim/v2, too",
		},
		"scope":     {&app.Error{Class: app.Unauthorized, Status: 403, Detail: "scim:write is missing"}, plain, "the token is known, and may not do this (403): scim:write is missing", "scope"},
		"no token":  {&app.Error{Class: app.Unreachable, Err: errors.New("no token: secret crm is not open")}, plain, "there is no token to ask with: secret crm", "usher secret list"},
		"elsewhere": {&app.Error{Class: app.Terminal, Status: 308}, plain, "url leads elsewhere: the app redirects (308)", "where it leads"},
		"path":      {&app.Error{Class: app.NotFound, Status: 404}, plain, "url is wrong: no SCIM answers there (404)", "base URL"},
		"nobody":    {&app.Error{Class: app.Unreachable, Err: errors.New("connection refused")}, plain, "nothing can be reached at url: connection refused", "base URL"},
		"slow":      {&app.Error{Class: app.Retry, Err: context.DeadlineExceeded}, plain, "the app does not answer in time", "try again"},
		"too often": {&app.Error{Class: app.Retry, Status: 429}, plain, "the app is asked too often (429)", "later"},
		"anything":  {errors.New("something"), plain, "the app cannot answer: something", "try again"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, fix := fit.Explain(c.err, c.p)
			if !strings.HasPrefix(text, c.text) || !strings.Contains(fix, c.fix) || strings.ContainsAny(text, "\n") {
				t.Errorf("%q, %q; want %q, %q", text, fix, c.text, c.fix)
			}
		})
	}
	if text, fix := fit.Explain(nil, plain); text+fix != "" {
		t.Errorf("nothing is wrong: %q, %q", text, fix)
	}
}
