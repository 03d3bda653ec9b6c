// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/planted"
)

// page is how many subjects are read at once.
const page = 1000

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
	r.planner.Now = r.now() // a cycle may wait for hours, and somebody's end has come meanwhile
	if err := r.name(ctx, subjects); err != nil {
		return nil, err
	}
	all := r.planAll(subjects)
	var events []audit.Event
	for i, s := range subjects {
		planned, err := all[i].ops, all[i].err
		waits := false // for what was given up, see late.go
		if err == nil {
			if waits, err = r.renamed(ctx, s, planned); err != nil {
				return nil, err
			}
		}
		keeps := waits && planned[0].Kind == Update
		if keeps {
			planned = planned[1:]
		}
		var failed *Failed
		if why, again := r.planner.letsGo(s); why != "" {
			a, e := r.letGo(s, why)
			if a.Observe, r.flagged = again, r.flagged || again; !again {
				rest = append(rest, Mark{s.Person.ID, a.Version, time.Time{}})
			}
			parked, events = append(parked, a), append(events, e)
			continue
		}
		switch {
		case errors.As(err, &failed):
			r.failed[s.Person.ID] = failed.Reason
			if len(planned) == 0 {
				s.Account.Parked = failed.Reason
				parked = append(parked, s.Account)
				continue
			}
			// Whoever is set aside is not tried again. The memberships may have to be:
			// the person owes one thing more than these, and comes back for it.
			ops = r.owe(ops, s, planned, len(planned)+1)
		case err != nil:
			return nil, fmt.Errorf("app %s, person %s: %w", r.target.Name, s.Person.ID, err)
		case r.met(s, planned):
			s.Account.Observe, r.flagged = true, true
			if s.Account.Last == Taken { // by somebody who may be gone by now
				s.Account.Last = ""
			}
			parked = append(parked, s.Account)
		case r.unmade(s, planned) != "":
			s.Account.Parked = r.unmade(s, planned)
			r.failed[s.Person.ID] = s.Account.Parked
			parked = append(parked, s.Account)
		case len(planned) == 0:
			wake := r.planner.wake(s)
			if late := s.Account.Late; !late.IsZero() && (keeps || r.straggles(s)) {
				if !late.After(time.Now()) {
					s.Account.Observe, r.flagged = true, true
					parked = append(parked, s.Account)
					continue
				}
				wake = r.planner.Now.Add(time.Until(late))
			}
			rest = append(rest, Mark{s.Person.ID, s.Account.Version, wake})
		case waits && !keeps:
			s.Account.Observe, s.Account.RetryAt = true, s.Account.Late
			r.flagged = r.flagged || !s.Account.Late.After(time.Now())
			parked = append(parked, s.Account)
		default:
			owed := len(planned)
			if planted.On(planted.LostChunk) {
				owed = batches(planned)
			}
			if keeps {
				owed++ // and comes back for it
			}
			ops = r.owe(ops, s, planned, owed)
		}
	}
	if len(rest) == 0 && len(parked) == 0 {
		return ops, nil
	}
	return ops, r.update(ctx, func(tx Tx) error {
		if planted.On(planted.MarkWithoutVersion) || planted.On(planted.ParkedOverMark) {
			if err := r.misversion(ctx, tx, rest, parked); err != nil {
				return err
			}
		}
		if err := tx.PutAccounts(ctx, parked); err != nil {
			return err
		}
		if err := tx.ClearMarks(ctx, r.target.Name, rest); err != nil {
			return err
		}
		return tx.AppendEvents(ctx, events)
	})
}

// owe adds what was planned for a person. The operations say all that is sent:
// the person need not be kept.
func (r *run) owe(ops []*Op, s Subject, planned []*Op, owed int) []*Op {
	s.Person, s.Teams, s.owed = &directory.Person{ID: s.Person.ID}, nil, owed
	r.subjects[s.Person.ID] = s
	return append(ops, planned...)
}

type planned struct {
	ops []*Op
	err error
}

// planAll plans subjects on all cores, if they are many: the planner is pure.
func (r *run) planAll(subjects []Subject) []planned {
	all := make([]planned, len(subjects))
	plan := func(from, to int) {
		for i := from; i < to; i++ {
			all[i].ops, all[i].err = r.planner.Subject(subjects[i], r.groups)
		}
	}
	each := max(few, (len(subjects)+runtime.GOMAXPROCS(0)-1)/runtime.GOMAXPROCS(0))
	var wg sync.WaitGroup
	for from := each; from < len(subjects); from += each {
		wg.Go(func() { plan(from, min(from+each, len(subjects))) })
	}
	plan(0, min(each, len(subjects)))
	wg.Wait()
	return all
}

// few are planned before another goroutine has begun.
const few = 32

// met reports whether a create would meet an account that was there before us
// and is nobody's. Not every app refuses a second account of one name, so it is
// looked up first; that costs a request only where there is such an account, or
// where the app's list does not prove what there is.
func (r *run) met(s Subject, planned []*Op) bool {
	id := s.Person.ID
	if len(planned) == 0 || planned[0].Kind != Create || r.looked[id] || len(r.strangers) == 0 && !r.unlisted() && !r.doubtful() {
		return false
	}
	r.looked[id] = true
	return r.unlisted() || r.doubtful() || r.strangers[ExternalName(r.externalID(s))] || r.strangers[UserName(text(r.wish(s), userNamePath))]
}

// planGroups plans the groups that members are about to be added to, and those
// whose name changed.
func (r *run) planGroups(ctx context.Context, needed map[string]bool) ([]*Op, error) {
	var groups []*Op
	var parked []Group
	now := r.at()
	r.later = 0
	for id, t := range r.teams {
		g := r.groups[id]
		if !r.planner.pushes(t) {
			continue
		}
		if name, err := r.planner.groupName(t); g.misnamed() && err == nil && name == g.Name { // the team is called as before
			g.Parked = ""
			r.groups[id] = g
			parked = append(parked, g)
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
