// SPDX-License-Identifier: Apache-2.0

package scimclient

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Class says what may be concluded from a failed call.
type Class uint8

// The classes. The zero value is Ambiguous, the one that is always safe.
const (
	// Ambiguous: the write may have happened. Look it up before doing anything else.
	Ambiguous Class = iota
	// Retry: nothing happened (429, 503 with Retry-After), or the call was a read.
	Retry
	// Terminal: refused, and it will be refused again.
	Terminal
	// Unauthorized: 401 or 403.
	Unauthorized
	// NotFound: 404 or 410.
	NotFound
	// Conflict: 409, or 400 with scimType uniqueness.
	Conflict
	// Precondition: 412.
	Precondition
	// TooLarge: 413.
	TooLarge
	// Unreachable: no connection came about; provably nothing was sent.
	Unreachable
)

// String is the class in lower case.
func (c Class) String() string {
	names := [...]string{"ambiguous", "retry", "terminal", "unauthorized", "not found", "conflict", "precondition", "too large", "unreachable"}
	if int(c) < len(names) {
		return names[c]
	}
	return fmt.Sprintf("class(%d)", uint8(c))
}

var (
	// ErrUnreadable is in the chain of errors about an answer that is no usable
	// SCIM: HTML, no body where one is due, broken JSON, another resource's body.
	ErrUnreadable = errors.New("the answer is not usable")

	// ErrAnswerTooLarge is in the chain of errors about an answer beyond Config.Limits.
	ErrAnswerTooLarge = errors.New("the answer is larger than allowed")

	// ErrIncomplete ends a listing that does not prove what it left out.
	ErrIncomplete = errors.New("the list is not proven complete")
)

// Error is a call that did not succeed.
type Error struct {
	Class      Class
	Op         string        // method and endpoint, such as "POST /Users"
	Status     int           // HTTP status, 0 if none came
	ScimType   string        // RFC 7644 §3.12
	Detail     string        // the server's words: cleaned, at most 300 runes
	RetryAfter time.Duration // 0 to 24 h
	RequestID  string        // the X-Request-Id that was sent
	Sent       bool          // false: provably nothing left this machine
	Err        error         // the cause, if it is on our side or on the way
}

// Error is one line for people, without credentials, query or control characters.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("scim: ")
	if e.Op != "" {
		b.WriteString(e.Op + ": ")
	}
	b.WriteString(e.Class.String())
	if e.Status != 0 {
		fmt.Fprintf(&b, ": status %d", e.Status)
	}
	if e.ScimType != "" {
		b.WriteString(" " + e.ScimType)
	}
	if e.Detail != "" {
		b.WriteString(": " + e.Detail)
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// maxDetail is how many runes of a server's words are kept.
const maxDetail = 300

// clean makes a foreign text fit for a log line, a terminal and a page: no
// control or direction-changing characters, no line breaks, at most maxDetail runes.
func clean(s string) string {
	var b strings.Builder
	n, space := 0, false
	for _, r := range s {
		if r == ' ' || hostile(r) {
			space = n > 0
			continue
		}
		width := 1
		if space {
			width = 2
		}
		if n+width >= maxDetail {
			b.WriteRune('…')
			break
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		b.WriteRune(r)
		n += width
	}
	return b.String()
}

// hostile are C0, C1 and DEL, line and paragraph separators, and the characters
// that reorder or hide text.
func hostile(r rune) bool {
	switch {
	case r < ' ', r >= 0x7f && r <= 0x9f:
		return true
	case r >= 0x200b && r <= 0x200f, r >= 0x2028 && r <= 0x202e, r >= 0x2060 && r <= 0x206f, r == 0xfeff:
		return true
	case r >= 0xe0000 && r <= 0xe007f: // tags: invisible copies of ASCII
		return true
	}
	return false
}
