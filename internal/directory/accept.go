// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/scim"
)

// Statement is what a source says of one person, now.
type Statement struct {
	Key
	Digest [32]byte // equal digests mean that the source says nothing new
	File   string
	Line   int
	// Replay says that the statement is known to be an old one: it changes
	// what it changes, but brings nobody back who has left (DESIGN: order).
	Replay bool
	// Map evaluates the source's mapping. It is only called when the digest
	// is new, so that a read without change evaluates no expression.
	Map func() (*scim.Resource, error)
}

// Rejected is a statement that was set aside. Its person is as they were.
type Rejected struct {
	Statement
	Err error
}

// ErrReplayed is why an old statement about a leaver is set aside.
var ErrReplayed = errors.New("this file was read before, and a later one said that this person has left: an older file brings nobody back")

// Accepted is what became of a chunk of statements.
type Accepted struct {
	New, Changed, Unchanged int
	Rejected                []Rejected
}

// Accept takes a chunk of statements, in the order of their keys, in one
// transaction. A statement that cannot be taken is rejected alone.
func (d *Directory) Accept(ctx context.Context, tx Tx, source string, chunk []Statement) (Accepted, error) {
	ids := make([]string, len(chunk))
	for i, s := range chunk {
		ids[i] = s.ID
	}
	known, err := tx.Records(ctx, source, ids)
	if err != nil {
		return Accepted{}, err
	}
	a := &acceptance{d: d, tx: tx, cal: d.calendar(), teams: map[string][]Team{}}
	for _, s := range chunk {
		if r, ok := known[s.ID]; ok && r.Digest == s.Digest {
			a.out.Unchanged++
			continue
		}
		a.read(known, s)
	}
	if err := a.people(ctx); err != nil {
		return Accepted{}, err
	}
	return a.out, a.store(ctx)
}

// acceptance is the work on one chunk.
type acceptance struct {
	d   *Directory
	tx  Tx
	cal Calendar
	out Accepted

	fresh   []view
	records []Record
	changed []*Person
	teams   map[string][]Team
	events  []audit.Event
}

// view is a statement that was read, with the record it becomes.
type view struct {
	Statement
	record Record
	user   *scim.Resource
	facts  facts
	before Record // zero for a new key
}

func (a *acceptance) read(known map[string]Record, s Statement) {
	user, err := s.Map()
	if err != nil {
		a.reject(s, err)
		return
	}
	f, err := factsOf(user)
	if err != nil {
		a.reject(s, err)
		return
	}
	body, err := json.Marshal(user)
	if err != nil {
		a.reject(s, err)
		return
	}
	v := view{Statement: s, user: user, facts: f, before: known[s.ID]}
	v.record = Record{
		Key: s.Key, Generation: 1, Person: s.PersonID(), Digest: s.Digest, User: body,
		Start: f.start, End: f.end, Line: s.Line, File: s.File, At: a.tx.Now(),
	}
	if b := v.before; b.Generation > 0 {
		v.record.Person, v.record.Generation = b.Person, b.Generation
	}
	a.fresh = append(a.fresh, v)
}

func (a *acceptance) reject(s Statement, err error) {
	a.out.Rejected = append(a.out.Rejected, Rejected{s, err})
}

// people computes the person behind each fresh view.
func (a *acceptance) people(ctx context.Context) error {
	ids := make([]string, len(a.fresh))
	for i, v := range a.fresh {
		ids[i] = v.record.Person
	}
	people, err := a.tx.People(ctx, ids)
	if err != nil {
		return err
	}
	var others map[string][]Record
	if len(a.d.cfg.Sources) > 1 { // else a person's only record is the one at hand
		if others, err = a.tx.RecordsOf(ctx, ids); err != nil {
			return err
		}
	}
	for _, v := range a.fresh {
		if err := a.person(ctx, v, people[v.record.Person], others[v.record.Person]); err != nil {
			return err
		}
	}
	return nil
}

