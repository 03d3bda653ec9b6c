// SPDX-License-Identifier: Apache-2.0

package httpin_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/dial"
	"github.com/usher-id/usher/internal/source/httpin"
	"github.com/usher-id/usher/internal/source/httpintest"
)

var kinds = []httpintest.Paging{httpintest.None, httpintest.Page, httpintest.Offset, httpintest.Cursor, httpintest.Next, httpintest.Link}

// TestEveryPaging: everybody comes, proven, whatever the way and wherever the last page
// ends.
func TestEveryPaging(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		for _, total := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s total %v", kind, total), func(t *testing.T) {
				t.Parallel()
				h := setup(t, kind, func(hr *httpintest.Server, c *httpin.Config) {
					if hr.Total = total; total {
						c.Total = ptr(path(t, "meta.total"))
					}
				})
				for n := 12; n >= 0; n-- { // three at once may go
					h.hr.Set(staff(n))
					if r := h.readAll(); r.Rows != n {
						t.Errorf("%d of %d came", r.Rows, n)
					}
				}
			})
		}
	}
}

// TestRowsAreExact: numbers, booleans and what is missing are text as they are written.
func TestRowsAreExact(t *testing.T) {
	t.Parallel()
	h := setup(t, httpintest.None, nil)
	h.hr.Set([]httpintest.Person{
		{"id": 12345678901234567, "name": map[string]any{"first": "Zoë"}, "dept": 1.5, "end": nil},
		{"id": " 7 ", "name": map[string]any{"first": true}, "dept": nil},
	})
	b, err := h.list.ReadAll(t.Context(), knowledge())
	h.must(err)
	got := ""
	for _, r := range b.Rows {
		got += fmt.Sprintf("%s %q\n", r.Key, r.Values())
	}
	if want := "12345678901234567 [\"12345678901234567\" \"Zoë\" \"1.5\" \"\"]\n7 [\"7\" \"true\" \"\" \"\"]\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// TestABadRecordIsSetAsideAlone, unless nobody can tell whose it is.
func TestABadRecordIsSetAsideAlone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		bad      httpintest.Person
		complete bool
		why      string
	}{
		"a control character":  {httpintest.Person{"id": 2, "name": map[string]string{"first": "a\u0000b"}, "dept": "A"}, true, "NUL at character 2"},
		"a bidi control":       {httpintest.Person{"id": 2, "name": map[string]string{"first": "\u202ea"}, "dept": "A"}, true, "bidirectional"},
		"a long value":         {httpintest.Person{"id": 2, "name": map[string]string{"first": strings.Repeat("x", 5000)}, "dept": "A"}, true, "longer than"},
		"no key":               {httpintest.Person{"name": map[string]string{"first": "geheim"}, "dept": "A"}, false, "has no key"},
		"an empty key":         {httpintest.Person{"id": " ", "name": map[string]string{"first": "geheim"}, "dept": "A"}, false, "key is empty"},
		"no key at all":        {httpintest.Person{"id": nil, "name": map[string]string{"first": "geheim"}, "dept": "A"}, false, "key is empty"},
		"a key of many things": {httpintest.Person{"id": []int{2}, "name": map[string]string{"first": "geheim"}, "dept": "A"}, false, "neither text nor a number"},
		"an invisible key":     {httpintest.Person{"id": "2\u200b", "name": map[string]string{"first": "geheim"}, "dept": "A"}, false, "invisible"},
		"deep":                 {httpintest.Person{"id": 2, "name": deep(80), "dept": "A"}, false, "nested deeper"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := setup(t, httpintest.Page, nil)
			h.hr.Set(staff(5))
			h.readAll()
			people := staff(6) // one is hired meanwhile
			people[1] = c.bad
			h.hr.Set(people)
			r, err := h.read()
			h.must(err)
			if len(r.Rejected) != 1 || !strings.Contains(r.Rejected[0].Reason, c.why) || r.Complete != c.complete || strings.Contains(fmt.Sprint(r), "geheim") {
				t.Errorf("%+v", r)
			}
			h.stand(names(6))
		})
	}
}

func deep(n int) any {
	if n == 0 {
		return 1
	}
	return map[string]any{"d": deep(n - 1)}
}

