// SPDX-License-Identifier: Apache-2.0

package github

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	perPage = "100" // at most
	// maxPages bounds a list: a million entries.
	maxPages = 10_000
)

// ErrIncomplete is in the chain of errors about a list whose pages do not fit together:
// what it leaves out is not known.
var ErrIncomplete = errors.New("the list is not proven complete")

// list reads a list page by page, as the links of its answers lead (RFC 8288), and holds
// that no entry comes twice and each has an id. It ends with its error. Pages go by
// number: an entry that goes away meanwhile may hide another.
func list[W any, T interface{ key() int64 }](ctx context.Context, c *Client, r request, read func(*W) (T, bool)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		if err := each(ctx, c, r, read, yield); err != nil {
			var none T
			yield(none, err)
		}
	}
}

func each[W any, T interface{ key() int64 }](ctx context.Context, c *Client, r request, read func(*W) (T, bool), yield func(T, error) bool) error {
	seen := map[int64]bool{}
	query := url.Values{"per_page": {perPage}}
	for name, values := range r.Query {
		query[name] = values
	}
	r.Query = query
	for page := 1; page <= maxPages; {
		if page > 1 {
			r.Query.Set("page", strconv.Itoa(page))
		}
		var entries []jsontext.Value
		header, err := c.rest.Call(ctx, r, &entries)
		switch {
		case IsNotFound(err) && strings.HasPrefix(r.Route, "/orgs/"):
			return cmp.Or(c.seen(ctx), c.noList(err))
		case err != nil:
			return err
		}
		for _, raw := range entries {
			var w W
			if json.Unmarshal(raw, &w) != nil {
				return c.unusable(&r, "an entry is not as documented")
			}
			v, ok := read(&w)
			switch {
			case !ok || v.key() <= 0:
				return c.unusable(&r, "an entry is not as documented")
			case seen[v.key()]:
				return c.incomplete(&r, "an entry comes twice, so that another may have been passed over; read it again")
			}
			seen[v.key()] = true
			if !yield(v, nil) {
				return nil
			}
		}
		next, err := next(header)
		switch {
		case err != nil:
			return c.incomplete(&r, err.Error())
		case next == 0:
			return nil
		case next <= page:
			return c.incomplete(&r, "a page leads to itself")
		}
		page = next
	}
	return c.incomplete(&r, "it does not end")
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

func (c *Client) incomplete(r *request, why string) error {
	return c.rest.Fail(r, http.StatusOK, fmt.Errorf("%w: %s", ErrIncomplete, why))
}

// next is the page to which a list goes on, 0 at its end. A link is taken for its number
// alone: a token never goes to where an answer says.
func next(h http.Header) (int, error) {
	for _, line := range h.Values("Link") {
		for _, link := range links.FindAllStringSubmatch(line, -1) {
			if !isNext(link[2]) {
				continue
			}
			u, err := url.Parse(link[1])
			if err != nil {
				return 0, errors.New("the link to the next page cannot be read")
			}
			n, err := strconv.Atoi(u.Query().Get("page"))
			if err != nil || n <= 0 {
				return 0, errors.New("the link to the next page has no number")
			}
			return n, nil
		}
	}
	return 0, nil
}

// links are those of a Link header (RFC 8288 §3): a target, which may hold commas, and
// what is said of it.
var links = regexp.MustCompile(`<([^>]*)>([^<]*)`)

func isNext(params string) bool {
	for _, p := range strings.Split(strings.TrimRight(params, ", "), ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
		if strings.EqualFold(name, "rel") && strings.Trim(value, `"`) == "next" {
			return true
		}
	}
	return false
}
