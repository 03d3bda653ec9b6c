// SPDX-License-Identifier: Apache-2.0

package okta

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usher-id/usher/internal/rest"
)

const (
	perPage = "200" // at most
	// maxPages bounds a list: 10 million entries.
	maxPages = 50_000
)

// entry is what lists are made of here.
type entry interface{ key() string }

// list reads a list page by page, as the links of its answers lead, see [rest.List].
func list[T entry](ctx context.Context, c *Client, r request, parse func(jsontext.Value) (T, error)) iter.Seq2[T, error] {
	r.Query = rest.With(r.Query, "limit", perPage)
	return rest.List(c.rest, r, maxPages, func(r request) (page rest.Page, err error) {
		header, err := c.rest.Call(ctx, paced(r), &page.Entries)
		if err != nil {
			return page, err
		}
		var cursor string
		if cursor, page.Lost = next(header, c.base+r.Route); cursor != "" {
			page.Next = rest.With(r.Query, "after", cursor)
		}
		return page, nil
	}, parse, T.key)
}

// next is the cursor to which a list goes on, "" at its end. A link is taken for its
// cursor alone: a token never goes to where an answer says.
func next(h http.Header, where string) (string, error) {
	target, ok := rest.Link(h, "next")
	if !ok {
		return "", nil
	}
	u, err := url.Parse(target)
	if err != nil {
		return "", errors.New("the link to the next page cannot be read")
	}
	if !strings.Contains(where, "{}") && !strings.HasSuffix(where, u.Path) {
		return "", errors.New("the link to the next page leads to another list")
	}
	if cursor := u.Query().Get("after"); cursor != "" {
		return cursor, nil
	}
	return "", errors.New("the link to the next page has no cursor")
}
