// SPDX-License-Identifier: Apache-2.0

package rest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// MaxErrorBody bounds what is read of an answer that is an error anyway.
const MaxErrorBody = 64 << 10

// maxTries is how often a read is sent while gateways say that nobody is there.
const maxTries = 4

// Request is one call of an API. Nothing of it changes when it is sent again.
type Request struct {
	Method string
	Route  string   // below the API's address, with {} for each of IDs
	IDs    []string // from elsewhere: escaped, and refused if they name another place
	Query  url.Values
	Body   any // as JSON; nil is none
	Header http.Header
	Hidden []string // secrets of the body, to be kept out of errors
	Apart  bool     // beside the API: no token, and not within the limit
	Pace   string   // which of the API's limits it counts for, "" if there is one
}

// read reports whether the request changes nothing.
func (r *Request) read() bool { return r.Method == http.MethodGet }

// Name is the method and the route, without what it is about and a prefix that all have.
func (r *Request) Name(prefix string) string {
	return r.Method + " " + strings.ReplaceAll(strings.TrimPrefix(r.Route, prefix), "{}", "{id}")
}

// Op names a request in errors.
func (c *Client) Op(r *Request) string { return r.Name(c.prefix) }

// Fail is an error of a request.
func (c *Client) Fail(r *Request, status int, err error) *Error {
	return &Error{API: c.api, Op: c.Op(r), Status: status, Err: err}
}

func (r *Request) target(base string) (string, error) {
	path := r.Route
	for _, id := range r.IDs {
		if id == "" || id == "." || id == ".." {
			return "", fmt.Errorf("the id %q would name another place", id)
		}
		path = strings.Replace(path, "{}", url.PathEscape(id), 1)
	}
	if len(r.Query) > 0 {
		path += "?" + r.Query.Encode()
	}
	return base + path, nil
}

// Call sends a request and reads its answer into a value; nil reads nothing. It returns
// the headers of the answer.
func (c *Client) Call(ctx context.Context, r Request, into any) (http.Header, error) {
	a, err := c.Send(ctx, r, false)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	body, err := io.ReadAll(io.LimitReader(a.Body, c.answer+1))
	switch {
	case err != nil:
		err = fmt.Errorf("%w: it broke off: %w", ErrUnreadable, Ended(a.Context, err))
	case int64(len(body)) > c.answer:
		err = fmt.Errorf("%w: it is larger than %d bytes", ErrUnreadable, c.answer)
	case into != nil:
		if json.Unmarshal(body, into) != nil {
			// What the reader says would quote the text, which holds people's data.
			err = fmt.Errorf("%w: it is not the JSON that was expected", ErrUnreadable)
		}
	}
	if err == nil {
		return a.Header, nil
	}
	e := c.Fail(&r, a.Status, a.Hide.Cause(err))
	e.RequestID = RequestID(a.Header, a.Hide, c.requestID...)
	return nil, e
}

// Answer is one of success. It is to be closed when its body is read.
type Answer struct {
	Status  int
	Header  http.Header
	Body    io.Reader
	Hide    Redact          // what went along
	Context context.Context // tells why the body ended
	Close   func()
}

// Send sends a request until it is answered for good, as the package comment says,
// and hands over an answer of success. A stream has no time limit once its headers
// are there.
func (c *Client) Send(ctx context.Context, r Request, stream bool) (*Answer, error) {
	target, err := r.target(c.base)
	if err != nil {
		return nil, c.unsent(&r, err)
	}
	var body []byte
	if r.Body != nil {
		if body, err = json.Marshal(r.Body, json.Deterministic(true)); err != nil {
			return nil, c.unsent(&r, errors.New("the request cannot be written as JSON: a text or a value in it is none"))
		}
	}
	renewed := false
	for tries, limited := 0, 0; ; {
		a, used, e := c.attempt(ctx, &r, target, body, stream)
		if e == nil {
			return a, nil
		}
		e.Op = cmp.Or(e.Op, c.Op(&r))
		if e.Status == http.StatusForbidden && e.Code == "insufficient_scope" { // RFC 6750 §3.1
			c.credential.Reconsider()
		}
		var wait time.Duration
		switch {
		case e.Status == http.StatusUnauthorized && used != "" && !renewed && c.credential.Drop(used):
			renewed = true
			continue
		case (e.Busy || e.Status == http.StatusTooManyRequests) && (used != "" || r.Apart):
			if wait = e.RetryAfter; wait == 0 {
				wait = max(time.Second, Backoff(limited))
			}
			limited++
			if !r.Apart {
				c.pace(&r).holdFor(wait, time.Now())
			}
		case r.read() && unavailable(e.Status) && used != "" && tries < maxTries-1 && e.RetryAfter <= maxBackoff:
			wait = max(e.RetryAfter, Backoff(tries))
			tries++
		default:
			return nil, e
		}
		if Sleep(ctx, wait) != nil {
			return nil, e
		}
	}
}

func (c *Client) unsent(r *Request, err error) *Error {
	e := c.Fail(r, 0, err)
	e.Unsent = true
	return e
}

func unavailable(status int) bool {
	return status == http.StatusBadGateway || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout
}

