// SPDX-License-Identifier: Apache-2.0

package source_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/source"
	"github.com/usher-id/usher/scim"
)

// joining is a house whose source has an id of the human in the column department.
func joining(t *testing.T) *house {
	t.Helper()
	h := setup(t)
	h.dir = directory.New(directory.Config{
		Schemas: scim.CoreSchemas(), Paths: h.mapping.Paths(), Teams: departments{}, Actor: "test",
		Sources: []directory.SourceRules{{Name: "hr", Unique: []scim.Path{scim.MustPath("userName")}, Joins: true, Overlap: 1}},
		Gate:    provision.Gate{Limits: provision.DefaultLimits(), Released: func(string) bool { return false }, Actor: "test"},
		Now:     today.UTC,
	})
	return h
}

// joins ingests rows as a list that can be asked for one by one.
func (h *house) joins(workers ...worker) source.Report {
	h.t.Helper()
	s := h.asked(workers...)
	s.Reader = file{workers: workers}
	r, err := source.Ingest(h.t.Context(), h.st, h.dir, s)
	if err != nil {
		h.t.Fatal(err)
	}
	h.settle()
	return r
}

func (h *house) asked(workers ...worker) source.Source {
	s := h.source(file{})
	s.Same, s.Reader, s.Live = "department", nil, &source.Live{Reader: askable(workers), Served: true}
	return s
}

// askable is a list that can be asked for single records.
type askable []worker

func (a askable) ReadAll(ctx context.Context, _ source.Knowledge) (*source.Batch, error) {
	return file{workers: a}.Read(ctx)
}

func (a askable) ReadSome(_ context.Context, keys []string) (*source.Batch, error) {
	b, err := file{workers: slices.DeleteFunc(slices.Clone(a), func(w worker) bool { return !slices.Contains(keys, w.id) })}.Read(context.Background())
	b.Live = &source.LiveBatch{}
	return b, err
}

func (askable) ReadTeams(context.Context) ([]string, []source.StatedTeam, error) {
	return nil, nil, nil
}

// told reads one record by its key, as a call does.
func (h *house) told(key string, workers ...worker) source.Report {
	h.t.Helper()
	s := h.asked(workers...)
	if _, err := source.Hear(h.t.Context(), h.st, s, source.Word{Key: key}); err != nil {
		h.t.Fatal(err)
	}
	re, _, err := source.Look(h.t.Context(), h.st, s)
	if err != nil || re == nil {
		h.t.Fatalf("nothing to read: %v", err)
	}
	r, err := re.Take(h.t.Context(), h.dir)
	if err != nil {
		h.t.Fatal(err)
	}
	h.settle()
	return r
}

// people are who the records are of.
func (h *house) people() map[string]string {
	h.t.Helper()
	of := map[string]string{}
	for _, l := range h.listings() {
		for _, r := range l.Records {
			of[r.ID] = l.Person.ID
		}
	}
	return of
}

func joiner(i int, human, end string) worker {
	return worker{id: fmt.Sprintf("k%02d", i), name: fmt.Sprintf("ada-%d", i), department: human, start: "2020-01-01", end: end}
}

// TestFillersJoinNobody: what stands where there is no value makes one person of nobody.
func TestFillersJoinNobody(t *testing.T) {
	t.Parallel()
	for _, filler := range []string{"0", "N/A", "n.a.", "-", "none", "UNKNOWN", "null", "tbd", "x", "123", "0000000", "xxxxxx", "----------", "00000000-0000-0000-0000-000000000000"} {
		if !source.Filler(filler) {
			t.Errorf("%q is an id", filler)
		}
	}
	for _, id := range []string{"u-4001", "7f9c2ba4e88f827d616045507605853e", "1001", "h00004", "Noneth"} {
		if source.Filler(id) {
			t.Errorf("%q is none", id)
		}
	}
	h := joining(t)
	r := h.joins(joiner(1, "N/A", ""), joiner(2, "N/A", ""), joiner(3, "", ""))
	if of := h.people(); of["k01"] == of["k02"] || len(of) != 3 || len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "2 of 3 rows have in department what is no id of a human") {
		t.Errorf("%v, %q", of, r.Notes)
	}
}