// fault is something that goes wrong while a list is read.
type fault struct {
	kinds []httpintest.Paging // where it can be; nil: wherever there are pages
	set   func(h *house, hr *httpintest.Server)
	total bool
}

// onPage answers the nth page of every read of four pages or fewer with something else.
func onPage(n int, with http.HandlerFunc) func(*house, *httpintest.Server) {
	return func(_ *house, hr *httpintest.Server) {
		hr.Fault = func(w http.ResponseWriter, r *http.Request, _ int) bool {
			if !isPage(r, n) {
				return false
			}
			with(w, r)
			return true
		}
	}
}

// isPage tells the nth page of three by its query.
func isPage(r *http.Request, n int) bool {
	q := r.URL.Query()
	switch {
	case q.Has("page"):
		return q.Get("page") == fmt.Sprint(n)
	case q.Has("offset"):
		return q.Get("offset") == fmt.Sprint((n-1)*3)
	case q.Has("cursor"):
		return q.Get("cursor") == fmt.Sprintf("c%d", (n-1)*3)
	}
	return n == 1
}

func body(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, text)
	}
}

func faults() map[string]fault {
	numbered := []httpintest.Paging{httpintest.Page, httpintest.Offset}
	return map[string]fault{
		"a server error in the middle": {set: onPage(3, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })},
		"a server error at once":       {set: onPage(1, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) })},
		"too many requests": {set: onPage(2, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(429)
		})},
		"the cursor has expired":    {set: onPage(2, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(410) })},
		"the credential is refused": {set: onPage(2, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) })},
		"a cut body": {set: onPage(2, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "10000")
			_, _ = io.WriteString(w, `{"data":{"people":[`)
		})},
		"a cut text":                     {set: onPage(2, body(`{"data":{"people":[{"id":4`))},
		"an empty answer":                {set: onPage(2, body(""))},
		"a sign-in page":                 {set: onPage(2, body("<!DOCTYPE html><html>"))},
		"no list":                        {set: onPage(2, body(`{"data":{}}`))},
		"null for a list":                {set: onPage(2, body(`{"data":{"people":null}}`))},
		"two lists":                      {set: onPage(2, body(`{"data":{"people":[],"people":[]}}`))},
		"an empty page with more behind": {kinds: numbered, total: true, set: onPage(2, body(`{"data":{"people":[]},"meta":{"total":12}}`))},
		"a huge page": {set: onPage(2, func(w http.ResponseWriter, _ *http.Request) {
			for range 40 {
				_, _ = io.WriteString(w, strings.Repeat(" ", 64<<10))
			}
		})},
		"a short page": {kinds: []httpintest.Paging{httpintest.Page}, set: onPage(2, body(`{"data":{"people":[{"id":4,"name":{"first":"p04"},"dept":"A"}]}}`))},
		"a short page, by the total": {total: true, set: func(_ *house, hr *httpintest.Server) {
			hr.Fault = func(w http.ResponseWriter, r *http.Request, _ int) bool {
				if !isPage(r, 2) {
					return false
				}
				next, q := "null", r.URL.Query()
				if q.Set("cursor", "c6"); hr.Paging == httpintest.Cursor {
					next = `"c6"`
				} else if hr.Paging == httpintest.Next {
					next = `"?` + q.Encode() + `"`
				}
				w.Header().Set("Link", "</people?"+q.Encode()+">; rel=next")
				body(`{"data":{"people":[{"id":5,"name":{"first":"p05"},"dept":"A"}]},"meta":{"total":12,"next":`+next+`}}`)(w, r)
				return true
			}
		}},
		"a page again": {kinds: []httpintest.Paging{httpintest.Page, httpintest.Offset}, set: func(_ *house, hr *httpintest.Server) {
			hr.Fault = func(w http.ResponseWriter, r *http.Request, _ int) bool {
				r.URL.RawQuery = "page=1&offset=0" // whatever is asked for
				return false
			}
		}},
		"round and round":          {kinds: []httpintest.Paging{httpintest.Cursor}, set: onPage(3, body(`{"data":{"people":[{"id":7,"name":{"first":"p07"},"dept":"A"}]},"meta":{"next":"c3"}}`))},
		"the total lies, too many": {kinds: []httpintest.Paging{httpintest.Page, httpintest.Cursor, httpintest.Next, httpintest.Link}, total: true, set: onPage(1, body(`{"data":{"people":[{"id":1,"name":{"first":"p01"},"dept":"A"}]},"meta":{"total":12,"next":null}}`))},
		"the total is none":        {total: true, set: onPage(1, body(`{"data":{"people":[{"id":1,"name":{"first":"p01"},"dept":"A"}]},"meta":{"total":"many","next":null}}`))},
		"no page is named": {kinds: []httpintest.Paging{httpintest.Cursor, httpintest.Next, httpintest.Link}, set: onPage(1,
			body(`{"data":{"people":[{"id":1,"name":{"first":"p01"},"dept":"A"},{"id":2,"name":{"first":"p02"},"dept":"A"},{"id":3,"name":{"first":"p03"},"dept":"A"}]}}`))},
		"the next page is named elsewhere, and pages are small": {kinds: []httpintest.Paging{httpintest.Cursor, httpintest.Next, httpintest.Link}, set: onPage(1,
			body(`{"data":{"people":[{"id":1,"name":{"first":"p01"},"dept":"A"},{"id":2,"name":{"first":"p02"},"dept":"A"}]},"paging":{"next_cursor":"c2"}}`))},
		"a link to something else": {kinds: []httpintest.Paging{httpintest.Link}, set: onPage(1, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Link", `</people>; rel="self", </docs>; rel="describedby"`)
			body(`{"data":{"people":[{"id":1,"name":{"first":"p01"},"dept":"A"},{"id":2,"name":{"first":"p02"},"dept":"A"},{"id":3,"name":{"first":"p03"},"dept":"A"}]}}`)(w, r)
		})},
		"somebody twice": {set: onPage(2, body(`{"data":{"people":[{"id":1,"name":{"first":"p01"},"dept":"A"}]}}`))},
		"a key renamed":  {set: onPage(2, body(`{"data":{"people":[{"ID":4,"name":{"first":"p04"},"dept":"A"}]}}`))},
		"somebody comes between two pages": {kinds: numbered, set: func(_ *house, hr *httpintest.Server) {
			hr.After = func(n int) {
				if n%4 == 2 {
					hr.Insert(httpintest.Person{"id": 0, "name": map[string]string{"first": "p00"}, "dept": "A"})
					hr.After = nil
				}
			}
		}},
	}
}

