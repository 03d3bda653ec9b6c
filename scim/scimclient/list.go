// SPDX-License-Identifier: Apache-2.0

package scimclient

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/usher-id/usher/scim"
)

// Query selects resources (RFC 7644 §3.4.2, RFC 9865 §2). Zero fields are not sent.
type Query struct {
	Filter             scim.Filter
	Attributes         []string
	ExcludedAttributes []string
	SortBy             string
	Descending         bool
	StartIndex         int // from 1; for paging by index
	Count              int
	Cursor             string
	UseCursor          bool // page by cursor; the first page has an empty one
}

// Page is one page of a list.
type Page struct {
	Answer             // its Resource is nil
	TotalResults   int // -1 if the server did not say
	StartIndex     int
	ItemsPerPage   int
	NextCursor     string
	PreviousCursor string
	Resources      []*scim.Resource
}

// List reads one page of an endpoint. An empty endpoint asks the whole service.
func (c *Client) List(ctx context.Context, endpoint string, q Query, opts ...Option) (Page, error) {
	req := &request{method: http.MethodGet, endpoint: endpoint, read: true}
	q.each(func(name string, value any) {
		switch v := value.(type) {
		case []string:
			req.setQuery(name, strings.Join(v, ","))
		case string:
			req.setQuery(name, v)
		case int:
			req.setQuery(name, strconv.Itoa(v))
		}
	})
	if q.UseCursor {
		// Present and empty asks for the first page by cursor (RFC 9865 §2.1).
		req.addQuery("cursor", q.Cursor)
	}
	return c.page(ctx, req, call{endpoint: endpoint}, opts)
}

// Search is List by POST (RFC 7644 §3.4.3): the filter stays out of the address, and of logs.
func (c *Client) Search(ctx context.Context, endpoint string, q Query, opts ...Option) (Page, error) {
	endpoint = strings.TrimRight(endpoint, "/") + "/.search"
	message := object{}
	message.set("schemas", []string{"urn:ietf:params:scim:api:messages:2.0:SearchRequest"})
	q.each(message.set)
	if q.UseCursor {
		message.set("cursor", q.Cursor)
	}
	req := &request{method: http.MethodPost, endpoint: endpoint, read: true}
	return c.page(ctx, req, call{endpoint: endpoint, body: message}, opts)
}

// each calls f for every parameter that is set, in a fixed order.
func (q Query) each(f func(name string, value any)) {
	if q.Filter != nil {
		f("filter", q.Filter.String())
	}
	if len(q.Attributes) > 0 {
		f("attributes", q.Attributes)
	}
	if len(q.ExcludedAttributes) > 0 {
		f("excludedAttributes", q.ExcludedAttributes)
	}
	if q.SortBy != "" {
		f("sortBy", q.SortBy)
		if q.Descending {
			f("sortOrder", "descending")
		}
	}
	if q.StartIndex != 0 && !q.UseCursor {
		f("startIndex", q.StartIndex)
	}
	if q.Count != 0 {
		f("count", q.Count)
	}
}

func (c *Client) page(ctx context.Context, req *request, k call, opts []Option) (Page, error) {
	x, err := c.send(ctx, req, k, opts)
	if err != nil {
		return Page{Answer: x.answer(nil)}, err
	}
	l, err := x.list(c.limits)
	if err != nil {
		return Page{Answer: x.answer(nil)}, x.unreadable(err)
	}
	return Page{
		Answer: x.answer(nil), TotalResults: l.TotalResults, StartIndex: l.StartIndex, ItemsPerPage: l.ItemsPerPage,
		NextCursor: l.NextCursor, PreviousCursor: l.PreviousCursor, Resources: l.Resources,
	}, nil
}

// list reads the body as a ListResponse.
func (x *exchange) list(lim scim.Limits) (*scim.ListResponse, error) {
	if x.status != http.StatusOK && x.status != http.StatusNonAuthoritativeInfo {
		return nil, fmt.Errorf("%w: status %d to a query", ErrUnreadable, x.status)
	}
	if len(bytes.TrimSpace(x.body)) == 0 {
		return nil, fmt.Errorf("%w: it has no body", ErrUnreadable)
	}
	data, err := x.json()
	if err != nil {
		return nil, err
	}
	l, err := scim.ParseListResponse(data, lim)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	return l, nil
}

// object is a JSON object of a SCIM message, in the order of its making.
type object struct{ members []member }

type member struct {
	name  string
	value any
}

func (o *object) set(name string, value any) { o.members = append(o.members, member{name, value}) }

func (o object) MarshalJSON() ([]byte, error) {
	out := []byte{'{'}
	for i, m := range o.members {
		if i > 0 {
			out = append(out, ',')
		}
		value, err := json.Marshal(m.value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.name, err)
		}
		out = append(out, strconv.Quote(m.name)+":"...)
		out = append(out, value...)
	}
	return append(out, '}'), nil
}
