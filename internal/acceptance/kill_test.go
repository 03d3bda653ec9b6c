// SPDX-License-Identifier: Apache-2.0

package acceptance_test

import (
	"bytes"
	"database/sql"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // to look at the journal that a killed process left
	_ "modernc.org/sqlite"             // to look at the journal that a killed process left

	"github.com/usher-id/usher/internal/store/postgres/postgrestest"
	"github.com/usher-id/usher/internal/testenv"
)

// TestKill kills the built binary with SIGKILL at 20 random moments of a first
// load, each time resumed by the next start, into a server that would take
// duplicates. At the end everybody has one account, every effect has one event
// in the ledger, and a further cycle sends nothing. On PostgreSQL it does so six
// times, as a start takes longer there: `make test-postgres` has a hundred kills.
func TestKill(t *testing.T) {
	if testing.Short() {
		t.Skip("many starts of the binary")
	}
	t.Run("on SQLite", func(t *testing.T) { killed(t, filepath.Join(t.TempDir(), "usher.db"), 20, 500*time.Millisecond) })
	t.Run("on PostgreSQL", func(t *testing.T) { killed(t, postgrestest.New(t), 6, 1500*time.Millisecond) })
}

// killed does it within a time that leaves work for the next start: the whole load takes
// several seconds.
func killed(t *testing.T, store string, kills int, within time.Duration) {
	t.Helper()
	const people = 2_000
	hr := filepath.Join(testenv.Shared(t), "data", "hr")
	app := testenv.Scimmy(t, testenv.ScimmyOptions{AllowDuplicates: true})
	u := newUsherOn(t, store, app.BaseURL, app.Token)
	file := head(t, filepath.Join(hr, "day1.csv"), people)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))

	done, between, unsure := 0, 0, 0
	for tries := 0; done < kills && tries < 5*kills; tries++ {
		cmd := u.command(t, file, "apply", "--json")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(50*time.Millisecond + time.Duration(random.Int64N(int64(within))))
		if err := cmd.Process.Kill(); err != nil {
			t.Log(err)
		}
		if err := cmd.Wait(); err == nil {
			break // it had finished: nothing is left to kill
		}
		done++
		if n := open(t, u.store); n > 0 {
			between++
			unsure += n
		}
	}
	t.Logf("%d kills, %d of them between an intent and its outcome, %d intents open in all", done, between, unsure)
	if done < kills {
		t.Errorf("only %d kills before the load was finished", done)
	}

	u.report(t, 0, file, "apply")
	want, known := expectation{}, &names{}
	workers := readHR(t, file, nil)
	known.give(workers)
	want.follow(workers, known)
	want.compare(t, app.Dump(t))
	app.ResetCounts(t)
	u.report(t, 0, file, "apply")
	if c := app.Counts(t); c.Total() != 0 {
		t.Errorf("a cycle after a finished cycle sent %v", c)
	}
	u.run(t, 0, file, "audit", "verify")
	events(t, u.store, want)
}

// head copies the header and the first n rows of an export.
func head(t *testing.T, path string, n int) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfterN(data, []byte("\n"), n+2)
	out := filepath.Join(t.TempDir(), "head.csv")
	if err := os.WriteFile(out, bytes.Join(lines[:n+1], nil), 0o600); err != nil {
		t.Fatal(err)
	}
	return out
}

// open counts the intents that have no outcome. A store that the killed
// process had not made yet has none.
func open(t *testing.T, store string) (n int) {
	t.Helper()
	query(t, store, `SELECT count(*) FROM journal WHERE result IS NULL`, &n)
	return n
}

func query(t *testing.T, store, text string, into ...any) {
	t.Helper()
	driver, tables := "sqlite", `SELECT count(*) FROM sqlite_master WHERE name = 'journal'`
	if strings.HasPrefix(store, "postgres://") {
		driver, tables = "pgx", `SELECT count(*) FROM pg_tables WHERE tablename = 'journal'`
	} else if _, err := os.Stat(store); err != nil {
		return
	}
	db, err := sql.Open(driver, store)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	var there int
	if err := db.QueryRowContext(t.Context(), tables).Scan(&there); err != nil || there == 0 {
		return
	}
	if err := db.QueryRowContext(t.Context(), text).Scan(into...); err != nil {
		t.Fatal(err)
	}
}

// events checks that each effect has exactly one event, whichever process had
// it and however it was found out.
func events(t *testing.T, store string, want expectation) {
	t.Helper()
	for kind, n := range map[string]int{"account.created": len(want), "member.added": want.active(), "account.adopted": 0, "member.removed": 0} {
		var all, people int
		query(t, store, `SELECT count(*), count(DISTINCT p.person) FROM ledger l JOIN ledger_payloads p ON p.event = l.id WHERE l.kind = '`+kind+`'`, &all, &people)
		if all != n || people != n {
			t.Errorf("the ledger has %d events %s of %d people, want %d", all, kind, people, n)
		}
	}
}
