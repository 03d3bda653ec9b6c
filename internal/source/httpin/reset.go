// SPDX-License-Identifier: Apache-2.0

package httpin

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// sinceEpoch is from where on a number of seconds is a time and no span.
const sinceEpoch = 1_000_000_000

// reset is how long it takes until requests are let through again, where an answer does
// not say so by Retry-After but by X-RateLimit-Reset, which makers fill with seconds, or
// with a time in seconds or milliseconds since 1970. 0 if that is not told, or no number.
func reset(h http.Header, now time.Time) time.Duration {
	n, err := strconv.ParseInt(strings.TrimSpace(h.Get("X-Ratelimit-Reset")), 10, 64)
	if err != nil || n <= 0 {
		return 0
	}
	if n < sinceEpoch {
		return min(time.Duration(n)*time.Second, longestReset)
	}
	at := time.Unix(n, 0)
	if n >= sinceEpoch*1000 {
		at = time.UnixMilli(n)
	}
	if theirs, err := http.ParseTime(h.Get("Date")); err == nil {
		now = theirs
	}
	return min(max(at.Sub(now), 0), longestReset)
}

const longestReset = 24 * time.Hour
