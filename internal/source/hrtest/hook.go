// SPDX-License-Identifier: Apache-2.0

package hrtest

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/dial"
)

// Event is something that a system tells of, in the maker's words.
type Event struct {
	Type   string
	ID     string   // of the person
	Fields []string // that have changed, where the maker names them
	Table  string   // and the table of which an entry has
	Day    string   // that an entry holds from
	With   []Event  // what is told in the same call
	after  time.Duration
}

// Fate is what becomes of a call on the maker's side; the zero Fate is nothing.
type Fate struct {
	Lost  bool          // it never goes out
	Twice bool          // it goes out once more, behind the others
	Late  time.Duration // it goes out so much later, behind others
}

// Delivery is a request that went out.
type Delivery struct {
	Event
	Status int // of the answer; 0 for none
}

// caller is how the calls of a maker are made and sent.
type caller struct {
	// events are those that there are to tell between two days. It is called with the system
	// locked.
	events func(before []Worker, was string) []Event
	// call is the body of a call and its headers, as they are when it goes out.
	call  func(e Event, secret string, at time.Time) (body string, header map[string]string)
	pings []string // what is sent when an address is added, one after another until one is answered
	waits []time.Duration
	tries int // requests of an attempt
	// gives reports whether an answer that is no success ends it.
	gives   func(status int) bool
	ordered bool // nothing goes out before what did not come
}

// hooks are the addresses of a system, under its lock.
type hooks struct {
	way     http.RoundTripper
	all     []*hook
	change  *sync.Cond
	passed  time.Duration // on the system's clock, which only [System.Passes] moves
	skew    time.Duration
	before  []Worker      // who there were until the last change
	changed time.Duration // when that was, as passed has it
	fate    func(Event) Fate
	sending func(Event)
	went    []Delivery
	lost    []Event
}

type hook struct {
	caller
	url, secret string
	types       []string // nil: all
	queue       []*sent
	busy, ended bool
}

// sent is a call on its way.
type sent struct {
	event Event
	due   time.Duration // by hooks.passed
	tries int           // attempts that failed
}

// Through is how calls go out in the place of a network, such as straight to a handler.
type Through func(*http.Request) (*http.Response, error)

// RoundTrip is Through.
func (f Through) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// Reach has the calls to addresses that are added from now on go out by a way of their own.
func (s *System) Reach(way Through) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hooks.way = way
}

// subscribe adds an address to which events of some types go, none are all, until the test
// ends. It reports whether somebody is there, where the maker tries that.
func (s *System) subscribe(t testing.TB, c caller, url, secret string, types []string) bool {
	t.Helper()
	s.mu.Lock()
	way := s.hooks.way
	s.mu.Unlock()
	if way == nil {
		t := dial.NewTransport(dial.Allow{Loopback: true, PlainHTTP: true}, 5*time.Second, 1, nil)
		t.DisableKeepAlives = true
		way = t
	}
	client := &http.Client{Transport: way, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	there := len(c.pings) == 0
	for _, text := range c.pings {
		there = there || post(ctx, client, url, text, nil)/100 == 2
	}
	if !there {
		cancel()
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hooks.change == nil {
		s.hooks.change = sync.NewCond(&s.mu)
	}
	h := &hook{caller: c, url: url, secret: secret, types: slices.Clone(types)}
	s.hooks.all = append(s.hooks.all, h)
	ended := make(chan struct{})
	go func() { defer close(ended); s.deliver(ctx, client, h) }()
	t.Cleanup(func() {
		cancel()
		s.mu.Lock()
		h.ended = true
		s.hooks.change.Broadcast()
		s.mu.Unlock()
		<-ended
	})
	return true
}

// tell queues what there is to tell since the people and the day were others.
func (s *System) tell(before []Worker, was string) {
	s.hooks.before, s.hooks.changed = before, s.hooks.passed
	for _, h := range s.hooks.all {
		for _, e := range h.events(before, was) {
			s.offer(h, e)
		}
	}
}

// Send tells of somebody by an event of any type.
func (s *System) Send(kind, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.hooks.all {
		s.offer(h, Event{Type: kind, ID: id})
	}
}

func (s *System) offer(h *hook, e Event) {
	if h.ended || len(h.types) > 0 && !slices.Contains(h.types, e.Type) {
		return
	}
	var f Fate
	if s.hooks.fate != nil {
		f = s.hooks.fate(e)
	}
	if f.Lost {
		s.hooks.lost = append(s.hooks.lost, e)
		return
	}
	due := s.hooks.passed + e.after + f.Late
	h.queue = append(h.queue, &sent{event: e, due: due})
	if f.Twice {
		h.queue = append(h.queue, &sent{event: e, due: due})
	}
	s.hooks.change.Broadcast()
}

// next is what is to go out now, nil for nothing.
func (s *System) next(h *hook) *sent {
	for _, d := range h.queue {
		switch {
		case d.due <= s.hooks.passed:
			return d
		case d.tries > 0 && h.ordered:
			return nil
		}
	}
	return nil
}

// deliver sends what is due to an address, one after another.
func (s *System) deliver(ctx context.Context, client *http.Client, h *hook) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		d := s.next(h)
		switch {
		case h.ended:
			return
		case d == nil:
			s.hooks.change.Wait()
			continue
		}
		h.busy = true
		ok, over := false, false
		for range max(h.caller.tries, 1) {
			if ok, over = s.attempt(ctx, client, h, d.event); ok || over || h.ended {
				break
			}
		}
		h.busy = false
		d.tries++
		switch {
		case !ok && !over && d.tries <= len(h.waits):
			d.due = s.hooks.passed + h.waits[d.tries-1]
		case !ok:
			s.hooks.lost = append(s.hooks.lost, d.event)
			fallthrough
		default:
			h.queue = slices.DeleteFunc(h.queue, func(o *sent) bool { return o == d })
		}
		s.hooks.change.Broadcast()
	}
}

