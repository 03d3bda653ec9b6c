// SPDX-License-Identifier: Apache-2.0

package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/usher-id/usher/internal/source"
)

const pushedColumns = `source, type, id, seq, record, name, external, version, created, modified, ended, members, body`

func scanPushed(r *sql.Rows) (p source.Pushed, err error) {
	var created, modified, ended sql.NullInt64
	err = r.Scan(&p.Source, &p.Type, &p.ID, &p.Seq, &p.Record, &p.Name, &p.External, &p.Version, &created, &modified, &ended, &p.Members, &p.Body)
	p.Created, p.Modified, p.Ended = instant(created), instant(modified), instant(ended)
	return p, err
}

func (tx *Tx) pushed(ctx context.Context, query string, args ...any) (out []source.Pushed, err error) {
	err = tx.rows(ctx, func(r *sql.Rows) error {
		p, err := scanPushed(r)
		out = append(out, p)
		return err
	}, `SELECT `+pushedColumns+` FROM pushed `+query, args...)
	return out, err
}

// How a resource of a source (?1) and a type (?2) is found by the value of a key (?3).
// Left to itself, SQLite walks everybody in the order that is asked for.
const (
	byID       = `WHERE source = ?1 AND type = ?2 AND id = ?3`
	byName     = `INDEXED BY pushed_name WHERE source = ?1 AND type = ?2 AND name = ?3`
	byExternal = `INDEXED BY pushed_external WHERE source = ?1 AND type = ?2 AND external = ?3 AND external <> ''`
	byRecord   = `INDEXED BY pushed_record WHERE source = ?1 AND +type = ?2 AND record = ?3 AND record <> ''`

	there = ` AND deleted = 0`
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
	return tx.pushed(brief(ctx), where+` ORDER BY seq`, provider, typ, value)
}

// PushedRivals implements source.PushTx. Next to nobody has any: so it is asked first
// whether there are, which reads no row, and has no columns to be told of.
func (tx *Tx) PushedRivals(ctx context.Context, provider, name, external string) ([]source.Pushed, error) {
	some := true
	args := []driver.NamedValue{{Ordinal: 1, Value: provider}, {Ordinal: 2, Value: name}, {Ordinal: 3, Value: provider}, {Ordinal: 4, Value: external}}
	err := tx.ask(ctx, `SELECT EXISTS (SELECT 1 FROM pushed INDEXED BY pushed_name WHERE source = ? AND type = 'User' AND name = ?)
		OR EXISTS (SELECT 1 FROM pushed INDEXED BY pushed_external WHERE source = ? AND type = 'User' AND external = ? AND external <> '')`,
		args, func(row []driver.Value) { some = row[0] != int64(0) })
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	if !some {
		return nil, nil
	}
	rows, err := tx.pushed(brief(ctx), `INDEXED BY pushed_name WHERE source = ?1 AND type = 'User' AND name = ?2
		UNION ALL SELECT `+pushedColumns+` FROM pushed INDEXED BY pushed_external WHERE source = ?1 AND type = 'User' AND external = ?3 AND external <> '' AND name <> ?2`,
		provider, name, external)
	slices.SortFunc(rows, func(a, b source.Pushed) int { return cmp.Compare(a.Seq, b.Seq) })
	return rows, err
}

// PushedUsers implements source.PushTx. It is what providers ask most: one statement
// finds who there is, and with each the groups as one text.
func (tx *Tx) PushedUsers(ctx context.Context, provider string, by source.PushedBy, value string) (out []source.PushedUser, err error) {
	query, err := usersBy(by)
	if err != nil {
		return nil, err
	}
	args := []driver.NamedValue{{Ordinal: 1, Value: provider}, {Ordinal: 2, Value: "User"}, {Ordinal: 3, Value: value}}
	err = tx.ask(ctx, query, args, func(row []driver.Value) {
		var u source.PushedUser
		u.Type = "User"
		u.ID, _ = row[0].(string)
		u.Version, _ = row[1].(int64)
		created, _ := row[2].(int64)
		modified, _ := row[3].(int64)
		body, _ := row[4].(string)
		groups, _ := row[5].(string) // NULL if there are none
		u.Created, u.Modified = time.UnixMicro(created).UTC(), time.UnixMicro(modified).UTC()
		u.Body, u.Groups = []byte(body), groupsIn(groups)
		out = append(out, u)
	})
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	return out, nil
}

