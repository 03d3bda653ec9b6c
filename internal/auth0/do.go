// SPDX-License-Identifier: Apache-2.0

package auth0

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"
)

// maxErrorBody bounds what is read of an answer that is an error anyway.
const maxErrorBody = 64 << 10

// maxTries is how often a read is sent while gateways say that nobody is there.
const maxTries = 4

// request is one call of the tenant. Nothing of it changes when it is sent again.
type request struct {
	method string
	route  string   // below the tenant's address, with {} for each of ids
	ids    []string // from elsewhere: escaped, and refused if they name another place
	query  url.Values
	body   any
	header http.Header
	hidden []string // secrets of the body, to be kept out of errors
	apart  bool     // of the authentication API: no token, and not within the limit
}

func (r *request) op() string {
	return r.method + " " + strings.ReplaceAll(strings.TrimPrefix(r.route, apiPath), "{}", "{id}")
}

// read reports whether the request changes nothing.
func (r *request) read() bool { return r.method == http.MethodGet }

func (r *request) target(base string) (string, error) {
	path := r.route
	for _, id := range r.ids {
		if id == "" || id == "." || id == ".." {
			return "", fmt.Errorf("the id %q would name another place", id)
		}
		path = strings.Replace(path, "{}", url.PathEscape(id), 1)
	}
	if len(r.query) > 0 {
		path += "?" + r.query.Encode()
	}
	return base + path, nil
}

// call sends a request and reads its answer into a value; nil reads nothing.
func (c *Client) call(ctx context.Context, r request, into any) error {
	a, err := c.send(ctx, r, false)
	if err != nil {
		return err
	}
	defer a.close()
	body, err := io.ReadAll(io.LimitReader(a.body, c.bounds.answer+1))
	switch {
	case err != nil:
		err = fmt.Errorf("%w: it broke off: %w", errUnreadable, ended(a.ctx, err))
	case int64(len(body)) > c.bounds.answer:
		err = fmt.Errorf("%w: it is larger than %d bytes", errUnreadable, c.bounds.answer)
	case into != nil:
		if json.Unmarshal(body, into) != nil {
			// What the reader says would quote the text, which holds people's data.
			err = fmt.Errorf("%w: it is not the JSON that was expected", errUnreadable)
		}
	}
	if err == nil {
		return nil
	}
	return &Error{Op: r.op(), Status: a.status, RequestID: requestID(a.header, a.hide), Err: a.hide.cause(err)}
}

// answered is an answer of success. It is to be closed when its body is read.
type answered struct {
	status int
	header http.Header
	body   io.Reader
	hide   redact          // what went along
	ctx    context.Context // tells why the body ended
	close  func()
}

// send sends a request until it is answered for good, as the package comment says,
// and hands over an answer of success. A stream has no time limit once its headers
// are there.
func (c *Client) send(ctx context.Context, r request, stream bool) (*answered, error) {
	target, err := r.target(c.base)
	if err != nil {
		return nil, &Error{Op: r.op(), Unsent: true, Err: err}
	}
	var body []byte
	if r.body != nil {
		if body, err = json.Marshal(r.body, json.Deterministic(true)); err != nil {
			return nil, &Error{Op: r.op(), Unsent: true, Err: errors.New("the request cannot be written as JSON: a text or a value in it is none")}
		}
	}
	renewed := false
	for tries, limited := 0, 0; ; {
		a, used, e := c.attempt(ctx, &r, target, body, stream)
		if e == nil {
			return a, nil
		}
		e.Op = cmp.Or(e.Op, r.op())
		if e.Status == http.StatusForbidden && e.Code == "insufficient_scope" { // it may be granted by now, which an old token does not know
			c.Reconsider()
		}
		var wait time.Duration
		switch {
		case e.Status == http.StatusUnauthorized && used != "" && !renewed:
			renewed = true
			c.tokens.drop(used)
			continue
		case e.Status == http.StatusTooManyRequests && (used != "" || r.apart):
			if wait = e.RetryAfter; wait == 0 {
				wait = max(time.Second, backoff(limited))
			}
			limited++
			if !r.apart {
				c.pace.holdFor(wait, time.Now())
			}
		case r.read() && unavailable(e.Status) && used != "" && tries < maxTries-1 && e.RetryAfter <= maxBackoff:
			wait = max(e.RetryAfter, backoff(tries))
			tries++
		default:
			return nil, e
		}
		if sleep(ctx, wait) != nil {
			return nil, e
		}
	}
}

func unavailable(status int) bool {
	return status == http.StatusBadGateway || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout
}

