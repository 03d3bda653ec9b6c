// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"context"
	"fmt"
	"sort"
	"time"

	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/scim"
)

// Settled is what became of the people whose lifecycle had to be looked at.
type Settled struct {
	Joined, Left, Missing, Returned int
	Problems                        map[string]error // by person: a team rule that failed on them
}

// settleChunk bounds how many people are in memory at once; a hold still
// covers a whole cause, as its set is made of ids.
const settleChunk = 2000

// Settle moves everybody whose time has come, or whose absence is proven, to
// where they belong. Departures ask the gate, each cause by itself; a cause
// that is held leaves its people as they are, the absent ones as Missing.
func (d *Directory) Settle(ctx context.Context, tx Tx) (Settled, error) {
	s, err := d.settlement(ctx, tx)
	if err != nil {
		return Settled{}, err
	}
	if err := s.rewind(ctx); err != nil {
		return s.out, err
	}
	due, absent, returned, err := tx.Waiting(ctx, s.cal.Now)
	if err != nil {
		return s.out, err
	}
	leaving := map[Cause][]string{}
	if err := s.each(ctx, due, func(p *Person) error { return s.due(ctx, p, contains(absent, p.ID), leaving) }); err != nil {
		return s.out, err
	}
	if err := s.each(ctx, returned, func(p *Person) error { return s.welcome(ctx, p) }); err != nil {
		return s.out, err
	}
	for _, cause := range []Cause{CauseRevoked, CauseTermination} {
		if err := s.depart(ctx, cause, leaving[cause]); err != nil {
			return s.out, err
		}
		absent = without(absent, leaving[cause])
	}
	return s.out, s.depart(ctx, CauseAbsent, absent)
}

func (d *Directory) settlement(ctx context.Context, tx Tx) (s *settlement, err error) {
	s = &settlement{d: d, tx: tx, cal: d.calendar()}
	s.out.Problems = map[string]error{}
	s.several, err = d.several(ctx, tx)
	return s, err
}

// settlement is the work of one Settle.
type settlement struct {
	d   *Directory
	tx  Tx
	cal Calendar
	out Settled

	changed []*Person
	teams   map[string][]Team
	stated  map[string][]Team // by person, see Directory.stated
	keys    map[string][]MatchKey
	events  []audit.Event
	said    *opinions // of the person at hand; nil if nobody holds them
	several bool      // a person may have more than one record
	turn    time.Time // when another record of the person at hand has the word, see opinions
}

// each loads people in chunks, calls fn for each, and stores what it changed.
func (s *settlement) each(ctx context.Context, ids []string, fn func(*Person) error) error {
	for len(ids) > 0 {
		n := min(len(ids), settleChunk)
		people, err := s.tx.People(ctx, ids[:n])
		if err != nil {
			return err
		}
		if s.stated, err = s.d.stated(ctx, s.tx, ids[:n]); err != nil {
			return err
		}
		s.changed, s.events, s.teams, s.keys = nil, nil, map[string][]Team{}, map[string][]MatchKey{}
		for _, id := range ids[:n] {
			if p, ok := people[id]; ok {
				if err := fn(p); err != nil {
					return err
				}
			}
		}
		if err := s.store(ctx); err != nil {
			return err
		}
		ids = ids[n:]
	}
	return nil
}

func (s *settlement) store(ctx context.Context) error {
	if err := s.tx.PutKeys(ctx, s.keys); err != nil {
		return err
	}
	if len(s.changed) > 0 {
		if err := s.tx.PutPeople(ctx, s.changed); err != nil {
			return err
		}
		if err := s.tx.SetTeams(ctx, s.teams); err != nil {
			return err
		}
	}
	if len(s.events) == 0 { // of records, with nobody who changed
		return nil
	}
	return s.tx.AppendEvents(ctx, s.events)
}

// rewind makes everybody due again whose dates lie between now and a later now
// that was in force before: somebody had set the calendar wrong, and what it
// brought about by itself has to be taken back by itself.
func (s *settlement) rewind(ctx context.Context) error {
	const key = "calendar_now"
	stored, err := s.tx.Meta(ctx, key)
	if err != nil {
		return err
	}
	if last, err := time.Parse(time.RFC3339Nano, string(stored)); err == nil && s.cal.Now.Before(last) {
		if err := s.tx.Rewind(ctx, s.cal.Now, last.Add(s.cal.PreHire)); err != nil {
			return err
		}
	}
	return s.tx.PutMeta(ctx, key, []byte(s.cal.Now.UTC().Format(time.RFC3339Nano)))
}

