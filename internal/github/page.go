// SPDX-License-Identifier: Apache-2.0

package github

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/usher-id/usher/internal/rest"
)

const (
	perPage = "100" // at most
	// maxPages bounds a list: a million entries.
	maxPages = 10_000
)

// list reads a list page by page, as the links of its answers lead, see [rest.List]. Pages
// go by number: an entry that goes away meanwhile may hide another.
func list[W any, T interface{ key() int64 }](ctx context.Context, c *Client, r request, read func(*W) (T, bool)) iter.Seq2[T, error] {
	r.Query = rest.With(r.Query, "per_page", perPage)
	return rest.List(c.rest, r, maxPages, func(r request) (page rest.Page, err error) {
		header, err := c.rest.Call(ctx, r, &page.Entries)
		switch {
		case IsNotFound(err) && strings.HasPrefix(r.Route, "/orgs/"):
			return page, cmp.Or(c.seen(ctx), c.noList(err))
		case err != nil:
			return page, err
		}
		var n int
		if n, page.Lost = next(header, r.Query.Get("page")); n > 0 {
			page.Next = rest.With(r.Query, "page", strconv.Itoa(n))
		}
		return page, nil
	}, func(raw jsontext.Value) (T, error) {
		var w W
		if json.Unmarshal(raw, &w) == nil {
			if v, ok := read(&w); ok && v.key() > 0 {
				return v, nil
			}
		}
		var none T
		return none, errors.New("an entry is not as documented")
	}, T.key)
}

// noList is a list of the organization that is not there while the organization is. It is
// nobody's absence.
func (c *Client) noList(err error) error {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return err
	}
	no := *e
	no.Foreign, no.Err = true, errors.New("the organization is there, and its list is not: nothing follows from that")
	return &no
}

// next is the page to which a list goes on, 0 at its end. A link is taken for its number
// alone: a token never goes to where an answer says. here is the page that was asked for,
// "" the first.
func next(h http.Header, here string) (int, error) {
	target, ok := rest.Link(h, "next")
	if !ok {
		return 0, nil
	}
	u, err := url.Parse(target)
	if err != nil {
		return 0, errors.New("the link to the next page cannot be read")
	}
	n, err := strconv.Atoi(u.Query().Get("page"))
	if err != nil || n <= 0 {
		return 0, errors.New("the link to the next page has no number")
	}
	if at, _ := strconv.Atoi(cmp.Or(here, "1")); n <= at { // which is a number of ours
		return 0, errors.New("a page leads to itself")
	}
	return n, nil
}
