// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"context"
	"time"

	"github.com/go-json-experiment/json"
)

// An erasure takes the records of a person away, and with them who the other records of the
// same human are. What is kept of that are digests: as the person's own id is one of the key
// of their first record.

// forgotten is what stays of a record of somebody who was erased, or of the id of the human.
type forgotten struct {
	Person string    `json:"person"`
	Start  time.Time `json:"start,omitzero"` // of the newest of their other records
}

func forgottenKey(source string) string { return "forgotten:" + source }

func sameID(source, same string) string { return stableID("same", source, same) }

// forgottenOf is what is kept of a source, by PersonID of a key, and by sameID.
func forgottenOf(ctx context.Context, tx Tx, source string) (map[string]forgotten, error) {
	text, err := tx.Meta(ctx, forgottenKey(source))
	if err != nil || len(text) == 0 {
		return nil, err
	}
	of := map[string]forgotten{}
	return of, json.Unmarshal(text, &of)
}

// forget keeps of whom the records are that are erased with a person, where others of the
// same human may be stated, or stated again.
func (d *Directory) forget(ctx context.Context, tx Tx, person string) error {
	records, err := tx.RecordsOf(ctx, []string{person})
	if err != nil {
		return err
	}
	by := map[string][]Record{}
	for _, r := range records[person] {
		if (r.Holds || r.Past) && d.rules(r.Source).asOne() {
			by[r.Source] = append(by[r.Source], r)
		}
	}
	for source, all := range by {
		if len(all) == 1 && all[0].Same == "" {
			continue
		}
		of, err := forgottenOf(ctx, tx, source)
		if err != nil {
			return err
		}
		if of == nil {
			of = map[string]forgotten{}
		}
		for _, r := range all {
			others := forgotten{Person: person}
			for _, x := range all {
				if x.ID != r.ID && x.Start.After(others.Start) {
					others.Start = x.Start
				}
			}
			of[r.PersonID()] = others
			if r.Same == "" {
				continue
			}
			if r.Start.After(others.Start) {
				others.Start = r.Start
			}
			of[sameID(source, r.Same)] = others
		}
		text, err := json.Marshal(of, json.Deterministic(true))
		if err != nil {
			return err
		}
		if err := tx.PutMeta(ctx, forgottenKey(source), text); err != nil {
			return err
		}
	}
	return nil
}

// Erased tells of which records of a source the person was erased, so that they are none of
// somebody new.
func (d *Directory) Erased(ctx context.Context, tx Tx, source string) (func(id string) bool, error) {
	of, err := forgottenOf(ctx, tx, source)
	return func(id string) bool {
		_, ok := of[Key{Source: source, ID: id}.PersonID()]
		return ok
	}, err
}

// erased reads what is kept of the erased people of a source, if the chunk has a record that
// has no person.
func (d *Directory) erased(ctx context.Context, tx Tx, source string, known map[string]Record, chunk []Statement) (map[string]forgotten, error) {
	for _, s := range chunk {
		if known[s.ID].Person == "" {
			return forgottenOf(ctx, tx, source)
		}
	}
	return nil, nil
}

// left reports whether a new record is another one of somebody who was erased, and says
// nothing that was not so then: it has ended, and nothing of it is kept, or it is older than
// what had ended them, and refused. One that begins behind that is somebody new: that the ids
// are the same is all that is known.
func (a *acceptance) left(v *view) (nothing bool, err error) {
	f, ok := a.gone[sameID(v.Source, v.Same)]
	switch {
	case !ok || v.Same == "":
		return false, nil
	case v.record.ended(a.cal.Now):
		return true, nil
	case !v.record.Start.After(f.Start):
		return false, ErrOlder
	}
	return false, nil
}
