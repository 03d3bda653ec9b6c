// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"context"
	"iter"
	"time"

	"github.com/usher-id/usher/internal/provision"
)

type account struct {
	remote   string
	state    provision.AccountState
	sent     *document
	since    instant
	due      bool
	dueAt    instant
	version  int64
	parked   string
	attempts int
	retry    instant
	wake     instant
	observe  bool
	last     provision.Result
	journal  int64
	begun    bool
	late     instant
	out      bool // whether the person is not in
}

const (
	live     = provision.Live
	disabled = provision.Disabled
)

// at walks the accounts at an app, in order of person.
func (tx *Tx) at(app string) iter.Seq2[string, *account] {
	return func(yield func(string, *account) bool) {
		for k, a := range tx.accounts.from(two{app, ""}) {
			if k.a != app || !yield(k.b, a) {
				return
			}
		}
	}
}

func (tx *Tx) addAccount(k two, out bool) {
	tx.accounts.put(tx.own, k, &account{due: true, dueAt: stamp(tx.now), version: 1, out: out})
	tx.accountsOf.put(tx.own, two{k.b, k.a}, none{})
}

// anew marks an account as due and unparks it. A look-up before its time would find
// nothing, and keeps it.
func (a *account) anew() {
	if !a.observe || a.parked != "" {
		a.retry = instant{}
	}
	a.due, a.parked = true, ""
	a.version++
}

// renew is anew for a person who has changed.
func (a *account) renew(out bool) {
	a.anew()
	a.out = out
}

