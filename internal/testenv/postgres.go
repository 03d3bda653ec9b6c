// SPDX-License-Identifier: Apache-2.0

package testenv

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Postgres is a PostgreSQL server of this test process alone, on a socket and on loopback. Its superuser is "postgres", whom it
// lets in without a password through the socket, and through loopback by none at all but [PostgresPassword].
type Postgres struct {
	Socket string // the folder of its socket
	Port   string // of both
	dir    string
	bin    string
	log    string
	end    *os.File // whose closing ends it
}

// PostgresPassword is the superuser's on loopback.
const PostgresPassword = "correct-horse-battery"

// postgresPrograms are where distributions keep what is in nobody's path.
const postgresPrograms = "/usr/lib/postgresql/*/bin"

func postgresBin(t testing.TB) string {
	t.Helper()
	found, _ := filepath.Glob(postgresPrograms)
	slices.SortFunc(found, func(a, b string) int { return postgresMajor(b) - postgresMajor(a) })
	for _, dir := range found {
		if _, err := os.Stat(filepath.Join(dir, "initdb")); err == nil {
			return dir
		}
	}
	for _, name := range []string{"initdb", "postgres"} {
		path, err := exec.LookPath(name)
		if err == nil {
			path, err = filepath.EvalSymlinks(path)
		}
		if err != nil {
			noPostgres(t, name)
		}
		found = []string{filepath.Dir(path)}
	}
	return found[0]
}

// noPostgres skips a test even with CI=true, unless it was asked for with USHER_TEST_STORE=postgres: nothing else than the
// one store needs a server that is as much to install as this one, and `make postgres` has told that it could not be.
func noPostgres(t testing.TB, program string) {
	t.Helper()
	const what = "missing: PostgreSQL's %s (Debian: postgresql)"
	if os.Getenv("USHER_TEST_STORE") == "postgres" {
		t.Fatalf(what, program)
	}
	t.Skipf(what, program)
}

func postgresMajor(bin string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(bin)))
	return n
}

// shared is the server of this process, which all its tests use.
var shared struct {
	sync.Mutex
	server *Postgres
	err    error
}

// SharedPostgres is a server that is started with the first test that asks for one, and ends with the process. Nothing in
// it survives a power cut: what must not be lost is tested with one of [StartPostgres].
func SharedPostgres(t testing.TB) *Postgres {
	t.Helper()
	bin := postgresBin(t)
	shared.Lock()
	defer shared.Unlock()
	if shared.server == nil && shared.err == nil {
		shared.server, shared.err = startPostgres(t.Context(), bin, "fsync=off", "full_page_writes=off", "autovacuum=off")
	}
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.server
}

// StartPostgres starts a server with settings of its own; it ends with the test.
func StartPostgres(t testing.TB, settings ...string) *Postgres {
	t.Helper()
	p, err := startPostgres(t.Context(), postgresBin(t), settings...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			if said, err := os.ReadFile(p.log); err == nil {
				t.Logf("PostgreSQL:\n%s", said)
			}
		}
		p.Stop()
	})
	return p
}

// postgresScript is the server's guardian: whatever becomes of the test process, the server and its folder end with the
// pipe that is its standard input.
const postgresScript = `"$1/postgres" -D "$2/data" >>"$2/log" 2>&1 &
pid=$!
cat >/dev/null
kill -QUIT $pid
wait $pid
rm -rf "$2"`

