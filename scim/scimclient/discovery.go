// SPDX-License-Identifier: Apache-2.0

package scimclient

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/usher-id/usher/scim"
)

// ServiceProviderConfig is what a server says of itself (RFC 7643 §5, RFC 9865
// §4). What it leaves out is false or 0. Servers err about themselves: probe
// before relying on it.
type ServiceProviderConfig struct {
	Patch, Sort, ETag, ChangePassword bool

	Bulk               bool
	BulkMaxOperations  int
	BulkMaxPayloadSize int

	Filter           bool
	FilterMaxResults int

	CursorPaging, IndexPaging    bool
	DefaultPageSize, MaxPageSize int

	// Resource is the whole of it.
	Resource *scim.Resource
}

// ServiceProviderConfig reads the server's description of itself (RFC 7644 §4).
func (c *Client) ServiceProviderConfig(ctx context.Context) (ServiceProviderConfig, Answer, error) {
	a, err := c.one(ctx, call{method: http.MethodGet, endpoint: "/ServiceProviderConfig", due: bodyDue}, nil)
	if err != nil {
		return ServiceProviderConfig{}, a, err
	}
	r := a.Resource
	return ServiceProviderConfig{
		Patch: flag(r, "patch", "supported"), Sort: flag(r, "sort", "supported"),
		ETag: flag(r, "etag", "supported"), ChangePassword: flag(r, "changePassword", "supported"),
		Bulk: flag(r, "bulk", "supported"), BulkMaxOperations: number(r, "bulk", "maxOperations"),
		BulkMaxPayloadSize: number(r, "bulk", "maxPayloadSize"),
		Filter:             flag(r, "filter", "supported"), FilterMaxResults: number(r, "filter", "maxResults"),
		CursorPaging: flag(r, "pagination", "cursor"), IndexPaging: flag(r, "pagination", "index"),
		DefaultPageSize: number(r, "pagination", "defaultPageSize"), MaxPageSize: number(r, "pagination", "maxPageSize"),
		Resource: r,
	}, a, nil
}

// ResourceTypes reads which resources the server has (RFC 7644 §4).
func (c *Client) ResourceTypes(ctx context.Context) ([]scim.ResourceType, Answer, error) {
	return discover(ctx, c, "/ResourceTypes", scim.ParseResourceType)
}

// Schemas reads the server's schemas (RFC 7644 §4).
func (c *Client) Schemas(ctx context.Context) ([]scim.Schema, Answer, error) {
	return discover(ctx, c, "/Schemas", scim.ParseSchema)
}

// discover reads a discovery endpoint, whose answer is one page (RFC 7644 §4).
func discover[T any](ctx context.Context, c *Client, endpoint string, parse func([]byte, scim.Limits) (T, error)) ([]T, Answer, error) {
	p, err := c.List(ctx, endpoint, Query{})
	if err != nil {
		return nil, p.Answer, err
	}
	bad := func(err error) error {
		return &Error{Class: Retry, Op: "GET " + endpoint, Status: p.Status, RequestID: p.RequestID, Sent: true, Err: err}
	}
	if p.TotalResults > len(p.Resources) {
		return nil, p.Answer, bad(fmt.Errorf("%w: %d came of %d", ErrIncomplete, len(p.Resources), p.TotalResults))
	}
	list := make([]T, 0, len(p.Resources))
	for _, r := range p.Resources {
		data, err := r.MarshalJSON()
		if err != nil {
			return nil, p.Answer, bad(fmt.Errorf("%w: %w", ErrUnreadable, err))
		}
		v, err := parse(data, c.limits)
		if err != nil {
			return nil, p.Answer, bad(fmt.Errorf("%w: %w", ErrUnreadable, err))
		}
		list = append(list, v)
	}
	return list, p.Answer, nil
}

func inner(r *scim.Resource, name, sub string) scim.Value {
	v, _ := r.Get(name)
	o, _ := v.AsComplex()
	v, _ = o.Get(sub)
	return v
}

// flag reads a boolean, or its text, which some servers send.
func flag(r *scim.Resource, name, sub string) bool {
	v := inner(r, name, sub)
	if b, ok := v.AsBool(); ok {
		return b
	}
	s, _ := v.AsString()
	return strings.EqualFold(s, "true")
}

func number(r *scim.Resource, name, sub string) int {
	n, _ := inner(r, name, sub).AsInteger()
	return int(max(n, 0))
}
