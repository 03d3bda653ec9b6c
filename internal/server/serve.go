// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/queue"
	"github.com/usher-id/usher/internal/request"
	"github.com/usher-id/usher/internal/source/watch"
	"github.com/usher-id/usher/internal/store"
	"github.com/usher-id/usher/internal/telemetry"
)

// serveHolder is how a daemon is called where somebody is told who holds the
// store.
const serveHolder = "usher serve"

// ServeHolder is the name under which a daemon of this process holds the store.
func ServeHolder() string { return fmt.Sprintf("%s (process %d)", serveHolder, os.Getpid()) }

// Serves reports whether a holder is a daemon, which takes requests.
func Serves(holder string) bool { return strings.HasPrefix(holder, serveHolder+" ") }

// Servable refuses a configuration that no daemon can run with.
func (b *Built) Servable() error {
	if b.Config.Server.SigningKey.Ref() == "" { // else it is looked at when it is opened
		if _, err := b.signer(); err != nil {
			return err
		}
	}
	if !b.isFixed {
		return nil
	}
	return config.Errors{{
		Pos: b.Config.Calendar.Now.Pos, Msg: "serve takes now from the clock: calendar.now must be empty",
		Hint: "it is for plan and apply; with ${TODAY:-}, leave TODAY unset",
	}}
}

// ServeOptions is how a daemon runs.
type ServeOptions struct {
	Log   *slog.Logger
	Actor string // who the ledger names
	// Listening is called with the addresses once they are listened on; may be nil.
	Listening func(server, metrics string)
}

// How often what is mostly told by events is looked for.
const (
	calendarEvery = 5 * time.Minute // settle, whatever the dates say
	sweepEvery    = time.Hour       // read every source again, forget old requests
	booksEvery    = 5 * time.Second // chain the ledger, see what is held
	requestsEvery = 250 * time.Millisecond
	// departWithin is over how long departures are counted together.
	departWithin = time.Hour
)

// daemon is a running Serve.
type daemon struct {
	*Usher
	log    *slog.Logger
	o      Options
	engine *provision.Engine
	queue  *queue.Queue
	watch  *watch.Watcher
	web    *web
	health *health
	books  chan struct{}            // wakes the bookkeeper
	nudge  chan struct{}            // wakes follow
	dates  chan struct{}            // wakes the clock
	pushes chan struct{}            // wakes followPushes
	marked map[string]chan struct{} // by live source: wakes reread
	told   map[string]chan struct{} // by live source: wakes readAsTold
	keeper *keeper
	outbox

	mu      sync.Mutex
	changed map[string]bool // sources that have changed since their last read began
	reading map[string]bool
}

// Serve runs for ever what Apply runs once, until ctx ends: sources are read
// when they change, apps follow the directory, and other processes' requests
// are carried out. What is in flight when it ends is waited for and recorded.
func (u *Usher) Serve(ctx context.Context, o ServeOptions) (*Status, error) {
	d := &daemon{
		Usher: u, log: o.Log, o: Options{Actor: o.Actor}, health: newHealth(), keeper: newKeeper(),
		books: make(chan struct{}, 1), nudge: make(chan struct{}, 1), dates: make(chan struct{}, 1), pushes: make(chan struct{}, 1),
		changed: map[string]bool{}, reading: map[string]bool{}, marked: map[string]chan struct{}{}, told: map[string]chan struct{}{},
	}
	u.window = departWithin
	err := d.build()
	if err != nil {
		return nil, err
	}
	defer d.watch.Close()
	if err = d.prepareStore(ctx); err != nil {
		if ctx.Err() != nil { // stopped before it began
			return u.Status(context.WithoutCancel(ctx))
		}
		return nil, err
	}
	if err := d.web.listen(ctx); err != nil {
		return nil, err
	}
	if d.web.scim, err = d.newEndpoint(ctx); err != nil {
		return nil, errors.Join(err, d.web.close())
	}
	if o.Listening != nil {
		o.Listening(d.web.addresses())
	}
	d.log.Info("serving", "address", d.web.main.Addr().String(), "sources", len(u.SourceNames()), "apps", len(u.Targets), "store", u.Config.StoreRedacted())
	if store.Preview(u.Config.Store.Value) {
		d.log.Warn("a store on PostgreSQL is a preview: docs/postgresql.md says what is not right yet")
	}
	defer context.AfterFunc(ctx, func() { d.log.Info("stopping: nothing new is sent, what is in flight is waited for") })()
	err = runParts(ctx, []part{
		{"listener", d.web.serve},
		{"metrics listener", d.web.serveMetrics},
		{"bookkeeper", d.keepBooks},
		{"queue", d.work},
		{"watch", d.follow},
		{"clock", d.clock},
		{"pushes", d.followPushes},
		{"tenants", d.followTenants},
		{"servers", d.followFar},
		{"lists", d.followLists},
		{"events", d.deliverEvents},
		{"discovery", d.followApps},
		{"engine", d.runEngine}, // the last, so that nothing is sent once it is to stop
	})
	after := context.WithoutCancel(ctx)
	left, leftErr := u.Status(after)
	if err == nil {
		err = leftErr
	}
	d.log.Info("stopped")
	return left, err
}

