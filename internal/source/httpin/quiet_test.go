// SPDX-License-Identifier: Apache-2.0

package httpin_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/source"
	"github.com/usher-id/usher/internal/source/httpin"
	"github.com/usher-id/usher/internal/source/httpintest"
)

// tagged makes a house of a list in one answer that has an entity tag by what it says, of
// which single people can be read.
func tagged(t *testing.T) *house {
	t.Helper()
	return setup(t, httpintest.None, func(hr *httpintest.Server, c *httpin.Config) {
		hr.ETag = true
		c.One = &httpin.One{URL: hr.URL + "/{id}", At: path(t, "data")}
	})
}

// tell has somebody marked as a call does, and reads whoever is marked.
func (h *house) tell(key string) {
	h.Helper()
	_, err := source.Hear(h.Context(), h.db.Source(), h.src, source.Word{Key: key})
	h.must(err)
	h.reread()
}

// TestAnEntityTagStandsForWhatIsKnown: a list that says again what it said once is not taken
// for unchanged if something else was taken in between.
func TestAnEntityTagStandsForWhatIsKnown(t *testing.T) {
	t.Parallel()
	t.Run("a hire that is rescinded", func(t *testing.T) {
		t.Parallel()
		h := tagged(t)
		h.hr.Set(staff(12))
		h.readAll()
		h.hr.Set(staff(13))
		h.tell("13")
		h.stand(names(13))
		h.hr.Set(staff(12))
		h.tell("13") // not found, which proves nothing: everybody is read
		h.readAll()
		h.stand(names(12) + ", p13 leaver")
	})
	t.Run("a termination by mistake", func(t *testing.T) {
		t.Parallel()
		h := tagged(t)
		people := staff(12)
		h.hr.Set(people)
		h.readAll()
		people[11]["end"] = "2026-01-01"
		h.hr.Set(people)
		h.tell("12")
		h.stand(names(11) + ", p12 leaver")
		h.hr.Set(staff(12)) // and the call that tells of it is lost
		h.readAll()
		h.stand(names(12))
	})
	t.Run("somebody who is there by a record that cannot be taken", func(t *testing.T) {
		t.Parallel()
		h := tagged(t)
		people := staff(12)
		h.hr.Set(people)
		h.readAll()
		h.hr.Set(staff(11))
		h.readAll()
		h.readAll() // as nobody was asked for, it is kept what this one left
		people[11]["name"] = map[string]string{"first": "a\u0000"}
		h.hr.Set(people)
		h.tell("12")
		h.hr.Set(staff(11))
		h.hr.Counts()
		h.readAll()
		h.stand(names(11) + ", p12 leaver")
		if c := h.hr.Counts(); c.Same != 0 {
			t.Errorf("%+v", c)
		}
	})
	t.Run("a read that breaks off between two transactions", func(t *testing.T) {
		t.Parallel()
		h := tagged(t)
		h.hr.Set(staff(600))
		h.readAll()
		people := staff(600)
		for i := range people {
			people[i]["name"] = map[string]string{"first": "changed"}
		}
		h.hr.Set(people)
		s, err := source.Fetch(t.Context(), h.db.Source(), h.src)
		h.must(err)
		if _, err = source.Ingest(t.Context(), &cut{Store: h.db.Source(), after: 2}, h.dir, s); !errors.Is(err, errCut) {
			t.Fatal(err)
		}
		if n := strings.Count(h.people(), "changed"); n == 0 || n == 600 {
			t.Fatalf("%d were taken", n)
		}
		h.hr.Set(staff(600))
		h.readAll()
		if strings.Contains(h.people(), "changed") {
			t.Error("somebody stays changed")
		}
	})
	t.Run("a hire that is told of while everybody is read", func(t *testing.T) {
		t.Parallel()
		h := tagged(t)
		h.hr.Set(staff(12))
		h.readAll()
		people := staff(12)
		people[0]["name"] = map[string]string{"first": "new"}
		h.hr.Set(people)
		s, err := source.Fetch(t.Context(), h.db.Source(), h.src)
		h.must(err)
		h.hr.Set(append(people, staff(13)[12]))
		h.tell("13")
		_, err = source.Ingest(t.Context(), h.db.Source(), h.dir, s)
		h.must(err)
		h.settle()
		h.stand("new, " + strings.TrimPrefix(names(13), "p01, "))
		h.hr.Set(people)
		h.readAll()
		h.stand("new, " + strings.TrimPrefix(names(12), "p01, ") + ", p13 leaver")
	})
}

// TestAnEmptyAnswerIsReadTwice: one alone takes nobody out, and is not what the next read is
// held against.
func TestAnEmptyAnswerIsReadTwice(t *testing.T) {
	t.Parallel()
	h := setup(t, httpintest.None, func(hr *httpintest.Server, _ *httpin.Config) { hr.ETag = true })
	h.hr.Set(staff(12))
	h.readAll()
	empty := func(w http.ResponseWriter) {
		w.Header().Set("ETag", `"empty"`)
		body(`{"data":{"people":[]},"meta":{}}`)(w, nil)
	}
	h.hr.Counts()
	h.hr.Fault = func(w http.ResponseWriter, _ *http.Request, n int) bool {
		if n == 1 {
			empty(w)
		}
		return n == 1
	}
	if r := h.readAll(); r.Rows != 12 {
		t.Errorf("%+v", r)
	}
	h.stand(names(12))
	asked := ""
	h.hr.Fault = func(w http.ResponseWriter, r *http.Request, n int) bool {
		if n == 3 {
			asked = r.Header.Get("If-None-Match")
		}
		empty(w)
		return true
	}
	h.readAll()
	if asked != "" {
		t.Errorf("it is asked whether %s has changed", asked)
	}
	if n := strings.Count(h.people(), "missing"); n != 12 { // the guard has them
		t.Errorf("there is %s", h.people())
	}
	if c := h.hr.Counts(); c.Lists != 4 {
		t.Errorf("%+v", c)
	}
}

var errCut = errors.New("cut")

// cut is a store that fails behind so many transactions.
type cut struct {
	source.Store
	after int
}

func (c *cut) Update(ctx context.Context, fn func(source.Tx) error) error {
	if c.after--; c.after < 0 {
		return errCut
	}
	return c.Store.Update(ctx, fn)
}
