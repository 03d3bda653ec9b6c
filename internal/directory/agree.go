// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/scim"
)

// Seen tells whether a read has shown a record that was last taken at an instant. Of one
// that was taken after the read began the read may know nothing: it is there.
type Seen func(id string, taken time.Time) bool

// Standing says what a read of a source has seen. Records that are not there any
// more, or again, change what the others of the same person mean: those people
// are due for Settle. A record that only added to a person and is gone is nobody's
// any more: should it come back, it is looked at as if it were new.
func (d *Directory) Standing(ctx context.Context, tx Tx, source string, complete bool, seen Seen) error {
	if d.rules(source).Links {
		parts, err := tx.LinkedTo(ctx, source)
		if err != nil {
			return err
		}
		wholes, err := tx.Records(ctx, source, slices.Sorted(maps.Values(parts)))
		if err != nil {
			return err
		}
		itself := seen
		seen = func(id string, taken time.Time) bool {
			return itself(id, taken) || parts[id] != "" && itself(parts[id], wholes[parts[id]].At)
		}
	}
	changed, err := tx.SetMissing(ctx, source, complete, seen)
	if err != nil {
		return err
	}
	return d.stand(ctx, tx, source, changed)
}

// Present says that some records of a source are there, as far as they are known, and
// nothing of others.
func (d *Directory) Present(ctx context.Context, tx Tx, source string, ids []string) error {
	changed, err := tx.Present(ctx, source, ids)
	if err != nil {
		return err
	}
	return d.stand(ctx, tx, source, changed)
}

// stand has those looked at whose records came or went.
func (d *Directory) stand(ctx context.Context, tx Tx, source string, changed []string) error {
	if len(changed) == 0 {
		return nil
	}
	if several, err := d.several(ctx, tx); err != nil || !several {
		return err
	}
	if err := tx.MarkDue(ctx, source, changed, d.calendar().Now); err != nil {
		return err
	}
	if !d.rules(source).Waits {
		return nil
	}
	return tx.Release(ctx, source, changed)
}

// agree computes a person's resource anew where several records speak of them: a
// date that comes, or a record that went, may give another one the word.
func (s *settlement) agree(ctx context.Context, p *Person) (changed bool, err error) {
	if !s.several {
		return false, nil
	}
	s.turn, s.said = time.Time{}, nil
	of, err := s.tx.RecordsOf(ctx, []string{p.ID})
	if err != nil || len(of[p.ID]) == 0 {
		return false, err
	}
	records, turned := s.d.rescind(of[p.ID], s.cal.Now)
	for _, r := range turned {
		s.events = append(s.events, audit.Event{
			At: s.tx.Now(), Kind: "record.rescinded", Actor: s.d.cfg.Actor, Person: p.ID, Object: r.Source + ":" + r.ID,
			Why: "it went before it began, and another record of its source holds its person",
		})
	}
	for _, i := range s.d.past(records, s.cal.Now) {
		turned = append(turned, records[i])
		s.events = append(s.events, s.d.passed(s.tx, records[i]))
	}
	if len(turned) > 0 {
		if err := s.tx.PutRecords(ctx, turned); err != nil {
			return false, err
		}
	}
	return s.merge(ctx, p, records, "its sources say otherwise")
}

// merge makes a person what the records say, and reports whether that is
// something else than before. Whom no record holds is left as they were: what
// is not said any more brings nobody back. The state is left to Settle.
func (s *settlement) merge(ctx context.Context, p *Person, records []Record, why string) (changed bool, err error) {
	o, err := s.d.opinions(records, s.cal.Now, nil)
	if err != nil {
		return false, fmt.Errorf("person %s: %w", p.ID, err)
	}
	s.turn = o.turn
	if !o.held {
		return false, nil
	}
	if p.State == Leaver && o.outlasted() { // ErrOlder, of one that was stated before and comes back
		s.turn = time.Time{}
		return false, nil
	}
	s.said = o
	user, err := o.merge()
	if err != nil {
		return false, fmt.Errorf("person %s: %w", p.ID, err)
	}
	if err := reserve(ctx, s.tx, "organisation", p.ID, s.d.unique(records), user); err != nil {
		return false, err
	}
	if len(s.d.keys) > 0 {
		s.keys[p.ID] = s.d.keysOf(o, user)
	}
	old := *p
	p.User = user
	if f, err := factsOf(old.User); err == nil {
		p.Revoked = p.Revoked.behind(f.start, s.cal.Now)
	}
	before, after := s.d.difference(&old, p)
	if len(after) == 0 {
		p.User = old.User
		return false, nil
	}
	p.Revision++
	s.events = append(s.events, audit.Event{
		At: s.tx.Now(), Kind: "person.changed", Actor: s.d.cfg.Actor, Person: p.ID, Why: why,
		Before: nilIfEmpty(before), After: nilIfEmpty(after),
	})
	return true, nil
}

// reconsider makes everybody anew from their records when the order of sources,
// their authority or what they match by is another one than before.
func (s *settlement) reconsider(ctx context.Context) error {
	const key = "authority"
	had, err := s.tx.Meta(ctx, key)
	digest := s.d.authority()
	if err != nil || string(had) == string(digest[:]) {
		return err
	}
	if s.several {
		ids, err := s.tx.Everybody(ctx)
		if err != nil {
			return err
		}
		if err := s.each(ctx, ids, func(p *Person) error { return s.again(ctx, p) }); err != nil {
			return err
		}
	}
	return s.tx.PutMeta(ctx, key, digest[:])
}

func (s *settlement) again(ctx context.Context, p *Person) error {
	of, err := s.tx.RecordsOf(ctx, []string{p.ID})
	if err != nil || len(of[p.ID]) == 0 {
		return err
	}
	changed, err := s.merge(ctx, p, of[p.ID], "the authority of the sources is another one")
	if err != nil || !changed {
		return err
	}
	if p.State != Erased && !(p.State == Leaver && p.Cause == CauseAbsent) {
		p.Next = s.cal.Now // their dates may be others, too
	}
	return s.move(p, p.State, p.Why, p.Cause, "")
}

// authority identifies who has which word over whom.
func (d *Directory) authority() [32]byte {
	h := sha256.New()
	for _, s := range d.cfg.Sources {
		fmt.Fprintf(h, "%q %t %q %q\n", s.Name, s.Waits, paths(s.Match), paths(s.First))
		if s.Joins {
			fmt.Fprintf(h, "joins within %s\n", s.Overlap)
		}
	}
	return [32]byte(h.Sum(nil))
}

func paths(ps []scim.Path) []string {
	out := make([]string, len(ps))
	for i, p := range ps {
		out[i] = p.String()
	}
	return out
}
