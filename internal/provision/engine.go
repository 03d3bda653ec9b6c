// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/internal/planted"
	"github.com/usher-id/usher/scim"
)

// Config is what an Engine is made of.
type Config struct {
	Store    Store
	Owner    *Owner // nil: one of its own
	Schemas  *scim.SchemaSet
	Targets  []*Target
	Limits   Limits
	Released func(holdID string) bool // nil: none is
	People   []string                 // nil: everybody
	Actor    string                   // who the ledger names
	Now      func() time.Time         // the calendar's now
	Wait     time.Duration            // how long to wait for retries that are due
	Verify   bool                     // look at every account and group first, see drift.go
	Progress func(n int)              // called for each answer; may be nil
	// Reading is a number that changes whenever a change of the directory begins
	// or ends that takes several transactions, and is odd meanwhile; nil: there
	// is none beside the engine.
	Reading func() int64
	// Cycled is called after each cycle of an app that Serve has run; may be nil.
	Cycled func(app string, r AppReport, err error)
	// Luck is a number in [0, 1) by which retries are spread; nil: by chance. It is
	// called by every app's goroutine.
	Luck func() float64
}

// Engine brings apps to what the directory says.
type Engine struct {
	store    Store
	owner    *Owner
	schemas  *scim.SchemaSet
	targets  []*Target
	limits   Limits
	released func(string) bool
	people   []string
	actor    string
	now      func() time.Time
	wait     time.Duration
	verify   bool
	progress func(int)
	reading  func() int64
	cycled   func(string, AppReport, error)
	luck     func() float64
	wakes    []chan struct{} // one for each target
}

// New returns an Engine.
func New(c Config) *Engine {
	e := &Engine{
		store: c.Store, owner: c.Owner, schemas: c.Schemas, targets: c.Targets, limits: c.Limits, released: c.Released,
		people: c.People, actor: c.Actor, now: c.Now, wait: c.Wait, verify: c.Verify, progress: c.Progress, reading: c.Reading, cycled: c.Cycled,
		luck: c.Luck,
	}
	if e.owner == nil {
		e.owner = NewOwner(e.actor)
	}
	if e.released == nil {
		e.released = func(string) bool { return false }
	}
	if e.progress == nil {
		e.progress = func(int) {}
	}
	if e.reading == nil {
		e.reading = func() int64 { return 0 }
	}
	if e.cycled == nil {
		e.cycled = func(string, AppReport, error) {}
	}
	if e.luck == nil {
		e.luck = rand.Float64
	}
	for range e.targets {
		e.wakes = append(e.wakes, make(chan struct{}, 1))
	}
	return e
}

// Cycle is what a cycle did, or would do, app by app.
type Cycle struct {
	Apps   map[string]*AppReport
	Plans  []Plan            // what is planned, of Plan alone
	Digest string            // of what was planned first
	Failed map[string]string // expressions that failed, by person

	digest *Digester
}

// Plan computes what would be done. It reads the app where its state is not
// known and sends nothing that changes anything. What it writes to the store
// is what reading taught it; the caller rolls that back, so that no lease is
// needed.
func (e *Engine) Plan(ctx context.Context) (Cycle, error) {
	res := newCycle()
	for _, t := range e.targets {
		r, start := e.run(t), time.Now()
		r.ahead = true // what waits for its time would be done, too
		if err := r.begin(ctx); err != nil {
			return res, err
		}
		if err := r.observe(ctx); err != nil {
			return res, err
		}
		s, err := r.survey(ctx, true)
		if err != nil {
			return res, err
		}
		p := Plan{App: t.Name, Ops: s.ops(), Held: s.held}
		res.Plans = append(res.Plans, p)
		*r.report = AppReport{} // what a look-up found out is done already
		for kind, n := range Count(p.Ops) {
			r.report.add(kind, n)
		}
		for _, op := range p.Ops {
			if r.subjects[op.Person].Account.State == Live {
				r.written[op.Person] = true // would be
			}
		}
		if err := r.finish(ctx, start, &res); err != nil {
			return res, err
		}
		r.report.Waiting = 0 // what is due is what the plan says
	}
	res.Digest = res.digest.Sum()
	return res, nil
}

