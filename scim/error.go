// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"errors"
	"strconv"
	"strings"
)

// The scimType keywords (RFC 7644 §3.12 Table 9, RFC 9865 for the last three).
const (
	InvalidFilter    = "invalidFilter"
	TooMany          = "tooMany"
	UniquenessBreach = "uniqueness"
	MutabilityBreach = "mutability"
	InvalidSyntax    = "invalidSyntax"
	InvalidPath      = "invalidPath"
	NoTarget         = "noTarget"
	InvalidValue     = "invalidValue"
	InvalidVers      = "invalidVers"
	Sensitive        = "sensitive"
	InvalidCursor    = "invalidCursor"
	ExpiredCursor    = "expiredCursor"
	InvalidCount     = "invalidCount"
)

// Error is a SCIM error (RFC 7644 §3.12): the body of an answer that is no
// success, and what this package returns where a request breaks a rule of SCIM.
type Error struct {
	Status   int    // HTTP status
	ScimType string // keyword; only with some errors of status 400 and 409
	Detail   string // for a human reader
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("scim: ")
	b.WriteString(strconv.Itoa(e.Status))
	if e.ScimType != "" {
		b.WriteByte(' ')
		b.WriteString(e.ScimType)
	}
	if e.Detail != "" {
		b.WriteString(": ")
		b.WriteString(e.Detail)
	}
	return b.String()
}

// MarshalJSON writes the error message. Its status is a string (RFC 7644 §3.12).
func (e *Error) MarshalJSON() ([]byte, error) {
	dst := append([]byte(nil), `{"schemas":["`+ErrorURN+`"],"status":"`...)
	dst = append(strconv.AppendInt(dst, int64(e.Status), 10), '"')
	if e.ScimType != "" {
		dst = appendString(append(dst, `,"scimType":`...), e.ScimType)
	}
	if e.Detail != "" {
		dst = appendString(append(dst, `,"detail":`...), e.Detail)
	}
	return append(dst, '}'), nil
}

// ParseError reads an error message. It is tolerant: status may be a number, or
// missing (0), and schemas may be missing; but an object that says nothing of an
// error is refused, so that not any JSON passes for one.
func ParseError(data []byte) (*Error, error) {
	o, err := parseObject(data, Limits{})
	if err != nil {
		return nil, err
	}
	r := Resource{o}
	e := &Error{ScimType: r.text("scimType"), Detail: r.text("detail")}
	v, _ := r.Get("status")
	if n, ok := wholeNumber(v); ok && n >= 100 && n <= 599 {
		e.Status = n
	}
	if *e == (Error{}) && !r.HasSchema(ErrorURN) {
		return nil, &SyntaxError{What: "json", Reason: "this is no SCIM error"}
	}
	return e, nil
}

// ErrorOf returns the SCIM error that answers err: an *[Error] in its chain, or
// what a *[SyntaxError] amounts to. It is nil for all other errors, whose text
// is not for clients.
func ErrorOf(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	var s *SyntaxError
	if !errors.As(err, &s) {
		return nil
	}
	e = &Error{Status: 400, ScimType: InvalidSyntax, Detail: strings.TrimPrefix(s.Error(), "scim: ")}
	switch {
	case s.What == "filter":
		e.ScimType = InvalidFilter
	case s.What == "path":
		e.ScimType = InvalidPath
	case s.tooLong:
		e.Status, e.ScimType = 413, ""
	}
	return e
}

// wholeNumber reads an integer from the forms in which servers write one: 5, 5.0
// and "5".
func wholeNumber(v Value) (int, bool) {
	if s, ok := v.AsString(); ok {
		n, err := strconv.Atoi(s)
		return n, err == nil
	}
	if i, ok := v.AsInteger(); ok {
		return int(i), int64(int(i)) == i
	}
	f, ok := v.AsDecimal()
	if !ok || f != float64(int32(f)) {
		return 0, false
	}
	return int(f), true
}
