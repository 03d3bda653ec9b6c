// SPDX-License-Identifier: Apache-2.0

package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync"
)

// mostReaders is how many read at once.
const mostReaders = 4

// readers are the connections that read.
type readers struct {
	db   *sql.DB
	free chan *reader // those that nobody uses; nil for one that is not open yet

	ended chan struct{} // closed once no more is read
	once  sync.Once
}

type reader struct{ statements }

func newReaders(db *sql.DB) *readers {
	db.SetMaxOpenConns(mostReaders + 1) // one for tests that look at plans
	r := &readers{db: db, free: make(chan *reader, mostReaders), ended: make(chan struct{})}
	for range mostReaders {
		r.free <- nil
	}
	return r
}

// view runs fn in a read-only transaction of one of the connections. With single it
// makes none, for fn to read by one statement.
func (rs *readers) view(ctx context.Context, single bool, fn func(*Tx) error) (err error) {
	var r *reader
	select {
	case r = <-rs.free:
	case <-rs.ended:
		return errors.New("store: it is closed")
	case <-ctx.Done():
		return fmt.Errorf("store: %w", ctx.Err())
	}
	// A connection that cannot end its transaction, or that a stop has left in
	// doubt, is given up for a new one.
	sound := false
	defer func() {
		if !sound && r != nil {
			err = errors.Join(err, r.close(true))
			r = nil
		}
		rs.free <- r
	}()
	if r == nil {
		conn, err := rs.db.Conn(ctx)
		if err != nil {
			return fmt.Errorf("store: %w", err)
		}
		r = &reader{statementsOf(conn)}
	}
	if single { // a statement is consistent by itself
		err = fn(&Tx{now: now(), prepare: r.prepare, once: r.conn.PrepareContext, ask: r.ask})
		sound = !errors.Is(err, driver.ErrBadConn) && !errors.Is(err, sql.ErrConnDone)
		return err
	}
	if err := r.exec(ctx, "BEGIN"); err != nil {
		return fmt.Errorf("store: begin: %w", err)
	}
	defer func() { // a read has nothing to lose; whoever has hung up must not leave it open
		sound = r.exec(context.WithoutCancel(ctx), "ROLLBACK") == nil
	}()
	return fn(&Tx{now: now(), prepare: r.prepare, once: r.conn.PrepareContext, ask: r.ask})
}

func (r *reader) exec(ctx context.Context, statement string) error {
	s, err := r.prepare(ctx, statement) //nolint:sqlclosecheck // kept by the connection, for the next time
	if err != nil {
		return err
	}
	_, err = s.ExecContext(brief(ctx))
	return err
}

// close waits for those who read. Whoever comes later is refused.
func (rs *readers) close() error {
	var errs []error
	rs.once.Do(func() {
		close(rs.ended)
		for range mostReaders {
			if r := <-rs.free; r != nil {
				errs = append(errs, r.close(false))
			}
		}
		errs = append(errs, rs.db.Close())
	})
	return errors.Join(errs...)
}
