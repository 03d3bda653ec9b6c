// SPDX-License-Identifier: Apache-2.0

package auth0

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/usher-id/usher/internal/rest"
)

const (
	perPage = 50
	// maxPages bounds a list by checkpoints: 10 million entries.
	maxPages = 200_000
)

// ErrIncomplete is in the chain of errors about a list whose pages do not fit
// together: what it leaves out is not known.
var ErrIncomplete = errors.New("the list is not proven complete")

// page is one of a list. Which of the names its entries go by is the list's.
type page struct {
	entries []jsontext.Value
	total   int // -1 if it is not told
	next    string
}

// readPage takes an object with the entries under a name, or a bare array of them.
func (c *Client) readPage(ctx context.Context, r request, names ...string) (page, error) {
	var raw jsontext.Value
	p := page{total: -1}
	if err := c.call(ctx, r, &raw); err != nil {
		return p, err
	}
	unusable := &Error{API: api, Op: op(&r), Status: http.StatusOK, Err: fmt.Errorf("%w: it is no page of a list", rest.ErrUnreadable)}
	if raw.Kind() == '[' {
		if json.Unmarshal(raw, &p.entries) != nil {
			return p, unusable
		}
		return p, nil
	}
	var object map[string]jsontext.Value
	if json.Unmarshal(raw, &object) != nil {
		return p, unusable
	}
	var found bool
	for _, name := range names {
		if list, ok := object[name]; ok && list.Kind() == '[' {
			found = json.Unmarshal(list, &p.entries) == nil
			break
		}
	}
	if !found {
		return p, unusable
	}
	if total, ok := object["total"]; ok && json.Unmarshal(total, &p.total) != nil {
		return p, unusable
	}
	if next, ok := object["next"]; ok && next.Kind() != 'n' && json.Unmarshal(next, &p.next) != nil {
		return p, unusable
	}
	return p, nil
}

// byCheckpoint reads a list page by page with from and take. A checkpoint is good for
// 24 hours, and leads forward only.
func (c *Client) byCheckpoint(ctx context.Context, r request, yield func(jsontext.Value) (bool, error), names ...string) error {
	query := maps.Clone(r.Query)
	if query == nil {
		query = url.Values{}
	}
	query.Set("take", strconv.Itoa(perPage))
	r.Query = query
	for range maxPages {
		p, err := c.readPage(ctx, r, names...)
		if err != nil {
			return err
		}
		for _, entry := range p.entries {
			if more, err := yield(entry); err != nil || !more {
				return err
			}
		}
		switch p.next {
		case "":
			return nil
		case query.Get("from"):
			return incomplete(&r, "a page leads to itself")
		}
		query.Set("from", p.next)
	}
	return incomplete(&r, "it does not end")
}

// byOffset reads a list page by page with page and per_page, of 1,000 entries at most,
// and holds the totals that its pages tell against what they hold. first is asked
// about the total before the first entry.
func (c *Client) byOffset(ctx context.Context, r request, first func(total int) error, yield func(jsontext.Value) (bool, error), names ...string) error {
	query := maps.Clone(r.Query)
	if query == nil {
		query = url.Values{}
	}
	query.Set("per_page", strconv.Itoa(perPage))
	query.Set("include_totals", "true")
	r.Query = query
	read, total := 0, 0
	for n := 0; ; n++ {
		query.Set("page", strconv.Itoa(n))
		p, err := c.readPage(ctx, r, names...)
		switch {
		case err != nil:
			return err
		case p.total < 0:
			return incomplete(&r, "its total is not told")
		case n == 0:
			if err := first(p.total); err != nil {
				return err
			}
		case p.total < total:
			return incomplete(&r, "it became shorter while it was read, so that somebody may have been passed over; read it again")
		}
		if read+len(p.entries) > p.total {
			return incomplete(&r, "it has more entries than its total tells")
		}
		total = p.total
		for _, entry := range p.entries {
			if more, err := yield(entry); err != nil || !more {
				return err
			}
		}
		read += len(p.entries)
		switch {
		case read == total:
			return nil
		case len(p.entries) == 0 || read >= MostListed:
			return incomplete(&r, fmt.Sprintf("it ends after %d of %d entries", read, total))
		}
	}
}

func incomplete(r *request, why string) error {
	return &Error{API: api, Op: op(r), Status: http.StatusOK, Err: fmt.Errorf("%w: %s", ErrIncomplete, why)}
}

// unusable is an entry of an answer that cannot be read.
func unusable(r *request, err error) error {
	return &Error{API: api, Op: op(r), Status: http.StatusOK, Err: fmt.Errorf("%w: %w", rest.ErrUnreadable, err)}
}

// entry is what lists are made of here.
type entry interface{ key() string }

// once yields each entry of a list, and holds that none comes twice and each has an id.
func once[T entry](r *request, parse func(jsontext.Value) (T, error), yield func(T, error) bool) func(jsontext.Value) (bool, error) {
	seen := map[string]bool{}
	return func(raw jsontext.Value) (bool, error) {
		v, err := parse(raw)
		switch {
		case err != nil:
			return false, unusable(r, err)
		case v.key() == "":
			return false, unusable(r, errors.New("an entry has no id"))
		case seen[v.key()]:
			return false, incomplete(r, "an entry comes twice, so that another may have been passed over; read it again")
		}
		seen[v.key()] = true
		return yield(v, nil), nil
	}
}

// checkpoints is a list by checkpoints as a sequence, which ends with its error.
func checkpoints[T entry](ctx context.Context, c *Client, r request, parse func(jsontext.Value) (T, error), names ...string) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		if err := c.byCheckpoint(ctx, r, once(&r, parse, yield), names...); err != nil {
			var none T
			yield(none, err)
		}
	}
}

// offsets is a list by offsets as a sequence, which ends with its error.
func offsets[T entry](ctx context.Context, c *Client, r request, parse func(jsontext.Value) (T, error), names ...string) iter.Seq2[T, error] {
	few := func(total int) error {
		if total > MostListed {
			return &Error{API: api, Op: op(&r), Status: http.StatusOK, Err: ErrTooMany}
		}
		return nil
	}
	return func(yield func(T, error) bool) {
		if err := c.byOffset(ctx, r, few, once(&r, parse, yield), names...); err != nil {
			var none T
			yield(none, err)
		}
	}
}

// parseJSON reads an entry into a value, without quoting it in an error.
func parseJSON[T any](raw jsontext.Value) (T, error) {
	var v T
	if json.Unmarshal(raw, &v) != nil {
		return v, errors.New("an entry is not as expected")
	}
	return v, nil
}
