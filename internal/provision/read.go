// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/internal/directory"
)

// page is how many subjects are read at once.
const page = 1000

// plan reads everybody who is due and returns the app's plan, guarded. Whoever
// needs nothing loses the mark; whom an expression fails on is parked.
func (r *run) plan(ctx context.Context) (Plan, error) {
	p := Plan{App: r.target.Name}
	r.subjects = map[string]Subject{}
	if err := r.loadGroups(ctx); err != nil {
		return p, err
	}
	after := ""
	for {
		var subjects []Subject
		err := r.store.View(ctx, func(tx Tx) (err error) {
			subjects, err = tx.Subjects(ctx, Query{App: p.App, After: after, Limit: page, Due: true, Now: r.at()})
			return err
		})
		if err != nil {
			return p, err
		}
		ops, err := r.planPage(ctx, subjects)
		if err != nil {
			return p, err
		}
		p.Ops = append(p.Ops, ops...)
		if len(subjects) < page {
			break
		}
		after = subjects[len(subjects)-1].Person.ID
	}
	if r.flagged && r.refused == "" {
		r.flagged = false
		if err := r.observe(ctx); err != nil {
			return p, err
		}
		return r.plan(ctx)
	}
	groups, err := r.planGroups(ctx, p.Ops)
	if err != nil {
		return p, err
	}
	p.Ops = append(p.Ops, groups...)
	sortOps(p.Ops)
	// The guard looks at everybody, whoever is asked for: one by one, nobody
	// would ever be over a limit.
	p, err = r.guard(ctx, p)
	p.Ops = r.mine(p.Ops)
	if r.first == nil {
		r.first = &p
	}
	return p, err
}

// mine keeps the operations of the people who are asked for, and the groups
// that they are about to be in.
func (r *run) mine(ops []*Op) []*Op {
	if r.people == nil {
		return ops
	}
	needed := map[string]bool{}
	for _, o := range ops {
		if o.Kind == MemberAdd && slices.Contains(r.people, o.Person) {
			needed[o.Team] = true
		}
	}
	return keep(ops, func(o *Op) bool {
		if o.Person == "" {
			return needed[o.Team]
		}
		return slices.Contains(r.people, o.Person)
	})
}

func (r *run) loadGroups(ctx context.Context) error {
	return r.store.View(ctx, func(tx Tx) (err error) {
		if r.groups, err = tx.Groups(ctx, r.target.Name); err != nil {
			return err
		}
		r.teams, err = tx.TeamsByID(ctx)
		return err
	})
}

// planPage plans a page of subjects and clears the marks of those at rest.
func (r *run) planPage(ctx context.Context, subjects []Subject) ([]*Op, error) {
	var ops []*Op
	var rest []Mark
	var parked []Account
	for _, s := range subjects {
		planned, err := r.planner.Subject(s, r.groups)
		var failed *Failed
		switch {
		case errors.As(err, &failed):
			s.Account.Parked = failed.Reason
			parked = append(parked, s.Account)
			r.failed[s.Person.ID] = failed.Reason
		case err != nil:
			return nil, fmt.Errorf("app %s, person %s: %w", r.target.Name, s.Person.ID, err)
		case r.met(s, planned):
			s.Account.Observe, r.flagged = true, true
			parked = append(parked, s.Account)
		case len(planned) == 0:
			rest = append(rest, Mark{s.Person.ID, s.Account.Version, r.planner.wake(s)})
		default:
			// The operations say all that is sent: the person need not be kept.
			s.Person, s.Teams = &directory.Person{ID: s.Person.ID}, nil
			r.subjects[s.Person.ID] = s
			ops = append(ops, planned...)
		}
	}
	if len(rest) == 0 && len(parked) == 0 {
		return ops, nil
	}
	return ops, r.update(ctx, func(tx Tx) error {
		if err := tx.PutAccounts(ctx, parked); err != nil {
			return err
		}
		return tx.ClearMarks(ctx, r.target.Name, rest)
	})
}

// met reports whether a create would meet an account that was there before us
// and is nobody's. Not every app refuses a second account of one name, so it is
// looked up first; that costs a request only where there is such an account.
func (r *run) met(s Subject, planned []*Op) bool {
	id := s.Person.ID
	if len(r.strangers) == 0 || len(planned) == 0 || planned[0].Kind != Create || r.looked[id] {
		return false
	}
	r.looked[id] = true
	return r.strangers[ExternalName(r.externalID(s))] || r.strangers[UserName(text(r.wish(s), userNamePath))]
}

// planGroups plans the groups that members are about to be added to, and those
// whose name changed.
func (r *run) planGroups(ctx context.Context, ops []*Op) ([]*Op, error) {
	needed := map[string]bool{}
	for _, o := range ops {
		if o.Kind == MemberAdd {
			needed[o.Team] = true
		}
	}
	var groups []*Op
	var parked []Group
	now := r.at()
	r.later = 0
	for id, t := range r.teams {
		g := r.groups[id]
		if !r.target.Teams[t.Rule] {
			continue
		}
		op, err := r.planner.Group(t, g, needed[id])
		if wait := g.Observe || g.RetryAt.After(now); wait && err == nil {
			if op != nil {
				r.later++
			}
			continue
		}
		var failed *Failed
		switch {
		case errors.As(err, &failed):
			g.App, g.Team, g.Parked = r.target.Name, id, failed.Reason
			r.groups[id] = g
			parked = append(parked, g)
		case err != nil:
			return nil, err
		case op != nil:
			groups = append(groups, op)
		}
	}
	if len(parked) == 0 {
		return groups, nil
	}
	return groups, r.update(ctx, func(tx Tx) error { return tx.PutGroups(ctx, parked) })
}

// guard asks for the app's sizes, holds what reaches too far, and writes the
// holds down.
func (r *run) guard(ctx context.Context, p Plan) (Plan, error) {
	var guarded Plan
	err := r.update(ctx, func(tx Tx) error {
		b, err := sizes(ctx, tx, p.App)
		if err != nil {
			return err
		}
		for _, o := range p.Ops { // a release covers its set to the end, not only its first round
			o.consented = r.consented[o.ID]
		}
		guarded = r.limits.Guard(Plan{App: p.App, Ops: p.Ops}, b, r.released)
		if !r.state.Agreed && len(guarded.Ops) > 0 {
			if guarded = firstRun(guarded, r.released); len(guarded.Ops) > 0 {
				r.state.Agreed = true // consent to the first run is given once
				if err := tx.PutApp(ctx, r.state); err != nil {
					return err
				}
			}
		}
		return r.door(ctx, tx, guarded)
	})
	if err != nil {
		return p, err
	}
	for _, h := range guarded.released {
		for _, o := range h.Ops {
			r.consented[o.ID] = true
		}
	}
	p.Held, p.Ops = guarded.Held, guarded.Ops
	return p, nil
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
	return base{accounts: t.Live, memberships: t.Memberships, today: today}, err
}

// firstRun holds everything until somebody has agreed to an app's first
// writes, unless the configuration did.
func firstRun(p Plan, released func(string) bool) Plan {
	ids := make([]string, len(p.Ops))
	for i, o := range p.Ops {
		ids[i] = o.ID
	}
	id := HoldID(p.App, CauseFirstRun, ids)
	h := Hold{
		ID: id, App: p.App, Cause: CauseFirstRun, Count: len(p.Ops), Ops: p.Ops,
		Reason: "the first run of this app waits for somebody's consent (first_run: go gives it beforehand)",
	}
	if released(id) {
		p.released = append(p.released, h)
		return p
	}
	p.Held = append(p.Held, h)
	p.Ops = nil
	return p
}
