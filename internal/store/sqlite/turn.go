// SPDX-License-Identifier: Apache-2.0

package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
)

// turn is the right to write, one at a time and in the order of asking. SQLite
// has one writer, and lets a second one try again from time to time: beside a
// writer that never pauses it would find the file locked for ever (docs/adr/0008).
type turn chan struct{}

func newTurn() turn { return make(turn, 1) }

func (t turn) take(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t turn) give() { <-t }

// turned opens the queue's connection, whose every statement and transaction
// waits for its turn.
type turned struct {
	driver.Connector
	turn turn
}

// sqliteConn is what the driver's connections are, by its documentation.
type sqliteConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

func (t turned) Connect(ctx context.Context) (driver.Conn, error) {
	if err := t.turn.take(ctx); err != nil {
		return nil, err
	}
	defer t.turn.give() // setting up a connection may write
	c, err := t.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	s, ok := c.(sqliteConn)
	if !ok {
		return nil, errors.Join(errors.New("store: the driver's connection lacks a part"), c.Close())
	}
	return &turnedConn{sqliteConn: s, turn: t.turn}, nil
}

// turnedConn is one connection; database/sql uses it from one goroutine at a time.
type turnedConn struct {
	sqliteConn
	turn   turn
	within bool // a transaction holds the turn
}

// Unwrap is for the driver's own helpers.
func (c *turnedConn) Unwrap() driver.Conn { return c.sqliteConn }

func (c *turnedConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if err := c.turn.take(ctx); err != nil {
		return nil, err
	}
	tx, err := c.sqliteConn.BeginTx(ctx, opts)
	if err != nil {
		c.turn.give()
		return nil, err
	}
	c.within = true
	return turnedTx{tx, c}, nil
}

type turnedTx struct {
	driver.Tx
	conn *turnedConn
}

func (t turnedTx) Commit() error   { return t.conn.end(t.Tx.Commit) }
func (t turnedTx) Rollback() error { return t.conn.end(t.Tx.Rollback) }

func (c *turnedConn) end(how func() error) error {
	defer c.turn.give()
	c.within = false
	return how()
}

func (c *turnedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if !c.within {
		if err := c.turn.take(ctx); err != nil {
			return nil, err
		}
		defer c.turn.give()
	}
	return c.sqliteConn.ExecContext(ctx, query, args)
}

// QueryContext keeps the turn until the rows are closed: an UPDATE … RETURNING
// ends with them.
func (c *turnedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if c.within {
		return c.sqliteConn.QueryContext(ctx, query, args)
	}
	if err := c.turn.take(ctx); err != nil {
		return nil, err
	}
	rows, err := c.sqliteConn.QueryContext(ctx, query, args)
	if err != nil {
		c.turn.give()
		return nil, err
	}
	return &turnedRows{Rows: rows, turn: c.turn}, nil
}

type turnedRows struct {
	driver.Rows
	turn   turn
	closed bool
}

func (r *turnedRows) Close() error {
	if !r.closed {
		r.closed = true
		defer r.turn.give()
	}
	return r.Rows.Close()
}

// PrepareContext is refused: a prepared statement would go round the turn, and
// the queue prepares none.
func (c *turnedConn) PrepareContext(context.Context, string) (driver.Stmt, error) {
	return nil, errors.New("store: the queue's connection prepares no statements")
}

// Prepare is PrepareContext.
func (c *turnedConn) Prepare(query string) (driver.Stmt, error) {
	return c.PrepareContext(context.Background(), query)
}
