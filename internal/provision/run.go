// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/planted"
	"github.com/usher-id/usher/scim"
)

// run is one app's share of a cycle. One goroutine owns it.
type run struct {
	*Engine
	target  *Target
	planner *Planner
	state   AppState
	report  *AppReport
	first   *Digester                 // of this cycle's first survey
	refused string                    // why nothing more is sent: a void credential, a sick app, another owner
	lease   Lease                     // zero in a rehearsal
	until   atomic.Pointer[time.Time] // the lease stands, as last renewed
	keeping *keeping                  // what the app makes of what it is sent

	deadline time.Time // of waiting, zero for none
	began    time.Time // the last round
	before   int64     // requests that the app had answered before

	subjects map[string]Subject // people with operations in this round
	groups   map[string]Group
	teams    map[string]directory.Team
	failed   map[string]string
	unsure   map[string][]*Intent // by key: what may or may not have happened
	late     map[string][]*Intent // by person: creates that were given up, and may have made an account since
	retaken  map[string]bool      // teams whose group is looked up for that although it is set aside
	written  map[string]bool      // accounts touched in this cycle, true when they are live

	consented map[string]bool // operations of holds that were released in this cycle
	broken    string          // why its breaker is open
	sick      *failures       // in a row
	most      map[Kind]int    // operations in one request, where the app takes less than its profile says
	foreign   map[string]bool // of the ids just looked at: nobody's before us
	strangers map[string]bool // names of accounts that are nobody's
	looked    map[string]bool // people who were compared with them
	flagged   bool            // somebody has to be looked up before the plan stands
	ahead     bool            // look at what waits for its time as if it had come
	unread    int             // times in a row that the app could not be read
	again     bool            // what could not be looked up has been tried in this cycle
	unsought  int             // people who have left, and whom nobody can look for
	later     int             // groups that wait for theirs
	halved    bool            // removals wait until a source is read to its end
	missing   []Subject       // whose live account was not there, in this look
	vanished  int             // of them in this cycle, whose account is made anew
	strayed   []audit.Event   // of a group that was not as it was left, to be told with it
	newcomer  bool            // when the cycle began, the app had not been read, or nobody had agreed to its first writes
}

// never is an instant that no retry lies behind.
var never = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// at is the instant up to which waits are over.
func (r *run) at() time.Time {
	if r.ahead {
		return never
	}
	return time.Now()
}

// round plans what is due, asks the guard, and pushes what may go. It reports
// whether anything was pushed.
func (r *run) round(ctx context.Context, only func(*Op) bool) (bool, error) {
	if r.began = time.Now(); r.state.RetryAt.After(r.began) {
		return false, r.postponed(ctx)
	}
	if err := r.observe(ctx); err != nil || r.unread > 0 {
		return false, err // what could not be read is no ground for a plan, even if its time has come meanwhile
	}
	s, err := r.survey(ctx, false)
	if err != nil || s.empty() || r.refused != "" || r.state.RetryAt.After(time.Now()) {
		return false, err
	}
	return r.carryOut(ctx, s, only)
}

// postponed counts the groups that wait with the app, as nobody is due for them.
func (r *run) postponed(ctx context.Context) error {
	if err := r.loadGroups(ctx); err != nil {
		return err
	}
	groups, err := r.planGroups(ctx, nil)
	r.later += len(groups)
	return err
}

func keep(ops []*Op, want func(*Op) bool) []*Op {
	var kept []*Op
	for _, o := range ops {
		if want(o) {
			kept = append(kept, o)
		}
	}
	return kept
}

// stages are what must be finished before the next begins: a group needs no
// account, but a membership needs both.
var stages = [][]Kind{{Disable, Delete}, {Create, Update}, {GroupCreate, GroupUpdate}, {MemberRemove}, {MemberAdd}}

