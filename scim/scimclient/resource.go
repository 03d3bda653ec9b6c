// SPDX-License-Identifier: Apache-2.0

package scimclient

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/usher-id/usher/scim"
)

// Answer is what the server said. With an error it holds what is known.
type Answer struct {
	Status    int
	Resource  *scim.Resource // nil for 204 and 304
	ETag      string
	Location  string
	RequestID string
	Elapsed   time.Duration
}

// body says when a success must carry a resource.
type body uint8

const (
	bodyNone   body = iota // DELETE
	bodyOr204              // PATCH, PUT: 200 with the resource, or 204
	bodyDue                // GET of what has no id, such as the ServiceProviderConfig
	bodyWithID             // POST, GET of a resource
)

// Create makes a resource at the endpoint, such as "/Users" (RFC 7644 §3.3).
func (c *Client) Create(ctx context.Context, endpoint string, r *scim.Resource, opts ...Option) (Answer, error) {
	return c.one(ctx, call{method: http.MethodPost, endpoint: endpoint, body: r, due: bodyWithID}, opts)
}

// Get reads a resource (RFC 7644 §3.4.1).
func (c *Client) Get(ctx context.Context, endpoint, id string, opts ...Option) (Answer, error) {
	return c.one(ctx, call{method: http.MethodGet, endpoint: endpoint, id: &id, due: bodyWithID}, opts)
}

// Replace sends a whole resource (RFC 7644 §3.5.1): what it leaves out may be cleared.
func (c *Client) Replace(ctx context.Context, endpoint, id string, r *scim.Resource, opts ...Option) (Answer, error) {
	return c.one(ctx, call{method: http.MethodPut, endpoint: endpoint, id: &id, body: r, due: bodyOr204}, opts)
}

// Patch changes a resource (RFC 7644 §3.5.2).
func (c *Client) Patch(ctx context.Context, endpoint, id string, p scim.Patch, opts ...Option) (Answer, error) {
	return c.one(ctx, call{method: http.MethodPatch, endpoint: endpoint, id: &id, body: p, due: bodyOr204}, opts)
}

// Delete removes a resource (RFC 7644 §3.6).
func (c *Client) Delete(ctx context.Context, endpoint, id string, opts ...Option) (Answer, error) {
	return c.one(ctx, call{method: http.MethodDelete, endpoint: endpoint, id: &id, due: bodyNone}, opts)
}

// Me reads the authenticated subject's resource (RFC 7644 §3.11).
func (c *Client) Me(ctx context.Context, opts ...Option) (Answer, error) {
	return c.one(ctx, call{method: http.MethodGet, endpoint: me, due: bodyWithID}, opts)
}

// CreateMe registers the authenticated subject (RFC 7644 §3.11).
func (c *Client) CreateMe(ctx context.Context, r *scim.Resource, opts ...Option) (Answer, error) {
	return c.one(ctx, call{method: http.MethodPost, endpoint: me, body: r, due: bodyWithID}, opts)
}

// ReplaceMe is [Client.Replace] for the authenticated subject (RFC 7644 §3.11).
func (c *Client) ReplaceMe(ctx context.Context, r *scim.Resource, opts ...Option) (Answer, error) {
	return c.one(ctx, call{method: http.MethodPut, endpoint: me, body: r, due: bodyOr204}, opts)
}

// PatchMe is [Client.Patch] for the authenticated subject (RFC 7644 §3.11).
func (c *Client) PatchMe(ctx context.Context, p scim.Patch, opts ...Option) (Answer, error) {
	return c.one(ctx, call{method: http.MethodPatch, endpoint: me, body: p, due: bodyOr204}, opts)
}

// DeleteMe is [Client.Delete] for the authenticated subject (RFC 7644 §3.11).
func (c *Client) DeleteMe(ctx context.Context, opts ...Option) (Answer, error) {
	return c.one(ctx, call{method: http.MethodDelete, endpoint: me, due: bodyNone}, opts)
}

const me = "/Me"

// call is one operation on one resource.
type call struct {
	method   string
	endpoint string
	id       *string // nil: the endpoint itself
	body     json.Marshaler
	due      body
}

// one sends a call and reads the resource of its answer.
func (c *Client) one(ctx context.Context, k call, opts []Option) (Answer, error) {
	req := &request{method: k.method, endpoint: k.endpoint, read: k.method == http.MethodGet}
	x, err := c.send(ctx, req, k, opts)
	if err != nil {
		return x.answer(nil), err
	}
	r, err := x.resource(k, c.limits)
	if err != nil {
		return x.answer(r), x.unreadable(err)
	}
	return x.answer(r), nil
}

// send fills the request from the call and does it.
func (c *Client) send(ctx context.Context, req *request, k call, opts []Option) (*exchange, error) {
	var err error
	if k.id != nil {
		req.url, err = c.resourceURL(k.endpoint, *k.id)
	} else {
		req.url, err = c.endpointURL(k.endpoint)
	}
	if err == nil && k.body != nil {
		req.body, err = k.body.MarshalJSON()
	}
	if err != nil {
		x := &exchange{req: req, id: requestID(ctx), start: time.Now(), header: http.Header{}}
		return x, x.fail(Terminal, err)
	}
	for _, opt := range opts {
		opt(req)
	}
	return c.do(ctx, req)
}

func (x *exchange) answer(r *scim.Resource) Answer {
	return Answer{
		Status: x.status, Resource: r,
		ETag: x.header.Get("ETag"), Location: x.header.Get("Location"),
		RequestID: x.id, Elapsed: time.Since(x.start),
	}
}

// resource reads the body of a success.
func (x *exchange) resource(k call, lim scim.Limits) (*scim.Resource, error) {
	switch x.status {
	case http.StatusNotModified:
		return nil, nil
	case http.StatusNoContent:
		if k.due >= bodyDue {
			return nil, fmt.Errorf("%w: it has no body", ErrUnreadable)
		}
		return nil, nil
	case http.StatusOK, http.StatusCreated, http.StatusNonAuthoritativeInfo:
	default: // 202: accepted is not done; 207 and others are not SCIM
		return nil, fmt.Errorf("%w: status %d means neither done nor refused", ErrUnreadable, x.status)
	}
	if len(bytes.TrimSpace(x.body)) == 0 {
		if k.due == bodyNone {
			return nil, nil
		}
		return nil, fmt.Errorf("%w: it has no body", ErrUnreadable)
	}
	r, err := x.parse(lim)
	if err != nil {
		return nil, err
	}
	switch id := r.ID(); {
	case k.due == bodyNone:
		return nil, nil
	case id == "" && k.due == bodyWithID:
		return r, fmt.Errorf("%w: the resource has no id", ErrUnreadable)
	case id != "" && k.id != nil && id != *k.id:
		return nil, fmt.Errorf("%w: it is about another resource than the one asked for", ErrUnreadable)
	}
	return r, nil
}

// parse reads the body as a JSON object that is no error message.
func (x *exchange) parse(lim scim.Limits) (*scim.Resource, error) {
	data, err := x.json()
	if err != nil {
		return nil, err
	}
	r, err := scim.ParseResource(data, lim)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	if r.HasSchema(scim.ErrorURN) { // some servers send one with 200
		_, detail := x.words()
		return nil, fmt.Errorf("%w: status %d with an error message: %s", ErrUnreadable, x.status, detail)
	}
	return r, nil
}

// json is the body, if its type allows to read it as JSON.
func (x *exchange) json() ([]byte, error) {
	if err := checkJSON(x.header); err != nil {
		return nil, err
	}
	return bytes.TrimPrefix(x.body, []byte("\xef\xbb\xbf")), nil
}
