// SPDX-License-Identifier: Apache-2.0

package httpin_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/source/httpin"
	"github.com/usher-id/usher/internal/source/httpintest"
	"github.com/usher-id/usher/internal/store"
	"github.com/usher-id/usher/scim"
)

// job is a job as the fake has it.
func job(status, department string, end any) httpintest.Person {
	return httpintest.Person{"status": status, "department": map[string]any{"id": department}, "start": "2020-01-01", "end": end}
}

const thatJob = "jobs[status=active|leave|*]"

// employed makes a house of a list whose people's jobs, and the names of whose departments,
// are told in requests of their own. change may alter what it is made of.
func employed(t *testing.T, kind httpintest.Paging, n int, change func(*httpintest.Server, *httpin.Config)) *house {
	t.Helper()
	h := setup(t, kind, func(hr *httpintest.Server, c *httpin.Config) {
		base := strings.TrimSuffix(hr.URL, "/people")
		c.With = []httpin.Detail{
			{Name: "jobs", URL: base + "/people/{id}/jobs", List: ptr(path(t, "data")), Paged: kind != httpintest.None},
			{Name: "unused", URL: base + "/unused/{id}"},
			{Name: "department", URL: base + "/departments/{id}", ID: path(t, thatJob+".department.id"), At: path(t, "data")},
		}
		c.Columns[2] = httpin.Column{Name: "dept", Path: path(t, "department.name"), Optional: true}
		c.Columns[3] = httpin.Column{Name: "end", Path: path(t, "jobs[*].end"), Take: httpin.TakeLatest}
		c.One = &httpin.One{URL: hr.URL + "/{id}", At: path(t, "data")}
		if change != nil {
			change(hr, c)
		}
	})
	h.hr.Details.Departments = map[string]string{"1": "Sales", "2": "Research"}
	h.hr.Details.Jobs = map[string][]httpintest.Person{}
	people := staff(n)
	for _, p := range people {
		p["jobs"] = []string{"no such thing"} // in the place of which comes what is told of it
		h.hr.Details.Jobs[fmt.Sprint(p["id"])] = []httpintest.Person{job("active", "1", nil)}
	}
	h.hr.Set(people)
	return h
}

// rows are what a read holds, by key.
func (h *house) rows() string {
	h.Helper()
	b, err := h.list.ReadAll(h.Context(), knowledge())
	h.must(err)
	var out []string
	for _, r := range b.Rows {
		out = append(out, fmt.Sprintf("%q", r.Values()))
	}
	slices.Sort(out)
	for _, j := range b.Rejected {
		out = append(out, j.Key+": "+j.Reason)
	}
	return strings.Join(out, "\n")
}

// of is all that is known of a person of staff.
func (h *house) of(id string) (user string) {
	h.Helper()
	h.must(h.db.Read(h.Context(), func(r store.Reader) error {
		all, err := r.List(h.Context(), "", "", 100_000)
		for _, l := range all {
			v, _ := l.Person.User.At(scim.MustPath("name.familyName"))
			if name, _ := v.AsString(); name == fmt.Sprintf("p%02s", id) {
				text, err := json.Marshal([]any{l.Person.State, l.Person.User})
				h.must(err)
				user = string(text)
			}
		}
		return err
	}))
	return user
}

// TestDetails: what is told in requests of their own is of the record; what several share is
// asked once, and what nobody reads not at all.
func TestDetails(t *testing.T) {
	t.Parallel()
	for _, kind := range []httpintest.Paging{httpintest.None, httpintest.Cursor} {
		t.Run("paging "+string(kind), func(t *testing.T) {
			t.Parallel()
			h := employed(t, kind, 5, nil)
			h.hr.Details.Jobs["2"] = []httpintest.Person{job("ended", "1", "2024-01-31"), job("leave", "2", "2026-06-30")}
			h.hr.Details.Jobs["3"] = []httpintest.Person{job("ended", "2", "2026-12-31"), job("ended", "1", "2024-01-31")}
			many := []httpintest.Person{job("active", "1", "2030-01-31")} // on two pages, where there are pages
			h.hr.Details.Jobs["4"] = append(many, job("ended", "2", "2024-01-31"), job("ended", "2", "2024-03-31"), job("ended", "2", nil))
			h.hr.Details.Jobs["5"] = []httpintest.Person{{"status": "active", "start": "2020-01-01", "end": "2031-01-31"}}
			want := `["1" "p01" "Sales" ""]
["2" "p02" "Research" "2026-06-30"]
["3" "p03" "Research" "2026-12-31"]
["4" "p04" "Sales" ""]
["5" "p05" "" "2031-01-31"]`
			if got := h.rows(); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			asked := h.hr.Asked()
			if asked["/departments/1"] != 1 || asked["/departments/2"] != 1 || asked["/people/1/jobs"] != 1 {
				t.Errorf("asked for %v", asked)
			}
		})
	}
}

