// SPDX-License-Identifier: Apache-2.0

package scim

import (
	"strings"
	"time"
)

// ParseDateTime reads a dateTime value: xsd:dateTime (RFC 7643 §2.3.5). A text
// without a zone counts as UTC, as the zone is optional there and RFC 3339's is
// not.
func ParseDateTime(s string) (time.Time, bool) {
	if len(s) < len("2006-01-02T15:04:05") || s[10] != 'T' {
		return time.Time{}, false
	}
	layout := time.RFC3339Nano
	if tail := s[len("2006-01-02T"):]; !strings.ContainsAny(tail, "Z+-") {
		layout = "2006-01-02T15:04:05.999999999"
	}
	t, err := time.Parse(layout, s)
	return t, err == nil
}

// DateTime returns t as a dateTime value in UTC, to the nanosecond where needed.
func DateTime(t time.Time) Value {
	return String(t.UTC().Format(time.RFC3339Nano))
}
