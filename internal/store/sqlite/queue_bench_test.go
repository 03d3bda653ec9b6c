// SPDX-License-Identifier: Apache-2.0

package sqlite_test

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/queue"
	"github.com/usher-id/usher/internal/store/sqlite"
)

// working opens a store whose queue works jobs of the kind "job".
func working(tb testing.TB, work func(ctx context.Context, key string) error) (*sqlite.DB, *queue.Queue) {
	tb.Helper()
	db, err := sqlite.Open(tb.Context(), filepath.Join(tb.TempDir(), "usher.db"), "test")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = db.Close() })
	q, err := queue.New(queue.Config{
		Pool: db.Jobs(), Work: map[string]func(context.Context, string) error{"job": work},
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if err != nil {
		tb.Fatal(err)
	}
	if err := q.Start(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := q.Stop(context.Background()); err != nil {
			tb.Error(err)
		}
	})
	return db, q
}

func enqueue(ctx context.Context, db *sqlite.DB, key string) error {
	return db.Directory().Update(ctx, func(tx directory.Tx) error {
		_, err := tx.(queue.Enqueuer).Enqueue(ctx, queue.Job{Kind: "job", Key: key})
		return err
	})
}

// spread reports the middle and the worst of some times.
func spread(b *testing.B, took []time.Duration) {
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(took[len(took)-1].Microseconds())/1000, "max-ms")
}

// BenchmarkCommitToWork is how long a job lies between the commit that asks
// for it and its work, one at a time.
func BenchmarkCommitToWork(b *testing.B) {
	began := make(chan time.Time, 1)
	db, _ := working(b, func(context.Context, string) error { began <- time.Now(); return nil })
	var took []time.Duration
	for i := range b.N {
		if err := enqueue(b.Context(), db, fmt.Sprint(i)); err != nil {
			b.Fatal(err)
		}
		asked := time.Now()
		took = append(took, (<-began).Sub(asked))
	}
	spread(b, took)
}

// BenchmarkWriterBesideQueue is how long a small transaction of ours takes
// while the queue works as much as it can, and alone.
func BenchmarkWriterBesideQueue(b *testing.B) {
	for _, beside := range []bool{false, true} {
		b.Run(fmt.Sprintf("busy=%t", beside), func(b *testing.B) {
			var done atomic.Int64
			db, q := working(b, func(context.Context, string) error { done.Add(1); return nil })
			ctx, cancel := context.WithCancel(b.Context())
			flood := make(chan struct{})
			go func() {
				defer close(flood)
				for i := 0; beside && ctx.Err() == nil; i++ {
					if _, err := q.Enqueue(ctx, queue.Job{Kind: "job", Key: fmt.Sprint(i)}); err != nil && ctx.Err() == nil {
						b.Error(err)
					}
				}
			}()
			var took []time.Duration
			for b.Loop() {
				start := time.Now()
				err := db.Directory().Update(b.Context(), func(tx directory.Tx) error {
					return tx.PutMeta(b.Context(), "key", []byte(start.String()))
				})
				if err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(start))
			}
			cancel()
			<-flood
			spread(b, took)
			b.ReportMetric(float64(done.Load())/b.Elapsed().Seconds(), "jobs/s")
		})
	}
}

// BenchmarkQueueBesideWriter is how long a job lies while we write without a pause.
func BenchmarkQueueBesideWriter(b *testing.B) {
	began := make(chan time.Time, 1)
	db, q := working(b, func(context.Context, string) error { began <- time.Now(); return nil })
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			_ = db.Directory().Update(ctx, func(tx directory.Tx) error {
				for i := range 2000 {
					if err := tx.PutMeta(ctx, fmt.Sprint(i), []byte(time.Now().String())); err != nil {
						return err
					}
				}
				return nil
			})
		}
	}()
	var took []time.Duration
	for i := range b.N {
		asked := time.Now()
		if _, err := q.Enqueue(b.Context(), queue.Job{Kind: "job", Key: fmt.Sprint(i)}); err != nil {
			b.Fatal(err)
		}
		took = append(took, (<-began).Sub(asked))
	}
	cancel()
	<-ended
	spread(b, took)
}

// BenchmarkIdleQueue is what a queue without work writes: transactions and
// bytes of the write-ahead log in a minute. Each round takes ten seconds.
func BenchmarkIdleQueue(b *testing.B) {
	path := filepath.Join(b.TempDir(), "usher.db")
	db, err := sqlite.Open(b.Context(), path, "test")
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	q, err := queue.New(queue.Config{
		Pool: db.Jobs(), Work: map[string]func(context.Context, string) error{"job": func(context.Context, string) error { return nil }},
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		b.Fatal(err)
	}
	if err := q.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	look, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		b.Fatal(err)
	}
	look.SetMaxOpenConns(1)
	defer look.Close()
	size := func() int64 {
		info, err := os.Stat(path + "-wal")
		if err != nil {
			b.Fatal(err)
		}
		return info.Size()
	}
	time.Sleep(3 * time.Second) // its start writes more
	commits, bytes := 0, size()
	var last int64
	for b.Loop() {
		for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
			var v int64
			if err := look.QueryRowContext(b.Context(), `PRAGMA data_version`).Scan(&v); err != nil {
				b.Fatal(err)
			}
			if last != 0 && v != last {
				commits++
			}
			last = v
		}
	}
	minutes := b.Elapsed().Minutes()
	b.ReportMetric(float64(commits)/minutes, "commits/min")
	b.ReportMetric(float64(size()-bytes)/minutes, "WAL-B/min")
	if err := q.Stop(context.Background()); err != nil {
		b.Error(err)
	}
}
