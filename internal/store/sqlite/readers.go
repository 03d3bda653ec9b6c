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

// readers are the connections that read. Whoever reads takes the one that was given
// back last: to open one is to parse the whole schema, and each has to prepare its
// statements and fill its cache itself. One alone serves all that is read in turn.
type readers struct {
	db    *sql.DB
	turns chan struct{} // holds one for each that is read by

	ended chan struct{} // closed once no more is read
	once  sync.Once

	mu   sync.Mutex
	idle []*reader // those that are open and that nobody uses
}

type reader struct{ statements }

func newReaders(db *sql.DB) *readers {
	db.SetMaxOpenConns(mostReaders + 1) // one for tests that look at plans
	return &readers{db: db, turns: make(chan struct{}, mostReaders), ended: make(chan struct{})}
}

// take is the reader that was given back last; nil if one has to be opened.
func (rs *readers) take() (r *reader) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if last := len(rs.idle) - 1; last >= 0 {
		r, rs.idle = rs.idle[last], rs.idle[:last]
	}
	return r
}

// give takes a reader back.
func (rs *readers) give(r *reader) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rs.idle = append(rs.idle, r)
}

// view runs fn in a read-only transaction of one of the connections. With single it
// makes none, for fn to read by one statement.
func (rs *readers) view(ctx context.Context, single bool, fn func(*Tx) error) (err error) {
	select {
	case rs.turns <- struct{}{}:
	case <-rs.ended:
		return errors.New("store: it is closed")
	case <-ctx.Done():
		return fmt.Errorf("store: %w", ctx.Err())
	}
	defer func() { <-rs.turns }()
	r := rs.take()
	// A connection that cannot end its transaction, or that a stop has left in
	// doubt, is given up for a new one.
	sound := false
	defer func() {
		switch {
		case r == nil: // none could be opened
		case sound:
			rs.give(r)
		default:
			err = errors.Join(err, r.close(true))
		}
	}()
	if r == nil {
		conn, err := rs.db.Conn(ctx)
		if err != nil {
			return fmt.Errorf("store: %w", err)
		}
		r = &reader{statementsOf(conn)}
	}
	if single { // a statement is consistent by itself
		err = fn(&Tx{now: now(), prepare: r.prepare, once: r.conn.PrepareContext, ask: r.ask, do: r.do})
		sound = !errors.Is(err, driver.ErrBadConn) && !errors.Is(err, sql.ErrConnDone)
		return err
	}
	if err := r.exec(ctx, "BEGIN"); err != nil {
		return fmt.Errorf("store: begin: %w", err)
	}
	defer func() { // a read has nothing to lose; whoever has hung up must not leave it open
		sound = r.exec(context.WithoutCancel(ctx), "ROLLBACK") == nil
	}()
	return fn(&Tx{now: now(), prepare: r.prepare, once: r.conn.PrepareContext, ask: r.ask, do: r.do})
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
			rs.turns <- struct{}{} // kept: nobody reads again
		}
		for r := rs.take(); r != nil; r = rs.take() {
			errs = append(errs, r.close(false))
		}
		errs = append(errs, rs.db.Close())
	})
	return errors.Join(errs...)
}
