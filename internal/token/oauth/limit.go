// SPDX-License-Identifier: Apache-2.0

package oauth

import (
	"net/http"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// How often somebody may ask. An address pays for every request, before anything is
// looked at; a client pays for every token that it gets, so that nobody who only
// knows its name can use up what is its own.
const (
	perAddress    rate.Limit = 20 // requests a second
	burstAddress             = 60
	perClient     rate.Limit = 1 // tokens a second
	burstClient              = 30
	manyAddresses            = 4096 // that are told apart
)

// Who has one address of IPv6 has all of its network.
const (
	bits4 = 32
	bits6 = 64
)

// others is who is not told apart.
const others = ""

// toldEvery is how often a reason is told.
const toldEvery = time.Minute

// addresses limits by where requests come from.
type addresses struct {
	mu   sync.Mutex
	seen map[string]*rate.Limiter
}

// wait is how long an address has to wait; 0 if it may ask now.
func (a *addresses) wait(r *http.Request, now time.Time) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	key := network(r.RemoteAddr)
	limit := a.seen[key]
	if limit == nil {
		if len(a.seen) >= manyAddresses {
			a.forget(now)
		}
		if len(a.seen) >= manyAddresses {
			key = others // the rest share what one may do
		}
		if limit = a.seen[key]; limit == nil {
			limit = rate.NewLimiter(perAddress, burstAddress)
			a.seen[key] = limit
		}
	}
	return take(limit, now)
}

// forget drops those who have not asked for so long that they may do all again.
func (a *addresses) forget(now time.Time) {
	for key, limit := range a.seen {
		if limit.TokensAt(now) >= burstAddress {
			delete(a.seen, key)
		}
	}
}

// network is whose an address is.
func network(remote string) string {
	at, err := netip.ParseAddrPort(remote)
	if err != nil {
		return others
	}
	ip := at.Addr().Unmap().WithZone("")
	bits := bits4
	if ip.Is6() {
		bits = bits6
	}
	p, err := ip.Prefix(bits)
	if err != nil {
		return others
	}
	return p.String()
}

// take takes one from a limit, or says how long it takes until there is one.
func take(limit *rate.Limiter, now time.Time) time.Duration {
	if limit.AllowN(now, 1) {
		return 0
	}
	return missing(limit, now)
}

// missing is how long it takes until there is one to take; 0 if there is.
func missing(limit *rate.Limiter, now time.Time) time.Duration {
	have := limit.TokensAt(now)
	if have >= 1 {
		return 0
	}
	return time.Duration((1 - have) / float64(limit.Limit()) * float64(time.Second))
}

// told lets each thing be said now and then, and counts what is left unsaid.
type told struct {
	mu     sync.Mutex
	last   map[string]time.Time
	unsaid map[string]int
}

// say tells whether something is to be said now, and how often it was not since the
// last time. What can be said is a client's name and one of few reasons: it is bounded.
func (t *told) say(what string, now time.Time) (before int, yes bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if last, ok := t.last[what]; ok && now.Sub(last) < toldEvery {
		t.unsaid[what]++
		return 0, false
	}
	before = t.unsaid[what]
	t.last[what], t.unsaid[what] = now, 0
	return before, true
}