// attempt makes one request. The system is locked, and is not while it is on its way. over
// says that it was refused in a way that ends it.
func (s *System) attempt(ctx context.Context, client *http.Client, h *hook, e Event) (ok, over bool) {
	body, header := h.call(e, h.secret, time.Now().Add(s.hooks.skew))
	sending := s.hooks.sending
	s.mu.Unlock()
	if sending != nil {
		sending(e)
	}
	status := post(ctx, client, h.url, body, header)
	s.mu.Lock()
	s.hooks.went = append(s.hooks.went, Delivery{e, status})
	return status/100 == 2, status > 0 && h.gives(status)
}

// post returns the status of the answer, 0 if there is none.
func post(ctx context.Context, client *http.Client, url, body string, header map[string]string) int {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return 0
	}
	r.Header.Set("Content-Type", "application/json")
	for name, v := range header {
		r.Header.Set(name, v)
	}
	res, err := client.Do(r)
	if err != nil {
		return 0
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
	return res.StatusCode
}

// Calm waits until nothing is on its way, and all that is due has gone out.
func (s *System) Calm() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calm()
}

func (s *System) calm() {
	for slices.ContainsFunc(s.hooks.all, func(h *hook) bool { return !h.ended && (h.busy || s.next(h) != nil) }) {
		s.hooks.change.Wait()
	}
}

// Passes lets time pass on the system's clock: what becomes due meanwhile goes out when it
// does, and has gone out when this returns. It takes no time.
func (s *System) Passes(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	end := s.hooks.passed + d
	for {
		s.calm()
		soonest, found := end, false
		for _, h := range s.hooks.all {
			for _, d := range h.queue {
				if d.due > s.hooks.passed && d.due <= soonest {
					soonest, found = d.due, true
				}
			}
		}
		s.hooks.passed = soonest
		if !found {
			return
		}
		s.hooks.change.Broadcast()
	}
}

// Rotate has what goes out from now on signed by another secret.
func (s *System) Rotate(secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.hooks.all {
		h.secret = secret
	}
}

// Skew has the system's clock go wrong by so much where it says when a call was signed.
func (s *System) Skew(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hooks.skew = d
}

// Fates says what becomes of calls; nil is nothing.
func (s *System) Fates(f func(Event) Fate) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hooks.fate = f
}

// Sending has f called with each call that is signed and about to leave, which it may hold
// up; nil ends that.
func (s *System) Sending(f func(Event)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hooks.sending = f
}

// Deliveries are the requests that went out since the last call, in order.
func (s *System) Deliveries() []Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	went := s.hooks.went
	s.hooks.went = nil
	return went
}

// Lost are the events that nobody was told of since the last call, as they were lost, or
// given up.
func (s *System) Lost() []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	lost := s.hooks.lost
	s.hooks.lost = nil
	return lost
}

// differ goes through two sets of people: those who came, who were there before, and who
// are there no more.
func differ(before, now []Worker, came func(Worker), stayed func(was, is Worker), gone func(Worker)) {
	find := func(in []Worker, id string) int {
		return slices.IndexFunc(in, func(w Worker) bool { return w.ID == id })
	}
	for _, w := range now {
		if i := find(before, w.ID); i >= 0 {
			stayed(before[i], w)
		} else {
			came(w)
		}
	}
	for _, w := range before {
		if find(now, w.ID) < 0 {
			gone(w)
		}
	}
}
