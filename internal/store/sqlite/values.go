// SPDX-License-Identifier: Apache-2.0

package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

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

// list passes ids to `IN (SELECT value FROM json_each(?))`, which has no limit
// on their number and needs no SQL made of strings.
func list(ids []string) (string, error) {
	b, err := json.Marshal(ids)
	return string(b), err
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

func (tx *Tx) exec(ctx context.Context, query string, args ...any) error {
	_, err := tx.run(ctx, query, args...)
	return err
}

// insert returns the id of the new row.
func (tx *Tx) insert(ctx context.Context, query string, args ...any) (int64, error) {
	res, err := tx.run(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return res.LastInsertId()
}

// brief is for what is over before anybody could stop it: to watch for that costs two
// goroutines, which is as much as finding a row.
func brief(ctx context.Context) context.Context { return context.WithoutCancel(ctx) }

// run writes, whole or not at all: a stop is noticed before the statement and
// not within it, see writer.exec.
func (tx *Tx) run(ctx context.Context, query string, args ...any) (driver.Result, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	values, err := bound(args)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	res, err := tx.do(ctx, query, values)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	tx.wrote++
	return res, nil
}

// bound makes of arguments what a driver takes, as database/sql does.
func bound(args []any) ([]driver.NamedValue, error) {
	out := make([]driver.NamedValue, len(args))
	for i, a := range args {
		out[i].Ordinal = i + 1
		switch v := a.(type) {
		case nil, int64, string, bool, []byte:
			out[i].Value = v
		case int:
			out[i].Value = int64(v)
		default:
			var err error
			if out[i].Value, err = driver.DefaultParameterConverter.ConvertValue(a); err != nil {
				return nil, fmt.Errorf("argument %d: %w", i+1, err)
			}
		}
	}
	return out, nil
}

// touched returns how many rows a statement changed.
func (tx *Tx) touched(ctx context.Context, query string, args ...any) (int64, error) {
	res, err := tx.run(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// put tries a statement that stores a row without touching what indexes have of it, and
// then one that stores all of it: an index is written anew wherever an UPDATE names one
// of its columns, even if the value stays, and most changes are of none.
func (tx *Tx) put(ctx context.Context, same, all string, args ...any) error {
	n, err := tx.touched(ctx, same, args...)
	if err != nil || n > 0 {
		return err
	}
	return tx.exec(ctx, all, args...)
}

// unless runs a statement unless the transaction is over. SQLite takes all of one back where
// a disk is full or fails, or memory is short (sqlite.org/lang_transaction.html, section 3):
// what came after would be committed by itself, statement by statement.
func (tx *Tx) unless(statement func() error) error {
	if tx.undone != nil {
		return tx.undone
	}
	err := statement()
	if ends(err) {
		tx.undone = err
	}
	return err
}

func ends(err error) bool {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return false
	}
	const primary = 0xff
	switch e.Code() & primary {
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM:
		return true
	}
	return false
}

// rows runs a query and calls scan for each row.
func (tx *Tx) rows(ctx context.Context, scan func(*sql.Rows) error, query string, args ...any) (err error) {
	return tx.unless(func() error {
		return earlier(query, func(query string) error {
			s, err := tx.prepare(ctx, query)
			if err != nil {
				return fmt.Errorf("store: %w", err)
			}
			return each(ctx, s, scan, args)
		})
	})
}

// later stands for the columns that later migrations have added, and what they say in a
// store that has them not yet.
var later = strings.NewReplacer("a.begun", "0", "a.late_until", "NULL", "p.revoked_at", "NULL", "p.revoked_by", "''", "p.revoked_start", "NULL", "p.revoked_outdone", "0",
	"revoked_at", "NULL", "revoked_by", "''", "revoked_start", "NULL", "revoked_outdone", "0", ", same, past", ", '', 0")

// earlier runs a query, and runs it once more without what an earlier version of Usher
// knew nothing of, if that wrote the store and it is opened for reading alone: it is
// migrated when it is next opened for writing.
func earlier(query string, run func(query string) error) error {
	err := run(query)
	if err != nil && strings.Contains(err.Error(), "no such column: ") {
		if then := later.Replace(query); then != query {
			return run(then)
		}
	}
	return err
}

// rowsOnce is rows for a query whose text depends on what is asked: to keep it
// prepared would keep whatever anybody ever asks.
func (tx *Tx) rowsOnce(ctx context.Context, scan func(*sql.Rows) error, query string, args ...any) (err error) {
	return tx.unless(func() error {
		return earlier(query, func(query string) (err error) {
			s, err := tx.once(ctx, query)
			if err != nil {
				return fmt.Errorf("store: %w", err)
			}
			defer func() {
				if cerr := s.Close(); err == nil {
					err = cerr
				}
			}()
			return each(ctx, s, scan, args)
		})
	})
}

func each(ctx context.Context, s *sql.Stmt, scan func(*sql.Rows) error, args []any) (err error) {
	rows, err := s.QueryContext(ctx, args...)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	defer func() {
		if cerr := rows.Close(); err == nil {
			err = cerr
		}
	}()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return fmt.Errorf("store: %w", err)
		}
	}
	return rows.Err()
}

// row scans the first row and reports whether there was one.
func (tx *Tx) row(ctx context.Context, dest []any, query string, args ...any) (found bool, err error) {
	err = tx.rows(ctx, func(r *sql.Rows) error {
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
	err := tx.rows(ctx, func(r *sql.Rows) error {
		var s string
		out = append(out, "")
		err := r.Scan(&s)
		out[len(out)-1] = s
		return err
	}, query, args...)
	return out, err
}
