// SPDX-License-Identifier: Apache-2.0

package google

import (
	"context"
	"iter"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/usher-id/usher/internal/rest"
)

// maxPages bounds a list: 10 million entries of groups, more of users.
const maxPages = 50_000

// entry is what lists are made of here.
type entry interface{ key() string }

// list reads a list page by page, by the tokens of its answers, see [rest.List]. of is under
// what a page has its entries; a page without any has no such name.
func list[T entry](ctx context.Context, c *Client, r request, of string, parse func(jsontext.Value) (T, error)) iter.Seq2[T, error] {
	return rest.List(c.rest, r, maxPages, func(r request) (page rest.Page, err error) {
		var answer map[string]jsontext.Value
		if err := c.call(ctx, r, &answer); err != nil {
			return page, err
		}
		var token string
		if raw, ok := answer[of]; ok && json.Unmarshal(raw, &page.Entries) != nil {
			return page, c.rest.Unusable(&r, of+" is no list")
		}
		if raw, ok := answer["nextPageToken"]; ok && json.Unmarshal(raw, &token) != nil {
			return page, c.rest.Unusable(&r, "nextPageToken is no text")
		}
		if token != "" {
			page.Next = rest.With(r.Query, "pageToken", token)
		}
		return page, nil
	}, parse, T.key)
}
