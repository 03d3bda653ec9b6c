// SPDX-License-Identifier: Apache-2.0

package httpin_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/usher-id/usher/internal/rest/httpauth"
	"github.com/usher-id/usher/internal/source"
	"github.com/usher-id/usher/internal/source/httpin"
	"github.com/usher-id/usher/internal/source/httpintest"
)

// answering makes a house of people 1 to n, whose records are what one answers by id.
func answering(t *testing.T, n int, one func(w http.ResponseWriter, id string)) *house {
	t.Helper()
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf(`{"id":%d,"name":{"first":"p%02d"},"dept":"A"}`, i+1, i+1))
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/people" {
			body(`{"data":{"people":[`+strings.Join(all, ",")+`]}}`)(w, r)
			return
		}
		one(w, strings.TrimPrefix(r.URL.Path, "/people/"))
	}))
	t.Cleanup(s.Close)
	h := setup(t, httpintest.None, func(_ *httpintest.Server, c *httpin.Config) {
		c.URL, c.One = s.URL+"/people", &httpin.One{URL: s.URL + "/people/{id}", At: path(t, "data")}
	})
	h.readAll()
	return h
}

func (h *house) mark(keys ...string) {
	h.Helper()
	for _, key := range keys {
		_, err := source.Hear(h.Context(), h.db.Source(), h.src, source.Word{Key: key})
		h.must(err)
	}
}

// TestNobodyWaitsForABadRecord: a leaver of whom a call tells is out, whatever becomes of
// another one who was told of, too; and that one is not asked for again and again.
func TestNobodyWaitsForABadRecord(t *testing.T) {
	t.Parallel()
	for name, bad := range map[string]struct {
		key  string
		with http.HandlerFunc
	}{
		"no JSON":             {"2", body(`{"data":who are you}`)},
		"a server error":      {"2", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }},
		"no time":             {"2", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }},
		"a web page":          {"2", body("<html>")},
		"nothing":             {"2", body("")},
		"it breaks off":       {"2", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
		"an id of no address": {"..", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := answering(t, 3, func(w http.ResponseWriter, id string) {
				if id == bad.key {
					bad.with(w, nil)
					return
				}
				body(fmt.Sprintf(`{"data":{"id":%s,"name":{"first":"p0%s"},"dept":"A","end":"2026-01-01"}}`, id, id))(w, nil)
			})
			why := ""
			h.list.Unsure = func(w string) { why = w }
			h.mark(bad.key, "3")
			h.reread()
			h.stand("p01, p02, p03 leaver")
			if why == "" {
				t.Error("and the list does not tell what is so")
			}
			clean(t, nil, why)
		})
	}
}

// TestAServerThatIsDownIsNotAskedForEverybody: a few get no answer, and all are tried again
// later.
func TestAServerThatIsDownIsNotAskedForEverybody(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	h := answering(t, 50, func(w http.ResponseWriter, _ string) {
		asked.Add(1)
		w.WriteHeader(http.StatusBadGateway)
	})
	h.list.Unsure = func(why string) { t.Error(why) }
	var all []string
	for i := range 50 {
		all = append(all, fmt.Sprint(i+1))
	}
	h.mark(all...)
	_, _, err := source.Look(t.Context(), h.db.Source(), h.src)
	if err == nil || !strings.Contains(err.Error(), "fails (502 Bad Gateway)") {
		t.Error(err)
	}
	if n := asked.Load(); n != 3*4 {
		t.Errorf("it is asked %d times", n)
	}
	for _, key := range []string{"1", "50"} {
		h.must(h.db.Source().Update(t.Context(), func(tx source.Tx) error {
			marked, err := tx.Marked(t.Context(), "hr", key)
			if !marked {
				t.Errorf("%s is not tried again", key)
			}
			return err
		}))
	}
}

// TestATokenThatIsNotThereSaysNothingOfAPerson: 404 from the address of tokens is none of
// the record that is asked for.
func TestATokenThatIsNotThereSaysNothingOfAPerson(t *testing.T) {
	t.Parallel()
	for _, code := range []int{http.StatusNotFound, http.StatusGone} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			t.Parallel()
			var gone atomic.Bool
			login := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if gone.Load() {
					w.WriteHeader(code)
					return
				}
				body(`{"access_token":"t1","token_type":"Bearer","expires_in":3600}`)(w, r)
			}))
			t.Cleanup(login.Close)
			h := setup(t, httpintest.None, func(hr *httpintest.Server, c *httpin.Config) {
				hr.Token, c.One = "t1", &httpin.One{URL: hr.URL + "/{id}", At: path(t, "data")}
				c.Auth = httpauth.Auth{
					Kind: httpauth.OAuth, TokenURL: login.URL + "/token",
					User: func() (string, error) { return "us", nil }, Secret: func() (string, error) { return "x", nil },
				}
			})
			h.hr.Set(staff(12))
			h.readAll()
			h.hr.Set(staff(11))
			h.hr.After = func(int) { // the token ends between the list and whoever is absent from it
				h.hr.Token = "t2"
				gone.Store(true)
			}
			r, err := h.read()
			h.must(err)
			if r.Complete || !strings.Contains(r.Reason, "12 is absent, and could not be asked for by id") || !strings.Contains(r.Reason, "/token is not there") {
				t.Errorf("%+v", r)
			}
			h.stand(names(12))
			unsure := false
			h.list.Unsure = func(string) { unsure = true }
			h.mark("3")
			if _, _, err := source.Look(t.Context(), h.db.Source(), h.src); err == nil || unsure {
				t.Errorf("%v, %v", err, unsure)
			}
		})
	}
}

// TestWhatOneRecordLacks may be hidden from us of this one: they stay as they were. Not so
// where the system leaves out what is empty, as it never says that there is none.
func TestWhatOneRecordLacks(t *testing.T) {
	t.Parallel()
	for _, omit := range []bool{false, true} {
		t.Run(fmt.Sprint("omit ", omit), func(t *testing.T) {
			t.Parallel()
			h := setup(t, httpintest.None, func(hr *httpintest.Server, c *httpin.Config) {
				hr.Omit = omit
				c.Columns[3].Optional = false
			})
			people := staff(4)
			people[1]["end"], people[3]["end"] = "2026-01-31", "2026-01-31"
			h.hr.Set(people)
			h.readAll()
			h.stand("p01, p02 leaver, p03, p04 leaver")
			people = staff(4)
			people[2]["end"] = "2026-01-31"
			people[3]["end"] = "2026-01-31"
			delete(people[1], "end")
			h.hr.Set(people)
			r, err := h.read()
			h.must(err)
			if omit { // their end was taken back
				if !r.Complete || len(r.Rejected) != 0 {
					t.Errorf("%+v", r)
				}
				h.stand("p01, p02, p03 leaver, p04 leaver")
				return
			}
			if !r.Complete || len(r.Rejected) != 1 || r.Rejected[0].Key != "2" || !strings.Contains(r.Rejected[0].Reason, "end: there is no end, which others have") {
				t.Errorf("%+v", r)
			}
			h.stand("p01, p02 leaver, p03 leaver, p04 leaver")
		})
	}
}
