// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"bytes"
	"context"
	"database/sql"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/auth0/auth0test"
	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/secret"
	"github.com/usher-id/usher/internal/server"
)

const clientSecret = "the-secret-of-the-client"

// rotating is a daemon that is not started yet, whose people come from a tenant that is
// entered by a sealed secret. The tenant's clock can be put forward.
func rotating(t *testing.T, how string) (s *served, b *server.Built, tenant *auth0test.Tenant, forward func(time.Duration)) {
	t.Helper()
	var ahead atomic.Int64
	s, tenant = tenanted(t, "changes: stream", auth0test.Config{Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }})
	s.conf = strings.Replace(s.conf, "client_secret: "+clientSecret, "client_secret: secret:tenant"+how, 1) + "secrets: {key: DIR/usher.key}\n"
	b = built(t, keyed(t, s.dir), s.conf)
	u := opened(t, b)
	put(t, u, "tenant", clientSecret, false)
	if err := u.Close(); err != nil {
		t.Fatal(err)
	}
	user(t, tenant, "ada")
	return s, b, tenant, func(d time.Duration) { ahead.Add(int64(d)) }
}

// aged makes the newest version of a secret older.
func aged(t *testing.T, b *server.Built, name string, age time.Duration) {
	t.Helper()
	u := opened(t, b)
	change(t, u, name, func(s *secret.Sealed) { s.Created = time.Now().Add(-age) })
	if err := u.Close(); err != nil {
		t.Fatal(err)
	}
}

func newestOf(t *testing.T, b *server.Built, name string) secret.Sealed {
	t.Helper()
	kept, err := b.KeptSecrets(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s, _ := secret.Newest(kept, name)
	return s
}

// TestRotatedBesideServe: what is asked of a daemon it does, and it uses the new secret at
// once: the old one can go, and every token that it brought.
func TestRotatedBesideServe(t *testing.T) {
	t.Parallel()
	s, b, tenant, forward := rotating(t, "")
	s.serve(t)
	s.alive(t, "ada")
	u, err := b.OpenRead(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	if notes, err := u.AskRotateSecret(t.Context(), "tenant", 0, "ines"); err != nil || len(notes) > 0 {
		t.Fatalf("%q, %v", notes, err)
	}
	if s := newestOf(t, b, "tenant"); s.Version != 2 || s.Who != "ines" || tenant.HoldsSecret("usher", clientSecret) {
		t.Errorf("%+v", s)
	}
	tokens := tenant.Counts()["POST /oauth/token"]
	user(t, tenant, "bo")
	s.alive(t, "ada", "bo")
	if tenant.Counts()["POST /oauth/token"] == tokens {
		t.Error("it goes on with the token of the old secret")
	}
	forward(time.Minute)
	tenant.RevokeTokens()
	user(t, tenant, "cy")
	s.alive(t, "ada", "bo", "cy")
	for _, r := range tenant.Refusals() {
		if r.Path == "/oauth/token" {
			t.Errorf("%+v", r)
		}
	}
	if strings.Contains(s.log.String(), clientSecret) {
		t.Error("a value is in the log")
	}
	if _, err := u.AskRotateSecret(t.Context(), "nobody", 0, "ines"); err == nil || !strings.Contains(err.Error(), "does not use secret:nobody") {
		t.Errorf("%v", err)
	}
}

// lookedAfter waits until a start has looked after its credentials to the end, whatever
// became of them.
func lookedAfter(t *testing.T, s *served) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(s.dir, "usher.db")+"?mode=ro&_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	until(t, "credentials are looked after", func() bool {
		var n int
		if err := db.QueryRowContext(t.Context(), `SELECT count(*) FROM river_job WHERE kind = 'credentials' AND state = 'completed'`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n > 0
	})
}

