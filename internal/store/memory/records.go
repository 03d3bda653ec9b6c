// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/usher-id/usher/internal/directory"
)

type record struct {
	generation int
	person     string
	digest     [32]byte
	user       string
	start, end instant
	file       string
	line       int
	missing    instant
	at         instant
	holds      bool
	blocked    bool
	alias      string
	same       string
	past       bool
}

func (r *record) read(k two) directory.Record {
	return directory.Record{
		Key: directory.Key{Source: k.a, ID: k.b}, Generation: r.generation, Person: r.person, Holds: r.holds, Digest: r.digest, User: []byte(r.user),
		Start: r.start.time(), End: r.end.time(), Line: r.line, File: r.file, Missing: r.missing.time(), At: r.at.time(), Blocked: r.blocked, Alias: r.alias,
		Same: r.same, Past: r.past,
	}
}

// of walks the records of a person, in order of source and id.
func (tx *Tx) of(person string) iter.Seq2[two, *record] {
	return func(yield func(two, *record) bool) {
		for k := range tx.recordsOf.from(three{person, "", ""}) {
			if k.a != person {
				return
			}
			key := two{k.b, k.c}
			if r, _ := tx.records.get(key); !yield(key, r) {
				return
			}
		}
	}
}

// from walks the records of a source, in order of id.
func (tx *Tx) from(source string) iter.Seq2[string, *record] {
	return func(yield func(string, *record) bool) {
		for k, r := range tx.records.from(two{source, ""}) {
			if k.a != source || !yield(k.b, r) {
				return
			}
		}
	}
}

// Records implements directory.Tx.
func (tx *Tx) Records(ctx context.Context, source string, ids []string) (map[string]directory.Record, error) {
	if err := tx.look(ctx); err != nil {
		return nil, err
	}
	out := make(map[string]directory.Record, len(ids))
	for _, id := range ids {
		key := two{source, id}
		if r, ok := tx.records.get(key); ok {
			out[id] = r.read(key)
		}
	}
	return out, nil
}

// RecordsOf implements directory.Tx.
func (tx *Tx) RecordsOf(ctx context.Context, people []string) (map[string][]directory.Record, error) {
	if err := tx.look(ctx); err != nil {
		return nil, err
	}
	out := make(map[string][]directory.Record, len(people))
	for _, person := range distinct(people) {
		for k, r := range tx.of(person) {
			out[person] = append(out[person], r.read(k))
		}
	}
	return out, nil
}

// errNoTime is for what must say when it was.
var errNoTime = errors.New("store: it has no time")

// PutRecords implements directory.Tx.
func (tx *Tx) PutRecords(ctx context.Context, records []directory.Record) error {
	for _, r := range records {
		if err := tx.may(ctx); err != nil {
			return err
		}
		if r.At.IsZero() {
			return errNoTime
		}
		tx.putRecord(two{r.Source, r.ID}, &record{
			generation: r.Generation, person: r.Person, digest: r.Digest, user: string(r.User), start: stamp(r.Start), end: stamp(r.End),
			file: r.File, line: r.Line, missing: stamp(r.Missing), at: stamp(r.At), holds: r.Holds, blocked: r.Blocked, alias: r.Alias,
			same: r.Same, past: r.Past,
		})
	}
	return nil
}

func (tx *Tx) putRecord(k two, r *record) {
	had, ok := tx.records.get(k)
	if ok && had.person != r.person {
		tx.recordsOf.drop(tx.own, three{had.person, k.a, k.b})
	}
	if !ok || had.person != r.person {
		tx.recordsOf.put(tx.own, three{r.person, k.a, k.b}, none{})
	}
	tx.records.put(tx.own, k, r)
}

// Alike implements directory.Tx.
func (tx *Tx) Alike(ctx context.Context, source string, same []string) (out []directory.Record, err error) {
	if err := tx.look(ctx); err != nil {
		return nil, err
	}
	of := setOf(same)
	for id, r := range tx.from(source) {
		if r.same != "" && of[r.same] {
			out = append(out, r.read(two{source, id}))
		}
	}
	return out, nil
}

// Linked implements directory.Tx.
func (tx *Tx) Linked(ctx context.Context, source string, ids []string) (out []directory.Record, err error) {
	if err := tx.look(ctx); err != nil {
		return nil, err
	}
	of := setOf(ids)
	for id, r := range tx.from(source) {
		if r.alias != "" && of[r.alias] {
			out = append(out, r.read(two{source, id}))
		}
	}
	return out, nil
}