// Subjects implements provision.AccountTx.
func (tx *Tx) Subjects(ctx context.Context, q provision.Query) (out []provision.Subject, err error) {
	if err := tx.look(ctx); err != nil {
		return nil, err
	}
	for person, a := range tx.asked(q) {
		if q.Limit >= 0 && len(out) >= q.Limit {
			break
		}
		if !a.meets(q) {
			continue
		}
		s, err := tx.subject(q, person, a)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// asked walks the accounts among which a query selects.
func (tx *Tx) asked(q provision.Query) iter.Seq2[string, *account] {
	return func(yield func(string, *account) bool) {
		if q.People == nil {
			for k, a := range tx.accounts.from(two{q.App, q.After}) {
				if k.a != q.App || k.b != q.After && !yield(k.b, a) {
					return
				}
			}
			return
		}
		for _, p := range distinct(q.People) {
			if a, ok := tx.accounts.get(two{q.App, p}); ok && p > q.After && !yield(p, a) {
				return
			}
		}
	}
}

func (a *account) meets(q provision.Query) bool {
	switch {
	case q.Parked && a.parked == "",
		q.Due && !a.due,
		q.Out && (!a.out || !a.dueAt.after(stamp(q.Since))),
		q.Observe && !a.observe,
		(q.Due || q.Observe) && (a.parked != "" || a.retry.is && !a.retry.upTo(stamp(q.Now))),
		q.Due && !q.Observe && a.observe: // what is not known must be looked up first
		return false
	}
	return true
}

func (tx *Tx) subject(q provision.Query, id string, a *account) (s provision.Subject, err error) {
	p, _ := tx.people.get(one(id))
	if s.Person, err = p.read(id); err != nil {
		return s, err
	}
	if s.Account, err = a.read(q.App, id); err != nil {
		return s, err
	}
	for k := range tx.members.from(two{id, ""}) {
		if k.a != id {
			break
		}
		if t, ok := tx.teams.get(one(k.b)); ok {
			s.Teams = append(s.Teams, t)
		}
	}
	s.Members = map[string]bool{}
	for k, journal := range tx.edges.from(three{q.App, id, ""}) {
		if k.a != q.App || k.b != id {
			break
		}
		s.Members[k.c] = journal != provision.Unsure
	}
	if q.Source == "" {
		return s, nil
	}
	for k, r := range tx.of(id) {
		if k.a == q.Source && !r.missing.is && r.alias == "" {
			s.Records = append(s.Records, provision.RecordKey{ID: k.b, End: r.end.time()})
		}
	}
	return s, nil
}

func (a *account) read(app, person string) (provision.Account, error) {
	sent, err := a.sent.read()
	return provision.Account{
		App: app, Person: person, RemoteID: a.remote, State: a.state, Sent: sent, Since: a.since.time(), Begun: a.begun, Late: a.late.time(),
		Standing: provision.Standing{
			Due: a.due, Version: a.version, Parked: a.parked, Attempts: a.attempts, RetryAt: a.retry.time(), Observe: a.observe,
			Last: a.last, Journal: a.journal,
		},
	}, err
}

// PutAccounts implements provision.AccountTx. A mark can be set here and is never cleared
// here, but by Rest, which checks the version. Nor is anything parked that has been
// marked anew since it was read.
func (tx *Tx) PutAccounts(ctx context.Context, accounts []provision.Account) error {
	for i := range accounts {
		n := &accounts[i]
		if err := tx.may(ctx); err != nil {
			return err
		}
		edit(&tx.accounts, tx.own, two{n.App, n.Person}, func(a *account) {
			a.remote, a.state, a.since, a.attempts, a.retry = n.RemoteID, n.State, stamp(n.Since), n.Attempts, stamp(n.RetryAt)
			a.sent, a.last, a.journal, a.begun, a.late = keep(n.Sent), n.Last, n.Journal, n.Begun, stamp(n.Late)
			if n.Steady { // Rest is of the same person
				a.rest(n.Rest)
				return
			}
			a.due, a.observe = a.due || n.Due, n.Observe
			if a.version == n.Version {
				a.parked = n.Parked
			}
		})
		if n.Rest != nil && !n.Steady {
			if err := tx.ClearMarks(ctx, n.App, []provision.Mark{*n.Rest}); err != nil {
				return err
			}
		}
	}
	return nil
}

// rest clears the mark that it names, unless a newer one has come.
func (a *account) rest(m *provision.Mark) {
	if m != nil && a.version == m.Version {
		a.due, a.dueAt, a.wake = false, instant{}, stamp(m.Wake)
	}
}

// ClearMarks implements provision.AccountTx.
func (tx *Tx) ClearMarks(ctx context.Context, app string, marks []provision.Mark) error {
	for i := range marks {
		if err := tx.may(ctx); err != nil {
			return err
		}
		edit(&tx.accounts, tx.own, two{app, marks[i].Person}, func(a *account) { a.rest(&marks[i]) })
	}
	return nil
}

// PutEdges implements provision.AccountTx. A membership that is there keeps the request
// that made it.
func (tx *Tx) PutEdges(ctx context.Context, app string, add, remove []provision.Edge, journal int64) error {
	for _, e := range add {
		if err := tx.may(ctx); err != nil {
			return err
		}
		k := three{app, e.Person, e.Team}
		if was, there := tx.edges.get(k); !there || (was == provision.Unsure) != (journal == provision.Unsure) {
			tx.edges.put(tx.own, k, journal)
		}
	}
	for _, e := range remove {
		if err := tx.may(ctx); err != nil {
			return err
		}
		tx.edges.drop(tx.own, three{app, e.Person, e.Team})
	}
	return nil
}

// Owners implements provision.AccountTx.
func (tx *Tx) Owners(ctx context.Context, app string, remoteIDs []string) (map[string]string, error) {
	if err := tx.look(ctx); err != nil {
		return nil, err
	}
	out, of := make(map[string]string, len(remoteIDs)), setOf(remoteIDs)
	for person, a := range tx.at(app) {
		if a.remote != "" && of[a.remote] {
			out[a.remote] = person
		}
	}
	return out, nil
}

// NextRetry implements provision.AccountTx.
func (tx *Tx) NextRetry(ctx context.Context, app string, people []string, after time.Time) (time.Time, error) {
	if err := tx.look(ctx); err != nil {
		return time.Time{}, err
	}
	since := instant{after.UnixMicro(), true} // the zero time is before all others
	var next instant
	of := setOf(people)
	for person, a := range tx.at(app) {
		if (a.due || a.observe) && a.parked == "" && a.retry.after(since) && (people == nil || of[person]) {
			next = earlier(next, a.retry)
		}
	}
	for _, g := range tx.groupsAt(app) {
		if g.parked == "" && g.retry.after(since) {
			next = earlier(next, g.retry)
		}
	}
	return next.time(), nil
}

// MarkedSince implements provision.AccountTx.
func (tx *Tx) MarkedSince(ctx context.Context, name string, after time.Time) (bool, error) {
	if err := tx.look(ctx); err != nil {
		return false, err
	}
	a, ok := tx.apps.get(one(name))
	return ok && a.marked.after(stamp(after)), nil
}

// MarkApp implements provision.AppTx.
func (tx *Tx) MarkApp(ctx context.Context, name string) error {
	if err := tx.may(ctx); err != nil {
		return err
	}
	for id, p := range tx.people.all() {
		key := two{name, string(id)}
		was := edit(&tx.accounts, tx.own, key, func(a *account) {
			a.dueAt = stamp(tx.now)
			a.anew()
		})
		if !was {
			tx.addAccount(key, !p.state.In())
		}
	}
	if err := tx.marked(ctx, name); err != nil {
		return err
	}
	for team := range tx.groupsAt(name) {
		edit(&tx.groups, tx.own, two{name, team}, func(g *group) { g.parked, g.retry = "", instant{} })
	}
	return nil
}

// Wake implements provision.AppTx.
func (tx *Tx) Wake(ctx context.Context, name string, now time.Time) error {
	if err := tx.may(ctx); err != nil {
		return err
	}
	woken := false
	for person, a := range tx.at(name) {
		if !a.wake.upTo(stamp(now)) {
			continue
		}
		woken = true
		edit(&tx.accounts, tx.own, two{name, person}, func(a *account) {
			a.due, a.dueAt, a.wake = true, stamp(tx.now), instant{}
			a.version++
		})
	}
	if !woken {
		return nil
	}
	return tx.marked(ctx, name)
}

// marked notes that somebody was marked at an app, or with "" at all of them.
func (tx *Tx) marked(ctx context.Context, name string) error {
	if err := tx.may(ctx); err != nil {
		return err
	}
	note := func(a *app) { a.marked = stamp(tx.now) }
	if name != "" {
		edit(&tx.apps, tx.own, one(name), note)
		return nil
	}
	for name := range tx.apps.all() {
		edit(&tx.apps, tx.own, name, note)
	}
	return nil
}

// MarkPeople implements provision.AppTx.
func (tx *Tx) MarkPeople(ctx context.Context, name string, people []string) error {
	for _, p := range people {
		if err := tx.may(ctx); err != nil {
			return err
		}
		edit(&tx.accounts, tx.own, two{name, p}, func(a *account) {
			a.due, a.dueAt = true, stamp(tx.now)
			a.version++
		})
	}
	return tx.marked(ctx, name)
}

// MarkTeams implements provision.AppTx.
func (tx *Tx) MarkTeams(ctx context.Context, name string, teams []string) error {
	if len(teams) == 0 {
		return nil
	}
	if err := tx.may(ctx); err != nil {
		return err
	}
	of, in := setOf(teams), map[string]bool{}
	for k := range tx.members.from(two{}) {
		in[k.a] = in[k.a] || of[k.b]
	}
	for person := range tx.at(name) {
		if in[person] {
			edit(&tx.accounts, tx.own, two{name, person}, func(a *account) {
				if !a.due {
					a.dueAt = stamp(tx.now)
				}
				a.due = true
				a.version++
			})
		}
	}
	return tx.marked(ctx, name)
}
