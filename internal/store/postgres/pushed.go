// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/usher-id/usher/internal/source"
)

const pushedColumns = `source, type, id, seq, record, name, external, version, created, modified, ended, members, body`

func scanPushed(r pgx.Rows) (p source.Pushed, err error) {
	var created, modified, ended sql.NullInt64
	err = r.Scan(&p.Source, &p.Type, &p.ID, &p.Seq, &p.Record, &p.Name, &p.External, &p.Version, &created, &modified, &ended, &p.Members, &p.Body)
	p.Created, p.Modified, p.Ended = instant(created), instant(modified), instant(ended)
	return p, err
}

func (tx *Tx) pushed(ctx context.Context, query string, args ...any) (out []source.Pushed, err error) {
	err = tx.rows(ctx, func(r pgx.Rows) error {
		p, err := scanPushed(r)
		out = append(out, p)
		return err
	}, `SELECT `+pushedColumns+` FROM pushed `+query, args...)
	return out, err
}

// How a resource of a source ($1) and a type ($2) is found by the value of a key ($3).
const (
	byID       = `WHERE source = $1 AND type = $2 AND id = $3`
	byName     = `WHERE source = $1 AND type = $2 AND name = $3`
	byExternal = `WHERE source = $1 AND type = $2 AND external = $3 AND external <> ''`
	byRecord   = `WHERE source = $1 AND type = $2 AND record = $3 AND record <> ''`

	there = ` AND NOT deleted`
)

func keyed(by source.PushedBy, deleted bool) (where string, err error) {
	switch by {
	case source.PushedByID:
		where = byID
	case source.PushedByName:
		where = byName
	case source.PushedByExternal:
		where = byExternal
	case source.PushedByRecord:
		where = byRecord
	default:
		return "", fmt.Errorf("store: pushed by %q", by)
	}
	if !deleted {
		where += there
	}
	return where, nil
}

// Pushed implements source.PushTx.
func (tx *Tx) Pushed(ctx context.Context, provider, typ string, by source.PushedBy, value string, deleted bool) ([]source.Pushed, error) {
	where, err := keyed(by, deleted)
	if err != nil {
		return nil, err
	}
	return tx.pushed(ctx, where+` ORDER BY seq`, provider, typ, value)
}

// PushedRivals implements source.PushTx.
func (tx *Tx) PushedRivals(ctx context.Context, provider, name, external string) ([]source.Pushed, error) {
	rows, err := tx.pushed(ctx, `WHERE source = $1 AND type = 'User' AND name = $2
		UNION ALL SELECT `+pushedColumns+` FROM pushed WHERE source = $1 AND type = 'User' AND external = $3 AND external <> '' AND name <> $2`,
		provider, name, external)
	slices.SortFunc(rows, func(a, b source.Pushed) int { return cmp.Compare(a.Seq, b.Seq) })
	return rows, err
}

// PushedUsers implements source.PushTx. It is what providers ask most: one statement
// finds who there is, and with each the groups.
func (tx *Tx) PushedUsers(ctx context.Context, provider string, by source.PushedBy, value string) (out []source.PushedUser, err error) {
	where, err := keyed(by, false)
	if err != nil {
		return nil, err
	}
	err = tx.rows(ctx, func(r pgx.Rows) error {
		var created, modified sql.NullInt64
		var ids, names []string
		u := source.PushedUser{Pushed: source.Pushed{Type: "User"}}
		err := r.Scan(&u.ID, &u.Version, &created, &modified, &u.Body, &ids, &names)
		u.Created, u.Modified = instant(created), instant(modified)
		for i, id := range ids {
			u.Groups = append(u.Groups, source.PushedGroup{ID: id, DisplayName: names[i]})
		}
		out = append(out, u)
		return err
	}, `SELECT u.id, u.version, u.created, u.modified, u.body, s.ids, s.names FROM (SELECT * FROM pushed `+where+`) u
		CROSS JOIN LATERAL (SELECT array_agg(m.grp ORDER BY m.grp) AS ids, array_agg(`+groupName+` ORDER BY m.grp) AS names `+seats+`
		WHERE m.source = u.source AND m.member = u.id) s`, provider, "User", value)
	return out, err
}

// seats are the places of members m in groups g, of which a member is told the name.
const (
	seats = `FROM pushed_members m LEFT JOIN pushed g ON g.source = m.source AND g.type = 'Group' AND g.id = m.grp AND NOT g.deleted`

	groupName = `coalesce(g.body::json ->> 'displayName', '')`
)

// PushedAt implements source.PushTx. Those to be skipped are counted in the index.
func (tx *Tx) PushedAt(ctx context.Context, provider, typ string, skip, limit int) ([]source.Pushed, error) {
	return tx.pushed(ctx, `WHERE source = $1 AND type = $2 AND NOT deleted
		AND seq >= (SELECT seq FROM pushed WHERE source = $1 AND type = $2 AND NOT deleted ORDER BY seq LIMIT 1 OFFSET $4) ORDER BY seq LIMIT $3`,
		provider, typ, limit, max(skip, 0))
}

// PushedCount implements source.PushTx.
func (tx *Tx) PushedCount(ctx context.Context, provider, typ string) (n int, err error) {
	_, err = tx.row(ctx, []any{&n}, `SELECT n FROM pushed_counts WHERE source = $1 AND type = $2`, provider, typ)
	return n, err
}

