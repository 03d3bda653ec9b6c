// SPDX-License-Identifier: Apache-2.0

package okta

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	perPage = "200" // at most
	// maxPages bounds a list: 10 million entries.
	maxPages = 50_000
)

// ErrIncomplete is in the chain of errors about a list whose pages do not fit together:
// what it leaves out is not known.
var ErrIncomplete = errors.New("the list is not proven complete")

// entry is what lists are made of here.
type entry interface{ key() string }

// list reads a list page by page, as the links of its answers lead (RFC 8288), and holds
// that no entry comes twice and each has an id. It ends with its error.
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
	r.Query.Set("limit", perPage)
	for range maxPages {
		var page []jsontext.Value
		header, err := c.rest.Call(ctx, paced(r), &page)
		if err != nil {
			return err
		}
		for _, raw := range page {
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
		cursor, err := next(header, c.base+r.Route)
		switch {
		case err != nil:
			return c.incomplete(&r, err.Error())
		case cursor == "":
			return nil
		case cursor == r.Query.Get("after"):
			return c.incomplete(&r, "a page leads to itself")
		}
		r.Query.Set("after", cursor)
	}
	return c.incomplete(&r, "it does not end")
}

func (c *Client) incomplete(r *request, why string) error {
	return c.rest.Fail(r, http.StatusOK, fmt.Errorf("%w: %s", ErrIncomplete, why))
}

// next is the cursor to which a list goes on, "" at its end. A link is taken for its
// cursor alone: a token never goes to where an answer says.
func next(h http.Header, where string) (string, error) {
	for _, line := range h.Values("Link") {
		for _, link := range links.FindAllStringSubmatch(line, -1) {
			if !isNext(link[2]) {
				continue
			}
			u, err := url.Parse(link[1])
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
	}
	return "", nil
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
