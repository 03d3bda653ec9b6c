// SPDX-License-Identifier: Apache-2.0

package scimclient_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimclient"
)

// answering makes a client for whom every answer is that one.
func answering(tb testing.TB, status int, header http.Header, body string) *scimclient.Client {
	tb.Helper()
	c, err := scimclient.New(scimclient.Config{
		BaseURL: "https://app.example",
		Token:   func(context.Context) (string, error) { return secret, nil },
		HTTP: &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: status, Request: r, Header: header, Body: io.NopCloser(strings.NewReader(body))}, nil
		})},
	})
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// FuzzRetryAfter: a server cannot ask for less than nothing or more than a day, and
// without a header that can be read a 503 to a write stays ambiguous.
func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{
		"", "0", "5", "1.5", "-1", "+3", "1e400", "99999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT", "Thu, 01 Jan 1970 00:00:00 GMT",
		"Wed, 25 Nov 2026 15:00:30 GMT", "soon", "5 s", ".", "--", "0x10", "NaN", "Inf", "\x00",
	} {
		f.Add(s, "Wed, 25 Nov 2026 15:00:00 GMT")
		f.Add(s, "")
	}
	f.Fuzz(func(t *testing.T, after, date string) {
		c := answering(t, http.StatusServiceUnavailable, http.Header{"Retry-After": {after}, "Date": {date}}, "")
		_, err := c.Delete(t.Context(), "/Users", "1")
		e := errorOf(t, err) // checks the bounds
		if e.Class != scimclient.Retry && (e.Class != scimclient.Ambiguous || e.RetryAfter != 0) {
			t.Fatalf("%q: %v after %v", after, e, e.RetryAfter)
		}
		if strings.TrimSpace(after) == "" && e.Class != scimclient.Ambiguous {
			t.Fatalf("no header: %v", e)
		}
		if _, err := http.ParseTime(after); err == nil && e.Class != scimclient.Retry {
			t.Fatalf("%q is a date: %v", after, e)
		}
		if e.RetryAfter%time.Nanosecond != 0 {
			t.Fatal(e.RetryAfter)
		}
	})
}

// FuzzErrorBody: whatever stands in an error's body, what is shown of it is short,
// on one line, without control characters and without the token; and the status
// alone decides on the class.
func FuzzErrorBody(f *testing.F) {
	for _, body := range []string{
		`{"schemas":["` + scim.ErrorURN + `"],"status":"400","scimType":"invalidValue","detail":"no"}`,
		`{"schemas":["` + scim.ErrorURN + `"],"status":400,"detail":"` + secret[:5] + `\u200b` + secret[5:] + `"}`,
		`{"message":"quota\r\nexceeded"}`, `{"error":{"message":"x"}}`, `{"detail":"` + strings.Repeat("é ", 400) + `"}`,
		"\ufeff{}", "<html>", "go away\u202e", secret + secret, `{"scimType":"<b>","detail":"\u001b[31m"}`, "[", "",
	} {
		for _, contentType := range []string{"application/scim+json", "text/plain", "text/html", ""} {
			f.Add(contentType, body)
		}
	}
	f.Fuzz(func(t *testing.T, contentType, body string) {
		header := http.Header{"Content-Type": {contentType}}
		for status, want := range map[int]scimclient.Class{
			404: scimclient.NotFound, 409: scimclient.Conflict, 401: scimclient.Unauthorized, 412: scimclient.Precondition,
			413: scimclient.TooLarge, 500: scimclient.Ambiguous, 501: scimclient.Terminal,
		} {
			_, err := answering(t, status, header, body).Delete(t.Context(), "/Users", "1")
			e := errorOf(t, err)
			if e.Class != want || e.Status != status {
				t.Fatalf("%d: %v", status, e)
			}
			if n := len([]rune(e.Detail)); n > 300 || len(e.ScimType) > 64 {
				t.Fatalf("%d runes of detail, scimType %q", n, e.ScimType)
			}
		}
	})
}

// FuzzPages: a listing over whatever a server sends ends, and without an error only
// if each resource was yielded once and as many as announced.
func FuzzPages(f *testing.F) {
	f.Add(page(3, 1, 3), page(3, 1, 0), false)
	f.Add(page(5, 1, 3, `,"nextCursor":"x"`), page(5, 4, 5), true)
	f.Add(page(5, 1, 3, `,"nextCursor":"x"`), page(5, 4, 5, `,"nextCursor":"x"`), false)
	f.Add(page(-1, 1, 3), page(-1, 1, 3), false)
	f.Add(`{"totalResults":2,"Resources":[{"id":"1"},{}]}`, `{}`, false)
	f.Fuzz(func(t *testing.T, first, others string, cursor bool) {
		requests := 0
		c, err := scimclient.New(scimclient.Config{
			BaseURL: "https://app.example",
			HTTP: &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				body := first
				if requests++; requests > 1 {
					body = others
				}
				return &http.Response{
					StatusCode: 200, Request: r, Body: io.NopCloser(strings.NewReader(body)),
					Header: http.Header{"Content-Type": {"application/scim+json"}},
				}, nil
			})},
		})
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for r, err := range c.All(t.Context(), "/Users", scimclient.Query{UseCursor: cursor}, scimclient.PageOptions{MaxPages: 50}) {
			if err != nil {
				_ = errorOf(t, err) // it must be one of ours
				return
			}
			if id := r.ID(); id == "" || seen[id] {
				t.Fatalf("%q came twice, or is no id", id)
			}
			seen[r.ID()] = true
		}
		l, err := scim.ParseListResponse([]byte(strings.TrimPrefix(first, "\ufeff")), scim.Limits{})
		if err == nil && l.TotalResults >= 0 && l.TotalResults != len(seen) {
			t.Fatalf("%d came of %d, and no error", len(seen), l.TotalResults)
		}
		if requests > 50 {
			t.Fatalf("%d requests", requests)
		}
	})
}