// TestRotationIsDue: a credential that is older than the tenant says is exchanged by the
// start; one that is younger is not.
func TestRotationIsDue(t *testing.T) {
	t.Parallel()
	for days, want := range map[int]int{91: 2, 89: 1} {
		s, b, tenant, _ := rotating(t, ", rotate: 90d")
		aged(t, b, "tenant", time.Duration(days)*24*time.Hour)
		s.serve(t)
		s.alive(t, "ada")
		lookedAfter(t, s)
		if got := newestOf(t, b, "tenant").Version; got != want {
			t.Errorf("after %d days it is version %d", days, got)
		}
		st, err := s.usher.Status(t.Context())
		if err != nil || len(st.Secrets) != 1 || st.Secrets[0].Rotates == nil || st.Secrets[0].Version != want || !st.Secrets[0].Tenant {
			t.Errorf("%+v, %v", st, err)
		}
		if tenant.HoldsSecret("usher", clientSecret) != (want == 1) {
			t.Errorf("after %d days", days)
		}
		s.end(t)
	}
}

// TestRotationFails: one that is due and cannot be done is told, and harms nothing.
func TestRotationFails(t *testing.T) {
	t.Parallel()
	s, b, tenant, _ := rotating(t, ", rotate: 90d")
	aged(t, b, "tenant", 100*24*time.Hour)
	tenant.SetFaults(auth0test.Rules(auth0test.Rule{Method: "PATCH", Fault: auth0test.Fault{Kind: auth0test.Forbidden}}))
	s.serve(t)
	until(t, "it is told", func() bool {
		return strings.Contains(s.log.String(), "credential could not be rotated; it is tried again")
	})
	s.alive(t, "ada")
	if got := newestOf(t, b, "tenant"); got.Version != 1 {
		t.Errorf("%+v", got)
	}
}

// TestOldSecrets: what is older than half a year is told by the log, the metrics, the status
// and the list, once for each version.
func TestOldSecrets(t *testing.T) {
	t.Parallel()
	s, b, _, _ := rotating(t, "")
	aged(t, b, "tenant", 200*24*time.Hour)
	s.serve(t)
	s.alive(t, "ada")
	if n := strings.Count(s.log.String(), `level=WARN msg="secret is old: set a new one" secret=tenant version=1 days=200 old_after=180d`); n != 1 {
		t.Errorf("told %d times", n)
	}
	_, metrics := get(t, s.metrics+"/metrics")
	if !strings.Contains(metrics, `usher_secret_old{secret="tenant"} 1`) || !strings.Contains(metrics, `usher_secret_age_seconds{secret="tenant"} 1.72`) {
		t.Error("the metrics do not tell of it")
	}
	st, err := s.usher.Status(t.Context())
	if err != nil || len(st.Secrets) != 1 || !st.Secrets[0].Old || st.Secrets[0].AgeSeconds < 200*86_400 || st.Secrets[0].Rotates != nil {
		t.Errorf("%+v, %v", st, err)
	}
	if all, err := b.Secrets(t.Context()); err != nil || len(all) != 1 || !all[0].Old {
		t.Errorf("%+v, %v", all, err)
	}
}

