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

// gone is what the department of a row says that tells of a deletion.
const gone = "DELETED"

// folder is a source of files of changes, by name.
type folder struct {
	h       *house
	files   map[string]file
	changed map[string]time.Time
	deleted *mapping.Program
	clock   time.Time
}

func changes(h *house) *folder {
	h.t.Helper()
	c, err := mapping.NewCompiler(scim.CoreSchemas())
	if err != nil {
		h.t.Fatal(err)
	}
	env, err := c.Row(columns)
	if err != nil {
		h.t.Fatal(err)
	}
	p, err := env.Compile(config.Text{Value: `row.department == "` + gone + `"`}, mapping.WantBool())
	if err != nil {
		h.t.Fatal(err)
	}
	return &folder{h: h, files: map[string]file{}, changed: map[string]time.Time{}, deleted: p, clock: today}
}

func (f *folder) put(name string, workers ...worker) {
	f.clock = f.clock.Add(time.Minute)
	f.files[name], f.changed[name] = file{workers: workers}, f.clock
}

func (f *folder) source() source.Source {
	s := f.h.source(file{})
	s.Reader, s.Delta, s.Deleted = nil, true, f.deleted
	s.Parts = func(context.Context) (parts []source.Part, err error) {
		for _, name := range slices.Sorted(maps.Keys(f.files)) {
			parts = append(parts, source.Part{Name: name, Size: int64(len(f.files[name].workers)), ModTime: f.changed[name], Reader: f.files[name]})
		}
		return parts, nil
	}
	return s
}

func (f *folder) read() source.Report {
	f.h.t.Helper()
	r, err := source.Ingest(f.h.t.Context(), f.h.st, f.h.dir, f.source())
	if err != nil {
		f.h.t.Fatal(err)
	}
	f.h.settle()
	return r
}

func TestADeltaProvesNobodyAbsent(t *testing.T) {
	t.Parallel()
	h := setup(t)
	f := changes(h)
	f.put("1.csv", staff(5)...)
	if r := f.read(); r.New != 5 || !r.Complete {
		t.Errorf("%+v", r)
	}
	f.put("2.csv") // nothing changed
	f.put("3.csv", worker{id: "00001", name: "bo"})
	if r := f.read(); r.Changed != 1 || r.Rows != 1 || !r.Complete {
		t.Errorf("%+v", r)
	}
	for _, l := range h.listings() {
		if l.Person.State != directory.Active || !l.Records[0].Missing.IsZero() {
			t.Errorf("%+v is absent from a file of changes", l.Records[0].Key)
		}
	}
	// Nothing is read twice.
	if r := f.read(); r.Rows != 0 || !r.Complete || r.Replay {
		t.Errorf("%+v", r)
	}
}

func TestADeltaSaysWhoIsGone(t *testing.T) {
	t.Parallel()
	h := setup(t)
	f := changes(h)
	f.put("1.csv", staff(4)...)
	f.read()
	f.put("2.csv", worker{id: "00000", department: gone}, worker{id: "00001", name: "ada-0", end: "2026-02-28"}, worker{id: "nobody", department: gone})
	if r := f.read(); r.Changed != 2 || r.New != 0 || len(r.Rejected) != 0 {
		t.Errorf("%+v", r)
	}
	h.stands(map[string]directory.State{"00000": directory.Leaver, "00001": directory.Leaver, "00002": directory.Active, "nobody": ""})
	for _, l := range h.listings() {
		if l.Person.State == directory.Leaver && (l.Person.Cause != directory.CauseTermination || l.Person.UserName() == "") {
			t.Errorf("%+v", l.Person)
		}
		if l.Records[0].ID == "00000" {
			if v, _ := l.Person.User.At(scim.MustPath("displayName")); v.IsUnassigned() {
				t.Error("a row that says that a record is gone took its values for others")
			}
		}
	}
	before := h.content()
	f.put("3.csv", worker{id: "00000", department: gone}) // said again
	f.read()
	if after := h.content(); strings.ReplaceAll(after, "3.csv", "2.csv") != before {
		t.Errorf("said again, and something changed:\n%s\n%s", before, after)
	}
	// The source takes it back, and hires anew.
	f.put("4.csv", worker{id: "00000", name: "ada-0"}, worker{id: "00001", name: "ada-0", start: "2026-03-01"})
	f.read()
	h.stands(map[string]directory.State{"00000": directory.Active, "00001": directory.Active})
	for _, l := range h.listings() {
		if want := map[string]int{"00001": 2}[l.Records[0].ID]; max(want, 1) != l.Person.Generation {
			t.Errorf("%s has generation %d", l.Records[0].ID, l.Person.Generation)
		}
	}
}

