// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"errors"
	"strconv"
	"strings"
)

// ErrLimit is what a [SyntaxError] wraps when the text may be well formed but
// exceeds [Limits] or [FilterLimits].
var ErrLimit = errors.New("scim: limit exceeded")

// SyntaxError says where a JSON document, a path or a filter is not what it must
// be. It never quotes a value out of the input, as that may be personal data.
type SyntaxError struct {
	What    string // "json", "path", "filter" or "patch"
	Pointer string // JSON only: the value in question, as an RFC 6901 pointer
	Offset  int    // bytes from the beginning of the text
	Reason  string
	limit   bool
	tooLong bool // the whole document, as HTTP 413 says it
}

func (e *SyntaxError) Error() string {
	var b strings.Builder
	b.WriteString("scim: ")
	b.WriteString(e.What)
	if e.Pointer != "" {
		b.WriteByte(' ')
		b.WriteString(e.Pointer)
	}
	b.WriteString(" at byte ")
	b.WriteString(strconv.Itoa(e.Offset))
	b.WriteString(": ")
	b.WriteString(e.Reason)
	return b.String()
}

// Unwrap returns [ErrLimit] if a limit was exceeded.
func (e *SyntaxError) Unwrap() error {
	if e.limit {
		return ErrLimit
	}
	return nil
}

// under puts the name of the enclosing member or element before the pointer.
func (e *SyntaxError) under(token string) *SyntaxError {
	const longest = 64 // a hostile name shall not fill the log
	if len(token) > longest {
		token = strings.ToValidUTF8(token[:longest], "") + "…"
	}
	token = strings.ReplaceAll(token, "~", "~0")
	token = strings.ReplaceAll(token, "/", "~1")
	e.Pointer = "/" + token + e.Pointer
	return e
}