// cutShort leaves a rotation whose change has reached the tenant, and nobody was told of.
func cutShort(t *testing.T, b *server.Built, tenant *auth0test.Tenant) {
	t.Helper()
	u := opened(t, b)
	tenant.SetFaults(auth0test.Rules(auth0test.Rule{Method: "PATCH", Fault: auth0test.Fault{Kind: auth0test.AnswerHangs, Hold: time.Hour}}))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		for tenant.HoldsSecret("usher", clientSecret) && ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	if _, err := u.RotateSecret(ctx, "tenant", 0, "ines", nil); err == nil {
		t.Fatal("it was not cut")
	}
	tenant.SetFaults(nil)
	if tenant.HoldsSecret("usher", clientSecret) || newestOf(t, b, "tenant").Version != 1 {
		t.Fatal("it was cut elsewhere")
	}
	if err := u.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestServeResumes: a start goes on with a rotation that was cut short before it sends
// anything, as the old secret may not be taken any more.
func TestServeResumes(t *testing.T) {
	t.Parallel()
	s, b, tenant, forward := rotating(t, "")
	cutShort(t, b, tenant)
	all, err := b.Secrets(t.Context())
	if err != nil || len(all) != 2 || all[0].Newest || all[0].State != "intended" || !all[1].Newest {
		t.Errorf("%+v, %v", all, err)
	}
	forward(time.Minute)
	s.serve(t)
	s.alive(t, "ada")
	if newestOf(t, b, "tenant").Version != 2 || strings.Contains(s.log.String(), "client secret is wrong") {
		t.Error("it went on with the old secret")
	}
	if !strings.Contains(s.log.String(), "a rotation that was cut short is finished; version 2 is the newest") {
		t.Error("it does not say so")
	}
}

// TestResumeRotations is what an apply does before its cycle. A tenant that cannot be
// reached leaves everything as it is.
func TestResumeRotations(t *testing.T) {
	t.Parallel()
	_, b, tenant, forward := rotating(t, "")
	cutShort(t, b, tenant)
	forward(time.Minute)
	u := opened(t, b)
	tenant.SetDown(true)
	if notes := u.ResumeRotations(t.Context(), false, "ines", nil); len(notes) != 1 || !strings.Contains(notes[0], "a rotation that was cut short cannot be finished yet: secret:tenant: ") {
		t.Errorf("%q", notes)
	}
	tenant.SetDown(false)
	if notes := u.ResumeRotations(t.Context(), false, "ines", nil); !slices.Equal(notes, []string{"secret:tenant: a rotation that was cut short is finished; version 2 is the newest"}) {
		t.Errorf("%q", notes)
	}
	if notes := u.ResumeRotations(t.Context(), false, "ines", nil); len(notes) > 0 {
		t.Errorf("%q", notes)
	}
}

// TestStartIsBounded: a tenant that does not answer keeps a start, which goes on with a
// rotation, from sending to everybody else for some seconds at most.
func TestStartIsBounded(t *testing.T) {
	t.Parallel()
	s, b, tenant, _ := rotating(t, "")
	cutShort(t, b, tenant)
	tenant.SetFaults(auth0test.Rules(auth0test.Rule{Method: "POST", Path: "/oauth/token", Fault: auth0test.Fault{Kind: auth0test.TimeOut, Hold: time.Hour}}))
	began := time.Now()
	s.serve(t)
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("the start took %v", took)
	}
	if newestOf(t, b, "tenant").Version != 1 || !strings.Contains(s.log.String(), "a rotation that was cut short cannot be finished yet: secret:tenant: ") {
		t.Error("it does not say what it waited for")
	}
}

// TestResumeIsBounded: a tenant that asks for a pause of a day does not keep an apply from
// its cycle, and one that is slow is told of.
func TestResumeIsBounded(t *testing.T) {
	t.Parallel()
	_, b, tenant, forward := rotating(t, "")
	cutShort(t, b, tenant)
	forward(time.Minute)
	u := opened(t, b)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	defer time.AfterFunc(patient, cancel).Stop()
	for _, c := range []struct {
		fault      auth0test.Fault
		note, says string
	}{
		{auth0test.Fault{Kind: auth0test.TooMany, RetryAfter: 24 * time.Hour}, "cannot be finished yet: secret:tenant: ", ""},
		{auth0test.Fault{Kind: auth0test.Slow, Hold: 3 * time.Second}, "is finished; version 2 is the newest", "secret:tenant: a rotation was cut short, and its tenant is asked how far it came; that takes 30s at most"},
	} {
		tenant.SetFaults(auth0test.Rules(auth0test.Rule{Method: "POST", Path: "/oauth/token", Fault: c.fault}))
		said := ""
		notes := u.ResumeRotations(ctx, false, "ines", func(what string) { said += what })
		if ctx.Err() != nil || len(notes) != 1 || !strings.Contains(notes[0], c.note) || said != c.says {
			t.Errorf("%s: %q, %q, %v", c.fault.Kind, notes, said, ctx.Err())
		}
	}
}

