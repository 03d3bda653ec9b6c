// SPDX-License-Identifier: Apache-2.0

package scimclient_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimclient"
)

// page answers with the resources first..last and the total; -1 leaves it out.
func page(total, first, last int, more ...string) string {
	var list []string
	for i := first; i <= last; i++ {
		list = append(list, fmt.Sprintf(`{"id":"%d"}`, i))
	}
	s := `{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"Resources":[` + strings.Join(list, ",") + `]`
	if total >= 0 {
		s += `,"totalResults":` + strconv.Itoa(total)
	}
	return s + strings.Join(more, "") + `}`
}

func TestAll(t *testing.T) {
	t.Parallel()
	next := func(c string) string { return `,"nextCursor":"` + c + `"` }
	const endless = "endless"
	for name, tt := range map[string]struct {
		cursor, single bool
		opt            scimclient.PageOptions
		pages          []string // one after the other; "endless" repeats the one before
		want           int      // resources
		requests       int
		flaw           string // "" for a complete list
	}{
		"empty":                {pages: []string{page(0, 1, 0)}, requests: 1},
		"no total, empty":      {pages: []string{page(-1, 1, 0)}, requests: 1},
		"one page":             {pages: []string{page(3, 1, 3)}, want: 3, requests: 1},
		"three pages":          {pages: []string{page(7, 1, 3), page(7, 4, 6), page(7, 7, 7)}, want: 7, requests: 3},
		"smaller than asked":   {pages: []string{page(3, 1, 1), page(3, 2, 2), page(3, 3, 3)}, want: 3, requests: 3},
		"more than asked":      {pages: []string{page(20, 1, 20)}, want: 20, requests: 1},
		"without total":        {pages: []string{page(-1, 1, 3), page(-1, 4, 5), page(-1, 1, 0)}, want: 5, requests: 3},
		"total on one page":    {pages: []string{page(-1, 1, 3), page(5, 4, 5)}, want: 5, requests: 2},
		"short":                {pages: []string{page(7, 1, 3), page(7, 1, 0)}, want: 3, requests: 2, flaw: "3 resources came of 7"},
		"count with nobody":    {pages: []string{page(7, 1, 0)}, requests: 1, flaw: "0 resources came of 7"},
		"total of nothing":     {pages: []string{page(0, 1, 3)}, want: 3, requests: 1, flaw: "3 resources came of 0"},
		"shrinking":            {pages: []string{page(7, 1, 3), page(6, 4, 6), page(6, 1, 0)}, want: 6, requests: 3, flaw: "changed from 7 to 6"},
		"growing":              {pages: []string{page(5, 1, 3), page(6, 4, 6)}, want: 6, requests: 2, flaw: "changed from 5 to 6"},
		"page again":           {pages: []string{page(7, 1, 3), endless}, want: 3, requests: 2, flaw: "a page came twice"},
		"page again, no total": {pages: []string{page(-1, 1, 3), endless}, want: 3, requests: 2, flaw: "a page came twice"},
		"shifted by one":       {pages: []string{page(6, 1, 3), page(6, 3, 5)}, want: 5, requests: 2, flaw: "5 resources came of 6"},
		"without id": {
			pages: []string{`{"totalResults":2,"Resources":[{"id":"1"},{"userName":"x"}]}`}, want: 1, requests: 1, flaw: "no id",
		},
		"too many":        {opt: scimclient.PageOptions{MaxResources: 4}, pages: []string{page(7, 1, 3), page(7, 4, 6)}, want: 4, requests: 2, flaw: "more than 4 resources"},
		"too many pages":  {opt: scimclient.PageOptions{MaxPages: 2}, pages: []string{page(7, 1, 3), page(7, 4, 6)}, want: 6, requests: 2, flaw: "more than 2 pages"},
		"just enough":     {opt: scimclient.PageOptions{MaxPages: 2, MaxResources: 6}, pages: []string{page(6, 1, 3), page(6, 4, 6)}, want: 6, requests: 2},
		"single":          {opt: scimclient.PageOptions{SinglePage: true}, pages: []string{page(3, 1, 3)}, want: 3, requests: 1},
		"single, untold":  {opt: scimclient.PageOptions{SinglePage: true}, pages: []string{page(-1, 1, 3)}, want: 3, requests: 1},
		"single, short":   {opt: scimclient.PageOptions{SinglePage: true}, pages: []string{page(4, 1, 3)}, want: 3, requests: 1, flaw: "3 resources came of 4"},
		"cursor":          {cursor: true, pages: []string{page(-1, 1, 3, next("b")), page(-1, 4, 6, next("c")), page(-1, 7, 7)}, want: 7, requests: 3},
		"cursor, total":   {cursor: true, pages: []string{page(4, 1, 3, next("b")), page(4, 4, 4)}, want: 4, requests: 2},
		"cursor, empty":   {cursor: true, pages: []string{page(-1, 1, 0, next("b")), page(-1, 1, 2)}, want: 2, requests: 2},
		"cursor again":    {cursor: true, pages: []string{page(-1, 1, 3, next("b")), page(-1, 4, 6, next("b"))}, want: 6, requests: 2, flaw: "a cursor came twice"},
		"cursor, short":   {cursor: true, pages: []string{page(9, 1, 3, next("b")), page(9, 4, 4)}, want: 4, requests: 2, flaw: "4 resources came of 9"},
		"cursor ignored":  {cursor: true, pages: []string{page(9, 1, 3)}, want: 3, requests: 1, flaw: "3 resources came of 9"},
		"cursor shrinks":  {cursor: true, pages: []string{page(9, 1, 3, next("b")), page(4, 4, 4)}, want: 4, requests: 2, flaw: "changed from 9 to 4"},
		"cursor for ever": {cursor: true, opt: scimclient.PageOptions{MaxPages: 5}, pages: []string{"fresh cursors"}, requests: 5, flaw: "more than 5 pages"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked []string
			c := newClient(t, func(w http.ResponseWriter, r *http.Request) {
				i := len(asked)
				asked = append(asked, r.URL.RawQuery)
				w.Header().Set("Content-Type", "application/scim+json")
				body := tt.pages[min(i, len(tt.pages)-1)]
				switch body {
				case endless:
					body = tt.pages[0]
				case "fresh cursors":
					body = page(-1, 1, 0, next(strconv.Itoa(i)))
				}
				_, _ = w.Write([]byte(body))
			})
			var ids []string
			var last error
			for r, err := range c.All(t.Context(), "/Users", scimclient.Query{UseCursor: tt.cursor, Count: 3, StartIndex: 5, Cursor: "x"}, tt.opt) {
				if last != nil {
					t.Fatal("the sequence goes on after an error")
				}
				if last = err; err == nil {
					ids = append(ids, r.ID())
				}
			}
			if len(ids) != tt.want || len(asked) != tt.requests {
				t.Errorf("%d resources by %d requests, want %d by %d: %v", len(ids), len(asked), tt.want, tt.requests, asked)
			}
			if slices.Sort(ids); len(slices.Compact(ids)) != tt.want {
				t.Errorf("a resource came twice: %v", ids)
			}
			if (last == nil) != (tt.flaw == "") {
				t.Fatalf("error %v, want %q", last, tt.flaw)
			}
			if last != nil {
				e := errorOf(t, last)
				if !errors.Is(last, scimclient.ErrIncomplete) || !strings.Contains(e.Error(), tt.flaw) || e.Class != scimclient.Retry {
					t.Errorf("%v, want %q", last, tt.flaw)
				}
			}
		})
	}
}

