// SPDX-License-Identifier: Apache-2.0

package scimtest_test

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimtest"
)

// ask sends a request without a network, so that time can be a fake one.
func ask(t *testing.T, app *scimtest.App, method, path, body string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, scimtest.Base+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer secret")
	w := httptest.NewRecorder()
	app.ServeHTTP(w, r)
	return w
}

func newApp(t *testing.T, c scimtest.Config) *scimtest.App {
	t.Helper()
	c.Token = "secret"
	app, err := scimtest.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return app
}

func total(t *testing.T, w *httptest.ResponseRecorder) int {
	t.Helper()
	l, err := scim.ParseListResponse(w.Body.Bytes(), scim.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return l.TotalResults
}

func TestSettle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		app := newApp(t, scimtest.Config{Quirks: scimtest.Quirks{Settle: time.Minute}})
		if w := ask(t, app, "POST", "/Users", user("ann").String()); w.Code != 201 {
			t.Fatal(w)
		}
		byName, all := "/Users?filter="+url.QueryEscape(`userName eq "ann"`), "/Users"
		for _, query := range []string{byName, all} {
			if n := total(t, ask(t, app, "GET", query, "")); n != 0 {
				t.Errorf("%s: %d at once", query, n)
			}
		}
		if w := ask(t, app, "GET", "/Users/1", ""); w.Code != 200 {
			t.Errorf("by id: %d", w.Code)
		}
		if w := ask(t, app, "POST", "/Users", user("ann").String()); w.Code != 409 {
			t.Errorf("the name is free: %d", w.Code)
		}
		time.Sleep(time.Minute)
		for _, query := range []string{byName, all} {
			if n := total(t, ask(t, app, "GET", query, "")); n != 1 {
				t.Errorf("%s: %d after a minute", query, n)
			}
		}
	})
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		app := newApp(t, scimtest.Config{Quirks: scimtest.Quirks{RequestsPerSecond: 3}})
		var codes [12]int
		for i := range codes {
			if i > 0 && i%6 == 0 {
				time.Sleep(time.Second)
			}
			w := ask(t, app, "GET", "/Users", "")
			if codes[i] = w.Code; w.Code == 429 && w.Header().Get("Retry-After") != "1" {
				t.Errorf("Retry-After %q", w.Header().Get("Retry-After"))
			}
		}
		if codes != [12]int{200, 200, 200, 429, 429, 429, 200, 200, 200, 429, 429, 429} {
			t.Errorf("%v", codes)
		}
		if n := app.Counts().Total(); n != 12 {
			t.Errorf("%d requests are counted", n)
		}
	})
}

func TestDelays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		app := newApp(t, scimtest.Config{
			Latency: 20 * time.Millisecond, Quirks: scimtest.Quirks{PageDelay: time.Second},
			Faults: scimtest.Rules(scimtest.Rule{Method: "DELETE", Fault: scimtest.Fault{Kind: scimtest.Slow, Hold: time.Hour}}),
		})
		for request, want := range map[string]time.Duration{
			"GET /Users/1": 20 * time.Millisecond, "GET /Users": 1020 * time.Millisecond, "DELETE /Users/1": time.Hour + 20*time.Millisecond,
		} {
			method, path, _ := strings.Cut(request, " ")
			began := time.Now()
			ask(t, app, method, path, "")
			if took := time.Since(began); took != want {
				t.Errorf("%s took %v, not %v", request, took, want)
			}
		}
	})
}
