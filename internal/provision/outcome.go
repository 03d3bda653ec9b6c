// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"context"
	"fmt"
	"time"

	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/scim"
)

// record commits a step of the machine: outcomes with the states and ledger
// events that follow from them, then the intents of what goes out next.
func (r *run) record(ctx context.Context, s Step) error {
	now := time.Now()
	w := &writing{r: r, now: now} // computed once: the transaction may run twice
	for i := range s.Outcomes {
		w.outcome(&s.Outcomes[i])
	}
	for _, in := range s.Intents {
		in.At = now
	}
	return r.store.Update(ctx, func(tx Tx) error {
		if err := w.store(ctx, tx, s.Outcomes); err != nil || len(s.Intents) == 0 {
			return err
		}
		return tx.PutIntents(ctx, s.Intents)
	})
}

func (w *writing) store(ctx context.Context, tx Tx, outcomes []Outcome) error {
	if len(outcomes) == 0 {
		return nil
	}
	if err := tx.PutAccounts(ctx, w.accounts); err != nil {
		return err
	}
	if err := tx.PutGroups(ctx, w.groups); err != nil {
		return err
	}
	for _, e := range w.edges {
		if err := tx.PutEdges(ctx, w.r.target.Name, e.add, e.remove, e.journal); err != nil {
			return err
		}
	}
	if err := tx.PutOutcomes(ctx, outcomes); err != nil {
		return err
	}
	return tx.AppendEvents(ctx, w.events)
}

// writing collects the rows that outcomes change.
type writing struct {
	r        *run
	now      time.Time
	accounts []Account
	groups   []Group
	edges    []edgeChange
	events   []audit.Event
}

type edgeChange struct {
	add, remove []Edge
	journal     int64
}

func (w *writing) outcome(o *Outcome) {
	in := o.Intent
	switch in.Kind {
	case Create, Update, Disable, Delete:
		w.account(o)
	case GroupCreate, GroupUpdate:
		w.group(o)
	default:
		w.membership(o)
	}
	switch o.Result {
	case Refused:
		w.r.refused = o.Detail
	case Ambiguous:
		w.r.unsure[in.key()] = in
	}
	w.r.count(o)
	if o.Result == Done || o.Result == Ignored || o.Result == Parked {
		w.events = append(w.events, w.tell(o)...)
	}
}

func (w *writing) account(o *Outcome) {
	in, op := o.Intent, o.Intent.Ops[0]
	a := w.r.subjects[in.Person].Account
	a.Journal = in.ID
	if o.Result != Withdrawn {
		standing(&a.Standing, o)
	}
	switch o.Result {
	case Done:
		w.accountDone(&a, o, op)
	case Lost: // what we knew of it is void; the look-up finds or re-creates it
		a.RemoteID, a.Sent, a.State = "", nil, None
	}
	w.r.setAccount(a)
	w.accounts = append(w.accounts, a)
}

func (w *writing) accountDone(a *Account, o *Outcome, op *Op) {
	switch op.Kind {
	case Create:
		a.RemoteID, a.Sent, a.State, a.Since = o.Remote, op.user, Live, w.r.planner.Now
	case Update:
		a.Sent = op.user
		if a.State != Live {
			a.State, a.Since = Live, w.r.planner.Now
		}
	case Disable:
		a.State, a.Since = Disabled, w.r.planner.Now
		a.Observe = !o.Verified
	case Delete:
		a.RemoteID, a.Sent, a.State, a.Since = "", nil, Gone, w.r.planner.Now
	}
}

func (w *writing) group(o *Outcome) {
	g := w.r.groups[o.Intent.Team]
	g.App, g.Team, g.Journal = w.r.target.Name, o.Intent.Team, o.Intent.ID
	if o.Result != Withdrawn {
		standing(&g.Standing, o)
	}
	switch o.Result {
	case Done:
		g.Name = o.Intent.Ops[0].Label
		if o.Intent.Kind == GroupCreate {
			g.RemoteID = o.Remote
		}
	case Lost:
		g.RemoteID = ""
	}
	w.r.groups[g.Team] = g
	w.groups = append(w.groups, g)
}

// membership writes the edges of a request that was done. One that was refused
// for a single member parks that member's account; anything unsure is looked
// up at the group.
func (w *writing) membership(o *Outcome) {
	in := o.Intent
	switch o.Result {
	case Done:
		change := edgeChange{journal: in.ID}
		for _, op := range in.Ops {
			e := Edge{Team: in.Team, Person: op.Person}
			if in.Kind == MemberAdd {
				change.add = append(change.add, e)
			} else {
				change.remove = append(change.remove, e)
			}
		}
		w.edges = append(w.edges, change)
		w.r.moved(change)
	case Parked:
		a := w.r.subjects[in.Ops[0].Person].Account
		standing(&a.Standing, o)
		a.Parked = fmt.Sprintf("group %s: %s", w.r.groups[in.Team].Name, o.Detail)
		w.r.setAccount(a)
		w.accounts = append(w.accounts, a)
	case Withdrawn, Split, Refused:
	default:
		g := w.r.groups[in.Team]
		standing(&g.Standing, o)
		g.Observe = g.Observe || o.Result != RetryLater
		w.r.groups[g.Team] = g
		w.groups = append(w.groups, g)
	}
}

// standing is what an outcome means for what is tried next. It is total.
func standing(s *Standing, o *Outcome) {
	s.Last = o.Result
	switch o.Result {
	case Done:
		s.Attempts, s.RetryAt, s.Parked, s.Observe = 0, time.Time{}, "", false
	case RetryLater:
		s.Attempts, s.RetryAt = s.Attempts+1, o.RetryAt
	case Parked, Ignored:
		s.Attempts, s.Parked = s.Attempts+1, o.Detail
	case Ambiguous:
		s.Attempts, s.RetryAt, s.Observe = s.Attempts+1, o.RetryAt, true
	case Lost, Taken:
		s.Attempts, s.Observe = s.Attempts+1, true
	case Refused, Split, Withdrawn, Void:
	}
}

// effect is what the ledger calls an operation that was done.
func (k Kind) effect() string {
	switch k {
	case Create, Update, Disable, Delete:
		return "account." + string(k) + "d"
	case GroupCreate:
		return "group.created"
	case GroupUpdate:
		return "group.updated"
	case MemberAdd:
		return "member.added"
	default:
		return "member.removed"
	}
}

// tell makes one event of each effect, and of each operation that was set aside.
func (w *writing) tell(o *Outcome) []audit.Event {
	events := make([]audit.Event, 0, len(o.Intent.Ops))
	for _, op := range o.Intent.Ops {
		e := audit.Event{
			At: w.now, Kind: op.Kind.effect(), Actor: w.r.actor, Person: op.Person, App: op.App,
			Object: op.Team, Why: op.Why, Op: op.ID,
		}
		if o.Result != Done {
			e.Kind, e.Why = "operation.parked", op.Words()+": "+o.Detail
		}
		before, after := map[string]scim.Value{}, map[string]scim.Value{}
		for _, c := range op.Changes {
			if !c.Before.IsNull() {
				before[c.Path] = c.Before
			}
			after[c.Path] = c.After
		}
		if len(before) > 0 {
			e.Before = before
		}
		if len(after) > 0 {
			e.After = after
		}
		events = append(events, e)
	}
	return events
}
