// SPDX-License-Identifier: Apache-2.0

package httpin_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/source/httpin"
	"github.com/usher-id/usher/internal/source/httpintest"
)

// searched makes a house of people 1 to n, each of whom is had by a search: a POST, whose
// body holds the id. found answers for an id, nil is whoever the list has.
func searched(t *testing.T, n int, listed *[]string, found func(id string) string) *house {
	t.Helper()
	for i := range n {
		*listed = append(*listed, fmt.Sprintf(`{"id":%d,"name":{"first":"p%02d"},"dept":"A","end":null}`, i+1, i+1))
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var search struct {
			ID []string `json:"id"`
		}
		sent, _ := io.ReadAll(r.Body)
		if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" || json.Unmarshal(sent, &search) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		if search.ID == nil {
			body(`{"data":{"people":[`+strings.Join(*listed, ",")+`]}}`)(w, r)
			return
		}
		body(`{"data":{"people":[`+found(search.ID[0])+`]}}`)(w, r)
	}))
	t.Cleanup(s.Close)
	h := setup(t, httpintest.None, func(_ *httpintest.Server, c *httpin.Config) {
		c.URL, c.Method, c.Body = s.URL+"/search", http.MethodPost, `{"all": true}`
		c.One = &httpin.One{URL: s.URL + "/search", Method: http.MethodPost, Body: `{"id": ["{id}"]}`, List: ptr(path(t, "data.people"))}
	})
	h.readAll()
	return h
}

// TestSomebodyIsHadByASearch: who is absent and found by it is taken as they are, and who
// is not found by it is gone. An answer that is about nobody in particular says nothing.
func TestSomebodyIsHadByASearch(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ found, want string }{
		"gone":      {"", "p01, p02, p03 leaver"},
		"hidden":    {`{"id":3,"name":{"first":"p03"},"dept":"B","end":null}`, "p01, p02, p03"},
		"has left":  {`{"id":3,"name":{"first":"p03"},"dept":"A","end":"2026-01-01"}`, "p01, p02, p03 leaver"},
		"everybody": {`{"id":3,"name":{"first":"p03"},"dept":"A","end":"2026-01-01"},{"id":1,"name":{"first":"p01"},"dept":"A","end":null}`, "p01, p02, p03"},
		"another":   {`{"id":1,"name":{"first":"p01"},"dept":"A","end":"2026-01-01"}`, "p01, p02, p03"},
		"no object": {`3`, "p01, p02, p03"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var listed []string
			h := searched(t, 3, &listed, func(string) string { return c.found })
			listed = listed[:2]
			r, err := h.read()
			h.must(err)
			if sure := name == "gone" || name == "hidden" || name == "has left"; r.Complete != sure {
				t.Errorf("complete is %v: %s", r.Complete, r.Reason)
			}
			h.stand(c.want)
		})
	}
}

// TestAnIDInABodyIsText: whatever it holds, it names one record and asks for nothing else.
func TestAnIDInABodyIsText(t *testing.T) {
	t.Parallel()
	for _, id := range []string{`a"],"all":["b`, `back\slash`, "{id}", "<&>", "Ä € 𝄞"} {
		var listed []string
		asked := ""
		h := searched(t, 0, &listed, func(id string) string { asked = id; return "" })
		h.list.Unsure = func(string) {}
		if _, err := h.list.ReadSome(t.Context(), []string{id}); err != nil || asked != id {
			t.Errorf("%q is asked for as %q: %v", id, asked, err)
		}
	}
}

// TestOneMustMakeSense: what could name another record, or none, is refused.
func TestOneMustMakeSense(t *testing.T) {
	t.Parallel()
	hr := httpintest.New(t)
	for _, c := range []struct {
		one  httpin.One
		says string
	}{
		{httpin.One{URL: hr.URL}, "must hold {id}, once; or its body"},
		{httpin.One{URL: hr.URL + "/{id}", Method: http.MethodPost, Body: `{"id":"{id}"}`}, "must hold {id}, once"},
		{httpin.One{URL: hr.URL, Body: `{"id":"{id}"}`}, "write method: POST"},
		{httpin.One{URL: hr.URL, Method: http.MethodPost, Body: `{"id":{id}}`}, "stands within a text"},
		{httpin.One{URL: hr.URL + "/{id}", Method: http.MethodPut}, `method of one is "PUT"`},
		{httpin.One{URL: "https://elsewhere.example/", Method: http.MethodPost, Body: `["{id}"]`}, "credentials go nowhere else"},
		{httpin.One{URL: hr.URL + "/{id}", At: path(t, "a"), List: ptr(path(t, "b"))}, "at and list"},
		{httpin.One{URL: hr.URL + "/{id}", List: ptr(path(t, "b[0].c"))}, "list of one must lead to one place"},
	} {
		conf := listing(t, hr, httpintest.None)
		conf.One = &c.one
		if _, err := httpin.New(conf); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v", c.one, err)
		}
	}
}

// TestWhenARateIsToldAnew: without a Retry-After it is waited until X-RateLimit-Reset, in
// each of its forms; and not at all where that is longer than it may be.
func TestWhenARateIsToldAnew(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 26, 10, 0, 0, 0, time.UTC)
	for header, want := range map[string]string{
		"3600":                                "1h0m0s",
		fmt.Sprint(now.Add(time.Hour).Unix()): "1h0m0s",
		fmt.Sprint(now.Add(time.Hour).UnixMilli()): "1h0m0s",
		"9223372036854775807":                      "24h0m0s",
		fmt.Sprint(now.Add(-time.Hour).Unix()):     "", // it is tried again
		"soon":                                     "",
		"-5":                                       "",
	} {
		h := setup(t, httpintest.None, nil)
		h.hr.Set(staff(2))
		h.hr.Fault = func(w http.ResponseWriter, _ *http.Request, n int) bool {
			if n > 1 {
				return false
			}
			w.Header().Set("Date", now.Format(http.TimeFormat))
			w.Header().Set("X-RateLimit-Reset", header)
			w.WriteHeader(http.StatusTooManyRequests)
			return true
		}
		if want == "" {
			h.readAll()
			continue
		}
		if _, err := h.read(); err == nil || !strings.Contains(err.Error(), "it asks to wait "+want+",") {
			t.Errorf("%s: %v", header, err)
		}
	}
}

// TestSinceIsAskedInWords: a time within a filter, written as the system wants it.
func TestSinceIsAskedInWords(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 26, 10, 0, 0, 0, time.FixedZone("", 3600))
	hr := httpintest.New(t)
	hr.Token = token
	for form, want := range map[httpin.TimeForm]string{
		httpin.FormDateTime: "updated_at ge 2026-11-26T09:00:00", httpin.FormRFC3339: "updated_at ge 2026-11-26T09:00:00Z",
	} {
		conf := listing(t, hr, httpintest.None)
		conf.One = &httpin.One{URL: hr.URL + "/{id}"}
		conf.Since = &httpin.Since{URL: strings.TrimSuffix(hr.URL, "people") + "changed", Param: "since", Value: "updated_at ge {time}", Form: form, List: path(t, "employees[*]"), Key: path(t, "id")}
		l, err := httpin.New(conf)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Changed(t.Context(), at); err != nil {
			t.Fatal(err)
		}
		if asked := hr.Since(); asked[len(asked)-1] != want {
			t.Errorf("%q", asked)
		}
		conf.Since.Value = "updated_at"
		if _, err := httpin.New(conf); err == nil || !strings.Contains(err.Error(), "{time}") {
			t.Error(err)
		}
	}
}
