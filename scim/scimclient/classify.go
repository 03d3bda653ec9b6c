// SPDX-License-Identifier: Apache-2.0

package scimclient

import (
	"errors"
	"fmt"
	"mime"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/usher-id/usher/scim"
)

// fail makes the Error of a call. It is the one door to the caller, so that the
// token is redacted on every path.
func (x *exchange) fail(class Class, err error) *Error {
	e := &Error{
		Class: class, Op: x.req.method + " " + x.req.endpoint,
		Status: x.status, RequestID: x.id, Sent: x.sent, Err: err,
	}
	if err == nil {
		return e
	}
	switch text := err.Error(); {
	case x.redact(text) != text:
		e.Err = errors.New(clean(x.redact(text))) // the chain would still hold the secret
	case clean(text) != text:
		e.Err = &cleaned{text: clean(text), err: err}
	}
	return e
}

// cleaned shows an error with foreign text in it without control characters.
type cleaned struct {
	text string
	err  error
}

func (c *cleaned) Error() string { return c.text }
func (c *cleaned) Unwrap() error { return c.err }

// redact takes the token, and what else is hidden, out of a text: some servers
// quote what they refuse.
func (x *exchange) redact(s string) string {
	if x.secret != "" {
		s = strings.ReplaceAll(s, x.secret, "[redacted]")
	}
	for _, secret := range slices.Concat(x.hidden, x.req.hidden) {
		if secret != "" {
			s = strings.ReplaceAll(s, secret, "[redacted]")
		}
	}
	return s
}

// transport classifies a call without an answer.
func (x *exchange) transport(err error) *Error {
	err = withoutURL(err)
	switch {
	case !x.sent:
		return x.fail(Unreachable, err)
	case x.req.read:
		return x.fail(Retry, err)
	}
	return x.fail(Ambiguous, err)
}

// unreadable classifies an answer that says success and cannot be used. Reading
// again is harmless; what a write did is open.
func (x *exchange) unreadable(err error) *Error {
	switch {
	case !x.req.read:
		return x.fail(Ambiguous, err)
	case errors.Is(err, ErrAnswerTooLarge):
		return x.fail(Terminal, err)
	}
	return x.fail(Retry, err)
}

// refused classifies an answer by its status; nil means success.
func (x *exchange) refused() *Error {
	if x.status >= 200 && x.status < 300 || x.status == http.StatusNotModified && x.req.read {
		return nil
	}
	scimType, detail := x.words()
	now := time.Now()
	after, asked := retryAfter(x.header, now)
	class := x.classOf(scimType, asked)
	pause, throttled := x.throttle.judge(x.status, x.header, x.body, x.req.read, asked, now)
	if after = max(after, pause); throttled {
		class = Retry
	}
	e := x.fail(class, nil)
	e.ScimType, e.Detail, e.RetryAfter = scimType, detail, after
	if x.status >= 300 && x.status < 400 {
		e.Err = errors.New("the server redirects, which is not followed as the credential would go along; set the base URL to the final address")
	}
	return e
}

// classOf is the one table from status to class.
func (x *exchange) classOf(scimType string, asked bool) Class {
	switch s := x.status; {
	case s == http.StatusUnauthorized, s == http.StatusForbidden:
		return Unauthorized
	case s == http.StatusNotFound, s == http.StatusGone:
		return NotFound
	case s == http.StatusConflict:
		return Conflict
	case s == http.StatusBadRequest && strings.EqualFold(scimType, "uniqueness"):
		return Conflict // RFC 7643 §7 allows 400 for a breach of uniqueness
	case s == http.StatusBadRequest && x.req.read &&
		(strings.EqualFold(scimType, scim.ExpiredCursor) || strings.EqualFold(scimType, scim.InvalidCursor)):
		return Retry // a listing from its first page has another cursor (RFC 9865 §2.1)
	case s == http.StatusPreconditionFailed:
		return Precondition
	case s == http.StatusRequestEntityTooLarge:
		return TooLarge
	case s == http.StatusTooManyRequests, s == http.StatusTooEarly,
		s == http.StatusServiceUnavailable && asked:
		return Retry
	case s == http.StatusNotImplemented:
		return Terminal // RFC 7644 §3.12: the operation is not supported
	case s == http.StatusMovedPermanently, s == http.StatusFound,
		s == http.StatusTemporaryRedirect, s == http.StatusPermanentRedirect:
		return Terminal
	case s == http.StatusRequestTimeout, s < 400, s >= 500:
		// Gateways say 408 and 5xx about requests that went through behind them.
		if x.req.read {
			return Retry
		}
		return Ambiguous
	}
	return Terminal // the rest of 4xx
}

// words are the server's scimType and detail, fit to be shown.
func (x *exchange) words() (scimType, detail string) {
	show := func(s string) string { return clean(x.redact(clean(x.redact(s)))) }
	if isHTML(x.header) {
		return "", "the answer is an HTML page"
	}
	if e, err := scim.ParseError(x.body); err == nil && (e.Detail != "" || e.ScimType != "") {
		return scimTypeWord(x.redact(e.ScimType)), show(e.Detail)
	}
	// Gateways and frameworks answer in JSON of their own, or in plain text.
	if r, err := scim.ParseResource(x.body, scim.Limits{MaxBytes: maxErrorBody}); err == nil {
		for _, name := range []string{"detail", "message", "error_description", "error", "title"} {
			if v, ok := r.Get(name); ok {
				if s, ok := v.AsString(); ok && s != "" {
					return "", show(s)
				}
			}
		}
		return "", ""
	}
	if t := mediaType(x.header); t == "text/plain" {
		return "", show(string(x.body))
	}
	return "", ""
}

// scimTypeWord keeps a keyword and nothing else.
func scimTypeWord(s string) string {
	if len(s) > 64 || strings.IndexFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '-'
	}) >= 0 {
		return ""
	}
	return s
}

func mediaType(h http.Header) string {
	t, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		t, _, _ = strings.Cut(h.Get("Content-Type"), ";")
	}
	return strings.ToLower(strings.TrimSpace(t))
}

func isHTML(h http.Header) bool {
	t := mediaType(h)
	return t == "text/html" || t == "application/xhtml+xml"
}

// checkJSON accepts SCIM's media type, JSON in any spelling, and none at all:
// what parses as SCIM is SCIM, but a login page is not.
func checkJSON(h http.Header) error {
	t := mediaType(h)
	switch {
	case t == "", t == "application/json", t == "text/json", strings.HasSuffix(t, "+json"):
		return nil
	case isHTML(h):
		return fmt.Errorf("%w: it is an HTML page", ErrUnreadable)
	}
	return fmt.Errorf("%w: its content type is no JSON", ErrUnreadable)
}

// isDial reports whether the error is about making a connection.
func isDial(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}
