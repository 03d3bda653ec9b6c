// SPDX-License-Identifier: Apache-2.0

package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
)

// statements are what is prepared on a connection, for the next time: to prepare a
// statement costs more than to find a row by it.
type statements struct {
	conn   *sql.Conn
	kept   map[string]*sql.Stmt
	direct map[string]directStmt // of ask and do
}

// directStmt is what the driver's statements are, by its documentation.
type directStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

func statementsOf(conn *sql.Conn) statements {
	return statements{conn: conn, kept: map[string]*sql.Stmt{}, direct: map[string]directStmt{}}
}

func (s *statements) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	if st, ok := s.kept[query]; ok {
		return st, nil
	}
	st, err := s.conn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	s.kept[query] = st
	return st, nil
}

// ask runs a query and calls row for each row, with values that row must not keep the
// slice of. It asks the driver itself: what database/sql does for each query and each
// column costs a quarter of what it takes to find one row. Nothing stops it half-way.
func (s *statements) ask(ctx context.Context, query string, args []driver.NamedValue, row func([]driver.Value)) error {
	return s.conn.Raw(func(conn any) (err error) {
		st, err := s.directly(ctx, conn, query)
		if err != nil {
			return err
		}
		rows, err := st.QueryContext(brief(ctx), args)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, rows.Close()) }()
		values := make([]driver.Value, len(rows.Columns()))
		for {
			switch err := rows.Next(values); {
			case errors.Is(err, io.EOF):
				return nil
			case err != nil:
				return err
			}
			row(values)
		}
	})
}

// do runs a statement that writes, by the driver itself, as ask does. Nothing stops it
// half-way.
func (s *statements) do(ctx context.Context, query string, args []driver.NamedValue) (res driver.Result, err error) {
	err = s.conn.Raw(func(conn any) error {
		st, err := s.directly(ctx, conn, query)
		if err != nil {
			return err
		}
		res, err = st.ExecContext(brief(ctx), args)
		return err
	})
	return res, err
}

// directly prepares a statement of the driver's connection.
func (s *statements) directly(ctx context.Context, conn any, query string) (directStmt, error) {
	if st, ok := s.direct[query]; ok {
		return st, nil
	}
	c, ok := conn.(driver.ConnPrepareContext)
	if !ok {
		return nil, fmt.Errorf("the driver's connection %T prepares nothing", conn)
	}
	prepared, err := c.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	st, ok := prepared.(directStmt)
	if !ok {
		return nil, errors.Join(fmt.Errorf("the driver's statement %T is none that can be asked", prepared), prepared.Close())
	}
	s.direct[query] = st
	return st, nil
}

// close gives the connection back. With broken it is closed for good, whatever
// transaction it may be in.
func (s *statements) close(broken bool) error {
	if s.conn == nil {
		return nil
	}
	var errs []error
	for _, st := range s.kept {
		errs = append(errs, st.Close())
	}
	err := s.conn.Raw(func(any) error { // database/sql knows nothing of these
		for _, st := range s.direct {
			errs = append(errs, st.Close())
		}
		if broken {
			return driver.ErrBadConn // which says what it is told
		}
		return nil
	})
	if broken {
		err = nil
	}
	if cerr := s.conn.Close(); !broken || !errors.Is(cerr, sql.ErrConnDone) {
		err = errors.Join(err, cerr)
	}
	return errors.Join(append(errs, err)...)
}
