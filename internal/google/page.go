// SPDX-License-Identifier: Apache-2.0

package google

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// maxPages bounds a list: 10 million entries of groups, more of users.
const maxPages = 50_000

// ErrIncomplete is in the chain of errors about a list whose pages do not fit together:
// what it leaves out is not known.
var ErrIncomplete = errors.New("the list is not proven complete")

// entry is what lists are made of here.
type entry interface{ key() string }

// list reads a list page by page, by the tokens of its answers, and holds that no entry
// comes twice and each has an id. of is under what a page has its entries; a page without
// any has no such name. It ends with its error.
func list[T entry](ctx context.Context, c *Client, r request, of string, parse func(jsontext.Value) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		if err := each(ctx, c, r, of, parse, yield); err != nil {
			var none T
			yield(none, err)
		}
	}
}

func each[T entry](ctx context.Context, c *Client, r request, of string, parse func(jsontext.Value) (T, error), yield func(T, error) bool) error {
	seen := map[string]bool{}
	query := url.Values{}
	for name, values := range r.Query {
		query[name] = values
	}
	r.Query = query // a list may be read again
	for range maxPages {
		var page map[string]jsontext.Value
		if err := c.call(ctx, r, &page); err != nil {
			return err
		}
		var entries []jsontext.Value
		var token string
		if raw, ok := page[of]; ok && json.Unmarshal(raw, &entries) != nil {
			return c.unusable(&r, of+" is no list")
		}
		if raw, ok := page["nextPageToken"]; ok && json.Unmarshal(raw, &token) != nil {
			return c.unusable(&r, "nextPageToken is no text")
		}
		for _, raw := range entries {
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
		switch token {
		case "":
			return nil
		case r.Query.Get("pageToken"):
			return c.incomplete(&r, "a page leads to itself")
		}
		r.Query.Set("pageToken", token)
	}
	return c.incomplete(&r, "it does not end")
}

func (c *Client) incomplete(r *request, why string) error {
	return c.rest.Fail(r, http.StatusOK, fmt.Errorf("%w: %s", ErrIncomplete, why))
}