// push sends what can be sent now and reports whether that was anything.
func (r *run) push(ctx context.Context, ops []*Op) (bool, error) {
	sent := false
	sortOps(ops) // memberships of one group share requests
	byKind := map[Kind][]*Op{}
	for _, o := range ops {
		byKind[o.Kind] = append(byKind[o.Kind], o)
	}
	for _, kinds := range stages {
		var queue []*Intent
		for _, k := range kinds {
			queue = append(queue, r.intents(k, byKind[k])...)
		}
		if len(queue) == 0 {
			continue
		}
		sent = true
		if err := r.stage(ctx, queue); err != nil {
			return sent, err
		}
		if r.refused != "" || ctx.Err() != nil || r.state.RetryAt.After(time.Now()) {
			return sent, nil // the cycle sees the same, and ends, or waits
		}
	}
	return sent, nil
}

// intents makes requests of operations: one each, but memberships of one group
// share requests as large as the profile allows. Who has no live account, or
// whose group is not there, waits for a later round.
func (r *run) intents(k Kind, ops []*Op) []*Intent {
	var queue []*Intent
	switch k {
	case MemberAdd, MemberRemove:
		return r.memberships(k, ops)
	case GroupCreate, GroupUpdate:
		for _, o := range ops {
			g := r.groups[o.Team]
			queue = append(queue, &Intent{App: o.App, Kind: k, Team: o.Team, Remote: g.RemoteID, Attempt: g.Attempts, Ops: []*Op{o}})
		}
	default:
		for _, o := range ops {
			if planted.On(planted.SwappedNames) && r.givesWay(o, ops) {
				continue
			}
			a := r.subjects[o.Person].Account
			in := &Intent{App: o.App, Kind: k, Person: o.Person, Remote: a.RemoteID, Attempt: a.Attempts, Ops: []*Op{o}, known: []*scim.Resource{a.Sent}}
			if k == Create { // an account may be there that cannot be enabled again
				in.Remote, in.known = "", nil
			}
			queue = append(queue, in)
		}
	}
	return queue
}

func (r *run) memberships(k Kind, ops []*Op) []*Intent {
	most := r.target.App.Profile().MembersAtOnce(k == MemberAdd)
	if learned := r.most[k]; learned > 0 && (most <= 0 || learned < most) {
		most = learned
	}
	now := time.Now()
	var queue []*Intent
	var in *Intent
	for _, o := range ops { // in order of team
		g, a := r.groups[o.Team], r.subjects[o.Person].Account
		// Who leaves, leaves a parked group, too.
		if g.RemoteID == "" || g.closed() && k == MemberAdd || g.Observe || g.RetryAt.After(now) || a.RemoteID == "" || a.Observe {
			continue
		}
		if in == nil || in.Team != o.Team || len(in.Ops) == most {
			in = &Intent{App: o.App, Kind: k, Team: o.Team, Remote: g.RemoteID, Attempt: g.Attempts}
			queue = append(queue, in)
		}
		in.Ops, in.Remotes, in.known = append(in.Ops, o), append(in.Remotes, a.RemoteID), append(in.known, a.Sent)
	}
	return queue
}

// replay has whoever is asked for by name tried once more, whatever set them aside:
// somebody has looked, and may have changed something where nothing tells of it.
func (r *run) replay(ctx context.Context, tx Tx) error {
	if len(r.people) == 0 {
		return nil
	}
	asked, err := tx.Subjects(ctx, Query{App: r.target.Name, People: r.people, Limit: len(r.people), Now: never})
	if err != nil {
		return err
	}
	var accounts []Account
	for _, s := range asked {
		a := s.Account
		if a.Parked == "" && a.Last != Shut {
			continue
		}
		a.Parked, a.Due, a.RetryAt = "", true, time.Time{}
		a.Observe = a.Observe || a.Last == Shut
		accounts = append(accounts, a)
	}
	return tx.PutAccounts(ctx, accounts)
}

func (r *run) setAccount(a Account) {
	s := r.subjects[a.Person]
	s.Account = a
	r.subjects[a.Person] = s
	r.written[a.Person] = a.State == Live
}

func (r *run) moved(c edgeChange) {
	for _, e := range c.add {
		r.subjects[e.Person].Members[e.Team] = true
		r.written[e.Person] = r.subjects[e.Person].Account.State == Live
	}
	for _, e := range c.remove {
		delete(r.subjects[e.Person].Members, e.Team)
		r.written[e.Person] = r.subjects[e.Person].Account.State == Live
	}
}
