// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"context"
	"fmt"
)

// statistics has PostgreSQL look at its tables while a first load fills them. Its own
// daemon comes once a minute, and sees nothing of a transaction that goes on: until
// then one index is as good as another to it, and it may find each of ten thousand
// names by reading all of them.
type statistics struct {
	written int // statements since the store was opened
	next    int // how many are written before it looks again
}

const (
	firstLook = 200
	lookLater = 5 // times as many
)

// analyzed are the tables that grow with people, and have several indexes or are joined.
const analyzed = `ANALYZE records, people, person_keys, names, team_members, source_members, accounts, app_members, journal, pushed, pushed_members`

// begin goes by how many rows PostgreSQL knows of.
func (s *statistics) begin(ctx context.Context, tx *Tx) error {
	_, err := tx.row(ctx, []any{&s.next}, `SELECT coalesce(sum(greatest(reltuples, 0)), 0)::bigint FROM pg_class
		WHERE oid IN ('people'::regclass, 'accounts'::regclass, 'pushed'::regclass)`)
	s.next = max(firstLook, s.next)
	return err
}

// counted looks if it is time to.
func (tx *Tx) counted(ctx context.Context, n int) error {
	s := tx.stats
	if s == nil {
		return nil
	}
	ctx = context.WithoutCancel(ctx)
	if s.written += n; s.next == 0 {
		if err := s.begin(ctx, tx); err != nil {
			return err
		}
	}
	if s.written < s.next {
		return nil
	}
	s.next = lookLater * s.written
	if _, err := tx.conn.Exec(ctx, analyzed); err != nil {
		tx.failed = fmt.Errorf("store: %w", err)
	}
	return tx.failed
}
