// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"slices"
	"strings"
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
	if notes := u.ResumeRotations(t.Context(), false, "ines"); len(notes) != 1 || !strings.Contains(notes[0], "a rotation that was cut short cannot be finished yet: secret:tenant: ") {
		t.Errorf("%q", notes)
	}
	tenant.SetDown(false)
	if notes := u.ResumeRotations(t.Context(), false, "ines"); !slices.Equal(notes, []string{"secret:tenant: a rotation that was cut short is finished; version 2 is the newest"}) {
		t.Errorf("%q", notes)
	}
	if notes := u.ResumeRotations(t.Context(), false, "ines"); len(notes) > 0 {
		t.Errorf("%q", notes)
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