// due handles somebody whose date has come. Who would be out is collected for
// the gate; everybody else moves at once. A date alone brings nobody in whom
// their source no longer states.
func (s *settlement) due(ctx context.Context, p *Person, absent bool, leaving map[Cause][]string) error {
	if p.State == Erased {
		return nil
	}
	changed, err := s.agree(ctx, p)
	if err != nil {
		return err
	}
	f, err := p.facts()
	if err != nil {
		return fmt.Errorf("person %s: %w", p.ID, err)
	}
	state, why, next := derive(s.cal, f)
	next = soonest(s.cal.Now, next, s.turn)
	if s.said != nil {
		why = s.said.remark(state, why)
	}
	held := p.State.In() && !state.In()
	if changed || held && p.Cause != f.cause() { // kept here, as not everybody who is due moves
		cause := p.Cause
		if held {
			cause = f.cause()
		}
		if err := s.move(p, p.State, p.Why, cause, ""); err != nil {
			return err
		}
	}
	switch {
	case held:
		leaving[f.cause()] = append(leaving[f.cause()], p.ID)
		return nil
	case p.State == Missing: // gains nothing, not even by date
		state, why = Missing, p.Why
	case absent && p.State == Staged && state.In():
		return nil // a no-show: the absence goes to the gate, the start waits
	case p.State == Leaver && p.Cause == CauseAbsent: // only a record brings them back
		state, why, next = Leaver, p.Why, time.Time{}
	case p.State == Staged && state.In():
		s.out.Joined++
	}
	p.Next = next
	var cause Cause
	switch {
	case state != Leaver:
	case p.State == Leaver:
		cause = p.Cause
	default: // never was in: an offer that came to nothing
		cause = f.cause()
	}
	return s.move(p, state, why, cause, "person."+string(state))
}

// welcome handles somebody whose record is back. What others said meanwhile
// counts from now on.
func (s *settlement) welcome(ctx context.Context, p *Person) error {
	if _, err := s.agree(ctx, p); err != nil {
		return err
	}
	f, err := p.facts()
	if err != nil {
		return fmt.Errorf("person %s: %w", p.ID, err)
	}
	state, why, next := derive(s.cal, f)
	next = soonest(s.cal.Now, next, s.turn)
	var cause Cause
	switch {
	case p.State.In() && !state.In(): // ended while missing: the next Settle asks the gate
		state, why, next, cause = Active, p.Why, s.cal.Now, f.cause()
	case state == Leaver:
		cause = f.cause()
	}
	p.Next = next
	s.out.Returned++
	return s.move(p, state, why, cause, "person.returned")
}

// depart asks the gate for one cause and moves its people as it answers.
func (s *settlement) depart(ctx context.Context, cause Cause, ids []string) error {
	// The gate is asked even when nobody leaves, so that a hold whose cause is
	// gone goes with it.
	pass, err := s.d.cfg.Gate.Departures(ctx, s.tx, cause, ids)
	if err != nil {
		return err
	}
	if !pass && cause.Explicit() {
		return nil // they stay due, and the hold is made anew each cycle
	}
	return s.each(ctx, ids, func(p *Person) error {
		if pass {
			return s.leave(ctx, p, cause)
		}
		return s.miss(p)
	})
}

func (s *settlement) leave(ctx context.Context, p *Person, cause Cause) error {
	state, why := Leaver, "absent from a complete read of every source that knew them"
	p.Next = time.Time{} // no date brings them back, only a record
	if cause.Explicit() {
		f, err := p.facts()
		if err != nil {
			return fmt.Errorf("person %s: %w", p.ID, err)
		}
		if _, err := s.agree(ctx, p); err != nil { // for the turn: nothing has changed since due
			return err
		}
		state, why, p.Next = derive(s.cal, f)
		p.Next = soonest(s.cal.Now, p.Next, s.turn)
	}
	p.Admitted = p.State.In()
	s.out.Left++
	if state == Staged {
		return s.move(p, state, why, "", "person.staged")
	}
	return s.move(p, state, why, cause, "person.left")
}

func (s *settlement) miss(p *Person) error {
	if p.State == Missing || !p.State.In() {
		return nil
	}
	s.out.Missing++
	return s.move(p, Missing, "absent from a complete read; nobody has accepted the departure", "", "person.missing")
}

func (s *settlement) move(p *Person, state State, why string, cause Cause, event string) error {
	before := p.State
	p.State, p.Why, p.Cause = state, why, cause
	if state.In() {
		p.Admitted = false // the next departure is another one
	}
	teams, err := s.d.teamsOf(p, s.stated[p.ID])
	if err != nil { // they keep the teams they had, and the failure is told
		s.out.Problems[p.ID] = err
	} else {
		s.teams[p.ID] = teams
	}
	s.changed = append(s.changed, p)
	if before == state {
		return nil
	}
	p.Revision++
	s.events = append(s.events, audit.Event{
		At: s.tx.Now(), Kind: event, Actor: s.d.cfg.Actor, Person: p.ID, Why: why,
		Before: map[string]scim.Value{"state": scim.String(string(before))},
		After:  map[string]scim.Value{"state": scim.String(string(state))},
	})
	return nil
}

// without returns the ids that are not in drop. Both are in order of id.
func without(ids, drop []string) []string {
	var kept []string
	for _, id := range ids {
		if !contains(drop, id) {
			kept = append(kept, id)
		}
	}
	return kept
}

// contains reports whether id is among ids, which are in order.
func contains(ids []string, id string) bool {
	i := sort.SearchStrings(ids, id)
	return i < len(ids) && ids[i] == id
}
