// SPDX-License-Identifier: Apache-2.0

package fake

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Frame is what a fake has whatever the API is: the lock on all that it keeps, the ways to
// it, what goes wrong with requests, and what came, what was refused and what really
// happened. A fake embeds one, for its own shape E of what happens, and calls Init.
type Frame[E any] struct {
	sync.Mutex // of what follows, and of all that the fake keeps beside it

	handler  http.Handler
	faults   *Schedule
	down     bool
	counts   Counts
	refusals []Refusal
	ledger   []E
}

// Init says what answers requests, and what goes wrong from the start; nil: nothing. It is
// called once, before the fake is used.
func (f *Frame[E]) Init(h http.Handler, s *Schedule) { f.handler, f.faults = h, s }

// ServeHTTP answers one request, with what goes wrong.
func (f *Frame[E]) ServeHTTP(w http.ResponseWriter, r *http.Request) { f.handler.ServeHTTP(w, r) }

// Listen serves the fake on a free port of the loopback interface, see [Listen].
func (f *Frame[E]) Listen(ctx context.Context) (url string, stop func(), err error) {
	return Listen(ctx, f.handler)
}

// Transport is a way to the fake without a network, see [Transport].
func (f *Frame[E]) Transport() http.RoundTripper { return Transport(f.handler) }

// SetFaults replaces the schedule; nil ends all faults.
func (f *Frame[E]) SetFaults(s *Schedule) {
	f.Lock()
	defer f.Unlock()
	f.faults = s
}

// SetDown has everything answered as if the maker had an outage, or ends that.
func (f *Frame[E]) SetDown(down bool) {
	f.Lock()
	defer f.Unlock()
	f.down = down
}

// Counts are the requests that came, whatever became of them, by method and path without
// the API's base: "POST /users", "PUT /groups/{gid}/users/{id}".
type Counts map[string]int

// Total is the number of all requests.
func (c Counts) Total() (n int) {
	for _, k := range c {
		n += k
	}
	return n
}

// Writes is the number of requests that may change something. Whoever posts for a token or
// for an export changes nothing.
func (c Counts) Writes() (n int) {
	for what, k := range c {
		reads := strings.HasPrefix(what, "GET ") || strings.HasSuffix(what, "/token") || strings.HasSuffix(what, "/access_tokens") || strings.HasSuffix(what, "-exports")
		if !reads {
			n += k
		}
	}
	return n
}

// Counts returns the requests since the start, or since ResetCounts.
func (f *Frame[E]) Counts() Counts {
	f.Lock()
	defer f.Unlock()
	return maps.Clone(f.counts)
}

// ResetCounts begins to count anew.
func (f *Frame[E]) ResetCounts() {
	f.Lock()
	defer f.Unlock()
	f.counts = nil
}

// Arrive counts a request. The path of one for which there is no endpoint is "unknown",
// without a slash.
func (f *Frame[E]) Arrive(method, path string) {
	f.Lock()
	defer f.Unlock()
	if f.counts == nil {
		f.counts = Counts{}
	}
	f.counts[method+" "+path]++
}

// Fault is what goes wrong with a request. subject names what it is about, see [Operation],
// and is asked under the lock.
func (f *Frame[E]) Fault(method, path string, subject func() string) Fault {
	f.Lock()
	defer f.Unlock()
	switch {
	case f.down:
		return Fault{Kind: Unavailable}
	case f.faults == nil:
		return Fault{}
	}
	return f.faults.Next(Operation{Method: method, Path: path, Subject: subject()})
}

// Cause is who brings something about, and whether it comes to anything.
type Cause struct {
	Outside bool // no request: an administrator, or the user
	Lost    bool // the client is not told: its answer goes wrong
	Void    bool // it is answered, and does not happen
}

// Effect is something that really happened. A request that changes nothing has none.
type Effect struct {
	At      time.Time
	Op      string
	Kind    string // "user" or "group"
	ID      string
	Detail  string // the member's id, or what was written
	Outside bool   // without a request: by an administrator, or by the user
	Lost    bool   // the client was not told: its answer went wrong
}

// Effect is one of a cause.
func (c Cause) Effect(at time.Time, op, kind, id, detail string) Effect {
	return Effect{at, op, kind, id, detail, c.Outside, c.Lost}
}

// Happened writes an effect down. The caller holds the lock.
func (f *Frame[E]) Happened(e E) { f.ledger = append(f.ledger, e) }

// Ledger returns what really happened, in order.
func (f *Frame[E]) Ledger() []E {
	f.Lock()
	defer f.Unlock()
	return slices.Clone(f.ledger)
}

// Refusal is a request that was refused because the API is as it is: no fault, and no limit.
type Refusal struct {
	At           time.Time
	Method, Path string
	Status       int
	Code         string // or reason, if the API has one
	Message      string
}

const mostRefusals = 10_000

// Refused writes a refusal down. The caller holds the lock.
func (f *Frame[E]) Refused(r Refusal) {
	if len(f.refusals) < mostRefusals {
		f.refusals = append(f.refusals, r)
	}
}

// Refusals returns the requests that were refused, in order, up to 10,000.
func (f *Frame[E]) Refusals() []Refusal {
	f.Lock()
	defer f.Unlock()
	return slices.Clone(f.refusals)
}
