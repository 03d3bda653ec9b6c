// SPDX-License-Identifier: Apache-2.0

package app

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Class says what the engine may conclude from a failure. The zero value is
// Ambiguous, so that a forgotten classification costs a look-up, never a
// duplicate account.
type Class uint8

// The classes.
const (
	// Ambiguous: the write may have happened. Look before doing anything.
	Ambiguous Class = iota
	// Retry: nothing happened; the same request may be sent again after Error.RetryAfter.
	Retry
	// Terminal: the app refused the request; it will refuse it again.
	Terminal
	// Unauthorized: the credential is not accepted. No other request will fare better.
	Unauthorized
	// NotFound: the resource is not there (any more).
	NotFound
	// Conflict: a unique value is taken, or the app's state forbids the change.
	Conflict
	// Precondition: the resource has changed since it was read, or is not yet what the
	// request makes of it. The same may be sent again, and nobody else waits for it.
	Precondition
	// TooLarge: the request holds too much; a smaller one may pass.
	TooLarge
	// Unreachable: no connection came about, so provably nothing was sent.
	Unreachable
)

// String is the class in lower case, as it stands in the journal.
func (c Class) String() string {
	switch c {
	case Ambiguous:
		return "ambiguous"
	case Retry:
		return "retry"
	case Terminal:
		return "terminal"
	case Unauthorized:
		return "unauthorized"
	case NotFound:
		return "not_found"
	case Conflict:
		return "conflict"
	case Precondition:
		return "precondition"
	case TooLarge:
		return "too_large"
	case Unreachable:
		return "unreachable"
	}
	return fmt.Sprintf("class(%d)", uint8(c))
}

// Error is an app's refusal, or the lack of an answer. Its text holds neither
// credentials nor control characters.
type Error struct {
	Class      Class
	Status     int    // HTTP status; 0 if none came
	ScimType   string // RFC 7644 §3.12
	Detail     string // the app's own words, cut and cleaned
	RequestID  string
	RetryAfter time.Duration // what the app asked for, 0 to 24 h
	Err        error         // the cause on our side; may be nil
}

// Error is one line for people.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("app: ")
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

// Classify finds or makes the Error in err. It is total: what nobody classified
// is Ambiguous, a cancelled context included, as a request may have left before
// the cancellation. Of nil it is nil.
func Classify(err error) *Error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok && e != nil {
		return e
	}
	return &Error{Class: Ambiguous, Err: err}
}
