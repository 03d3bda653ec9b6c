// SPDX-License-Identifier: Apache-2.0

package sqlite

import (
	"context"
	"database/sql"
	"time"

	"github.com/usher-id/usher/internal/directory"
)

const recordColumns = `source, id, generation, person, digest, user, start_at, end_at, file, line, missing_at, at, holds, blocked, alias, same, past`

func scanRecord(r *sql.Rows) (directory.Record, error) {
	var rec directory.Record
	var digest []byte
	var user string
	var start, end, missing, at sql.NullInt64
	err := r.Scan(&rec.Source, &rec.ID, &rec.Generation, &rec.Person, &digest, &user, &start, &end, &rec.File, &rec.Line, &missing, &at, &rec.Holds, &rec.Blocked, &rec.Alias, &rec.Same, &rec.Past)
	rec.User = []byte(user)
	copy(rec.Digest[:], digest)
	rec.Start, rec.End, rec.Missing, rec.At = instant(start), instant(end), instant(missing), instant(at)
	return rec, err
}

// Records implements directory.Tx.
func (tx *Tx) Records(ctx context.Context, source string, ids []string) (map[string]directory.Record, error) {
	in, err := list(ids)
	if err != nil {
		return nil, err
	}
	out := make(map[string]directory.Record, len(ids))
	err = tx.rows(ctx, func(r *sql.Rows) error {
		rec, err := scanRecord(r)
		out[rec.ID] = rec
		return err
	}, `SELECT `+recordColumns+` FROM records WHERE source = ? AND id IN (SELECT value FROM json_each(?))`, source, in)
	return out, err
}

// RecordsOf implements directory.Tx.
func (tx *Tx) RecordsOf(ctx context.Context, people []string) (map[string][]directory.Record, error) {
	in, err := list(people)
	if err != nil {
		return nil, err
	}
	out := make(map[string][]directory.Record, len(people))
	err = tx.rows(ctx, func(r *sql.Rows) error {
		rec, err := scanRecord(r)
		out[rec.Person] = append(out[rec.Person], rec)
		return err
	}, `SELECT `+recordColumns+` FROM records WHERE person IN (SELECT value FROM json_each(?)) ORDER BY source, id`, in)
	return out, err
}

// PutRecords implements directory.Tx.
func (tx *Tx) PutRecords(ctx context.Context, records []directory.Record) error {
	for _, r := range records {
		const rest = `INSERT INTO records (` + recordColumns + `) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)
			ON CONFLICT (source, id) DO UPDATE SET generation = excluded.generation,
			digest = excluded.digest, user = excluded.user, start_at = excluded.start_at, end_at = excluded.end_at,
			file = excluded.file, line = excluded.line, at = excluded.at, holds = excluded.holds,
			blocked = excluded.blocked, past = excluded.past`
		err := tx.put(ctx, rest+` WHERE person = excluded.person AND missing_at IS excluded.missing_at AND alias = excluded.alias AND same = excluded.same`,
			rest+`, person = excluded.person, missing_at = excluded.missing_at, alias = excluded.alias, same = excluded.same`,
			r.Source, r.ID, r.Generation, r.Person, r.Digest[:], string(r.User), stamp(r.Start), stamp(r.End),
			r.File, r.Line, stamp(r.Missing), stamp(r.At), r.Holds, r.Blocked, r.Alias, r.Same, r.Past)
		if err != nil {
			return err
		}
	}
	return nil
}

// Alike implements directory.Tx.
func (tx *Tx) Alike(ctx context.Context, source string, same []string) ([]directory.Record, error) {
	in, err := list(same)
	if err != nil {
		return nil, err
	}
	var out []directory.Record
	err = tx.rows(ctx, func(r *sql.Rows) error {
		rec, err := scanRecord(r)
		out = append(out, rec)
		return err
	}, `SELECT `+recordColumns+` FROM records INDEXED BY records_same WHERE source = ? AND same <> '' AND same IN (SELECT value FROM json_each(?)) ORDER BY id`, source, in)
	return out, err
}

