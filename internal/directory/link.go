// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"

	"github.com/usher-id/usher/scim"
)

// ErrUnblocked is why the word of a source that somebody is not blocked any more is
// set aside: blocks are lifted by accident, as by the reset of a password.
var ErrUnblocked = errors.New("its person left when it was blocked, and is not blocked any more: that brings nobody back, " +
	"as the reset of a password lifts a block, too; a start date after the end does, or unblocked: returns for this source")

// block gives a record that says that its person is shut out the end of when it
// first said so. One of a source that only adds to people ends nobody.
func (a *acceptance) block(v *view) error {
	if a.d.rules(v.Source).Waits {
		return nil
	}
	was := v.before.Blocked && v.before.ended(a.cal.Now)
	f, err := factsOf(v.user)
	switch {
	case err != nil:
		return err
	case v.Blocked && !f.end.IsZero() && !f.end.After(a.cal.Now): // it states an end of its own
		return nil
	case v.Blocked:
		end := a.cal.Now
		if was {
			end = v.before.End
		}
		v.record.Blocked = true
		return v.user.Put(endDate, scim.String(stamp(end)))
	case was && !v.Returns && !f.start.After(v.before.End):
		v.unblocked = true
	}
	return nil
}

// revives reports whether a view would bring somebody back by nothing but a block that
// is gone. Of who was erased nobody knows any more why they left: a start date tells.
func (v *view) revives(old, p *Person, f facts, links bool) bool {
	switch {
	case old == nil || p.State == Leaver:
		return false
	case old.State == Erased:
		return links && !v.Returns && f.start.IsZero()
	}
	return v.unblocked && old.State == Leaver
}

// links are the records of a source that are made parts of those of a chunk. An
// account that is linked to another is gone under its own id, and nobody has left.
type links struct {
	named  map[string]Record   // that a statement names, by key
	of     map[string][]Record // by the key of which they are parts already
	merged map[Key]bool        // whose person has another record of the source by now
}

func (d *Directory) links(ctx context.Context, tx Tx, source string, ids []string, chunk []Statement) (links, error) {
	l := links{merged: map[Key]bool{}, of: map[string][]Record{}}
	if !d.rules(source).Links || len(ids) == 0 {
		return l, nil
	}
	var aliases []string
	for _, s := range chunk {
		aliases = append(aliases, s.Aliases...)
	}
	var err error
	if len(aliases) > 0 {
		if l.named, err = tx.Records(ctx, source, aliases); err != nil {
			return l, err
		}
	}
	parts, err := tx.Linked(ctx, source, ids)
	for _, r := range parts {
		l.of[r.Alias] = append(l.of[r.Alias], r)
	}
	return l, err
}

// inherited is the person of the first record that was made a part of a new one, ""
// if it has none.
func (a *acceptance) inherited(v *view) (string, error) {
	for _, key := range v.Aliases {
		r := a.links.named[key]
		switch {
		case r.Person == "":
		case r.Blocked && r.ended(a.cal.Now) && !v.Blocked && !v.Returns:
			return "", refusal(ErrUnblocked.Error())
		default:
			return r.Person, nil
		}
	}
	return "", nil
}

// matched is why a record is a person's that has another one's id.
func (v *view) matched() string {
	if v.joined {
		return "another record of its source, " + v.twin + ", is of the same human, by the id that both have there"
	}
	if v.heir {
		return "a record of this person was made a part of it at its source"
	}
	return "a value by which the source finds people is this person's"
}

// link does to the parts of a record what was said of the whole. A part whose person
// has the whole as well says nothing any more. One whose person is another (two
// accounts of somebody that were two people to us) keeps them in as long as the whole
// would, and says what it said: nobody is to lose an account by it.
func (a *acceptance) link(ctx context.Context, v view) error {
	for _, r := range a.parts(&v) {
		had := r
		r.Alias = v.ID
		switch {
		case !v.Deleted && !slices.Contains(v.Aliases, r.ID): // it stands for itself again
			r.Alias = ""
		case r.Person == "" || r.Person == v.record.Person:
			if r.Missing.IsZero() {
				r.Missing = a.tx.Now()
			}
			r.Person, r.User, r.Digest = "", []byte("{}"), [sha256.Size]byte{} // it is looked at as if it were new
			a.links.merged[r.Key] = true
		default:
			if err := a.follow(ctx, &v, r); err != nil {
				return err
			}
			continue
		}
		if r.Alias != had.Alias || r.Person != had.Person {
			a.put(r)
		}
	}
	return nil
}

// beside are the other records of a view's person as the chunk leaves them: one that was
// taken apart may stand beside the one that it was a part of.
func (a *acceptance) beside(v *view, others []Record) []Record {
	rules := a.d.rules(v.Source)
	if !a.several || len(others) == 0 && len(a.taken[v.record.Person]) == 0 && !rules.Links {
		return others
	}
	others = slices.Clone(others)
	if rules.asOne() {
		for _, i := range a.taken[v.record.Person] { // those of the chunk that have been taken, and stand as they were taken last
			if r := &a.records[i]; r.Key != v.Key {
				others = append(slices.DeleteFunc(others, func(o Record) bool { return o.Key == r.Key }), *r)
			}
		}
	}
	if !rules.Links {
		return others
	}
	for i := range a.fresh {
		f := &a.fresh[i]
		if f.record.Person != v.record.Person || f.Key == v.Key {
			continue
		}
		others = append(slices.DeleteFunc(others, func(r Record) bool { return r.Key == f.Key }), f.record)
	}
	return others
}

// parts are the records that a statement names, and those that it named before, in
// the order of their keys.
func (a *acceptance) parts(v *view) []Record {
	parts := slices.Clone(a.links.of[v.ID])
	for _, key := range v.Aliases {
		r, ok := a.links.named[key]
		if ok && r.ID != v.ID && !slices.ContainsFunc(parts, func(p Record) bool { return p.ID == r.ID }) {
			parts = append(parts, r)
		}
	}
	slices.SortFunc(parts, func(x, y Record) int { return strings.Compare(x.ID, y.ID) })
	return parts
}

// follow has a part state what it stated, and leave with the whole.
func (a *acceptance) follow(ctx context.Context, v *view, r Record) error {
	return a.read(ctx, r, Statement{
		Key: r.Key, Digest: sha256.Sum256(append(v.Digest[:], r.ID...)), File: v.File, Line: v.Line,
		Deleted: v.Deleted, Blocked: v.Blocked, Returns: v.Returns, part: v.ID,
		Map: func() (*scim.Resource, error) {
			user, err := scim.ParseResource(r.User, scim.Limits{})
			if err == nil && r.Blocked {
				err = user.Put(endDate, scim.Null())
			}
			return user, err
		},
	})
}
