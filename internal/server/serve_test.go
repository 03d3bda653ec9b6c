// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/server"
	"github.com/usher-id/usher/internal/store/sqlite/sqlitetest"
	"github.com/usher-id/usher/internal/testenv"
)

// patient is how long what a daemon does may take before a test gives up.
const patient = 30 * time.Second

// served is a daemon of a world, in real time.
type served struct {
	*world
	usher   *server.Usher
	url     string
	metrics string
	log     *testenv.Output
	level   slog.Level
	stop    context.CancelFunc
	ended   chan error
	left    *server.Status
	own     bool // apps are as they are configured, and not the world's one
}

// company in real time: no fixed calendar, addresses of its own.
func newServed(t testing.TB) *served {
	t.Helper()
	w := &world{
		ctx: context.Background(), dir: sqlitetest.Dir(t), app: newFakeApp(), file: func(b []byte) []byte { return b },
		aged: time.Now().Add(-time.Hour), conf: strings.Replace(company, "now: 2026-03-01, ", "", 1) +
			"server: {address: '127.0.0.1:0'}\ntelemetry: {metrics_address: '127.0.0.1:0'}\n",
	}
	if tt, ok := t.(*testing.T); ok {
		w.t = tt
	}
	return &served{world: w, log: &testenv.Output{}}
}

// serve opens the store and starts the daemon.
func (s *served) serve(t testing.TB) {
	t.Helper()
	file := filepath.Join(s.dir, "usher.yaml")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(s.conf, "DIR", s.dir)), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(s.ctx, file, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := server.Build(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range b.Targets {
		if !s.own {
			target.App = s.app
		}
	}
	if s.usher, err = b.Open(s.ctx, server.ServeHolder()); err != nil {
		t.Fatal(err)
	}
	if err := s.usher.Unseal(s.ctx); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(s.ctx)
	s.stop, s.ended = stop, make(chan error, 1)
	listening := make(chan struct{})
	go func() {
		var err error
		s.left, err = s.usher.Serve(ctx, server.ServeOptions{
			Log: slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: s.level})), Actor: "test",
			Listening: func(main, metrics string) {
				s.url, s.metrics = "http://"+main, "http://"+metrics
				close(listening)
			},
		})
		s.ended <- errors.Join(err, s.usher.Close())
	}()
	select {
	case <-listening:
	case err := <-s.ended:
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.end(t)
		if t.Failed() {
			t.Log(s.log.String())
		}
	})
}

// end stops the daemon, once.
func (s *served) end(t testing.TB) {
	t.Helper()
	if s.ended == nil {
		return
	}
	s.stop()
	select {
	case err := <-s.ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(patient):
		t.Error("the daemon does not stop")
	}
	s.ended = nil
}

// hr writes the HR file as one does that wants nobody to see half of it.
func (s *served) hr(t testing.TB, staff []worker) {
	t.Helper()
	var b strings.Builder
	b.WriteString("id,first,dept,start,end,leave,back\n")
	for _, r := range staff {
		b.WriteString(strings.Join([]string{r.id, r.first, r.dept, r.start, r.end, r.leave, r.back}, ",") + "\n")
	}
	path := filepath.Join(s.dir, "hr.csv")
	if err := errors.Join(os.WriteFile(path+".tmp", []byte(b.String()), 0o600), os.Rename(path+".tmp", path)); err != nil {
		t.Fatal(err)
	}
}

// until waits for something to come true.
func until(t testing.TB, what string, true func() bool) {
	t.Helper()
	for end := time.Now().Add(patient); !true(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after %s still not: %s", patient, what)
		}
	}
}

func (s *served) alive(t testing.TB, names ...string) {
	t.Helper()
	until(t, fmt.Sprintf("%v have accounts", names), func() bool { return slices.Equal(s.live(), names) })
}

func (s *served) live() []string {
	s.app.mu.Lock()
	defer s.app.mu.Unlock()
	return s.app.live()
}

// settled waits until nothing is due any more.
func (s *served) settled(t testing.TB) {
	t.Helper()
	until(t, "nothing is due", func() bool {
		st, err := s.usher.Status(s.ctx)
		return err == nil && st.Apps[0].Due == 0
	})
}

