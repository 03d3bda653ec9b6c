// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"context"
	"iter"
	"time"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
)

type app struct {
	digest         [32]byte
	address        string
	listed, agreed bool
	paused         string
	foreign        int
	retry, since   instant
	marked         instant // when somebody was marked there last
}

type group struct {
	remote, name string
	parked       string
	attempts     int
	retry        instant
	observe      bool
	last         provision.Result
	journal      int64
}

type lease struct {
	holder string
	fence  int64
	until  instant
}

// App implements provision.AppTx. An app never seen has the zero state.
func (tx *Tx) App(ctx context.Context, name string) (provision.AppState, error) {
	if err := tx.look(ctx); err != nil {
		return provision.AppState{Name: name}, err
	}
	row, ok := tx.apps.get(one(name))
	if !ok {
		return provision.AppState{Name: name}, nil
	}
	return provision.AppState{
		Name: name, Digest: row.digest, Address: row.address, Listed: row.listed, Agreed: row.agreed, Paused: row.paused, Foreign: row.foreign,
		PausedAt: row.since.time(), RetryAt: row.retry.time(),
	}, nil
}

// PutApp implements provision.AppTx.
func (tx *Tx) PutApp(ctx context.Context, a provision.AppState) error {
	if err := tx.may(ctx); err != nil {
		return err
	}
	row := &app{
		digest: a.Digest, address: a.Address, listed: a.Listed, agreed: a.Agreed, paused: a.Paused, foreign: a.Foreign,
		retry: stamp(a.RetryAt), since: stamp(a.PausedAt),
	}
	if had, ok := tx.apps.get(one(a.Name)); ok {
		row.marked = had.marked
	}
	tx.apps.put(tx.own, one(a.Name), row)
	return nil
}

// ResetApp implements provision.AppTx.
func (tx *Tx) ResetApp(ctx context.Context, name string) error {
	if err := tx.may(ctx); err != nil {
		return err
	}
	for person, a := range tx.at(name) {
		tx.accounts.put(tx.own, two{name, person}, &account{due: true, dueAt: stamp(tx.now), version: a.version + 1, out: a.out})
	}
	if err := tx.marked(ctx, name); err != nil {
		return err
	}
	tx.groups.dropFrom(tx.own, two{name, ""}, func(k two) bool { return k.a == name })
	tx.edges.dropFrom(tx.own, three{name, "", ""}, func(k three) bool { return k.a == name })
	tx.dropForeign(name)
	return nil
}

// Unpark implements provision.AppTx.
func (tx *Tx) Unpark(ctx context.Context, name string, last provision.Result) error {
	if err := tx.may(ctx); err != nil {
		return err
	}
	for person, a := range tx.at(name) {
		if a.parked != "" && a.last == last {
			edit(&tx.accounts, tx.own, two{name, person}, func(a *account) {
				a.parked = ""
				a.version++
			})
		}
	}
	var teams []string
	for team, g := range tx.groupsAt(name) {
		if g.parked != "" && g.last == last {
			edit(&tx.groups, tx.own, two{name, team}, func(g *group) { g.parked = "" })
			teams = append(teams, team)
		}
	}
	return tx.MarkTeams(ctx, name, teams)
}

// Doubt implements provision.AppTx.
func (tx *Tx) Doubt(ctx context.Context, name string, people []string) error {
	if err := tx.may(ctx); err != nil {
		return err
	}
	of := setOf(people)
	for person, a := range tx.at(name) {
		if a.remote != "" && (a.parked == "" || a.last == provision.Shut) && (people == nil || of[person]) {
			edit(&tx.accounts, tx.own, two{name, person}, func(a *account) { a.observe, a.parked = true, "" })
		}
	}
	for team, g := range tx.groupsAt(name) {
		if g.remote != "" && g.parked == "" {
			edit(&tx.groups, tx.own, two{name, team}, func(g *group) { g.observe = true })
		}
	}
	return nil
}

