// SPDX-License-Identifier: Apache-2.0

package bench_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/heap"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/server"
)

const token = "bench"

// world is a company, an HR file and a store, and the apps that it feeds.
type world struct {
	dir         string
	people      int
	groups      int // values of each of the four attributes that make teams
	memberships int // of each person, 0 to 4
	apps        []string
	urls        map[string]string
	token       string
	titles      map[int]string // of those who do not have the usual one
}

func newWorld(tb testing.TB, people int) *world {
	tb.Cleanup(heap.Roomy()) // as the command has it
	return &world{dir: tb.TempDir(), people: people, apps: []string{"app"}, token: token, urls: map[string]string{}, titles: map[int]string{}}
}

func (w *world) store() string  { return filepath.Join(w.dir, "usher.db") }
func (w *world) hr() string     { return filepath.Join(w.dir, "people.csv") }
func (w *world) config() string { return filepath.Join(w.dir, "usher.yaml") }

// write writes the configuration and the HR file.
func (w *world) write(tb testing.TB) {
	tb.Helper()
	var c bytes.Buffer
	fmt.Fprintf(&c, `store: %s
sources:
  hr:
    type: csv
    path: %s
    key: id
    columns: [id, first, last, title, t1, t2, t3, t4]
    person:
      userName: {value: row.first + "." + row.last + "@acme.example", unique: organisation}
      name.givenName: row.first
      name.familyName: row.last
      displayName: row.first + " " + row.last
      title: row.title
      enterprise.employeeNumber: row.id
      enterprise.department: row.t1
      enterprise.division: row.t2
      enterprise.costCenter: row.t3
      enterprise.organization: row.t4
teams:
  t1: {each: person.enterprise.department}
  t2: {each: person.enterprise.division}
  t3: {each: person.enterprise.costCenter}
  t4: {each: person.enterprise.organization}
apps:
`, w.store(), w.hr())
	for _, name := range w.apps {
		url := w.urls[name]
		if url == "" {
			url = "http://127.0.0.1:9/scim/v2" // nobody answers there
		}
		fmt.Fprintf(&c, `  %s:
    url: %s
    token: %s
    allow: [loopback, plain-http]
    first_run: go
    concurrency: 16
    user:
      userName: person.userName
      name.givenName: person.name.givenName
      name.familyName: person.name.familyName
      displayName: person.name.givenName + " " + person.name.familyName
      title: person.title
      enterprise.employeeNumber: person.enterprise.employeeNumber
      enterprise.department: person.enterprise.department
    groups: {teams: [t1, t2, t3, t4]}
`, name, url, w.token)
	}
	var hr bytes.Buffer
	hr.WriteString("id,first,last,title,t1,t2,t3,t4\n")
	for i := range w.people {
		title := w.titles[i]
		if title == "" {
			title = "Engineer"
		}
		fmt.Fprintf(&hr, "%d,given%d,family%d,%s", i+1, i+1, i%977, title)
		for t := range 4 {
			if t < w.memberships {
				fmt.Fprintf(&hr, ",T%d-%d", t+1, (i+t*7)%w.groups)
			} else {
				hr.WriteString(",")
			}
		}
		hr.WriteString("\n")
	}
	for path, data := range map[string][]byte{w.config(): c.Bytes(), w.hr(): hr.Bytes()} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			tb.Fatal(err)
		}
	}
}

// build compiles the configuration; with instant, apps are in memory and
// answer at once.
func (w *world) build(tb testing.TB, instant bool) *server.Built {
	tb.Helper()
	cfg, err := config.Load(context.Background(), w.config(), nil)
	if err != nil {
		tb.Fatal(err)
	}
	b, err := server.Build(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	if instant {
		for _, t := range b.Targets {
			t.App = newInstant(tb)
		}
	}
	return b
}

// apply is one cycle, as `usher apply` runs it.
func (w *world) apply(tb testing.TB, b *server.Built) *server.Document {
	tb.Helper()
	u, err := b.Open(context.Background(), "bench")
	if err != nil {
		tb.Fatal(err)
	}
	defer func() {
		if err := u.Close(); err != nil {
			tb.Fatal(err)
		}
	}()
	doc, err := u.Apply(context.Background(), server.Options{Actor: "bench"})
	if err != nil {
		tb.Fatal(err)
	}
	for name, a := range doc.Apps {
		if a.Parked+a.Waiting+a.Held > 0 || a.Paused != "" {
			tb.Fatalf("%s: %+v", name, *a)
		}
	}
	return doc
}

// forget removes the store.
func (w *world) forget(tb testing.TB) {
	tb.Helper()
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.RemoveAll(w.store() + suffix); err != nil {
			tb.Fatal(err)
		}
	}
}

// size is how big something is in full, and how big with -short.
func size(full, short int) int {
	if testing.Short() {
		return short
	}
	return full
}

func sum(doc *server.Document, of func(*provision.AppReport) int) (n int) {
	for _, a := range doc.Apps {
		n += of(a)
	}
	return n
}
