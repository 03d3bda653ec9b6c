// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/usher-id/usher/internal/rest"
)

// Origins keeps one budget for each scheme, host and port (RFC 6454 §4): a gateway
// counts the requests that come to it, and not which of our apps they are for. Apps
// at one origin share the smallest of their rates, and when one of them is told to
// come later, none is sent to before.
//
// The zero value is ready, and safe for concurrent use. It lives as long as the process:
// a pause that outlasts it is kept by the engine, app by app.
type Origins struct {
	mu sync.Mutex
	by map[string]*origin
}

// Share has an app keep within the budget of the origin of its address, which it narrows
// to perSecond requests a second; zero or less narrows nothing. An address that is none
// has a budget of its own.
func (o *Origins) Share(a App, address string, perSecond float64) App {
	u, err := url.Parse(address)
	if err != nil {
		u = &url.URL{}
	}
	at := o.at(u)
	at.slow(perSecond)
	return &limited{App: a, origin: at}
}

func (o *Origins) at(u *url.URL) *origin {
	name := originOf(u)
	if name == "" {
		return newOrigin(name)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	at := o.by[name]
	if at == nil {
		if at = newOrigin(name); o.by == nil {
			o.by = map[string]*origin{}
		}
		o.by[name] = at
	}
	return at
}

// Through listens to the answers that come through a transport: a client that waits and
// asks again by itself tells nobody that it was refused, and its neighbours would go on.
func (o *Origins) Through(next http.RoundTripper) http.RoundTripper { return &ear{o, next} }

type ear struct {
	origins *Origins
	next    http.RoundTripper
}

func (e *ear) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := e.next.RoundTrip(r)
	if err == nil && res.StatusCode == http.StatusTooManyRequests {
		e.origins.at(r.URL).wait(rest.Limits("").RetryAfter(res.Header, time.Now()))
	}
	return res, err
}

// originOf is an address without path, in one spelling; "" if it is none.
func originOf(u *url.URL) string {
	if u.Hostname() == "" {
		return ""
	}
	scheme, port := strings.ToLower(u.Scheme), u.Port()
	switch {
	case port != "":
	case scheme == "https":
		port = "443"
	case scheme == "http":
		port = "80"
	}
	return scheme + "://" + strings.TrimSuffix(strings.ToLower(u.Hostname()), ".") + ":" + port
}

// unasked is for how long nobody sends after a refusal that says no time.
const unasked = time.Second

// origin is what is known of one origin.
type origin struct {
	name string

	mu     sync.Mutex
	apps   int // that share it
	bucket *rate.Limiter
	narrow float64   // the smallest rate that was asked for
	hold   time.Time // nothing is sent before
}

func newOrigin(name string) *origin {
	return &origin{name: name, bucket: rate.NewLimiter(rate.Inf, 1), narrow: math.Inf(1)}
}

// slow counts one more app, and narrows the rate to its.
func (o *origin) slow(perSecond float64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.apps++
	if perSecond <= 0 || perSecond >= o.narrow {
		return
	}
	o.narrow, o.bucket = perSecond, rate.NewLimiter(rate.Limit(perSecond), max(1, int(perSecond)))
}

// enter waits for the rate. A longer pause that the origin has asked for is not waited
// for: it is an error, as the answer itself would be, and the engine keeps the time.
func (o *origin) enter(ctx context.Context) error {
	bucket, err := o.held()
	if err != nil {
		return err
	}
	if err := bucket.Wait(ctx); err != nil {
		return &Error{Class: Unreachable, Err: err}
	}
	_, err = o.held() // it may have been told meanwhile
	return err
}

func (o *origin) held() (*rate.Limiter, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	left := time.Until(o.hold)
	if left <= 0 || o.apps < 2 { // who is alone was told, and some clients wait by themselves
		return o.bucket, nil
	}
	return nil, &Error{
		Class: Retry, RetryAfter: left,
		Err: fmt.Errorf("nothing was sent: %s has asked for a pause until %s", o.name, o.hold.UTC().Format(time.RFC3339)),
	}
}

// heard takes in what an answer says of the budget, and returns it.
func (o *origin) heard(err error) error {
	if err == nil {
		return nil
	}
	e := Classify(err)
	if !e.tooMany() {
		return err
	}
	o.wait(e.RetryAfter)
	return err
}

// wait is a pause that the origin has asked for, 0 if it did not say for how long.
func (o *origin) wait(d time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if until := time.Now().Add(max(d, unasked)); until.After(o.hold) {
		o.hold = until
	}
}

// tooMany says that the origin counts what it is sent, by whatever status. A 5xx with a
// time to come back is of the app that answers it, which may have a neighbour that works.
func (e *Error) tooMany() bool {
	return e.Class == Retry && e.Status < 500 && (e.Status >= 400 || e.RetryAfter > 0)
}