// beside is behind the name of a source for the file that says that another one is whole:
// no name of a source has a blank.
const beside = " done"

// build makes the parts; nothing runs yet.
func (d *daemon) build() error {
	c := d.engineConfig(d.db, d.o, nil)
	c.Cycled = d.cycled
	d.engine = provision.New(c)
	var err error
	d.queue, err = queue.New(queue.Config{
		Pool: d.db.Jobs(), Logger: telemetry.Least(d.log, slog.LevelError),
		Work: map[string]func(context.Context, string) error{
			jobRead:     d.read,
			jobCalendar: func(ctx context.Context, _ string) error { return d.settle(ctx) },
			jobSweep:    func(ctx context.Context, _ string) error { return d.sweep(ctx) },

			jobCredentials: func(ctx context.Context, _ string) error { return d.credentials(ctx) },
		},
		Periodic: []queue.Periodic{
			{Job: queue.Job{Kind: jobCalendar}, Every: calendarEvery},
			{Job: queue.Job{Kind: jobSweep}, Every: sweepEvery},
			{Job: queue.Job{Kind: jobCredentials}, Every: credentialsEvery},
		},
	})
	if err != nil {
		return err
	}
	files := map[string]string{}
	for _, s := range d.Sources {
		if !s.Asked() {
			files[s.Name] = s.File
		}
		if !s.Asked() && s.Done != "" {
			files[s.Name+beside] = s.Done
		}
	}
	d.serveLive()
	if d.watch, err = watch.New(watch.Config{Files: files, Changed: func(name string) { d.sourceChanged(strings.TrimSuffix(name, beside)) }}); err != nil {
		return err
	}
	d.web = newWeb(d)
	return d.buildOutbox()
}

// prepareStore does what must be done before anything runs: it refuses a store
// that does not fit, moves whom the calendar has moved while nobody served, and
// answers what an earlier daemon has left unanswered.
func (d *daemon) prepareStore(ctx context.Context) error {
	dir := d.directory(d.o)
	failed, err := d.prepare(ctx, d.db, dir)
	if err != nil {
		return err
	}
	d.troubled(failed)
	if err := d.settle(ctx); err != nil {
		return err
	}
	if err := d.beginCredentials(ctx); err != nil {
		return err
	}
	refused, err := request.Inherit(ctx, d.db.Requests(), time.Now())
	if err != nil {
		return err
	}
	if refused > 0 {
		d.log.Warn("requests of an earlier engine refused", "count", refused)
	}
	return d.db.Read(ctx, func(r store.Reader) error {
		states, err := r.States(ctx)
		for _, s := range states {
			d.health.source(s.Source, s.Read, "")
			d.health.source(s.Source, time.Time{}, s.Trouble)
		}
		return err
	})
}

// settle moves everybody whose time has come.
func (d *daemon) settle(ctx context.Context) error {
	d.ingesting.Lock()
	defer d.ingesting.Unlock()
	settled, err := settle(ctx, d.db, d.directory(d.o))
	if err != nil {
		return err
	}
	d.moved(settled)
	return nil
}

