// SPDX-License-Identifier: Apache-2.0

package entra

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	perPage = "999" // at most
	// maxPages bounds a list: 20 million entries.
	maxPages = 20_000
)

// ErrIncomplete is in the chain of errors about a list whose pages do not fit together:
// what it leaves out is not known.
var ErrIncomplete = errors.New("the list is not proven complete")

// entry is what lists are made of here.
type entry interface{ key() string }

// list reads a list page by page, as @odata.nextLink leads, and holds that no entry comes
// twice and each has an id. It ends with its error.
func list[T entry](ctx context.Context, c *Client, r request, parse func(jsontext.Value) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		if err := each(ctx, c, r, parse, yield); err != nil {
			var none T
			yield(none, err)
		}
	}
}

func each[T entry](ctx context.Context, c *Client, r request, parse func(jsontext.Value) (T, error), yield func(T, error) bool) error {
	seen := map[string]bool{}
	if r.Query == nil {
		r.Query = url.Values{}
	}
	r.Query.Set("$top", perPage)
	for range maxPages {
		var page struct {
			Value []jsontext.Value `json:"value"`
			Next  string           `json:"@odata.nextLink"`
		}
		if err := c.call(ctx, r, &page); err != nil {
			return err
		}
		if page.Value == nil {
			return c.unusable(&r, "there is no list in it")
		}
		for _, raw := range page.Value {
			v, err := parse(raw)
			switch {
			case err != nil:
				return c.unusable(&r, err.Error())
			case v.key() == "":
				return c.unusable(&r, "an entry has no id")
			case seen[v.key()]:
				return c.incomplete(&r, "an entry comes twice, so that another may have been passed over; read it again")
			}
			seen[v.key()] = true
			if !yield(v, nil) {
				return nil
			}
		}
		query, err := next(page.Next, r.Route)
		switch {
		case err != nil:
			return c.incomplete(&r, err.Error())
		case query == nil:
			return nil
		case query.Encode() == r.Query.Encode():
			return c.incomplete(&r, "a page leads to itself")
		}
		r.Query = query
	}
	return c.incomplete(&r, "it does not end")
}

func (c *Client) incomplete(r *request, why string) error {
	return c.rest.Fail(r, http.StatusOK, fmt.Errorf("%w: %s", ErrIncomplete, why))
}

// next is the query by which a list goes on, nil at its end. A link is taken for its query
// alone, which is whole as the maker wants it: a token never goes to where an answer says.
func next(link, route string) (url.Values, error) {
	if link == "" {
		return nil, nil
	}
	u, err := url.Parse(link)
	if err != nil {
		return nil, errors.New("the link to the next page cannot be read")
	}
	query, err := url.ParseQuery(u.RawQuery)
	switch {
	case err != nil || len(query) == 0:
		return nil, errors.New("the link to the next page has no query")
	case !strings.Contains(route, "{}") && !strings.HasSuffix(strings.TrimRight(u.Path, "/"), route):
		return nil, errors.New("the link to the next page leads to another list")
	}
	return query, nil
}
