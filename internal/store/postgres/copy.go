// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// OpenCopy opens a consistent copy of a store that an engine holds, for whoever wants
// to rehearse beside it without making it wait: temporary tables of one session, which
// stand before the store's own and go with Close. A reader of it must not ask for
// another one meanwhile, as there is one session.
func OpenCopy(ctx context.Context, url, holder string) (*DB, error) {
	db, err := open(ctx, url, holder)
	if err != nil {
		return nil, err
	}
	if err = db.there(ctx); err == nil {
		err = db.copy(ctx)
	}
	if err != nil {
		return nil, errors.Join(db.tell(err), db.Close())
	}
	db.engine, db.copied = true, true
	return db, nil
}

func (db *DB) copy(ctx context.Context) (err error) {
	w := db.writer
	for _, none := range []string{"idle_in_transaction_session_timeout", "statement_timeout"} { // it holds nobody up
		w.config.RuntimeParams[none] = "0"
	}
	if err := w.connect(ctx); err != nil {
		return err
	}
	w.lone = true
	tx, err := w.conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead})
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = tx.Rollback(context.WithoutCancel(ctx))
		}
	}()
	tables, triggers, err := parts(ctx, tx)
	if err != nil {
		return err
	}
	for _, t := range tables {
		for _, statement := range []string{
			"CREATE TEMPORARY TABLE %[1]s (LIKE %[2]s INCLUDING ALL)", "INSERT INTO pg_temp.%[1]s SELECT * FROM %[2]s", "ANALYZE pg_temp.%[1]s",
		} {
			if _, err := tx.Exec(ctx, fmt.Sprintf(statement, t.name, t.from)); err != nil {
				return err
			}
		}
		if t.counts == "" {
			continue
		}
		if _, err := tx.Exec(ctx, fmt.Sprintf("SELECT setval(pg_get_serial_sequence('pg_temp.%[1]s', '%[2]s'), coalesce(max(%[2]s), 0) + 1, false) FROM pg_temp.%[1]s", t.name, t.counts)); err != nil {
			return err
		}
	}
	for _, statement := range triggers {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return tx.Commit(ctx)
}

// part is a table that is copied.
type part struct {
	name   string
	from   string // with its schema
	counts string // the column that counts by itself, "" for none
}

// parts are the tables of the store and of its queue, and what makes the triggers of the
// copies. Names are quoted where they need it.
func parts(ctx context.Context, tx pgx.Tx) (tables []part, triggers []string, err error) {
	rows, err := tx.Query(ctx, `SELECT quote_ident(c.relname), quote_ident(n.nspname) || '.' || quote_ident(c.relname),
		coalesce((SELECT a.attname FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attidentity <> '' AND NOT a.attisdropped), '')
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = current_schema() AND c.relkind = 'r' AND c.relname NOT IN ('engine', 'goose_db_version', 'river_migration') ORDER BY 1`)
	if err != nil {
		return nil, nil, err
	}
	tables, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) (p part, err error) {
		err = r.Scan(&p.name, &p.from, &p.counts)
		return p, err
	})
	if err != nil {
		return nil, nil, err
	}
	rows, err = tx.Query(ctx, `SELECT pg_get_triggerdef(t.oid), quote_ident(n.nspname) || '.' || quote_ident(c.relname), 'pg_temp.' || quote_ident(c.relname)
		FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = current_schema() AND NOT t.tgisinternal`)
	if err != nil {
		return nil, nil, err
	}
	triggers, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) (string, error) {
		var statement, of, copied string
		err := r.Scan(&statement, &of, &copied)
		return strings.Replace(statement, " ON "+of+" ", " ON "+copied+" ", 1), err
	})
	return tables, triggers, err
}
