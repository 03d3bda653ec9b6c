// SPDX-License-Identifier: Apache-2.0

package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"

	"github.com/usher-id/usher/internal/queue"
)

//go:embed migrations/*.sql
var migrations embed.FS

// minVersion is the first SQLite whose WAL does not lose a reset that two
// connections race for (sqlite.org, 3.51.3).
const minVersion = "3.51.3"

// DB is an open store.
type DB struct {
	path    string
	read    *readers
	writer  *writer
	jobs    *queue.Inserter[*sql.Tx]
	pool    *sql.DB  // the queue's own connection
	lock    *os.File // nil when opened for reading
	joint   joint
	tokens  presented
	within  *Tx    // set in a rehearsal: everything runs in this transaction
	scratch string // folder of a copy, removed with Close
}

// writer is the one writing connection with its prepared statements.
type writer struct {
	statements
	turn turn
	db   *sql.DB
	tx   *sql.Tx // begun on the connection, so that its statements run within it
}

// Open opens the store for writing, creates or migrates it, and locks it for
// this process. A *LockedError names the holder when there is one.
func Open(ctx context.Context, path, holder string) (*DB, error) {
	if err := usable(path); err != nil {
		return nil, err
	}
	// The file itself, as a link to it would otherwise have a lock of its own.
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	lock, err := acquire(path+".lock", holder)
	if err != nil {
		return nil, err
	}
	db, err := open(ctx, path)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	db.lock = lock
	if err := db.migrate(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// OpenRead opens an existing store beside whoever writes to it.
func OpenRead(ctx context.Context, path string) (*DB, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("store %s: %w: nothing has been applied yet with this configuration", path, err)
	}
	return open(ctx, path)
}

// usable refuses paths that SQLite would take for something else, and creates
// the file for its owner alone: it holds personal data.
func usable(path string) error {
	if path == "" || strings.HasPrefix(path, ":") {
		return fmt.Errorf("store %q: a file is needed", path)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return f.Close()
}

func open(ctx context.Context, path string) (*DB, error) {
	// What is written to the file and then written to again before the next
	// checkpoint is written twice: a log of 16 MB takes a first load's pages together.
	// A cache serves what a transaction comes back to; readers walk, and need little.
	dsn := func(lock string, extra ...string) string {
		q := url.Values{"_pragma": append([]string{
			"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)",
			"cache_size(-16384)", "temp_store(MEMORY)", "wal_autocheckpoint(4000)",
		}, extra...), "_txlock": {lock}}
		return (&url.URL{Scheme: "file", Opaque: url.PathEscape(path), RawQuery: q.Encode()}).String()
	}
	// IMMEDIATE: a transaction that reads first and writes later could
	// otherwise find the file changed in between and fail half-way.
	drv, err := newDriver()
	if err != nil {
		return nil, fmt.Errorf("store %s: %w", path, err)
	}
	w := sql.OpenDB(connector{drv, dsn("immediate")})
	w.SetMaxOpenConns(1)
	if err := version(ctx, w); err != nil {
		return nil, errors.Join(fmt.Errorf("store %s: %w", path, err), w.Close())
	}
	r := newReaders(sql.OpenDB(connector{drv, dsn("deferred", "query_only(1)", "cache_size(-4096)")}))
	// What the queue notes for itself may be lost with the machine's power: a
	// job is then worked again. What is enqueued commits with the writer.
	own, err := sqlite.NewConnector(dsn("immediate", "synchronous(NORMAL)", "cache_size(-2048)"))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("store %s: %w", path, err), w.Close(), r.close())
	}
	turn := newTurn()
	q := sql.OpenDB(turned{own, turn})
	q.SetMaxOpenConns(1)
	jobs, err := queue.NewInserter()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("store %s: %w", path, err), w.Close(), r.close(), q.Close())
	}
	return &DB{path: path, read: r, writer: &writer{turn: turn, db: w}, jobs: jobs, pool: q}, nil
}

func version(ctx context.Context, db *sql.DB) error {
	var v string
	if err := db.QueryRowContext(ctx, "SELECT sqlite_version()").Scan(&v); err != nil {
		return err
	}
	if less(v, minVersion) {
		return fmt.Errorf("SQLite %s can corrupt a store in WAL mode; %s or later is needed", v, minVersion)
	}
	return nil
}

func less(a, b string) bool {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(as), len(bs)) {
		x, errx := strconv.Atoi(as[i])
		y, erry := strconv.Atoi(bs[i])
		if errx != nil || erry != nil {
			return true
		}
		if x != y {
			return x < y
		}
	}
	return len(as) < len(bs)
}

func (db *DB) migrate(ctx context.Context) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db.writer.db, files)
	if err != nil {
		return fmt.Errorf("store %s: migrations: %w", db.path, err)
	}
	have, know, err := p.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("store %s: migrations: %w", db.path, err)
	}
	if have > know {
		return fmt.Errorf("store %s: it was written by a later version of Usher (its migration %d, this version's %d)", db.path, have, know)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("store %s: migrations: %w", db.path, err)
	}
	// By the connection that is open: the queue's own is for who runs the queue.
	if err := queue.Migrate(ctx, db.writer.db); err != nil {
		return fmt.Errorf("store %s: %w", db.path, err)
	}
	return nil
}

