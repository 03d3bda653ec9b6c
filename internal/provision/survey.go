// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/internal/planted"
)

// keepWeight is how much a survey keeps of what is no removal: an operation on an
// account, with all that it sends, weighs as much as twenty memberships. Beyond that
// operations are planned again when their turn comes, window by window: planning
// is cheap, and a first load must not need the memory of the whole company.
const (
	keepWeight    = 125_000
	accountWeight = 20
)

func (k Kind) weight() int {
	if k == MemberAdd {
		return 1
	}
	return accountWeight
}

// survey is one look at everybody who is due: enough for the guard, and for the
// digest of the plan. The guard must see all removals at once, so those are
// kept, with the people whom they concern.
type survey struct {
	app      string
	people   []string           // nil: everybody
	all      bool               // keep everything
	reading  int64              // when it began, see Config
	removals []*Op              // after the guard: those that may go
	rest     []*Op              // everything else, unless there is more
	more     bool               // than is kept
	weight   int                // of rest
	groups   []*Op              // creations and renamings
	held     []Hold             // what may not go
	needed   map[string]bool    // teams that somebody is about to be added to
	teams    map[string]bool    // those of them that one who is asked for is added to
	subjects map[string]Subject // of what is kept
	ids      []string           // of what is no removal, while the first run needs consent
	digest   *Digester
}

// survey plans everybody who is due, and asks the guard. Whoever needs nothing
// loses the mark; whom an expression fails on is parked.
func (r *run) survey(ctx context.Context, all bool) (*survey, error) {
	s := &survey{
		app: r.target.Name, people: r.people, all: all, reading: r.reading(), needed: map[string]bool{}, teams: map[string]bool{}, subjects: map[string]Subject{}, digest: NewDigester(),
	}
	if err := r.loadGroups(ctx); err != nil {
		return s, err
	}
	err := r.pages(ctx, "", func(ops []*Op) (bool, error) {
		s.add(ops, r.subjects, !r.state.Agreed)
		return true, nil
	})
	if err != nil {
		return s, err
	}
	if r.flagged && r.refused == "" && !r.resting() {
		r.flagged = false
		if err := r.observe(ctx); err != nil {
			return s, err
		}
		return r.survey(ctx, all)
	}
	if s.groups, err = r.planGroups(ctx, s.needed); err != nil {
		return s, err
	}
	sortOps(s.groups)
	for _, o := range s.groups {
		s.other(o, !r.state.Agreed)
	}
	if err := r.guard(ctx, s); err != nil {
		return s, err
	}
	r.subjects = s.subjects
	if r.first == nil {
		r.first = s.digest
	}
	return s, nil
}

// pages plans page after page of those who are due, after a person, until fn
// has enough. r.subjects holds the people of the page. The next page is read
// while one is planned.
func (r *run) pages(ctx context.Context, after string, fn func(ops []*Op) (more bool, err error)) error {
	read := func(after string) func() ([]Subject, error) {
		return func() (subjects []Subject, err error) {
			err = r.store.View(ctx, func(tx Tx) (err error) {
				subjects, err = r.read(ctx, tx, Query{App: r.target.Name, After: after, Limit: page, Due: true, Now: r.at()})
				return err
			})
			return subjects, err
		}
	}
	next := read(after)
	for {
		subjects, err := next()
		if err != nil {
			return err
		}
		last := len(subjects) < page
		if !last {
			next = r.meanwhile(read(subjects[len(subjects)-1].Person.ID))
		}
		r.subjects = map[string]Subject{}
		ops, err := r.planPage(ctx, subjects)
		more := false
		if err == nil {
			more, err = fn(ops)
		}
		if last {
			return err
		}
		if err != nil || !more {
			_, _ = next() // joined; nobody wants it any more
			return err
		}
	}
}

// meanwhile calls a function beside what goes on, and returns what waits for it.
// In a rehearsal there is one transaction, and nothing goes on beside it.
func (r *run) meanwhile(fn func() ([]Subject, error)) func() ([]Subject, error) {
	if r.lease.Fence == 0 {
		return fn
	}
	type answer struct {
		subjects []Subject
		err      error
	}
	done := make(chan answer, 1)
	go func() {
		s, err := fn()
		done <- answer{s, err}
	}()
	return func() ([]Subject, error) {
		a := <-done
		return a.subjects, a.err
	}
}

// removes says that an operation takes something away.
func (k Kind) removes() bool { return k == Disable || k == Delete || k == MemberRemove }

// add takes the operations of a page of people, in order of person.
func (s *survey) add(ops []*Op, subjects map[string]Subject, consent bool) {
	for _, o := range ops {
		if o.Kind.removes() {
			s.removals = append(s.removals, o)
			s.subjects[o.Person] = subjects[o.Person]
			continue
		}
		s.other(o, consent)
		if o.Kind == MemberAdd {
			s.needed[o.Team] = true
		}
		if !s.mine(o) {
			continue
		}
		if o.Kind == MemberAdd {
			s.teams[o.Team] = true
		}
		switch {
		case s.all || !s.more && s.weight < keepWeight:
			s.rest, s.weight = append(s.rest, o), s.weight+o.Kind.weight()
			s.subjects[o.Person] = subjects[o.Person]
		case !s.more:
			s.overflow()
		}
	}
}

// overflow gives up what is kept, but for the removals.
func (s *survey) overflow() {
	s.more, s.rest = true, nil
	kept := map[string]Subject{}
	for _, o := range s.removals {
		kept[o.Person] = s.subjects[o.Person]
	}
	s.subjects = kept
}