// attempt sends a request once. used is the token that went along, "" if it came to none.
func (c *Client) attempt(ctx context.Context, r *Request, target string, body []byte, stream bool) (_ *Answer, used string, _ *Error) {
	if !r.Apart {
		token, err := c.credential.Get(ctx)
		if err != nil {
			return nil, "", c.asError(err)
		}
		if err := c.pace(r).enter(ctx); err != nil {
			return nil, "", c.notEntered(err)
		}
		used = token
	}
	heard := func(h http.Header) {
		if !r.Apart {
			c.pace(r).leave(h, time.Now())
		}
	}
	ctx, limit := Within(ctx, c.timeout)
	req, err := c.NewRequest(ctx, r, target, body, used)
	if err != nil {
		heard(nil)
		limit.Done()
		return nil, used, &Error{API: c.api, Unsent: true, Err: err}
	}
	hide := append(Redact{used}, append(c.credential.Hidden(), r.Hidden...)...)
	res, e := c.RoundTrip(req, hide)
	if e != nil {
		heard(nil)
		limit.Done()
		return nil, used, e
	}
	heard(res.Header)
	finish := func() { _ = res.Body.Close(); limit.Done() }
	if res.StatusCode < 200 || res.StatusCode >= 300 {
		text, _ := io.ReadAll(io.LimitReader(res.Body, MaxErrorBody)) // the status says enough
		e := c.Refusal(res, text, hide)
		finish()
		return nil, used, e
	}
	if stream {
		limit.Lift()
	}
	return &Answer{res.StatusCode, res.Header, res.Body, hide, ctx, finish}, used, nil
}

// Refusal reads an answer that is none of success.
func (c *Client) Refusal(res *http.Response, body []byte, hide Redact) *Error {
	e := &Error{
		API: c.api, Status: res.StatusCode, RequestID: RequestID(res.Header, hide, c.requestID...), RetryAfter: c.limits.RetryAfter(res.Header, time.Now()),
	}
	if res.StatusCode >= 300 && res.StatusCode < 400 {
		e.Foreign = true
		e.Err = fmt.Errorf("the %s redirects, which is not followed as the token would go along; set the address to the final one", c.place)
		return e
	}
	said, own := c.said(body)
	e.Foreign, e.Busy = !own, said.Busy
	if said.Busy && e.RetryAfter == 0 {
		e.RetryAfter = said.After
	}
	if !own && MediaType(res.Header) == "text/html" {
		e.Err = fmt.Errorf("the answer is an HTML page, and not %s's", c.maker)
	}
	e.Code, e.Message = Keyword(hide.Text(said.Code)), hide.Clean(said.Message)
	return e
}

// notEntered is a request that was kept back by the limit.
func (c *Client) notEntered(err error) *Error {
	e := &Error{API: c.api, Unsent: true, Err: err}
	if h, ok := errors.AsType[*held](err); ok {
		e.RetryAfter = clamp(h.wait)
	}
	return e
}

func (c *Client) asError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		again := *e // the one of a shared renewal is everybody's
		return &again
	}
	return &Error{API: c.api, Unsent: true, Err: err}
}

// NewRequest makes a request of the HTTP layer. body is sent as JSON unless the request
// has a Content-Type of its own.
func (c *Client) NewRequest(ctx context.Context, r *Request, target string, body []byte, token string) (*http.Request, error) {
	var content io.Reader
	if body != nil {
		content = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, target, content)
	if err != nil {
		return nil, errors.New("the request's address cannot be read")
	}
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for name, values := range r.Header {
		req.Header[name] = values
	}
	req.Header.Set("User-Agent", c.userAgent)
	if c.header != nil {
		c.header(ctx, req.Header)
	}
	switch {
	case token == "":
	case c.keyHeader != "":
		req.Header.Set(c.keyHeader, token)
	default:
		req.Header.Set("Authorization", c.scheme+" "+token)
	}
	return req, nil
}

// RoundTrip sends a request and waits for the headers of its answer.
func (c *Client) RoundTrip(req *http.Request, hide Redact) (*http.Response, *Error) {
	if err := context.Cause(req.Context()); err != nil {
		return nil, &Error{API: c.api, Unsent: true, Err: err}
	}
	var way progress
	ctx := way.follow(req.Context())
	c.requests.Add(1)
	res, err := c.http.Do(req.WithContext(ctx))
	if err == nil {
		return res, nil
	}
	return nil, &Error{API: c.api, Unsent: way.notSent(err), Err: hide.Cause(Ended(ctx, withoutURL(err)))}
}

// Exchange sends a request for a token once, and reads its answer, of success or not;
// what the API is asked for with the token is not sent by it. status is 0 if none came.
func (c *Client) Exchange(ctx context.Context, r *Request, body []byte, hide Redact) (status int, text []byte, _ *Error) {
	ctx, limit := Within(ctx, c.timeout)
	defer limit.Done()
	req, err := c.NewRequest(ctx, r, c.base+r.Route, body, "")
	if err != nil {
		return 0, nil, &Error{API: c.api, Unsent: true, Err: err}
	}
	res, e := c.RoundTrip(req, hide)
	if e != nil {
		return 0, nil, e
	}
	defer res.Body.Close()
	text, err = io.ReadAll(io.LimitReader(res.Body, MaxErrorBody+1))
	if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusCreated {
		return res.StatusCode, nil, c.Refusal(res, text, hide)
	}
	switch {
	case err != nil:
		return 0, nil, &Error{API: c.api, Unsent: true, Foreign: true, Err: hide.Cause(fmt.Errorf("%w: it broke off: %w", ErrUnreadable, Ended(ctx, err)))}
	case len(text) > MaxErrorBody:
		return res.StatusCode, nil, nil // no grant is in it
	}
	return res.StatusCode, text, nil
}