// Close ends the connections and gives the lock up.
func (db *DB) Close() error {
	var errs []error
	w := db.writer
	_ = w.turn.take(context.Background())
	errs = append(errs, w.close(false))
	w.turn.give()
	errs = append(errs, db.read.close(), w.db.Close(), db.pool.Close())
	if db.lock != nil {
		errs = append(errs, db.lock.Close())
	}
	if db.scratch != "" {
		errs = append(errs, os.RemoveAll(db.scratch))
	}
	return errors.Join(errs...)
}

// Tx is one transaction, for every room.
type Tx struct {
	now     time.Time
	prepare func(ctx context.Context, query string) (*sql.Stmt, error)
	once    func(ctx context.Context, query string) (*sql.Stmt, error) // prepares what is not kept
	ask     func(ctx context.Context, query string, args []driver.NamedValue, row func([]driver.Value)) error
	do      func(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error)
	jobs    *queue.Inserter[*sql.Tx]
	tx      *sql.Tx

	wrote int      // statements that wrote something
	apps  []string // the names of all apps, nil if they are not known yet
	late  *late    // of a transaction that several writes share; nil in any other

	undone error // SQLite has taken back everything, and nothing more is done
}

// now is to the microsecond, as times are kept: what is answered at once is what is
// read later.
func now() time.Time { return time.Now().Truncate(time.Microsecond) }

// Now is the instant of the transaction.
func (tx *Tx) Now() time.Time { return tx.now }

// errReading is for whoever would write beside the engine.
var errReading = errors.New("store: opened for reading: only the engine that holds the lock may write")

func (db *DB) update(ctx context.Context, fn func(*Tx) error) (err error) {
	if db.within != nil {
		return db.nested(ctx, fn)
	}
	if db.lock == nil {
		return errReading
	}
	w := db.writer
	if err := w.turn.take(ctx); err != nil {
		return err
	}
	defer w.turn.give()
	tx, err := w.begin(ctx)
	if err != nil {
		return err
	}
	tx.jobs = db.jobs
	committed := false
	defer func() { // after a panic, too: the connection serves everybody
		if !committed {
			err = errors.Join(err, w.rollback())
		}
	}()
	if err := fn(tx); err != nil {
		return err
	}
	if err := w.tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	committed = true
	return nil
}

// Rehearse runs fn on a store whose every change is rolled back at the end.
func (db *DB) Rehearse(ctx context.Context, fn func(*DB) error) (err error) {
	if db.lock == nil {
		return errReading
	}
	w := db.writer
	if err := w.turn.take(ctx); err != nil {
		return err
	}
	defer w.turn.give()
	tx, err := w.begin(ctx)
	if err != nil {
		return err
	}
	tx.jobs = db.jobs
	defer func() { err = errors.Join(err, w.rollback()) }()
	return fn(&DB{path: db.path, read: db.read, writer: w, within: tx})
}

func (db *DB) nested(ctx context.Context, fn func(*Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w := db.writer
	if err := w.exec(ctx, "SAVEPOINT nested"); err != nil {
		return err
	}
	if err := fn(db.within); err != nil {
		db.within.apps = nil // what was known of them may be taken back
		return errors.Join(err, w.exec(ctx, "ROLLBACK TO nested; RELEASE nested"))
	}
	return w.exec(ctx, "RELEASE nested")
}

func (db *DB) view(ctx context.Context, fn func(*Tx) error) error {
	if db.within != nil {
		return fn(db.within)
	}
	return db.read.view(ctx, false, fn)
}

// look is view for one short statement.
func (db *DB) look(ctx context.Context, fn func(*Tx) error) error {
	if db.within != nil {
		return fn(db.within)
	}
	return db.read.view(ctx, true, fn)
}

func (w *writer) begin(ctx context.Context) (*Tx, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if w.conn == nil {
		conn, err := w.db.Conn(ctx)
		if err != nil {
			return nil, fmt.Errorf("store: %w", err)
		}
		w.statements = statementsOf(conn)
	}
	// A stop must not roll it back behind our back, see exec.
	tx, err := w.conn.BeginTx(context.WithoutCancel(ctx), nil)
	if err != nil {
		return nil, fmt.Errorf("store: begin: %w", err)
	}
	w.tx = tx
	t := &Tx{now: now(), prepare: w.prepare, once: w.conn.PrepareContext, tx: tx}
	t.ask = func(ctx context.Context, query string, args []driver.NamedValue, row func([]driver.Value)) error {
		return t.unless(func() error { return w.ask(ctx, query, args, row) })
	}
	t.do = func(ctx context.Context, query string, args []driver.NamedValue) (res driver.Result, err error) {
		err = t.unless(func() (err error) {
			res, err = w.do(ctx, query, args)
			return err
		})
		return res, err
	}
	return t, nil
}

func (w *writer) rollback() error {
	err := w.tx.Rollback()
	if errors.Is(err, sql.ErrTxDone) { // the COMMIT failed, and the driver has rolled back
		return nil
	}
	return err
}

// exec runs a statement that a stop does not interrupt: the driver may tell of
// a BEGIN or a COMMIT that took effect as of one that did not, and an
// interrupted write rolls the whole transaction back, so that the next
// statement would stand outside of it.
func (w *writer) exec(ctx context.Context, statement string) error {
	_, err := w.conn.ExecContext(context.WithoutCancel(ctx), statement)
	return err
}