// Linked implements directory.Tx. Left to itself, SQLite looks at every record of the source.
func (tx *Tx) Linked(ctx context.Context, source string, ids []string) ([]directory.Record, error) {
	in, err := list(ids)
	if err != nil {
		return nil, err
	}
	var out []directory.Record
	err = tx.rows(ctx, func(r *sql.Rows) error {
		rec, err := scanRecord(r)
		out = append(out, rec)
		return err
	}, `SELECT `+recordColumns+` FROM records INDEXED BY records_alias WHERE source = ? AND alias <> '' AND alias IN (SELECT value FROM json_each(?)) ORDER BY id`, source, in)
	return out, err
}

// LinkedTo implements directory.Tx.
func (tx *Tx) LinkedTo(ctx context.Context, source string) (map[string]string, error) {
	out := map[string]string{}
	err := tx.rows(ctx, func(r *sql.Rows) error {
		var id, of string
		err := r.Scan(&id, &of)
		out[id] = of
		return err
	}, `SELECT id, alias FROM records INDEXED BY records_alias WHERE source = ? AND alias <> '' AND person <> ''`, source)
	return out, err
}

// SetMissing implements directory.Tx. It reads keys only, and writes only those
// whose standing changes.
func (tx *Tx) SetMissing(ctx context.Context, source string, complete bool, seen directory.Seen) ([]string, error) {
	var gone, back []string
	err := tx.rows(ctx, func(r *sql.Rows) error {
		var id string
		var missing bool
		var taken sql.NullInt64
		if err := r.Scan(&id, &missing, &taken); err != nil {
			return err
		}
		switch here := seen(id, instant(taken)); {
		case here && missing:
			back = append(back, id)
		case !here && !missing && complete:
			gone = append(gone, id)
		}
		return nil
	}, `SELECT id, missing_at IS NOT NULL, at FROM records WHERE source = ? AND NOT (alias <> '' AND person = '') ORDER BY id`, source)
	if err != nil {
		return nil, err
	}
	for _, id := range gone {
		if err := tx.exec(ctx, `UPDATE records SET missing_at = ? WHERE source = ? AND id = ?`, stamp(tx.now), source, id); err != nil {
			return nil, err
		}
	}
	for _, id := range back {
		if err := tx.exec(ctx, `UPDATE records SET missing_at = NULL WHERE source = ? AND id = ?`, source, id); err != nil {
			return nil, err
		}
	}
	return append(gone, back...), nil
}

// MarkDue implements directory.Tx.
func (tx *Tx) MarkDue(ctx context.Context, source string, ids []string, at time.Time) error {
	in, err := list(ids)
	if err != nil {
		return err
	}
	return tx.exec(ctx, `UPDATE people SET next_at = ?1 WHERE id IN (SELECT person FROM records
		WHERE source = ?2 AND id IN (SELECT value FROM json_each(?3)))
		AND (SELECT count(*) FROM records WHERE person = people.id) > 1`, stamp(at), source, in)
}

// Release implements directory.Tx.
func (tx *Tx) Release(ctx context.Context, source string, ids []string) error {
	in, err := list(ids)
	if err != nil {
		return err
	}
	return tx.exec(ctx, `UPDATE records SET person = '' WHERE source = ? AND id IN (SELECT value FROM json_each(?))
		AND missing_at IS NOT NULL AND holds = 0`, source, in)
}

// PutKeys implements directory.Tx.
func (tx *Tx) PutKeys(ctx context.Context, keys map[string][]directory.MatchKey) error {
	for person, of := range keys {
		if err := tx.exec(ctx, `DELETE FROM person_keys WHERE person = ?`, person); err != nil {
			return err
		}
		for _, k := range of {
			err := tx.exec(ctx, `INSERT INTO person_keys (attribute, canonical, person, source) VALUES (?,?,?,?) ON CONFLICT DO NOTHING`,
				k.Attribute, k.Canonical, person, k.Source)
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// Matching implements directory.Tx.
func (tx *Tx) Matching(ctx context.Context, attribute, canonical string, sources []string) ([]string, error) {
	in, err := list(sources)
	if err != nil {
		return nil, err
	}
	return tx.strings(ctx, `SELECT person FROM person_keys WHERE attribute = ? AND canonical = ?
		AND source IN (SELECT value FROM json_each(?)) ORDER BY person LIMIT 3`, attribute, canonical, in)
}
