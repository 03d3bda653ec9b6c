// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// LockedError says who holds the store.
type LockedError struct{ Store, Holder string }

func (e *LockedError) Error() string {
	return fmt.Sprintf("the store %s is in use by %s; one engine at a time", e.Store, e.Holder)
}

// errTaken is for an engine that was taken for dead.
var errTaken = errors.New("another engine has taken the store over: this one writes no more")

var errClosed = errors.New("store: it is closed")

// errLone is for a copy that is gone: in a new session the same statements would be
// about the store itself.
var errLone = errors.New("the session that had the copy has ended")

// The engine's lock is one of its writing session, so that it ends with the session: at
// once when the process is killed. Both keys are numbers: ours, and the schema's.
const (
	lockClass = 1970497650 // "ushr"
	lockKeys  = "1970497650, hashtext(current_schema())"

	// lockHolder finds the session that has the lock, and what it calls itself, which
	// it may hide from roles that are not its own.
	lockHolder = `SELECT l.pid, coalesce(nullif(a.application_name, ''), 'another session') FROM pg_locks l
		LEFT JOIN pg_stat_activity a ON a.pid = l.pid
		WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 AND l.classid = 1970497650::oid
		AND l.objid = (hashtext(current_schema())::bigint & 4294967295)::oid
		AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())`
)

// How often an engine tells that it is alive, and after how long it is taken for dead
// although its session stands: its process is stopped, or its machine is cut off.
const (
	tellEvery = 1500 * time.Millisecond
	deadAfter = 7500 * time.Millisecond
)

// writer is the one writing connection.
type writer struct {
	name   string
	turn   turn
	config *pgx.ConnConfig
	conn   *pgx.Conn
	holder string
	locked bool  // it holds the store, or did before its connection broke
	fence  int64 // 0 before enter
	pid    int64 // of the session that holds the store
	taken  bool
	closed bool
	stats  statistics
	lone   bool // its connection is never opened anew, see OpenCopy
}

// connect opens the connection anew, and takes the store again if it was held.
func (w *writer) connect(ctx context.Context) error {
	switch {
	case w.closed:
		return errClosed
	case w.taken:
		return errTaken
	case w.lone:
		return errLone
	}
	conn, err := pgx.ConnectConfig(ctx, w.config)
	if err != nil {
		return err
	}
	w.conn = conn
	if !w.locked {
		return nil
	}
	if err := w.retake(ctx); err != nil {
		_ = conn.Close(ctx)
		return err
	}
	return nil
}