func TestAllAsksForThePages(t *testing.T) {
	t.Parallel()
	for cursor, want := range map[bool][]string{
		false: {"count=3&startIndex=1", "count=3&cursor=a%2Bb%3D"}, // the server wants cursors (RFC 9865 §2.3)
		true:  {"count=3&cursor=", "count=3&cursor=a%2Bb%3D"},
	} {
		var asked []string
		c := newClient(t, func(w http.ResponseWriter, r *http.Request) {
			asked = append(asked, r.URL.RawQuery)
			w.Header().Set("Content-Type", "application/json")
			if len(asked) == 1 {
				_, _ = w.Write([]byte(page(5, 1, 3, `,"nextCursor":"a+b="`)))
			} else {
				_, _ = w.Write([]byte(page(5, 4, 5)))
			}
		})
		for _, err := range c.All(t.Context(), "/Users", scimclient.Query{Count: 3, UseCursor: cursor}, scimclient.PageOptions{}) {
			if err != nil {
				t.Error(err)
			}
		}
		if !slices.Equal(asked, want) {
			t.Errorf("cursor %v: %v", cursor, asked)
		}
	}
}

func TestAllStops(t *testing.T) {
	t.Parallel()
	requests := 0
	c := newClient(t, func(w http.ResponseWriter, _ *http.Request) {
		requests++
		if requests == 2 {
			w.Header().Set("Retry-After", "3")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(page(9, 1, 3)))
	})
	for _, err := range c.All(t.Context(), "/Users", scimclient.Query{}, scimclient.PageOptions{}) {
		if err != nil {
			t.Error(err)
		}
		break
	}
	if requests != 1 {
		t.Errorf("%d requests after a break at the first resource", requests)
	}
	n, last := 0, error(nil)
	for r, err := range c.All(t.Context(), "/Users", scimclient.Query{}, scimclient.PageOptions{}) {
		if last = err; r != nil {
			n++
		}
	}
	if e := errorOf(t, last); n != 0 || e.Class != scimclient.Retry || errors.Is(last, scimclient.ErrIncomplete) {
		t.Errorf("%d resources, %v", n, last)
	}
}

