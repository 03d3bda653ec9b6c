// SPDX-License-Identifier: Apache-2.0

package queue

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivertype"
)

// Job names a piece of work: what kind, and of what.
type Job struct {
	Kind string
	Key  string
}

// Enqueuer asks for work within a transaction: the job is there if and only if
// the transaction commits. Merged says that an equal job was there already;
// one that is being worked counts, so who must not be swallowed by it asks
// again later.
type Enqueuer interface {
	Enqueue(ctx context.Context, j Job) (merged bool, err error)
}

// Periodic is work that comes again and again.
type Periodic struct {
	Job   Job
	Every time.Duration // a second or more
}

// Config is what a Queue is made of. All but Periodic is required.
type Config struct {
	Pool     Pool // of its own
	Work     map[string]func(ctx context.Context, key string) error
	Periodic []Periodic
	Logger   *slog.Logger
}

// Limits of a job. A read of a big source takes minutes; one that hangs is cut
// off, and tried again.
const (
	workers    = 4
	jobTimeout = time.Hour
	attempts   = 1000 // by then a sweep has long asked anew
	longest    = 5 * time.Minute
	kept       = time.Hour // of a job that is done
	cooldown   = 5 * time.Millisecond
)

// Queue works jobs from Start to Stop.
type Queue struct {
	client client
	pool   Pool
}

// New returns a Queue.
func New(c Config) (*Queue, error) {
	known := river.NewWorkers()
	for kind, work := range c.Work {
		river.AddWorkerArgs(known, task{kind: kind}, river.WorkFunc(func(ctx context.Context, j *river.Job[task]) error {
			return work(ctx, j.Args.Key)
		}))
	}
	var periodic []*river.PeriodicJob
	for _, p := range c.Periodic {
		if c.Work[p.Job.Kind] == nil {
			return nil, fmt.Errorf("queue: nobody works %s", p.Job.Kind)
		}
		periodic = append(periodic, river.NewPeriodicJob(river.PeriodicInterval(p.Every),
			func() (river.JobArgs, *river.InsertOpts) { return task{p.Job.Kind, p.Job.Key}, merging() }, nil))
	}
	client, err := c.Pool.client(&river.Config{
		Queues: map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: workers}}, Workers: known, PeriodicJobs: periodic,
		JobTimeout: jobTimeout, MaxAttempts: attempts, RetryPolicy: backoff{}, Logger: c.Logger, FetchCooldown: cooldown,
		CompletedJobRetentionPeriod: kept, CancelledJobRetentionPeriod: kept, DiscardedJobRetentionPeriod: kept,
		ReindexerSchedule: river.NeverSchedule(),
	})
	if err != nil {
		return nil, fmt.Errorf("queue: %w", err)
	}
	return &Queue{client, c.Pool}, nil
}

// Start takes up what an earlier process left, and begins to work. A job that
// is running at the start of the only process that works jobs was running in
// one that is dead; River by itself would leave it for an hour, and with it
// every equal job. The dead one's lead over periodic work ends, too.
func (q *Queue) Start(ctx context.Context) error {
	for _, left := range []string{`UPDATE river_job SET state = 'available' WHERE state = 'running'`, `DELETE FROM river_leader`} {
		if err := q.pool.exec(ctx, left); err != nil {
			return fmt.Errorf("queue: %w", err)
		}
	}
	if err := q.client.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("queue: %w", err)
	}
	return nil
}

// Stop begins no more jobs, ends the contexts of those that run, and waits for
// them until ctx ends. What did not finish runs again with the next start.
func (q *Queue) Stop(ctx context.Context) error {
	if err := q.client.StopAndCancel(ctx); err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("queue: %w", err)
	}
	return nil
}

// Enqueue asks for work in a transaction of its own.
func (q *Queue) Enqueue(ctx context.Context, j Job) (merged bool, err error) {
	res, err := q.client.Insert(ctx, task{j.Kind, j.Key}, merging())
	if err != nil {
		return false, fmt.Errorf("queue: %s %s: %w", j.Kind, j.Key, err)
	}
	return res.UniqueSkippedAsDuplicate, nil
}

// Inserter enqueues in the caller's transactions, and works nothing.
type Inserter[Tx any] struct{ client *river.Client[Tx] }

// NewInserter returns an Inserter for transactions of SQLite.
func NewInserter() (*Inserter[*sql.Tx], error) { return inserter(riversqlite.New(nil)) }

// NewPostgresInserter returns an Inserter for transactions of PostgreSQL.
func NewPostgresInserter() (*Inserter[pgx.Tx], error) { return inserter(riverpgxv5.New(nil)) }

func inserter[Tx any](driver riverdriver.Driver[Tx]) (*Inserter[Tx], error) {
	client, err := river.NewClient(driver, &river.Config{
		MaxAttempts: attempts, Logger: slog.New(slog.DiscardHandler),
		FetchCooldown: cooldown, // by which it limits how often it tells of new jobs
	})
	if err != nil {
		return nil, fmt.Errorf("queue: %w", err)
	}
	return &Inserter[Tx]{client}, nil
}

// Insert asks for work in a transaction, see Enqueuer.
func (i *Inserter[Tx]) Insert(ctx context.Context, tx Tx, j Job) (merged bool, err error) {
	res, err := i.client.InsertTx(ctx, tx, task{j.Kind, j.Key}, merging())
	if err != nil {
		return false, fmt.Errorf("queue: %s %s: %w", j.Kind, j.Key, err)
	}
	return res.UniqueSkippedAsDuplicate, nil
}

// task is a job as River has it.
type task struct {
	kind string
	Key  string `json:"key"`
}

func (t task) Kind() string { return t.kind }

// merging makes equal jobs one, but for one that waits to be tried again: its
// cause may be gone, and what asks now must not wait for it.
func merging() *river.InsertOpts {
	states := slices.DeleteFunc(rivertype.UniqueOptsByStateDefault(), func(s rivertype.JobState) bool {
		return s == rivertype.JobStateRetryable || s == rivertype.JobStateCompleted
	})
	return &river.InsertOpts{UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: states}}
}

// backoff is half to all of 12 s, 24 s, 48 s … 5 min. It is never shorter than
// five seconds: River makes a job that is due sooner available at once, and
// what is available merges with what asks now, which then waits for it.
type backoff struct{}

func (backoff) NextRetry(job *rivertype.JobRow) time.Time {
	wait := longest
	if n := len(job.Errors); n < 5 {
		wait = min(longest, 12*time.Second<<n)
	}
	return time.Now().Add(wait/2 + rand.N(wait/2)) //nolint:gosec // jitter, no secret
}