// strangers walks the accounts at an app that are nobody's, in order of their ids.
func (tx *Tx) strangers(name string) iter.Seq2[string, *provision.Foreign] {
	return func(yield func(string, *provision.Foreign) bool) {
		for k, f := range tx.foreign.from(two{name, ""}) {
			if k.a != name || !yield(k.b, f) {
				return
			}
		}
	}
}

// ForeignNames implements provision.AppTx.
func (tx *Tx) ForeignNames(ctx context.Context, name string) (map[string]bool, error) {
	if err := tx.look(ctx); err != nil {
		return nil, err
	}
	out := map[string]bool{}
	for _, f := range tx.strangers(name) {
		if f.ExternalID != "" {
			out[provision.ExternalName(f.ExternalID)] = true
		}
		if f.UserName != "" {
			out[provision.UserName(f.UserName)] = true
		}
	}
	return out, nil
}

// DropForeign implements provision.AppTx.
func (tx *Tx) DropForeign(ctx context.Context, name string, remoteIDs []string) error {
	if err := tx.may(ctx); err != nil {
		return err
	}
	for _, id := range remoteIDs {
		tx.foreign.drop(tx.own, two{name, id})
	}
	return nil
}

func (tx *Tx) dropForeign(name string) {
	tx.foreign.dropFrom(tx.own, two{name, ""}, func(k two) bool { return k.a == name })
}

// ForeignAmong implements provision.AppTx.
func (tx *Tx) ForeignAmong(ctx context.Context, name string, remoteIDs []string) (map[string]bool, error) {
	if err := tx.look(ctx); err != nil {
		return nil, err
	}
	out := map[string]bool{}
	for _, id := range remoteIDs {
		if tx.foreign.has(two{name, id}) {
			out[id] = true
		}
	}
	return out, nil
}

// PutForeign implements provision.AppTx.
func (tx *Tx) PutForeign(ctx context.Context, name string, accounts []provision.Foreign) error {
	if err := tx.may(ctx); err != nil {
		return err
	}
	tx.dropForeign(name)
	for _, f := range accounts {
		if err := tx.may(ctx); err != nil {
			return err
		}
		if tx.foreign.has(two{name, f.RemoteID}) {
			return errTwice
		}
		tx.foreign.put(tx.own, two{name, f.RemoteID}, &f)
	}
	return nil
}

// groupsAt walks the groups of an app, in order of team.
func (tx *Tx) groupsAt(name string) iter.Seq2[string, *group] {
	return func(yield func(string, *group) bool) {
		for k, g := range tx.groups.from(two{name, ""}) {
			if k.a != name || !yield(k.b, g) {
				return
			}
		}
	}
}

// Groups implements provision.GroupTx.
func (tx *Tx) Groups(ctx context.Context, name string) (map[string]provision.Group, error) {
	if err := tx.look(ctx); err != nil {
		return nil, err
	}
	out := map[string]provision.Group{}
	for team, g := range tx.groupsAt(name) {
		out[team] = provision.Group{App: name, Team: team, RemoteID: g.remote, Name: g.name, Standing: provision.Standing{
			Parked: g.parked, Attempts: g.attempts, RetryAt: g.retry.time(), Observe: g.observe, Last: g.last, Journal: g.journal,
		}}
	}
	return out, nil
}

// PutGroups implements provision.GroupTx.
func (tx *Tx) PutGroups(ctx context.Context, groups []provision.Group) error {
	for _, g := range groups {
		if err := tx.may(ctx); err != nil {
			return err
		}
		tx.groups.put(tx.own, two{g.App, g.Team}, &group{
			remote: g.RemoteID, name: g.Name, parked: g.Parked, attempts: g.Attempts, retry: stamp(g.RetryAt), observe: g.Observe, last: g.Last, journal: g.Journal,
		})
	}
	return nil
}

