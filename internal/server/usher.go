// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/source"
	"github.com/usher-id/usher/internal/store"
)

// Usher is a built configuration with an open store.
type Usher struct {
	*Built
	db        store.DB
	owner     *provision.Owner
	ingesting sync.Mutex    // one read of one source at a time
	chaining  sync.Mutex    // one sequencer at a time
	rotating  sync.Mutex    // one rotation of a credential, or rewrap, at a time
	window    time.Duration // see provision.Gate; set before anything runs
	reading   atomic.Int64  // see provision.Config: grows with the begin and end of each read
}

// Open opens the configured store for the one engine that may write to it.
func (b *Built) Open(ctx context.Context, holder string) (*Usher, error) {
	db, err := store.Open(ctx, b.Config.Store.Value, holder)
	if err != nil {
		return nil, err
	}
	return b.usher(db, holder), nil
}

// OpenRehearsal opens the configured store for Plan, beside a running engine if
// there is one.
func (b *Built) OpenRehearsal(ctx context.Context, holder string) (*Usher, error) {
	db, err := store.OpenRehearsal(ctx, b.Config.Store.Value, holder)
	if err != nil {
		return nil, err
	}
	return b.usher(db, holder), nil
}

// OpenRead opens the configured store beside whoever writes to it.
func (b *Built) OpenRead(ctx context.Context) (*Usher, error) {
	db, err := store.OpenRead(ctx, b.Config.Store.Value)
	if err != nil {
		return nil, err
	}
	return b.usher(db, "reader"), nil
}

func (b *Built) usher(db store.DB, holder string) *Usher {
	return &Usher{Built: b, db: db, owner: provision.NewOwner(holder)}
}

// Close closes the store.
func (u *Usher) Close() error { return u.db.Close() }

// Options narrow or steer a cycle.
type Options struct {
	App      string        // "" = every app
	Person   string        // "" = everybody; else id, user name or record key
	Release  string        // the hold that somebody agreed to
	Wait     time.Duration // for retries that are due
	Verify   bool          // look at what is at the apps first
	Actor    string        // who the ledger names
	Progress func(n int)
}

func (o Options) released(id string) bool { return o.Release != "" && id == o.Release }

// Document is what plan and apply print: one for each run.
type Document struct {
	Apps         map[string]*provision.AppReport `json:"apps"`
	People       directory.Totals                `json:"people"`
	RejectedRows int                             `json:"rejected_rows"`
	Holds        []provision.Hold                `json:"holds"`
	Plan         string                          `json:"plan"`
	Seconds      float64                         `json:"seconds"`
	Sources      []source.Report                 `json:"sources"`
	Problems     []Problem                       `json:"problems"`
	Notes        []Note                          `json:"notes,omitempty"`   // see Start
	Stopped      bool                            `json:"stopped,omitempty"` // cut short by a signal
	Plans        []provision.Plan                `json:"-"`

	unread error // sources that could not be read
}

// Problem is something that was set aside, for somebody to look at.
type Problem struct {
	Person string `json:"person,omitempty"`
	App    string `json:"app,omitempty"`
	What   string `json:"what"`
}

// trouble adds team rules that failed on people.
func (d *Document) trouble(problems map[string]error) {
	for p, cause := range problems {
		d.Problems = append(d.Problems, Problem{Person: p, What: cause.Error()})
	}
}

// directory returns the directory room on this store's gate.
func (u *Usher) directory(o Options) *directory.Directory {
	return directory.New(directory.Config{
		Schemas: u.Schemas, Sources: u.sourceRules, Paths: u.paths, Teams: u.Rules, Now: u.now,
		Gate:    provision.Gate{Limits: u.Limits, Released: o.released, Actor: o.Actor, Window: u.window, Spared: u.spared()},
		Actor:   o.Actor,
		PreHire: time.Duration(u.Config.Calendar.PrehireDays) * 24 * time.Hour,
	})
}

func (u *Usher) engine(db store.DB, o Options, people []string) *provision.Engine {
	return provision.New(u.engineConfig(db, o, people))
}

func (u *Usher) engineConfig(db store.DB, o Options, people []string) provision.Config {
	var targets []*provision.Target
	for _, t := range u.Targets {
		if o.App == "" || t.Name == o.App {
			targets = append(targets, t)
		}
	}
	return provision.Config{
		Store: db.Provision(), Owner: u.owner, Schemas: u.Schemas, Targets: targets, Limits: u.Limits, Released: o.released,
		People: people, Actor: o.Actor, Now: u.now, Wait: o.Wait, Verify: o.Verify, Progress: o.Progress, Reading: u.reading.Load,
	}
}