// TestNobodyLeavesByAFault: whatever goes wrong while a list is read, nobody who is in it
// leaves by it, nor by the next read that goes well.
func TestNobodyLeavesByAFault(t *testing.T) {
	t.Parallel()
	for name, f := range faults() {
		for _, kind := range kinds[1:] {
			if f.kinds != nil && !contains(f.kinds, kind) {
				continue
			}
			t.Run(name+" "+string(kind), func(t *testing.T) {
				t.Parallel()
				h := setup(t, kind, func(hr *httpintest.Server, c *httpin.Config) {
					if f.total {
						hr.Total, c.Total = true, ptr(path(t, "meta.total"))
					}
				})
				h.hr.Set(staff(12))
				h.readAll()
				f.set(h, h.hr)
				r, err := h.read()
				if err == nil && r.Complete {
					t.Errorf("it is taken for complete: %+v", r)
				}
				clean(t, err, r.Reason)
				if in := strings.TrimPrefix(h.people(), "p00, "); in != names(12) {
					t.Errorf("there is %s", in)
				}
				h.hr.Lock()
				h.hr.Fault, h.hr.After = nil, nil
				h.hr.Remove("0")
				h.hr.Unlock()
				h.readAll()
				if in := strings.TrimPrefix(h.people(), "p00 leaver, "); in != names(12) {
					t.Errorf("and then there is %s", in)
				}
			})
		}
	}
}

func contains[T comparable](all []T, one T) bool {
	for _, a := range all {
		if a == one {
			return true
		}
	}
	return false
}

// clean holds that neither an error nor a reason holds what must not be told.
func clean(t *testing.T, err error, more ...string) {
	t.Helper()
	for _, text := range append(more, fmt.Sprint(err)) {
		for _, secret := range []string{token, "in-the-query", "who are you"} {
			if strings.Contains(text, secret) {
				t.Errorf("%q holds %q", text, secret)
			}
		}
	}
}

