// SPDX-License-Identifier: Apache-2.0

package scimclient

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

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
	DefaultPaging                string // "cursor" or "index"; "" if not said
	DefaultPageSize, MaxPageSize int
	CursorTimeout                time.Duration // how long a cursor is good

	DocumentationURI      string
	AuthenticationSchemes []AuthenticationScheme

	// Resource is the whole of it.
	Resource *scim.Resource
}

// AuthenticationScheme is one way to authenticate (RFC 7643 §5).
type AuthenticationScheme struct {
	Type, Name, Description, SpecURI, DocumentationURI string

	Primary bool
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
		DefaultPaging:   text(inner(r, "pagination"), "defaultPaginationMethod"),
		DefaultPageSize: number(r, "pagination", "defaultPageSize"), MaxPageSize: number(r, "pagination", "maxPageSize"),
		CursorTimeout:    time.Duration(min(number(r, "pagination", "cursorTimeout"), maxCursorSeconds)) * time.Second,
		DocumentationURI: text(r.Object, "documentationUri"), AuthenticationSchemes: authenticationSchemes(r),
		Resource: r,
	}, a, nil
}

const maxCursorSeconds = 365 * 24 * 3600 // more seconds than a Duration holds are no promise

func authenticationSchemes(r *scim.Resource) []AuthenticationScheme {
	v, _ := r.Get("authenticationSchemes")
	list, ok := v.AsList()
	if !ok {
		list = []scim.Value{v}
	}
	var out []AuthenticationScheme
	for _, e := range list {
		o, ok := e.AsComplex()
		if !ok {
			continue
		}
		out = append(out, AuthenticationScheme{
			Type: text(o, "type"), Name: text(o, "name"), Description: text(o, "description"),
			SpecURI: text(o, "specUri"), DocumentationURI: text(o, "documentationUri"), Primary: truth(o, "primary"),
		})
	}
	return out
}

// ResourceTypes reads which resources the server has (RFC 7644 §4).
func (c *Client) ResourceTypes(ctx context.Context) ([]scim.ResourceType, Answer, error) {
	return discover(ctx, c, "/ResourceTypes", scim.ParseResourceType)
}

// Schemas reads the server's schemas (RFC 7644 §4).
func (c *Client) Schemas(ctx context.Context) ([]scim.Schema, Answer, error) {
	return discover(ctx, c, "/Schemas", scim.ParseSchema)
}

// ResourceType reads one resource type by its name (RFC 7644 §4).
func (c *Client) ResourceType(ctx context.Context, name string) (scim.ResourceType, Answer, error) {
	return describe(ctx, c, "/ResourceTypes/", name, scim.ResourceTypeFrom)
}

// Schema reads one schema by its URN (RFC 7644 §4).
func (c *Client) Schema(ctx context.Context, urn string) (scim.Schema, Answer, error) {
	return describe(ctx, c, "/Schemas/", urn, scim.SchemaFrom)
}

func describe[T any](ctx context.Context, c *Client, endpoint, id string, parse func(*scim.Resource) (T, error)) (T, Answer, error) {
	var none T
	if id == "" {
		return none, Answer{}, &Error{Class: Terminal, Op: "GET " + endpoint, Err: errors.New("the name is empty, which would name the whole list")}
	}
	a, err := c.one(ctx, call{method: http.MethodGet, endpoint: endpoint + url.PathEscape(id), due: bodyDue}, nil)
	if err != nil {
		return none, a, err
	}
	v, err := parse(a.Resource)
	if err != nil {
		return none, a, &Error{
			Class: Retry, Op: "GET " + endpoint, Status: a.Status, RequestID: a.RequestID, Sent: true,
			Err: fmt.Errorf("%w: %w", ErrUnreadable, err),
		}
	}
	return v, a, nil
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

func inner(r *scim.Resource, name string) scim.Object {
	v, _ := r.Get(name)
	o, _ := v.AsComplex()
	return o
}

func flag(r *scim.Resource, name, sub string) bool { return truth(inner(r, name), sub) }

// truth reads a boolean, or its text, which some servers send.
func truth(o scim.Object, name string) bool {
	v, _ := o.Get(name)
	if b, ok := v.AsBool(); ok {
		return b
	}
	s, _ := v.AsString()
	return strings.EqualFold(s, "true")
}

func number(r *scim.Resource, name, sub string) int {
	v, _ := inner(r, name).Get(sub)
	n, _ := v.AsInteger()
	return int(max(n, 0))
}
