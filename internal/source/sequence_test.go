// SPDX-License-Identifier: Apache-2.0

package source_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/mapping"
	"github.com/usher-id/usher/internal/source"
	"github.com/usher-id/usher/scim"
)

// openGate lets everybody pass, so that a wrong departure shows.
type openGate struct{}

func (openGate) Departures(context.Context, directory.Tx, directory.Cause, []string) (bool, error) {
	return true, nil
}

// two is a house with the people of hr, and a source that adds titles to them.
type two struct {
	*house
	more *mapping.Mapping
}

func twoSources(t *testing.T) *two {
	t.Helper()
	h := setup(t)
	number := scim.Path{URN: scim.EnterpriseUserURN, Attr: "employeeNumber"}
	h.mapping = compiled(t,
		"displayName", "row.name", "enterprise.department", "row.department", "enterprise.employeeNumber", "row.id",
		"usher.startDate", `date(row.start, ["yyyy-MM-dd"])`, "usher.endDate", `date(row.end, ["yyyy-MM-dd"])`)
	w := &two{h, compiled(t, "enterprise.employeeNumber", "row.id", "title", "row.name", "displayName", "row.department")}
	paths := h.mapping.Paths()
	paths = append(paths, scim.MustPath("title"))
	h.dir = directory.New(directory.Config{
		Schemas: scim.CoreSchemas(), Paths: paths, Teams: departments{}, Gate: openGate{}, Actor: "test", Now: func() time.Time { return today },
		Sources: []directory.SourceRules{{Name: "hr"}, {Name: "more", Match: []scim.Path{number}, Waits: true}},
	})
	return w
}

