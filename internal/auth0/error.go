// SPDX-License-Identifier: Apache-2.0

package auth0

import (
	"cmp"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/go-json-experiment/json"
)

// Error is a refusal, or the lack of an answer.
type Error struct {
	Op         string // method and route, without ids: "GET /users/{id}"
	Status     int    // HTTP status; 0 if none came
	Code       string // errorCode, or error of the token endpoint
	Message    string // Auth0's own words, cut and cleaned
	RequestID  string
	RetryAfter time.Duration // until the limit is reset, 0 to 24 h
	// Unsent says that provably nothing of the request reached the tenant: no
	// connection came about, or there was no token to send it with.
	Unsent bool
	Err    error // the cause on our side; may be nil

	// foreign says that it was not the Management API that spoke: a gateway, or the
	// token endpoint. Its "not found" says nothing of a user.
	foreign bool
}

// Error is one line for people, without credentials, ids or control characters.
func (e *Error) Error() string {
	parts := []string{"auth0"}
	if e.Op != "" {
		parts = append(parts, e.Op)
	}
	if e.Status != 0 {
		parts = append(parts, strings.TrimSpace(fmt.Sprintf("status %d %s", e.Status, e.Code)))
	} else if e.Code != "" {
		parts = append(parts, e.Code)
	}
	if e.Message != "" {
		parts = append(parts, e.Message)
	}
	if e.Err != nil {
		parts = append(parts, e.Err.Error())
	}
	return strings.Join(parts, ": ")
}

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// IsNotFound reports whether what was asked for is not there, in Auth0's own words.
func IsNotFound(err error) bool { return is(err, http.StatusNotFound) }

// IsConflict reports whether what was to be made is there already.
func IsConflict(err error) bool { return is(err, http.StatusConflict) }

func is(err error, status int) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Status == status && !e.foreign
}

// errUnreadable is in the chain of errors about an answer that says success and
// cannot be used. What a write did is then open.
var errUnreadable = errors.New("the answer is not usable")

const (
	maxMessage = 300 // runes of Auth0's words
	maxCode    = 64
)

// refusal reads an answer that is none of success.
func refusal(res *http.Response, body []byte, hide redact, now time.Time) *Error {
	e := &Error{Status: res.StatusCode, RequestID: requestID(res.Header, hide), RetryAfter: retryAfter(res.Header, now)}
	if res.StatusCode >= 300 && res.StatusCode < 400 {
		e.foreign = true
		e.Err = errors.New("the tenant redirects, which is not followed as the token would go along; set the address to the final one")
		return e
	}
	var said struct {
		Error       string `json:"error"`
		Code        string `json:"errorCode"`
		Message     string `json:"message"`
		Description string `json:"error_description"`
	}
	broken := json.Unmarshal(body, &said) != nil
	// All of Auth0's have words. An "error" alone may be anybody's.
	e.foreign = broken || said.Code+said.Message+said.Description == ""
	if broken {
		if mediaType(res.Header) == "text/html" {
			e.Err = errors.New("the answer is an HTML page, and not Auth0's")
		}
		return e
	}
	e.Code = cmp.Or(keyword(hide.text(said.Code)), keyword(hide.text(said.Error)))
	e.Message = hide.clean(cmp.Or(said.Message, said.Description))
	return e
}

// requestID is what support asks for. Which of the headers a tenant sends is not verified.
func requestID(h http.Header, hide redact) string {
	id := cmp.Or(h.Get("X-Auth0-Requestid"), h.Get("X-Request-Id"))
	if id = hide.clean(id); len(id) > maxCode {
		return ""
	}
	return id
}

// keyword keeps a code and nothing else.
func keyword(s string) string {
	if len(s) > maxCode || strings.IndexFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '-' && r != '.'
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

// redact are the secrets that went along, to be kept out of what is told of the answer.
type redact []string

func (r redact) text(s string) string {
	for _, secret := range r {
		if secret != "" {
			s = strings.ReplaceAll(s, secret, "[redacted]")
		}
	}
	return s
}

// clean makes a foreign text fit to be shown: one line, cut, without a secret. It
// redacts before the cut, as half a secret is one too, and again after it, as taking
// characters out may put a secret together.
func (r redact) clean(s string) string {
	var b strings.Builder
	n, space := 0, false
	for _, c := range r.text(s) {
		if unicode.IsSpace(c) || unicode.IsControl(c) || unicode.In(c, unicode.Cf, unicode.Zl, unicode.Zp) {
			space = n > 0
			continue
		}
		if n >= maxMessage-2 {
			b.WriteRune('…')
			break
		}
		if space {
			b.WriteByte(' ')
			n, space = n+1, false
		}
		b.WriteRune(c)
		n++
	}
	return r.text(strings.ToValidUTF8(b.String(), "\uFFFD"))
}

// cause makes an error of our side fit to be shown, and keeps its chain where that
// holds no secret.
func (r redact) cause(err error) error {
	err = withoutURL(err)
	if err == nil {
		return nil
	}
	text := err.Error()
	switch shown := r.clean(text); {
	case r.text(text) != text:
		return errors.New(shown)
	case shown != text:
		return &cleaned{shown, err}
	}
	return err
}

// cleaned shows an error with foreign text in it without control characters.
type cleaned struct {
	text string
	err  error
}

func (c *cleaned) Error() string { return c.text }
func (c *cleaned) Unwrap() error { return c.err }

// withoutURL drops the address that net/http puts into its errors: it holds ids and
// addresses of people.
func withoutURL(err error) error {
	if ue, ok := errors.AsType[*url.Error](err); ok && ue.Err != nil {
		return ue.Err
	}
	return err
}
