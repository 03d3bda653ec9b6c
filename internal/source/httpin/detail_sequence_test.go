// SPDX-License-Identifier: Apache-2.0

package httpin_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/source/httpintest"
	"github.com/usher-id/usher/internal/store"
	"github.com/usher-id/usher/scim"
)

// TestAnySequenceOfDetails: whatever becomes of what is asked for of each, whoever is in the
// list and has not ended is in, whoever is known to have ended is out, and nobody's
// department goes. In the end all is as it is told.
func TestAnySequenceOfDetails(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			h := employed(t, []httpintest.Paging{httpintest.None, httpintest.Cursor}[seed%2], 12, nil)
			h.dir = directory.New(directory.Config{
				Schemas: scim.CoreSchemas(), Sources: []directory.SourceRules{{Name: "hr"}}, Paths: mapped(t).Paths(), Teams: directory.Rules{}, Actor: "test", Now: time.Now, Gate: open{},
			})
			h.readAll()
			rng, odd := rand.New(rand.NewPCG(seed, 41)), 0
			h.hr.Details.Fault = func(w http.ResponseWriter, r *http.Request) bool {
				if odd == 0 || rng.IntN(4) > 0 {
					return false
				}
				odd--
				oddly(rng.IntN(12), w, r)
				return true
			}
			here, ended, was := map[string]bool{}, map[string]bool{}, h.states()
			for id := range was {
				here[id] = true
			}
			for step := range 20 {
				h.hr.Lock()
				id := fmt.Sprint(1 + rng.IntN(12))
				switch rng.IntN(4) {
				case 0:
					h.hr.Remove(id)
					delete(here, id)
				case 1:
					h.hr.Details.Jobs[id], ended[id] = []httpintest.Person{job("ended", "1", "2026-01-31"), job("ended", "1", "2025-01-31")}, true
				case 2:
					h.hr.Details.Jobs[id], ended[id] = []httpintest.Person{job("active", "1", nil), job("ended", "1", "2026-01-31")}, false
				}
				if odd = rng.IntN(4); step == 19 {
					odd = 0
				}
				h.hr.Unlock()
				_, err := h.read() // which may fail
				clean(t, err)
				h.mark(id)
				h.reread()
				now := h.states()
				for id, s := range now {
					in := s == "active Sales"
					switch {
					case here[id] && !ended[id] && was[id] == "active Sales" && !in, here[id] && ended[id] && was[id] == "leaver Sales" && in:
						t.Errorf("%s was %s and is %s (here %v, ended %v)", id, was[id], s, here[id], ended[id])
					case !strings.HasSuffix(s, " Sales"):
						t.Errorf("%s is %s", id, s)
					case step == 19 && in != (here[id] && !ended[id]):
						t.Errorf("%s ends as %s (here %v, ended %v)", id, s, here[id], ended[id])
					}
				}
				was = now
			}
		})
	}
}

// oddly answers a request for a detail in one of the ways in which that goes wrong.
func oddly(how int, w http.ResponseWriter, r *http.Request) {
	statuses := []int{400, 403, 404, 410, 429, 500, 503}
	texts := []string{`<html>`, `{"data":[{"end":`, `{"data":[],"meta":{"next":null}}`, `{"data":null}`}
	switch {
	case how < len(statuses):
		w.WriteHeader(statuses[how])
	case how-len(statuses) < len(texts):
		if text := texts[how-len(statuses)]; !strings.Contains(text, "[]") || strings.HasSuffix(r.URL.Path, "/jobs") {
			body(text)(w, r)
			return
		}
		w.WriteHeader(http.StatusBadGateway)
	default:
		panic(http.ErrAbortHandler)
	}
}

// states are what people are and where, by id.
func (h *house) states() map[string]string {
	h.Helper()
	out := map[string]string{}
	h.must(h.db.Read(h.Context(), func(r store.Reader) error {
		all, err := r.List(h.Context(), "", "", 100_000)
		for _, l := range all {
			v, _ := l.Person.User.At(scim.Path{URN: scim.EnterpriseUserURN, Attr: "department"})
			department, _ := v.AsString()
			out[l.Records[0].ID] = string(l.Person.State) + " " + department
		}
		return err
	}))
	return out
}