func (a *acceptance) person(ctx context.Context, v view, old *Person, others []Record) error {
	if old != nil && rehired(v.before, old.State == Leaver, a.cal.Now, v.facts) {
		v.record.Generation++
	}
	records := []Record{v.record}
	for _, r := range others {
		if r.Key != v.Key {
			records = append(records, r)
		}
	}
	user, err := a.d.merge(records)
	if err != nil { // what cannot be read again must not be kept: it would stop everybody
		a.reject(v.Statement, err)
		return nil
	}
	p := &Person{ID: v.record.Person, User: user, Generation: v.record.Generation}
	if old != nil {
		p.State, p.Why, p.Cause = old.State, old.Why, old.Cause
		p.Revision, p.Next, p.Admitted = old.Revision, old.Next, old.Admitted
		p.Generation = max(old.Generation, p.Generation)
	}
	f, err := factsOf(user)
	if err != nil {
		a.reject(v.Statement, err)
		return nil
	}
	// Staged is on the way back, too: its date would let them in.
	if a.place(p, old, f); v.Replay && old != nil && old.State == Leaver && p.State != Leaver {
		a.reject(v.Statement, ErrReplayed)
		return nil
	}
	// A name is asked for before the teams are, as a rule may read it.
	if err := reserve(ctx, a.tx, "organisation", p.ID, a.d.unique(records), p.User); err != nil {
		return err
	}
	teams, err := a.d.teamsOf(p)
	switch {
	case err == nil:
		a.teams[p.ID] = teams
	case old != nil && p.State.In() && p.Next.Equal(a.cal.Now): // on the way out: no rule stands in it
	default:
		a.reject(v.Statement, err)
		return nil
	}
	a.keep(v, old, p)
	return nil
}

// place sets the state that the new facts mean. Whoever is in and would be out
// waits, unchanged, for Settle, where the gate stands.
func (a *acceptance) place(p, old *Person, f facts) {
	state, why, next := derive(a.cal, f)
	if old != nil && old.State.In() && !state.In() {
		p.Next = a.cal.Now
		return
	}
	p.State, p.Why, p.Next, p.Cause = state, why, next, ""
	if state == Leaver {
		p.Cause = CauseTermination
	}
	if state.In() {
		p.Admitted = false
	}
}

// keep stores a view and the person it made. A view that says the same in other
// columns, or by another mapping, changes nobody.
func (a *acceptance) keep(v view, old, p *Person) {
	a.records = append(a.records, v.record)
	kind, why := "person.changed", "changed at "+v.Source
	var before map[string]scim.Value
	switch {
	case old == nil:
		a.out.New++
		kind, why, p.Revision = "person.created", "new at "+v.Source, 1
	default:
		a.out.Changed++
		p.Revision++
		if p.Generation > old.Generation {
			kind, why = "person.rehired", "hired again at "+v.Source
		}
	}
	changed := map[string]scim.Value{}
	if old != nil {
		before = map[string]scim.Value{}
	}
	for _, c := range scim.Diff(a.d.cfg.Schemas, scim.UserURN, a.d.cfg.Paths, userOf(old), p.User) {
		changed[c.Path.String()] = c.After
		if old != nil {
			before[c.Path.String()] = c.Before
		}
	}
	if old == nil || old.State != p.State {
		changed["state"] = scim.String(string(p.State))
		if old != nil {
			before["state"] = scim.String(string(old.State))
		}
	}
	if old != nil && len(changed) == 0 && p.Generation == old.Generation && p.Next.Equal(old.Next) {
		p.Revision = old.Revision
		a.out.Changed--
		a.out.Unchanged++
		delete(a.teams, p.ID)
		return
	}
	a.changed = append(a.changed, p)
	a.events = append(a.events, audit.Event{
		At: a.tx.Now(), Kind: kind, Actor: a.d.cfg.Actor, Person: p.ID, Object: v.Source + ":" + v.ID,
		Why: why, Before: nilIfEmpty(before), After: nilIfEmpty(changed),
	})
}

func userOf(p *Person) *scim.Resource {
	if p == nil {
		return scim.NewResource(scim.UserURN)
	}
	return p.User
}

func nilIfEmpty(m map[string]scim.Value) any {
	if len(m) == 0 {
		return nil
	}
	return m
}

func (a *acceptance) store(ctx context.Context) error {
	if len(a.records) == 0 {
		return nil
	}
	if err := a.tx.PutRecords(ctx, a.records); err != nil {
		return err
	}
	if err := a.tx.PutPeople(ctx, a.changed); err != nil {
		return err
	}
	if err := a.tx.SetTeams(ctx, a.teams); err != nil {
		return err
	}
	return a.tx.AppendEvents(ctx, a.events)
}

// teamsOf returns the teams a person is in: by rule while they have access,
// none otherwise.
func (d *Directory) teamsOf(p *Person) ([]Team, error) {
	if !p.State.In() {
		return nil, nil
	}
	return d.cfg.Teams.TeamsOf(p)
}