// A server whose pages by index fit together is not asked for its cursors.
func TestAllLeavesNeedlessCursors(t *testing.T) {
	t.Parallel()
	requests := 0
	c := newClient(t, func(w http.ResponseWriter, _ *http.Request) {
		requests++
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(page(3, 1, 3, `,"nextCursor":"x"`)))
	})
	for _, err := range c.All(t.Context(), "/Users", scimclient.Query{}, scimclient.PageOptions{}) {
		if err != nil {
			t.Error(err)
		}
	}
	if requests != 1 {
		t.Errorf("%d requests", requests)
	}
}

// By POST the filter is in no address.
func TestAllBySearch(t *testing.T) {
	t.Parallel()
	var asked []string
	c := newClient(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		asked = append(asked, r.Method+" "+r.RequestURI+" "+string(body))
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(page(5, 1, 3)))
	})
	var last error
	q := scimclient.Query{Filter: scim.Eq(scim.MustPath("userName"), "ada"), Count: 3}
	for _, err := range c.All(t.Context(), "/Users", q, scimclient.PageOptions{Search: true}) {
		last = err
	}
	e := errorOf(t, last)
	if !errors.Is(last, scimclient.ErrIncomplete) || e.Op != "POST /Users/.search" || len(asked) != 2 {
		t.Errorf("%v, %v", last, asked)
	}
	for i, a := range asked {
		if !strings.HasPrefix(a, "POST /scim/v2/Users/.search {") || !strings.Contains(a, fmt.Sprintf(`"startIndex":%d`, 1+3*i)) {
			t.Error(a)
		}
	}
}

// A cursor that is good no more asks for a new listing, not for an end of it all.
func TestExpiredCursor(t *testing.T) {
	t.Parallel()
	for scimType, want := range map[string]scimclient.Class{
		scim.ExpiredCursor: scimclient.Retry, scim.InvalidCursor: scimclient.Retry, scim.InvalidCount: scimclient.Terminal,
	} {
		c := newClient(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			if r.URL.Query().Get("cursor") == "" && r.Method == http.MethodGet {
				_, _ = w.Write([]byte(page(5, 1, 3, `,"nextCursor":"x"`)))
				return
			}
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"schemas":["` + scim.ErrorURN + `"],"scimType":"` + scimType + `","status":"400"}`))
		})
		var last error
		for _, err := range c.All(t.Context(), "/Users", scimclient.Query{UseCursor: true}, scimclient.PageOptions{}) {
			last = err
		}
		if e := errorOf(t, last); e.Class != want || e.ScimType != scimType {
			t.Errorf("%s: %v", scimType, e)
		}
		_, err := c.Delete(t.Context(), "/Users", "1")
		if e := errorOf(t, err); e.Class != scimclient.Terminal {
			t.Errorf("a write with %s: %v", scimType, e)
		}
	}
}