func compiled(t *testing.T, lines ...string) *mapping.Mapping {
	t.Helper()
	c, err := mapping.NewCompiler(scim.CoreSchemas())
	if err != nil {
		t.Fatal(err)
	}
	env, err := c.Row(columns)
	if err != nil {
		t.Fatal(err)
	}
	var attrs []config.Attribute
	for i := 0; i < len(lines); i += 2 {
		attrs = append(attrs, config.Attribute{Path: config.Text{Value: lines[i]}, Value: config.Text{Value: lines[i+1]}})
	}
	m, err := env.CompileMapping(scim.UserURN, attrs)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (w *two) readMore(f file) {
	w.t.Helper()
	s := source.Source{Name: "more", File: "more.csv", Reader: f, Mapping: w.more, Digest: w.more.Digest()}
	if _, err := source.Ingest(w.t.Context(), w.st, w.dir, s); err != nil {
		w.t.Fatal(err)
	}
	w.settle()
}

// hr is the state of everybody by their key at hr.
func (w *two) hr() map[string]directory.State {
	out := map[string]directory.State{}
	for _, l := range w.listings() {
		for _, r := range l.Records {
			if r.Source == "hr" {
				out[r.ID] = l.Person.State
			}
		}
	}
	return out
}

// present is who is in, with their values, whatever way led there.
func (w *two) present() string {
	var lines []string
	for _, l := range w.listings() {
		if l.Person.State == directory.Leaver {
			continue
		}
		text, err := l.Person.User.MarshalJSON()
		if err != nil {
			w.t.Fatal(err)
		}
		lines = append(lines, fmt.Sprintf("%s %s %s\n", l.Person.ID, l.Person.State, text))
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// dealer makes files up.
type dealer struct {
	*rand.Rand
	n int
}

// hand is a file of some of ten people, no two alike.
func (d *dealer) hand() file {
	d.n++
	f := file{workers: []worker{{id: "mark", name: fmt.Sprint(d.n), start: "2020-01-01"}}}
	for i := range 10 {
		if d.IntN(4) == 0 {
			continue
		}
		w := worker{id: fmt.Sprint(i), name: fmt.Sprint("n", d.IntN(3)), department: fmt.Sprint("d", d.IntN(3)), start: "2020-01-01"}
		switch d.IntN(8) {
		case 0:
			w.end = "2026-02-01"
		case 1:
			w.start = "2026-05-01"
		case 2:
			w.start, w.end = "2026-02-15", "2026-09-01"
		case 3: // the expression fails, the reader does not
			w.end = "soon"
		case 4:
			f.rejected = append(f.rejected, source.Reject{Line: 100 + i, Key: w.id, Reason: "odd"})
			continue
		}
		f.workers = append(f.workers, w)
	}
	return f
}

// TestSequencesOfReads: whatever is read, in whatever order, nobody who is in the
// last read and has not ended is a leaver; nobody comes back by an old file; and
// a last pair of clean files leaves what it would leave in an empty store.
func TestSequencesOfReads(t *testing.T) {
	t.Parallel()
	for seed := range uint64(30) {
		d := &dealer{Rand: rand.New(rand.NewPCG(seed, 3))}
		w := twoSources(t)
		var old []file
		var trail []string
		for range 12 {
			before := w.hr()
			f, kind := d.hand(), "snapshot"
			switch d.IntN(6) {
			case 0:
				f.workers, kind = f.workers[:1+d.IntN(len(f.workers))], "truncated"
				f.unproven = "a key could not be read"
			case 1:
				if len(old) > 1 {
					f, kind = old[d.IntN(len(old)-1)], "replay"
				}
			case 2:
				m := d.hand()
				m.rejected = nil
				w.readMore(m)
				if after := w.hr(); !maps.Equal(before, after) {
					t.Fatalf("seed %d: what only adds moved somebody: %v, were %v", seed, after, before)
				}
				kind = ""
			}
			if kind == "" {
				continue
			}
			r := w.ingest(f)
			trail = append(trail, kind)
			after := w.hr()
			if err := judged(f, r, before, after); err != nil {
				t.Fatalf("seed %d, after %v: %v\n%+v", seed, trail, err, f)
			}
			old = append(old, f)
		}
		last, more := d.hand(), d.hand()
		last.rejected, more.rejected = nil, nil
		last.workers = slices.DeleteFunc(last.workers, func(w worker) bool { return w.end == "soon" })
		clean := twoSources(t)
		for _, h := range []*two{w, clean} {
			h.ingest(last)
			h.readMore(more)
			h.readMore(more) // a record may wait for another one of its source to go
		}
		if got, want := w.present(), clean.present(); got != want {
			t.Fatalf("seed %d, after %v:\ngot\n%swant\n%s", seed, trail, got, want)
		}
		quiet := w.content()
		w.ingest(last)
		w.readMore(more)
		if w.content() != quiet {
			t.Fatalf("seed %d: the same files again change something", seed)
		}
	}
}

// judged holds the states after a read against what it says.
func judged(f file, r source.Report, before, after map[string]directory.State) error {
	stated := map[string]worker{}
	for _, w := range f.workers {
		stated[w.id] = w
	}
	aside := map[string]bool{}
	for _, j := range r.Rejected {
		aside[j.Key] = true
	}
	for id, is := range after {
		was := before[id]
		w, here := stated[id]
		ended := w.end != "" && w.end <= "2026-03-01"
		switch {
		case r.Replay && was == directory.Leaver && is != directory.Leaver:
			return fmt.Errorf("%s was brought back by an old file: %s", id, is)
		case aside[id] && was != "" && was != directory.Missing && is != was && !(was == directory.Leaver && !r.Replay):
			return fmt.Errorf("%s was set aside, and is %s, was %s", id, is, was)
		case !here || aside[id]:
			if is == directory.Leaver && was.In() && (!r.Complete || r.Replay || aside[id]) {
				return fmt.Errorf("%s left by a read that does not say so", id)
			}
		case !ended && is == directory.Leaver:
			return fmt.Errorf("%s is in the read, has not ended, and is a leaver", id)
		case ended && is != directory.Leaver:
			return fmt.Errorf("%s has ended, and is %s", id, is)
		}
	}
	return nil
}
