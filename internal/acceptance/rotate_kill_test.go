// SPDX-License-Identifier: Apache-2.0

package acceptance_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/auth0"
	"github.com/usher-id/usher/internal/auth0/auth0test"
	"github.com/usher-id/usher/internal/rest"
	"github.com/usher-id/usher/internal/secret"
	"github.com/usher-id/usher/internal/store"
	"github.com/usher-id/usher/internal/testenv"
	"github.com/usher-id/usher/scim/scimtest"
)

const rotatingConfig = `store: DIR/usher.db
secrets: {key: DIR/usher.key}
sources:
  hr: {type: csv, path: DIR/people.csv, key: id, columns: [id], person: {userName: row.id}}
  tenant: {type: auth0, match: [userName], changes: none, tenant: {url: "TENANT", client_id: usher, CREDENTIAL: "secret:tenant", allow: [loopback, plain-http]}}
apps:
  app: {url: "APP", token: "TOKEN", allow: [loopback, plain-http], first_run: go, user: {userName: person.userName}}
server: {address: "127.0.0.1:0"}
telemetry: {metrics_address: "127.0.0.1:0"}
`

// TestRotationKilled kills the built binary with SIGKILL 50 times while it rotates the
// credential of a tenant, or goes on with what an earlier kill has left: at the arrival of
// a request, behind its effect, or at a random moment. After each the tenant takes what is
// sealed and has two public keys at most; at the end the newest version is what it takes,
// and nothing else.
func TestRotationKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("many starts of the binary")
	}
	t.Parallel()
	const kills = 25 // of each
	for _, key := range []bool{false, true} {
		t.Run(map[bool]string{false: "secret", true: "key"}[key], func(t *testing.T) {
			t.Parallel()
			seed := uint64(time.Now().UnixNano())
			t.Logf("seed %d", seed)
			luck := rand.New(rand.NewPCG(seed, 3))
			r := newRotated(t, key)
			done, of := 0, map[string]int{}
			for tries := 0; done < kills && tries < 4*kills; tries++ {
				what := []string{"rotate", "rotate", "rotate", "apply", "serve"}[luck.IntN(5)]
				if !r.pending() { // only a rotation has something to do
					what = "rotate"
				}
				if r.killed(what, luck) {
					done++
					of[what]++
				}
				r.sound()
			}
			t.Logf("%d kills: %v; %d of them with something pending", done, of, r.left)
			if done < kills || r.left < kills/5 {
				t.Errorf("%d kills, %d with something pending", done, r.left)
			}
			r.ends()
		})
	}
}

// rotated is a tenant, and a folder with what is known of it.
type rotated struct {
	*testing.T
	key    bool
	dir    string
	tenant *auth0test.Tenant
	ring   *secret.Ring
	first  string
	left   int // kills that left something to go on with

	mu    sync.Mutex
	count int // requests until the trap fires; 0: it does not
	late  bool
	fire  func()
}