// lock makes this process the store's engine.
func (w *writer) lock(ctx context.Context) error {
	if w.conn == nil {
		if err := w.connect(ctx); err != nil {
			return explain(w.name, err)
		}
	}
	// Whoever held it may be about to end: the server notices that a process was killed when it
	// has done what it was asked last.
	for tries := 0; ; tries++ {
		got, err := w.try(ctx)
		if err != nil || got {
			w.locked = got
			return explain(w.name, err)
		}
		pid, who, dead, err := w.whose(ctx)
		switch {
		case err != nil:
			return explain(w.name, err)
		case dead:
			if err := w.end(ctx, pid); err != nil {
				return explain(w.name, err)
			}
		case pid != 0 && tries >= 50:
			return &LockedError{w.name, who}
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (w *writer) try(ctx context.Context) (got bool, err error) {
	err = w.conn.QueryRow(ctx, `SELECT pg_try_advisory_lock(`+lockKeys+`)`).Scan(&got)
	return got, err
}

// whose tells who holds the store, and whether they have told nothing for so long that
// they are taken for dead. pid is 0 if nobody does any more.
func (w *writer) whose(ctx context.Context) (pid int64, who string, dead bool, err error) {
	err = w.conn.QueryRow(ctx, lockHolder).Scan(&pid, &who)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, "", false, nil
	}
	var table bool
	if err == nil {
		err = w.conn.QueryRow(ctx, `SELECT to_regclass('engine') IS NOT NULL`).Scan(&table)
	}
	if err == nil && table { // who migrates the store for the first time has not told yet
		err = w.conn.QueryRow(ctx, `SELECT coalesce((SELECT pid = $1 AND seen < clock_timestamp() - make_interval(secs => $2) FROM engine), false)`,
			pid, deadAfter.Seconds()).Scan(&dead)
	}
	return pid, who, dead, err
}

// end ends a session of an engine that is taken for dead. What it has not committed is
// taken back; what it wants to commit is refused.
func (w *writer) end(ctx context.Context, pid int64) error {
	_, err := w.conn.Exec(ctx, `SELECT pg_terminate_backend($1)`, int32(pid))
	return err
}

// enter counts this engine, once the tables are there.
func (w *writer) enter(ctx context.Context) error {
	err := w.conn.QueryRow(ctx, `INSERT INTO engine AS e (holder, fence, pid, seen) VALUES ($1, 1, pg_backend_pid(), clock_timestamp())
		ON CONFLICT (one) DO UPDATE SET holder = excluded.holder, fence = e.fence + 1, pid = excluded.pid, seen = excluded.seen
		RETURNING fence, pid`, text(w.holder)).Scan(&w.fence, &w.pid)
	return explain(w.name, err)
}

// retake takes the store after the connection broke, unless another engine has had it
// meanwhile. The server may not have noticed that the session before is gone.
func (w *writer) retake(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	for {
		got, err := w.try(ctx)
		if err != nil {
			return err
		}
		if got {
			break
		}
		pid, _, _, err := w.whose(ctx)
		switch {
		case err != nil:
			return err
		case pid == w.pid:
			if err := w.end(ctx, pid); err != nil {
				return err
			}
		case pid != 0:
			w.taken = true
			return errTaken
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if w.fence == 0 {
		return nil
	}
	err := w.conn.QueryRow(ctx, `UPDATE engine SET pid = pg_backend_pid(), seen = clock_timestamp() WHERE fence = $1 RETURNING pid`, w.fence).Scan(&w.pid)
	if errors.Is(err, pgx.ErrNoRows) {
		w.taken = true
		return errTaken
	}
	return err
}

// begin begins a transaction. A connection that has broken since the last one is opened
// anew: nothing has run yet.
func (w *writer) begin(ctx context.Context) (*Tx, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	ctx = context.WithoutCancel(ctx)
	for again := false; ; again = true {
		if w.conn == nil || w.conn.IsClosed() {
			if err := w.connect(ctx); err != nil {
				return nil, err
			}
		}
		tx, err := w.conn.Begin(ctx)
		if err == nil {
			return &Tx{now: now(), conn: w.conn, tx: tx, stats: &w.stats}, nil
		}
		if again || !w.conn.IsClosed() && !pgconn.SafeToRetry(err) {
			return nil, err
		}
		_ = w.conn.Close(ctx)
	}
}

// rollback ends a transaction. A connection that cannot do it is given up.
func (w *writer) rollback(tx *Tx) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := tx.tx.Rollback(ctx); err != nil && !errors.Is(err, pgx.ErrTxClosed) {
		_ = w.conn.Close(ctx)
	}
}

func (w *writer) close() error {
	w.closed = true
	if w.conn == nil || w.conn.IsClosed() {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return w.conn.Close(ctx)
}

// alive tells that an engine is.
type alive struct {
	cancel context.CancelFunc
	ended  sync.WaitGroup
}

func (a *alive) start(db *DB) {
	ctx, cancel := context.WithCancel(context.Background())
	a.cancel = cancel
	fence := db.writer.fence
	a.ended.Go(func() {
		every := time.NewTicker(tellEvery)
		defer every.Stop()
		for {
			select {
			case <-every.C:
				// What fails is tried again; who never succeeds is taken for dead, and
				// finds out with the next write.
				_, _ = db.pool.Exec(ctx, `UPDATE engine SET seen = clock_timestamp() WHERE fence = $1`, fence)
			case <-ctx.Done():
				return
			}
		}
	})
}

func (a *alive) stop() {
	if a.cancel != nil {
		a.cancel()
		a.ended.Wait()
	}
}

// Holder returns who holds a store as its engine, and whether somebody does.
func Holder(ctx context.Context, url string) (who string, held bool, err error) {
	c, name, err := configure(url, "usher reader")
	if err != nil {
		return "", false, err
	}
	conn, err := pgx.ConnectConfig(ctx, c.ConnConfig)
	if err != nil {
		return "", false, explain(name, err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	var pid int64
	err = conn.QueryRow(ctx, lockHolder).Scan(&pid, &who)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", false, nil
	}
	return who, err == nil, explain(name, err)
}
