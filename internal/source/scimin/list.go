// SPDX-License-Identifier: Apache-2.0

package scimin

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/usher-id/usher/internal/source"
	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimserver"
)

// What one query may cost.
const (
	scanPage = 500
	mostScan = 100_000 // resources that are looked at one by one
	mostTime = 10 * time.Second
)

// within bounds how long the store looks for what no index has: who asks so must not
// keep all others from reading. done makes its error the answer.
func (p *Provider) within(ctx context.Context) (bounded context.Context, done func(error) error) {
	bounded, cancel := context.WithTimeout(ctx, p.longest)
	return bounded, func(err error) error {
		late := bounded.Err() != nil && ctx.Err() == nil
		if cancel(); err == nil || !late {
			return err
		}
		return &scim.Error{
			Status: http.StatusBadRequest, ScimType: scim.TooMany,
			Detail: "the query takes too long; ask by userName, displayName, externalId, id or members, or for pages by cursor",
		}
	}
}

// List implements scimserver.Store. What an index finds is looked at alone. Any
// other filter, and a sort, is the store's; what the store cannot tell is looked at
// here, up to a bound.
func (p *Provider) List(ctx context.Context, typ string, q scimserver.Query) (page scimserver.Page, err error) {
	err = p.c.Store.View(ctx, func(tx source.PushTx) error {
		page = scimserver.Page{}
		if q.Filter == nil && q.SortBy.IsZero() {
			if page.Total, err = tx.PushedCount(ctx, p.c.Source, typ); err != nil || q.Count == 0 {
				return err
			}
			rows, err := tx.PushedAt(ctx, p.c.Source, typ, q.StartIndex-1, q.Count)
			if err != nil {
				return err
			}
			page.Resources, err = p.resources(ctx, tx, rows, q)
			return err
		}
		page, err = p.page(ctx, tx, typ, q)
		return err
	})
	return page, err
}

// page is a page by index of what a filter selects, or in an order.
func (p *Provider) page(ctx context.Context, tx source.PushTx, typ string, q scimserver.Query) (page scimserver.Page, err error) {
	rows, few, err := p.candidates(ctx, tx, typ, q.Filter)
	if err != nil {
		return page, err
	}
	if !few {
		bounded, done := p.within(ctx)
		rows, total, ok, err := tx.PushedPage(bounded, p.query(typ, q), q.StartIndex-1, q.Count)
		if err = done(err); err != nil {
			return page, err
		}
		if ok {
			page.Total = total
			page.Resources, err = p.resources(ctx, tx, rows, q)
			return page, err
		}
	}
	all, err := p.selected(ctx, tx, typ, q, rows, few)
	if err != nil {
		return page, err
	}
	return scimserver.Select(p.c.Schemas, p.schema(typ), all, q), nil
}

// query is what the store is asked.
func (p *Provider) query(typ string, q scimserver.Query) source.PushedQuery {
	out := source.PushedQuery{
		Source: p.c.Source, Type: typ, Schemas: p.c.Schemas, Schema: p.schema(typ),
		Filter: q.Filter, SortBy: q.SortBy, Descending: q.Descending,
	}
	if k := p.kinds[typ]; !k.exact() { // the store compares names as they fold
		out.Name = k.name.Name
	}
	switch typ {
	case typeUser:
		out.Groups = "groups"
	case typeGroup:
		out.Members = "members"
	}
	return out
}

// Walk implements scimserver.CursorStore. Without a sort a cursor names the last
// resource that was given; with one it counts.
func (p *Provider) Walk(ctx context.Context, typ string, q scimserver.Query, cursor string) (page scimserver.Page, err error) {
	var place []int64
	if cursor != "" {
		if place, err = p.c.Cursors.Open(p.c.Source, typ, q, cursor); err != nil {
			return page, err
		}
	}
	at := int64(0)
	if len(place) > 0 {
		at = place[0]
	}
	err = p.c.Store.View(ctx, func(tx source.PushTx) error {
		page = scimserver.Page{Total: -1}
		if !q.SortBy.IsZero() {
			return p.walkSorted(ctx, tx, typ, q, int(at), &page)
		}
		if q.Filter == nil {
			if page.Total, err = tx.PushedCount(ctx, p.c.Source, typ); err != nil {
				return err
			}
		}
		if q.Count == 0 {
			return nil
		}
		last := at
		err := p.scan(ctx, tx, typ, at, q, func(row *source.Pushed, r *scim.Resource) bool {
			if len(page.Resources) == q.Count {
				page.NextCursor = p.c.Cursors.Seal(p.c.Source, typ, q, last)
				return false
			}
			page.Resources, last = append(page.Resources, r), row.Seq
			return true
		})
		return err
	})
	return page, err
}

