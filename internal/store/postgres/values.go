// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/usher-id/usher/scim"
)

// stamp stores an instant; the zero time is NULL.
func stamp(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

func instant(n sql.NullInt64) time.Time {
	if !n.Valid {
		return time.Time{}
	}
	return time.UnixMicro(n.Int64).UTC()
}

func encode(r *scim.Resource) (any, error) {
	if r == nil {
		return nil, nil
	}
	return string(r.AppendJSON(nil)), nil
}

func decode(text sql.NullString) (*scim.Resource, error) {
	if !text.Valid {
		return nil, nil
	}
	return scim.ParseResource([]byte(text.String), scim.Limits{})
}

// texts makes of arguments what a text of PostgreSQL can hold, which is neither NUL nor
// what is no UTF-8. What is looked for is changed as what is stored is.
func texts(args []any) []any {
	for i, a := range args {
		switch v := a.(type) {
		case string:
			args[i] = text(v)
		case []string:
			for k, s := range v {
				if t := text(s); t != s {
					v = append([]string(nil), v...)
					v[k], args[i] = t, v
				}
			}
		}
	}
	return args
}

func text(s string) string {
	if strings.IndexByte(s, 0) < 0 && utf8.ValidString(s) {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// mostWaiting is how many statements wait to be sent together.
const mostWaiting = 256

// exec writes: with the next read, or with the commit at the latest, where an error is
// told. A stop is noticed before a statement and not within it.
func (tx *Tx) exec(ctx context.Context, query string, args ...any) error {
	switch {
	case tx.tx == nil:
		return errReading
	case tx.failed != nil:
		return tx.failed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	tx.waiting.Queue(query, texts(args)...)
	if tx.waiting.Len() < mostWaiting {
		return nil
	}
	return tx.flush(ctx)
}

// flush sends what waits. After an error nothing more can be done in the transaction,
// or since its savepoint.
func (tx *Tx) flush(ctx context.Context) error {
	if tx.failed != nil || tx.waiting.Len() == 0 {
		return tx.failed
	}
	batch := tx.waiting
	tx.waiting = pgx.Batch{}
	if err := tx.conn.SendBatch(context.WithoutCancel(ctx), &batch).Close(); err != nil {
		tx.failed = fmt.Errorf("store: %w", err)
		return tx.failed
	}
	return tx.counted(ctx, batch.Len())
}

// touched writes at once, and returns how many rows a statement changed.
func (tx *Tx) touched(ctx context.Context, query string, args ...any) (n int64, err error) {
	err = tx.send(ctx, 1, func(int) (string, []any) { return query, args }, func(_ int, results pgx.BatchResults) error {
		tag, err := results.Exec()
		n = tag.RowsAffected()
		return err
	})
	return n, err
}

// send writes n statements at once, and has what comes back of each read.
func (tx *Tx) send(ctx context.Context, n int, statement func(i int) (string, []any), read func(i int, results pgx.BatchResults) error) error {
	switch {
	case tx.tx == nil:
		return errReading
	case tx.failed != nil:
		return tx.failed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	for from := 0; from < n; {
		to := min(n, from+mostWaiting)
		batch := tx.waiting
		tx.waiting = pgx.Batch{}
		before := batch.Len()
		for i := from; i < to; i++ {
			query, args := statement(i)
			batch.Queue(query, texts(args)...)
		}
		results := tx.conn.SendBatch(context.WithoutCancel(ctx), &batch)
		var err error
		for range before {
			if _, err = results.Exec(); err != nil {
				break
			}
		}
		for i := from; err == nil && i < to; i++ {
			err = read(i, results)
		}
		if cerr := results.Close(); err == nil {
			err = cerr
		}
		if err != nil {
			tx.failed = fmt.Errorf("store: %w", err)
			return tx.failed
		}
		from = to
	}
	return tx.counted(ctx, n)
}

// insert returns the id of the new row, which the statement returns.
func (tx *Tx) insert(ctx context.Context, query string, args ...any) (id int64, err error) {
	if tx.tx == nil {
		return 0, errReading
	}
	_, err = tx.row(ctx, []any{&id}, query, args...)
	return id, err
}

// rows runs a query and calls scan for each row. scan must not ask the transaction.
func (tx *Tx) rows(ctx context.Context, scan func(pgx.Rows) error, query string, args ...any) error {
	if tx.tx != nil {
		if err := ctx.Err(); err != nil {
			return err
		}
		ctx = context.WithoutCancel(ctx)
		if err := tx.flush(ctx); err != nil {
			return err
		}
	}
	rows, err := tx.conn.Query(ctx, query, texts(args)...)
	if err == nil {
		for rows.Next() {
			if err = scan(rows); err != nil {
				break
			}
		}
		rows.Close()
		if err == nil {
			err = rows.Err()
		}
	}
	if err == nil {
		return nil
	}
	err = fmt.Errorf("store: %w", err)
	if tx.tx != nil && tx.conn.PgConn().TxStatus() != 'T' {
		tx.failed = err
	}
	return err
}

// row scans the first row and reports whether there was one.
func (tx *Tx) row(ctx context.Context, dest []any, query string, args ...any) (found bool, err error) {
	err = tx.rows(ctx, func(r pgx.Rows) error {
		if found {
			return nil
		}
		found = true
		return r.Scan(dest...)
	}, query, args...)
	return found, err
}

// strings returns the first column.
func (tx *Tx) strings(ctx context.Context, query string, args ...any) ([]string, error) {
	var out []string
	err := tx.rows(ctx, func(r pgx.Rows) error {
		var s string
		err := r.Scan(&s)
		out = append(out, s)
		return err
	}, query, args...)
	return out, err
}