func newRotated(t *testing.T, key bool) *rotated {
	t.Helper()
	r := &rotated{T: t, key: key, dir: t.TempDir(), first: "the-first-secret-of-the-application"}
	c := auth0test.Config{ClientID: "usher", Secret: r.first, SecretLag: 300 * time.Millisecond}
	if key {
		private, err := rest.NewKey()
		if err != nil {
			t.Fatal(err)
		}
		public, _, err := rest.PublicKeyOf(private)
		if err != nil {
			t.Fatal(err)
		}
		r.first, c.Secret, c.PublicKeys = string(private), "", [][]byte{public}
	}
	var err error
	if r.tenant, err = auth0test.New(c); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(r)
	t.Cleanup(srv.Close)
	t.Cleanup(srv.CloseClientConnections)
	app := newFake(t, scimtest.Config{}, nil)
	text := strings.NewReplacer("DIR", r.dir, "TENANT", srv.URL, "CREDENTIAL", map[bool]string{false: "client_secret", true: "private_key"}[key],
		"APP", app.base, "TOKEN", app.token).Replace(rotatingConfig)
	for name, data := range map[string]string{"usher.yaml": text, "people.csv": "id\nE-1001\n"} {
		if err := os.WriteFile(filepath.Join(r.dir, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := secret.CreateRing(filepath.Join(r.dir, "usher.key"), time.Now()); err != nil {
		t.Fatal(err)
	}
	if r.ring, err = secret.ReadRing(filepath.Join(r.dir, "usher.key")); err != nil {
		t.Fatal(err)
	}
	set := r.command("secret", "set", "tenant")
	set.Stdin = strings.NewReader(r.first)
	if out, err := set.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return r
}

// ServeHTTP lets requests of Usher pass, or kills it before or behind one.
func (r *rotated) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	fires := r.count == 1
	r.count = max(0, r.count-1)
	late, fire := r.late, r.fire
	r.mu.Unlock()
	switch {
	case !fires:
		r.tenant.ServeHTTP(w, req)
	case late:
		r.tenant.ServeHTTP(httptest.NewRecorder(), req)
		fire()
		panic(http.ErrAbortHandler)
	default:
		fire()
		panic(http.ErrAbortHandler)
	}
}

func (r *rotated) command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(context.Background(), testenv.Binary(r.T), append(args, "-c", filepath.Join(r.dir, "usher.yaml"))...)
	cmd.Env = append(os.Environ(), "USER=ines")
	return cmd
}

var rotateArgs = []string{"secret", "rotate", "tenant", "--at-tenant", "--overlap", "0s"}

// killed starts a process and kills it somewhere; false if it came to its end before.
func (r *rotated) killed(what string, luck *rand.Rand) bool {
	r.Helper()
	cmd := r.command(what)
	if what == "rotate" {
		cmd = r.command(rotateArgs...)
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	killed := make(chan struct{})
	kill := sync.OnceFunc(func() {
		close(killed)
		_ = cmd.Process.Kill() // it may have ended by itself
	})
	if err := cmd.Start(); err != nil {
		r.Fatal(err)
	}
	if luck.IntN(4) == 0 || what == "serve" { // which may have nothing more to send
		defer time.AfterFunc(50*time.Millisecond+time.Duration(luck.Int64N(int64(time.Second))), kill).Stop()
	}
	r.mu.Lock()
	r.count, r.late, r.fire = 1+luck.IntN(map[bool]int{false: 4, true: 12}[r.key]), luck.IntN(2) == 0, kill
	r.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // its state says how it ended
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(time.Minute):
		kill()
		<-ended
		r.Fatalf("%s hangs\n%s", what, out.String())
	}
	r.mu.Lock()
	r.count = 0
	r.mu.Unlock()
	if strings.Contains(out.String(), r.first) {
		r.Error("a value is printed")
	}
	select {
	case <-killed:
		if r.pending() {
			r.left++
		}
		return true
	default:
		if cmd.ProcessState.ExitCode() != 0 {
			r.Fatalf("%s ended by itself with %d\n%s", what, cmd.ProcessState.ExitCode(), out.String())
		}
		return false
	}
}

func (r *rotated) rows() []secret.Sealed {
	r.Helper()
	db, err := store.OpenRead(r.Context(), filepath.Join(r.dir, "usher.db"))
	if err != nil {
		r.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	all, err := db.Secrets().Secrets(r.Context())
	if err != nil {
		r.Fatal(err)
	}
	return all
}

func (r *rotated) pending() bool {
	r.Helper()
	return slices.ContainsFunc(r.rows(), func(s secret.Sealed) bool { return s.State != secret.Held })
}

// takes reports whether a version is what the tenant takes for good.
func (r *rotated) takes(s secret.Sealed) bool {
	r.Helper()
	value, err := r.ring.Open(s)
	if err != nil {
		r.Fatal(err)
	}
	if !r.key {
		return r.tenant.HoldsSecret("usher", string(value))
	}
	_, thumb, err := rest.PublicKeyOf(value)
	if err != nil {
		r.Fatal(err)
	}
	return slices.ContainsFunc(r.tenant.ClientKeys("usher"), func(k auth0test.ClientKey) bool { return k.Active && k.Kid == thumb })
}

// sound holds that nobody is locked out.
func (r *rotated) sound() {
	r.Helper()
	if keys := r.tenant.ClientKeys("usher"); len(keys) > auth0.MostPublicKeys {
		r.Fatalf("%+v", keys)
	}
	if !slices.ContainsFunc(r.rows(), r.takes) {
		r.Fatal("locked out: the tenant takes nothing that is sealed")
	}
}

// ends lets a rotation come to its end, and holds that it has.
func (r *rotated) ends() {
	r.Helper()
	for range 2 { // the first goes on with what was left, the second begins anew
		if out, err := r.command(rotateArgs...).CombinedOutput(); err != nil {
			r.Fatalf("%v\n%s", err, out)
		}
	}
	rows := r.rows()
	if len(rows) != 2 || !r.takes(rows[0]) || r.takes(rows[1]) || r.pending() {
		r.Errorf("%+v", rows)
	}
	if keys := r.tenant.ClientKeys("usher"); r.key && len(keys) != 1 {
		r.Errorf("%+v", keys)
	}
	for _, args := range [][]string{{"apply"}, {"audit", "verify"}} {
		if out, err := r.command(args...).CombinedOutput(); err != nil {
			r.Errorf("%s: %v\n%s", fmt.Sprint(args), err, out)
		}
	}
}
