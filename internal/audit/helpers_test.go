// SPDX-License-Identifier: Apache-2.0

package audit_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/store"
	"github.com/usher-id/usher/internal/store/sqlite/sqlitetest"
)

// ledger is a real store's ledger, and a way to tamper with it.
type ledger struct {
	t   *testing.T
	db  store.DB
	raw *sql.DB
}

func setup(t *testing.T) *ledger {
	t.Helper()
	path := sqlitetest.New(t)
	db, err := store.Open(t.Context(), path, "test")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(raw.Close(), db.Close()); err != nil {
			t.Error(err)
		}
	})
	return &ledger{t, db, raw}
}

// tell commits n events about as many people.
func (l *ledger) tell(n int) {
	l.t.Helper()
	events := make([]audit.Event, n)
	for i := range events {
		events[i] = audit.Event{
			At: time.Now(), Kind: "person.changed", Actor: "test", Person: fmt.Sprintf("p%d", i), Why: "because",
			After: map[string]string{"title": fmt.Sprintf("Clerk %d", i)},
		}
	}
	err := l.db.Directory().Update(l.t.Context(), func(tx directory.Tx) error { return tx.AppendEvents(l.t.Context(), events) })
	if err != nil {
		l.t.Fatal(err)
	}
}

func (l *ledger) sequence(want int) {
	l.t.Helper()
	if n, err := audit.Sequence(l.t.Context(), l.db.Ledger()); err != nil || n != want {
		l.t.Fatalf("chained %d, error %v; want %d", n, err, want)
	}
}

// tamper runs SQL on the file, past the program.
func (l *ledger) tamper(script string) {
	l.t.Helper()
	for _, statement := range strings.Split(script, ";") {
		res, err := l.raw.ExecContext(l.t.Context(), statement)
		if err != nil {
			l.t.Fatalf("%s: %v", statement, err)
		}
		if n, _ := res.RowsAffected(); n == 0 {
			l.t.Fatalf("%s: changed nothing", statement)
		}
	}
}

func (l *ledger) verify() (audit.Report, error) { return audit.Verify(l.t.Context(), l.db.Ledger()) }

func (l *ledger) holds(want audit.Report) {
	l.t.Helper()
	got, err := l.verify()
	if err != nil {
		l.t.Fatal(err)
	}
	if got.Events != want.Events || got.Erased != want.Erased || got.Pending != want.Pending {
		l.t.Errorf("verified %+v, want %+v", got, want)
	}
}

// moving lets another sequencer chain between two steps of the first.
type moving struct {
	audit.Store
	between func()
}

func (m *moving) AppendLinks(ctx context.Context, head audit.Link, links []audit.Link) error {
	if m.between != nil {
		m.between()
		m.between = nil
	}
	return m.Store.AppendLinks(ctx, head, links)
}