// TestSomebodyVanishesBetweenPages: the others move up, and one of them is on no page. They
// stay; who is really gone leaves with the next read.
func TestSomebodyVanishesBetweenPages(t *testing.T) {
	t.Parallel()
	for _, byID := range []bool{false, true} {
		t.Run(fmt.Sprint("by id ", byID), func(t *testing.T) {
			t.Parallel()
			h := setup(t, httpintest.Offset, func(hr *httpintest.Server, c *httpin.Config) {
				if byID {
					c.One = &httpin.One{URL: hr.URL + "/{id}", At: path(t, "data")}
				}
			})
			h.hr.Set(staff(12))
			h.readAll()
			h.hr.After = func(int) {
				h.hr.Remove("2")
				h.hr.After = nil
			}
			h.readAll()
			h.stand(names(12)) // p04 was on no page, and is looked for
			h.readAll()
			h.stand(strings.Replace(names(12), "p02", "p02 leaver", 1))
		})
	}
}

// TestWhoIsGoneLeaves: an absence from a list that is proven complete, and within the guard.
func TestWhoIsGoneLeaves(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			h := setup(t, kind, nil)
			h.hr.Set(staff(12))
			h.readAll()
			h.hr.Set(staff(11))
			h.readAll()
			h.stand(names(11) + ", p12 leaver")
			h.hr.Set(staff(2)) // more than the guard lets go
			h.readAll()
			h.stand("p01, p02, p03 missing, p04 missing, p05 missing, p06 missing, p07 missing, p08 missing, p09 missing, p10 missing, p11 missing, p12 leaver")
			h.hr.Set(staff(11))
			h.readAll()
			h.stand(names(11) + ", p12 leaver")
		})
	}
}

// TestWhoIsHiddenFromTheList: a list may lack those who have left, and tell of them by id.
func TestWhoIsHiddenFromTheList(t *testing.T) {
	t.Parallel()
	h := setup(t, httpintest.None, func(hr *httpintest.Server, c *httpin.Config) {
		c.One = &httpin.One{URL: hr.URL + "/{id}", At: path(t, "data")}
	})
	people := staff(30)
	h.hr.Set(people)
	h.readAll()
	for i := range 8 { // more than may be absent, and all by a word of their own
		people[i]["end"] = "2026-01-01"
	}
	h.hr.Set(people)
	h.hr.Fault = func(w http.ResponseWriter, _ *http.Request, _ int) bool {
		var shown []string
		for _, p := range people[8:] {
			shown = append(shown, fmt.Sprintf(`{"id":%d,"name":{"first":"p%02d"},"dept":"A"}`, p["id"], p["id"]))
		}
		body(`{"data":{"people":[`+strings.Join(shown, ",")+`]}}`)(w, nil)
		return true
	}
	h.readAll()
	if got := strings.Count(h.people(), "leaver"); got != 8 {
		t.Errorf("%d have left: %s", got, h.people())
	}
}

// TestAColumnThatNobodyHas: a list that does not tell any more when people leave would bring
// all back who have left.
func TestAColumnThatNobodyHas(t *testing.T) {
	t.Parallel()
	h := setup(t, httpintest.None, func(_ *httpintest.Server, c *httpin.Config) { c.Columns[3].Optional = false })
	people := staff(5)
	people[0]["end"] = "2026-01-01"
	h.hr.Set(people)
	h.readAll()
	before := h.people()
	for _, p := range people {
		delete(p, "end")
	}
	h.hr.Set(people)
	_, err := h.read()
	if err == nil || !strings.Contains(err.Error(), "the column end (end)") || !strings.Contains(err.Error(), "optional") {
		t.Error(err)
	}
	clean(t, err)
	h.stand(before)
	people[3]["end"] = "2026-01-01" // it is enough that one has it
	h.hr.Set(people)
	h.readAll()
}

