// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/usher-id/usher/internal/directory"
)

type person struct {
	state      directory.State
	user       *document
	userName   string
	generation int
	revision   int64
	next       instant
	why        string
	cause      directory.Cause
	admitted   bool
	revoked    instant
	revokedBy  string
	begun      instant // the start date when it was revoked
	outdone    bool
}

type name struct{ name, owner string }

func (p *person) read(id string) (*directory.Person, error) {
	user, err := p.user.read()
	if err != nil {
		return nil, err
	}
	return &directory.Person{
		ID: id, State: p.state, User: user, Generation: p.generation, Revision: p.revision, Next: p.next.time(),
		Why: p.why, Cause: p.cause, Admitted: p.admitted,
		Revoked: directory.Revocation{At: p.revoked.time(), By: p.revokedBy, Start: p.begun.time(), Outdone: p.outdone},
	}, nil
}

// People implements directory.Tx.
func (tx *Tx) People(ctx context.Context, ids []string) (map[string]*directory.Person, error) {
	if err := tx.look(ctx); err != nil {
		return nil, err
	}
	out := make(map[string]*directory.Person, min(len(ids), 1000))
	for _, id := range ids {
		row, ok := tx.people.get(one(id))
		if !ok {
			continue
		}
		p, err := row.read(id)
		if err != nil {
			return nil, err
		}
		out[id] = p
	}
	return out, nil
}

// PutPeople implements directory.Tx.
func (tx *Tx) PutPeople(ctx context.Context, people []*directory.Person) error {
	for _, p := range people {
		if err := tx.may(ctx); err != nil {
			return err
		}
		tx.people.put(tx.own, one(p.ID), &person{
			state: p.State, user: keep(p.User), userName: strings.ToLower(p.UserName()), generation: p.Generation, revision: p.Revision,
			next: stamp(p.Next), why: p.Why, cause: p.Cause, admitted: p.Admitted,
			revoked: stamp(p.Revoked.At), revokedBy: p.Revoked.By, begun: stamp(p.Revoked.Start), outdone: p.Revoked.Outdone,
		})
		in := p.State.In()
		for name := range tx.apps.all() {
			key := two{string(name), p.ID}
			was := edit(&tx.accounts, tx.own, key, func(a *account) {
				if !a.due || !in {
					a.dueAt = stamp(tx.now)
				}
				a.renew(!in)
			})
			if !was {
				tx.addAccount(key, !in)
			}
		}
	}
	if len(people) == 0 {
		return nil
	}
	return tx.marked(ctx, "")
}

// MarkLinked implements directory.Tx.
func (tx *Tx) MarkLinked(ctx context.Context, people []string) error {
	for _, p := range people {
		if err := tx.may(ctx); err != nil {
			return err
		}
		for k := range tx.accountsOf.from(two{p, ""}) {
			if k.a != p {
				break
			}
			edit(&tx.accounts, tx.own, two{k.b, p}, func(a *account) {
				if !a.due {
					a.dueAt = stamp(tx.now)
				}
				a.due, a.parked, a.retry = true, "", instant{}
				a.version++
			})
		}
	}
	if len(people) == 0 {
		return nil
	}
	return tx.marked(ctx, "")
}

// Waiting implements directory.Tx.
func (tx *Tx) Waiting(ctx context.Context, now time.Time) (due, absent, returned []string, err error) {
	if err := tx.look(ctx); err != nil {
		return nil, nil, nil, err
	}
	at := stamp(now)
	for id, p := range tx.people.all() {
		if p.next.upTo(at) {
			due = append(due, string(id))
		}
		missing, held := tx.standing(string(id))
		if missing && !held && p.state != directory.Leaver && p.state != directory.Erased {
			absent = append(absent, string(id))
		}
		if held && (p.state == directory.Missing || p.state == directory.Leaver && p.cause == directory.CauseAbsent) {
			returned = append(returned, string(id))
		}
	}
	return due, absent, returned, nil
}