func (p *Provider) walkSorted(ctx context.Context, tx source.PushTx, typ string, q scimserver.Query, at int, page *scimserver.Page) error {
	from := q
	from.StartIndex = at + 1
	var err error
	if *page, err = p.page(ctx, tx, typ, from); err != nil {
		return err
	}
	if end := at + len(page.Resources); end < page.Total && q.Count > 0 {
		page.NextCursor = p.c.Cursors.Seal(p.c.Source, typ, q, int64(end))
	}
	return nil
}

// selected are the resources that satisfy a filter, in the order in which they
// were made: of a few candidates, or of all.
func (p *Provider) selected(
	ctx context.Context, tx source.PushTx, typ string, q scimserver.Query, rows []source.Pushed, few bool,
) (found []*scim.Resource, err error) {
	if !few {
		err := p.scan(ctx, tx, typ, 0, q, func(_ *source.Pushed, r *scim.Resource) bool {
			found = append(found, r)
			return true
		})
		return found, err
	}
	slices.SortFunc(rows, func(a, b source.Pushed) int { return int(a.Seq - b.Seq) })
	q.Without = p.seen(q)
	all, err := p.resources(ctx, tx, rows, q)
	for _, r := range all {
		if p.c.Schemas.Match(p.schema(typ), q.Filter, r) {
			found = append(found, r)
		}
	}
	return found, err
}

// seen is what may be left out of a resource that a filter is to look at.
func (p *Provider) seen(q scimserver.Query) []scim.Path {
	if q.Filter != nil && strings.Contains(strings.ToLower(q.Filter.String()), "members") || strings.EqualFold(q.SortBy.Attr, "members") {
		return nil
	}
	return q.Without
}

// scan gives every resource after a place that satisfies the filter to fn, until it
// has enough. Of those of which the store cannot tell, no more than mostScan are
// looked at.
func (p *Provider) scan(ctx context.Context, tx source.PushTx, typ string, after int64, q scimserver.Query, fn func(*source.Pushed, *scim.Resource) bool) error {
	q.Without = p.seen(q)
	query := p.query(typ, q)
	size := scanPage
	if q.SortBy.IsZero() {
		size = min(q.Count+1, scanPage) // one more, to know whether there is one
	}
	for looked := 0; ; {
		bounded, done := p.within(ctx)
		rows, exact, err := tx.PushedAfter(bounded, query, after, size)
		if err = done(err); err != nil {
			return err
		}
		all, err := p.resources(ctx, tx, rows, q)
		if err != nil {
			return err
		}
		for i, r := range all {
			if (exact || p.c.Schemas.Match(p.schema(typ), q.Filter, r)) && !fn(&rows[i], r) {
				return nil
			}
			after = rows[i].Seq
		}
		if looked += len(rows); len(rows) < size {
			return nil
		}
		if size = scanPage; looked >= mostScan && !exact {
			return &scim.Error{
				Status: http.StatusBadRequest, ScimType: scim.TooMany,
				Detail: fmt.Sprintf("the query would look at more than %d resources one by one; ask by userName, displayName, externalId, id or members", mostScan),
			}
		}
	}
}

// candidates are all resources that may satisfy a filter, if an index can tell: more
// than those who do, never less.
func (p *Provider) candidates(ctx context.Context, tx source.PushTx, typ string, f scim.Filter) ([]source.Pushed, bool, error) {
	switch f := f.(type) {
	case *scim.Compare:
		return p.compared(ctx, tx, typ, f)
	case *scim.ValuePath:
		if inner, ok := f.Filter.(*scim.Compare); ok && inner.Path.Sub == "" && inner.Path.URN == "" {
			path := scim.Path{URN: f.Path.URN, Attr: f.Path.Attr, Sub: inner.Path.Attr}
			return p.compared(ctx, tx, typ, &scim.Compare{Path: path, Op: inner.Op, Value: inner.Value})
		}
	case *scim.And:
		for _, term := range f.Terms {
			if rows, ok, err := p.candidates(ctx, tx, typ, term); ok || err != nil {
				return rows, ok, err
			}
		}
	case *scim.Or:
		var all []source.Pushed
		for _, term := range f.Terms {
			rows, ok, err := p.candidates(ctx, tx, typ, term)
			if !ok || err != nil {
				return nil, false, err
			}
			for _, r := range rows {
				if !slices.ContainsFunc(all, func(o source.Pushed) bool { return o.ID == r.ID }) {
					all = append(all, r)
				}
			}
		}
		return all, true, nil
	}
	return nil, false, nil
}

