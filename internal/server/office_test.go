// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"bytes"
	"cmp"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/server"
	"github.com/usher-id/usher/internal/store/sqlite/sqlitetest"
)

// office is a company with one app of whatever kind, run as an operator would.
type office struct {
	*testing.T

	ctx    context.Context
	app    app.App // instead of what the configuration makes; may be nil
	dir    string
	conf   string
	staff  []worker
	aged   time.Time
	wait   time.Duration     // how long a cycle may last; 0 is two minutes
	starts bool              // each cycle begins with a start
	verify bool              // each cycle looks at everything at the app
	notes  []server.Note     // of the last one
	status *server.Status    // after the last cycle
	people map[string]string // ids by user name, then
}

func newOffice(t *testing.T) office {
	t.Helper()
	return office{T: t, ctx: t.Context(), dir: sqlitetest.Dir(t), staff: staff(5), aged: time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)}
}

// edit replaces what stands in the configuration once.
func (o *office) edit(old, with string) {
	o.Helper()
	if strings.Count(o.conf, old) != 1 {
		o.Fatalf("%q is not there once", old)
	}
	o.conf = strings.Replace(o.conf, old, with, 1)
}

// cycle runs one cycle on a day.
func (o *office) cycle(today string) *server.Document {
	o.Helper()
	var b strings.Builder
	b.WriteString("id,first,dept,start,end,leave,back\n")
	for _, r := range o.staff {
		b.WriteString(strings.Join([]string{r.id, r.first, r.dept, r.start, r.end, r.leave, r.back}, ",") + "\n")
	}
	path, file := filepath.Join(o.dir, "hr.csv"), filepath.Join(o.dir, "usher.yaml")
	conf := strings.Replace(o.conf, "now: 2026-03-01", "now: "+today, 1)
	conf = strings.ReplaceAll(conf, " DIR/", " "+o.dir+"/") // with the blank: a key in it may hold the letters
	for name, text := range map[string]string{path: b.String(), file: conf} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			o.Fatal(err)
		}
	}
	o.aged = o.aged.Add(time.Minute)
	if err := os.Chtimes(path, o.aged, o.aged); err != nil {
		o.Fatal(err)
	}
	cfg, err := config.Load(o.ctx, file, func(string) (string, bool) { return "", false })
	if err != nil {
		o.Fatal(err)
	}
	built, err := server.Build(cfg)
	if err != nil {
		o.Fatal(err)
	}
	for _, t := range built.Targets {
		if o.app != nil {
			t.App = o.app
		}
	}
	u, err := built.Open(o.ctx, "test")
	if err != nil {
		o.Fatal(err)
	}
	if o.starts {
		if o.notes, err = u.Start(o.ctx, server.Options{}, true); err != nil {
			o.Fatal(err)
		}
	}
	doc, err := u.Apply(o.ctx, server.Options{Wait: cmp.Or(o.wait, 2*time.Minute), Actor: "test", Verify: o.verify})
	o.people = map[string]string{}
	if err == nil {
		err = u.List(o.ctx, "", func(p directory.Listing) { o.people[p.Person.UserName()] = p.Person.ID })
	}
	if err == nil {
		o.status, err = u.Status(o.ctx)
	}
	if cerr := u.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		o.Fatal(err)
	}
	return doc
}

// parked are the reasons why people are set aside.
func (o *office) parked() (said string) {
	for _, p := range o.status.Apps[0].Reasons {
		said += p.Reason + "\n"
	}
	return said
}

// clean holds that what must not be written down is in no file of the folder.
func (o *office) clean(words ...string) {
	o.Helper()
	err := filepath.WalkDir(o.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Base(path) == "usher.yaml" || strings.HasSuffix(path, ".url") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, w := range words {
			if bytes.Contains(text, []byte(w)) {
				o.Errorf("%s holds %q", filepath.Base(path), w)
			}
		}
		return err
	})
	if err != nil {
		o.Error(err)
	}
}
