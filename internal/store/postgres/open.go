// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/usher-id/usher/internal/queue"
)

//go:embed migrations/*.sql
var migrations embed.FS

// minVersion is the first PostgreSQL that is taken, as the server counts.
const minVersion = 130000

// connectWithin bounds how long one address is tried, unless the URL says it.
const connectWithin = 10 * time.Second

// settings are those of every session, where the URL says nothing else. Whoever is
// stopped within a transaction loses it before anybody takes them for dead.
//
// Every statement has an index to go by. Left to itself, PostgreSQL goes by how many
// rows it last counted: of a table that a first load fills there were none, and it would
// read all of it for each row, for as long as the plan is kept.
var settings = map[string]string{
	"idle_in_transaction_session_timeout": "4000",
	"lock_timeout":                        "10000",
	"statement_timeout":                   "300000",
	"enable_seqscan":                      "off",
	"enable_hashjoin":                     "off",
	"enable_mergejoin":                    "off",
	"jit":                                 "off",
	"max_parallel_workers_per_gather":     "0",
}

// configure reads a URL. Neither the URL nor what it says of it may show a password.
func configure(url, holder string) (c *pgxpool.Config, name string, err error) {
	c, err = pgxpool.ParseConfig(url)
	if err != nil { // the error has the URL in it
		return nil, "", errors.New("store: the postgres:// URL cannot be read: it is postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full")
	}
	cc := c.ConnConfig
	for k, v := range settings {
		if _, said := cc.RuntimeParams[k]; !said {
			cc.RuntimeParams[k] = v
		}
	}
	cc.RuntimeParams["application_name"] = holder
	if cc.ConnectTimeout == 0 {
		cc.ConnectTimeout = connectWithin
	}
	c.MaxConns, c.MinConns = mostConns, 0
	c.MaxConnIdleTime = time.Minute
	return c, "postgres://" + address(cc.Host, cc.Port) + "/" + cc.Database, nil
}

func address(host string, port uint16) string {
	if strings.HasPrefix(host, "/") { // a socket's folder
		return path.Join(host, ".s.PGSQL."+strconv.Itoa(int(port)))
	}
	return net.JoinHostPort(host, strconv.Itoa(int(port)))
}

// tell is explain for an open store.
func (db *DB) tell(err error) error { return explain(db.name, err) }

// explain says in one sentence why a store cannot be used, and keeps the cause: it is
// PostgreSQL's, or the network's, and neither has a password in it.
func explain(name string, err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) && !isConnect(err) || errors.Is(err, errTaken) {
		return err
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		if says := meaning(pg); says != "" {
			return fmt.Errorf("store %s: %s (%w)", name, says, pg)
		}
		return fmt.Errorf("store %s: %w", name, pg)
	}
	var (
		authority  x509.UnknownAuthorityError
		host       x509.HostnameError
		invalid    x509.CertificateInvalidError
		unverified *tls.CertificateVerificationError
		dns        *net.DNSError
		op         *net.OpError
	)
	text := err.Error()
	switch {
	case errors.As(err, &authority), errors.As(err, &host), errors.As(err, &invalid), errors.As(err, &unverified):
		return fmt.Errorf("store %s: the server's certificate is not trusted: %w; sslrootcert names the authority that signed it", name, innermost(err))
	case strings.Contains(text, "refused TLS") || strings.Contains(text, "tls error"):
		return fmt.Errorf("store %s: the server takes no TLS, which sslmode asks for", name)
	case errors.As(err, &dns):
		return fmt.Errorf("store %s: there is no host of that name: %w", name, dns)
	case errors.As(err, &op):
		return fmt.Errorf("store %s: the server cannot be reached: %w", name, op)
	case isConnect(err):
		return fmt.Errorf("store %s: the server cannot be reached: %w", name, innermost(err))
	}
	return fmt.Errorf("store %s: %w", name, err)
}

func isConnect(err error) bool {
	var c *pgconn.ConnectError
	return errors.As(err, &c)
}

func innermost(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}

