// SPDX-License-Identifier: Apache-2.0

package scimclient

import (
	"bytes"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Throttle says how a server tells that it is asked too often, besides by 429
// (RFC 6585 §4) and by 503 with Retry-After (RFC 9110 §15.6.4). The zero value
// adds nothing.
type Throttle struct {
	// Statuses may mean it. To a read, a 503 needs no further sign. Any other one,
	// such as a 403, and a 503 to a write, does only with Retry-After, with a limit
	// that has run out, or with one of Words: without it, it is the refusal that it
	// looks like, and a gateway's 503 says nothing of what went through behind it.
	Statuses []int
	// Headers are how the names of its rate limit headers begin, such as
	// "X-RateLimit-": …Remaining is 0 when the limit has run out, and …Reset says
	// when there is more.
	Headers []string
	// Words are codes of its own in the body that mean it.
	Words []string
}

// judge reports whether an answer means "too often", and for how long the rate
// limit headers ask to wait, 0 if they do not say. The wait holds for a 503 that
// may as well be about a write that was done.
func (t *Throttle) judge(status int, h http.Header, body []byte, read, asked bool, now time.Time) (time.Duration, bool) {
	if t == nil || status != http.StatusTooManyRequests && !slices.Contains(t.Statuses, status) {
		return 0, false
	}
	after, out := t.left(h, now)
	switch {
	case status == http.StatusTooManyRequests, asked, out, t.worded(body):
		return after, true
	case status == http.StatusServiceUnavailable:
		return after, read
	}
	return 0, false
}

func (t *Throttle) worded(body []byte) bool {
	return slices.ContainsFunc(t.Words, func(w string) bool { return w != "" && bytes.Contains(body, []byte(w)) })
}

// left reads the rate limit headers: whether nothing is left, and until when.
func (t *Throttle) left(h http.Header, now time.Time) (after time.Duration, out bool) {
	for _, prefix := range t.Headers {
		remaining := strings.TrimSpace(h.Get(prefix + "Remaining"))
		if remaining != "" && remaining != "0" {
			continue
		}
		out = out || remaining == "0"
		after = max(after, resetIn(h.Get(prefix+"Reset"), h, now))
	}
	return after, out
}

// epoch parts the two ways to tell a reset: seconds from now, or the time of day
// in seconds since 1970. Nobody asks for thirty years of patience.
const epoch = 1_000_000_000

func resetIn(s string, h http.Header, now time.Time) time.Duration {
	n, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if err != nil || n <= 0 || math.IsNaN(n) || math.IsInf(n, 0) {
		return 0
	}
	if n >= epoch {
		// Against the server's own clock, where it tells it: ours may differ.
		if date, err := http.ParseTime(h.Get("Date")); err == nil {
			now = date
		}
		n -= float64(now.Unix())
	}
	return time.Duration(min(max(n, 0), maxRetryAfter.Seconds()) * float64(time.Second))
}