// PushedValues implements source.PushTx. A body has its attributes in the spelling of
// their schema. Who has a value twice has it.
func (tx *Tx) PushedValues(ctx context.Context, provider, typ, attribute string, limit int) (out []source.PushedValue, err error) {
	err = tx.rows(ctx, func(r pgx.Rows) error {
		var v source.PushedValue
		var display, kind sql.NullString
		err := r.Scan(&v.Value, &display, &kind, &v.Users)
		v.Display, v.Kind = display.String, kind.String
		out = append(out, v)
		return err
	}, `SELECT (v.value ->> 'value') COLLATE "C", max((v.value ->> 'display') COLLATE "C"), max((v.value ->> 'type') COLLATE "C"), count(DISTINCT p.seq)
		FROM pushed p CROSS JOIN LATERAL json_array_elements(CASE json_typeof(p.body::json -> $1) WHEN 'array' THEN p.body::json -> $1 ELSE '[]' END) v
		WHERE p.source = $2 AND p.type = $3 AND NOT p.deleted AND v.value ->> 'value' <> ''
		GROUP BY 1 ORDER BY 1 LIMIT $4`, attribute, provider, typ, limit)
	return out, err
}

// PutPushed implements source.PushTx.
func (tx *Tx) PutPushed(ctx context.Context, p *source.Pushed) error {
	var body any
	if p.Body != nil {
		body = string(p.Body)
	}
	if p.Seq > 0 {
		_, err := tx.touched(ctx, `UPDATE pushed SET version = $5, modified = $6, ended = $7, members = $8, body = $9,
			record = $1, name = $2, external = $3, deleted = $4 WHERE seq = $10`,
			p.Record, p.Name, p.External, p.Body == nil, p.Version, stamp(p.Modified), stamp(p.Ended), p.Members, body, p.Seq)
		return taken(err)
	}
	seq, err := tx.insert(ctx, `INSERT INTO pushed (source, type, id, record, name, external, version, created, modified, ended, members, deleted, body)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13) RETURNING seq`,
		p.Source, p.Type, p.ID, p.Record, p.Name, p.External, p.Version, stamp(p.Created), stamp(p.Modified), stamp(p.Ended), p.Members, p.Body == nil, body)
	p.Seq = seq
	return taken(err)
}

// taken makes of a breach of pushed_taken what it means.
func taken(err error) error {
	var e *pgconn.PgError
	if errors.As(err, &e) && e.ConstraintName == "pushed_taken" {
		return fmt.Errorf("%w: %w", source.ErrTaken, err)
	}
	return err
}

// PeopleOf implements source.PushTx.
func (tx *Tx) PeopleOf(ctx context.Context, provider string, users []string) ([]string, error) {
	return tx.strings(ctx, `SELECT DISTINCT r.person FROM pushed u JOIN records r ON r.source = u.source AND r.id = u.record
		WHERE u.source = $1 AND u.type = 'User' AND u.id = ANY($2) AND r.person <> '' ORDER BY r.person`, provider, users)
}

// Members implements source.PushTx.
func (tx *Tx) Members(ctx context.Context, provider, group string) (out []source.PushedMember, err error) {
	err = tx.rows(ctx, func(r pgx.Rows) error {
		var id, body string
		err := r.Scan(&id, &body)
		out = append(out, source.PushedMember{ID: id, Body: []byte(body)})
		return err
	}, `SELECT member, body FROM pushed_members WHERE source = $1 AND grp = $2 ORDER BY member`, provider, group)
	return out, err
}

// AddMembers implements source.PushTx.
func (tx *Tx) AddMembers(ctx context.Context, provider, group string, members []source.PushedMember) (added []string, err error) {
	ids, bodies := make([]string, len(members)), make([]string, len(members))
	for i, m := range members {
		ids[i], bodies[i] = m.ID, string(m.Body)
	}
	made, err := tx.strings(ctx, `INSERT INTO pushed_members (source, grp, member, body) SELECT $1, $2, m.id, m.body FROM unnest($3::text[], $4::text[]) m(id, body)
		ON CONFLICT (source, grp, member) DO NOTHING RETURNING member`, provider, group, ids, bodies)
	return among(ids, made), err
}

// RemoveMembers implements source.PushTx.
func (tx *Tx) RemoveMembers(ctx context.Context, provider, group string, ids []string) (removed []string, err error) {
	gone, err := tx.strings(ctx, `DELETE FROM pushed_members WHERE source = $1 AND grp = $2 AND member = ANY($3) RETURNING member`, provider, group, ids)
	return among(ids, gone), err
}

// among are those of ids that are in some, each once and in the order of ids.
func among(ids, some []string) (out []string) {
	left := make(map[string]bool, len(some))
	for _, id := range some {
		left[id] = true
	}
	for _, id := range ids {
		if left[id] {
			delete(left, id)
			out = append(out, id)
		}
	}
	return out
}

// GroupsWith implements source.PushTx.
func (tx *Tx) GroupsWith(ctx context.Context, provider string, members []string) (map[string][]string, error) {
	out := map[string][]string{}
	err := tx.rows(ctx, func(r pgx.Rows) error {
		var member, group string
		err := r.Scan(&member, &group)
		out[member] = append(out[member], group)
		return err
	}, `SELECT member, grp FROM pushed_members WHERE source = $1 AND member = ANY($2) ORDER BY member, grp`, provider, members)
	return out, err
}

// GroupsOf implements source.PushTx.
func (tx *Tx) GroupsOf(ctx context.Context, provider string, members []string) (map[string][]source.PushedGroup, error) {
	out := map[string][]source.PushedGroup{}
	err := tx.rows(ctx, func(r pgx.Rows) error {
		var member string
		var g source.PushedGroup
		err := r.Scan(&member, &g.ID, &g.DisplayName)
		out[member] = append(out[member], g)
		return err
	}, `SELECT m.member, m.grp, `+groupName+` `+seats+`
		WHERE m.source = $1 AND m.member = ANY($2) ORDER BY m.member, m.grp`, provider, members)
	return out, err
}