// TestRotatesForItsOriginAlone: nothing is asked of a tenant that a credential was not
// sealed for.
func TestRotatesForItsOriginAlone(t *testing.T) {
	t.Parallel()
	s, _, tenant, _ := rotating(t, "")
	moved := built(t, s.dir, strings.Replace(s.conf, "127.0.0.1:", "localhost:", 1))
	before := tenant.Counts().Total()
	_, err := opened(t, moved).RotateSecret(t.Context(), "tenant", 0, "ines", nil)
	if err == nil || !strings.Contains(err.Error(), "not given to http://localhost:") || tenant.Counts().Total() != before {
		t.Errorf("%v", err)
	}
}

// TestScheduleIsPossible: what could not be rotated is refused where it stands, before
// anything starts.
func TestScheduleIsPossible(t *testing.T) {
	t.Parallel()
	const text = `store: DIR/usher.db
secrets: {key: DIR/usher.key}
sources:
  one: {type: auth0, changes: none, tenant: {url: "https://acme.example", client_id: usher, client_secret: "secret:tenant", rotate: 90d}}
  two: {type: auth0, changes: none, tenant: {url: "https://acme.example", client_id: ID, client_secret: "SECRET"}}
apps:
  app: {url: "https://app.example", token: abc, user: {userName: person.userName}}
`
	for _, c := range []struct{ id, secret, want string }{
		{"usher", "secret:tenant", ""},
		{"another", "abc", ""},
		{"usher", "abc", "usher.yaml:4:109: rotate: source two is the same application and is known by another credential, which would not be taken any more: write secret:tenant there, too"},
		{"another", "secret:tenant", "rotate: secret:tenant is of two applications"},
	} {
		cfg, err := config.Parse("usher.yaml", []byte(strings.NewReplacer("DIR", t.TempDir(), "ID", c.id, "SECRET", c.secret).Replace(text)), nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = server.Build(cfg)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// TestRewrapWaitsForRotation: what a rotation seals it seals by the ring that it began with,
// and so nothing is sealed anew meanwhile: else an administrator would take the old key out
// of the ring, and the credential that only it opens would be lost for good.
func TestRewrapWaitsForRotation(t *testing.T) {
	t.Parallel()
	s, _, tenant, _ := rotating(t, "")
	var once sync.Once
	var meanwhile func() // runs while the first request of the rotation waits
	before := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		once.Do(meanwhile)
		tenant.ServeHTTP(w, r)
	}))
	t.Cleanup(before.Close)
	s.conf = regexp.MustCompile(`http://127\.0\.0\.1:[0-9]+`).ReplaceAllLiteralString(s.conf, before.URL)
	u := opened(t, built(t, s.dir, s.conf))
	put(t, u, "tenant", clientSecret, false)
	file := filepath.Join(s.dir, "usher.key")
	old, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	rewrap := func() error { // and the old key goes
		if err := u.RewrapSecrets(t.Context(), "ines"); err != nil {
			return err
		}
		both, err := os.ReadFile(file)
		if err == nil {
			err = os.WriteFile(file, bytes.TrimSuffix(both, old), 0o600)
		}
		return err
	}
	meanwhile = func() {
		if _, err := secret.AddKey(file, time.Now()); err != nil {
			t.Error(err)
		}
		if err := rewrap(); err == nil || !strings.Contains(err.Error(), "a credential is being rotated") {
			t.Errorf("sealed anew while a credential is rotated: %v", err)
		}
		if _, err := u.RotateSecret(t.Context(), "tenant", 0, "ines", nil); err == nil || !strings.Contains(err.Error(), "ask again when that is done") {
			t.Errorf("rotated by two: %v", err)
		}
		if notes := u.ResumeRotations(t.Context(), true, "ines", nil); len(notes) > 0 {
			t.Errorf("%q", notes)
		}
	}
	if r, err := u.RotateSecret(t.Context(), "tenant", 0, "ines", nil); err != nil || r.Version != 3 {
		t.Fatalf("%+v, %v", r, err)
	}
	if err := rewrap(); err != nil {
		t.Error(err)
	}
	if err := u.Close(); err != nil {
		t.Fatal(err)
	}
	if err := opened(t, built(t, s.dir, s.conf)).Unseal(t.Context()); err != nil {
		t.Errorf("it is lost: %v", err)
	}
}