// TestADetailThatCannotBeHad sets its record aside, who stays as they were: neither their
// end nor their department goes, and they are not missing. Of the others it is proven that
// these were all, and what is told of them is taken.
func TestADetailThatCannotBeHad(t *testing.T) {
	t.Parallel()
	answer := func(path string, with http.HandlerFunc) func(*house) {
		return func(h *house) {
			h.hr.Details.Fault = func(w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path != path {
					return false
				}
				with(w, r)
				return true
			}
		}
	}
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	const jobs = "/people/2/jobs"
	for name, c := range map[string]struct {
		goes func(*house)
		why  string
	}{
		"not there":               {answer(jobs, status(http.StatusNotFound)), "is not there"},
		"gone":                    {answer(jobs, status(http.StatusGone)), "is not there"},
		"not for us":              {answer(jobs, status(http.StatusForbidden)), "does not let this credential read"},
		"a bad request":           {answer(jobs, status(http.StatusBadRequest)), "refuses the request"},
		"a server error":          {answer(jobs, status(http.StatusInternalServerError)), "fails (500"},
		"no time":                 {answer(jobs, status(http.StatusTooManyRequests)), "has no time for us"},
		"it breaks off":           {answer(jobs, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), "broke off"},
		"a sign-in page":          {answer(jobs, body("<html>who are you")), "web page"},
		"no JSON":                 {answer(jobs, body(`{"data":[{"end":`)), "cut off"},
		"no list":                 {answer(jobs, body(`{"date":[]}`)), "without data"},
		"an item of two ends":     {answer(jobs, body(`{"data":[{"end":null,"end":"2026-01-01"}],"meta":{"next":null}}`)), "two members of one name"},
		"a page that comes again": {answer(jobs, body(`{"data":[{"end":null}],"meta":{"next":"c3"}}`)), "may not have told all"},
		"pages without end": {func(h *house) {
			n := 0
			answer(jobs, func(w http.ResponseWriter, r *http.Request) {
				n++
				body(fmt.Sprintf(`{"data":[{"end":null,"n":%d}],"meta":{"next":"c%d"}}`, n, n))(w, r)
			})(h)
		}, "more than 20 "},
		"no job":           {func(h *house) { h.hr.Details.Jobs["2"] = nil }, "there is no item at jobs[*].end"},
		"an end of no day": {func(h *house) { h.hr.Details.Jobs["2"] = []httpintest.Person{job("active", "1", "31.12.2026")} }, "neither a day"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := employed(t, httpintest.Cursor, 5, func(_ *httpintest.Server, c *httpin.Config) { c.Limits.Items = 20 })
			h.hr.Details.Jobs["2"] = []httpintest.Person{job("active", "2", "2999-01-31")}
			h.readAll()
			was := h.of("2")
			h.hr.Lock()
			c.goes(h)
			h.hr.Remove("5")
			h.hr.Details.Jobs["3"] = []httpintest.Person{job("ended", "1", "2026-01-31")}
			h.hr.Unlock()
			r, err := h.read()
			h.must(err)
			if !r.Complete || len(r.Rejected) != 1 || r.Rejected[0].Key != "2" || !strings.Contains(r.Rejected[0].Reason, c.why) {
				t.Errorf("%+v", r)
			}
			h.stand("p01, p02, p03 leaver, p04, p05 leaver")
			if now := h.of("2"); now != was {
				t.Errorf("of them it was known\n%s\nand is\n%s", was, now)
			}
		})
	}
}

