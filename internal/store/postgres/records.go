// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/usher-id/usher/internal/directory"
)

const recordColumns = `source, id, generation, person, digest, resource, start_at, end_at, file, line, missing_at, at, holds, blocked, alias, same, past`

func scanRecord(r pgx.Rows) (directory.Record, error) {
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
	out := make(map[string]directory.Record, len(ids))
	err := tx.rows(ctx, func(r pgx.Rows) error {
		rec, err := scanRecord(r)
		out[rec.ID] = rec
		return err
	}, `SELECT `+recordColumns+` FROM records WHERE source = $1 AND id = ANY($2)`, source, ids)
	return out, err
}

// RecordsOf implements directory.Tx.
func (tx *Tx) RecordsOf(ctx context.Context, people []string) (map[string][]directory.Record, error) {
	out := make(map[string][]directory.Record, len(people))
	err := tx.rows(ctx, func(r pgx.Rows) error {
		rec, err := scanRecord(r)
		out[rec.Person] = append(out[rec.Person], rec)
		return err
	}, `SELECT `+recordColumns+` FROM records WHERE person = ANY($1) ORDER BY source, id`, people)
	return out, err
}

// PutRecords implements directory.Tx.
func (tx *Tx) PutRecords(ctx context.Context, records []directory.Record) error {
	for _, r := range records {
		err := tx.exec(ctx, `INSERT INTO records (`+recordColumns+`) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17)
			ON CONFLICT (source, id) DO UPDATE SET generation = excluded.generation,
			digest = excluded.digest, resource = excluded.resource, start_at = excluded.start_at, end_at = excluded.end_at,
			file = excluded.file, line = excluded.line, at = excluded.at, holds = excluded.holds,
			blocked = excluded.blocked, person = excluded.person, missing_at = excluded.missing_at, alias = excluded.alias,
			same = excluded.same, past = excluded.past`,
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
	var out []directory.Record
	err := tx.rows(ctx, func(r pgx.Rows) error {
		rec, err := scanRecord(r)
		out = append(out, rec)
		return err
	}, `SELECT `+recordColumns+` FROM records WHERE source = $1 AND same <> '' AND same = ANY($2) ORDER BY id`, source, same)
	return out, err
}

// Linked implements directory.Tx.
func (tx *Tx) Linked(ctx context.Context, source string, ids []string) ([]directory.Record, error) {
	var out []directory.Record
	err := tx.rows(ctx, func(r pgx.Rows) error {
		rec, err := scanRecord(r)
		out = append(out, rec)
		return err
	}, `SELECT `+recordColumns+` FROM records WHERE source = $1 AND alias <> '' AND alias = ANY($2) ORDER BY id`, source, ids)
	return out, err
}

// LinkedTo implements directory.Tx.
func (tx *Tx) LinkedTo(ctx context.Context, source string) (map[string]string, error) {
	out := map[string]string{}
	err := tx.rows(ctx, func(r pgx.Rows) error {
		var id, of string
		err := r.Scan(&id, &of)
		out[id] = of
		return err
	}, `SELECT id, alias FROM records WHERE source = $1 AND alias <> '' AND person <> ''`, source)
	return out, err
}

// SetMissing implements directory.Tx. It reads keys only, and writes only those
// whose standing changes.
func (tx *Tx) SetMissing(ctx context.Context, source string, complete bool, seen directory.Seen) ([]string, error) {
	var gone, back []string
	err := tx.rows(ctx, func(r pgx.Rows) error {
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
	}, `SELECT id, missing_at IS NOT NULL, at FROM records WHERE source = $1 AND NOT (alias <> '' AND person = '') ORDER BY id`, source)
	if err != nil {
		return nil, err
	}
	err = errors.Join(tx.exec(ctx, `UPDATE records SET missing_at = $1 WHERE source = $2 AND id = ANY($3)`, stamp(tx.now), source, gone),
		tx.exec(ctx, `UPDATE records SET missing_at = NULL WHERE source = $1 AND id = ANY($2)`, source, back))
	return append(gone, back...), err
}

// MarkDue implements directory.Tx.
func (tx *Tx) MarkDue(ctx context.Context, source string, ids []string, at time.Time) error {
	return tx.exec(ctx, `UPDATE people SET next_at = $1 WHERE id IN (SELECT person FROM records
		WHERE source = $2 AND id = ANY($3))
		AND (SELECT count(*) FROM records WHERE person = people.id) > 1`, stamp(at), source, ids)
}

// Release implements directory.Tx.
func (tx *Tx) Release(ctx context.Context, source string, ids []string) error {
	return tx.exec(ctx, `UPDATE records SET person = '' WHERE source = $1 AND id = ANY($2)
		AND missing_at IS NOT NULL AND NOT holds`, source, ids)
}

// PutKeys implements directory.Tx.
func (tx *Tx) PutKeys(ctx context.Context, keys map[string][]directory.MatchKey) error {
	for person, of := range keys {
		if err := tx.exec(ctx, `DELETE FROM person_keys WHERE person = $1`, person); err != nil {
			return err
		}
		for _, k := range of {
			err := tx.exec(ctx, `INSERT INTO person_keys (attribute, canonical, person, source) VALUES ($1,$2,$3,$4) ON CONFLICT DO NOTHING`,
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
	return tx.strings(ctx, `SELECT person FROM person_keys WHERE attribute = $1 AND canonical = $2
		AND source = ANY($3) ORDER BY person LIMIT 3`, attribute, canonical, sources)
}