// attempt sends a request once. used is the token that went along, "" if it came to none.
func (c *Client) attempt(ctx context.Context, r *request, target string, body []byte, stream bool) (_ *answered, used string, _ *Error) {
	if !r.apart {
		token, err := c.tokens.get(ctx)
		if err != nil {
			return nil, "", asError(err)
		}
		if err := c.pace.enter(ctx); err != nil {
			return nil, "", notEntered(err)
		}
		used = token
	}
	heard := func(h http.Header) {
		if !r.apart {
			c.pace.leave(h, time.Now())
		}
	}
	ctx, limit := within(ctx, c.timeout)
	req, err := c.newRequest(ctx, r, target, body, used)
	if err != nil {
		heard(nil)
		limit.done()
		return nil, used, &Error{Unsent: true, Err: err}
	}
	hide := c.secrets(used, r)
	res, e := c.roundTrip(req, hide)
	if e != nil {
		heard(nil)
		limit.done()
		return nil, used, e
	}
	heard(res.Header)
	finish := func() { _ = res.Body.Close(); limit.done() }
	if res.StatusCode < 200 || res.StatusCode >= 300 {
		text, _ := io.ReadAll(io.LimitReader(res.Body, maxErrorBody)) // the status says enough
		e := refusal(res, text, hide, time.Now())
		finish()
		return nil, used, e
	}
	if stream {
		limit.lift()
	}
	return &answered{res.StatusCode, res.Header, res.Body, hide, ctx, finish}, used, nil
}

// notEntered is a request that was kept back by the limit.
func notEntered(err error) *Error {
	e := &Error{Unsent: true, Err: err}
	if h, ok := errors.AsType[*held](err); ok {
		e.RetryAfter = clamp(h.wait)
	}
	return e
}

func asError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		again := *e // the one of a shared renewal is everybody's
		return &again
	}
	return &Error{Unsent: true, Err: err}
}

func (c *Client) newRequest(ctx context.Context, r *request, target string, body []byte, token string) (*http.Request, error) {
	var content io.Reader
	if r.body != nil {
		content = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, target, content)
	if err != nil {
		return nil, errors.New("the request's address cannot be read")
	}
	req.Header.Set("Accept", "application/json")
	for name, values := range r.header {
		req.Header[name] = values
	}
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("User-Agent", c.userAgent)
	if id := correlation(ctx); id != "" {
		req.Header.Set("X-Correlation-Id", id)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return req, nil
}

// roundTrip sends a request and waits for the headers of its answer.
func (c *Client) roundTrip(req *http.Request, hide redact) (*http.Response, *Error) {
	if err := context.Cause(req.Context()); err != nil {
		return nil, &Error{Unsent: true, Err: err}
	}
	var way progress
	ctx := httptrace.WithClientTrace(req.Context(), way.trace())
	c.requests.Add(1)
	res, err := c.http.Do(req.WithContext(ctx))
	if err == nil {
		return res, nil
	}
	return nil, &Error{Unsent: way.notSent(err), Err: hide.cause(ended(ctx, withoutURL(err)))}
}

// secrets are what goes along with a request, and what the client has.
func (c *Client) secrets(token string, r *request) redact {
	return append(redact{token, c.tokens.secret}, r.hidden...)
}

// ended is why a request ended: what ended its context, rather than that it was ended.
func ended(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && ctx.Err() != nil {
		return cause
	}
	return err
}

// errTimeout says that no answer came within Config.Timeout.
var errTimeout = fmt.Errorf("no answer within the time for one request: %w", context.DeadlineExceeded)

// deadline ends a request that takes too long.
type deadline struct {
	timer  *time.Timer
	cancel context.CancelCauseFunc
}

// within is a context that ends after d, unless the deadline is lifted before. Unlike
// one of context.WithTimeout it may go on without one.
func within(ctx context.Context, d time.Duration) (context.Context, deadline) {
	ctx, cancel := context.WithCancelCause(ctx)
	return ctx, deadline{time.AfterFunc(d, func() { cancel(errTimeout) }), cancel}
}

// lift takes the time limit away. The context still ends with done.
func (d deadline) lift() { d.timer.Stop() }

func (d deadline) done() {
	d.timer.Stop()
	d.cancel(nil)
}

// progress follows a request through the transport.
type progress struct{ traced, connected atomic.Bool }

// trace notes when a connection is handed over, before which there is none to write
// to. The transport asks for another connection only if it knows that the first
// attempt did nothing, hence the reset.
func (p *progress) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn: func(string) {
			p.traced.Store(true)
			p.connected.Store(false)
		},
		GotConn: func(httptrace.GotConnInfo) { p.connected.Store(true) },
	}
}

// notSent reports whether it is proven that nothing was sent. A RoundTripper that
// does not trace proves nothing, unless its error says that it dialled.
func (p *progress) notSent(err error) bool {
	if p.traced.Load() {
		return !p.connected.Load()
	}
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}
