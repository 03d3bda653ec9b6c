// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/server"
	"github.com/usher-id/usher/internal/store/postgres/postgrestest"
	"github.com/usher-id/usher/internal/store/sqlite/sqlitetest"
	"github.com/usher-id/usher/internal/store/storetest"
)

// company is the configuration of every world, DIR its folder; a test replaces
// parts of it.
const company = `store: DIR/usher.db
calendar: {now: 2026-03-01, time_zone: UTC, prehire_days: 0}
sources:
  hr:
    type: csv
    path: DIR/hr.csv
    mode: snapshot
    key: id
    columns: [id, first, dept, start, end, leave, back]
    person:
      name.givenName: row.first
      displayName: row.first
      userName: {value: 'slug(row.first) + "@acme.example"', unique: organisation}
      enterprise.department: row.dept
      usher.startDate: date(row.start, ["yyyy-MM-dd"])
      usher.endDate: date(row.end, ["yyyy-MM-dd"])
      usher.leaveStartDate: date(row.leave, ["yyyy-MM-dd"])
      usher.leaveEndDate: date(row.back, ["yyyy-MM-dd"])
teams:
  department: {each: person.enterprise.department}
apps:
  app:
    url: https://app.example/scim
    token: xyz
    first_run: go
    user:
      userName: person.userName
      displayName: person.displayName
    groups: {teams: [department], display_name: team.value}
`

// worker is one row of the HR file.
type worker struct{ id, first, dept, start, end, leave, back string }

// staff are n people of department A, p001 and on; their keys are 1 and on.
func staff(n int) []worker {
	all := make([]worker, n)
	for i := range all {
		all[i] = worker{id: fmt.Sprint(i + 1), first: fmt.Sprintf("p%03d", i+1), dept: "A", start: "2020-01-01"}
	}
	return all
}

// world is a company with an HR file, a store and one app, run as an operator
// would: each cycle loads the configuration and opens the store anew.
type world struct {
	t     *testing.T
	ctx   context.Context
	dir   string
	conf  string
	staff []worker
	file  func([]byte) []byte // what becomes of the HR file; nil writes none
	aged  time.Time           // the HR file's time of change
	app   *fakeApp
}

// in runs a test in a bubble of its own, where to wait takes no time. The
// store's file I/O is real: a goroutine in a system call holds the bubble's clock.
func in(t *testing.T, fn func(w *world)) {
	t.Helper()
	t.Parallel()
	dir, conf := sqlitetest.Dir(t), company
	if storetest.OnPostgres() {
		conf = strings.Replace(conf, "DIR/usher.db", postgrestest.New(t), 1)
	}
	p := &patience{Context: context.Background()}
	// Outside of the bubble time is real.
	defer time.AfterFunc(time.Minute, func() { p.lost.Store(true) }).Stop()
	synctest.Test(t, func(t *testing.T) {
		fn(&world{
			t: t, ctx: p, dir: dir, conf: conf, app: newFakeApp(),
			file: func(b []byte) []byte { return b }, aged: time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC),
		})
	})
}

// patience is a context that ends a cycle which goes round without end, while
// the bubble's clock stands still. Nothing waits on it.
type patience struct {
	context.Context
	lost atomic.Bool
}

func (p *patience) Err() error {
	if p.lost.Load() {
		return context.DeadlineExceeded
	}
	return nil
}

// edit replaces what stands in the configuration once.
func (w *world) edit(old, with string) {
	w.t.Helper()
	if strings.Count(w.conf, old) != 1 {
		w.t.Fatalf("%q is not there once", old)
	}
	w.conf = strings.Replace(w.conf, old, with, 1)
}

// today sets the calendar.
func (w *world) today(date string) {
	w.t.Helper()
	from := strings.Index(w.conf, "{now: ") + len("{now: ")
	w.conf = w.conf[:from] + date + w.conf[from+len(date):]
}

// scope limits the app to those whose name comes after another.
func (w *world) scope(after string) {
	if at := strings.Index(w.conf, "    scope:"); at >= 0 {
		w.conf = w.conf[:at] + w.conf[at+strings.Index(w.conf[at:], "\n")+1:]
	}
	w.edit("    user:\n", fmt.Sprintf("    scope: person.displayName > %q\n    user:\n", after))
}

