// SPDX-License-Identifier: Apache-2.0

package postgres_test

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/request"
	"github.com/usher-id/usher/internal/source"
	"github.com/usher-id/usher/internal/store"
	"github.com/usher-id/usher/internal/store/postgres"
	"github.com/usher-id/usher/internal/store/postgres/postgrestest"
	"github.com/usher-id/usher/internal/testenv"
	"github.com/usher-id/usher/scim"
)

func begin(t *testing.T, url string) *postgres.DB {
	t.Helper()
	db, err := postgres.Open(t.Context(), url, "first")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// database is the name of the one that a URL has.
func database(t *testing.T, at string) string {
	t.Helper()
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(u.Path, "/")
}

// put stores a person and an event.
func put(t *testing.T, db interface{ Directory() directory.Store }, id string) error {
	t.Helper()
	user := scim.NewResource(scim.UserURN)
	user.Set("userName", scim.String(id))
	return db.Directory().Update(t.Context(), func(tx directory.Tx) error {
		return errors.Join(tx.PutPeople(t.Context(), []*directory.Person{{ID: id, State: directory.Active, User: user, Generation: 1, Revision: 1}}),
			tx.AppendEvents(t.Context(), []audit.Event{{Kind: "person.created", Person: id, At: tx.Now()}}))
	})
}

func everybody(t *testing.T, db interface{ Pushed() source.PushStore }) (ids []string) {
	t.Helper()
	err := db.Pushed().View(t.Context(), func(tx source.PushTx) (err error) {
		ids, err = tx.Everybody(t.Context())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

// What is wrong is said in one sentence, and no password in it.
func TestCannotOpen(t *testing.T) {
	t.Parallel()
	p := testenv.SharedPostgres(t)
	p.Do(t, "postgres", "CREATE ROLE poor LOGIN PASSWORD 'pauper-secret'", "CREATE DATABASE rich", "CREATE DATABASE schemaless")
	p.Do(t, "rich", "REVOKE ALL ON SCHEMA public FROM PUBLIC", "GRANT USAGE ON SCHEMA public TO poor")
	p.Do(t, "schemaless", "DROP SCHEMA public")
	closed, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free := closed.Addr().String()
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	good := p.Loopback("postgres", testenv.PostgresPassword, "postgres")
	for name, c := range map[string]struct{ url, says string }{
		"another's password": {p.Loopback("postgres", "wrong-secret", "postgres"), "the user's password is wrong, or there is no such user"},
		"no such user":       {p.Loopback("nobody-here", "wrong-secret", "postgres"), "the user's password is wrong, or there is no such user"},
		"no such database":   {p.Loopback("postgres", testenv.PostgresPassword, "nowhere"), "there is no such database"},
		"nobody listens":     {"postgres://usher:wrong-secret@" + free + "/usher", "the server cannot be reached"},
		"no such host":       {"postgres://usher:wrong-secret@nowhere.invalid/usher", "there is no host of that name"},
		"no TLS":             {strings.Replace(good, "sslmode=disable", "sslmode=verify-full", 1), "the server takes no TLS, which sslmode asks for"},
		"no rights":          {p.Loopback("poor", "pauper-secret", "rich"), "the user lacks a right"},
		"no schema":          {p.URL("schemaless"), "there is no schema to store in"},
		"no URL":             {"postgres://usher:wrong-secret@:port/usher", "cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := store.Open(t.Context(), c.url, "test")
			if err == nil {
				t.Fatal("it was opened")
			}
			if _, _, e := store.Holder(c.url); e == nil && c.says != "the user lacks a right" && c.says != "there is no schema to store in" {
				t.Error("somebody may hold it")
			}
			said := err.Error()
			if !strings.Contains(said, c.says) || strings.Contains(said, "\n") {
				t.Errorf("%s, want %s", said, c.says)
			}
			for _, secret := range []string{"wrong-secret", "pauper-secret", testenv.PostgresPassword} {
				if strings.Contains(said, secret) {
					t.Errorf("a password in %s", said)
				}
			}
		})
	}
}

// Codes that no server here answers with.
func TestMeanings(t *testing.T) {
	t.Parallel()
	for code, says := range map[string]string{
		"28000": "pg_hba.conf", "53300": "no more connections", "57P03": "starting or stopping", "25006": "it is a standby", "53100": "disk is full", "57P01": "ended the session", "25P03": "stood still", "57014": "too long", "55P03": "too long", "XX000": "store s: ",
	} {
		err := postgres.Explain("s", &pgconn.PgError{Severity: "FATAL", Code: code, Message: "as it says"})
		if !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "as it says") {
			t.Errorf("%s: %v", code, err)
		}
	}
}

// A store is made in a database without one, is found when it comes to be opened again,
// and is no store for whoever only reads before it is made.
func TestOpen(t *testing.T) {
	t.Parallel()
	url := postgrestest.Bare(t)
	if _, err := store.OpenRead(t.Context(), url); !errors.Is(err, os.ErrNotExist) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what is not there: %v", err)
	}
	if who, held, err := store.Holder(url); held || err != nil {
		t.Error(who, held, err)
	}
	db := begin(t, url)
	if err := put(t, db, "p"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if ids := everybody(t, begin(t, url)); len(ids) != 1 {
		t.Errorf("after it was opened again: %v", ids)
	}
	r, err := store.OpenRead(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if ids := everybody(t, r); len(ids) != 1 {
		t.Errorf("beside the engine: %v", ids)
	}
	if err := put(t, r, "q"); err == nil {
		t.Error("written beside the engine")
	}
	if r.Jobs() != nil {
		t.Error("a queue beside the engine's")
	}
	if _, err := r.Requests().Leave(t.Context(), request.Request{Kind: "apply", Args: []byte("{}")}); err != nil {
		t.Error(err)
	}
}

// One engine at a time; a second one is told who holds the store, until that one ends.
func TestOneEngine(t *testing.T) {
	t.Parallel()
	url := postgrestest.New(t)
	first := begin(t, url)
	var locked *store.LockedError
	if _, err := store.Open(t.Context(), url, "second"); !errors.As(err, &locked) || locked.Holder != "first" || strings.Contains(locked.Error(), "postgres@") {
		t.Errorf("a second engine: %v", err)
	}
	if who, held, err := store.Holder(url); who != "first" || !held || err != nil {
		t.Errorf("held by %q, %v, %v", who, held, err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := put(t, first, "p"); err == nil {
		t.Error("a store that is closed was written to")
	}
	second, err := store.Open(t.Context(), url, "second")
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if err := put(t, second, "p"); err != nil {
		t.Error(err)
	}
}

// Two schemas of a database are two stores.
func TestSchemas(t *testing.T) {
	t.Parallel()
	p := testenv.SharedPostgres(t)
	p.Do(t, "postgres", "CREATE DATABASE two")
	p.Do(t, "two", "CREATE SCHEMA a", `CREATE SCHEMA "B"`)
	a := begin(t, p.URL("two")+"&search_path=a")
	b := begin(t, p.URL("two")+"&search_path=%22B%22")
	if err := put(t, a, "p"); err != nil {
		t.Fatal(err)
	}
	if ids := everybody(t, b); len(ids) != 0 {
		t.Errorf("the other schema's: %v", ids)
	}
	c, err := store.OpenRehearsal(t.Context(), p.URL("two")+"&search_path=a", "plan")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if ids := everybody(t, c); len(ids) != 1 {
		t.Errorf("in the copy: %v", ids)
	}
}

// An engine that has told nothing for long is taken for dead, and writes no more.
func TestTakenOver(t *testing.T) {
	t.Parallel()
	url := postgrestest.New(t)
	first := begin(t, url)
	if err := put(t, first, "p"); err != nil {
		t.Fatal(err)
	}
	entered, left := make(chan struct{}), make(chan struct{})
	half := make(chan error, 1)
	go func() { // it is stopped within a transaction
		half <- first.Directory().Update(context.WithoutCancel(t.Context()), func(tx directory.Tx) error {
			close(entered)
			<-left
			return tx.PutTeam(context.WithoutCancel(t.Context()), directory.Team{ID: "t"})
		})
	}()
	<-entered
	if err := first.Silent(t.Context()); err != nil {
		t.Fatal(err)
	}
	second, err := postgres.Open(t.Context(), url, "second")
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	close(left)
	if err := <-half; err == nil {
		t.Error("what it had begun was committed")
	}
	for range 2 {
		if err := put(t, first, "q"); !errors.Is(err, postgres.ErrTaken) {
			t.Errorf("the first engine wrote: %v", err)
		}
	}
	if err := put(t, second, "r"); err != nil {
		t.Error(err)
	}
	if ids := everybody(t, second); len(ids) != 2 {
		t.Errorf("people %v", ids)
	}
}

// A writing session that breaks is opened anew before the next transaction, which
// nobody notices; one that broke while another engine was there is not.
func TestBrokenSession(t *testing.T) {
	t.Parallel()
	url := postgrestest.New(t)
	db := begin(t, url)
	for _, id := range []string{"p", "q"} {
		if err := db.Break(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := put(t, db, id); err != nil {
			t.Fatal(err)
		}
	}
	if _, held, err := store.Holder(url); !held || err != nil {
		t.Error("it holds the store no more", err)
	}
	err := db.Directory().Update(t.Context(), func(tx directory.Tx) error {
		if err := db.Break(t.Context()); err != nil {
			return err
		}
		_, err := tx.Everybody(t.Context())
		return err
	})
	if err == nil {
		t.Error("a transaction went on in another session")
	}
	if err := db.Break(t.Context()); err != nil {
		t.Fatal(err)
	}
	other, err := postgres.Open(t.Context(), url, "other")
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	if err := put(t, db, "r"); !errors.Is(err, postgres.ErrTaken) {
		t.Errorf("written after another engine was there: %v", err)
	}
}

// A rehearsal beside an engine neither waits for it nor makes it wait, and leaves nothing.
func TestRehearsalBesideAnEngine(t *testing.T) {
	t.Parallel()
	url := postgrestest.New(t)
	engine := begin(t, url)
	app := func(tx provision.Tx) error {
		return errors.Join(tx.PutApp(t.Context(), provision.AppState{Name: "app"}), tx.MarkApp(t.Context(), "app"))
	}
	if err := errors.Join(engine.Provision().Update(t.Context(), app), put(t, engine, "p")); err != nil {
		t.Fatal(err)
	}
	plan, err := store.OpenRehearsal(t.Context(), url, "plan")
	if err != nil {
		t.Fatal(err)
	}
	defer plan.Close()
	live := func(state string) func(provision.Tx) error {
		return func(tx provision.Tx) error {
			return tx.PutAccounts(t.Context(), []provision.Account{{App: "app", Person: "p", State: provision.AccountState(state), RemoteID: state}})
		}
	}
	err = plan.Rehearse(t.Context(), func(db store.DB) error {
		if err := errors.Join(put(t, db, "q"), db.Provision().Update(t.Context(), live("live"))); err != nil {
			return err
		}
		// The same rows, meanwhile.
		if err := errors.Join(put(t, engine, "r"), engine.Provision().Update(t.Context(), live("disabled"))); err != nil {
			return err
		}
		if ids := everybody(t, db); strings.Join(ids, " ") != "p q" {
			t.Errorf("in the rehearsal: %v", ids)
		}
		return db.Provision().View(t.Context(), func(tx provision.Tx) error {
			totals, err := tx.Totals(t.Context(), "app")
			if totals.Live != 1 || totals.Disabled != 0 {
				t.Errorf("in the rehearsal: %+v", totals)
			}
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	if ids := everybody(t, plan); strings.Join(ids, " ") != "p" {
		t.Errorf("in the copy afterwards: %v", ids)
	}
	if ids := everybody(t, engine); strings.Join(ids, " ") != "p r" {
		t.Errorf("in the store: %v", ids)
	}
	if who, _, err := store.Holder(url); who != "first" || err != nil {
		t.Errorf("held by %q: %v", who, err)
	}
}

// Each migration goes back, and leaves nothing.
func TestMigrationsGoBack(t *testing.T) {
	t.Parallel()
	url := postgrestest.Bare(t)
	db := begin(t, url)
	p := testenv.SharedPostgres(t)
	name := database(t, url)
	const ours = `SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'S', 'v')
		AND relname NOT LIKE 'river%' AND relname NOT LIKE 'goose%'`
	err := db.Migrations(t.Context(), func() error {
		if left := p.Do(t, name, ours, `SELECT string_agg(proname, ' ') FROM pg_proc WHERE proname LIKE 'usher%'`); strings.TrimSpace(left) != "" {
			t.Errorf("left behind: %s", left)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := put(t, db, "p"); err != nil {
		t.Error(err)
	}
}

func TestLaterVersion(t *testing.T) {
	t.Parallel()
	url := postgrestest.Bare(t)
	if err := begin(t, url).Close(); err != nil {
		t.Fatal(err)
	}
	name := database(t, url)
	testenv.SharedPostgres(t).Do(t, name, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, true)")
	for what, open := range map[string]func() (store.DB, error){
		"to write":    func() (store.DB, error) { return store.Open(t.Context(), url, "test") },
		"to read":     func() (store.DB, error) { return store.OpenRead(t.Context(), url) },
		"to rehearse": func() (store.DB, error) { return store.OpenRehearsal(t.Context(), url, "test") },
	} {
		if _, err := open(); err == nil || !strings.Contains(err.Error(), "a later version of Usher (its migration 999") {
			t.Errorf("%s: %v", what, err)
		}
	}
}