// other counts an operation that is no removal.
func (s *survey) other(o *Op, consent bool) {
	if consent {
		s.ids = append(s.ids, o.ID)
	}
	if s.mine(o) {
		s.digest.Add(o)
	}
}

// mine says that an operation is of the people who are asked for, or on a group
// that they are about to be in.
func (s *survey) mine(o *Op) bool {
	switch {
	case s.people == nil:
		return true
	case o.Person == "":
		return s.teams[o.Team]
	}
	return slices.Contains(s.people, o.Person)
}

// ops are all operations that may go, in the order of a plan.
func (s *survey) ops() []*Op {
	ops := slices.Concat(s.removals, s.rest, s.groups)
	sortOps(ops)
	return ops
}

// empty says that there is nothing that may go.
func (s *survey) empty() bool {
	return !s.more && len(s.removals) == 0 && len(s.rest) == 0 && len(s.groups) == 0
}

// guard asks for the app's sizes, holds what reaches too far, and writes the
// holds down. It looks at everybody, whoever is asked for: one by one, nobody
// would ever be over a limit.
func (r *run) guard(ctx context.Context, s *survey) error {
	sortOps(s.removals)
	if r.halved = false; s.reading%2 != 0 || s.reading != r.reading() {
		r.halves(s)
		return nil
	}
	var looked Plan
	withheld := false
	err := r.update(ctx, func(tx Tx) error {
		var b base
		var err error
		if slices.ContainsFunc(s.removals, guarded) { // counting costs the size of the app
			if b, err = sizes(ctx, tx, s.app); err != nil {
				return err
			}
		}
		for _, o := range s.removals { // a release covers its set to the end, not only its first round
			o.consented = r.consented[o.ID]
		}
		looked = r.limits.Guard(Plan{App: s.app, Ops: s.removals}, b, r.released)
		if withheld, err = r.consent(ctx, tx, s, &looked); err != nil {
			return err
		}
		return r.door(ctx, tx, looked)
	})
	if err != nil {
		return err
	}
	for _, h := range looked.released {
		for _, o := range h.Ops {
			r.consented[o.ID] = true
		}
	}
	s.held, s.removals = looked.Held, keep(looked.Ops, s.mine)
	if withheld {
		s.withhold()
		return nil
	}
	s.close()
	return nil
}

// halves lets only those removals go that have passed the guard before. A source
// is being read, chunk by chunk: what reaches too far as a whole might not do so
// piece by piece. The rest goes on, and the holds stand as they are.
func (r *run) halves(s *survey) {
	passed := keep(s.removals, func(o *Op) bool { return o.admitted || r.consented[o.ID] })
	for _, o := range passed {
		o.consented = r.consented[o.ID]
	}
	r.halved = len(passed) < len(s.removals) || !r.state.Agreed
	if s.removals = keep(passed, s.mine); !r.state.Agreed {
		s.removals = nil
		s.withhold()
		return
	}
	s.close()
}

// withhold gives everything up but what is held.
func (s *survey) withhold() {
	s.overflow()
	s.more, s.groups, s.digest = false, nil, NewDigester()
}

// close ends a survey once it is known which removals may go.
func (s *survey) close() {
	s.groups = keep(s.groups, s.mine)
	for _, o := range s.removals {
		s.digest.Add(o)
	}
}

// consent holds everything until somebody has agreed to an app's first writes,
// unless the configuration did. It is given once.
func (r *run) consent(ctx context.Context, tx Tx, s *survey, guarded *Plan) (withheld bool, err error) {
	ids := slices.Clone(s.ids)
	for _, o := range guarded.Ops {
		ids = append(ids, o.ID)
	}
	if r.state.Agreed || len(ids) == 0 {
		return false, nil
	}
	h := Hold{
		ID: HoldID(s.app, CauseFirstRun, ids), App: s.app, Cause: CauseFirstRun, Count: len(ids),
		Reason: "the first run of this app waits for somebody's consent (first_run: go gives it beforehand)",
	}
	if s.all { // for people to read
		h.Ops = slices.Concat(guarded.Ops, s.rest, s.groups)
		sortOps(h.Ops)
	}
	if !r.released(h.ID) {
		guarded.Held, guarded.Ops = append(guarded.Held, h), nil
		return true, nil
	}
	guarded.released = append(guarded.released, h)
	r.state.Agreed = true
	return false, tx.PutApp(ctx, r.state)
}

// door writes down what the guard said.
func (r *run) door(ctx context.Context, tx Tx, guarded Plan) error {
	standing, err := tx.Holds(ctx)
	if err != nil {
		return err
	}
	events := made(tx.Now(), r.actor, standing, guarded.Held)
	for _, h := range guarded.released {
		events = append(events, audit.Event{
			At: tx.Now(), Kind: "hold.released", Actor: r.actor, App: h.App, Object: h.ID,
			Why: fmt.Sprintf("%d operations (%s)", h.Count, h.Cause),
		})
	}
	if err := tx.PutHolds(ctx, doorPlan, guarded.App, guarded.Held); err != nil {
		return err
	}
	return tx.AppendEvents(ctx, events)
}

// doorPlan is where removals by mapping, scope, rule and membership are held;
// departures are held at the directory's door, see Gate.
const doorPlan = "plan"

func sizes(ctx context.Context, tx guardTx, app string) (base, error) {
	t, err := tx.Totals(ctx, app)
	if err != nil {
		return base{}, err
	}
	today, err := tx.Passed(ctx, app, tx.Now().Add(-24*time.Hour))
	if planted.On(planted.GuardPerCycle) {
		today = 0
	}
	return base{accounts: t.Live, memberships: t.Memberships, today: today}, err
}