// moved tells of people who are somewhere else now, and lets the engine look.
func (d *daemon) moved(s directory.Settled) {
	if s.Joined+s.Left+s.Missing+s.Returned > 0 {
		d.log.Info("people moved", "joined", s.Joined, "left", s.Left, "missing", s.Missing, "returned", s.Returned)
	}
	d.troubled(s.Problems)
	d.engine.Wake()
	wake(d.dates)
	d.wakeBooks()
}

// troubled tells on whom a team rule failed.
func (d *daemon) troubled(failed map[string]error) {
	for person, err := range failed {
		d.log.Warn("team rule failed", "person", person, "err", err)
	}
}

// runEngine has the engine serve, and carries out what other processes ask of
// it. Both send, and both stop sending at once.
func (d *daemon) runEngine(ctx context.Context) error {
	d.health.engine(true)
	defer d.health.engine(false)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return d.engine.Serve(ctx) })
	g.Go(func() error { return d.answer(ctx) })
	return g.Wait()
}

// work lets the queue work its jobs.
func (d *daemon) work(ctx context.Context) error {
	if err := d.queue.Start(ctx); err != nil {
		return err
	}
	if len(d.uses) > 0 {
		d.askCredentials(ctx)
	}
	<-ctx.Done()
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	return d.queue.Stop(within)
}

// cycled tells what a cycle of an app has done.
func (d *daemon) cycled(app string, r provision.AppReport, err error) {
	was := d.health.cycle(app, r)
	log := d.log.With("app", app)
	switch {
	case err != nil:
		log.Error("cycle failed", "err", err)
	case r.Paused != "" && r.Paused != was.Paused:
		log.Warn("app paused", "why", r.Paused)
	case r.Paused == "" && was.Paused != "":
		log.Info("app is back")
	}
	if r.Writes() > 0 {
		log.Info("app follows", counts(r)...)
	}
	if r.Parked > was.Parked {
		log.Warn("set aside", "parked", r.Parked)
	}
	d.wakeBooks()
}

// counts are the parts of a report that are not zero.
func counts(r provision.AppReport) (attrs []any) {
	for _, c := range []struct {
		name string
		n    int
	}{
		{"create", r.Create},
		{"update", r.Update},
		{"disable", r.Disable},
		{"delete", r.Delete},
		{"group_create", r.GroupCreate},
		{"group_update", r.GroupUpdate},
		{"member_add", r.MemberAdd},
		{"member_remove", r.MemberRemove},
		{"waiting", r.Waiting},
	} {
		if c.n > 0 {
			attrs = append(attrs, c.name, c.n)
		}
	}
	return append(attrs, "requests", r.Requests, "seconds", r.Seconds)
}

func (d *daemon) wakeBooks() { wake(d.books) }

// wake never blocks; calls that come together are one.
func wake(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// keepBooks gives the ledger's new events their place in the chain, and tells
// of holds that are new or gone.
func (d *daemon) keepBooks(ctx context.Context) error {
	held := map[string]bool{}
	every := time.NewTicker(booksEvery)
	defer every.Stop()
	for {
		if err := d.look(context.WithoutCancel(ctx), held); err != nil {
			d.log.Error("bookkeeping failed", "err", err)
		}
		if ctx.Err() != nil {
			return nil // this was the last look, at what the others have left
		}
		select {
		case <-ctx.Done():
		case <-every.C:
		case <-d.books:
		}
	}
}

func (d *daemon) look(ctx context.Context, held map[string]bool) error {
	if err := d.sequence(ctx); err != nil {
		return err
	}
	var holds []provision.Hold
	err := d.db.Read(ctx, func(r store.Reader) (err error) {
		holds, err = r.Holds(ctx)
		return err
	})
	if err != nil {
		return err
	}
	standing := map[string]bool{}
	for _, h := range holds {
		key := h.App + " " + h.ID
		standing[key] = true
		if !held[key] {
			held[key] = true
			d.log.Warn("held: somebody must decide", "app", h.App, "hold", h.ID, "cause", h.Cause, "count", h.Count, "why", h.Reason)
		}
	}
	for key := range held {
		if !standing[key] {
			delete(held, key)
			app, id, _ := strings.Cut(key, " ")
			d.log.Info("no longer held", "app", app, "hold", id)
		}
	}
	return nil
}
