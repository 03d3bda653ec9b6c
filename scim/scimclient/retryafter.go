// SPDX-License-Identifier: Apache-2.0

package scimclient

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxRetryAfter bounds what a server may ask for: one absurd header must not
// put an app to sleep for ever.
const maxRetryAfter = 24 * time.Hour

// retryAfter reads the Retry-After header (RFC 9110 §10.2.3), clamped to 0..24 h.
// It reports false if there is none, or none that can be read.
func retryAfter(h http.Header, now time.Time) (time.Duration, bool) {
	s := strings.TrimSpace(h.Get("Retry-After"))
	if s == "" {
		return 0, false
	}
	// Some servers send fractions; ParseFloat also takes integers of any length.
	if strings.Trim(s, "+-.0123456789") == "" {
		seconds, err := strconv.ParseFloat(s, 64)
		switch {
		case err != nil && seconds == 0: // no number at all; out of range is infinite, not zero
			return 0, false
		case seconds <= 0:
			return 0, true
		case seconds >= maxRetryAfter.Seconds():
			return maxRetryAfter, true
		}
		return time.Duration(seconds * float64(time.Second)), true
	}
	at, err := http.ParseTime(s)
	if err != nil {
		return 0, false
	}
	// Against the server's own clock, where it tells it: ours may differ.
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	return min(max(at.Sub(now), 0), maxRetryAfter), true
}