// TestErrorsSayWhatToDo: one sentence each, with the address and without its query.
func TestErrorsSayWhatToDo(t *testing.T) {
	t.Parallel()
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	for name, c := range map[string]struct {
		with http.HandlerFunc
		says string
	}{
		"401": {status(401), "does not take the credential (401 Unauthorized): check auth"},
		"403": {status(403), "does not let this credential read (403 Forbidden)"},
		"404": {status(404), "is not there (404 Not Found): check the address"},
		"400": {status(400), "refuses the request (400 Bad Request)"},
		"500": {status(500), "fails (500 Internal Server Error)"},
		"429": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "7200")
			w.WriteHeader(429)
		}, "asks to wait 2h0m0s, which is longer than 2s"},
		"a page":    {body(" \n<html>"), "a web page instead of JSON"},
		"nothing":   {body(""), "answers with nothing"},
		"endless":   {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 2<<20)) }, "more than 1048576 bytes"},
		"no JSON":   {body(`{"data":who are you}`), "cannot be read: it is no JSON in UTF-8, from byte 8 on"},
		"no list":   {body(`{"datum":[],"meta":{}}`), `without data.people, where the list is to be; it has "datum", "meta"`},
		"an object": {body(`{"data":{"people":{}}}`), "data.people is no list"},
		"a list":    {body(`[]`), "take list out"},
		"elsewhere": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.2:1/people", http.StatusFound)
		}, "redirect that leads elsewhere"},
		"slow": {func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, `{"data":`)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}, "does not end its answer within 100ms"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := httptest.NewServer(c.with)
			t.Cleanup(s.Close)
			conf := listing(t, &httpintest.Server{URL: s.URL + "/people"}, httpintest.None)
			t.Cleanup(conf.HTTP.(*http.Transport).CloseIdleConnections)
			conf.Limits.Tries, conf.Timeout = 2, 5*time.Second
			if name == "slow" {
				conf.Timeout = 100 * time.Millisecond
			}
			l, err := httpin.New(conf)
			if err != nil {
				t.Fatal(err)
			}
			_, err = l.ReadAll(t.Context(), knowledge())
			if err == nil || !strings.Contains(err.Error(), c.says) || !strings.HasPrefix(err.Error(), s.URL+"/people ") {
				t.Errorf("%v\nwant %s", err, c.says)
			}
			clean(t, err)
		})
	}
}

// TestNoCredentialGoesElsewhere: neither a redirect nor a link makes us send it to another
// origin, nor anything at all.
func TestNoCredentialGoesElsewhere(t *testing.T) {
	t.Parallel()
	asked := make(chan string, 10)
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked <- r.URL.String() }))
	t.Cleanup(other.Close)
	page := `{"data":{"people":[{"id":1,"name":{"first":"p01"},"dept":"A"}]},"meta":{"next":"%s/people"}}`
	for name, c := range map[string]struct {
		kind httpintest.Paging
		with http.HandlerFunc
	}{
		"redirect": {httpintest.None, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
		}},
		"next":      {httpintest.Next, body(fmt.Sprintf(page, other.URL))},
		"no scheme": {httpintest.Next, body(fmt.Sprintf(page, strings.TrimPrefix(other.URL, "http:")))},
		"link": {httpintest.Link, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Link", "<"+other.URL+`/people>; rel=next`)
			body(fmt.Sprintf(page, ""))(w, r)
		}},
	} {
		h := setup(t, c.kind, nil)
		h.hr.Fault = func(w http.ResponseWriter, r *http.Request, _ int) bool { c.with(w, r); return true }
		if r, err := h.read(); err == nil && r.Complete {
			t.Errorf("%s: complete %+v", name, r)
		}
	}
	select {
	case url := <-asked:
		t.Errorf("another origin was asked for %s", url)
	default:
	}
}

// TestARedirectAtHomeIsFollowed, as a list may have moved to another path.
func TestARedirectAtHomeIsFollowed(t *testing.T) {
	t.Parallel()
	h := setup(t, httpintest.None, nil)
	h.hr.Set(staff(3))
	h.hr.Fault = func(w http.ResponseWriter, r *http.Request, n int) bool {
		if n == 1 {
			http.Redirect(w, r, "/people?moved=1", http.StatusFound)
		}
		return n == 1
	}
	h.readAll()
	h.stand(names(3))
}