// TestAnOldFileOfChangesBringsNobodyBack: whether it comes late under its own
// name, or again under another one.
func TestAnOldFileOfChangesBringsNobodyBack(t *testing.T) {
	t.Parallel()
	h := setup(t)
	f := changes(h)
	f.put("2026-01.csv", staff(4)...)
	f.read()
	f.put("2026-03.csv", worker{id: "00000", department: gone}, worker{id: "00001", name: "new", department: "new"})
	f.read()
	// Late: what it says of those whom a later file has spoken of does not count.
	f.put("2026-02.csv", worker{id: "00000", name: "back"}, worker{id: "00001", name: "old", end: "2026-02-01"}, worker{id: "00002", name: "ada-0", department: "late"})
	if r := f.read(); r.Late != 2 || r.Changed != 1 || len(r.Rejected) != 0 {
		t.Errorf("%+v", r)
	}
	h.stands(map[string]directory.State{"00000": directory.Leaver, "00001": directory.Active, "00002": directory.Active})
	// Copied to a new name, with a fresh time: the bytes are known.
	f.put("2026-04.csv", f.files["2026-01.csv"].workers...)
	for range 2 {
		f.read()
		h.stands(map[string]directory.State{"00000": directory.Leaver, "00001": directory.Active})
	}
	for _, l := range h.listings() {
		v, _ := l.Person.User.At(scim.Path{URN: scim.EnterpriseUserURN, Attr: "department"})
		if want, ok := map[string]string{"00001": "new", "00002": "late"}[l.Records[0].ID]; ok {
			if got, _ := v.AsString(); got != want {
				t.Errorf("%s is in %s, want %s", l.Records[0].ID, got, want)
			}
		}
	}
}

// TestFromASnapshotToChanges: files of another folder are no later ones, whatever
// their names.
func TestFromASnapshotToChanges(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.ingest(file{workers: staff(3)}) // of hr.csv
	f := changes(h)
	f.put("inbox/2026-01.csv", worker{id: "00000", name: "ada-0", end: "2026-02-01"}, worker{id: "00001", department: gone})
	if r := f.read(); r.Late != 0 || r.Changed != 2 {
		t.Errorf("%+v", r)
	}
	h.stands(map[string]directory.State{"00000": directory.Leaver, "00001": directory.Leaver, "00002": directory.Active})
}

