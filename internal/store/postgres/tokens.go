// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/internal/token"
)

// Tokens is the store as the room of tokens declares it.
func (db *DB) Tokens() token.Store { return tokens{db} }

type tokens struct{ db *DB }

// presented are the tokens that were asked for since one last changed: every request
// presents one. It holds in the process that holds the store alone, as nobody else
// writes. What changes a token returns once it is forgotten.
type presented struct {
	mu    sync.Mutex
	age   int // counts the changes
	known map[[sha256.Size]byte]token.Token
}

// mostPresented is how many are remembered: there are as many as providers.
const mostPresented = 1_000

func (p *presented) find(digest [sha256.Size]byte) (t token.Token, age int, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t, ok = p.known[digest]
	return t, p.age, ok
}

// keep remembers what was read, unless something has changed since.
func (p *presented) keep(t token.Token, age int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.age != age || len(p.known) >= mostPresented {
		return
	}
	if p.known == nil {
		p.known = map[[sha256.Size]byte]token.Token{}
	}
	p.known[t.Digest] = t
}

func (p *presented) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.age++
	clear(p.known)
}

const keptColumns = `id, source, digest, owner, created, expires, revoked, used, client, thumbprint`

func (s tokens) PutToken(ctx context.Context, t token.Token, e audit.Event) error {
	defer s.db.tokens.forget()
	return s.db.update(ctx, func(tx *Tx) error { return tx.putToken(ctx, t, e) })
}

func (tx *Tx) putToken(ctx context.Context, t token.Token, e audit.Event) error {
	err := tx.exec(ctx, `INSERT INTO tokens AS t (`+keptColumns+`) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10)
		ON CONFLICT (id) DO UPDATE SET revoked = least(t.revoked, excluded.revoked),
		expires = least(t.expires, excluded.expires)`,
		t.ID, t.Source, t.Digest[:], t.Owner, stamp(t.Created), stamp(t.Expires), stamp(t.Revoked), stamp(t.Used), t.Client, t.Key)
	if err != nil {
		return err
	}
	e.At = tx.now
	return tx.AppendEvents(ctx, []audit.Event{e})
}

func (s tokens) UseToken(ctx context.Context, id string, at time.Time) error {
	defer s.db.tokens.forget()
	return s.db.update(ctx, func(tx *Tx) error {
		return tx.exec(ctx, `UPDATE tokens SET used = greatest(used, $1) WHERE id = $2`, stamp(at), id)
	})
}

func (s tokens) Token(ctx context.Context, digest [sha256.Size]byte) (token.Token, bool, error) {
	if !s.db.engine { // another process may change them, or a rehearsal has
		return s.one(ctx, `WHERE digest = $1`, digest[:])
	}
	t, age, ok := s.db.tokens.find(digest)
	if ok {
		return t, true, nil
	}
	t, ok, err := s.one(ctx, `WHERE digest = $1`, digest[:])
	if ok && err == nil {
		s.db.tokens.keep(t, age)
	}
	return t, ok, err
}

func (s tokens) TokenByID(ctx context.Context, id string) (token.Token, bool, error) {
	return s.one(ctx, `WHERE id = $1`, id)
}

func (s tokens) one(ctx context.Context, where string, args ...any) (t token.Token, ok bool, err error) {
	all, err := s.all(ctx, where, args...)
	if err != nil || len(all) == 0 {
		return t, false, err
	}
	return all[0], true, nil
}

func (s tokens) Tokens(ctx context.Context) ([]token.Token, error) {
	return s.all(ctx, `ORDER BY created DESC, id`)
}

func (s tokens) all(ctx context.Context, rest string, args ...any) (out []token.Token, err error) {
	err = s.db.look(ctx, func(tx *Tx) error {
		return tx.rows(ctx, func(r pgx.Rows) error {
			var t token.Token
			var digest []byte
			var created, expires, revoked, used sql.NullInt64
			err := r.Scan(&t.ID, &t.Source, &digest, &t.Owner, &created, &expires, &revoked, &used, &t.Client, &t.Key)
			copy(t.Digest[:], digest)
			t.Created, t.Expires, t.Revoked, t.Used = instant(created), instant(expires), instant(revoked), instant(used)
			out = append(out, t)
			return err
		}, `SELECT `+keptColumns+` FROM tokens `+rest, args...)
	})
	return out, err
}