func (p *Provider) compared(ctx context.Context, tx source.PushTx, typ string, c *scim.Compare) ([]source.Pushed, bool, error) {
	value, isText := c.Value.AsString()
	if c.Op != scim.OpEq || !isText || value == "" {
		return nil, false, nil
	}
	path := c.Path
	path.Filter = nil
	if typ == typeGroup && strings.EqualFold(path.Attr, "members") && (path.Sub == "" || strings.EqualFold(path.Sub, "value")) {
		groups, err := tx.GroupsWith(ctx, p.c.Source, []string{value})
		var all []source.Pushed
		for _, id := range groups[value] {
			rows, rerr := tx.Pushed(ctx, p.c.Source, typ, source.PushedByID, id, false)
			if rerr != nil {
				return nil, false, rerr
			}
			all = append(all, rows...)
		}
		return all, true, err
	}
	by, value, ok := p.key(typ, path, value)
	if !ok {
		return nil, false, nil
	}
	rows, err := tx.Pushed(ctx, p.c.Source, typ, by, value, false)
	return rows, true, err
}

// resources makes resources of rows: with their members unless the query does
// without, and Users with their groups.
func (p *Provider) resources(ctx context.Context, tx source.PushTx, rows []source.Pushed, q scimserver.Query) ([]*scim.Resource, error) {
	out := make([]*scim.Resource, len(rows))
	var users []string
	headless := slices.ContainsFunc(q.Without, func(at scim.Path) bool { return at.Sub == "" && strings.EqualFold(at.Attr, "members") })
	for i := range rows {
		var err error
		if out[i], err = p.head(&rows[i]); err != nil {
			return nil, err
		}
		switch {
		case rows[i].Type == typeUser:
			users = append(users, rows[i].ID)
		case rows[i].Type == typeGroup && !headless:
			if err := p.addMembers(ctx, tx, out[i]); err != nil {
				return nil, err
			}
		}
	}
	if len(users) == 0 {
		return out, nil
	}
	return out, p.addGroups(ctx, tx, users, out)
}

func (p *Provider) addMembers(ctx context.Context, tx source.PushTx, group *scim.Resource) error {
	members, err := tx.Members(ctx, p.c.Source, group.ID())
	if err != nil || len(members) == 0 {
		return err
	}
	values := make([]scim.Value, len(members))
	for i, m := range members {
		if values[i], err = scim.ParseValue(m.Body, scim.Limits{}); err != nil {
			return fmt.Errorf("group %s: %w", group.ID(), err)
		}
	}
	group.Set("members", scim.List(values...))
	return nil
}

// addGroups says which groups Users are in (RFC 7643 §4.1.2: read-only).
func (p *Provider) addGroups(ctx context.Context, tx source.PushTx, users []string, into []*scim.Resource) error {
	groups, err := tx.GroupsOf(ctx, p.c.Source, users)
	if err != nil || len(groups) == 0 {
		return err
	}
	for _, r := range into {
		in := groups[r.ID()]
		values := make([]scim.Value, len(in))
		for i, g := range in {
			var o scim.Object
			o.Set("value", scim.String(g.ID))
			if g.DisplayName != "" {
				o.Set("display", scim.String(g.DisplayName))
			}
			o.Set("type", scim.String("direct")) // groups of groups are not told (RFC 7643 §4.1.2)
			values[i] = scim.Complex(o)
		}
		if len(values) > 0 {
			r.Set("groups", scim.List(values...))
		}
	}
	return nil
}

// head is a row as a resource, without members and groups.
func (p *Provider) head(row *source.Pushed) (*scim.Resource, error) {
	r, err := scim.ParseResource(row.Body, scim.Limits{})
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", row.Type, row.ID, err)
	}
	r.SetID(row.ID)
	r.SetMeta(row.Created, row.Modified, tag(row.Version))
	return r, nil
}
