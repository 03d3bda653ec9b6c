// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/planted"
	"github.com/usher-id/usher/scim"
)

// follow computes what a step of the machine means: outcomes with the states and
// ledger events that follow from them, and the intents of what goes out next.
// It is computed once, as the transaction that commits it may run twice.
func (r *run) follow(s Step) writing {
	w := writing{r: r, now: time.Now(), outcomes: s.Outcomes, intents: s.Intents, strangers: r.state.Foreign > 0}
	for i := range s.Outcomes {
		w.outcome(&s.Outcomes[i])
	}
	for _, in := range s.Intents {
		in.At = w.now
	}
	return w
}

// commit writes it down, all or nothing.
func (w *writing) commit(ctx context.Context) error {
	update := w.r.update
	if planted.On(planted.NoFence) && len(w.outcomes) == 0 {
		update = w.r.store.Update
	}
	return update(ctx, func(tx Tx) error {
		if planted.On(planted.MarkBeforeOutcome) {
			if err := w.forestall(ctx, tx); err != nil {
				return err
			}
		}
		if err := w.store(ctx, tx, w.outcomes); err != nil || len(w.intents) == 0 {
			return err
		}
		return tx.PutIntents(ctx, w.r.lease.Fence, w.intents)
	})
}

func (w *writing) store(ctx context.Context, tx Tx, outcomes []Outcome) error {
	if planted.On(planted.MarkWithoutVersion) || planted.On(planted.ParkedOverMark) {
		if err := w.r.misversion(ctx, tx, w.rest, w.accounts); err != nil {
			return err
		}
	}
	if err := w.displaced(ctx, tx); err != nil {
		return err
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
	if err := tx.ClearMarks(ctx, w.r.target.Name, w.rest); err != nil {
		return err
	}
	for _, cause := range slices.Sorted(maps.Keys(w.passed)) {
		if err := tx.AddPassed(ctx, w.r.target.Name, cause, w.passed[cause]); err != nil {
			return err
		}
	}
	if len(w.owned) > 0 && w.strangers {
		if err := tx.DropForeign(ctx, w.r.target.Name, w.owned); err != nil {
			return err
		}
	}
	if err := w.keepNames(ctx, tx); err != nil {
		return err
	}
	if err := tx.PutFindings(ctx, w.findings); err != nil {
		return err
	}
	if len(w.mended) > 0 {
		if err := tx.DropFindings(ctx, w.r.target.Name, w.mended...); err != nil {
			return err
		}
	}
	if err := tx.PutOutcomes(ctx, outcomes); err != nil {
		return err
	}
	if planted.On(planted.EventsDrained) {
		defer func() { w.events = nil }()
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
	passed   map[directory.Cause]int // unexplained removals
	owned    []string                // the app's ids of accounts that were adopted
	adopted  []Account               // those accounts
	made     map[string]string       // the app's ids of accounts that were made: whose they are
	turns    map[string]int          // of accounts that could not be read back, by person
	findings []Finding
	mended   []string // attributes that are kept again
	rest     []Mark   // of whom all memberships are as planned

	outcomes  []Outcome // of a step of the machine
	intents   []*Intent
	strangers bool // the app has accounts that were nobody's
}

type edgeChange struct {
	add, remove []Edge
	journal     int64
}

func (w *writing) outcome(o *Outcome) {
	in := o.Intent
	if o.Result == Ambiguous || o.Result == Lost || o.Result == Taken { // a look-up is next
		o.RetryAt = later(o.RetryAt, w.now, w.r.target.App.Profile().Settle)
	}
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
		w.r.unsure[in.key()] = append(w.r.unsure[in.key()], in)
	}
	w.notice(o)
	w.r.count(o)
	if o.Result == Done || o.Result == Ignored || o.Result == Parked || o.Result == Forbidden {
		w.events = append(w.events, w.tell(o)...)
	}
}

func (w *writing) account(o *Outcome) {
	in, op := o.Intent, o.Intent.Ops[0]
	a := w.r.subjects[in.Person].Account
	was := a.Standing
	a.Journal = in.ID
	if o.Result == Lost && a.Last == Lost && !a.Observe && a.State == Live && w.r.target.Source != "" {
		o.Result, o.Detail = Parked, fmt.Sprintf("the record is there, and write.url answers %d, as if it were not: check it, with method and what the credential may write: %s", o.Status, o.Detail)
	}
	if o.Result != Withdrawn {
		standing(&a.Standing, o)
	}
	if in.Kind == Disable && o.Result != Withdrawn { // whoever comes back before it is done may be half out
		a.Begun = a.Begun || w.r.target.App.Profile().DeactivateSteps
	}
	if o.Result == Done {
		w.accountDone(&a, o, op)
		w.removed(op, op.admitted)
	}
	w.r.setAccount(a)
	if o.Result == Done && !a.Observe && !op.part {
		a.Rest = w.done(in.Person)
	}
	a.Steady = was.Parked == "" && a.Parked == "" && was.Observe == a.Observe // of this write alone
	w.accounts = append(w.accounts, a)
}

// done counts an operation of a person. With the last of those that were planned
// the person is at rest, and the mark under which they were planned goes with
// it: a next look would plan nothing. Whoever is parked, or has something to come, at once
// or late, is looked at again.
func (w *writing) done(person string) *Mark {
	s := w.r.subjects[person]
	s.owed--
	w.r.subjects[person] = s
	wake := w.r.planner.wake(s)
	if s.owed != 0 || s.Account.Parked != "" || s.Account.Observe || !s.Account.Late.IsZero() || !wake.IsZero() && !wake.After(w.r.planner.Now) {
		return nil
	}
	return &Mark{person, s.Account.Version, wake}
}

func (w *writing) accountDone(a *Account, o *Outcome, op *Op) {
	a.Begun = false // out, in, gone or new
	switch op.Kind {
	case Create:
		w.make(o.Remote, a.Person)
		a.RemoteID, a.Sent, a.State, a.Since = o.Remote, op.user, Live, w.r.planner.Now
	case Update:
		a.Sent = op.user
		if a.State != Live {
			a.State, a.Since = Live, w.r.planner.Now
		}
		if o.Intent.lets() && !o.Verified {
			w.lookAgain(a, o)
		}
	case Disable:
		a.State, a.Since = Disabled, w.r.planner.Now
		if !o.Verified {
			w.lookAgain(a, o)
		}
	case Delete:
		a.Sent, a.State, a.Since = nil, Gone, w.r.planner.Now
		if op.live && !o.Verified {
			w.lookAgain(a, o)
			return // the look-up goes by the id, and forgets the memberships
		}
		a.RemoteID = ""
		w.leaveGroups(w.r.subjects[a.Person])
	}
}

// lookAgain has an account looked up that was to be enabled or ended and could not be read
// back: it may be as it was still, by nobody's doing.
func (w *writing) lookAgain(a *Account, o *Outcome) {
	a.Observe, a.Last, a.Attempts = true, Ambiguous, o.Intent.Attempt+1
	if wait := w.r.target.App.Profile().Settle; wait > 0 {
		a.RetryAt = w.now.Add(wait) // before which another look shows no more
	}
}

// removed counts an unexplained removal that passed without anybody's consent:
// those of 24 hours have a limit of their own. Who was admitted has been counted
// in the directory.
func (w *writing) removed(op *Op, admitted bool) {
	if op.Kind != Disable && op.Kind != Delete || admitted || op.consented || op.Cause.Explicit() {
		return
	}
	if w.passed == nil {
		w.passed = map[directory.Cause]int{}
	}
	w.passed[op.Cause]++
}

// leaveGroups forgets the memberships of an account that is no more: they went
// with it, and the next account of the same person begins without.
func (w *writing) leaveGroups(s Subject) {
	var c edgeChange
	for team := range s.Members {
		c.remove = append(c.remove, Edge{Team: team, Person: s.Person.ID})
	}
	if len(c.remove) > 0 {
		w.edges = append(w.edges, c)
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
	}
	w.r.groups[g.Team] = g
	w.groups = append(w.groups, g)
}

// membership writes the edges of a request that was done. One that was refused
// for a single member parks that member's account; anything unsure is looked
// up at the group.
func (w *writing) membership(o *Outcome) {
	in := o.Intent
	a, g := w.r.subjects[in.Ops[0].Person].Account, w.r.groups[in.Team]
	// Both have been looked at for this: that one of them was, be it for another group or member, says
	// nothing of the other, which the app may not show yet.
	looked := a.Last == Lost && !a.Observe && g.Last == Lost && !g.Observe
	if o.Result == Parked && in.Kind == MemberAdd && !looked {
		// Many an app says so of a member that it does not know: one that it has lost, or
		// does not show yet.
		o.Result, o.RetryAt = Lost, later(o.RetryAt, w.now, w.r.target.App.Profile().Settle)
	}
	if o.Result == Lost && len(in.Ops) == 1 && looked {
		o.Result, o.Detail = Parked, "account and group are there, and the app denies it: "+o.Detail
	}
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
		for _, op := range in.Ops {
			if m := w.done(op.Person); m != nil {
				w.rest = append(w.rest, *m)
			}
		}
		w.calm(in.Team)
		// What is not known of the group is looked up once it shows this, too.
		if g := w.r.groups[in.Team]; g.Observe {
			g.RetryAt = later(g.RetryAt, w.now, w.r.target.App.Profile().Settle)
			w.r.groups[in.Team] = g
			w.groups = append(w.groups, g)
		}
	case Parked, Forbidden:
		w.calm(in.Team)
		standing(&a.Standing, o)
		a.Parked = fmt.Sprintf("group %s: %s", w.r.groups[in.Team].Name, o.Detail)
		w.r.setAccount(a)
		w.accounts = append(w.accounts, a)
	case Withdrawn, Split, Refused:
	default:
		if o.Result == Lost && len(in.Ops) == 1 { // the group or the account: look at both
			standing(&a.Standing, o)
			w.r.setAccount(a)
			w.accounts = append(w.accounts, a)
		}
		g := w.r.groups[in.Team]
		until := g.RetryAt
		if standing(&g.Standing, o); g.Observe && until.After(g.RetryAt) {
			g.RetryAt = until // another of its requests is not known, and a look-up proves nothing before
		}
		g.Observe = g.Observe || o.Result != RetryLater
		w.r.groups[g.Team] = g
		w.groups = append(w.groups, g)
	}
}

// calm ends a group's waiting once the app has answered about it again, unless
// another of its requests has to wait or is not known.
func (w *writing) calm(team string) {
	g := w.r.groups[team]
	if g.Observe || g.RetryAt.After(w.now) || g.Attempts == 0 && g.RetryAt.IsZero() {
		return
	}
	g.Attempts, g.RetryAt = 0, time.Time{}
	w.r.groups[team] = g
	w.groups = append(w.groups, g)
}

// standing is what an outcome means for what is tried next. It is total.
func standing(s *Standing, o *Outcome) {
	s.Last = o.Result
	switch o.Result {
	case Done:
		s.Attempts, s.RetryAt, s.Parked, s.Observe = 0, time.Time{}, "", false
	case RetryLater:
		s.Attempts, s.RetryAt = s.Attempts+1, o.RetryAt
	case Parked, Ignored, Forbidden:
		s.Attempts, s.Parked = s.Attempts+1, o.Detail
	case Ambiguous:
		s.Attempts, s.RetryAt, s.Observe = s.Attempts+1, o.RetryAt, true
	case Lost, Taken:
		s.Attempts, s.RetryAt, s.Observe = s.Attempts+1, o.RetryAt, true
	case Refused, Split, Withdrawn, Void, Shut:
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
