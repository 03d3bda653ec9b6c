// SPDX-License-Identifier: Apache-2.0

package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"math"
	"slices"

	"github.com/usher-id/usher/internal/source"
)

// compiled is a query about pushed resources as SQL, from FROM up to ORDER BY.
type compiled struct {
	compiler
	from  string
	exact bool
	index string // by which rows are found, "" for the one that has them all
	any   bool   // SQL leaves no row out
}

// compile compiles what SQL can tell of a query's filter. Left to itself, SQLite
// walks everybody in the order that is asked for: the index is named.
func compile(q source.PushedQuery) *compiled {
	c := &compiled{compiler: compiler{q: q}}
	c.args = append(c.args, q.Source, q.Type)
	cond, ok := c.filter(q.Filter)
	if !ok {
		cond = condition{sql: "1"}
	}
	c.exact = cond.exact
	c.index, c.any = cond.index, cond.sql == "1"
	c.from = `FROM pushed p INDEXED BY ` + cmp.Or(c.index, indexLive) + ` WHERE p.source = ?1 AND p.type = ?2 AND p.deleted = 0`
	if !c.any {
		c.from += " AND " + cond.sql
	}
	return c
}

// The driver interrupts a statement up to its first row, and no later: whatever looks
// at rows that may be left out must have looked at all of them by then. So the order
// of what a filter selects is made by sorting, which no index may spare (a "+" hides
// a column from it), and a walk goes by parts of the table.
const (
	firstPart = 64 // resources
	mostPart  = 8192
)

// PushedAfter implements source.PushTx.
func (tx *Tx) PushedAfter(ctx context.Context, q source.PushedQuery, seq int64, limit int) (rows []source.Pushed, exact bool, err error) {
	c := compile(q)
	from := c.from + " AND p.seq > " + c.arg(seq)
	if c.any {
		rows, err = tx.pushedOnce(ctx, from+" ORDER BY p.seq LIMIT "+c.arg(limit), c.args...)
		return rows, c.exact, err
	}
	from += " AND p.seq <= " + c.arg(int64(math.MaxInt64)) + " ORDER BY +p.seq LIMIT " + c.arg(limit)
	last := len(c.args)
	more := true
	for part := max(limit, firstPart); more && len(rows) < limit; part = min(2*part, mostPart) {
		end := int64(math.MaxInt64)
		if more = c.index == ""; more {
			if more, err = tx.row(ctx, []any{&end}, `SELECT seq FROM pushed INDEXED BY pushed_live
				WHERE source = ? AND type = ? AND deleted = 0 AND seq > ? ORDER BY seq LIMIT 1 OFFSET ?`, q.Source, q.Type, seq, part-1); err != nil {
				return nil, false, err
			}
		}
		c.args[last-3], c.args[last-2], c.args[last-1] = seq, end, limit-len(rows)
		found, err := tx.pushedOnce(ctx, from, c.args...)
		if err != nil {
			return nil, false, err
		}
		rows, seq = append(rows, found...), end
	}
	return rows, c.exact, nil
}

// PushedPage implements source.PushTx.
func (tx *Tx) PushedPage(ctx context.Context, q source.PushedQuery, skip, limit int) (rows []source.Pushed, total int, ok bool, err error) {
	c := compile(q)
	order, indexed, ok := c.order()
	if !ok || !c.exact {
		return nil, 0, false, nil
	}
	if q.Filter == nil {
		if total, err = tx.PushedCount(ctx, q.Source, q.Type); err != nil || limit <= 0 {
			return nil, total, true, err
		}
		if indexed {
			c.from = `FROM pushed p INDEXED BY ` + indexName + ` WHERE p.source = ?1 AND p.type = ?2 AND p.deleted = 0`
		}
		rows, err = tx.pushedOnce(ctx, c.from+" ORDER BY "+order+" LIMIT "+c.arg(limit)+" OFFSET "+c.arg(max(skip, 0)), c.args...)
		return rows, total, true, err
	}
	// All are counted, and those of the page alone are read. The order of an index is
	// hidden, see firstPart.
	var page []int64
	err = tx.rowsOnce(ctx, func(r *sql.Rows) error {
		var seq int64
		if total++; total <= skip || len(page) >= limit {
			return nil
		}
		err := r.Scan(&seq)
		page = append(page, seq)
		return err
	}, "SELECT p.seq "+c.from+" ORDER BY +"+order, c.args...)
	if err != nil || len(page) == 0 {
		return nil, total, true, err
	}
	rows, err = tx.pushedAt(ctx, page)
	return rows, total, true, err
}

// pushedAt returns the resources at places, in this order.
func (tx *Tx) pushedAt(ctx context.Context, places []int64) ([]source.Pushed, error) {
	in, err := json.Marshal(places)
	if err != nil {
		return nil, err
	}
	rows, err := tx.pushed(ctx, `p WHERE seq IN (SELECT value FROM json_each(?))`, string(in))
	at := make(map[int64]int, len(places))
	for i, seq := range places {
		at[seq] = i
	}
	slices.SortFunc(rows, func(a, b source.Pushed) int { return at[a.Seq] - at[b.Seq] })
	return rows, err
}

// pushedOnce is pushed for a query that may never be asked again.
func (tx *Tx) pushedOnce(ctx context.Context, from string, args ...any) (out []source.Pushed, err error) {
	err = tx.rowsOnce(ctx, func(r *sql.Rows) error {
		p, err := scanPushed(r)
		out = append(out, p)
		return err
	}, `SELECT `+pushedColumns+` `+from, args...)
	return out, err
}
