// SPDX-License-Identifier: Apache-2.0

package source_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/source"
)

func TestChunks(t *testing.T) {
	t.Parallel()
	for n, chunks := range map[int]int{0: 0, 1: 1, 500: 1, 501: 2, 1300: 3} {
		h := setup(t)
		c := &counting{Store: h.st}
		h.st = c
		r := h.ingest(file{workers: staff(n)})
		if r.Rows != n || r.New != n || !r.Complete || len(r.Rejected) != 0 {
			t.Errorf("%d rows: %+v", n, r)
		}
		if c.n != chunks+2 { // one to compare, one to prove
			t.Errorf("%d rows took %d transactions, want %d", n, c.n, chunks+2)
		}
		if got := len(h.listings()); got != n {
			t.Errorf("%d people of %d rows", got, n)
		}
	}
}

func TestAReadThatSaysNothingNewChangesNothing(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.ingest(file{workers: staff(600)})
	before := h.content()
	r := h.ingest(file{workers: staff(600)})
	if r.New != 0 || r.Changed != 0 || r.Replay {
		t.Errorf("%+v", r)
	}
	if after := h.content(); after != before {
		t.Error("a read that says nothing new changed something")
	}
}

// TestOrderOfRows: names and everything else follow the order of keys.
func TestOrderOfRows(t *testing.T) {
	t.Parallel()
	want := ""
	for seed := range uint64(4) {
		h := setup(t)
		workers := staff(1200)
		moved := staff(1200)[:1190]
		for i := range moved {
			moved[i].name += "-married"
			moved[i].department = "other"
		}
		moved = append(moved, worker{id: "00600b", name: "ada-200"}, worker{id: "00001b", name: "ada-0"})
		random := rand.New(rand.NewPCG(seed, 1))
		if seed > 0 {
			random.Shuffle(len(workers), func(i, j int) { workers[i], workers[j] = workers[j], workers[i] })
			random.Shuffle(len(moved), func(i, j int) { moved[i], moved[j] = moved[j], moved[i] })
		}
		h.ingest(file{workers: workers})
		h.ingest(file{workers: moved})
		switch got := h.content(); {
		case want == "":
			want = got
		case got != want:
			t.Errorf("seed %d: the order of rows changes what is stored", seed)
		}
	}
	if !strings.Contains(want, "ada-02@") || !strings.Contains(want, "ada-03@") {
		t.Error("the file has no namesakes, so that this proves nothing")
	}
}

// TestCrash cuts the ingestion off in each of its transactions in turn, and
// reads the file again: what is there is what one undisturbed read leaves.
func TestCrash(t *testing.T) {
	t.Parallel()
	first := staff(1100)
	second := staff(1050)
	for i := range second {
		second[i].name += "-married"
	}
	second = append(second, worker{id: "00000b", name: "ada-7"}, worker{id: "x", name: "ada-7"})
	want := ""
	for fail := 0; fail <= 5; fail++ { // match, three chunks, prove; 0: none
		h := setup(t)
		h.ingest(file{workers: first})
		if fail > 0 {
			_, err := source.Ingest(t.Context(), &counting{Store: h.st, fail: fail}, h.dir, h.source(file{workers: second}))
			if !errors.Is(err, errCrash) {
				t.Fatalf("transaction %d: error %v, want a crash", fail, err)
			}
		}
		if r := h.ingest(file{workers: second}); r.Replay {
			t.Error("the second attempt is taken for a replay")
		}
		switch got := h.content(); {
		case fail == 0:
			want = got
		case got != want:
			t.Errorf("a crash in transaction %d leaves something else", fail)
		}
	}
}

func TestTransactionsMayRunTwice(t *testing.T) {
	t.Parallel()
	var reports []source.Report
	var contents []string
	for _, again := range []bool{false, true} {
		h := setup(t)
		if again {
			h.st = twice{h.st}
		}
		workers := staff(600)
		workers[3].start = "someday"
		h.ingest(file{workers: workers})
		reports = append(reports, h.ingest(file{workers: append(workers[:300:300], worker{id: "new", name: "ada-1", department: "poison"})}))
		contents = append(contents, h.content())
	}
	a, b := reports[0], reports[1]
	if a.New != b.New || a.Changed != b.Changed || len(a.Rejected) != len(b.Rejected) {
		t.Errorf("once %+v, twice %+v", a, b)
	}
	if contents[0] != contents[1] {
		t.Error("what is stored differs when transactions run twice")
	}
}