// TestADepartmentThatCannotBeHad keeps nobody in: what is optional stays as it was last
// known, and of the rest it counts what is told. Once it can be had it is what it is.
func TestADepartmentThatCannotBeHad(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		department string
		fault      http.HandlerFunc
		why        string
	}{
		"not there any more": {"77", nil, "is not there"},
		"not for us":         {"2", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }, "does not let this credential read"},
		"a server error":     {"2", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }, "fails (500"},
		"nothing":            {"2", body(`{"data":null}`), "holds nothing where at looks"},
		"of no id":           {"7\u200b", nil, "can be no id"},
		"elsewhere":          {"..", nil, "would name another place"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := employed(t, httpintest.Cursor, 5, nil)
			h.hr.Details.Jobs["2"] = []httpintest.Person{job("active", "2", nil)}
			h.readAll()
			h.hr.Lock()
			h.hr.Details.Jobs["2"] = []httpintest.Person{job("active", c.department, "2026-01-31")}
			h.hr.Details.Jobs["4"] = []httpintest.Person{job("active", c.department, nil)}
			h.hr.Details.Fault = func(w http.ResponseWriter, r *http.Request) bool {
				hit := c.fault != nil && r.URL.Path == "/departments/2"
				if hit {
					c.fault(w, r)
				}
				return hit
			}
			h.hr.Unlock()
			r, err := h.read()
			h.must(err)
			if !r.Complete || len(r.Rejected) != 0 || !strings.Contains(strings.Join(r.Notes, " "), "of 2 records what is optional could not be had") || !strings.Contains(strings.Join(r.Notes, " "), c.why) {
				t.Errorf("%+v", r)
			}
			h.stand("p01, p02 leaver, p03, p04, p05")
			if got := h.of("2") + h.of("4"); !strings.Contains(got, "Research") || !strings.Contains(got, "Sales") {
				t.Errorf("of them it is known %s", got)
			}
			h.hr.Lock()
			h.hr.Details.Fault = nil
			h.hr.Details.Jobs["4"] = []httpintest.Person{{"status": "active", "start": "2020-01-01", "end": nil}}
			h.hr.Unlock()
			h.readAll()
			if got := h.of("4"); strings.Contains(got, "Sales") {
				t.Errorf("who has no department any more has %s", got)
			}
		})
	}
}

// TestTheOneDepartmentIsGone, which all have: they are read, and who has left is out.
func TestTheOneDepartmentIsGone(t *testing.T) {
	t.Parallel()
	h := employed(t, httpintest.Cursor, 5, nil)
	h.readAll()
	h.hr.Lock()
	h.hr.Details.Departments = nil
	h.hr.Details.Jobs["2"] = []httpintest.Person{job("active", "1", "2026-01-31")}
	h.hr.Unlock()
	h.readAll()
	h.stand("p01, p02 leaver, p03, p04, p05")
	h.hr.Lock()
	h.hr.Details.Jobs["3"] = []httpintest.Person{job("active", "1", "2026-01-31")}
	h.hr.Unlock()
	h.mark("3")
	h.reread()
	h.stand("p01, p02 leaver, p03 leaver, p04, p05")
	if got := h.of("3"); !strings.Contains(got, "Sales") {
		t.Errorf("of them it is known %s", got)
	}
}

// TestNoDetailsAnyMore: when requests get no answer any more the others are not asked for,
// and nobody is absent.
func TestNoDetailsAnyMore(t *testing.T) {
	t.Parallel()
	h := employed(t, httpintest.Cursor, 300, nil)
	h.readAll()
	h.hr.Asked()
	h.hr.Lock()
	h.hr.Remove("300")
	h.hr.Details.Jobs["1"] = []httpintest.Person{job("ended", "1", "2026-01-31")}
	h.hr.Details.Fault = func(w http.ResponseWriter, r *http.Request) bool {
		var id int
		_, _ = fmt.Sscanf(r.URL.Path, "/people/%d/", &id)
		if id > 20 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		return id > 20
	}
	h.hr.Unlock()
	r, err := h.read()
	h.must(err)
	if r.Complete || !strings.Contains(r.Reason, "could not be had any more") || !strings.Contains(r.Reason, "has no time for us") || len(r.Rejected) > 10 {
		t.Errorf("%v %s, %d set aside", r.Complete, r.Reason, len(r.Rejected))
	}
	sum := 0
	for n := range maps.Values(h.hr.Asked()) {
		sum += n
	}
	if sum > 60 {
		t.Errorf("it was asked %d times", sum)
	}
	if got := h.people(); strings.Count(got, "leaver") != 1 || !strings.HasPrefix(got, "p01 leaver") || strings.Count(got, ",") != 299 {
		t.Errorf("there is %s", got)
	}
}

