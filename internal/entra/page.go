// SPDX-License-Identifier: Apache-2.0

package entra

import (
	"context"
	"errors"
	"iter"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usher-id/usher/internal/rest"
)

const (
	perPage = "999" // at most
	// maxPages bounds a list: 20 million entries.
	maxPages = 20_000
)

// entry is what lists are made of here.
type entry interface{ key() string }

// list reads a list page by page, as @odata.nextLink leads, see [rest.List].
func list[T entry](ctx context.Context, c *Client, r request, parse func(jsontext.Value) (T, error)) iter.Seq2[T, error] {
	r.Query = rest.With(r.Query, "$top", perPage)
	return rest.List(c.rest, r, maxPages, func(r request) (page rest.Page, err error) {
		var answer struct {
			Value []jsontext.Value `json:"value"`
			Next  string           `json:"@odata.nextLink"`
		}
		if err := c.call(ctx, r, &answer); err != nil {
			return page, err
		}
		if answer.Value == nil {
			return page, c.rest.Unusable(&r, "there is no list in it")
		}
		page.Entries = answer.Value
		page.Next, page.Lost = next(answer.Next, r.Route)
		return page, nil
	}, parse, T.key)
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