// TestASharedValue sets the new ones aside that have it, all of them, whatever their order,
// and nobody who is known; and a call for one of them does not do what the read did not.
func TestASharedValue(t *testing.T) {
	t.Parallel()
	for n := 2; n <= 9; n++ {
		for name, end := range map[string]string{"open": "", "ended": "2021-01-01"} {
			t.Run(fmt.Sprint(n, " ", name), func(t *testing.T) {
				t.Parallel()
				h := joining(t)
				h.joins(joiner(0, "", "")) // who is known
				all := []worker{joiner(0, "shared", "")}
				for i := 1; i < n; i++ {
					all = append(all, joiner(i, "shared", end))
				}
				r := h.joins(all...)
				want := 0
				if end == "" && n > directory.MostOpen || n > directory.MostAlike {
					want = n - 1
				}
				if len(r.Rejected) != want || want > 0 && (r.Rejected[0].Field != "department" || !strings.Contains(r.Rejected[0].Reason, fmt.Sprintf("%d rows have the same value", n))) {
					t.Errorf("%+v", r.Rejected)
				}
				if want > 0 {
					if r := h.told("k01", all...); len(r.Rejected) != 1 || len(h.people()) != 1 {
						t.Errorf("by a call: %+v, %v", r.Rejected, h.people())
					}
				}
				if want > 0 && n != 3 { // of whom two are a conversion, once the third has ended
					all[0].end = "2026-02-01" // of who is known it is taken all the same
					h.joins(all...)
					h.stands(map[string]directory.State{"k00": directory.Leaver})
				}
				of := h.people()
				if len(of) != n-want {
					t.Errorf("%v", of)
				}
				for key, person := range of {
					if person != of["k00"] {
						t.Errorf("%s is another person", key)
					}
				}
				if r := h.joins(joiner(0, "shared", ""), joiner(50, "shared", "")); want > 0 && (len(r.Rejected) > 0 || // it is mended
					h.people()["k50"] != of["k00"]) {
					t.Errorf("two of them: %+v, %v", r.Rejected, h.people())
				}
			})
		}
	}
}

// TestAFloodOfJoins is refused as a whole, and told; as many as may end at once are joined.
func TestAFloodOfJoins(t *testing.T) {
	t.Parallel()
	for n, refused := range map[int]int{10: 0, 11: 11} {
		for name, known := range map[string]bool{"of who is known": true, "of who is new": false} {
			t.Run(fmt.Sprint(n, " ", name), func(t *testing.T) {
				t.Parallel()
				h, refused := joining(t), refused
				var first, all []worker
				for i := range n {
					first = append(first, joiner(i, fmt.Sprintf("human-%d", i), "2026-06-30"))
					all = append(all, joiner(50+i, fmt.Sprintf("human-%d", i), ""))
				}
				if known {
					h.joins(first...)
				} else {
					refused *= 2
				}
				all = append(all, first...)
				r := h.joins(all...)
				if len(r.Rejected) != refused || refused > 0 && !strings.Contains(r.Rejected[0].Reason, "11 new records are to be another one of somebody by this value, and at most 10") {
					t.Errorf("%d set aside: %+v", len(r.Rejected), r.Rejected)
				}
				if refused > 0 {
					if r := h.told("k50", all...); len(r.Rejected) != 1 {
						t.Errorf("by a call: %+v", r.Rejected)
					}
				}
				s := h.asked(all...)
				s.Reader, s.MostJoined = file{workers: all}, func(int) int { return 11 }
				if _, err := source.Ingest(t.Context(), h.st, h.dir, s); err != nil {
					t.Fatal(err)
				}
				of := h.people()
				for i := range n {
					if of[fmt.Sprintf("k%02d", i)] != of[fmt.Sprintf("k%02d", 50+i)] || len(of) != 2*n {
						t.Fatalf("%d are two people: %v", i, of)
					}
				}
			})
		}
	}
}

// TestTheErasedAreNoJoins: HR may list them for ever.
func TestTheErasedAreNoJoins(t *testing.T) {
	t.Parallel()
	h := joining(t)
	var all []worker
	for i := range 12 {
		human := fmt.Sprintf("human-%d", i)
		all = append(all, joiner(i, human, "2025-01-01"), joiner(50+i, human, "2025-06-30"))
	}
	for i := range 6 { // few at once
		h.joins(all[:4*i+4]...)
	}
	if err := h.db.Directory().Update(t.Context(), func(tx directory.Tx) error {
		for i := range 12 {
			if _, err := h.dir.Erase(t.Context(), tx, directory.Key{Source: "hr", ID: fmt.Sprintf("k%02d", i)}.PersonID(), "asked for"); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	all = append(all, joiner(90, "human-90", "2026-06-30"), joiner(91, "human-90", ""))
	if r := h.joins(all...); len(r.Rejected) > 0 || len(h.people()) != 2 {
		t.Errorf("%+v, %v", r.Rejected, h.people())
	}
}