// usersBy is the text of PushedUsers, which is not put together anew for each look.
func usersBy(by source.PushedBy) (string, error) {
	const users = `SELECT id, version, created, modified, body, (SELECT group_concat(m.grp || char(0) || ` + groupName + `, char(0)) ` + seats + `
		WHERE m.source = pushed.source AND m.member = pushed.id) FROM pushed `
	switch by {
	case source.PushedByID:
		return users + byID + there, nil
	case source.PushedByName:
		return users + byName + there, nil
	case source.PushedByExternal:
		return users + byExternal + there, nil
	case source.PushedByRecord:
		return users + byRecord + there, nil
	}
	return "", fmt.Errorf("store: pushed by %q", by)
}

// groupsIn reads ids and names in turn, with NUL between them, which no name has: JSON
// that has it is refused (scim.ParseValue).
func groupsIn(text string) (out []source.PushedGroup) {
	for text != "" {
		var g source.PushedGroup
		g.ID, text, _ = strings.Cut(text, "\x00")
		g.DisplayName, text, _ = strings.Cut(text, "\x00")
		out = append(out, g)
	}
	return out
}

// seats are the places of members m in groups g, of which a member is told the name.
const (
	seats = `FROM pushed_members m LEFT JOIN pushed g ON g.source = m.source AND g.type = 'Group' AND g.id = m.grp AND g.deleted = 0`

	groupName = `coalesce(g.body ->> '$.displayName', '')`
)

// PushedAt implements source.PushTx. Those to be skipped are counted in the index.
func (tx *Tx) PushedAt(ctx context.Context, provider, typ string, skip, limit int) ([]source.Pushed, error) {
	const live = `FROM pushed INDEXED BY pushed_live WHERE source = ?1 AND type = ?2 AND deleted = 0`
	if skip <= 0 {
		return tx.pushed(ctx, `INDEXED BY pushed_live WHERE source = ?1 AND type = ?2 AND deleted = 0 ORDER BY seq LIMIT ?3`, provider, typ, limit)
	}
	return tx.pushed(ctx, `INDEXED BY pushed_live WHERE source = ?1 AND type = ?2 AND deleted = 0
		AND seq >= (SELECT seq `+live+` ORDER BY seq LIMIT 1 OFFSET ?4) ORDER BY seq LIMIT ?3`, provider, typ, limit, skip)
}

// PushedCount implements source.PushTx.
func (tx *Tx) PushedCount(ctx context.Context, provider, typ string) (n int, err error) {
	_, err = tx.row(ctx, []any{&n}, `SELECT n FROM pushed_counts WHERE source = ? AND type = ?`, provider, typ)
	if tx.late != nil {
		n += int(tx.late.come[pushedKind{provider, typ}])
	}
	return n, err
}

// pushedKind is what resources are counted by.
type pushedKind struct{ source, typ string }

// comes counts a resource that is new. Whoever goes, or is back, is counted by a trigger:
// that is seldom, and one for those who come would cost every create as much as a row.
func (tx *Tx) comes(ctx context.Context, p *source.Pushed) error {
	of := pushedKind{p.Source, p.Type}
	switch {
	case p.Body == nil:
		return nil
	case tx.late != nil:
		tx.late.come[of]++
		return nil
	}
	return tx.putCome(ctx, of, 1)
}

func (tx *Tx) putCome(ctx context.Context, of pushedKind, n int64) error {
	return tx.exec(ctx, `INSERT INTO pushed_counts (source, type, n) VALUES (?,?,?) ON CONFLICT (source, type) DO UPDATE SET n = n + excluded.n`, of.source, of.typ, n)
}

// PushedValues implements source.PushTx. A body has its attributes in the spelling of
// their schema. Who has a value twice has it.
func (tx *Tx) PushedValues(ctx context.Context, provider, typ, attribute string, limit int) (out []source.PushedValue, err error) {
	err = tx.rows(ctx, func(r *sql.Rows) error {
		var v source.PushedValue
		var display, kind sql.NullString
		err := r.Scan(&v.Value, &display, &kind, &v.Users)
		v.Display, v.Kind = display.String, kind.String
		out = append(out, v)
		return err
	}, `SELECT v.value ->> '$.value', max(v.value ->> '$.display'), max(v.value ->> '$.type'), count(DISTINCT p.seq)
		FROM pushed p INDEXED BY pushed_live, json_each(p.body, '$.' || json_quote(?)) v
		WHERE p.source = ? AND p.type = ? AND p.deleted = 0 AND v.value ->> '$.value' <> ''
		GROUP BY 1 ORDER BY 1 LIMIT ?`, attribute, provider, typ, limit)
	return out, err
}

