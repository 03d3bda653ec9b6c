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
	d.firstReads()
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

// firstReads has every source read, but for those whose stream of events is followed, or
// that are looked at on a server: they are once it is known from when on changes are told,
// which may be before this.
func (d *daemon) firstReads() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.Sources {
		if !d.streams(s.Name) && !s.Far {
			d.changed[s.Name] = true
		}
	}
}

// unread returns the sources that have changed since their last read began, but
// for those whose read would swallow another one.
func (d *daemon) unread() (names []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.Sources { // in the order of their authority
		if d.changed[s.Name] && !d.reading[s.Name] {
			names = append(names, s.Name)
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
	d.mu.Lock()
	d.changed[name] = false // before anything is looked at: what comes after it sets it again
	d.mu.Unlock()
	if err := d.readBefore(ctx, i); err != nil {
		return d.unreadable(ctx, name, err)
	}
	first := !d.health.everRead(name)
	r, err := d.readOne(ctx, d.Sources[i])
	if err != nil {
		return d.unreadable(ctx, name, err)
	}
	log, level := d.log.With("source", name), slog.LevelDebug
	if was := d.health.source(name, time.Now(), ""); was != "" {
		log.Info("source can be read again")
	}
	wake(d.marked[name]) // those of whom a list may know less than we do are to be read by their keys
	if first {
		d.awaited(i)
	}
	if r.New+r.Changed+len(r.Rejected) > 0 || !r.Complete {
		level = slog.LevelInfo
	}
	log.Log(ctx, level, "source read", "rows", r.Rows, "new", r.New, "changed", r.Changed, "rejected", len(r.Rejected), "complete", r.Complete)
	if !r.Complete && !r.Replay {
		log.Warn("not proven complete: nobody is taken for gone", "why", r.Reason)
	}
	return d.settle(ctx)
}

// readBefore keeps the order of an apply where it decides who somebody is: a
// record that looks for its person is not taken before the sources that state
// them. Those that have changed are read first; and if one was never read, a
// source that makes a person of whomever it does not find has to wait for it.
func (d *daemon) readBefore(ctx context.Context, i int) error {
	rules := d.rulesOf(d.Sources[i].Name)
	if len(rules.Match) == 0 {
		return nil
	}
	for _, earlier := range d.Sources[:i] {
		d.mu.Lock()
		changed := d.changed[earlier.Name]
		d.mu.Unlock()
		if changed {
			_ = d.read(ctx, earlier.Name) // told, and tried again by a job of its own
		}
		if !rules.Waits && !d.health.everRead(earlier.Name) {
			return fmt.Errorf("source %s: it waits until source %s has been read, as its people may be among those", d.Sources[i].Name, earlier.Name)
		}
	}
	return ctx.Err()
}

// unreadable tells of a source that could not be read, once for each reason.
func (d *daemon) unreadable(ctx context.Context, name string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	log := d.log.With("source", name, "err", err)
	if was := d.health.source(name, time.Time{}, err.Error()); was != err.Error() {
		log.Warn("source cannot be read; what is known goes on")
	} else {
		log.Debug("source still cannot be read")
	}
	return err
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// readOne reads one source. Whatever changes from here on is read again.
func (d *daemon) readOne(ctx context.Context, s source.Source) (source.Report, error) {
	if !s.Asked() {
		d.ingesting.Lock()
		defer d.ingesting.Unlock()
	}
	d.mu.Lock()
	d.changed[s.Name], d.reading[s.Name] = false, true
	d.mu.Unlock()
	defer func() {
		d.mu.Lock()
		d.reading[s.Name] = false
		d.mu.Unlock()
	}()
	if s.Asked() { // which may take minutes, and nobody has to wait for it
		var err error
		if s, err = source.Fetch(ctx, d.db.Source(), s); err != nil {
			return source.Report{}, d.Usher.trouble(ctx, d.db, s.Name, err)
		}
		d.ingesting.Lock()
		defer d.ingesting.Unlock()
	}
	return d.Usher.read(ctx, d.db, d.directory(d.o), s)
}

// awaited has those read again that may have waited for a source's first read.
func (d *daemon) awaited(i int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for j := i + 1; j < len(d.Sources); j++ {
		if rules := d.rulesOf(d.Sources[j].Name); len(rules.Match) > 0 && !rules.Waits {
			d.changed[d.Sources[j].Name] = true
		}
	}
	wake(d.nudge)
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