// standing tells whether a person has records that hold them, missing ones and such that
// are there.
func (tx *Tx) standing(person string) (missing, held bool) {
	for _, r := range tx.of(person) {
		missing = missing || r.holds && r.missing.is
		held = held || r.holds && !r.missing.is
	}
	return missing, held
}

// Erase implements directory.Tx. Nothing is pushed to this store.
func (tx *Tx) Erase(ctx context.Context, person string) ([]directory.Resource, error) {
	if err := tx.look(ctx); err != nil {
		return nil, err
	}
	for k := range tx.accountsOf.from(two{person, ""}) {
		if k.a != person {
			break
		}
		if a, _ := tx.accounts.get(two{k.b, person}); a.state == live {
			return nil, directory.ErrHasAccess
		}
	}
	for k := range tx.open.all() {
		if e, _ := tx.journal.get(number(k.n)); e.person == person {
			return nil, directory.ErrHasAccess
		}
	}
	if err := tx.may(ctx); err != nil {
		return nil, err
	}
	tx.forget(person)
	return nil, nil
}

func (tx *Tx) forget(person string) {
	var theirs []two
	for k := range tx.of(person) {
		theirs = append(theirs, k)
	}
	for _, k := range theirs {
		var in []three
		for m := range tx.statedOf.from(three{k.a, k.b, ""}) {
			if m.a != k.a || m.b != k.b {
				break
			}
			in = append(in, m)
		}
		for _, m := range in {
			tx.leaveStated(m.a, m.b, m.c)
		}
		tx.marks.drop(tx.own, k)
		tx.recordsOf.drop(tx.own, three{person, k.a, k.b})
		tx.records.drop(tx.own, k)
	}
	tx.dropKeys(person)
	tx.members.dropFrom(tx.own, two{person, ""}, func(k two) bool { return k.a == person })
	var told []number
	for id, p := range tx.payloads.all() {
		if p.person == person {
			told = append(told, id)
		}
	}
	for _, id := range told {
		tx.payloads.drop(tx.own, id)
	}
	for id, e := range tx.journal.all() {
		if e.person == person {
			edit(&tx.journal, tx.own, id, func(e *entry) { e.ops, e.detail = "[]", "" })
		}
	}
	for k := range tx.accountsOf.from(two{person, ""}) {
		if k.a != person {
			break
		}
		edit(&tx.accounts, tx.own, two{k.b, person}, func(a *account) { a.sent = nil })
	}
}

// Rewind implements directory.Tx.
func (tx *Tx) Rewind(ctx context.Context, now, last time.Time) error {
	if err := tx.may(ctx); err != nil {
		return err
	}
	from, to := stamp(now), stamp(last)
	due := map[string]bool{}
	for _, r := range tx.records.all() {
		if r.start.after(from) && r.start.upTo(to) || r.end.after(from) && r.end.upTo(to) {
			due[r.person] = true
		}
	}
	for id := range due {
		edit(&tx.people, tx.own, one(id), func(p *person) { p.next = from })
	}
	return nil
}

// NameOwner implements directory.Tx.
func (tx *Tx) NameOwner(ctx context.Context, scope, attribute, canonical string) (string, error) {
	if err := tx.look(ctx); err != nil {
		return "", err
	}
	n, _ := tx.names.get(three{scope, attribute, canonical})
	return n.owner, nil
}

// NameOf implements directory.Tx.
func (tx *Tx) NameOf(ctx context.Context, scope, attribute, owner string) (string, error) {
	if err := tx.look(ctx); err != nil {
		return "", err
	}
	n, _ := tx.namesOf.get(three{scope, attribute, owner})
	return n, nil
}

// NamesOf implements provision.NameTx.
func (tx *Tx) NamesOf(ctx context.Context, scope, attribute string, owners []string) (map[string]string, error) {
	if err := tx.look(ctx); err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, owner := range owners {
		if n, ok := tx.namesOf.get(three{scope, attribute, owner}); ok {
			out[owner] = n
		}
	}
	return out, nil
}

