// SPDX-License-Identifier: Apache-2.0

package sqlite_test

import (
	"bufio"
	"database/sql"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/source"
	"github.com/usher-id/usher/internal/store"
	"github.com/usher-id/usher/internal/store/sqlite"
	"github.com/usher-id/usher/scim"
)

func TestASecondEngineIsToldWhoHoldsTheStore(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "usher.db")
	first, err := sqlite.Open(t.Context(), path, "usher serve (process 7)")
	if err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link.db")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	for _, way := range []string{path, link} { // by another name it is the same store
		_, err = sqlite.Open(t.Context(), way, "usher apply (process 8)")
		var locked *sqlite.LockedError
		if !errors.As(err, &locked) || locked.Holder != "usher serve (process 7)" || !strings.Contains(err.Error(), locked.Holder) {
			t.Fatalf("%s: error %v, want one that names the holder", way, err)
		}
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second, err := sqlite.Open(t.Context(), path, "usher apply (process 8)")
	if err != nil {
		t.Fatalf("the lock was not given up: %v", err)
	}
	_, err = sqlite.Open(t.Context(), path, "x")
	var locked *sqlite.LockedError
	if !errors.As(err, &locked) || locked.Holder != "usher apply (process 8)" {
		t.Errorf("error %v, want one that names the new holder alone", err)
	}
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestClosed: who reads or writes after the end is refused, and does not wait; nor
// does who closes again.
func TestClosed(t *testing.T) {
	t.Parallel()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "usher.db"), "test")
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 * 4 { // more than there are connections
		if err := db.Read(t.Context(), func(*sqlite.Tx) error { return nil }); err == nil {
			t.Fatal("it was read from")
		}
	}
	if err := db.Directory().Update(t.Context(), func(directory.Tx) error { return nil }); err == nil {
		t.Error("it was written to")
	}
	_ = db.Close() // it may say that it is closed
}

