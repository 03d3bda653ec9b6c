// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"context"
	"database/sql"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivertype"
)

// Pool is the connections that a Queue works with: SQLite or Postgres.
type Pool interface {
	client(c *river.Config) (client, error)
	exec(ctx context.Context, statement string) error
}

// client is River's client, whatever its transactions are.
type client interface {
	Start(ctx context.Context) error
	StopAndCancel(ctx context.Context) error
	Insert(ctx context.Context, args river.JobArgs, opts *river.InsertOpts) (*rivertype.JobInsertResult, error)
}

// SQLite is a database of its own with one connection.
func SQLite(db *sql.DB) Pool { return lite{db} }

type lite struct{ db *sql.DB }

func (l lite) client(c *river.Config) (client, error) {
	return river.NewClient(riversqlite.New(l.db), c)
}

func (l lite) exec(ctx context.Context, statement string) error {
	_, err := l.db.ExecContext(ctx, statement)
	return err
}

// Postgres is a pool that may be others' too. One of its connections listens, as long
// as the Queue works.
func Postgres(p *pgxpool.Pool) Pool { return postgres{p} }

type postgres struct{ pool *pgxpool.Pool }

func (p postgres) client(c *river.Config) (client, error) {
	return river.NewClient(riverpgxv5.New(p.pool), c)
}

func (p postgres) exec(ctx context.Context, statement string) error {
	_, err := p.pool.Exec(ctx, statement)
	return err
}
