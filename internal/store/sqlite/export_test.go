// SPDX-License-Identifier: Apache-2.0

package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"strings"
	"time"
)

// Raw opens a file with the driver of the store, and nothing else of it.
func Raw(path string) (*sql.DB, error) {
	d, err := newDriver()
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector{d, path}), nil
}

// Readers is how many connections are open to read by.
func (db *DB) Readers() int { return db.read.db.Stats().OpenConnections }

// Together carries writes out in one transaction, and returns what each is told.
func (db *DB) Together(ctx context.Context, fns ...func(*Tx) error) []error {
	batch := make([]*write, len(fns))
	for i, fn := range fns {
		batch[i] = &write{ctx: ctx, fn: fn, next: make(chan bool, 1)}
	}
	db.carryOut(batch)
	told := make([]error, len(batch))
	for i, w := range batch {
		told[i] = w.err
	}
	return told
}

// Room has the file grow by no more than some pages from now on.
func (db *DB) Room(ctx context.Context, pages int) error {
	return db.update(ctx, func(tx *Tx) error {
		var have int
		if _, err := tx.row(ctx, []any{&have}, `SELECT page_count FROM pragma_page_count`); err != nil {
			return err
		}
		return tx.exec(ctx, fmt.Sprintf("PRAGMA max_page_count = %d", have+pages))
	})
}

// Less is less.
func Less(a, b string) bool { return less(a, b) }

// Plans runs fn in a read-only transaction and returns SQLite's plan for every
// statement that it prepared, one line for each step.
func (db *DB) Plans(ctx context.Context, fn func(*Tx) error) (plans []string, err error) {
	read, err := db.read.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	defer func() { _ = read.Rollback() }()
	var queries []string
	prepare := func(ctx context.Context, query string) (*sql.Stmt, error) {
		queries = append(queries, query)
		return read.PrepareContext(ctx, query)
	}
	ask := func(_ context.Context, query string, _ []driver.NamedValue, _ func([]driver.Value)) error {
		queries = append(queries, query)
		return nil
	}
	do := func(_ context.Context, query string, _ []driver.NamedValue) (driver.Result, error) {
		queries = append(queries, query)
		return nil, errReading
	}
	err = fn(&Tx{now: time.Now(), prepare: prepare, once: prepare, ask: ask, do: do})
	if err != nil {
		return nil, err
	}
	for _, q := range queries {
		steps, err := plan(ctx, read, q)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", q, err)
		}
		plans = append(plans, strings.Join(steps, "\n"))
	}
	return plans, nil
}

func plan(ctx context.Context, tx *sql.Tx, query string) (steps []string, err error) {
	rows, err := tx.QueryContext(ctx, "EXPLAIN QUERY PLAN "+query, make([]any, 30)...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			return nil, err
		}
		steps = append(steps, detail)
	}
	return steps, rows.Err()
}