// PutPushed implements source.PushTx.
func (tx *Tx) PutPushed(ctx context.Context, p *source.Pushed) error {
	var body any
	if p.Body != nil {
		body = string(p.Body)
	}
	if p.Seq > 0 {
		const rest = `UPDATE pushed SET version = ?5, modified = ?6, ended = ?7, members = ?8, body = ?9`
		return taken(tx.put(ctx, rest+` WHERE seq = ?10 AND record = ?1 AND name = ?2 AND external = ?3 AND deleted = ?4`,
			rest+`, record = ?1, name = ?2, external = ?3, deleted = ?4 WHERE seq = ?10`,
			p.Record, p.Name, p.External, p.Body == nil, p.Version, stamp(p.Modified), stamp(p.Ended), p.Members, body, p.Seq))
	}
	seq, err := tx.insert(ctx, `INSERT INTO pushed (source, type, id, record, name, external, version, created, modified, ended, members, deleted, body)
		VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)`,
		p.Source, p.Type, p.ID, p.Record, p.Name, p.External, p.Version, stamp(p.Created), stamp(p.Modified), stamp(p.Ended), p.Members, p.Body == nil, body)
	if err != nil {
		return taken(err)
	}
	p.Seq = seq
	return tx.comes(ctx, p)
}

// taken makes of a breach of pushed_taken what it means. Ids are random, so that the
// table's other key is never breached.
func taken(err error) error {
	var e *sqlite.Error
	if errors.As(err, &e) && e.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE {
		return fmt.Errorf("%w: %w", source.ErrTaken, err)
	}
	return err
}

// PeopleOf implements source.PushTx.
func (tx *Tx) PeopleOf(ctx context.Context, provider string, users []string) ([]string, error) {
	in, err := list(users)
	if err != nil {
		return nil, err
	}
	return tx.strings(ctx, `SELECT DISTINCT r.person FROM pushed u JOIN records r ON r.source = u.source AND r.id = u.record
		WHERE u.source = ? AND u.type = 'User' AND u.id IN (SELECT value FROM json_each(?)) AND r.person <> '' ORDER BY r.person`, provider, in)
}

// Members implements source.PushTx.
func (tx *Tx) Members(ctx context.Context, provider, group string) (out []source.PushedMember, err error) {
	err = tx.rows(ctx, func(r *sql.Rows) error {
		var id, body string
		err := r.Scan(&id, &body)
		out = append(out, source.PushedMember{ID: id, Body: []byte(body)})
		return err
	}, `SELECT member, body FROM pushed_members WHERE source = ? AND grp = ? ORDER BY member`, provider, group)
	return out, err
}

// AddMembers implements source.PushTx.
func (tx *Tx) AddMembers(ctx context.Context, provider, group string, members []source.PushedMember) (added []string, err error) {
	for _, m := range members {
		n, err := tx.touched(ctx, `INSERT INTO pushed_members (source, grp, member, body) VALUES (?,?,?,?) ON CONFLICT (source, grp, member) DO NOTHING`,
			provider, group, m.ID, string(m.Body))
		if err != nil {
			return nil, err
		}
		if n > 0 {
			added = append(added, m.ID)
		}
	}
	return added, nil
}

// RemoveMembers implements source.PushTx.
func (tx *Tx) RemoveMembers(ctx context.Context, provider, group string, ids []string) (removed []string, err error) {
	for _, id := range ids {
		n, err := tx.touched(ctx, `DELETE FROM pushed_members WHERE source = ? AND grp = ? AND member = ?`, provider, group, id)
		if err != nil {
			return nil, err
		}
		if n > 0 {
			removed = append(removed, id)
		}
	}
	return removed, nil
}

// GroupsWith implements source.PushTx.
func (tx *Tx) GroupsWith(ctx context.Context, provider string, members []string) (map[string][]string, error) {
	in, err := list(members)
	if err != nil {
		return nil, err
	}
	out := map[string][]string{}
	err = tx.rows(ctx, func(r *sql.Rows) error {
		var member, group string
		err := r.Scan(&member, &group)
		out[member] = append(out[member], group)
		return err
	}, `SELECT member, grp FROM pushed_members WHERE source = ? AND member IN (SELECT value FROM json_each(?)) ORDER BY member, grp`, provider, in)
	return out, err
}

// GroupsOf implements source.PushTx.
func (tx *Tx) GroupsOf(ctx context.Context, provider string, members []string) (map[string][]source.PushedGroup, error) {
	in, err := list(members)
	if err != nil {
		return nil, err
	}
	out := map[string][]source.PushedGroup{}
	err = tx.rows(ctx, func(r *sql.Rows) error {
		var member string
		var g source.PushedGroup
		err := r.Scan(&member, &g.ID, &g.DisplayName)
		out[member] = append(out[member], g)
		return err
	}, `SELECT m.member, m.grp, `+groupName+` `+seats+`
		WHERE m.source = ? AND m.member IN (SELECT value FROM json_each(?)) ORDER BY m.member, m.grp`, provider, in)
	return out, err
}
