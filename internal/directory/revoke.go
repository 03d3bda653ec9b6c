// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/scim"
)

// Revocation is the word that somebody's access ends at once, whatever the dates of their
// records say: as an immediate dismissal, of which the employment ends later. The zero value
// is none.
type Revocation struct {
	At    time.Time // when it was said
	By    string    // the source that said it
	Start time.Time // the start date that was known then, zero for none
	// Outdone says that an employment has begun since that it was not about: it ends nothing
	// any more, whatever start is stated later.
	Outdone bool
}

// Holds reports whether it still ends the access of somebody with a start date: only one
// that is newer, and lies behind it, begins something that it was not about.
func (r Revocation) Holds(start time.Time) bool {
	return !r.At.IsZero() && !r.Outdone && !(start.After(r.At) && start.After(r.Start))
}

// behind is what a revocation is once it is known what start was stated. One that lies ahead
// may have been a mistake, and outdoes nothing for good.
func (r Revocation) behind(start, now time.Time) Revocation {
	r.Outdone = r.Outdone || !r.At.IsZero() && !r.Holds(start) && !start.After(now)
	return r
}

// forgotten is what stays of one when its person is erased: when it was, as their record may
// still say employed. A start date behind it would bring them back; of that the month stays.
func (r Revocation) forgotten() Revocation {
	if r.Start.After(r.At) {
		r.At = time.Date(r.Start.Year(), r.Start.Month()+1, 1, 0, 0, 0, 0, time.UTC)
	}
	return Revocation{At: r.At, Outdone: r.Outdone}
}

func (r Revocation) why() string {
	return cmp.Or(r.By, "a source") + " ended all access at " + stamp(r.At) + ", whatever the dates say; only a start date behind that brings them back"
}

// sameDay is how long before a start a revocation may be that is of it: somebody is dismissed
// early on the first day, and the day begins elsewhere, or the time has no zone.
const sameDay = 24 * time.Hour

// outdone reports whether a revocation was said of an employment before the one that has
// begun: it is an old one.
func outdone(at, start, now time.Time) bool { return start.After(at.Add(sameDay)) && !start.After(now) }

// Effect is what came of a revocation.
type Effect string

// The effects. What waits has found nobody; what is outdone is older than the employment.
const (
	EffectEnds    Effect = "ends"
	EffectWaits   Effect = "waits"
	EffectNone    Effect = "none"
	EffectOutdone Effect = "outdone"
)

// Awaited is a revocation that has found nobody yet.
type Awaited struct {
	Key string    `json:"key"` // of the record that nobody knows
	At  time.Time `json:"at"`
}

// Awaiting are the revocations of a source that have found nobody, in the order of their keys.
func Awaiting(ctx context.Context, r Reader, source string) (all []Awaited, err error) {
	text, err := r.Meta(ctx, expectedKey(source))
	if err != nil || len(text) == 0 {
		return nil, err
	}
	of := map[string]time.Time{}
	if err := json.Unmarshal(text, &of); err != nil {
		return nil, err
	}
	for _, key := range slices.Sorted(maps.Keys(of)) {
		all = append(all, Awaited{Key: key, At: of[key]})
	}
	return all, nil
}

// Revoke ends all access of whoever a record belongs to, as of an instant at which its
// source has said so; they go with the next Settle, where the gate stands. What was said
// before, of an employment that is over, or of somebody who is erased, changes nothing. Of a
// record that nobody knows yet it is kept until it is stated.
func (d *Directory) Revoke(ctx context.Context, tx Tx, key Key, at time.Time) (Effect, error) {
	at = at.Truncate(time.Microsecond) // as it is kept: else the same word is newer than itself
	records, err := tx.Records(ctx, key.Source, []string{key.ID})
	if err != nil {
		return "", err
	}
	id, own := records[key.ID].Person, key.PersonID() // of somebody who is erased no record is left
	people, err := tx.People(ctx, []string{id, own})
	if err != nil {
		return "", err
	}
	p := people[id]
	if q := people[own]; p == nil && q != nil && q.State == Erased {
		p = q
	}
	if p == nil {
		gone, err := forgottenOf(ctx, tx, key.Source)
		if err != nil {
			return "", err
		}
		if _, ok := gone[own]; ok { // of somebody who was erased under another key
			return EffectNone, nil
		}
	}
	switch {
	case p == nil:
		return EffectWaits, d.expect(ctx, tx, key, at)
	case p.State == Erased:
		return EffectNone, nil
	}
	f, err := factsOf(p.User)
	if err != nil {
		return "", err
	}
	now := d.calendar().Now
	switch {
	case !at.After(p.Revoked.At):
		return EffectNone, nil
	case outdone(at, f.start, now):
		return EffectOutdone, nil
	}
	p.Revoked = Revocation{At: at, By: key.Source, Start: f.start}
	if p.State != Leaver {
		p.Next = now
	}
	if err := tx.PutPeople(ctx, []*Person{p}); err != nil {
		return "", err
	}
	return EffectEnds, tx.AppendEvents(ctx, []audit.Event{d.revoked(tx, p, key)})
}