// PassName implements provision.NameTx.
func (tx *Tx) PassName(ctx context.Context, scope, attribute, canonical, from, to string) error {
	if err := tx.may(ctx); err != nil {
		return err
	}
	key := three{scope, attribute, canonical}
	n, ok := tx.names.get(key)
	if !ok || n.owner != from || tx.namesOf.has(three{scope, attribute, to}) {
		return nil
	}
	tx.names.put(tx.own, key, name{n.name, to})
	tx.namesOf.drop(tx.own, three{scope, attribute, from})
	tx.namesOf.put(tx.own, three{scope, attribute, to}, n.name)
	return nil
}

var errNamed = errors.New("store: the name is somebody's already, or its owner has another one")

// Reserve implements directory.Tx.
func (tx *Tx) Reserve(ctx context.Context, scope, attribute, canonical, reserved, owner string) error {
	if err := tx.may(ctx); err != nil {
		return err
	}
	key, of := three{scope, attribute, canonical}, three{scope, attribute, owner}
	if tx.names.has(key) || tx.namesOf.has(of) {
		return errNamed
	}
	tx.names.put(tx.own, key, name{reserved, owner})
	tx.namesOf.put(tx.own, of, reserved)
	return nil
}

// PutTeam implements directory.Tx.
func (tx *Tx) PutTeam(ctx context.Context, t directory.Team) error {
	if err := tx.may(ctx); err != nil {
		return err
	}
	if had := tx.teams.slot(tx.own, one(t.ID)); had != nil {
		had.Name = t.Name
		return nil
	}
	tx.teams.put(tx.own, one(t.ID), t)
	return nil
}

// StatedTeams implements directory.Tx: the teams that sources state.
func (tx *Tx) StatedTeams(ctx context.Context, people []string) (map[string][]directory.Team, error) {
	if err := tx.look(ctx); err != nil {
		return nil, err
	}
	out := map[string][]directory.Team{}
	for _, person := range distinct(people) {
		var teams []directory.Team
		for k := range tx.of(person) {
			for m := range tx.statedOf.from(three{k.a, k.b, ""}) {
				if m.a != k.a || m.b != k.b {
					break
				}
				if t, ok := tx.stated.get(two{m.a, m.c}); ok {
					teams = append(teams, t)
				}
			}
		}
		if teams != nil {
			slices.SortStableFunc(teams, func(a, b directory.Team) int { return cmp.Compare(a.ID, b.ID) })
			out[person] = teams
		}
	}
	return out, nil
}

// SetTeams implements directory.Tx.
func (tx *Tx) SetTeams(ctx context.Context, teams map[string][]directory.Team) error {
	stored := map[string]bool{}
	for _, person := range slices.Sorted(maps.Keys(teams)) {
		if err := tx.may(ctx); err != nil {
			return err
		}
		tx.members.dropFrom(tx.own, two{person, ""}, func(k two) bool { return k.a == person })
		for _, t := range teams[person] {
			if !stored[t.ID] {
				stored[t.ID] = true
				if err := tx.PutTeam(ctx, t); err != nil {
					return err
				}
			}
			tx.members.put(tx.own, two{person, t.ID}, none{})
		}
	}
	return nil
}

// List implements directory.Reader.
func (tx *Tx) List(ctx context.Context, state directory.State, after string, limit int) (out []directory.Listing, err error) {
	if err := tx.look(ctx); err != nil {
		return nil, err
	}
	for id, row := range tx.people.from(one(after)) {
		if limit >= 0 && len(out) >= limit {
			break
		}
		if string(id) == after || state != "" && row.state != state {
			continue
		}
		p, err := row.read(string(id))
		if err != nil {
			return nil, err
		}
		l := directory.Listing{Person: p}
		for k, r := range tx.of(p.ID) {
			l.Records = append(l.Records, r.read(k))
		}
		out = append(out, l)
	}
	return out, nil
}

// mostFound is how many people a search returns.
const mostFound = 20

