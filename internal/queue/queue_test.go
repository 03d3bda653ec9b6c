// SPDX-License-Identifier: Apache-2.0

package queue_test

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"
	_ "modernc.org/sqlite" // the driver

	"github.com/usher-id/usher/internal/queue"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func pool(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "q.db")+"?_pragma=journal_mode(WAL)&_pragma=busy_timeout(5000)&_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() })
	for range 2 { // an existing store is migrated, too
		if err := queue.Migrate(t.Context(), db); err != nil {
			t.Fatal(err)
		}
	}
	return db
}

type work = map[string]func(context.Context, string) error

// start starts a queue, and returns what stops it.
func start(t *testing.T, c queue.Config) (*queue.Queue, func()) {
	t.Helper()
	c.Logger = slog.New(slog.DiscardHandler)
	q, err := queue.New(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := q.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	stopped := false
	stop := func() {
		if stopped {
			return
		}
		stopped = true
		if err := q.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	return q, stop
}

func ask(t *testing.T, q *queue.Queue, kind, key string) (merged bool) {
	t.Helper()
	merged, err := q.Enqueue(t.Context(), queue.Job{Kind: kind, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	return merged
}

const patience = 30 * time.Second

func come(t *testing.T, c <-chan string, want string) {
	t.Helper()
	select {
	case got := <-c:
		if got != want {
			t.Fatalf("worked %q, want %q", got, want)
		}
	case <-time.After(patience):
		t.Fatalf("%q is not worked", want)
	}
}

// Equal jobs are one while one is worked, and two once it is done.
func TestMerge(t *testing.T) {
	t.Parallel()
	began, end := make(chan string, 9), make(chan struct{})
	q, _ := start(t, queue.Config{Pool: queue.SQLite(pool(t)), Work: work{"job": func(_ context.Context, key string) error {
		began <- key
		<-end
		return nil
	}, "other": func(_ context.Context, key string) error { began <- "b" + key; return nil }}})
	if ask(t, q, "job", "x") {
		t.Error("merged with nothing")
	}
	come(t, began, "x")
	if !ask(t, q, "job", "x") {
		t.Error("two of a job at once")
	}
	if ask(t, q, "job", "y") || ask(t, q, "other", "x") {
		t.Error("merged with another job")
	}
	first, second := <-began, <-began
	if first+second != "ybx" && first+second != "bxy" {
		t.Errorf("worked %s and %s", first, second)
	}
	close(end)
	for deadline := time.Now().Add(patience); ask(t, q, "job", "x"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("a job that is done swallows its like")
		}
	}
	come(t, began, "x")
}

// A job that failed waits for its retry, and does not keep one that asks now.
func TestFailedDoesNotSwallow(t *testing.T) {
	t.Parallel()
	began := make(chan string, 9)
	fail := true
	q, _ := start(t, queue.Config{Pool: queue.SQLite(pool(t)), Work: work{"job": func(_ context.Context, key string) error {
		began <- key
		if fail {
			fail = false
			return errors.New("not today")
		}
		return nil
	}}})
	ask(t, q, "job", "x")
	come(t, began, "x")
	for deadline := time.Now().Add(patience); ask(t, q, "job", "x"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("a job that waits for its retry swallows its like")
		}
	}
	come(t, began, "x")
}

// What was being worked when its process died is worked by the next one, at once.
func TestDeadProcess(t *testing.T) {
	t.Parallel()
	db := pool(t)
	began := make(chan string, 9)
	q, stop := start(t, queue.Config{Pool: queue.SQLite(db), Work: work{"job": func(ctx context.Context, key string) error {
		began <- key
		<-ctx.Done()
		return ctx.Err()
	}}})
	ask(t, q, "job", "x")
	come(t, began, "x")
	// As the file of a process that is killed now would have it.
	var state string
	if err := db.QueryRowContext(t.Context(), `SELECT state FROM river_job`).Scan(&state); err != nil || state != "running" {
		t.Fatal(state, err)
	}
	stop()
	if _, err := db.ExecContext(t.Context(), `UPDATE river_job SET state = 'running'`); err != nil {
		t.Fatal(err)
	}
	_, stop = start(t, queue.Config{Pool: queue.SQLite(db), Work: work{"job": func(_ context.Context, key string) error { began <- key + " again"; return nil }}})
	come(t, began, "x again")
	stop()
}

func TestPeriodic(t *testing.T) {
	t.Parallel()
	began := make(chan string, 9)
	start(t, queue.Config{
		Pool: queue.SQLite(pool(t)), Work: work{"job": func(_ context.Context, key string) error { began <- key; return nil }},
		Periodic: []queue.Periodic{{Job: queue.Job{Kind: "job", Key: "x"}, Every: time.Second}},
	})
	come(t, began, "x")
	come(t, began, "x")
}

func TestNobodyWorksIt(t *testing.T) {
	t.Parallel()
	_, err := queue.New(queue.Config{
		Pool: queue.SQLite(pool(t)), Work: work{"job": func(context.Context, string) error { return nil }}, Logger: slog.New(slog.DiscardHandler),
		Periodic: []queue.Periodic{{Job: queue.Job{Kind: "other"}, Every: time.Hour}},
	})
	if err == nil {
		t.Error("a periodic job that nobody works was taken")
	}
}