func (d *Directory) revoked(tx Tx, p *Person, key Key) audit.Event {
	return audit.Event{
		At: tx.Now(), Kind: "person.revoked", Actor: d.cfg.Actor, Person: p.ID, Object: key.Source + ":" + key.ID, Why: p.Revoked.why(),
		After: map[string]scim.Value{"revoked": scim.String(stamp(p.Revoked.At))},
	}
}

// mostExpected bounds how many revocations of records that nobody knows are kept, the
// newest, by source.
const mostExpected = 1000

func expectedKey(source string) string { return "revoked:" + source }

// expected are the revocations of records that nobody knew, by their keys.
func expected(ctx context.Context, tx Tx, source string) (map[string]time.Time, error) {
	text, err := tx.Meta(ctx, expectedKey(source))
	if err != nil || len(text) == 0 {
		return nil, err
	}
	of := map[string]time.Time{}
	return of, json.Unmarshal(text, &of)
}

func putExpected(ctx context.Context, tx Tx, source string, of map[string]time.Time) error {
	text, err := json.Marshal(of, json.Deterministic(true))
	if err != nil {
		return err
	}
	return tx.PutMeta(ctx, expectedKey(source), text)
}

func (d *Directory) expect(ctx context.Context, tx Tx, key Key, at time.Time) error {
	of, err := expected(ctx, tx, key.Source)
	if err != nil || !at.After(of[key.ID]) {
		return err
	}
	if of == nil {
		of = map[string]time.Time{}
	}
	of[key.ID] = at
	for len(of) > mostExpected {
		oldest := key.ID
		for k, t := range of {
			if t.Before(of[oldest]) || t.Equal(of[oldest]) && k < oldest {
				oldest = k
			}
		}
		delete(of, oldest)
	}
	if err := putExpected(ctx, tx, key.Source, of); err != nil {
		return err
	}
	return tx.AppendEvents(ctx, []audit.Event{{ // without the key, which no erasure would find
		At: tx.Now(), Kind: "revocation.waits", Actor: d.cfg.Actor, Object: key.Source,
		Why: key.Source + " ended all access, at " + stamp(at) + ", of somebody whose record nobody knows: it ends nothing until that is stated",
	}})
}

// awaited reads what was revoked before its record was known, if the chunk has a record
// that had no person yet.
func (a *acceptance) awaited(ctx context.Context) (err error) {
	for i := range a.fresh {
		if v := &a.fresh[i]; v.before.Person == "" {
			a.expected, err = expected(ctx, a.tx, v.Source)
			return err
		}
	}
	return nil
}

// revocation is the one of a view's person, who is nil if they are new: theirs, or what was
// said of the record before it was known.
func (a *acceptance) revocation(v *view, old *Person, f facts) (r Revocation) {
	if old != nil {
		r = old.Revoked
		if was, err := factsOf(old.User); err == nil { // it may have begun after it was stated, when nobody looked
			r = r.behind(was.start, a.cal.Now)
		}
	}
	r = r.behind(f.start, a.cal.Now)
	at := a.expected[v.ID]
	if v.before.Person == "" && at.After(r.At) && !outdone(at, f.start, a.cal.Now) {
		r = Revocation{At: at, By: v.Source, Start: f.start}
	}
	return r
}

// met forgets what was awaited of records that have a person now.
func (a *acceptance) met(ctx context.Context) error {
	n := len(a.expected)
	if n == 0 {
		return nil
	}
	source := a.fresh[0].Source // there is one, see awaited
	for i := range a.records {
		if r := &a.records[i]; r.Person != "" && r.Source == source { // another source has keys of its own
			delete(a.expected, r.ID)
		}
	}
	if len(a.expected) == n {
		return nil
	}
	return putExpected(ctx, a.tx, source, a.expected)
}