// TestNothingIsWrittenForThoseWhoAreNotThere: neither a deletion of nobody nor a
// row that waits is written down again and again.
func TestNothingIsWrittenForThoseWhoAreNotThere(t *testing.T) {
	t.Parallel()
	h := setup(t)
	read := func() string {
		t.Helper()
		s := changes(h).source()
		s.Parts, s.Reader = nil, file{workers: []worker{{id: "nobody", department: gone}}}
		if _, err := source.Ingest(t.Context(), h.st, h.dir, s); err != nil {
			t.Fatal(err)
		}
		var at time.Time
		err := h.st.Update(t.Context(), func(tx source.Tx) error {
			records, err := tx.Records(t.Context(), "hr", []string{"nobody"})
			at = records["nobody"].At
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return at.String()
	}
	if first := read(); read() != first {
		t.Error("written again")
	}
	if n := len(h.listings()); n != 0 {
		t.Errorf("%d people", n)
	}
}

// TestASingleFileOfChanges is replaced in place.
func TestASingleFileOfChanges(t *testing.T) {
	t.Parallel()
	h := setup(t)
	read := func(workers ...worker) source.Report {
		t.Helper()
		s := changes(h).source()
		s.Parts, s.Reader = nil, file{workers: workers}
		r, err := source.Ingest(t.Context(), h.st, h.dir, s)
		if err != nil {
			t.Fatal(err)
		}
		h.settle()
		return r
	}
	first := staff(3)
	read(first...)
	end := worker{id: "00000", name: "ada-0", end: "2026-02-01"}
	read(end)
	h.stands(map[string]directory.State{"00000": directory.Leaver, "00001": directory.Active})
	if r := read(first...); !r.Replay || r.Late != 1 || r.Changed != 0 {
		t.Errorf("%+v", r)
	}
	h.stands(map[string]directory.State{"00000": directory.Leaver})
	read(worker{id: "00000", name: "ada-0"}) // taken back
	h.stands(map[string]directory.State{"00000": directory.Active})
	read(end) // an old file ends nobody either whom a newer one has in
	h.stands(map[string]directory.State{"00000": directory.Active})
}

// TestABadRowOfChangesIsTriedAgain until it is mended, or a later file has spoken.
func TestABadRowOfChangesIsTriedAgain(t *testing.T) {
	t.Parallel()
	h := setup(t)
	f := changes(h)
	f.put("1.csv", staff(3)...)
	f.put("2.csv", worker{id: "00000", name: "a", end: "soon"}, worker{id: "00001", name: "b", end: "late"}, worker{id: "new", name: "c", department: "poison"})
	f.put("3.csv", worker{id: "00002", name: "d"})
	for range 2 {
		if r := f.read(); len(r.Rejected) != 3 {
			t.Errorf("%+v", r.Rejected)
		} else if r.Rejected[0].Line != 2 || !strings.HasPrefix(r.Rejected[0].Reason, "2.csv: ") {
			t.Errorf("%+v", r.Rejected)
		}
	}
	f.put("4.csv", worker{id: "00000", name: "a", end: "2026-02-01"})
	if r := f.read(); len(r.Rejected) != 2 {
		t.Errorf("%+v", r.Rejected)
	}
	f.put("2.csv", worker{id: "00000", name: "a"}, worker{id: "00001", name: "b", end: "2026-02-01"}, worker{id: "new", name: "c"})
	if r := f.read(); len(r.Rejected) != 0 || r.New != 1 {
		t.Errorf("%+v", r)
	}
	h.stands(map[string]directory.State{"00000": directory.Leaver, "00001": directory.Leaver, "new": directory.Active})
	if r := f.read(); r.Rows != 0 {
		t.Errorf("%+v", r)
	}
}

// TestOtherRulesReadTheFilesAnew: what they say is taken anew, in their order.
func TestOtherRulesReadTheFilesAnew(t *testing.T) {
	t.Parallel()
	h := setup(t)
	f := changes(h)
	f.put("1.csv", staff(2)...)
	f.put("2.csv", worker{id: "00000", department: gone})
	f.put("3.csv", worker{id: "00001", name: "bo", department: "last"})
	f.read()
	before := h.states()
	s := f.source()
	s.Digest[0]++
	r, err := source.Ingest(t.Context(), h.st, h.dir, s)
	if err != nil || r.Rows != 4 || r.Replay || r.Late != 2 {
		t.Errorf("%+v %v", r, err)
	}
	h.settle()
	if after := h.states(); !maps.Equal(before, after) {
		t.Errorf("%v, were %v", after, before)
	}
}

// TestDeltasMakeTheSnapshot: files of changes, in the order of their names, leave
// what a snapshot of the last word of each leaves; in whatever portions they
// arrive, and if some of them arrive late.
func TestDeltasMakeTheSnapshot(t *testing.T) {
	t.Parallel()
	for seed := range uint64(24) {
		random := rand.New(rand.NewPCG(seed, 7))
		final := map[string]worker{}
		names := []string{}
		files := map[string][]worker{}
		for n := range 2 + random.IntN(6) {
			name := fmt.Sprintf("%02d.csv", n)
			rows := map[string]worker{}
			for range random.IntN(6) {
				w := worker{id: fmt.Sprint(random.IntN(7)), name: "n" + fmt.Sprint(random.IntN(40)), department: fmt.Sprint(random.IntN(3)), start: "2020-01-01"}
				switch random.IntN(5) {
				case 0:
					w.end = "2026-02-01"
				case 1:
					w = worker{id: w.id, department: gone, name: fmt.Sprint(n)}
				case 2:
					w.start = "2026-05-01"
				}
				rows[w.id] = w
			}
			for _, id := range slices.Sorted(maps.Keys(rows)) {
				w := rows[id]
				files[name] = append(files[name], w)
				if w.department == gone {
					if had, ok := final[id]; ok {
						if had.end == "" {
							had.end = "2026-03-01"
						}
						final[id] = had
					}
					continue
				}
				final[id] = w
			}
			// Files that say the very same are one: see TestAnOldFileOfChangesBringsNobodyBack.
			files[name] = append(files[name], worker{id: "mark", name: name, department: "mark"})
			final["mark"] = worker{id: "mark", name: name, department: "mark"}
			names = append(names, name)
		}
		if seed%2 == 1 {
			random.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		}
		h := setup(t)
		f := changes(h)
		for _, name := range names {
			if f.put(name, files[name]...); random.IntN(3) > 0 {
				f.read()
			}
		}
		f.read()
		want := setup(t)
		want.ingest(file{workers: slices.Collect(maps.Values(final))})
		if got, want := h.lasting(), want.lasting(); got != want {
			t.Fatalf("seed %d:\ngot\n%swant\n%s", seed, got, want)
		}
	}
}

// lasting is who there is, with states and values, but for the names that depend on
// who came first.
func (h *house) lasting() string {
	h.t.Helper()
	var lines []string
	for _, l := range h.listings() {
		if l.Person.State == directory.Leaver {
			continue // or never came, as far as we have heard
		}
		var v []string
		for _, p := range []scim.Path{scim.MustPath("displayName"), {URN: scim.EnterpriseUserURN, Attr: "department"}} {
			x, _ := l.Person.User.At(p)
			v = append(v, x.String())
		}
		lines = append(lines, fmt.Sprintf("%s %s %v\n", l.Records[0].ID, l.Person.State, v))
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}
