// SPDX-License-Identifier: Apache-2.0

package scimclient

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// contentType is SCIM's own media type (RFC 7644 §8.1).
const contentType = "application/scim+json"

// plainJSON is what some servers know instead; RFC 7644 §3.8 has it as the second choice.
const plainJSON = "application/json"

// maxErrorBody bounds what is read of an answer that is an error anyway.
const maxErrorBody = 64 << 10

// exchange is one request with what came of it.
type exchange struct {
	req    *request
	id     string   // X-Request-Id
	secret string   // the token, to keep it out of errors
	hidden []string // what else is to be
	start  time.Time
	status int
	header http.Header
	body   []byte
	sent   bool

	throttle *Throttle
}

// do sends the request, and once more by another token if the server does not take the
// first one and there is another. With an error of status 0 there is no answer.
func (c *Client) do(ctx context.Context, req *request) (*exchange, error) {
	x, err := c.once(ctx, req, requestID(ctx))
	if x.status != http.StatusUnauthorized || x.secret == "" || c.renew == nil || !c.renew(x.secret) {
		return x, err
	}
	began := x.start
	x, err = c.once(ctx, req, x.id)
	x.start = began
	return x, err
}

// once sends the request once.
func (c *Client) once(ctx context.Context, req *request, id string) (*exchange, error) {
	x := &exchange{req: req, id: id, start: time.Now(), header: http.Header{}, throttle: &c.throttle}
	if err := req.check(); err != nil {
		return x, x.fail(Terminal, err)
	}
	if err := context.Cause(ctx); err != nil {
		return x, x.fail(Unreachable, err)
	}
	if err := c.authorize(ctx, x); err != nil {
		return x, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()

	var way progress
	hr, err := c.newRequest(httptrace.WithClientTrace(ctx, way.trace()), x)
	if err != nil {
		return x, err
	}
	res, err := c.http.Do(hr)
	if err != nil {
		x.sent = !way.notSent(err)
		return x, x.transport(err)
	}
	defer res.Body.Close()
	x.sent, x.status, x.header = true, res.StatusCode, res.Header
	err = x.readBody(res.Body, c.limits.MaxBytes)
	if e := x.refused(); e != nil {
		return x, e // the status says enough, with or without its whole body
	}
	if err != nil {
		return x, x.unreadable(err)
	}
	return x, nil
}

// newRequest builds the HTTP request; its errors are classified as not sent.
func (c *Client) newRequest(ctx context.Context, x *exchange) (*http.Request, error) {
	var body io.Reader
	if x.req.body != nil {
		body = bytes.NewReader(x.req.body)
	}
	hr, err := http.NewRequestWithContext(ctx, x.req.method, x.req.target(), body)
	if err != nil {
		return nil, x.fail(Terminal, errors.New("the request's address cannot be parsed"))
	}
	for name, values := range c.header {
		hr.Header[http.CanonicalHeaderKey(name)] = values
	}
	for name, values := range x.req.header {
		hr.Header[name] = values
	}
	if body != nil {
		hr.Header.Set("Content-Type", c.mediaType)
	}
	hr.Header.Set("Accept", c.accept)
	hr.Header.Set("User-Agent", c.userAgent)
	hr.Header.Set("X-Request-Id", x.id)
	if tp, ok := traceparent(ctx); ok {
		hr.Header.Set("Traceparent", tp)
		if ts, ok := tracestate(ctx); ok {
			hr.Header.Set("Tracestate", ts)
		}
	}
	switch {
	case x.secret == "":
	case c.inHeader != "":
		hr.Header.Set(c.inHeader, x.secret)
	default:
		hr.Header.Set("Authorization", c.scheme+" "+x.secret)
	}
	return hr, nil
}

// authorize gets the token, which may take as long as a request.
func (c *Client) authorize(ctx context.Context, x *exchange) error {
	if c.token == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	secret, err := c.token(ctx)
	if c.hidden != nil {
		x.hidden = c.hidden()
	}
	if err != nil {
		return x.fail(Unreachable, fmt.Errorf("no token: %w", err))
	}
	// The token itself stays out of the text, also if it is malformed.
	if sound := token(secret, 64<<10) || c.inHeader != "" && secret != "" && validHeader(secret); !sound {
		return x.fail(Unauthorized, errors.New("the token is empty or holds a character that no header may carry"))
	}
	x.secret = secret
	return nil
}

// readBody reads at most limit bytes of what comes after decompression, so that
// neither an endless body nor a compressed bomb costs more than that.
func (x *exchange) readBody(r io.Reader, limit int) error {
	if x.status >= 300 {
		limit = min(limit, maxErrorBody)
	}
	if enc := x.header.Get("Content-Encoding"); enc != "" && !strings.EqualFold(enc, "identity") {
		return fmt.Errorf("%w: its content encoding was not asked for", ErrUnreadable)
	}
	body, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if len(body) > limit {
		x.body = body[:limit]
		return fmt.Errorf("%w: more than %d bytes", ErrAnswerTooLarge, limit)
	}
	x.body = body
	if err != nil {
		return fmt.Errorf("%w: it broke off: %w", ErrUnreadable, withoutURL(err))
	}
	return nil
}

// progress follows a request through the transport.
type progress struct{ traced, connected atomic.Bool }

// trace notes when a connection is handed over. GotConn comes before WroteHeaders and
// WroteRequest: those are called by another goroutine, after the bytes have left, so
// a call that is cancelled in between would look unsent. Before GotConn there is no
// connection to write to. The transport asks for another connection only if it knows
// that the first attempt did nothing, hence the reset.
func (p *progress) trace() *httptrace.ClientTrace {
	connected := func() { p.connected.Store(true) }
	return &httptrace.ClientTrace{
		GetConn: func(string) {
			p.traced.Store(true)
			p.connected.Store(false)
		},
		GotConn:      func(httptrace.GotConnInfo) { connected() },
		WroteHeaders: connected,
		WroteRequest: func(httptrace.WroteRequestInfo) { connected() },
	}
}

// notSent reports whether it is proven that nothing was sent. A RoundTripper
// that does not trace proves nothing, unless its error says that it dialled.
func (p *progress) notSent(err error) bool {
	if p.traced.Load() {
		return !p.connected.Load()
	}
	return !p.connected.Load() && isDial(err)
}

// withoutURL drops the address that net/http puts into its errors: its query
// holds filters, and those hold people's data.
func withoutURL(err error) error {
	if ue, ok := errors.AsType[*url.Error](err); ok && ue.Err != nil {
		return ue.Err
	}
	return err
}
