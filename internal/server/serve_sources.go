// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/usher-id/usher/internal/queue"
	"github.com/usher-id/usher/internal/request"
	"github.com/usher-id/usher/internal/source"
	"github.com/usher-id/usher/internal/store"
)

// The kinds of jobs.
const (
	jobRead     = "source.read" // key: the source's name
	jobCalendar = "calendar"
	jobSweep    = "sweep"
)

// sourceChanged notes that a source may have changed.
func (d *daemon) sourceChanged(name string) {
	d.mu.Lock()
	d.changed[name] = true
	d.mu.Unlock()
	d.log.Debug("source changed", "source", name)
	wake(d.nudge)
}

// ask asks for a read. One that is running swallows it, as it may have looked
// at the file before the change: the note stays until a read begins, and
// follow asks again.
func (d *daemon) ask(ctx context.Context, name string) {
	if _, err := d.queue.Enqueue(ctx, queue.Job{Kind: jobRead, Key: name}); err != nil && ctx.Err() == nil {
		d.log.Warn("a read could not be asked for", "source", name, "err", err)
	}
}

// follow watches the sources' files, after a first read of each.
func (d *daemon) follow(ctx context.Context) error {
	d.mu.Lock()
	for _, s := range d.Sources {
		d.changed[s.Name] = true
	}
	d.mu.Unlock()
	watching := make(chan error, 1)
	go func() { watching <- d.watch.Run(ctx) }()
	again := time.NewTicker(50 * time.Millisecond) // costs nothing while nothing has changed
	defer again.Stop()
	for {
		for _, name := range d.unread() {
			d.ask(ctx, name)
		}
		select {
		case err := <-watching:
			return err
		case <-d.nudge:
		case <-again.C:
		}
	}
}

// unread returns the sources that have changed since their last read began, but
// for those whose read would swallow another one.
func (d *daemon) unread() (names []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for name, changed := range d.changed {
		if changed && !d.reading[name] {
			names = append(names, name)
		}
	}
	return names
}

// read works a job of the kind source.read. Its error has it tried again, after
// a backoff; a change of the file does so at once.
func (d *daemon) read(ctx context.Context, name string) error {
	i := slices.IndexFunc(d.Sources, func(s source.Source) bool { return s.Name == name })
	if i < 0 {
		return nil // a job of an earlier configuration
	}
	r, err := d.readOne(ctx, d.Sources[i])
	if ctx.Err() != nil {
		return ctx.Err()
	}
	log := d.log.With("source", name)
	was := d.health.source(name, time.Now(), message(err))
	switch {
	case err != nil && was != message(err):
		log.Warn("source cannot be read; what is known goes on", "err", err)
		return err
	case err != nil:
		log.Debug("source still cannot be read", "err", err)
		return err
	case was != "":
		log.Info("source can be read again")
	}
	level := slog.LevelDebug
	if r.New+r.Changed+len(r.Rejected) > 0 || !r.Complete {
		level = slog.LevelInfo
	}
	log.Log(ctx, level, "source read", "rows", r.Rows, "new", r.New, "changed", r.Changed, "rejected", len(r.Rejected), "complete", r.Complete)
	if !r.Complete && !r.Replay {
		log.Warn("not proven complete: nobody is taken for gone", "why", r.Reason)
	}
	return d.settle(ctx)
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// readOne reads one source. Whatever changes from here on is read again.
func (d *daemon) readOne(ctx context.Context, s source.Source) (source.Report, error) {
	d.ingesting.Lock()
	defer d.ingesting.Unlock()
	d.mu.Lock()
	d.changed[s.Name], d.reading[s.Name] = false, true
	d.mu.Unlock()
	defer func() {
		d.mu.Lock()
		d.reading[s.Name] = false
		d.mu.Unlock()
	}()
	return d.Usher.read(ctx, d.db, d.directory(d.o), s)
}

// clock has people moved when the next date comes. It looks at least once a
// minute, as a machine that slept has another idea of how long it waited.
func (d *daemon) clock(ctx context.Context) error {
	const most = time.Minute
	from := d.now()
	for {
		var next time.Time
		err := d.db.Read(ctx, func(r store.Reader) (err error) {
			next, err = r.NextDate(ctx, from)
			return err
		})
		if err != nil && ctx.Err() == nil {
			d.log.Error("the next date is not known", "err", err)
		}
		wait := most
		if !next.IsZero() {
			wait = min(most, time.Until(next))
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-d.dates: // an earlier one may have come
			timer.Stop()
			continue
		case <-timer.C:
		}
		// Whoever is held stays due; they must not keep the clock running.
		if now := d.now(); !next.IsZero() && !next.After(now) {
			from = now
			if _, err := d.queue.Enqueue(ctx, queue.Job{Kind: jobCalendar}); err != nil && ctx.Err() == nil {
				d.log.Error("the calendar's work could not be asked for", "err", err)
			}
		}
	}
}

// sweep heals what no event has told of.
func (d *daemon) sweep(ctx context.Context) error {
	var errs []error
	for _, s := range d.Sources {
		_, err := d.queue.Enqueue(ctx, queue.Job{Kind: jobRead, Key: s.Name})
		errs = append(errs, err)
	}
	errs = append(errs, d.settle(ctx), d.db.Requests().Prune(ctx, time.Now().Add(-request.KeepDone), request.KeepMost))
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	return nil
}
