// SPDX-License-Identifier: Apache-2.0

package bench_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/auth0"
	"github.com/usher-id/usher/internal/auth0/auth0test"
	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/server"
	"github.com/usher-id/usher/scim"
)

// patched is an app that answers at once and tells of each PATCH.
type patched struct {
	*instant
	told chan string // ids
}

func (p *patched) Patch(ctx context.Context, k app.Kind, id string, c []scim.Change, want *scim.Resource) (app.Answer, error) {
	p.told <- id
	return p.instant.Patch(ctx, k, id, c, want)
}

// tenantWorld is a tenant of Auth0 whose users are the people of one app.
type tenantWorld struct {
	people int
	tenant *auth0test.Tenant
	url    string
	file   string
	app    *patched
	alters int
}

const tenantSecret = "the-secret-of-the-client"

func newTenantWorld(b *testing.B, people int) *tenantWorld {
	b.Helper()
	tenant, err := auth0test.New(auth0test.Config{ClientID: "usher", Secret: tenantSecret})
	if err != nil {
		b.Fatal(err)
	}
	url, stop, err := tenant.Listen(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(stop)
	if err := tenant.Load(people, func(i int, u *auth0test.User) {
		u.Email, u.EmailVerified = fmt.Sprintf("given%d.family%d@acme.example", i, i%977), true
		u.GivenName, u.FamilyName = fmt.Sprintf("given%d", i), fmt.Sprintf("family%d", i%977)
		u.Name = u.GivenName + " " + u.FamilyName
		u.AppMetadata = []byte(fmt.Sprintf(`{"department":"T%d"}`, i%25))
	}); err != nil {
		b.Fatal(err)
	}
	w := &tenantWorld{people: people, tenant: tenant, url: url, file: filepath.Join(b.TempDir(), "usher.yaml"), app: &patched{newInstant(b), make(chan string, 16)}}
	text := fmt.Sprintf(`store: %s
sources:
  auth0:
    type: auth0
    tenant: {url: '%s', client_id: usher, client_secret: %s, allow: [loopback, plain-http]}
    columns: [app_metadata.department]
    changes: stream
    person:
      userName: row.email
      name.givenName: row.given_name
      name.familyName: row.family_name
      displayName: row.name
      enterprise.department: row["app_metadata.department"]
teams:
  department: {each: person.enterprise.department}
apps:
  app:
    url: http://127.0.0.1:9/scim/v2
    token: bench
    allow: [loopback, plain-http]
    first_run: go
    user:
      userName: person.userName
      name.givenName: person.name.givenName
      name.familyName: person.name.familyName
      displayName: person.displayName
      enterprise.department: person.enterprise.department
    groups: {teams: [department]}
server: {address: '127.0.0.1:0'}
telemetry: {metrics_address: '127.0.0.1:0'}
`, filepath.Join(filepath.Dir(w.file), "usher.db"), url, tenantSecret)
	if err := os.WriteFile(w.file, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	return w
}

func (w *tenantWorld) open(b *testing.B, holder string) *server.Usher {
	b.Helper()
	cfg, err := config.Load(context.Background(), w.file, nil)
	if err != nil {
		b.Fatal(err)
	}
	built, err := server.Build(cfg)
	if err != nil {
		b.Fatal(err)
	}
	built.Targets[0].App = w.app
	u, err := built.Open(context.Background(), holder)
	if err == nil {
		err = u.Unseal(context.Background())
	}
	if err != nil {
		b.Fatal(err)
	}
	return u
}

// forget removes the store.
func (w *tenantWorld) forget(b *testing.B) {
	b.Helper()
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.RemoveAll(filepath.Join(filepath.Dir(w.file), "usher.db") + suffix); err != nil {
			b.Fatal(err)
		}
	}
}

// reconcile is one cycle, which reads everybody. It returns the requests that the tenant saw.
func (w *tenantWorld) reconcile(b *testing.B) (*server.Document, int) {
	b.Helper()
	w.tenant.ResetCounts()
	u := w.open(b, "bench")
	doc, err := u.Apply(context.Background(), server.Options{Actor: "bench"})
	if err = errors.Join(err, u.Close()); err != nil {
		b.Fatal(err)
	}
	if a := doc.Apps["app"]; doc.People.Active != w.people || a.Parked+a.Waiting+a.Held > 0 || a.Paused != "" {
		b.Fatalf("%+v, %+v", doc.People, *a)
	}
	return doc, w.tenant.Counts().Total()
}

// alone reads everybody with the same client, and does nothing with it.
func (w *tenantWorld) alone(b *testing.B) time.Duration {
	b.Helper()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	c, err := auth0.New(auth0.Config{URL: w.url, ClientID: "usher", Secret: tenantSecret, HTTP: transport})
	if err != nil {
		b.Fatal(err)
	}
	start, n := time.Now(), 0
	for _, err := range c.Export(b.Context(), "", []string{"app_metadata.department"}) {
		if err != nil {
			b.Fatal(err)
		}
		n++
	}
	if n != w.people {
		b.Fatalf("%d users, want %d", n, w.people)
	}
	return time.Since(start)
}

// alter changes one user at the tenant, each time another one.
func (w *tenantWorld) alter(b *testing.B) {
	b.Helper()
	w.alters++
	id := fmt.Sprintf("auth0|%024x", 1+w.alters*7919%w.people)
	if err := w.tenant.Alter(id, func(u *auth0test.User) { u.Name = fmt.Sprintf("Name %d", w.alters) }); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkTenant has a tenant of Auth0 as its source, a fake one in the same process:
// everybody is read with a change and without, and one change is told by the stream.
func BenchmarkTenant(b *testing.B) {
	few := 0.0
	for _, people := range []int{size(1_000, 100), size(100_000, 600)} {
		w := newTenantWorld(b, people)
		b.Run(fmt.Sprintf("first/people=%d", people), func(b *testing.B) {
			requests := 0
			for b.Loop() {
				w.forget(b)
				doc, n := w.reconcile(b)
				if doc.Apps["app"].Create != people {
					b.Fatalf("%+v", *doc.Apps["app"])
				}
				requests = n
			}
			b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/cycle")
			b.ReportMetric(float64(requests), "tenant-requests")
		})
		for _, c := range []struct {
			name  string
			wrote int
		}{{"quiet", 0}, {"one-changed", 1}} {
			b.Run(fmt.Sprintf("%s/people=%d", c.name, people), func(b *testing.B) {
				var alone time.Duration
				requests := 0
				for b.Loop() {
					b.StopTimer()
					alone += w.alone(b)
					if c.wrote > 0 {
						w.alter(b)
					}
					b.StartTimer()
					doc, n := w.reconcile(b)
					if doc.Apps["app"].Writes() != c.wrote {
						b.Fatalf("%+v", *doc.Apps["app"])
					}
					requests = n
				}
				w.drained()
				b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/cycle")
				b.ReportMetric(alone.Seconds()/float64(b.N), "s/export-alone")
				b.ReportMetric(float64(requests), "tenant-requests")
			})
		}
		b.Run(fmt.Sprintf("told/people=%d", people), func(b *testing.B) {
			one := w.told(b)
			if few == 0 {
				few = one
			}
			b.ReportMetric(one/few, "x-few-people")
		})
	}
}

// drained forgets what the app has told of.
func (w *tenantWorld) drained() {
	for len(w.app.told) > 0 {
		<-w.app.told
	}
}

// told changes users one by one beside a running daemon, and measures how long it takes
// until the app is sent each, in milliseconds.
func (w *tenantWorld) told(b *testing.B) float64 {
	b.Helper()
	began := time.Now()
	u := w.open(b, server.ServeHolder())
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		_, err := u.Serve(ctx, server.ServeOptions{Log: slog.New(slog.DiscardHandler), Actor: "bench"})
		ended <- errors.Join(err, u.Close())
	}()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	}()
	change := func() time.Duration {
		start := time.Now()
		w.alter(b)
		select {
		case <-w.app.told:
		case err := <-ended:
			b.Fatal(err)
		case <-time.After(time.Minute):
			b.Fatal("the change did not arrive")
		}
		return time.Since(start)
	}
	w.rest(b, u, began)
	change()
	w.rest(b, u, began)
	w.tenant.ResetCounts()
	var took time.Duration
	n := 0
	b.ResetTimer()
	for b.Loop() {
		for range 20 {
			took += change()
			n++
		}
	}
	one := took.Seconds() * 1000 / float64(n)
	b.ReportMetric(one, "ms/change")
	b.ReportMetric(float64(w.tenant.Counts().Total())/float64(n), "tenant-requests")
	return one
}

// rest waits until the daemon has read everybody since a time, listens to the tenant,
// and has nothing to do.
func (w *tenantWorld) rest(b *testing.B, u *server.Usher, since time.Time) {
	b.Helper()
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		st, err := u.Status(context.Background())
		if err != nil {
			b.Fatal(err)
		}
		if read := st.Sources[0].ReadAt; read != nil && !read.Before(since) && st.Apps[0].Due == 0 && w.tenant.OpenStreams() == 1 {
			return
		}
		if time.Since(began) > 5*time.Minute {
			b.Fatalf("the daemon does not come to rest: %+v, %+v", st.Sources[0], st.Apps[0])
		}
	}
}