func TestRejectedRowsKeepTheirPeople(t *testing.T) {
	t.Parallel()
	h := setup(t)
	workers := staff(10)
	h.ingest(file{workers: workers})
	before := h.content()

	// The reader set one aside, an expression another, a team rule a third.
	rest := append([]worker{}, workers[1:]...)
	rest[0].end = "someday"
	rest[1].department = "poison"
	r := h.ingest(file{workers: rest, rejected: []source.Reject{{Line: 99, Key: "00000", Reason: "too long"}}})
	if len(r.Rejected) != 3 || r.Changed != 0 || r.Rows != 10 || !r.Complete {
		t.Errorf("%+v", r)
	}
	if after := h.content(); after != before {
		t.Error("a row that was set aside changed its person")
	}
	for i, want := range []source.Reject{
		{Line: 2, Key: "00001", Field: "end", Column: 5},
		{Line: 3, Key: "00002"},
		{Line: 99, Key: "00000"},
	} {
		got := r.Rejected[i]
		if got.Line != want.Line || got.Key != want.Key || got.Field != want.Field || got.Column != want.Column || got.Reason == "" {
			t.Errorf("rejected %+v, want %+v", got, want)
		}
		if strings.Contains(got.Reason, "someday") {
			t.Errorf("a reason repeats a value: %s", got.Reason)
		}
	}
}

func TestARowWithTwoFaultsIsOneRejection(t *testing.T) {
	t.Parallel()
	h := setup(t)
	r := h.ingest(file{workers: []worker{{id: "1", name: "a", start: "soon", end: "late"}, {id: "2", name: "b"}}})
	if len(r.Rejected) != 1 || r.New != 1 {
		t.Fatalf("%+v", r)
	}
	j := r.Rejected[0]
	if j.Line != 2 || j.Field == "" || !strings.Contains(j.Reason, "startDate") || !strings.Contains(j.Reason, "endDate") {
		t.Errorf("%+v", j)
	}
}

func TestAnUnprovenReadMakesNobodyMissing(t *testing.T) {
	t.Parallel()
	h := setup(t)
	workers := staff(10)
	h.ingest(file{workers: workers})
	before := h.content()
	h.ingest(file{workers: workers[2:], unproven: "a key could not be read"})
	if h.content() != before {
		t.Error("an absence was acted on that nobody has proven")
	}
	// Hires and changes are taken all the same.
	more := append(workers[2:10:10], worker{id: "new", name: "bo"})
	more[0].department = "moved"
	if r := h.ingest(file{workers: more, unproven: "a key could not be read"}); r.New != 1 || r.Changed != 1 {
		t.Errorf("%+v", r)
	}
}

func TestAnUnprovenReadBringsTheMissingBack(t *testing.T) {
	t.Parallel()
	h := setup(t)
	workers := staff(10)
	h.ingest(file{workers: workers})
	h.ingest(file{workers: workers[5:]}) // five of ten: held
	h.stands(map[string]directory.State{"00000": directory.Missing, "00004": directory.Missing, "00005": directory.Active})
	h.ingest(file{workers: workers[4:], unproven: "a key could not be read"})
	h.stands(map[string]directory.State{"00000": directory.Missing, "00003": directory.Missing, "00004": directory.Active})
	// one that the reader could not take, but whose key it knows
	h.ingest(file{workers: workers[4:], rejected: []source.Reject{{Line: 2, Key: "00000"}}, unproven: "a key could not be read"})
	h.stands(map[string]directory.State{"00000": directory.Active})
}

func TestAbsenceFromACompleteRead(t *testing.T) {
	t.Parallel()
	h := setup(t)
	workers := staff(10)
	h.ingest(file{workers: workers})
	h.ingest(file{workers: workers[2:]})
	h.stands(map[string]directory.State{"00000": directory.Leaver, "00001": directory.Leaver, "00002": directory.Active})
}

