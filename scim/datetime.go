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
	// time.Parse alone would take 5 for 05, and a comma for the point.
	const shape = "0000-00-00T00:00:00"
	if len(s) < len(shape) || strings.IndexByte(s, ',') >= 0 {
		return time.Time{}, false
	}
	for i := range len(shape) {
		if c := s[i]; shape[i] == '0' && (c < '0' || c > '9') || shape[i] != '0' && c != shape[i] {
			return time.Time{}, false
		}
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
