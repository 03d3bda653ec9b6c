// SPDX-License-Identifier: Apache-2.0

package auth0test

import (
	"math"
	"net/http"
	"strconv"
	"time"
)

// bucket is the limit of the Management API: a burst, and what comes back a second.
type bucket struct {
	perSecond float64
	burst     int
	used      float64
	at        time.Time
}

// unlimited is the limit that is shown where there is none.
const unlimited = 1_000_000

// take takes a request out of the bucket, if there is one.
func (b *bucket) take(now time.Time) bool {
	if b.perSecond <= 0 {
		b.at = now
		return true
	}
	if elapsed := now.Sub(b.at).Seconds(); elapsed > 0 {
		b.used = max(0, b.used-elapsed*b.perSecond)
	}
	b.at = now
	if b.used+1 > float64(max(1, b.burst)) {
		return false
	}
	b.used++
	return true
}

// reset is when the limit is whole again, in Unix seconds.
func (b *bucket) reset() int64 {
	if b.perSecond <= 0 {
		return b.at.Unix()
	}
	return int64(math.Ceil(float64(b.at.UnixMilli())/1e3 + b.used/b.perSecond))
}

func (b *bucket) headers(h http.Header) {
	limit, left := max(1, b.burst), 0
	if b.perSecond <= 0 {
		limit, left = unlimited, unlimited
	} else {
		left = max(0, int(float64(limit)-b.used))
	}
	h.Set("X-RateLimit-Limit", strconv.Itoa(limit))
	h.Set("X-RateLimit-Remaining", strconv.Itoa(left))
	h.Set("X-RateLimit-Reset", strconv.FormatInt(b.reset(), 10))
}

// refusal says no. Only the Events API is documented to send Retry-After.
func (b *bucket) refusal(retryAfter bool) *refusal {
	no := refuse(http.StatusTooManyRequests, "too_many_requests", "Global limit has been reached")
	if retryAfter {
		no.retryAfter = 1
	}
	return no
}