func startPostgres(ctx context.Context, bin string, settings ...string) (*Postgres, error) {
	ctx = context.WithoutCancel(ctx) // it outlives the test that asked first
	dir, err := os.MkdirTemp("", "usher-pg-")
	if err != nil {
		return nil, err
	}
	p := &Postgres{Socket: dir, dir: dir, bin: bin, log: filepath.Join(dir, "log")}
	secret := filepath.Join(dir, "password")
	if err := os.WriteFile(secret, []byte(PostgresPassword), 0o600); err != nil {
		return nil, err
	}
	as, err := asNobody(dir, secret)
	if err != nil {
		return nil, err
	}
	initdb := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), "-N", "-D", filepath.Join(dir, "data"), "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8",
		"--auth-local=trust", "--auth-host=scram-sha-256", "--pwfile="+secret)
	initdb.Dir, initdb.SysProcAttr = dir, as
	if said, err := initdb.CombinedOutput(); err != nil {
		return nil, errors.Join(fmt.Errorf("initdb: %w\n%s", err, said), os.RemoveAll(dir))
	}
	conf := append([]string{ // a test that tries a hundred things at random has a hundred stores open
		"listen_addresses='127.0.0.1'", "unix_socket_directories='" + dir + "'", "max_connections=1000", "shared_buffers=64MB",
		"max_wal_size=256MB", "timezone='UTC'",
	}, settings...)
	for range 5 { // somebody may take the port before it does
		if err = p.start(ctx, conf); err == nil {
			return p, nil
		}
	}
	return nil, errors.Join(err, os.RemoveAll(dir))
}

func (p *Postgres) start(ctx context.Context, conf []string) error {
	free, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	_, p.Port, _ = net.SplitHostPort(free.Addr().String())
	text := strings.Join(append(conf, "port="+p.Port), "\n") + "\n"
	if err := errors.Join(free.Close(), os.WriteFile(filepath.Join(p.dir, "data", "postgresql.auto.conf"), []byte(text), 0o644)); err != nil {
		return err
	}
	return p.run(ctx)
}

// run starts the server in its folder, and returns once it answers.
func (p *Postgres) run(ctx context.Context) error {
	as, err := asNobody(p.dir)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", postgresScript, "sh", p.bin, p.dir)
	cmd.Dir, cmd.SysProcAttr = p.dir, as
	stdin, end, err := os.Pipe()
	if err != nil {
		return err
	}
	cmd.Stdin = stdin
	err = cmd.Start()
	_ = stdin.Close()
	if err != nil {
		return errors.Join(err, end.Close())
	}
	p.end = end
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		out, err := exec.CommandContext(ctx, filepath.Join(p.bin, "pg_isready"), "-q", "-h", p.Socket, "-p", p.Port).CombinedOutput()
		if err == nil {
			break
		}
		if said, _ := os.ReadFile(p.log); time.Now().After(deadline) || strings.Contains(string(said), "FATAL") && !strings.Contains(string(said), "starting up") {
			return errors.Join(fmt.Errorf("PostgreSQL does not start: %w\n%s\n%s", err, out, said), end.Close())
		}
	}
	return nil
}

// Stop ends the server at once, as a kill does, and removes what it has stored.
func (p *Postgres) Stop() { _ = p.end.Close() }

// URL is a database's, as the superuser through the socket.
func (p *Postgres) URL(database string) string {
	return "postgres://postgres@/" + database + "?host=" + p.Socket + "&port=" + p.Port
}

// Loopback is a database's with a password on loopback, where it takes no TLS.
func (p *Postgres) Loopback(user, password, database string) string {
	return "postgres://" + user + ":" + password + "@127.0.0.1:" + p.Port + "/" + database + "?sslmode=disable"
}

// Dump is all that a database holds, as text.
func (p *Postgres) Dump(t testing.TB, url string) []byte {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), filepath.Join(p.bin, "pg_dump"), "--inserts", url).Output()
	if err != nil {
		t.Fatalf("pg_dump: %v", err)
	}
	return out
}

// Do has psql carry out statements as the superuser, each in a transaction of its own.
func (p *Postgres) Do(t testing.TB, database string, statements ...string) string {
	t.Helper()
	args := []string{"-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", p.Socket, "-p", p.Port, "-U", "postgres", "-d", database}
	for _, s := range statements {
		args = append(args, "-c", s)
	}
	out, err := exec.CommandContext(context.WithoutCancel(t.Context()), filepath.Join(p.bin, "psql"), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("psql %q: %v\n%s", statements, err, out)
	}
	return strings.TrimSpace(string(out))
}
