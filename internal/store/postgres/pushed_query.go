// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/usher-id/usher/internal/source"
	"github.com/usher-id/usher/scim"
)

// compiled is a query about pushed resources: what SQL tells, from FROM up to ORDER BY,
// and what is asked of each row beside it.
type compiled struct {
	compiler
	from  string
	ask   scim.Filter // nil if SQL tells all that can be told
	exact bool        // both together are true of neither more nor less than the filter is
}

func compile(q source.PushedQuery) *compiled {
	c := &compiled{compiler: compiler{q: q}}
	c.args = append(c.args, q.Source, q.Type)
	c.from = `FROM pushed p WHERE p.source = $1 AND p.type = $2 AND NOT p.deleted`
	cond, ok := c.filter(q.Filter)
	if ok {
		c.from += " AND " + cond.sql
	}
	if c.exact = ok && cond.exact; !c.exact {
		c.ask, c.exact = c.told(q.Filter)
	}
	if and, is := q.Filter.(*scim.And); !c.exact && is {
		c.exact = c.covered(and)
	}
	return c
}

// covered tells whether each term is told wholly, by SQL or of the row.
func (c *compiled) covered(f *scim.And) bool {
	before := len(c.args)
	defer func() { c.args = c.args[:before] }()
	for _, t := range f.Terms {
		if cond, ok := c.filter(t); ok && cond.exact {
			continue
		}
		if _, whole := c.told(t); !whole {
			return false
		}
	}
	return true
}

// resource is a row as Match is to see it.
func resource(p *source.Pushed) (*scim.Resource, error) {
	r, err := scim.ParseResource(p.Body, scim.Limits{})
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", p.Type, p.ID, err)
	}
	r.SetID(p.ID)
	r.SetMeta(p.Created, p.Modified, fmt.Sprintf(`W/"%d"`, p.Version))
	return r, nil
}

// satisfies asks a row what SQL does not tell.
func (c *compiled) satisfies(p *source.Pushed) (bool, error) {
	if c.ask == nil {
		return true, nil
	}
	r, err := resource(p)
	return err == nil && c.q.Schemas.Match(c.q.Schema, c.ask, r), err
}

// A walk that looks at rows goes by parts of the table.
const (
	firstPart = 64 // resources
	mostPart  = 1024
)

// PushedAfter implements source.PushTx.
func (tx *Tx) PushedAfter(ctx context.Context, q source.PushedQuery, seq int64, limit int) (rows []source.Pushed, exact bool, err error) {
	c := compile(q)
	query := c.from + " AND p.seq > " + c.arg(seq) + " ORDER BY p.seq LIMIT " + c.arg(limit)
	last := len(c.args)
	if c.ask == nil {
		rows, err = tx.pushedOf(ctx, query, c.args...)
		return rows, c.exact, err
	}
	for part := max(limit, firstPart); len(rows) < limit; part = min(2*part, mostPart) {
		c.args[last-2], c.args[last-1] = seq, part
		found, err := tx.pushedOf(ctx, query, c.args...)
		if err != nil {
			return nil, false, err
		}
		for i := range found {
			if err := ctx.Err(); err != nil {
				return nil, false, err
			}
			seq = found[i].Seq
			ok, err := c.satisfies(&found[i])
			if err != nil {
				return nil, false, err
			}
			if ok && len(rows) < limit {
				rows = append(rows, found[i])
			}
		}
		if len(found) < part {
			break
		}
	}
	return rows, c.exact, nil
}

// PushedPage implements source.PushTx.
func (tx *Tx) PushedPage(ctx context.Context, q source.PushedQuery, skip, limit int) (rows []source.Pushed, total int, ok bool, err error) {
	c := compile(q)
	order, key, ok := c.order()
	if !ok || !c.exact {
		return nil, 0, false, nil
	}
	if q.Filter == nil && key == nil {
		if total, err = tx.PushedCount(ctx, q.Source, q.Type); err != nil || limit <= 0 {
			return nil, total, true, err
		}
		rows, err = tx.pushedOf(ctx, c.from+" ORDER BY "+order+" LIMIT "+c.arg(limit)+" OFFSET "+c.arg(max(skip, 0)), c.args...)
		return rows, total, true, err
	}
	// All are looked at, and those of the page alone are kept.
	page, err := tx.places(ctx, c, order, key)
	if err != nil {
		return nil, 0, false, err
	}
	total = len(page)
	from := min(max(skip, 0), total)
	if page = page[from : from+min(max(limit, 0), total-from)]; len(page) == 0 {
		return nil, total, true, nil
	}
	rows, err = tx.pushedAt(ctx, page)
	return rows, total, true, err
}

// places are where all resources stand that satisfy a query, in its order.
func (tx *Tx) places(ctx context.Context, c *compiled, order string, key func(*scim.Resource) string) (page []int64, err error) {
	if c.ask == nil && key == nil {
		err = tx.rows(ctx, func(r pgx.Rows) error {
			var seq int64
			err := cmp.Or(r.Scan(&seq), ctx.Err())
			page = append(page, seq)
			return err
		}, "SELECT p.seq "+c.from+" ORDER BY "+order, c.args...)
		return page, err
	}
	type keyed struct {
		seq int64
		key string
	}
	var all []keyed
	err = tx.rows(ctx, func(rows pgx.Rows) error {
		p, err := scanPushed(rows)
		if err = cmp.Or(err, ctx.Err()); err != nil {
			return err
		}
		r, err := resource(&p)
		if err != nil || c.ask != nil && !c.q.Schemas.Match(c.q.Schema, c.ask, r) {
			return err
		}
		k := keyed{seq: p.Seq}
		if key != nil {
			k.key = key(r)
		}
		all = append(all, k)
		return nil
	}, `SELECT `+pushedColumns+` `+c.from+" ORDER BY "+order, c.args...)
	if key != nil {
		sign := map[bool]int{false: 1, true: -1}[c.q.Descending]
		slices.SortStableFunc(all, func(a, b keyed) int {
			if (a.key == "") != (b.key == "") {
				return sign * map[bool]int{true: 1, false: -1}[a.key == ""]
			}
			return sign * cmp.Compare(a.key, b.key)
		})
	}
	for _, k := range all {
		page = append(page, k.seq)
	}
	return page, err
}

// pushedAt returns the resources at places, in this order.
func (tx *Tx) pushedAt(ctx context.Context, places []int64) ([]source.Pushed, error) {
	rows, err := tx.pushed(ctx, `WHERE seq = ANY($1)`, places)
	at := make(map[int64]int, len(places))
	for i, seq := range places {
		at[seq] = i
	}
	slices.SortFunc(rows, func(a, b source.Pushed) int { return at[a.Seq] - at[b.Seq] })
	return rows, err
}

func (tx *Tx) pushedOf(ctx context.Context, from string, args ...any) (out []source.Pushed, err error) {
	err = tx.rows(ctx, func(r pgx.Rows) error {
		p, err := scanPushed(r)
		out = append(out, p)
		return err
	}, `SELECT `+pushedColumns+` `+from, args...)
	return out, err
}