// Recover looks up what a crash left open, and nothing else.
func (e *Engine) Recover(ctx context.Context) error {
	for _, t := range e.targets {
		r := e.run(t)
		r.ahead = t.App.Profile().Settle == 0 // a wait that is mere politeness is skipped
		err := r.owned(ctx, time.Now().Add(e.wait), func(ctx context.Context) error {
			if err := r.begin(ctx); err != nil || len(r.unsure) == 0 {
				return err
			}
			return r.observe(ctx)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Apply pushes until quiet, all apps in parallel: a sick app delays nobody
// else. With only set, an operation is carried out if only says so.
func (e *Engine) Apply(ctx context.Context, only func(*Op) bool) (Cycle, error) {
	res := newCycle()
	runs := make([]*run, len(e.targets))
	var g errgroup.Group
	start := time.Now()
	for i, t := range e.targets {
		runs[i] = e.run(t)
		g.Go(func() error { return runs[i].cycle(ctx, only) })
	}
	err := g.Wait()
	for _, r := range runs {
		if ferr := r.finish(context.WithoutCancel(ctx), start, &res); err == nil {
			err = ferr
		}
	}
	res.Digest = res.digest.Sum()
	return res, err
}

func newCycle() Cycle {
	return Cycle{Apps: map[string]*AppReport{}, Failed: map[string]string{}, digest: NewDigester()}
}

func (e *Engine) run(t *Target) *run {
	return &run{
		Engine: e, target: t, planner: NewPlanner(t, e.schemas, e.now()), report: &AppReport{},
		unsure: map[string][]*Intent{}, written: map[string]bool{}, failed: map[string]string{}, consented: map[string]bool{},
		looked: map[string]bool{}, retaken: map[string]bool{}, before: t.App.Requests(), sick: &failures{}, most: map[Kind]int{},
	}
}

// mostPatience is how long a stage waits for an app that asks for a pause,
// rather than being planned anew.
const mostPatience = 20 * time.Second

// mostPause is more than any app may ask for, see app.Error.
const mostPause = 25 * time.Hour

// cycle goes round until nothing is due, or what is due comes too late. The
// app is not kept from others while it waits.
func (r *run) cycle(ctx context.Context, only func(*Op) bool) error {
	r.deadline = time.Now().Add(r.wait)
	for {
		var next time.Time
		err := r.owned(ctx, r.deadline, func(ctx context.Context) (err error) {
			next, err = r.turn(ctx, only)
			return err
		})
		var held *HeldError
		switch {
		case ctx.Err() != nil && errors.Is(err, ctx.Err()):
			return nil // stopped is not failed
		case errors.As(err, &held):
			r.refused = held.Error()
			return nil
		case err != nil || ctx.Err() != nil || r.refused != "" || next.IsZero() || next.After(r.deadline):
			return err
		}
		waitUntil(ctx, next)
	}
}

// turn goes round until nothing can be sent now, and returns when the next
// retry is due, zero for never. It gives way when somebody else in this process
// waits for the app.
func (r *run) turn(ctx context.Context, only func(*Op) bool) (next time.Time, err error) {
	if err := r.begin(ctx); err != nil {
		return next, err
	}
	if r.state.waitsToProbe(time.Now()) {
		r.broken = r.state.Paused
		return r.state.RetryAt, nil
	}
	switch e, why, err := r.probe(ctx); {
	case err != nil:
		return next, err
	case e != nil && e.Class != app.Unauthorized:
		err := r.open(ctx, why, e.RetryAfter)
		return r.state.RetryAt, err
	case e != nil:
		r.refused = why
		return next, r.refuse(ctx)
	}
	if err := r.lift(ctx); err != nil {
		return next, err
	}
	for {
		sent, err := r.round(ctx, only)
		switch {
		case err == nil && r.refused != "":
			return next, r.refuse(ctx)
		case err != nil || ctx.Err() != nil:
			return next, err
		case r.state.Paused != "":
			return r.state.RetryAt, nil
		}
		if r.sick.none() {
			if err := r.shutBreaker(ctx); err != nil {
				return next, err
			}
		}
		switch {
		case !sent:
			return r.nextRetry(ctx)
		case r.owner.wanted(r.target.Name):
			return time.Now(), nil
		}
	}
}

// probe asks an app that was paused for one harmless thing before anything else
// is sent, and returns the error for which it stays paused, and that in words. A
// credential that is still void is not presented once for every change.
func (r *run) probe(ctx context.Context) (e *app.Error, why string, err error) {
	if r.state.PausedAt.IsZero() || !r.state.Listed { // the first list is a probe itself
		return nil, "", nil
	}
	e, asked, err := r.ask(ctx, nil)
	switch {
	case err != nil || e == nil, ctx.Err() != nil: // our stop, not the app's fault
		return nil, "", err
	case asked.record == "":
		return e, e.Error(), nil
	case asked.nobodys && !ofUs(e) && !lost(e): // a key may have to be a number, say
		return nil, "", nil
	}
	return e, fmt.Sprintf("%s (asked for record %s)", e, asked.record), nil
}

// question is what an app was asked for, to see whether it answers.
type question struct {
	record  string // of a source, by its key; "" for a search
	nobodys bool   // the key is one that nobody has
}

// ask asks for one harmless thing, and returns why the app does not answer it; nil if it
// does. What some people have is not asked for.
func (r *run) ask(ctx context.Context, but map[string]bool) (*app.Error, question, error) {
	if r.target.Source == "" {
		_, _, err := r.target.App.Find(ctx, app.KindUser, userNamePath, probed)
		return silent(err), question{}, nil
	}
	q := question{record: probed, nobodys: true} // records are not searched
	keys, err := r.recordsKnown(ctx, but)
	if err != nil {
		return nil, q, err
	}
	if len(keys) == 0 {
		_, err := r.target.App.Get(ctx, app.KindUser, probed)
		return silent(err), q, nil
	}
	var e *app.Error
	for _, key := range keys {
		q = question{record: key}
		_, err := r.target.App.Get(ctx, app.KindUser, key)
		if e = silent(err); e == nil || ofUs(e) || lost(e) || e.Class == app.Retry || ctx.Err() != nil {
			break // otherwise it may be about this one alone
		}
	}
	return e, q, nil
}

// silent is an error that does not show that the app answers us.
func silent(err error) *app.Error {
	if e := app.Classify(err); e != nil && (e.Class == app.Unauthorized || e.Class == app.Unreachable || e.Class == app.Retry || e.Class == app.Ambiguous) {
		return e
	}
	return nil
}

// ofUs says that a refusal is of our credential, and not, as 403 may be, of one thing.
func ofUs(e *app.Error) bool {
	return e.Class == app.Unauthorized && e.Status != http.StatusForbidden
}

// lost says that no answer came, be it that nothing could be sent.
func lost(e *app.Error) bool { return e.Status == 0 || e.Class == app.Unreachable }

// probed is nobody's name, and hardly anybody's key.
const probed = "usher-probe"

// lift ends a pause, once the app has answered: until then whoever asks is told
// that it is paused.
func (r *run) lift(ctx context.Context) error {
	if r.state.Paused == "" {
		return nil
	}
	refused := r.state.RetryAt.IsZero() // maybe by an earlier version, which left what was forbidden for now
	r.state.Paused, r.state.RetryAt, r.broken = "", time.Time{}, ""
	return r.update(ctx, func(tx Tx) error {
		if refused {
			if err := tx.Unpark(ctx, r.target.Name, Forbidden); err != nil {
				return err
			}
		}
		return tx.PutApp(ctx, r.state)
	})
}

func (r *run) nextRetry(ctx context.Context) (next time.Time, err error) {
	err = r.store.View(ctx, func(tx Tx) (err error) {
		// What was due already when the last round began, and was not sent, is
		// held, or not asked for.
		if next, err = tx.NextRetry(ctx, r.target.Name, r.people, r.began); err != nil || !r.state.RetryAt.After(r.began) {
			return err
		}
		if r.people != nil {
			mine, err := tx.Subjects(ctx, Query{App: r.target.Name, People: r.people, Limit: 1, Due: true, Now: never})
			if err != nil || len(mine) == 0 {
				return err
			}
		}
		next = r.state.RetryAt // nothing before, whoever else waits, and whoever it kept goes then
		return nil
	})
	for id, g := range r.groups { // which the store takes for set aside altogether
		if at := g.RetryAt; (g.misnamed() || r.retaken[id]) && at.After(r.began) && (next.IsZero() || at.Before(next)) && err == nil && !r.state.RetryAt.After(r.began) {
			next = at
		}
	}
	if soon := time.Now().Add(lookEvery); r.halved && err == nil && (next.IsZero() || next.After(soon)) {
		next = soon
	}
	return next, err
}

// begin brings the app's own row up to date, marks everybody when what their
// plans rest on has changed, and takes up what a crash left open.
func (r *run) begin(ctx context.Context) error {
	again := r.again
	r.again, r.planner.Now = true, r.now()
	err := r.update(ctx, func(tx Tx) error {
		r.unsure, r.strangers = map[string][]*Intent{}, nil
		var err error
		if r.state, err = tx.App(ctx, r.target.Name); err != nil {
			return err
		}
		if r.state.RetryAt.After(time.Now().Add(mostPause)) || planted.On(planted.PauseForgotten) && !again { // the clock was ahead when it was written
			r.state.RetryAt = time.Time{}
		}
		if planted.On(planted.PauseOfAnother) {
			r.state.RetryAt = latest(r.state.RetryAt, r.anybodysPause())
		}
		known := r.state.Digest == r.target.Digest
		if err := r.moving(ctx, tx); err != nil {
			return err
		}
		r.state.Name, r.state.Digest = r.target.Name, r.target.Digest
		r.newcomer = r.newcomer || !r.state.Agreed || !r.state.Listed
		if r.target.FirstRunGo {
			r.state.Agreed = true
		}
		if err := tx.PutApp(ctx, r.state); err != nil {
			return err
		}
		if !known { // what is mapped is another thing now, and so is what is kept of it
			if err := tx.MarkApp(ctx, r.target.Name); err != nil {
				return err
			}
			if err := tx.DropFindings(ctx, r.target.Name); err != nil {
				return err
			}
		}
		found, err := tx.Findings(ctx, r.target.Name)
		if err != nil {
			return err
		}
		r.keeping = &keeping{schemas: r.schemas, paths: r.planner.paths, known: found, asked: map[string]bool{}, sampled: r.keeping != nil}
		if err := tx.Wake(ctx, r.target.Name, r.planner.Now); err != nil {
			return err
		}
		if !again {
			if err := errors.Join(r.replay(ctx, tx), r.doubt(ctx, tx)); err != nil {
				return err
			}
		}
		return r.recover(ctx, tx, again)
	})
	if err != nil || r.target.Source == "" {
		return err
	}
	return r.letGoAll(ctx)
}

// moving forgets what was known of an app that has another address: ids there
// name other things. Its accounts are listed and matched anew, as on a first
// run, so that a mere change of host writes nothing.
func (r *run) moving(ctx context.Context, tx Tx) error {
	was := r.state.Address
	r.state.Address = r.target.Address
	if was == "" || was == r.target.Address {
		return nil
	}
	r.state.Listed, r.state.Agreed = false, false
	if err := tx.ResetApp(ctx, r.target.Name); err != nil {
		return err
	}
	if err := tx.DropFindings(ctx, r.target.Name); err != nil {
		return err
	}
	return tx.AppendEvents(ctx, []audit.Event{{
		At: tx.Now(), Kind: "app.moved", Actor: r.actor, App: r.target.Name, Why: "the configuration gives it another address",
		Before: map[string]string{"url": was}, After: map[string]string{"url": r.target.Address},
	}})
}

// recover finds the requests whose outcome is not known: a crash came between,
// or the answer was ambiguous. They are looked up before anything else. The
// rows of the ambiguous ones say so already; once in a cycle those are tried
// again, too, whose look-up was refused.
func (r *run) recover(ctx context.Context, tx Tx, again bool) error {
	open, err := tx.OpenIntents(ctx, r.target.Name)
	if err != nil || len(open) == 0 {
		return err
	}
	groups, err := tx.Groups(ctx, r.target.Name)
	if err != nil {
		return err
	}
	var people []string
	var touched []Group
	for _, in := range open {
		r.unsure[in.key()] = append(r.unsure[in.key()], in)
		if in.Answered && again {
			continue
		}
		if in.Team == "" {
			people = append(people, in.Person)
			continue
		}
		g := groups[in.Team]
		g.App, g.Team = in.App, in.Team
		r.retaken[in.Team] = true
		r.unknown(&g.Standing, in)
		touched = append(touched, g)
	}
	if err := tx.PutGroups(ctx, touched); err != nil {
		return err
	}
	return r.recoverAccounts(ctx, tx, people)
}

// unknown has an object looked up that a request without an outcome is about. When that
// left is not known, if it did: an intent waits for its turn, but for none after its owner's
// time, which is over now. So the app's settle time counts from the first who takes it up.
func (r *run) unknown(s *Standing, in *Intent) {
	taken := s.Observe && s.Journal == in.ID
	s.Observe, s.Journal = true, in.ID
	if !taken && !planted.On(planted.LookUpBeforeSettled) {
		s.RetryAt = later(s.RetryAt, time.Now(), r.target.App.Profile().Settle)
	}
}

// later is when a look-up proves something: not before the app has settled.
func later(retry, sent time.Time, settle time.Duration) time.Time {
	if t := sent.Add(settle); settle > 0 && t.After(retry) {
		return t
	}
	return retry
}

func (r *run) recoverAccounts(ctx context.Context, tx Tx, people []string) error {
	if len(people) == 0 {
		return nil
	}
	subjects, err := tx.Subjects(ctx, Query{App: r.target.Name, People: people, Limit: len(people), Now: time.Now()})
	if err != nil {
		return err
	}
	accounts := make([]Account, len(subjects))
	for i, s := range subjects {
		of := r.unsure["p"+s.Person.ID]
		in := of[len(of)-1]
		a := s.Account
		a.Parked = ""
		r.unknown(&a.Standing, in)
		accounts[i] = a
	}
	return tx.PutAccounts(ctx, accounts)
}

// finish completes the report.
func (r *run) finish(ctx context.Context, start time.Time, res *Cycle) error {
	rep := r.report
	rep.Requests, rep.Paused = r.target.App.Requests()-r.before, cmp.Or(r.refused, r.broken)
	rep.Seconds, rep.FirstRun = time.Since(start).Seconds(), r.newcomer
	rep.Unsought = r.unsought
	res.Apps[r.target.Name] = rep
	if r.first != nil {
		res.digest.Join(r.first)
	}
	for p, why := range r.failed {
		res.Failed[p] = why
	}
	return r.store.View(ctx, func(tx Tx) error {
		t, err := tx.Totals(ctx, r.target.Name)
		if err != nil {
			return err
		}
		rep.Parked, rep.Waiting, rep.Foreign = t.Parked, t.Waiting+r.later, t.Foreign
		if r.people != nil {
			mine, err := tx.Subjects(ctx, Query{App: r.target.Name, People: r.people, Limit: len(r.people), Due: true, Now: never})
			if err != nil {
				return err
			}
			rep.Waiting = len(mine)
		}
		found, err := tx.Findings(ctx, r.target.Name)
		if err != nil {
			return err
		}
		rep.NotKept = slices.Sorted(maps.Keys(found))
		rep.Unchanged = t.Live
		for _, live := range r.written {
			if live {
				rep.Unchanged--
			}
		}
		rep.Unchanged = max(0, rep.Unchanged)
		holds, err := tx.Holds(ctx)
		if err != nil {
			return err
		}
		rep.Held = 0
		for _, h := range holds {
			if h.App == r.target.Name {
				rep.Held += h.Count
			}
		}
		return nil
	})
}

// refuse pauses an app until what it refuses is mended: no time mends it. What the app has
// asked for beside that stands all the same. What was forbidden to single requests may have
// been our credential's fault, too, and is tried once more when it is mended.
func (r *run) refuse(ctx context.Context) error {
	if !r.state.RetryAt.After(time.Now()) {
		r.state.RetryAt = time.Time{}
	}
	return r.pause(ctx, r.refused, true)
}

// pause writes down why nothing more is sent. It is told once, however often the app is
// found as it was before it is closed.
func (r *run) pause(ctx context.Context, why string, unpark bool) error {
	told := !r.state.PausedAt.IsZero()
	return r.update(context.WithoutCancel(ctx), func(tx Tx) error {
		if unpark {
			if err := tx.Unpark(ctx, r.target.Name, Forbidden); err != nil {
				return err
			}
		}
		r.state.Paused = why
		if !told {
			r.state.PausedAt = tx.Now()
		}
		if err := tx.PutApp(ctx, r.state); err != nil || told {
			return err
		}
		return tx.AppendEvents(ctx, []audit.Event{{
			At: tx.Now(), Kind: "app.paused", Actor: r.actor, App: r.target.Name, Why: why,
		}})
	})
}