// TestAnOutageOfDetails is told as what it is, and not as a column that is hidden, which
// would have somebody list it under optional.
func TestAnOutageOfDetails(t *testing.T) {
	t.Parallel()
	h := employed(t, httpintest.Cursor, 10, nil)
	h.readAll()
	h.hr.Details.Fault = func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	}
	if _, err := h.read(); err == nil || !strings.Contains(err.Error(), "has no time for us") || strings.Contains(err.Error(), "optional") {
		t.Errorf("%v", err)
	}
	if got := h.people(); strings.Contains(got, "leaver") || strings.Contains(got, "missing") {
		t.Errorf("there is %s", got)
	}
}

// TestWhatTheListHasIsNotWhatIsTold: a member that is replaced by what is told of it does not
// hide that nothing of that has a column.
func TestWhatTheListHasIsNotWhatIsTold(t *testing.T) {
	t.Parallel()
	h := employed(t, httpintest.None, 4, nil)
	h.readAll()
	people := staff(4)
	for i, p := range people {
		p["jobs"] = []httpintest.Person{{"end": nil}}
		h.hr.Details.Jobs[fmt.Sprint(i+1)] = []httpintest.Person{{"status": "active", "department": map[string]any{"id": "1"}}}
	}
	h.hr.Set(people)
	if _, err := h.read(); err == nil || !strings.Contains(err.Error(), "gives no record the column end") {
		t.Errorf("%v", err)
	}
}

// TestDetailsThatNobodyHas: what is refused for everybody is told, early, and nothing is
// taken; so is a credential that is not taken.
func TestDetailsThatNobodyHas(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]string{
		http.StatusNotFound: "is not there", http.StatusForbidden: "does not let this credential read", http.StatusUnauthorized: "does not take the credential",
	} {
		for _, of := range []string{"/jobs", "/departments/"} {
			t.Run(fmt.Sprint(code, of), func(t *testing.T) {
				t.Parallel()
				h := employed(t, httpintest.Cursor, 100, nil)
				for i := range 100 { // in a department of their own each
					id := fmt.Sprint(i + 1)
					h.hr.Details.Departments[id] = "D" + id
					h.hr.Details.Jobs[id] = []httpintest.Person{job("active", id, nil)}
				}
				h.readAll()
				h.hr.Asked()
				h.hr.Lock()
				h.hr.Details.Fault = func(w http.ResponseWriter, r *http.Request) bool {
					if strings.Contains(r.URL.Path, of) {
						w.WriteHeader(code)
					}
					return strings.Contains(r.URL.Path, of)
				}
				h.hr.Unlock()
				if _, err := h.read(); err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%v", err)
				}
				if n := len(h.hr.Asked()); n > 60 {
					t.Errorf("%d were asked for", n)
				}
				if got := h.people(); strings.Contains(got, "leaver") {
					t.Errorf("there is %s", got)
				}
			})
		}
	}
}

// TestWhoIsThereWithoutDetails: somebody who is hidden from the list and found by id is
// there, whether what is told of them can be had or not, and however many they are.
func TestWhoIsThereWithoutDetails(t *testing.T) {
	t.Parallel()
	for name, code := range map[string]int{"not there": http.StatusNotFound, "not for us": http.StatusForbidden, "no answer": http.StatusInternalServerError} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := employed(t, httpintest.Cursor, 40, nil)
			h.readAll()
			h.hr.Lock()
			hidden := staff(40)[10:]
			h.hr.Hidden = hidden
			for _, p := range hidden {
				h.hr.Remove(fmt.Sprint(p["id"]))
			}
			h.hr.Details.Fault = func(w http.ResponseWriter, r *http.Request) bool {
				var id int
				_, _ = fmt.Sscanf(r.URL.Path, "/people/%d/", &id)
				if id > 10 {
					w.WriteHeader(code)
				}
				return id > 10
			}
			h.hr.Unlock()
			_, _ = h.read() // proven or not, or refused altogether
			if got := h.people(); strings.Contains(got, "leaver") || strings.Contains(got, "missing") {
				t.Errorf("there is %s", got)
			}
			h.mark("11", "12", "1")
			h.reread()
			if got := h.people(); strings.Contains(got, "leaver") || strings.Contains(got, "missing") {
				t.Errorf("there is %s", got)
			}
		})
	}
}