func get(t testing.TB, url string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

// A daemon without a file to read lives, is not ready, and says why. When the
// file comes, the app follows; metrics tell of it.
func TestServeIsReadyOnceItHasRead(t *testing.T) {
	t.Parallel()
	s := newServed(t)
	s.serve(t)
	if code, body := get(t, s.url+"/healthz"); code != http.StatusOK || body != `{"ok":true}` {
		t.Errorf("healthz: %d %s", code, body)
	}
	until(t, "not ready", func() bool {
		code, body := get(t, s.url+"/readyz")
		return code == http.StatusServiceUnavailable && strings.Contains(body, "source hr has never been read: source hr: csv: the file does not exist")
	})
	s.hr(t, staff(3))
	s.alive(t, "p001", "p002", "p003")
	until(t, "ready", func() bool { code, _ := get(t, s.url+"/readyz"); return code == http.StatusOK })
	_, body := get(t, s.metrics+"/metrics")
	for _, want := range []string{`usher_people{state="active"} `, `usher_accounts{app="app",state="live"} `, `usher_paused{app="app"} 0`, `usher_breaker{app="app",state="closed"} 1`, `usher_breaker{app="app",state="open"} 0`, `usher_source_trouble{source="hr"} 0`} {
		if !strings.Contains(body, want) {
			t.Errorf("metrics lack %s", want)
		}
	}
	for _, path := range []string{"/", "/metrics", "/debug/vars", "/scim/v2/Users"} {
		if code, _ := get(t, s.url+path); code != http.StatusNotFound {
			t.Errorf("%s: %d", path, code)
		}
	}
	if code, _ := get(t, s.metrics+"/debug/vars"); code != http.StatusNotFound {
		t.Errorf("/debug/vars: %d", code)
	}
	s.settled(t)
	s.end(t)
	if s.left.Apps[0].Due != 0 || s.left.Apps[0].Live != 3 {
		t.Errorf("left: %+v", s.left.Apps[0])
	}
}

// People start and end on their minute, although nobody touches the file, and
// although it is gone.
func TestServeMovesPeopleWithoutTheFile(t *testing.T) {
	t.Parallel()
	s := newServed(t)
	s.edit(`date(row.start, ["yyyy-MM-dd"])`, `date(row.start, ["yyyy-MM-dd", "yyyy-MM-dd HH:mm:ss"])`)
	s.edit(`date(row.end, ["yyyy-MM-dd"])`, `date(row.end, ["yyyy-MM-dd", "yyyy-MM-dd HH:mm:ss"])`)
	all := staff(3)
	in := func(d time.Duration) string { return time.Now().UTC().Add(d).Format(time.DateTime) }
	all[1].start, all[2].end = in(24*time.Hour), in(24*time.Hour)
	s.hr(t, all)
	start := time.Now()
	s.serve(t)
	s.alive(t, "p001", "p003")
	// Long enough for this machine to read the file before it has come, and not as long as anybody waits for.
	soon := min(2*time.Second+3*time.Since(start), 20*time.Second)
	all[1].start, all[2].end = in(soon), in(soon+time.Second)
	s.hr(t, all)
	until(t, "the new dates are read", func() bool { return strings.Contains(s.log.String(), "changed=2") })
	if err := os.Remove(filepath.Join(s.dir, "hr.csv")); err != nil {
		t.Fatal(err)
	}
	s.alive(t, "p001", "p002")
	if !strings.Contains(s.log.String(), "people moved") {
		t.Error("nothing in the log of people who moved")
	}
}

// Changes that come while a read runs are not swallowed by it: whatever the
// file was last, the app is in the end.
func TestServeSwallowsNoChange(t *testing.T) {
	t.Parallel()
	s := newServed(t)
	s.hr(t, staff(2))
	s.serve(t)
	s.alive(t, "p001", "p002")
	for i := range 40 {
		all := staff(2)
		all[0].dept = fmt.Sprint("D", i)
		s.hr(t, all)
		time.Sleep(time.Duration(i%8) * 17 * time.Millisecond) // no synchroniser: it spreads the changes over a read
	}
	until(t, "the last change is there", func() bool {
		s.app.mu.Lock()
		defer s.app.mu.Unlock()
		return slices.Equal(s.app.in("D39"), []string{"p001"})
	})
}

// second is a source that makes a person of whomever it does not find in hr.
const second = `  badges:
    type: csv
    path: DIR/badges.csv
    key: badge
    columns: [badge, number, first]
    match: [enterprise.employeeNumber]
    unmatched: found
    person:
      enterprise.employeeNumber: row.number
      displayName: row.first
      userName: {value: 'slug(row.first) + "@acme.example"', unique: organisation}
`

// Whoever comes in two sources at once is one person, whatever file came first:
// as in an apply, the sources that state people come before those that look
// for them.
func TestServeReadsInOrder(t *testing.T) {
	t.Parallel()
	s := newServed(t)
	s.edit("      enterprise.department: row.dept\n", "      enterprise.department: row.dept\n      enterprise.employeeNumber: row.id\n")
	s.edit("teams:\n", second+"teams:\n")
	badges := func(n int) {
		text := "badge,number,first\nB0,none,guest\n"
		for i := range n {
			text += fmt.Sprintf("B%d,%d,p%03d\n", i+1, i+1, i+1)
		}
		path := filepath.Join(s.dir, "badges.csv")
		if err := errors.Join(os.WriteFile(path+".tmp", []byte(text), 0o600), os.Rename(path+".tmp", path)); err != nil {
			t.Fatal(err)
		}
	}
	badges(3)
	s.serve(t)
	until(t, "badges wait", func() bool {
		_, body := get(t, s.url+"/readyz")
		return strings.Contains(body, "it waits until source hr has been read")
	})
	if live := s.live(); len(live) > 0 {
		t.Fatalf("%v have accounts before hr was read", live)
	}
	s.hr(t, staff(3))
	s.alive(t, "guest", "p001", "p002", "p003")
	for n := 4; n < 10; n++ {
		badges(n) // first what must come second
		s.hr(t, staff(n))
		until(t, "one more", func() bool { return len(s.live()) == n+1 })
	}
	s.settled(t)
	if st, err := s.usher.Status(s.ctx); err != nil || st.People.Total != 10 {
		t.Errorf("%d people, want 10: %v", st.People.Total, err)
	}
}

// The files of a pattern are taken as they come.
func TestServeFollowsAFolder(t *testing.T) {
	t.Parallel()
	s := newServed(t)
	s.edit("path: DIR/hr.csv\n    mode: snapshot", "path: DIR/hr-*.csv\n    mode: delta")
	s.serve(t)
	for i := range 3 {
		text := fmt.Sprintf("id,first,dept,start,end,leave,back\n%d,p%03d,A,2020-01-01,,,\n", i+1, i+1)
		if err := os.WriteFile(filepath.Join(s.dir, fmt.Sprintf("hr-%d.csv", i)), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		until(t, "one more", func() bool { return len(s.live()) == i+1 })
	}
}

// One engine: a second one is told who is there, and a stopped one lets go.
func TestServeHoldsTheStore(t *testing.T) {
	t.Parallel()
	s := newServed(t)
	s.hr(t, staff(1))
	s.serve(t)
	_, err := s.usher.Built.Open(s.ctx, "another")
	if err == nil || !strings.Contains(err.Error(), server.ServeHolder()) || !server.Serves(server.ServeHolder()) {
		t.Errorf("a second engine: %v", err)
	}
	st, err := s.usher.Status(s.ctx)
	if err != nil || !st.Engine.Running || st.Engine.Holder != server.ServeHolder() {
		t.Errorf("status: %+v, %v", st, err)
	}
	s.end(t)
	u, err := s.usher.Built.Open(s.ctx, "another")
	if err != nil {
		t.Fatal(err)
	}
	if err := u.Close(); err != nil {
		t.Error(err)
	}
}

// Another process's requests are carried out, by name, and answered once.
func TestServeAnswers(t *testing.T) {
	t.Parallel()
	s := newServed(t)
	s.hr(t, staff(3))
	s.serve(t)
	s.alive(t, "p001", "p002", "p003")
	beside, err := s.usher.OpenRead(s.ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer beside.Close()
	ask := func(o server.Options) (*server.Document, error) {
		t.Helper()
		o.Actor = "apply by ines"
		id, err := beside.Ask(s.ctx, o)
		if err != nil {
			t.Fatal(err)
		}
		doc, taken, err := beside.Answer(s.ctx, id)
		if !taken {
			t.Error("answered, and not taken")
		}
		return doc, err
	}
	doc, err := ask(server.Options{Person: "1"})
	if err != nil || doc.People.Total != 3 || doc.Apps["app"].Unchanged != 3 {
		t.Errorf("%+v, %v", doc, err)
	}
	if _, err := ask(server.Options{Person: "nobody"}); err == nil || !strings.Contains(err.Error(), "nobody is known") {
		t.Errorf("for nobody: %v", err)
	}
	if _, err := ask(server.Options{}); err == nil {
		t.Error("a request for everybody was carried out")
	}
	if _, err := ask(server.Options{Person: "1", App: "nowhere"}); err == nil {
		t.Error("a request for an app that is not there was carried out")
	}
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	id, err := beside.Ask(s.ctx, server.Options{Person: "1", Actor: "x"})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := beside.Answer(ctx, id); !errors.Is(err, context.Canceled) {
		t.Errorf("gave up waiting: %v", err)
	}
	until(t, "a request whose asker is gone has an outcome", func() bool {
		st, err := beside.Status(s.ctx)
		return err == nil && st.Asked == 0
	})
}

// A request that an engine has not taken before it ended is taken by the next.
func TestServeTakesUp(t *testing.T) {
	t.Parallel()
	s := newServed(t)
	u := s.open() // an engine that does nothing
	s.hr(t, staff(1))
	beside, err := u.OpenRead(s.ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer beside.Close()
	id, err := beside.Ask(s.ctx, server.Options{Person: "1", Actor: "apply by ines"})
	if err := errors.Join(err, u.Close()); err != nil {
		t.Fatal(err)
	}
	if _, taken, err := beside.Answer(s.ctx, id); taken || !errors.Is(err, server.ErrNobodyServes) {
		t.Errorf("waited for: taken %t, %v", taken, err)
	}
	s.serve(t)
	if doc, _, err := beside.Answer(s.ctx, id); err != nil || doc.People.Total != 1 {
		t.Errorf("%+v, %v", doc, err)
	}
}

// A listener's address that is taken is found before anything runs.
func TestServeAddressTaken(t *testing.T) {
	t.Parallel()
	s := newServed(t)
	s.hr(t, staff(1))
	s.serve(t)
	other := newServed(t)
	other.edit("server: {address: '127.0.0.1:0'}", "server: {address: '"+strings.TrimPrefix(s.url, "http://")+"'}")
	other.hr(t, staff(1))
	u := other.open()
	defer u.Close()
	_, err := u.Serve(s.ctx, server.ServeOptions{Log: slog.New(slog.DiscardHandler), Actor: "test"})
	if err == nil || !strings.Contains(err.Error(), "server.address") {
		t.Errorf("started: %v", err)
	}
	if other.app.Requests() != 0 {
		t.Error("it began to work nevertheless")
	}
}

// BenchmarkFileToRequest is how long it takes from a file's rename to the
// request that tells the app, and from a date to it.
func BenchmarkFileToRequest(b *testing.B) {
	s := newServed(b)
	all := staff(1000)
	s.hr(b, all)
	s.serve(b)
	until(b, "all are there", func() bool { return len(s.live()) == len(all) })
	var took []time.Duration
	for i := range b.N {
		who := i % len(all)
		all[who].first = fmt.Sprintf("n%05d", i)
		before := s.app.Requests()
		start := time.Now()
		s.hr(b, all)
		for s.app.Requests() == before {
			time.Sleep(200 * time.Microsecond)
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)-1].Microseconds())/1000, "max-ms")
}