// TestLockDiesWithItsProcess holds the store in another process and kills it.
func TestLockDiesWithItsProcess(t *testing.T) {
	if path := os.Getenv("USHER_TEST_HOLD"); path != "" {
		if _, err := sqlite.Open(t.Context(), path, "a process that will be killed"); err != nil {
			t.Fatal(err)
		}
		_, _ = os.Stdout.WriteString("held\n")
		_, _ = io.Copy(io.Discard, os.Stdin) // until killed
		return
	}
	t.Parallel()
	path := filepath.Join(t.TempDir(), "usher.db")
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestLockDiesWithItsProcess$")
	cmd.Env = append(os.Environ(), "USHER_TEST_HOLD="+path)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() && lines.Text() != "held" {
	}
	_, err = sqlite.Open(t.Context(), path, "x")
	var locked *sqlite.LockedError
	if !errors.As(err, &locked) || locked.Holder != "a process that will be killed" {
		t.Errorf("error %v, want one that names the other process", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	db, err := sqlite.Open(t.Context(), path, "x")
	if err != nil {
		t.Fatalf("a dead process holds the store: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

func TestOddPaths(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"with space.db", "100%.db", "a%20b.db", "a#b.db", "a?mode=memory.db", "a&b=c.db", "a+b.db", "ü ∂.db", "a'b\"c.db", "file:x.db", "-x.db", "a:b.db", `a\b.db`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := filepath.Join(dir, name)
			db, err := sqlite.Open(t.Context(), path, "test")
			if err != nil {
				t.Fatal(err)
			}
			err = db.Provision().Update(t.Context(), func(tx provision.Tx) error {
				return tx.PutApp(t.Context(), provision.AppState{Name: "app", Listed: true})
			})
			if err := errors.Join(err, db.Close()); err != nil {
				t.Fatal(err)
			}
			files, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range files {
				if f.Name() != name && f.Name() != name+".lock" {
					t.Errorf("left behind: %s", f.Name())
				}
			}
			info, err := os.Stat(path)
			if err != nil || info.Size() == 0 {
				t.Fatalf("the store is not in its file: %v", err)
			}
			again, err := sqlite.OpenRead(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			err = again.Provision().View(t.Context(), func(tx provision.Tx) error {
				a, err := tx.App(t.Context(), "app")
				if !a.Listed {
					t.Error("what was written is not there")
				}
				return err
			})
			if err := errors.Join(err, again.Close()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestNoStoreInMemory(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"", ":memory:", filepath.Join(t.TempDir(), "no", "such", "folder.db"), t.TempDir()} {
		if _, err := sqlite.Open(t.Context(), path, "test"); err == nil {
			t.Errorf("%q was opened", path)
		}
	}
	if _, err := sqlite.OpenRead(t.Context(), filepath.Join(t.TempDir(), "none.db")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v, want one that says that there is no store", err)
	}
}

func TestFilesAreTheOwnersAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db := open(t, filepath.Join(dir, "usher.db"))
	if err := db.Directory().Update(t.Context(), func(tx directory.Tx) error { return tx.PutMeta(t.Context(), "k", []byte("v")) }); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) < 3 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, f := range files {
		info, err := f.Info()
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode != 0o600 {
			t.Errorf("%s has mode %o", f.Name(), mode)
		}
	}
}

// TestReadersDoNotWrite: whoever did not take the lock is not the engine.
func TestReadersDoNotWrite(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "usher.db")
	engine := open(t, path)
	reader, err := store.OpenRead(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = reader.Close() })
	write := func(tx directory.Tx) error { return tx.PutMeta(t.Context(), "k", []byte("v")) }
	if err := reader.Directory().Update(t.Context(), write); err == nil {
		t.Error("a reader has written")
	}
	if err := reader.Rehearse(t.Context(), func(store.DB) error { return nil }); err == nil {
		t.Error("a reader has rehearsed, which makes the engine wait")
	}
	if err := engine.Directory().Update(t.Context(), write); err != nil {
		t.Error(err)
	}
	err = reader.Read(t.Context(), func(r store.Reader) error {
		_, err := r.PeopleTotals(t.Context())
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestRehearsalBesideAnEngine(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "usher.db")
	engine := open(t, path)
	app := func(db store.DB, listed bool) error {
		return db.Provision().Update(t.Context(), func(tx provision.Tx) error {
			return tx.PutApp(t.Context(), provision.AppState{Name: "app", Listed: listed})
		})
	}
	if err := app(engine, true); err != nil {
		t.Fatal(err)
	}
	db, err := store.OpenRehearsal(t.Context(), path, "test")
	if err != nil {
		t.Fatal(err)
	}
	err = db.Rehearse(t.Context(), func(in store.DB) error {
		err := in.Provision().View(t.Context(), func(tx provision.Tx) error {
			a, err := tx.App(t.Context(), "app")
			if !a.Listed {
				t.Error("the rehearsal does not start from what is there")
			}
			return err
		})
		return errors.Join(err, app(in, false), app(engine, true)) // nobody waits for anybody
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestMigrationsUpAndDown(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "usher.db")
	db, err := sqlite.Open(t.Context(), path, "test")
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := sqlite.Raw(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = raw.Close() })
	p, err := goose.NewProvider(goose.DialectSQLite3, raw, os.DirFS("migrations"))
	if err != nil {
		t.Fatal(err)
	}
	up := schema(t, raw)
	if _, err := p.DownTo(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if rest := schema(t, raw); rest != "" {
		t.Errorf("left behind:\n%s", rest)
	}
	if _, err := p.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	if again := schema(t, raw); again != up {
		t.Error("up, down and up again is not up")
	}
	if err := raw.Close(); err != nil {
		t.Fatal(err)
	}
	_ = open(t, path) // and an existing store opens as it is
}

// People and records of an earlier version are all there, with every column, and can be
// taken back to it.
func TestPeopleOfAnEarlierVersionAreThere(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "usher.db")
	db, err := sqlite.Open(t.Context(), path, "test")
	if err != nil {
		t.Fatal(err)
	}
	err = db.Directory().Update(t.Context(), func(tx directory.Tx) error {
		for _, id := range []string{"b", "c", "a"} {
			user := scim.NewResource(scim.UserURN)
			user.Set("userName", scim.String("Name of "+id))
			p := &directory.Person{ID: id, State: directory.Leaver, User: user, Generation: 2, Revision: 3, Next: tx.Now(), Why: "why", Cause: directory.CauseAbsent, Admitted: true}
			r := directory.Record{
				Key: directory.Key{Source: "hr", ID: "r" + id}, Generation: 2, Person: id, Holds: true, Digest: [32]byte{1}, User: []byte("{}"), Start: tx.Now(), End: tx.Now(),
				Line: 7, File: "f", Missing: tx.Now(), At: tx.Now(), Blocked: true, Alias: "of",
			}
			if err := errors.Join(tx.PutPeople(t.Context(), []*directory.Person{p}), tx.PutRecords(t.Context(), []directory.Record{r})); err != nil {
				return err
			}
		}
		return nil
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	raw, err := sqlite.Raw(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = raw.Close() })
	p, err := goose.NewProvider(goose.DialectSQLite3, raw, os.DirFS("migrations"))
	if err != nil {
		t.Fatal(err)
	}
	all := func() (out string) {
		t.Helper()
		err := raw.QueryRowContext(t.Context(), `SELECT (SELECT json_group_array(json_array(id, state, user, user_name, generation, revision, next_at, why, cause, admitted) ORDER BY id) FROM people)
			|| (SELECT json_group_array(json_array(source, id, generation, person, hex(digest), user, start_at, end_at, file, line, missing_at, at, holds, blocked, alias) ORDER BY id) FROM records)`).Scan(&out)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	now := all()
	if strings.Count(now, "why") != 3 || strings.Count(now, `"hr"`) != 3 {
		t.Fatal(now)
	}
	if _, err := p.DownTo(t.Context(), 17); err != nil {
		t.Fatal(err)
	}
	if before := all(); before != now {
		t.Errorf("before:\n%s\nnow:\n%s", before, now)
	}
	if _, err := p.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	if again := all(); again != now {
		t.Errorf("again:\n%s\nnow:\n%s", again, now)
	}
}

// Names that were folded by letter case alone, as they used to be, are found by what they
// fold to now.
func TestNamesOfAnEarlierVersionAreFound(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "usher.db")
	db, err := sqlite.Open(t.Context(), path, "test")
	if err != nil {
		t.Fatal(err)
	}
	was := map[string]string{"Éva": "Éva", "ann": "ann", "Ωιος": "Ω\u0345ΟΣ", "Åse": "Åse"} // by the name, what it was folded to
	err = db.Pushed().Update(t.Context(), func(tx source.PushTx) error {
		for name, folded := range was {
			err := tx.PutPushed(t.Context(), &source.Pushed{Source: "idp", Type: "User", ID: name, Record: name, Name: folded, Version: 1, Created: tx.Now(), Modified: tx.Now(), Body: []byte(`{}`)})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	raw, err := sqlite.Raw(path)
	if err != nil {
		t.Fatal(err)
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, raw, os.DirFS("migrations"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.DownTo(t.Context(), 10); err != nil {
		t.Fatal(err)
	}
	if err := raw.Close(); err != nil {
		t.Fatal(err)
	}
	err = open(t, path).Pushed().View(t.Context(), func(tx source.PushTx) error {
		for name := range was {
			rows, err := tx.Pushed(t.Context(), "idp", "User", source.PushedByName, scim.Fold(name), false)
			if err != nil || len(rows) != 1 || rows[0].ID != name {
				t.Errorf("%s: %d found, %v", name, len(rows), err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestALaterVersionsStoreIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "usher.db")
	db, err := sqlite.Open(t.Context(), path, "test")
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = raw.ExecContext(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)`)
	if err := errors.Join(err, raw.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := sqlite.Open(t.Context(), path, "test"); err == nil || !strings.Contains(err.Error(), "later version") {
		t.Errorf("error %v, want the store refused", err)
	}
}

// schema is everything but the tables of goose and of SQLite itself.
func schema(t *testing.T, db *sql.DB) string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), `SELECT sql FROM sqlite_schema WHERE name NOT LIKE 'goose%' AND name NOT LIKE 'sqlite%' AND tbl_name NOT LIKE 'goose%' AND tbl_name NOT LIKE 'river%' ORDER BY type, name`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var b strings.Builder
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			t.Fatal(err)
		}
		b.WriteString(text + ";\n")
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestLess(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		less bool
	}{
		{"3.51.2", "3.51.3", true},
		{"3.51.3", "3.51.3", false},
		{"3.51.4", "3.51.3", false},
		{"3.9.9", "3.51.3", true},
		{"3.52.0", "3.51.3", false},
		{"4.0", "3.51.3", false},
		{"3.51", "3.51.3", true},
		{"3.51.3.1", "3.51.3", false},
		{"", "3.51.3", true},
		{"3.51.x", "3.51.3", true}, // what cannot be read is not trusted
	} {
		if got := sqlite.Less(c.a, c.b); got != c.less {
			t.Errorf("%s before %s: %t", c.a, c.b, got)
		}
	}
}

// TestTotalsOfAnEarlierStore: a store that was written before the sizes of apps were kept,
// and is opened for reading alone, is counted.
func TestTotalsOfAnEarlierStore(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "usher.db")
	db, err := sqlite.Open(t.Context(), path, "test")
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := sqlite.Raw(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = raw.Close() })
	p, err := goose.NewProvider(goose.DialectSQLite3, raw, os.DirFS("migrations"))
	if err == nil {
		_, err = p.DownTo(t.Context(), 14)
	}
	for _, row := range []string{
		`INSERT INTO accounts (app, person, state) VALUES ('app', 'ada', 'live'), ('app', 'bo', 'live'), ('app', 'cy', 'disabled'), ('other', 'ada', 'live')`,
		`INSERT INTO app_members (app, team, person, journal) VALUES ('app', 'eng', 'ada', 0), ('other', 'eng', 'ada', 0)`,
	} {
		if err == nil {
			_, err = raw.ExecContext(t.Context(), row)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	old, err := sqlite.OpenRead(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	var got provision.Totals
	err = old.Read(t.Context(), func(tx *sqlite.Tx) (err error) {
		if got, err = tx.Totals(t.Context(), "app"); err != nil {
			return err
		}
		if _, err = tx.Subjects(t.Context(), provision.Query{App: "app", Limit: 1}); err != nil { // without what is begun
			return err
		}
		if _, err = tx.Ahead(t.Context(), time.Now(), 1); err != nil { // and revoked
			return err
		}
		_, err = tx.List(t.Context(), "", "", 1)
		return err
	})
	if want := (provision.Totals{Live: 2, Disabled: 1, Waiting: 3, Memberships: 1}); err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
}
