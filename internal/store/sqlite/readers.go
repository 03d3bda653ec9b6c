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

// readers are the connections that read. Each keeps its statements prepared: to
// prepare one costs more than to find a row by it.
type readers struct {
	db   *sql.DB
	free chan *reader // those that nobody uses; nil for one that is not open yet

	ended chan struct{} // closed once no more is read
	once  sync.Once
}

type reader struct {
	conn  *sql.Conn
	stmts map[string]*sql.Stmt
}

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
			err = errors.Join(err, r.discard())
			r = nil
		}
		rs.free <- r
	}()
	if r == nil {
		conn, err := rs.db.Conn(ctx)
		if err != nil {
			return fmt.Errorf("store: %w", err)
		}
		r = &reader{conn: conn, stmts: map[string]*sql.Stmt{}}
	}
	if single { // a statement is consistent by itself
		sound = true
		return fn(&Tx{now: now(), prepare: r.prepare, once: r.conn.PrepareContext})
	}
	if err := r.exec(ctx, "BEGIN"); err != nil {
		return fmt.Errorf("store: begin: %w", err)
	}
	defer func() { // a read has nothing to lose; whoever has hung up must not leave it open
		sound = r.exec(context.WithoutCancel(ctx), "ROLLBACK") == nil
	}()
	return fn(&Tx{now: now(), prepare: r.prepare, once: r.conn.PrepareContext})
}

func (r *reader) exec(ctx context.Context, statement string) error {
	s, err := r.prepare(ctx, statement) //nolint:sqlclosecheck // kept by the connection, for the next time
	if err != nil {
		return err
	}
	_, err = s.ExecContext(brief(ctx))
	return err
}

func (r *reader) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	if s, ok := r.stmts[query]; ok {
		return s, nil
	}
	s, err := r.conn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	r.stmts[query] = s
	return s, nil
}

func (r *reader) close() error {
	var errs []error
	for _, s := range r.stmts {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, r.conn.Close())...)
}

// discard closes the connection itself: one that is only given back is what the next
// one gets, with whatever transaction it is in.
func (r *reader) discard() error {
	_ = r.conn.Raw(func(any) error { return driver.ErrBadConn }) // which says what it is told
	err := r.close()
	if errors.Is(err, sql.ErrConnDone) {
		return nil
	}
	return err
}

// close waits for those who read. Whoever comes later is refused.
func (rs *readers) close() error {
	var errs []error
	rs.once.Do(func() {
		close(rs.ended)
		for range mostReaders {
			if r := <-rs.free; r != nil {
				errs = append(errs, r.close())
			}
		}
		errs = append(errs, rs.db.Close())
	})
	return errors.Join(errs...)
}