// LinkedTo implements directory.Tx.
func (tx *Tx) LinkedTo(ctx context.Context, source string) (map[string]string, error) {
	if err := tx.look(ctx); err != nil {
		return nil, err
	}
	out := map[string]string{}
	for id, r := range tx.from(source) {
		if r.alias != "" && r.person != "" {
			out[id] = r.alias
		}
	}
	return out, nil
}

// SetMissing implements directory.Tx.
func (tx *Tx) SetMissing(ctx context.Context, source string, complete bool, seen directory.Seen) ([]string, error) {
	if err := tx.look(ctx); err != nil {
		return nil, err
	}
	var gone, back []string
	for id, r := range tx.from(source) {
		if r.alias != "" && r.person == "" {
			continue
		}
		switch here := seen(id, r.at.time()); {
		case here && r.missing.is:
			back = append(back, id)
		case !here && !r.missing.is && complete:
			gone = append(gone, id)
		}
	}
	changed := append(gone, back...)
	for i, id := range changed {
		if err := tx.may(ctx); err != nil {
			return nil, err
		}
		edit(&tx.records, tx.own, two{source, id}, func(r *record) {
			if r.missing = (instant{}); i < len(gone) {
				r.missing = stamp(tx.now)
			}
		})
	}
	return changed, nil
}

// MarkDue implements directory.Tx.
func (tx *Tx) MarkDue(ctx context.Context, source string, ids []string, at time.Time) error {
	if err := tx.may(ctx); err != nil {
		return err
	}
	for _, id := range ids {
		r, ok := tx.records.get(two{source, id})
		if !ok {
			continue
		}
		n := 0
		for range tx.of(r.person) {
			n++
		}
		if n > 1 {
			edit(&tx.people, tx.own, one(r.person), func(p *person) { p.next = stamp(at) })
		}
	}
	return nil
}

// Release implements directory.Tx.
func (tx *Tx) Release(ctx context.Context, source string, ids []string) error {
	if err := tx.may(ctx); err != nil {
		return err
	}
	for _, id := range ids {
		if r, ok := tx.records.get(two{source, id}); ok && r.missing.is && !r.holds {
			free := *r
			free.person = ""
			tx.putRecord(two{source, id}, &free)
		}
	}
	return nil
}

// Present implements directory.Tx.
func (tx *Tx) Present(ctx context.Context, source string, ids []string) (back []string, err error) {
	if err := tx.may(ctx); err != nil {
		return nil, err
	}
	for _, id := range distinct(ids) {
		if r, ok := tx.records.get(two{source, id}); ok && r.missing.is && r.alias == "" {
			edit(&tx.records, tx.own, two{source, id}, func(r *record) { r.missing = instant{} })
			back = append(back, id)
		}
	}
	return back, nil
}

// PutKeys implements directory.Tx. Of several sources that state a value the first one
// has it.
func (tx *Tx) PutKeys(ctx context.Context, keys map[string][]directory.MatchKey) error {
	for person, of := range keys { // no row is of two people
		if err := tx.may(ctx); err != nil {
			return err
		}
		tx.dropKeys(person)
		for _, k := range of {
			key := three{k.Attribute, k.Canonical, person}
			if tx.keys.has(key) {
				continue
			}
			tx.keys.put(tx.own, key, k.Source)
			tx.keysOf.put(tx.own, three{person, k.Attribute, k.Canonical}, none{})
		}
	}
	return nil
}

func (tx *Tx) dropKeys(person string) {
	for _, k := range tx.keysOf.dropFrom(tx.own, three{person, "", ""}, func(k three) bool { return k.a == person }) {
		tx.keys.drop(tx.own, three{k.b, k.c, person})
	}
}

// mostMatching is how many people are told of who have a value: two are too many already.
const mostMatching = 3

// Matching implements directory.Tx.
func (tx *Tx) Matching(ctx context.Context, attribute, canonical string, sources []string) (out []string, err error) {
	if err := tx.look(ctx); err != nil {
		return nil, err
	}
	of := setOf(sources)
	for k, source := range tx.keys.from(three{attribute, canonical, ""}) {
		if k.a != attribute || k.b != canonical || len(out) == mostMatching {
			break
		}
		if of[source] {
			out = append(out, k.c)
		}
	}
	return out, nil
}
