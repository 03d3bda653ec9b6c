// SPDX-License-Identifier: Apache-2.0

package rest

import (
	"context"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// maxRetryAfter bounds what an API may ask for.
	maxRetryAfter = 24 * time.Hour
	// maxHold bounds how long an answer that was no refusal keeps everybody waiting:
	// the limits are by second and by minute, and a 429 would say more.
	maxHold = 5 * time.Minute
	// probeEvery is how often somebody may try although there is no news of the limit.
	probeEvery = time.Second
	// maxBackoff bounds the waits that nobody asked for.
	maxBackoff = 30 * time.Second
)

// pace keeps all requests of a kind within the limit that an API's headers
// tell. It begins without one. When the limit has run out, everybody waits until it
// is reset; then one tries, and its answer says how many may follow, so that those
// who waited do not all run into the next refusal.
type pace struct {
	limits Limits

	mu     sync.Mutex
	hold   time.Time // nobody sends before
	known  bool      // the API has told of a limit
	limit  int       // how many it allows at once, as it told last; 0 if it did not
	left   int       // how many may be sent before there is news
	reset  int64     // of the limit that left is about, as the API tells it; 0 if it does not
	probe  time.Time // when one may be sent although none is left
	flying int       // sent, and not answered
	news   chan struct{}
}

// held says that the wait for the limit is longer than the caller's time.
type held struct{ wait time.Duration }

func (h *held) Error() string {
	return "the limit is reset in " + h.wait.Round(time.Second).String() + ", which is past the deadline"
}
func (h *held) Unwrap() error { return context.DeadlineExceeded }

// enter waits until a request may be sent. Each is followed by one leave.
func (p *pace) enter(ctx context.Context) error {
	for {
		p.mu.Lock()
		now := time.Now()
		wait := p.wait(now)
		if wait <= 0 {
			if p.left > 0 {
				p.left--
			} else {
				p.probe = now.Add(probeEvery)
			}
			p.flying++
			p.mu.Unlock()
			return nil
		}
		sure := p.hold.Sub(now)
		if p.news == nil {
			p.news = make(chan struct{})
		}
		news := p.news
		p.mu.Unlock()
		if deadline, ok := ctx.Deadline(); ok && deadline.Sub(now) < sure {
			return &held{sure}
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-news:
			timer.Stop()
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		}
	}
}

// wait is for how long nothing may be sent unless there is news.
func (p *pace) wait(now time.Time) time.Duration {
	switch {
	case now.Before(p.hold):
		return p.hold.Sub(now)
	case !p.known || p.left > 0 || p.flying == 0:
		return 0
	}
	return p.probe.Sub(now)
}

// leave takes in what the answer says of the limit; h is nil if none came.
func (p *pace) leave(h http.Header, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.flying--
	remaining, err := strconv.Atoi(h.Get(string(p.limits) + "Remaining"))
	if err == nil {
		reset, _ := p.limits.untilReset(h, now)
		at := p.limits.resetOf(h)
		if reset > maxHold {
			reset, at = maxHold, 0 // it is none of this API's limits, and must not outlast them
		}
		p.known = true
		if limit, err := strconv.Atoi(h.Get(string(p.limits) + "Limit")); err == nil && limit > 0 {
			p.limit = limit
		}
		p.count(max(0, remaining-p.flying), at)
		p.probe = now.Add(max(reset, probeEvery))
		if remaining <= 0 {
			p.holdUntil(now.Add(reset))
		}
	}
	p.tell()
}

// count takes in how many may follow an answer. Answers overtake each other: while a
// limit has not been reset, the one that tells of least is the last.
func (p *pace) count(left int, reset int64) {
	if reset > 0 && reset <= p.reset {
		p.left = min(left, p.left)
		return
	}
	p.left, p.reset = left, reset
}

// holdFor keeps everybody from sending.
func (p *pace) holdFor(d time.Duration, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.known, p.left = true, 0
	p.holdUntil(now.Add(d))
	p.tell()
}

func (p *pace) holdUntil(t time.Time) {
	if t.After(p.hold) {
		p.hold = t
	}
}

func (p *pace) tell() {
	if p.news != nil {
		close(p.news)
		p.news = nil
	}
}

// Limit is how many requests the API allows at once, as it told last of those that count
// for a pace; 0 if it has told of none.
func (c *Client) Limit(kind string) int {
	p := c.pace(&Request{Pace: kind})
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.limit
}

// Limits are the headers by which an API tells its limit: what stands before Remaining
// and Reset, as "X-RateLimit-".
type Limits string

// untilReset reads when the limit is reset, in Unix seconds, against the API's own clock
// where it tells that: ours may differ.
func (l Limits) untilReset(h http.Header, now time.Time) (time.Duration, bool) {
	at := l.resetOf(h)
	if at == 0 {
		return 0, false
	}
	return clamp(time.Unix(at, 0).Sub(theirs(h, now))), true
}

// resetOf is the header itself, 0 if there is none that can be read.
func (l Limits) resetOf(h http.Header) int64 {
	at, err := strconv.ParseInt(strings.TrimSpace(h.Get(string(l)+"Reset")), 10, 64)
	if err != nil || at <= 0 {
		return 0
	}
	const farthest = 1 << 33 // seconds; what lies behind overflows a Duration
	return min(at, farthest)
}

// RetryAfter reads Retry-After (RFC 9110 §10.2.3), or else until when the limit is
// used up, 0 if neither is told.
func (l Limits) RetryAfter(h http.Header, now time.Time) time.Duration {
	text := strings.TrimSpace(h.Get("Retry-After"))
	if seconds, err := strconv.ParseFloat(text, 64); err == nil && seconds == seconds {
		return clamp(time.Duration(min(max(seconds, 0), maxRetryAfter.Seconds()) * float64(time.Second)))
	}
	if at, err := http.ParseTime(text); err == nil {
		return clamp(at.Sub(theirs(h, now)))
	}
	if l != "" && h.Get(string(l)+"Remaining") == "0" {
		d, _ := l.untilReset(h, now)
		return d
	}
	return 0
}

func theirs(h http.Header, now time.Time) time.Time {
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		return date
	}
	return now
}

func clamp(d time.Duration) time.Duration { return min(max(d, 0), maxRetryAfter) }

// Backoff is the wait before the nth further try, n from 0: it doubles, and is spread
// so that those who failed together do not come back together.
func Backoff(n int) time.Duration {
	d := min(500*time.Millisecond<<min(n, 10), maxBackoff)
	return d/2 + rand.N(d/2) //nolint:gosec // it spreads waits, and protects nothing
}

// Sleep waits, unless the context ends before or would.
func Sleep(ctx context.Context, d time.Duration) error {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < d {
		return &held{d}
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