// TeamsByID implements provision.GroupTx.
func (tx *Tx) TeamsByID(ctx context.Context) (map[string]directory.Team, error) {
	if err := tx.look(ctx); err != nil {
		return nil, err
	}
	out := map[string]directory.Team{}
	for id, t := range tx.teams.all() {
		out[string(id)] = t
	}
	return out, nil
}

// EdgesOf implements provision.GroupTx.
func (tx *Tx) EdgesOf(ctx context.Context, name, team string) (out []string, err error) {
	if err := tx.look(ctx); err != nil {
		return nil, err
	}
	for k := range tx.edgesAt(name) {
		if k.c == team {
			out = append(out, k.b)
		}
	}
	return out, nil
}

// edgesAt walks the memberships at an app, in order of person and team.
func (tx *Tx) edgesAt(name string) iter.Seq2[three, int64] {
	return func(yield func(three, int64) bool) {
		for k, journal := range tx.edges.from(three{name, "", ""}) {
			if k.a != name || !yield(k, journal) {
				return
			}
		}
	}
}

// Findings implements provision.FindingTx.
func (tx *Tx) Findings(ctx context.Context, name string) (map[string]provision.Finding, error) {
	if err := tx.look(ctx); err != nil {
		return nil, err
	}
	out := map[string]provision.Finding{}
	for k, f := range tx.findings.from(two{name, ""}) {
		if k.a != name {
			break
		}
		out[k.b] = f
	}
	return out, nil
}

// PutFindings implements provision.FindingTx. What was found first stays.
func (tx *Tx) PutFindings(ctx context.Context, findings []provision.Finding) error {
	for _, f := range findings {
		if err := tx.may(ctx); err != nil {
			return err
		}
		if k := (two{f.App, f.Attribute}); !tx.findings.has(k) {
			tx.findings.put(tx.own, k, f)
		}
	}
	return nil
}

// DropFindings implements provision.FindingTx.
func (tx *Tx) DropFindings(ctx context.Context, name string, attributes ...string) error {
	if err := tx.may(ctx); err != nil {
		return err
	}
	for _, a := range attributes {
		tx.findings.drop(tx.own, two{name, a})
	}
	if len(attributes) == 0 {
		tx.findings.dropFrom(tx.own, two{name, ""}, func(k two) bool { return k.a == name })
	}
	return nil
}

// TakeLease implements provision.LeaseTx. One process at a time opens a store: whoever
// else holds a lease is dead, and nobody waits for them.
func (tx *Tx) TakeLease(ctx context.Context, name, holder string, until time.Time) (provision.Lease, bool, error) {
	if err := tx.may(ctx); err != nil {
		return provision.Lease{}, false, err
	}
	l, ok := tx.leases.get(one(name))
	if !ok || l.holder != holder {
		l.fence++
	}
	l.holder, l.until = holder, stamp(until)
	tx.leases.put(tx.own, one(name), l)
	return provision.Lease{App: name, Holder: holder, Fence: l.fence, Until: until}, true, nil
}

// Fence implements provision.LeaseTx.
func (tx *Tx) Fence(ctx context.Context, name string) (int64, error) {
	if err := tx.look(ctx); err != nil {
		return 0, err
	}
	l, _ := tx.leases.get(one(name))
	return l.fence, nil
}

// DropLease implements provision.LeaseTx.
func (tx *Tx) DropLease(ctx context.Context, l provision.Lease) error {
	if err := tx.may(ctx); err != nil {
		return err
	}
	if had, ok := tx.leases.get(one(l.App)); ok && had.fence == l.Fence {
		had.until = instant{}
		tx.leases.put(tx.own, one(l.App), had)
	}
	return nil
}

// Leases implements provision.Reader.
func (tx *Tx) Leases(ctx context.Context) (out []provision.Lease, err error) {
	if err := tx.look(ctx); err != nil {
		return nil, err
	}
	for name, l := range tx.leases.all() {
		out = append(out, provision.Lease{App: string(name), Holder: l.holder, Fence: l.fence, Until: l.until.time()})
	}
	return out, nil
}