// write writes the HR file, a minute younger than the last one.
func (w *world) write() {
	w.t.Helper()
	path := filepath.Join(w.dir, "hr.csv")
	if w.file == nil {
		if err := os.RemoveAll(path); err != nil {
			w.t.Fatal(err)
		}
		return
	}
	var b strings.Builder
	b.WriteString("id,first,dept,start,end,leave,back\n")
	for _, r := range w.staff {
		b.WriteString(strings.Join([]string{r.id, r.first, r.dept, r.start, r.end, r.leave, r.back}, ",") + "\n")
	}
	if err := os.WriteFile(path, w.file([]byte(b.String())), 0o600); err != nil {
		w.t.Fatal(err)
	}
	w.aged = w.aged.Add(time.Minute)
	if err := os.Chtimes(path, w.aged, w.aged); err != nil {
		w.t.Fatal(err)
	}
}

// open writes the files and opens the store.
func (w *world) open() *server.Usher {
	w.t.Helper()
	w.write()
	file := filepath.Join(w.dir, "usher.yaml")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(w.conf, "DIR", w.dir)), 0o600); err != nil {
		w.t.Fatal(err)
	}
	cfg, err := config.Load(w.ctx, file, func(string) (string, bool) { return "", false })
	if err != nil {
		w.t.Fatal(err)
	}
	b, err := server.Build(cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, t := range b.Targets {
		t.App = w.app
	}
	u, err := b.Open(w.ctx, "test")
	if err != nil {
		w.t.Fatal(err)
	}
	return u
}

// try runs a cycle that may fail. It waits a minute for retries, unless told
// otherwise.
func (w *world) try(o server.Options) (*server.Document, error) {
	w.t.Helper()
	u := w.open()
	defer u.Close()
	if o.Wait == 0 {
		o.Wait = time.Minute
	}
	w.app.sent = nil
	doc, err := u.Apply(w.ctx, o)
	if w.ctx.Err() != nil {
		w.t.Fatalf("the cycle does not end: %d requests so far", w.app.Requests())
	}
	return doc, err
}

// steer runs a cycle that must not fail.
func (w *world) steer(o server.Options) *server.Document {
	w.t.Helper()
	doc, err := w.try(o)
	if err != nil {
		w.t.Fatal(err)
	}
	return doc
}

// apply runs an ordinary cycle and returns what it did at the app.
func (w *world) apply() *provision.AppReport {
	w.t.Helper()
	return w.steer(server.Options{}).Apps["app"]
}

// plan returns what a cycle would do at the app.
func (w *world) plan() *provision.AppReport {
	w.t.Helper()
	u := w.open()
	defer u.Close()
	doc, err := u.Plan(w.ctx, server.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	return doc.Apps["app"]
}

// quiet holds that another cycle finds nothing to do and sends nothing at all.
func (w *world) quiet() {
	w.t.Helper()
	before := w.app.Requests()
	rep := w.apply()
	if n := w.app.Requests() - before; n != 0 || rep.Writes() != 0 || rep.Waiting != 0 {
		w.t.Errorf("not quiet: %d requests, %+v", n, rep)
	}
}

// alive holds that n accounts are live.
func (w *world) alive(n int) {
	w.t.Helper()
	if live := w.app.live(); len(live) != n {
		w.t.Errorf("%d accounts are live, want %d: %v", len(live), n, live)
	}
}

// out holds that somebody has no live account and is in no group.
func (w *world) out(name string) {
	w.t.Helper()
	if slices.Contains(w.app.live(), name) {
		w.t.Errorf("%s has a live account", name)
	}
	for _, g := range w.app.objects[app.KindGroup] {
		if slices.Contains(w.app.in(nameOf(g)), name) {
			w.t.Errorf("%s is in the group %s", name, nameOf(g))
		}
	}
}

// full holds that a group has n members, and that they are of this app.
func (w *world) full(group string, n int) {
	w.t.Helper()
	if names := w.app.in(group); len(names) != n || slices.Contains(names, "") {
		w.t.Errorf("group %s has %d members, want %d: %v", group, len(names), n, names)
	}
}

// events counts the ledger's events of a kind.
func (w *world) events(kind string) (n int) {
	w.t.Helper()
	u := w.open()
	defer u.Close()
	entries, err := u.Ledger().Chained(w.ctx, 0, 10_000)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, e := range entries {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
