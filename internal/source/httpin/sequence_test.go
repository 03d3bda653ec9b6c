// SPDX-License-Identifier: Apache-2.0

package httpin_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/source/httpin"
	"github.com/usher-id/usher/internal/source/httpintest"
	"github.com/usher-id/usher/internal/store"
	"github.com/usher-id/usher/scim"
)

// open is a gate that lets everybody go, so that what a source says is seen as it is.
type open struct{}

func (open) Departures(context.Context, directory.Tx, directory.Cause, []string) (bool, error) {
	return true, nil
}

// wild is an HR system to which anything may happen, while it is read, too.
type wild struct {
	*house

	rng  *rand.Rand
	last int             // id
	here map[string]bool // who is in the list, and has been since they came
	odd  int             // what may still go wrong in this read
}

// TestAnySequence: whoever is in the list all along is in, whatever goes wrong while it is
// read, and whoever comes and goes meanwhile. In the end, who is in is who is in the list.
func TestAnySequence(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds[1:] {
		for seed := range uint64(4) {
			t.Run(fmt.Sprint(kind, " ", seed), func(t *testing.T) {
				t.Parallel()
				w := newWild(t, kind, seed)
				for range 25 {
					w.step()
				}
				w.hr.Lock()
				w.hr.Fault, w.hr.After = nil, nil
				w.hr.Unlock()
				w.readAll()
				w.check(true)
			})
		}
	}
}

func newWild(t *testing.T, kind httpintest.Paging, seed uint64) *wild {
	t.Helper()
	w := &wild{rng: rand.New(rand.NewPCG(seed, 12)), here: map[string]bool{}}
	w.house = setup(t, kind, func(hr *httpintest.Server, c *httpin.Config) {
		if hr.Total = seed%2 == 1; hr.Total {
			c.Total = ptr(path(t, "meta.total"))
		}
		if seed > 1 {
			c.One = &httpin.One{URL: hr.URL + "/{id}", At: path(t, "data")}
		}
		c.Limits.Tries = 2
	})
	w.dir = directory.New(directory.Config{
		Schemas: scim.CoreSchemas(), Sources: []directory.SourceRules{{Name: "hr"}}, Paths: mapped(t).Paths(), Teams: directory.Rules{}, Actor: "test", Now: time.Now, Gate: open{},
	})
	for range 9 {
		w.come()
	}
	w.hr.Fault, w.hr.After = w.fault, func(int) {
		if w.odd > 0 && w.rng.IntN(3) == 0 {
			w.odd--
			w.churn()
		}
	}
	return w
}

// come puts somebody new into the list, and go takes somebody out; under Lock while it is
// read.
func (w *wild) come() {
	w.last++
	id := fmt.Sprint(w.last)
	w.hr.Insert(httpintest.Person{"id": w.last, "name": map[string]string{"first": "p" + id}, "dept": "A"})
	w.here[id] = true
}

func (w *wild) churn() {
	if w.rng.IntN(2) == 0 || len(w.here) < 3 {
		w.come()
		return
	}
	id := fmt.Sprint(1 + w.rng.IntN(w.last))
	w.hr.Remove(id)
	delete(w.here, id)
}

// fault answers a page with something else, now and then.
func (w *wild) fault(rw http.ResponseWriter, _ *http.Request, _ int) bool {
	if w.odd == 0 || w.rng.IntN(6) > 0 {
		return false
	}
	w.odd--
	switch w.rng.IntN(7) {
	case 0:
		rw.WriteHeader(http.StatusInternalServerError)
	case 1:
		rw.WriteHeader(http.StatusTooManyRequests)
	case 2:
		rw.WriteHeader(http.StatusGone)
	case 3:
		rw.Header().Set("Content-Length", "9999")
		_, _ = io.WriteString(rw, `{"data":`)
	case 4:
		body(`{"data":{"people":[]},"meta":{"next":null}}`)(rw, nil) // a lie
	case 5:
		body(`<html>`)(rw, nil)
	default:
		body(`{"data":{"people":[{"id":1}]}}`)(rw, nil)
	}
	return true
}

func (w *wild) step() {
	w.hr.Lock()
	for range w.rng.IntN(3) {
		w.churn()
	}
	w.odd = w.rng.IntN(2)
	w.hr.Unlock()
	_, err := w.read() // which may fail
	clean(w.T, err)
	w.check(false)
}

// check holds that everybody is in who is in the list; in the end, that nobody else is.
func (w *wild) check(end bool) {
	w.Helper()
	w.must(w.db.Read(w.Context(), func(r store.Reader) error {
		all, err := r.List(w.Context(), "", "", 100_000)
		for _, l := range all {
			id := l.Records[0].ID
			if in := l.Person.State == directory.Active; !in && w.here[id] || end && in && !w.here[id] {
				w.Errorf("%s is %s (%s), and in the list: %v", id, l.Person.State, l.Person.Why, w.here[id])
			}
		}
		return err
	}))
}
