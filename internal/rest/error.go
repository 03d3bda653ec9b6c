// SPDX-License-Identifier: Apache-2.0

package rest

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
)

// Error is a refusal, or the lack of an answer.
type Error struct {
	API        string // whose it is: "auth0"
	Op         string // method and route, without ids: "GET /users/{id}"
	Status     int    // HTTP status; 0 if none came
	Code       string // the API's own, or error of the token endpoint
	Message    string // the API's own words, cut and cleaned
	RequestID  string
	RetryAfter time.Duration // until the limit is reset, 0 to 24 h
	// Unsent says that provably nothing of the request reached the API: no
	// connection came about, or there was no token to send it with.
	Unsent bool
	// Busy says that the API was asked too often, in its own words: some say so by another
	// status than 429. Nothing was done.
	Busy bool
	Err  error // the cause on our side; may be nil

	// Foreign says that it was not the API that spoke: a gateway, or the
	// token endpoint. Its "not found" says nothing of a user.
	Foreign bool
}

// Error is one line for people, without credentials, ids or control characters.
func (e *Error) Error() string {
	var parts []string
	if e.API != "" {
		parts = append(parts, e.API)
	}
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

// IsNotFound reports whether what was asked for is not there, in the API's own words.
func IsNotFound(err error) bool { return is(err, http.StatusNotFound) }

// IsConflict reports whether what was to be made is there already.
func IsConflict(err error) bool { return is(err, http.StatusConflict) }

func is(err error, status int) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Status == status && !e.Foreign
}

// ErrUnreadable is in the chain of errors about an answer that says success and
// cannot be used. What a write did is then open.
var ErrUnreadable = errors.New("the answer is not usable")

const (
	maxMessage = 300 // runes of the API's words
	maxCode    = 64
)

// RequestID is what support asks for, in the first of some headers that has it.
func RequestID(h http.Header, hide Redact, names ...string) string {
	for _, name := range names {
		if id := hide.Clean(h.Get(name)); id != "" && len(id) <= maxCode {
			return id
		}
	}
	return ""
}

// Keyword keeps a code and nothing else.
func Keyword(s string) string {
	if len(s) > maxCode || strings.IndexFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '-' && r != '.'
	}) >= 0 {
		return ""
	}
	return s
}

// MediaType is the type of an answer, in lower case and without parameters.
func MediaType(h http.Header) string {
	t, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		t, _, _ = strings.Cut(h.Get("Content-Type"), ";")
	}
	return strings.ToLower(strings.TrimSpace(t))
}

// Redact are the secrets that went along, to be kept out of what is told of the answer.
type Redact []string

// Text is a text without the secrets.
func (r Redact) Text(s string) string {
	for _, secret := range r {
		if secret != "" {
			s = strings.ReplaceAll(s, secret, "[redacted]")
		}
	}
	return s
}

// Clean makes a foreign text fit to be shown: one line, cut, without a secret. It
// redacts before the cut, as half a secret is one too, and again after it, as taking
// characters out may put a secret together.
func (r Redact) Clean(s string) string {
	var b strings.Builder
	n, space := 0, false
	for _, c := range r.Text(s) {
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
	return r.Text(strings.ToValidUTF8(b.String(), "\uFFFD"))
}

// Cause makes an error of our side fit to be shown, and keeps its chain where that
// holds no secret.
func (r Redact) Cause(err error) error {
	err = withoutURL(err)
	if err == nil {
		return nil
	}
	text := err.Error()
	switch shown := r.Clean(text); {
	case r.Text(text) != text:
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
