// SPDX-License-Identifier: Apache-2.0

package rest

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"net/url"

	"github.com/go-json-experiment/json/jsontext"
)

// ErrIncomplete is in the chain of errors about a list whose pages do not fit together:
// what it leaves out is not known.
var ErrIncomplete = errors.New("the list is not proven complete")

// Unusable is an answer of success that cannot be read.
func (c *Client) Unusable(r *Request, why string) *Error {
	return c.Fail(r, http.StatusOK, fmt.Errorf("%w: %s", ErrUnreadable, why))
}

// Incomplete is a list whose pages do not fit together.
func (c *Client) Incomplete(r *Request, why string) *Error {
	return c.Fail(r, http.StatusOK, fmt.Errorf("%w: %s", ErrIncomplete, why))
}

// Page is a part of a list.
type Page struct {
	Entries []jsontext.Value
	Next    url.Values // the query that leads to the next one; nil: there is none
	// Lost says why it is not known what leads there; nil: it is. What is here counts all
	// the same.
	Lost error
}

// List reads a list page by page, and holds that no entry comes twice and each has an id,
// the zero K being none. ask asks for one page, of most; it must leave a query as it is. The
// list ends with its error, and may be read again.
func List[T any, K comparable](c *Client, r Request, most int, ask func(Request) (Page, error), parse func(jsontext.Value) (T, error), id func(T) K) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		if err := each(c, r, most, ask, parse, id, yield); err != nil {
			var none T
			yield(none, err)
		}
	}
}

func each[T any, K comparable](c *Client, r Request, most int, ask func(Request) (Page, error), parse func(jsontext.Value) (T, error), id func(T) K, yield func(T, error) bool) error {
	var none K
	seen := map[K]bool{}
	for range most {
		page, err := ask(r)
		if err != nil {
			return err
		}
		for _, raw := range page.Entries {
			v, err := parse(raw)
			if err != nil {
				return c.Unusable(&r, err.Error())
			}
			switch key := id(v); {
			case key == none:
				return c.Unusable(&r, "an entry has no id")
			case seen[key]:
				return c.Incomplete(&r, "an entry comes twice, so that another may have been passed over; read it again")
			default:
				seen[key] = true
			}
			if !yield(v, nil) {
				return nil
			}
		}
		switch {
		case page.Lost != nil:
			return c.Incomplete(&r, page.Lost.Error())
		case page.Next == nil:
			return nil
		case page.Next.Encode() == r.Query.Encode():
			return c.Incomplete(&r, "a page leads to itself")
		}
		r.Query = page.Next
	}
	return c.Incomplete(&r, "it does not end")
}

// With is a query with a value instead of those that it has under a name, if it has.
func With(q url.Values, name, value string) url.Values {
	out := url.Values{}
	maps.Copy(out, q)
	out.Set(name, value)
	return out
}
