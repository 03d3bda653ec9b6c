// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/internal/queue"
)

// DB is an open store.
type DB struct {
	name   string // for people, without a password
	pool   *pgxpool.Pool
	writer *writer
	jobs   *queue.Inserter[pgx.Tx]
	engine bool // it holds the store
	joint  joint
	tokens presented
	within *Tx  // set in a rehearsal: everything runs in this transaction
	copied bool // a copy in the writing session alone: reads run there, too
	alive  alive
	closed sync.Once
}

// Open opens the store for writing, creates or migrates it, and holds it for this
// process. A *LockedError names the holder when there is one.
func Open(ctx context.Context, url, holder string) (*DB, error) {
	db, err := open(ctx, url, holder)
	if err != nil {
		return nil, err
	}
	if err := db.hold(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func (db *DB) hold(ctx context.Context) error {
	w := db.writer
	if err := w.lock(ctx); err != nil {
		return err
	}
	db.engine = true
	if err := db.migrate(ctx); err != nil {
		return err
	}
	if err := w.enter(ctx); err != nil {
		return err
	}
	db.alive.start(db)
	return nil
}

// OpenRead opens an existing store beside whoever writes to it.
func OpenRead(ctx context.Context, url string) (*DB, error) {
	db, err := open(ctx, url, "usher reader")
	if err != nil {
		return nil, err
	}
	if err := db.there(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// there refuses a database in which nothing has been stored, and a store that this
// version does not know.
func (db *DB) there(ctx context.Context) error {
	have, err := db.version(ctx)
	switch {
	case err != nil:
		return db.tell(err)
	case have == 0:
		return fmt.Errorf("store %s: %w: nothing has been applied yet with this configuration", db.name, fs.ErrNotExist)
	}
	know, err := known()
	if err == nil && have > know {
		err = db.later(have, know)
	}
	return err
}

// What is read at once, with what the queue needs: five workers' statements, its
// listener, its leader.
const mostConns = 10

func open(ctx context.Context, url, holder string) (*DB, error) {
	c, name, err := configure(url, holder)
	if err != nil {
		return nil, err
	}
	pool, err := pgxpool.NewWithConfig(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("store %s: %w", name, err)
	}
	db := &DB{name: name, pool: pool, writer: &writer{name: name, turn: newTurn(), config: c.ConnConfig.Copy(), holder: holder}}
	if db.jobs, err = queue.NewPostgresInserter(); err == nil {
		err = db.sound(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// Close ends the connections and gives the store up.
func (db *DB) Close() (err error) {
	db.closed.Do(func() {
		db.alive.stop()
		w := db.writer
		_ = w.turn.take(context.Background())
		err = w.close()
		w.turn.give()
		db.pool.Close()
	})
	return err
}

// Tx is one transaction, for every room.
type Tx struct {
	now  time.Time
	conn *pgx.Conn
	jobs *queue.Inserter[pgx.Tx]
	tx   pgx.Tx // nil for who may not write

	waiting pgx.Batch // what was written and is not sent yet
	failed  error     // what was sent and refused
	stats   *statistics

	// Of a transaction that several writes share: the events that are to be
	// stored with the commit, and the apps of which it is noted that somebody is
	// marked. Both are nil in any other.
	events []audit.Sealed
	noted  map[string]bool
}

// now is to the microsecond, as times are kept: what is answered at once is what is
// read later.
func now() time.Time { return time.Now().Truncate(time.Microsecond) }

// Now is the instant of the transaction.
func (tx *Tx) Now() time.Time { return tx.now }

// errReading is for whoever would write beside the engine.
var errReading = errors.New("store: opened for reading: only the engine that holds the store may write")

func (db *DB) update(ctx context.Context, fn func(*Tx) error) error {
	if db.within != nil {
		return db.nested(ctx, fn)
	}
	if !db.engine {
		return errReading
	}
	return db.write(ctx, fn)
}

// write is one transaction of the writing session.
func (db *DB) write(ctx context.Context, fn func(*Tx) error) (err error) {
	w := db.writer
	if err := w.turn.take(ctx); err != nil {
		return err
	}
	defer w.turn.give()
	tx, err := w.begin(ctx)
	if err != nil {
		return db.tell(err)
	}
	tx.jobs = db.jobs
	committed := false
	defer func() { // after a panic, too: the connection serves everybody
		if !committed {
			w.rollback(tx)
		}
	}()
	if err := fn(tx); err != nil {
		return err
	}
	// A stop must not leave in doubt what has been done.
	ctx = context.WithoutCancel(ctx)
	if err := tx.flush(ctx); err != nil {
		return err
	}
	if err := tx.tx.Commit(ctx); err != nil {
		return fmt.Errorf("store: commit: %w", err)
	}
	committed = true
	return nil
}

// Rehearse runs fn on a store whose every change is rolled back at the end.
func (db *DB) Rehearse(ctx context.Context, fn func(*DB) error) error {
	if !db.engine {
		return errReading
	}
	w := db.writer
	if err := w.turn.take(ctx); err != nil {
		return err
	}
	defer w.turn.give()
	tx, err := w.begin(ctx)
	if err != nil {
		return db.tell(err)
	}
	tx.jobs = db.jobs
	defer w.rollback(tx)
	// It looks at apps meanwhile, and takes the time that they take.
	if err := errors.Join(tx.exec(ctx, "SET LOCAL idle_in_transaction_session_timeout = 0"), tx.flush(ctx)); err != nil {
		return err
	}
	return fn(&DB{name: db.name, pool: db.pool, writer: w, jobs: db.jobs, within: tx})
}

func (db *DB) nested(ctx context.Context, fn func(*Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return db.within.apart(ctx, fn)
}

// apart runs fn within a transaction so that what it does can be taken back by itself.
func (tx *Tx) apart(ctx context.Context, fn func(*Tx) error) error {
	ctx = context.WithoutCancel(ctx)
	if err := tx.flush(ctx); err != nil {
		return err
	}
	tx.waiting.Queue("SAVEPOINT one")
	err := fn(tx)
	if err == nil {
		tx.waiting.Queue("RELEASE SAVEPOINT one")
		err = tx.flush(ctx)
	}
	if err == nil {
		return nil
	}
	return errors.Join(err, tx.takeBack(ctx))
}

// takeBack undoes what was done since the savepoint, sent or not.
func (tx *Tx) takeBack(ctx context.Context) error {
	opened := tx.failed != nil || len(tx.waiting.QueuedQueries) == 0 || tx.waiting.QueuedQueries[0].SQL != "SAVEPOINT one"
	tx.waiting, tx.failed = pgx.Batch{}, nil
	if !opened { // nothing was sent
		return nil
	}
	for _, statement := range []string{"ROLLBACK TO SAVEPOINT one", "RELEASE SAVEPOINT one"} {
		if _, err := tx.conn.Exec(ctx, statement); err != nil {
			tx.failed = fmt.Errorf("store: %w", err)
			return tx.failed
		}
	}
	return nil
}

func (db *DB) view(ctx context.Context, fn func(*Tx) error) error { return db.read(ctx, false, fn) }

// look is view for one short statement, which is consistent by itself.
func (db *DB) look(ctx context.Context, fn func(*Tx) error) error { return db.read(ctx, true, fn) }

func (db *DB) read(ctx context.Context, single bool, fn func(*Tx) error) (err error) {
	switch {
	case db.within != nil:
		return fn(db.within)
	case db.copied:
		return db.write(ctx, func(tx *Tx) error { return fn(&Tx{now: tx.now, conn: tx.conn}) })
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	conn, err := db.pool.Acquire(ctx)
	if err != nil {
		return db.tell(err)
	}
	defer conn.Release() // which closes one that a stop has left in doubt
	tx := &Tx{now: now(), conn: conn.Conn()}
	if single {
		return fn(tx)
	}
	if _, err := conn.Exec(ctx, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"); err != nil {
		return fmt.Errorf("store: begin: %w", err)
	}
	defer func() { // a read has nothing to lose; whoever has hung up must not leave it open
		if !conn.Conn().IsClosed() {
			if _, e := conn.Exec(context.WithoutCancel(ctx), "ROLLBACK"); e != nil && err == nil {
				err = fmt.Errorf("store: %w", e)
			}
		}
	}()
	return fn(tx)
}