// meaning says what PostgreSQL's code means for whoever runs Usher (its appendix A).
func meaning(e *pgconn.PgError) string {
	switch e.Code {
	case "28P01":
		return "the user's password is wrong, or there is no such user"
	case "28000":
		return "the server lets this user in neither so nor otherwise: pg_hba.conf says who may come, from where, and with TLS or without"
	case "3D000":
		return "there is no such database: make it with createdb"
	case "42501":
		return "the user lacks a right: it needs CREATE and USAGE in the schema, and owns what is in it"
	case "3F000":
		return "there is no schema to store in: search_path names none that is there"
	case "53300":
		return "the server takes no more connections"
	case "57P03":
		return "the server is starting or stopping"
	case "25006":
		return "the server only reads: it is a standby"
	case "53100":
		return "the server's disk is full"
	case "57P01":
		return "the server has ended the session, and nothing of the transaction is stored"
	case "25P03":
		return "this process stood still within a transaction, which the server has ended, and nothing of it is stored"
	case "55P03", "57014":
		return "it took too long, and nothing of the transaction is stored"
	}
	return ""
}

// sound refuses a server that is too old, or cannot be written to.
func (db *DB) sound(ctx context.Context) error {
	var version int
	var standby bool
	var schema, wait string
	err := db.pool.QueryRow(ctx, `SELECT current_setting('server_version_num')::int, pg_is_in_recovery(), coalesce(current_schema(), ''), current_setting('synchronous_commit')`).
		Scan(&version, &standby, &schema, &wait)
	switch {
	case err != nil:
		return db.tell(err)
	case version < minVersion:
		return fmt.Errorf("store %s: PostgreSQL %d is too old: %d or later is needed", db.name, version/10000, minVersion/10000)
	case standby:
		return fmt.Errorf("store %s: the server only reads: it is a standby; target_session_attrs=read-write in the URL finds the primary among several hosts", db.name)
	case schema == "":
		return fmt.Errorf("store %s: there is no schema to store in: search_path names none that is there", db.name)
	case wait == "off": // what is stored must be on disk when it is said to be
		db.writer.config.RuntimeParams["synchronous_commit"] = "on"
	}
	return nil
}

// provider is goose's, with a function that ends its connections.
func (db *DB) provider() (*goose.Provider, func() error, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, nil, err
	}
	pool := stdlib.OpenDBFromPool(db.pool)
	p, err := goose.NewProvider(goose.DialectPostgres, pool, files)
	if err != nil {
		return nil, nil, errors.Join(err, pool.Close())
	}
	return p, pool.Close, nil
}

// version is the migration that the store has, 0 for none.
func (db *DB) version(ctx context.Context) (have int64, err error) {
	var table bool
	if err := db.pool.QueryRow(ctx, `SELECT to_regclass('goose_db_version') IS NOT NULL`).Scan(&table); err != nil || !table {
		return 0, err
	}
	err = db.pool.QueryRow(ctx, `SELECT coalesce((SELECT version_id FROM goose_db_version WHERE is_applied ORDER BY id DESC LIMIT 1), 0)`).Scan(&have)
	return have, err
}

// known is the newest migration that this version has.
func known() (newest int64, err error) {
	files, err := fs.ReadDir(migrations, "migrations")
	for _, f := range files {
		n, _, _ := strings.Cut(f.Name(), "_")
		v, e := strconv.ParseInt(n, 10, 64)
		if newest = max(newest, v); e != nil {
			err = e
		}
	}
	return newest, err
}

func (db *DB) later(have, know int64) error {
	return fmt.Errorf("store %s: it was written by a later version of Usher (its migration %d, this version's %d)", db.name, have, know)
}

func (db *DB) migrate(ctx context.Context) error {
	have, err := db.version(ctx)
	if err != nil {
		return db.tell(err)
	}
	know, err := known()
	if err != nil {
		return err
	}
	if have > know {
		return db.later(have, know)
	}
	if have < know {
		p, end, err := db.provider()
		if err != nil {
			return fmt.Errorf("store %s: migrations: %w", db.name, err)
		}
		_, err = p.Up(ctx)
		if err = errors.Join(err, end()); err != nil {
			return db.tell(fmt.Errorf("migrations: %w", err))
		}
	}
	return db.tell(queue.MigratePostgres(ctx, db.pool))
}
