// SPDX-License-Identifier: Apache-2.0

package scimclient

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// Option changes one request.
type Option func(*request)

// IfMatch makes a write depend on the resource's version (RFC 7644 §3.14).
// An empty version sends nothing.
func IfMatch(version string) Option {
	return func(r *request) { r.setHeader("If-Match", version) }
}

// IfNoneMatch makes a read answer 304, with no resource, if the version is still that.
func IfNoneMatch(version string) Option {
	return func(r *request) { r.setHeader("If-None-Match", version) }
}

// Attributes asks for these attributes only (RFC 7644 §3.9).
func Attributes(paths ...string) Option {
	return func(r *request) { r.setQuery("attributes", strings.Join(paths, ",")) }
}

// ExcludedAttributes asks to leave these attributes out (RFC 7644 §3.9).
func ExcludedAttributes(paths ...string) Option {
	return func(r *request) { r.setQuery("excludedAttributes", strings.Join(paths, ",")) }
}

// Hide keeps a secret that the request carries, such as a password, out of errors,
// as the token is kept out of them: some servers quote what they refuse. An empty
// secret hides nothing.
func Hide(secret string) Option {
	return func(r *request) {
		if secret != "" {
			r.hidden = append(r.hidden, secret)
		}
	}
}

// Keys of context values: they are for tracing only, never for behaviour.
type (
	requestIDKey   struct{}
	traceparentKey struct{}
	tracestateKey  struct{}
)

// WithRequestID sets the X-Request-Id of requests made with the context. An id
// that is empty, longer than 128 bytes or not visible ASCII is replaced by a random one.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey{}, id)
}

// WithTraceparent sets the traceparent header (W3C Trace Context) of requests made with the context.
func WithTraceparent(ctx context.Context, traceparent string) context.Context {
	return context.WithValue(ctx, traceparentKey{}, traceparent)
}

// WithTracestate sets the tracestate header (W3C Trace Context) of requests that
// have a traceparent too.
func WithTracestate(ctx context.Context, tracestate string) context.Context {
	return context.WithValue(ctx, tracestateKey{}, tracestate)
}

func requestID(ctx context.Context) string {
	if id, ok := ctx.Value(requestIDKey{}).(string); ok && token(id, 128) {
		return id
	}
	return rand.Text()
}

func traceparent(ctx context.Context) (string, bool) {
	tp, ok := ctx.Value(traceparentKey{}).(string)
	return tp, ok && token(tp, 128)
}

func tracestate(ctx context.Context) (string, bool) {
	const most = 512 // what every participant must pass on
	ts, ok := ctx.Value(tracestateKey{}).(string)
	return ts, ok && ts != "" && len(ts) <= most && validHeader(ts)
}

// token reports whether s is 1 to limit characters of visible ASCII.
func token(s string, limit int) bool {
	if s == "" || len(s) > limit {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

// request is one call before it becomes an http.Request.
type request struct {
	method   string
	endpoint string // for errors: the path without host and id
	url      string
	query    url.Values
	header   http.Header
	body     []byte
	read     bool     // nothing can have changed, whatever comes back
	hidden   []string // secrets of the body, to keep them out of errors
}

func (r *request) setHeader(name, value string) {
	if value == "" {
		return
	}
	if r.header == nil {
		r.header = http.Header{}
	}
	r.header.Set(name, value)
}

// setQuery sets a parameter, unless it is empty.
func (r *request) setQuery(name, value string) {
	if value != "" {
		r.addQuery(name, value)
	}
}

// addQuery sets a parameter, also to nothing.
func (r *request) addQuery(name, value string) {
	if r.query == nil {
		r.query = url.Values{}
	}
	r.query.Set(name, value)
}

// check finds what must not be sent.
func (r *request) check() error {
	if r.query.Get("attributes") != "" && r.query.Get("excludedAttributes") != "" {
		return errors.New("attributes and excludedAttributes exclude each other (RFC 7644 §3.9)")
	}
	for _, values := range r.header {
		for _, v := range values {
			if !validHeader(v) {
				return errors.New("a version holds a character that no header may carry")
			}
		}
	}
	return nil
}

// target is the URL with its query. A space is %20, as some servers do not read
// the form encoding's plus sign (RFC 7644 §1.2 asks for RFC 3986).
func (r *request) target() string {
	if len(r.query) == 0 {
		return r.url
	}
	return r.url + "?" + strings.ReplaceAll(r.query.Encode(), "+", "%20")
}
