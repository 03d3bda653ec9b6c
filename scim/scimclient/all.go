// SPDX-License-Identifier: Apache-2.0

package scimclient

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/usher-id/usher/scim"
)

// PageOptions bounds a listing. Zero fields mean the defaults.
type PageOptions struct {
	MaxPages     int  // default 100,000
	MaxResources int  // default 10,000,000
	SinglePage   bool // the server has no paging: one request is all there is
	// Again is asked when a page's request has failed, with how often it has
	// failed in a row; nil never tries again. If it returns true, after whatever
	// it has waited for, the same page is asked for once more: a list of a
	// thousand pages would otherwise have to come through without one mishap.
	Again  func(ctx context.Context, failed *Error, times int) bool
	Search bool // ask by POST (RFC 7644 §3.4.3), so that the filter is in no address and no log
}

const (
	defaultMaxPages     = 100_000
	defaultMaxResources = 10_000_000
)

// All reads the pages of an endpoint one after the other, by index
// (RFC 7644 §3.4.2.4) or by cursor (RFC 9865), and yields each resource once. A
// server that answers the first page by index with a cursor is followed by cursor
// (RFC 9865 §2.3). A cursor that expired ends it with an error of class Retry: list
// again from the beginning.
//
// The sequence ends without an error only if the pages fit together: as many
// different resources as the server announced, the same total on every page, no
// cursor twice, no endless run. Anything else ends it with an error whose chain
// holds [ErrIncomplete], and a failed request with its own error; what was
// yielded before exists, what was not may exist too. Even a list without an
// error cannot prove absence on a server where one resource goes and another
// comes between two pages: look up by id before acting on an absence.
func (c *Client) All(ctx context.Context, endpoint string, q Query, opt PageOptions) iter.Seq2[*scim.Resource, error] {
	return func(yield func(*scim.Resource, error) bool) {
		w := newWalk(q, opt)
		for !w.done {
			page, err := c.insist(ctx, endpoint, w.query, opt)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, r := range w.take(page) {
				if !yield(r, nil) {
					return
				}
			}
		}
		if w.flaw != "" {
			yield(nil, &Error{
				Class: Retry, Op: w.op(endpoint), Status: w.last.Status, RequestID: w.last.RequestID, Sent: true,
				Err: fmt.Errorf("%w: %s", ErrIncomplete, w.flaw),
			})
		}
	}
}

// insist reads one page, as often as Again says.
func (c *Client) insist(ctx context.Context, endpoint string, q Query, opt PageOptions) (Page, error) {
	ask := c.List
	if opt.Search {
		ask = c.Search
	}
	for times := 1; ; times++ {
		page, err := ask(ctx, endpoint, q)
		var failed *Error
		if err == nil || opt.Again == nil || !errors.As(err, &failed) || !opt.Again(ctx, failed, times) {
			return page, err
		}
	}
}

// walk is the state of a listing: pure, so that every way a server can lie is a table entry.
type walk struct {
	query   Query
	opt     PageOptions
	ids     map[string]struct{}
	cursors map[string]struct{}
	pages   int
	total   int // as on the first page; -1 if not told
	done    bool
	flaw    string // why the list proves nothing; the first reason stays
	last    Answer
}

func newWalk(q Query, opt PageOptions) *walk {
	if opt.MaxPages <= 0 {
		opt.MaxPages = defaultMaxPages
	}
	if opt.MaxResources <= 0 {
		opt.MaxResources = defaultMaxResources
	}
	q.StartIndex, q.Cursor = 0, "" // a listing that starts in the middle proves nothing
	if !q.UseCursor && !opt.SinglePage {
		q.StartIndex = 1
	}
	return &walk{query: q, opt: opt, ids: map[string]struct{}{}, cursors: map[string]struct{}{}, total: -1}
}

// take notes a page, sets the next query or done, and returns the resources not seen before.
func (w *walk) take(p Page) []*scim.Resource {
	w.pages++
	w.last = p.Answer
	switch {
	case w.total < 0:
		w.total = p.TotalResults
	case p.TotalResults >= 0 && p.TotalResults != w.total:
		w.broken(fmt.Sprintf("the total changed from %d to %d between pages", w.total, p.TotalResults))
	}
	fresh := make([]*scim.Resource, 0, len(p.Resources))
	for _, r := range p.Resources {
		id := r.ID()
		if id == "" {
			w.broken("a resource has no id")
			continue
		}
		if _, seen := w.ids[id]; seen {
			continue // pages shifted; the count at the end tells whether anything is missing
		}
		if len(w.ids) >= w.opt.MaxResources {
			w.broken(fmt.Sprintf("more than %d resources", w.opt.MaxResources))
			w.done = true
			return fresh
		}
		w.ids[id] = struct{}{}
		fresh = append(fresh, r)
	}
	switch {
	case w.opt.SinglePage:
		w.finish()
	case w.query.UseCursor:
		w.nextCursor(p)
	default:
		w.nextIndex(p, len(fresh))
	}
	if !w.done && w.pages >= w.opt.MaxPages {
		w.broken(fmt.Sprintf("more than %d pages", w.opt.MaxPages))
		w.done = true
	}
	return fresh
}

func (w *walk) op(endpoint string) string {
	if w.opt.Search {
		return "POST " + endpoint + "/.search"
	}
	return "GET " + endpoint
}

func (w *walk) nextIndex(p Page, fresh int) {
	w.query.StartIndex += len(p.Resources)
	if w.pages == 1 && p.NextCursor != "" && (w.total < 0 || w.query.StartIndex <= w.total) {
		w.query.StartIndex, w.query.UseCursor = 0, true
		w.nextCursor(p)
		return
	}
	switch {
	case len(p.Resources) == 0:
		w.finish() // the end; if the total says otherwise, finish finds it
	case w.total >= 0 && w.query.StartIndex > w.total:
		w.finish()
	case fresh == 0:
		w.broken("a page came twice")
		w.done = true
	}
}

func (w *walk) nextCursor(p Page) {
	if p.NextCursor == "" {
		w.finish()
		return
	}
	if _, seen := w.cursors[p.NextCursor]; seen {
		w.broken("a cursor came twice")
		w.done = true
		return
	}
	w.cursors[p.NextCursor] = struct{}{}
	w.query.Cursor = p.NextCursor
}

// finish ends the listing and compares what came with what was announced.
func (w *walk) finish() {
	w.done = true
	if w.total >= 0 && len(w.ids) != w.total {
		w.broken(fmt.Sprintf("%d resources came of %d", len(w.ids), w.total))
	}
}

func (w *walk) broken(reason string) {
	if w.flaw == "" {
		w.flaw = reason
	}
}
