// SPDX-License-Identifier: Apache-2.0

package source_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the program embeds it too

	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/mapping"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/source"
	"github.com/usher-id/usher/internal/store"
	"github.com/usher-id/usher/internal/store/storetest"
	"github.com/usher-id/usher/scim"
)

// today is the calendar's now of every test.
var today = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

var columns = []string{"id", "name", "department", "start", "end"}

// worker is a row of a made-up file.
type worker struct{ id, name, department, start, end string }

func (w worker) values() []string { return []string{w.id, w.name, w.department, w.start, w.end} }

// file is a Reader over rows in memory.
type file struct {
	workers  []worker
	rejected []source.Reject
	unproven string // why the read is not complete
}

func (f file) Read(context.Context) (*source.Batch, error) {
	b := &source.Batch{Columns: columns, Fields: []int{1, 2, 3, 4, 5}, Rejected: slices.Clone(f.rejected)}
	h := sha256.New()
	for i, w := range f.workers {
		b.Rows = append(b.Rows, source.NewRow(i+2, w.id, w.values()...))
		fmt.Fprintln(h, strings.Join(w.values(), "|"))
	}
	fmt.Fprintln(h, f.rejected, f.unproven)
	b.Proof = source.Proof{Complete: f.unproven == "", Reason: f.unproven, Rows: len(b.Rows), Rejected: len(b.Rejected)}
	h.Sum(b.Proof.Digest[:0])
	return b, nil
}

// house is a directory on a real store, with one source.
type house struct {
	t       testing.TB
	db      store.DB
	st      source.Store
	dir     *directory.Directory
	mapping *mapping.Mapping
}

// departments puts everybody into the team of their department.
type departments struct{}

func (departments) TeamsOf(p *directory.Person) ([]directory.Team, error) {
	v, _ := p.User.At(scim.Path{URN: scim.EnterpriseUserURN, Attr: "department"})
	name, _ := v.AsString()
	if name == "" {
		return nil, nil
	}
	if name == "poison" {
		return nil, errors.New("this one cannot be evaluated")
	}
	return []directory.Team{{ID: directory.TeamID("department", name), Rule: "department", Value: name, Name: name}}, nil
}

// mapped is the mapping that every test shares; compiling it takes longer than most of them.
func mapped(tb testing.TB) *mapping.Mapping {
	tb.Helper()
	c, err := mapping.NewCompiler(scim.CoreSchemas())
	if err != nil {
		tb.Fatal(err)
	}
	env, err := c.Row(columns)
	if err != nil {
		tb.Fatal(err)
	}
	var attrs []config.Attribute
	for i, a := range [][2]string{
		{"userName", `row.name == "" ? "" : slug(row.name) + "@acme.example"`},
		{"displayName", `row.name`},
		{"enterprise.department", `row.department`},
		{"usher.startDate", `date(row.start, ["yyyy-MM-dd"])`},
		{"usher.endDate", `date(row.end, ["yyyy-MM-dd"])`},
	} {
		pos := config.Position{File: "usher.yaml", Line: i + 1, Column: 1}
		attr := config.Attribute{Path: config.Text{Value: a[0], Pos: pos}, Value: config.Text{Value: a[1], Pos: pos}}
		if a[0] == "userName" {
			attr.Unique = config.UniqueOrganisation
		}
		attrs = append(attrs, attr)
	}
	m, err := env.CompileMapping(scim.UserURN, attrs)
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

func setup(t testing.TB) *house {
	t.Helper()
	db, err := store.Open(t.Context(), storetest.New(t), "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return over(t, db)
}

// over is a house over a store.
func over(t testing.TB, db store.DB) *house {
	t.Helper()
	h := &house{t: t, db: db, st: db.Source(), mapping: mapped(t)}
	rules := directory.SourceRules{Name: "hr", Unique: []scim.Path{scim.MustPath("userName")}}
	h.dir = directory.New(directory.Config{
		Schemas: scim.CoreSchemas(), Sources: []directory.SourceRules{rules}, Paths: h.mapping.Paths(), Teams: departments{},
		Gate:  provision.Gate{Limits: provision.DefaultLimits(), Released: func(string) bool { return false }, Actor: "test"},
		Actor: "test", Now: func() time.Time { return today },
	})
	return h
}

func (h *house) source(f file) source.Source {
	return source.Source{Name: "hr", File: "hr.csv", Reader: f, Mapping: h.mapping, Digest: h.mapping.Digest()}
}

// ingest reads a file and lets everybody settle.
func (h *house) ingest(f file) source.Report {
	h.t.Helper()
	r, err := source.Ingest(h.t.Context(), h.st, h.dir, h.source(f))
	if err != nil {
		h.t.Fatal(err)
	}
	h.settle()
	return r
}

func (h *house) settle() {
	h.t.Helper()
	err := h.db.Directory().Update(h.t.Context(), func(tx directory.Tx) error {
		_, err := h.dir.Settle(h.t.Context(), tx)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) listings() (out []directory.Listing) {
	h.t.Helper()
	err := h.db.Read(h.t.Context(), func(r store.Reader) (err error) {
		out, err = r.List(h.t.Context(), "", "", 1_000_000)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return out
}

// content is all that the directory holds, but for when and on which line it was read.
func (h *house) content() string {
	h.t.Helper()
	var b strings.Builder
	for _, l := range h.listings() {
		for i := range l.Records {
			l.Records[i].At, l.Records[i].Line = time.Time{}, 0
			if !l.Records[i].Missing.IsZero() {
				l.Records[i].Missing = today
			}
		}
		text, err := json.Marshal(l)
		if err != nil {
			h.t.Fatal(err)
		}
		b.Write(text)
		b.WriteByte('\n')
	}
	return b.String()
}

func (h *house) states() map[string]directory.State {
	h.t.Helper()
	out := map[string]directory.State{}
	for _, l := range h.listings() {
		for _, r := range l.Records {
			out[r.ID] = l.Person.State
		}
	}
	return out
}

func (h *house) stands(want map[string]directory.State) {
	h.t.Helper()
	is := h.states()
	for id, state := range want {
		if is[id] != state {
			h.t.Errorf("%s is %q, want %q", id, is[id], state)
		}
	}
}

// staff makes n workers, some of them namesakes.
func staff(n int) []worker {
	out := make([]worker, n)
	for i := range out {
		out[i] = worker{
			id: fmt.Sprintf("%05d", i), name: fmt.Sprintf("ada-%d", i/3), department: fmt.Sprintf("d%d", i%7), start: "2020-01-01",
		}
	}
	return out
}

// counting counts the transactions, and fails one of them after its work.
type counting struct {
	source.Store
	n, fail int
}

var errCrash = errors.New("crash")

func (c *counting) Update(ctx context.Context, fn func(source.Tx) error) error {
	c.n++
	if c.n != c.fail {
		return c.Store.Update(ctx, fn)
	}
	return c.Store.Update(ctx, func(tx source.Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		return errCrash
	})
}

// twice runs each function once for nothing, as a store may.
type twice struct{ source.Store }

func (s twice) Update(ctx context.Context, fn func(source.Tx) error) error {
	crash := counting{Store: s.Store, fail: 1}
	if err := crash.Update(ctx, fn); !errors.Is(err, errCrash) {
		return err
	}
	return s.Store.Update(ctx, fn)
}
