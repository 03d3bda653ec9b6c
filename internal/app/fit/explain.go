// SPDX-License-Identifier: Apache-2.0

package fit

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/dial"
	"github.com/usher-id/usher/scim/scimclient"
)

// Explain says in one sentence why an app could not be asked: what of address, region
// and token is wrong, as far as the answer tells, and what to do.
func Explain(err error, p app.Profile) (text, fix string) {
	e := app.Classify(err)
	if e == nil {
		return "", ""
	}
	address := "set url to the SCIM base URL of the app"
	if strings.Contains(p.BaseURLTemplate, "://") && p.ID != generic {
		address = fmt.Sprintf("%s has %s", p.Name, p.BaseURLTemplate)
	}
	region := ""
	if strings.Contains(p.BaseURLTemplate, "{region}") || strings.Contains(p.BaseURLTemplate, "{site}") {
		region = ", or the region in it,"
	}
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	switch {
	case e.Err != nil && strings.HasPrefix(e.Err.Error(), "no token:"):
		return "there is no token to ask with: " + strings.TrimPrefix(e.Err.Error(), "no token: "), "usher secret list says what is missing"
	case errors.Is(e, dial.ErrAddress):
		return "url leads to an address that is shut: " + cause(e), "open it with allow, if that is meant"
	case errors.As(e, &dns) && dns.IsNotFound:
		return fmt.Sprintf("the host name in url%s is wrong: there is no %s", region, dns.Name), address
	case errors.As(e, &cert):
		return "the host in url cannot prove who it is (TLS certificate): " + cause(e), "see that url names the app's own host"
	case e.Status == http.StatusUnauthorized:
		return "the token is wrong or has expired: the app does not accept it (401)" + detail(e), "make a new one in the app, and set token to it" + elsewhere(p)
	case e.Status == http.StatusForbidden:
		return "the token is known, and may not do this (403)" + detail(e), "give it the scope or role for provisioning, or see that url and token are of the same tenant"
	case e.Status/100 == 3:
		return fmt.Sprintf("url leads elsewhere: the app redirects (%d), which is not followed, as the token would go along", e.Status), "set url to where it leads; " + address
	case e.Class == app.NotFound:
		return fmt.Sprintf("url%s is wrong: no SCIM answers there (%d)%s", region, e.Status, detail(e)), address
	case errors.Is(e, scimclient.ErrUnreadable) && strings.Contains(e.Error(), "HTML"):
		return "url is that of a web page, and not of a SCIM API: the answer is HTML", address
	case errors.Is(e, scimclient.ErrAnswerTooLarge):
		return "what answers at url is no SCIM API: " + reason(e), address
	case errors.Is(e, scimclient.ErrUnreadable):
		return "what answers at url is no SCIM that can be used: " + reason(e), address
	case errors.Is(e, context.DeadlineExceeded):
		return "the app does not answer in time", "try again; if it stays so, see that url is right"
	case e.Class == app.Unreachable:
		return fmt.Sprintf("nothing can be reached at url%s: %s", region, cause(e)), address
	case e.Status == http.StatusTooManyRequests, e.RetryAfter > 0:
		return fmt.Sprintf("the app is asked too often (%d)", e.Status), "try again later"
	}
	return "the app cannot answer: " + reason(e), "try again; if it stays so, see that url is right"
}

// elsewhere names the other addresses of an app, as one region does not know the tokens
// of another.
func elsewhere(p app.Profile) string {
	f, err := app.FactsByID(p.ID)
	if err != nil || len(f.BaseURLVariants) == 0 {
		return ""
	}
	return fmt.Sprintf("; or it is of another region or plan: %s is at %s, too", p.Name, strings.Join(f.BaseURLVariants, ", "))
}

// reason is an error without the words that it begins with for the journal.
func reason(e *app.Error) string {
	if e.Status/100 == 2 || e.Status == 0 {
		return cause(e)
	}
	return fmt.Sprintf("status %d%s", e.Status, detail(e))
}

func cause(e *app.Error) string {
	if e.Err == nil {
		return e.Error()
	}
	if errors.Is(e, context.DeadlineExceeded) {
		return "it does not come to an end in time"
	}
	return strings.TrimPrefix(e.Err.Error(), scimclient.ErrUnreadable.Error()+": ")
}

func detail(e *app.Error) string {
	if e.Detail == "" {
		return ""
	}
	return ": " + e.Detail
}