// Search implements directory.Reader.
func (tx *Tx) Search(ctx context.Context, what string) ([]string, error) {
	if err := tx.look(ctx); err != nil {
		return nil, err
	}
	var out []string
	named := strings.ToLower(what)
	for id, p := range tx.people.all() {
		if string(id) == what || p.userName == named {
			out = append(out, string(id))
		}
	}
	for k, r := range tx.records.all() {
		if k.b == what && r.person != "" {
			out = append(out, r.person)
		}
	}
	out = distinct(out)
	return out[:min(len(out), mostFound)], nil
}

// PeopleTotals implements directory.Reader.
func (tx *Tx) PeopleTotals(ctx context.Context) (t directory.Totals, err error) {
	if err := tx.look(ctx); err != nil {
		return t, err
	}
	for _, p := range tx.people.all() {
		t.Total++
		switch p.state {
		case directory.Active:
			t.Active++
		case directory.Staged:
			t.Staged++
		case directory.OnLeave:
			t.OnLeave++
		case directory.Missing:
			t.Missing++
		case directory.Leaver:
			t.Leaver++
		case directory.Erased:
		}
	}
	return t, nil
}

// Ahead implements directory.Reader.
func (tx *Tx) Ahead(ctx context.Context, until time.Time, limit int) ([]*directory.Person, error) {
	if err := tx.look(ctx); err != nil {
		return nil, err
	}
	type date struct {
		at instant
		id string
	}
	var dates []date
	for id, p := range tx.people.all() {
		if p.next.upTo(stamp(until)) {
			dates = append(dates, date{p.next, string(id)})
		}
	}
	slices.SortStableFunc(dates, func(a, b date) int { return cmp.Compare(a.at.micro, b.at.micro) })
	var out []*directory.Person
	for _, d := range atMost(dates, limit) {
		row, _ := tx.people.get(one(d.id))
		p, err := row.read(d.id)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

// atMost is a page of what is in order; a limit below zero is none.
func atMost[T any](all []T, limit int) []T {
	if limit < 0 || limit >= len(all) {
		return all
	}
	return all[:limit]
}

// NextDate implements directory.Reader.
func (tx *Tx) NextDate(ctx context.Context, after time.Time) (time.Time, error) {
	if err := tx.look(ctx); err != nil {
		return time.Time{}, err
	}
	var next instant
	for _, p := range tx.people.all() {
		if p.next.after(stamp(after)) {
			next = earlier(next, p.next)
		}
	}
	return next.time(), nil
}

// InCount implements provision.GuardTx.
func (tx *Tx) InCount(ctx context.Context) (n int, err error) {
	ids, err := tx.InIDs(ctx)
	return len(ids), err
}

// InIDs implements directory.Tx.
func (tx *Tx) InIDs(ctx context.Context) ([]string, error) {
	return tx.ids(ctx, func(p *person) bool { return p.state.In() })
}

// Everybody implements directory.Tx.
func (tx *Tx) Everybody(ctx context.Context) ([]string, error) {
	return tx.ids(ctx, func(*person) bool { return true })
}

func (tx *Tx) ids(ctx context.Context, are func(*person) bool) (out []string, err error) {
	if err := tx.look(ctx); err != nil {
		return nil, err
	}
	for id, p := range tx.people.all() {
		if are(p) {
			out = append(out, string(id))
		}
	}
	return out, nil
}

// Meta implements directory.Tx.
func (tx *Tx) Meta(ctx context.Context, key string) ([]byte, error) {
	if err := tx.look(ctx); err != nil {
		return nil, err
	}
	v, _ := tx.meta.get(one(key))
	return slices.Clone(v), nil
}

// PutMeta implements directory.Tx.
func (tx *Tx) PutMeta(ctx context.Context, key string, value []byte) error {
	if err := tx.may(ctx); err != nil {
		return err
	}
	if value == nil {
		return fmt.Errorf("store: meta %s: it has no value", key)
	}
	tx.meta.put(tx.own, one(key), slices.Clone(value))
	return nil
}