// TestTakenUpBesideABrokenSecret: a new credential is taken up whatever becomes of another
// secret; the old one is void.
func TestTakenUpBesideABrokenSecret(t *testing.T) {
	t.Parallel()
	s, _, tenant, forward := rotating(t, "")
	s.conf = strings.Replace(s.conf, "token: xyz", "token: 'secret:crm'", 1)
	b := built(t, s.dir, s.conf)
	u := opened(t, b)
	put(t, u, "crm", "canary-crm", false)
	if err := u.Close(); err != nil {
		t.Fatal(err)
	}
	s.serve(t)
	s.alive(t, "ada")
	change(t, s.usher, "crm", func(s *secret.Sealed) { s.Ciphertext[len(s.Ciphertext)-1] ^= 1 })
	if r, err := s.usher.RotateSecret(t.Context(), "tenant", 0, "ines", nil); err != nil || len(r.Notes) > 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	if open := s.usher.SealedValues(); slices.Contains(open, clientSecret) || !slices.Contains(open, "canary-crm") {
		t.Error("the daemon goes on with what the tenant does not take any more, or lost the other")
	}
	forward(time.Minute)
	tenant.RevokeTokens()
	user(t, tenant, "bo")
	s.alive(t, "ada", "bo")
}

// TestOldKeyStaysWhileItIsUsed: a key that could not be taken up is told of, and the one
// before it stays at the tenant until that is done.
func TestOldKeyStaysWhileItIsUsed(t *testing.T) {
	t.Parallel()
	s, tenant := keyedTenant(t)
	u := opened(t, built(t, s.dir, s.conf))
	if err := u.Unseal(t.Context()); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(s.dir, "usher.key")
	hide := func(what string) {
		if strings.Contains(what, "which is the newest now") {
			if err := os.Rename(file, file+".hidden"); err != nil {
				t.Error(err)
			}
		}
	}
	open := u.SealedValues()
	r, err := u.RotateSecret(t.Context(), "key", 0, "ines", hide)
	if err != nil || !r.Rotated || r.Retired || len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "version 2 is the newest, and cannot be taken up yet: ") {
		t.Fatalf("%+v, %v", r, err)
	}
	if !slices.Equal(u.SealedValues(), open) || len(tenant.ClientKeys("usher")) != 2 {
		t.Error("what is used is not what it was, or the tenant does not take it")
	}
	change(t, u, "key", func(s *secret.Sealed) { s.Created = time.Now().Add(-time.Hour) })
	var log bytes.Buffer
	look := func() {
		if err := u.Credentials(t.Context(), slog.New(slog.NewTextHandler(&log, nil))); err != nil {
			t.Error(err)
		}
	}
	look()
	if len(tenant.ClientKeys("usher")) != 2 || !strings.Contains(log.String(), "what was open goes on, as the newest version is not taken up") {
		t.Errorf("the old key went, or nobody is told:\n%s", log.String())
	}
	if err := os.Rename(file+".hidden", file); err != nil {
		t.Fatal(err)
	}
	look()
	if slices.Equal(u.SealedValues(), open) || len(tenant.ClientKeys("usher")) != 1 || !strings.Contains(log.String(), "credential is taken up") {
		t.Errorf("the new one is not used, or the old one not gone:\n%s", log.String())
	}
}
