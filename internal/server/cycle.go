// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"time"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/store"
)

// Plan says what an apply would do now. Sources are read and apps are looked
// at; what is learned is rolled back, and nothing is sent that changes
// anything.
func (u *Usher) Plan(ctx context.Context, o Options) (*Document, error) {
	doc := newDocument()
	start := time.Now()
	err := u.db.Rehearse(ctx, func(db store.DB) error { return u.plan(ctx, db, o, doc) })
	doc.Seconds = time.Since(start).Seconds()
	return doc, err
}

func newDocument() *Document {
	return &Document{Apps: map[string]*provision.AppReport{}, Holds: []provision.Hold{}, Problems: []Problem{}}
}

func (u *Usher) plan(ctx context.Context, db store.DB, o Options, doc *Document) error {
	if err := u.ingest(ctx, db, o, doc); err != nil {
		return err
	}
	people, err := u.people(ctx, db, o.Person)
	if err != nil {
		return err
	}
	cycle, err := u.engine(db, o, people).Plan(ctx)
	if err != nil {
		return err
	}
	doc.Plans, doc.Plan = cycle.Plans, cycle.Digest
	return errors.Join(u.complete(ctx, db, doc, cycle), doc.unread)
}

// MovedError says that what a plan rests on is no longer so.
type MovedError struct{ Plan, Now string }

func (e *MovedError) Error() string {
	return fmt.Sprintf("the plan %s no longer holds: what it rests on has moved (a plan made now is %s); nothing was sent", e.Plan, e.Now)
}

// Apply runs one full cycle until quiet.
func (u *Usher) Apply(ctx context.Context, o Options) (*Document, error) {
	return u.apply(ctx, o, nil, nil)
}

// ApplyPlan carries out exactly the given plan, or nothing: the plan is made
// anew, and must be the same but for operations that are recorded as done.
func (u *Usher) ApplyPlan(ctx context.Context, o Options, f *PlanFile) (*Document, error) {
	// A crash may have left requests whose outcome is not known. They are
	// looked up first, so that what was done counts as done.
	if err := u.engine(u.db, o, nil).Recover(ctx); err != nil {
		return newDocument(), err
	}
	rehearsal, err := u.Plan(ctx, Options{App: f.App, Person: f.Person, Actor: o.Actor})
	if err != nil {
		return rehearsal, err
	}
	done, err := u.doneSince(ctx, f.Made)
	if err != nil {
		return rehearsal, err
	}
	wanted := map[string]bool{}
	for _, op := range f.Ops {
		wanted[op.ID] = true
	}
	moved := &MovedError{f.Digest, rehearsal.Plan}
	planned := map[string]bool{}
	for _, p := range rehearsal.Plans {
		for _, op := range p.Ops {
			if !wanted[op.ID] {
				return newDocument(), moved
			}
			planned[op.ID] = true
		}
	}
	for id := range wanted {
		if !planned[id] && !done[id] {
			return newDocument(), moved
		}
	}
	o.App, o.Person = f.App, f.Person
	return u.apply(ctx, o, func(op *provision.Op) bool { return wanted[op.ID] }, f)
}

func (u *Usher) doneSince(ctx context.Context, since time.Time) (done map[string]bool, err error) {
	err = u.db.Provision().View(ctx, func(tx provision.Tx) (err error) {
		done, err = tx.DoneOps(ctx, since)
		return err
	})
	return done, err
}

func (u *Usher) apply(ctx context.Context, o Options, only func(*provision.Op) bool, f *PlanFile) (*Document, error) {
	doc := newDocument()
	start := time.Now()
	defer func() { doc.Seconds = time.Since(start).Seconds() }()
	if err := u.ingest(ctx, u.db, o, doc); err != nil {
		return doc, err
	}
	people, err := u.people(ctx, u.db, o.Person)
	if err != nil {
		return doc, err
	}
	cycle, err := u.engine(u.db, o, people).Apply(ctx, only)
	doc.Stopped = ctx.Err() != nil
	after := context.WithoutCancel(ctx) // what was done is told even when stopped
	doc.Plan = cycle.Digest
	if f != nil {
		doc.Plan = f.Digest
	}
	return doc, errors.Join(err, u.complete(after, u.db, doc, cycle), u.sequence(after), doc.unread)
}

// complete fills in what the document takes from the store.
func (u *Usher) complete(ctx context.Context, db store.DB, doc *Document, cycle provision.Cycle) error {
	doc.Apps = cycle.Apps
	for p, why := range cycle.Failed {
		doc.Problems = append(doc.Problems, Problem{Person: p, What: why})
	}
	sort.Slice(doc.Problems, func(i, j int) bool { return doc.Problems[i].Person < doc.Problems[j].Person })
	return db.Read(ctx, func(r store.Reader) (err error) {
		if doc.People, err = r.PeopleTotals(ctx); err != nil {
			return err
		}
		holds, err := r.Holds(ctx)
		doc.Holds = append(doc.Holds, holds...)
		return err
	})
}

// UnknownPersonError says that nobody, or more than one, is meant by a word.
type UnknownPersonError struct {
	What string
	IDs  []string
}

func (e *UnknownPersonError) Error() string {
	if len(e.IDs) == 0 {
		return fmt.Sprintf("nobody is known as %q: give a user name, the key of a record, or a person's id", e.What)
	}
	return fmt.Sprintf("%q may be any of %d people: %v", e.What, len(e.IDs), e.IDs)
}

// people finds who is meant; nil means everybody.
func (u *Usher) people(ctx context.Context, db store.DB, what string) ([]string, error) {
	if what == "" {
		return nil, nil
	}
	var ids []string
	err := db.Read(ctx, func(r store.Reader) (err error) {
		ids, err = r.Search(ctx, what)
		return err
	})
	if err == nil && len(ids) != 1 {
		err = &UnknownPersonError{what, ids}
	}
	return ids, err
}

// List calls each with everybody of a state, "" for all, in order of id.
func (u *Usher) List(ctx context.Context, state directory.State, each func(directory.Listing)) error {
	return u.db.Read(ctx, func(r store.Reader) error {
		after := ""
		for {
			page, err := r.List(ctx, state, after, 1000)
			if err != nil || len(page) == 0 {
				return err
			}
			for _, l := range page {
				each(l)
			}
			after = page[len(page)-1].Person.ID
		}
	})
}
