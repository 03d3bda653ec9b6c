// SPDX-License-Identifier: Apache-2.0

package scimin

import (
	"context"
	"fmt"
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
	mostScan = 100_000 // resources that are looked at one by one, or sorted here
	mostFew  = 1000    // resources that keys find, for them to be looked at alone
	mostTime = 10 * time.Second
)

// keys is what may be asked for however many resources there are, in pages by index and
// by cursor.
const keys = "ask with eq for an id, an externalId, the userName of a User, or the displayName or a member of a Group"

// view runs fn on what is stored and bounds how long it may take, from its first look
// to its last: who asks for what no index has must not keep all others from reading.
func (p *Provider) view(ctx context.Context, fn func(context.Context, source.PushTx) error) error {
	return p.c.Store.View(ctx, func(tx source.PushTx) error {
		bounded, cancel := context.WithTimeout(ctx, p.longest)
		defer cancel()
		err := fn(bounded, tx)
		if err != nil && bounded.Err() != nil && ctx.Err() == nil {
			return tooMany("the query takes too long; " + keys)
		}
		return err
	})
}

// List implements scimserver.Store. What an index finds is looked at alone. Any
// other filter, and a sort, is the store's; what the store cannot tell is looked at
// here, up to a bound.
func (p *Provider) List(ctx context.Context, typ string, q scimserver.Query) (page scimserver.Page, err error) {
	err = p.view(ctx, func(ctx context.Context, tx source.PushTx) error {
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
		rows, total, ok, err := tx.PushedPage(ctx, p.query(typ, q), q.StartIndex-1, q.Count)
		if err != nil {
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
	err = p.view(ctx, func(ctx context.Context, tx source.PushTx) error {
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
// were made: of a few candidates, or of all. Those that are to be sorted are held at
// once, so there is a bound on how many, whoever has found them.
func (p *Provider) selected(
	ctx context.Context, tx source.PushTx, typ string, q scimserver.Query, rows []source.Pushed, few bool,
) (found []*scim.Resource, err error) {
	if !few {
		err := p.scan(ctx, tx, typ, 0, q, func(_ *source.Pushed, r *scim.Resource) bool {
			found = append(found, r)
			return len(found) <= p.most || q.SortBy.IsZero()
		})
		if err == nil && len(found) > p.most && !q.SortBy.IsZero() {
			err = tooMany(fmt.Sprintf("more than %d resources would have to be sorted by %s one by one; sort by id, displayName or meta.created, or ask for fewer by a filter", p.most, q.SortBy))
		}
		return found, err
	}
	slices.SortFunc(rows, func(a, b source.Pushed) int { return int(a.Seq - b.Seq) })
	q.Without = p.seen(q)
	all, err := p.resources(ctx, tx, rows, q)
	for _, r := range all {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
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
// has enough. Of those of which the store cannot tell, no more than a bound are looked
// at.
func (p *Provider) scan(ctx context.Context, tx source.PushTx, typ string, after int64, q scimserver.Query, fn func(*source.Pushed, *scim.Resource) bool) error {
	q.Without = p.seen(q)
	query := p.query(typ, q)
	size := scanPage
	if q.SortBy.IsZero() {
		size = min(q.Count+1, scanPage) // one more, to know whether there is one
	}
	for looked := 0; ; {
		rows, exact, err := tx.PushedAfter(ctx, query, after, size)
		if err != nil {
			return err
		}
		all, err := p.resources(ctx, tx, rows, q)
		if err != nil {
			return err
		}
		for i, r := range all {
			if err := ctx.Err(); err != nil {
				return err
			}
			if (exact || p.c.Schemas.Match(p.schema(typ), q.Filter, r)) && !fn(&rows[i], r) {
				return nil
			}
			after = rows[i].Seq
		}
		if looked += len(rows); len(rows) < size {
			return nil
		}
		if size = scanPage; looked >= p.most && !exact {
			return tooMany(fmt.Sprintf("the query would look at more than %d resources one by one; %s", p.most, keys))
		}
	}
}

// candidates are all resources that may satisfy a filter, if a key can tell and they
// are few: more than those who do, never less.
func (p *Provider) candidates(ctx context.Context, tx source.PushTx, typ string, f scim.Filter) ([]source.Pushed, bool, error) {
	switch f := f.(type) {
	case *scim.Compare:
		return p.compared(ctx, tx, typ, f)
	case *scim.And:
		for _, term := range f.Terms {
			if rows, ok, err := p.candidates(ctx, tx, typ, term); ok || err != nil {
				return rows, ok, err
			}
		}
	case *scim.Or:
		var all []source.Pushed
		seen := map[string]bool{}
		for _, term := range f.Terms {
			if err := ctx.Err(); err != nil { // to find one by its key does not look
				return nil, false, err
			}
			rows, ok, err := p.candidates(ctx, tx, typ, term)
			if !ok || err != nil {
				return nil, false, err
			}
			for _, r := range rows {
				if !seen[r.ID] {
					seen[r.ID], all = true, append(all, r)
				}
			}
			if len(all) > mostFew {
				return nil, false, nil
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
	by, value, ok := p.key(typ, path, value)
	if !ok {
		return nil, false, nil
	}
	rows, err := tx.Pushed(ctx, p.c.Source, typ, by, value, false)
	return rows, err == nil && len(rows) <= mostFew, err
}

// leftOut tells whether an answer shows nothing of an attribute of the type's own schema.
func leftOut(without []scim.Path, attribute string) bool {
	return slices.ContainsFunc(without, func(at scim.Path) bool { return at.URN == "" && at.Sub == "" && strings.EqualFold(at.Attr, attribute) })
}

// resources makes resources of rows: with their members unless the query does
// without, and Users with their groups.
func (p *Provider) resources(ctx context.Context, tx source.PushTx, rows []source.Pushed, q scimserver.Query) ([]*scim.Resource, error) {
	out := make([]*scim.Resource, len(rows))
	var users []string
	headless := leftOut(q.Without, "members")
	for i := range rows {
		err := ctx.Err()
		if err != nil {
			return nil, err
		}
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
		setGroups(r, groups[r.ID()])
	}
	return nil
}

func setGroups(user *scim.Resource, in []source.PushedGroup) {
	if len(in) > 0 {
		user.Set("groups", groupValues(in))
	}
}

func groupValues(in []source.PushedGroup) scim.Value {
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
	return scim.List(values...)
}

// head is a row as a resource, without members and groups.
func (p *Provider) head(row *source.Pushed) (*scim.Resource, error) {
	r, err := scim.ParseResource(row.Body, scim.Limits{})
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", row.Type, row.ID, err)
	}
	dress(r, row)
	return r, nil
}

// dress adds to a body what stands beside it in every row.
func dress(r *scim.Resource, row *source.Pushed) {
	r.SetID(row.ID)
	r.SetMeta(row.Created, row.Modified, tag(row.Version))
}