// TestAReplayBringsNobodyBack: whoever has left since stays out, by whatever
// cause; whoever is only missing returns, as after a bad file the last good
// one is put back.
func TestAReplayBringsNobodyBack(t *testing.T) {
	t.Parallel()
	h := setup(t)
	old := file{workers: staff(200)}
	h.ingest(old)
	ended := staff(200)[2:] // 0 and 1 are absent, 2 is terminated
	ended[0].end = "2026-02-01"
	h.ingest(file{workers: ended})
	h.ingest(file{workers: ended[20:]}) // a bad file: held
	h.stands(map[string]directory.State{
		"00000": directory.Leaver, "00001": directory.Leaver, "00002": directory.Leaver, "00003": directory.Missing, "00021": directory.Missing,
	})
	for range 2 { // each cycle reads it anew
		r := h.ingest(old)
		if !r.Replay || len(r.Rejected) != 3 {
			t.Errorf("replay %t, %d rejected, want 3: %+v", r.Replay, len(r.Rejected), r.Rejected)
		}
		for i, j := range r.Rejected {
			if j.Line != i+2 || j.Reason != directory.ErrReplayed.Error() {
				t.Errorf("rejected %+v", j)
			}
		}
		h.stands(map[string]directory.State{
			"00000": directory.Leaver, "00001": directory.Leaver, "00002": directory.Leaver, "00003": directory.Active, "00021": directory.Active,
		})
	}
	// A new file that states them again does bring them back.
	back := staff(200)
	back[0].department = "back"
	if r := h.ingest(file{workers: back}); r.Replay || len(r.Rejected) != 0 {
		t.Errorf("%+v", r)
	}
	h.stands(map[string]directory.State{"00000": directory.Active, "00001": directory.Active, "00002": directory.Active})
}

// TestAReplayedRejectBringsNobodyBack: a row that the reader set aside has been
// seen, but an old file's is no news either.
func TestAReplayedRejectBringsNobodyBack(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.ingest(file{workers: staff(100)})
	old := file{workers: staff(100)[1:], rejected: []source.Reject{{Line: 2, Key: "00000"}}}
	h.ingest(old)
	h.ingest(file{workers: staff(100)[1:]})
	h.stands(map[string]directory.State{"00000": directory.Leaver})
	if r := h.ingest(old); len(r.Rejected) != 1 {
		t.Errorf("rejected %+v", r.Rejected)
	}
	h.stands(map[string]directory.State{"00000": directory.Leaver})
}

func TestStrangers(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.ingest(file{workers: staff(30)})
	before := h.content()
	others := staff(30)
	for i := range others {
		others[i].id = "E" + others[i].id
	}
	_, err := source.Ingest(t.Context(), h.st, h.dir, h.source(file{workers: others}))
	var strange *source.StrangersError
	if !errors.As(err, &strange) || strange.Known != 30 || strange.Here != 0 || strange.New != 30 {
		t.Fatalf("error %v", err)
	}
	h.settle()
	if h.content() != before {
		t.Error("something of it was taken")
	}
}

// broken is a reader that fails.
type broken struct{}

func (broken) Read(context.Context) (*source.Batch, error) { return nil, errCrash }

func TestAReadThatFailsTouchesNothing(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.ingest(file{workers: staff(5)})
	before := h.content()
	s := h.source(file{})
	s.Reader = broken{}
	if _, err := source.Ingest(t.Context(), h.st, h.dir, s); !errors.Is(err, errCrash) || !strings.Contains(err.Error(), "hr") {
		t.Fatalf("error %v, want one that names the source", err)
	}
	if h.content() != before {
		t.Error("a read that failed changed something")
	}
}

// TestAReplayProvesNobodyAbsent: whoever was hired since an old file is not in it.
func TestAReplayProvesNobodyAbsent(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.ingest(file{workers: staff(9)})
	h.ingest(file{workers: staff(10)})
	if r := h.ingest(file{workers: staff(9)}); !r.Replay {
		t.Fatalf("%+v", r)
	}
	h.stands(map[string]directory.State{"00009": directory.Active})
}