// TestNoInnerAddress: an address inside the house is not called unless it is allowed.
func TestNoInnerAddress(t *testing.T) {
	t.Parallel()
	hr := httpintest.New(t)
	c := listing(t, hr, httpintest.None)
	c.HTTP = dial.NewTransport(dial.Allow{PlainHTTP: true}, time.Second, 1, nil)
	l, err := httpin.New(c)
	if err != nil {
		t.Fatal(err)
	}
	_, err = l.ReadAll(t.Context(), knowledge())
	if err == nil || !strings.Contains(err.Error(), "must not be called") || !strings.Contains(err.Error(), "allow") || hr.Counts().Requests > 0 {
		t.Error(err)
	}
	clean(t, err)
}

// TestRetryAfterIsHonoured, within its bound.
func TestRetryAfterIsHonoured(t *testing.T) {
	t.Parallel()
	h := setup(t, httpintest.Page, nil)
	h.hr.Set(staff(7))
	var refused time.Time
	h.hr.Fault = func(w http.ResponseWriter, _ *http.Request, n int) bool {
		switch {
		case n == 2:
			refused = time.Now()
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		case n == 3 && time.Since(refused) < time.Second:
			t.Error("it is asked again too soon")
		}
		return false
	}
	h.readAll()
	h.stand(names(7))
}

// TestAQuietReadIsOneRequest: with an entity tag, and nothing is looked at again.
func TestAQuietReadIsOneRequest(t *testing.T) {
	t.Parallel()
	h := setup(t, httpintest.None, func(hr *httpintest.Server, _ *httpin.Config) { hr.ETag = true })
	people := staff(12)
	h.hr.Set(people)
	h.readAll()
	h.hr.Counts()
	r := h.readAll()
	if c := h.hr.Counts(); c.Requests != 1 || c.Same != 1 || r.Rows != 12 || r.New+r.Changed != 0 {
		t.Errorf("%+v, %+v", c, r)
	}
	// By other rules everybody is looked at again.
	was := h.src.Digest
	h.src.Digest[0]++
	h.readAll()
	if c := h.hr.Counts(); c.Same != 0 {
		t.Errorf("%+v", c)
	}
	h.src.Digest = was
	h.readAll()
	// Somebody who was set aside is looked at again with each read.
	people[3] = httpintest.Person{"id": 4, "name": map[string]string{"first": "a\u0000"}, "dept": "A"}
	h.hr.Set(people)
	for range 2 {
		r, err := h.read()
		h.must(err)
		if len(r.Rejected) != 1 {
			t.Errorf("%+v", r)
		}
	}
	if c := h.hr.Counts(); c.Same != 0 {
		t.Errorf("%+v", c)
	}
	h.hr.Set(staff(11))
	h.readAll()
	h.readAll()
	h.stand(names(11) + ", p12 leaver")
	if c := h.hr.Counts(); c.Same != 1 {
		t.Errorf("%+v", c)
	}
}

// TestAnHRSystemThatIsDown is an error that can be told from the others.
func TestAnHRSystemThatIsDown(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(nil)
	s.Close()
	c := listing(t, &httpintest.Server{URL: s.URL + "/people"}, httpintest.None)
	l, err := httpin.New(c)
	if err != nil {
		t.Fatal(err)
	}
	_, err = l.ReadAll(t.Context(), knowledge())
	if e, ok := errors.AsType[*httpin.Error](err); !ok || !e.Again || !strings.Contains(err.Error(), "cannot be connected to") {
		t.Error(err)
	}
}

// TestAListThatGoesOnWithoutPaging: whoever forgets paging would read the first page, and
// see everybody else leave.
func TestAListThatGoesOnWithoutPaging(t *testing.T) {
	t.Parallel()
	for _, kind := range []httpintest.Paging{httpintest.Cursor, httpintest.Next, httpintest.Link} {
		h := setup(t, kind, func(_ *httpintest.Server, c *httpin.Config) { c.Paging = httpin.Paging{} })
		h.hr.Set(staff(3))
		h.readAll() // all in one
		h.hr.Set(staff(7))
		r, err := h.read()
		h.must(err)
		if r.Complete || !strings.Contains(r.Reason, "there is no paging in the configuration") {
			t.Errorf("%s: %+v", kind, r)
		}
	}
}