// ingest brings the sources into the directory and moves people to where they
// belong: the first half of every cycle.
func (u *Usher) ingest(ctx context.Context, db store.DB, o Options, doc *Document) error {
	d := u.directory(o)
	sources, unread := u.fetch(ctx, db) // which may take long, and nobody has to wait for it
	u.ingesting.Lock()
	defer u.ingesting.Unlock()
	failed, err := u.prepare(ctx, db, d)
	if err != nil {
		return err
	}
	doc.trouble(failed)
	for _, s := range sources {
		r, err := u.read(ctx, db, d, s)
		if err != nil {
			// What is known goes on: a leaver's end date comes whether or not
			// the file can be read today. Nobody is absent from it either.
			unread = append(unread, err)
			continue
		}
		doc.Sources = append(doc.Sources, r)
		doc.RejectedRows += len(r.Rejected)
	}
	settled, err := settle(ctx, db, d)
	doc.trouble(settled.Problems)
	doc.unread = errors.Join(unread...)
	return err
}

// fetch asks those of the sources that are asked; one that cannot be is left out, and
// told of.
func (u *Usher) fetch(ctx context.Context, db store.DB) (sources []source.Source, unread []error) {
	for _, s := range u.Sources {
		s, err := source.Fetch(ctx, db.Source(), s)
		if err != nil {
			unread = append(unread, u.trouble(ctx, db, s.Name, err))
			continue
		}
		sources = append(sources, s)
	}
	return sources, unread
}

// prepare holds the configuration against the store, and takes changed team
// rules into account. It returns on whom a rule failed.
func (u *Usher) prepare(ctx context.Context, db store.DB, d *directory.Directory) (failed map[string]error, err error) {
	if err := u.forgotten(ctx, db); err != nil {
		return nil, err
	}
	err = db.Directory().Update(ctx, func(tx directory.Tx) (err error) {
		failed, err = d.Retally(ctx, tx, u.Rules.Digest())
		return err
	})
	return failed, err
}

// read reads one source, or takes what was fetched of it, and notes if it cannot be
// read. The caller holds ingesting.
func (u *Usher) read(ctx context.Context, db store.DB, d *directory.Directory, s source.Source) (source.Report, error) {
	u.reading.Add(1)
	r, err := source.Ingest(ctx, db.Source(), d, s)
	u.reading.Add(1)
	return r, u.trouble(ctx, db, s.Name, err)
}

// trouble notes why a source cannot be read, or that it can, and returns the reason.
func (u *Usher) trouble(ctx context.Context, db store.DB, name string, err error) error {
	if ctx.Err() != nil { // a stop is no trouble of the source
		return err
	}
	noted := db.Source().Update(ctx, func(tx source.Tx) error { return tx.PutTrouble(ctx, name, message(err)) })
	return errors.Join(err, noted)
}

// settle moves everybody whose time has come.
func settle(ctx context.Context, db store.DB, d *directory.Directory) (settled directory.Settled, err error) {
	err = db.Directory().Update(ctx, func(tx directory.Tx) (err error) {
		settled, err = d.Settle(ctx, tx)
		return err
	})
	return settled, err
}

// forgotten refuses a configuration that lacks a source which has stated
// people. A source's name is part of every person's identity: under another
// name, everybody would be somebody else and get a second account.
func (u *Usher) forgotten(ctx context.Context, db store.DB) error {
	return db.Source().Update(ctx, func(tx source.Tx) error {
		stated, err := tx.Sources(ctx)
		if err != nil {
			return err
		}
		for _, name := range stated {
			if !u.hasSource(name) {
				return fmt.Errorf("the store knows people from the source %q, which is not in %s: was it renamed? "+
					"Give it its name back; under another one everybody would get a second account", name, u.Config.File)
			}
		}
		return nil
	})
}

// sequence gives the ledger's new events their place in the chain, one caller at a
// time: the bookkeeper, or whoever has just done something.
func (u *Usher) sequence(ctx context.Context) error {
	u.chaining.Lock()
	defer u.chaining.Unlock()
	_, err := audit.Sequence(ctx, u.db.Ledger())
	return err
}

// Verify recomputes the ledger's chain.
func (u *Usher) Verify(ctx context.Context) (audit.Report, error) {
	return audit.Verify(ctx, u.db.Ledger())
}