// TestDetailsOfOne: who is read by id is read with what is told of them.
func TestDetailsOfOne(t *testing.T) {
	t.Parallel()
	h := employed(t, httpintest.Cursor, 4, nil)
	h.readAll()
	h.hr.Lock()
	h.hr.Details.Jobs["2"] = []httpintest.Person{job("active", "2", nil)}
	h.hr.Details.Jobs["3"] = []httpintest.Person{job("ended", "1", "2026-01-31")}
	h.hr.Details.Jobs["4"] = []httpintest.Person{}
	h.hr.Unlock()
	h.mark("2", "3", "4")
	h.reread()
	h.stand("p01, p02, p03 leaver, p04")
	if got := h.of("2"); !strings.Contains(got, "Research") {
		t.Errorf("of them is known %s", got)
	}
}

// TestASameListHasOtherDetails: that a list is the same says nothing of what is told of its
// records elsewhere.
func TestASameListHasOtherDetails(t *testing.T) {
	t.Parallel()
	h := employed(t, httpintest.None, 4, func(hr *httpintest.Server, _ *httpin.Config) { hr.ETag = true })
	h.readAll()
	h.hr.Details.Jobs["3"] = []httpintest.Person{job("ended", "1", "2026-01-31")}
	h.readAll()
	h.stand("p01, p02, p03 leaver, p04")
}

// TestTooManyDetails: a read that would not come to an end is not begun.
func TestTooManyDetails(t *testing.T) {
	t.Parallel()
	h := employed(t, httpintest.Cursor, 50, func(_ *httpintest.Server, c *httpin.Config) { c.Limits.Details = 49 })
	if _, err := h.read(); err == nil || !strings.Contains(err.Error(), "more than 49 requests") {
		t.Error(err)
	}
	if n := len(h.hr.Asked()); n > 0 {
		t.Errorf("%d were asked for", n)
	}
	h = employed(t, httpintest.None, 50, func(_ *httpintest.Server, c *httpin.Config) { c.RequestsPerSecond = 0.01 })
	if _, err := h.read(); err == nil || !strings.Contains(err.Error(), "1h23m20s at 0.01 requests a second") {
		t.Error(err)
	}
}

// TestDetailsThatCannotBeMeant are refused before anything is sent.
func TestDetailsThatCannotBeMeant(t *testing.T) {
	t.Parallel()
	hr := httpintest.New(t)
	at := strings.TrimSuffix(hr.URL, "/people")
	for want, change := range map[string]func(*httpin.Config){
		"must hold {id}, once":   func(c *httpin.Config) { c.With = []httpin.Detail{{Name: "a", URL: at + "/a"}} },
		"credentials go nowhere": func(c *httpin.Config) { c.With = []httpin.Detail{{Name: "a", URL: "https://elsewhere.example/{id}"}} },
		"a segment of its own":   func(c *httpin.Config) { c.With = []httpin.Detail{{Name: "a", URL: at + "/a{id}"}} },
		"is there twice": func(c *httpin.Config) {
			c.With = []httpin.Detail{{Name: "a", URL: at + "/{id}"}, {Name: "a", URL: at + "/{id}"}}
		},
		"is paged, and has no list": func(c *httpin.Config) { c.With = []httpin.Detail{{Name: "a", URL: at + "/{id}", Paged: true}} },
		"must lead to one place": func(c *httpin.Config) {
			c.With = []httpin.Detail{{Name: "a", URL: at + "/{id}", List: ptr(path(t, "a[0].b"))}}
		},
		"its path leads to one":      func(c *httpin.Config) { c.Columns[3].Take = httpin.TakeLatest },
		"cannot take \"the newest\"": func(c *httpin.Config) { c.Columns[3].Take = "the newest" },
	} {
		c := listing(t, hr, httpintest.None)
		change(&c)
		if _, err := httpin.New(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %s", err, want)
		}
	}
}