// TestWhatTheListSaysOfItself: a total that changes on the way, and a page that promises
// more and has nothing, leave it open whether these were all.
func TestWhatTheListSaysOfItself(t *testing.T) {
	t.Parallel()
	page := func(from, to, total int, more string) http.HandlerFunc {
		text := ""
		for i := from; i <= to; i++ {
			text += fmt.Sprintf(`,{"id":%d,"name":{"first":"p%02d"},"dept":"A"}`, i, i)
		}
		return body(fmt.Sprintf(`{"data":{"people":[%s]},"meta":{"total":%d,"more":%s}}`, strings.TrimPrefix(text, ","), total, more))
	}
	for name, c := range map[string]struct {
		pages []http.HandlerFunc
		total bool
		why   string
	}{
		"the total changes":   {[]http.HandlerFunc{page(1, 3, 6, "true"), page(4, 5, 5, "false")}, true, "the total changed"},
		"no more come":        {[]http.HandlerFunc{page(1, 3, 0, "true"), page(1, 0, 0, "true")}, false, "page 2 is empty, and there are said to be more"},
		"neither yes nor no":  {[]http.HandlerFunc{page(1, 3, 0, "true"), page(4, 5, 0, `"perhaps"`), page(1, 0, 0, "false")}, false, "neither true nor false at meta.more"},
		"the end is as it is": {[]http.HandlerFunc{page(1, 3, 5, "true"), page(4, 5, 5, "false")}, true, ""},
		"more than the total": {[]http.HandlerFunc{page(1, 3, 3, "true"), page(4, 5, 3, "false")}, true, "tells of 3 records, and 5 came"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := setup(t, httpintest.Page, func(hr *httpintest.Server, conf *httpin.Config) {
				conf.Paging.More = ptr(path(t, "meta.more"))
				if c.total {
					conf.Total = ptr(path(t, "meta.total"))
				}
				hr.Fault = func(w http.ResponseWriter, r *http.Request, n int) bool {
					c.pages[min(n, len(c.pages))-1](w, r)
					return true
				}
			})
			r, err := h.read()
			h.must(err)
			if r.Complete != (c.why == "") || !strings.Contains(r.Reason, c.why) {
				t.Errorf("%+v", r)
			}
		})
	}
}

// TestAnEndlessList ends: after as many pages as are allowed, or records.
func TestAnEndlessList(t *testing.T) {
	t.Parallel()
	h := setup(t, httpintest.Page, func(hr *httpintest.Server, c *httpin.Config) {
		c.Limits.Pages = 5
		hr.Fault = func(w http.ResponseWriter, r *http.Request, n int) bool {
			body(fmt.Sprintf(`{"data":{"people":[{"id":%d,"name":{"first":"p%02d"},"dept":"A"}]}}`, n, n))(w, r)
			return true
		}
	})
	r, err := h.read()
	h.must(err)
	if c := h.hr.Counts(); c.Lists != 5 || r.Complete || !strings.Contains(r.Reason, "more than 5 pages") {
		t.Errorf("%+v %+v", c, r)
	}
	round := setup(t, httpintest.Cursor, nil)
	round.hr.Fault = func(w http.ResponseWriter, r *http.Request, n int) bool {
		body(fmt.Sprintf(`{"data":{"people":[{"id":%d,"name":{"first":"p%02d"},"dept":"A"}]},"meta":{"next":"c%d"}}`, n, n, n%3))(w, r)
		return true
	}
	r, err = round.read()
	round.must(err)
	if c := round.hr.Counts(); c.Lists != 4 || r.Complete || !strings.Contains(r.Reason, "goes round") {
		t.Errorf("%+v %+v", c, r)
	}
	same := setup(t, httpintest.Offset, nil)
	same.hr.Fault = func(w http.ResponseWriter, r *http.Request, _ int) bool {
		body(`{"data":{"people":[{"id":1,"name":{"first":"p01"},"dept":"A"}]}}`)(w, r)
		return true
	}
	r, err = same.read()
	same.must(err)
	if c := same.hr.Counts(); c.Lists != 2 || r.Complete || !strings.Contains(r.Reason, "page 2 is page 1 again") {
		t.Errorf("%+v %+v", c, r)
	}
}
