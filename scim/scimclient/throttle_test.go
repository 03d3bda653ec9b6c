// SPDX-License-Identifier: Apache-2.0

package scimclient_test

import (
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/usher-id/usher/scim/scimclient"
)

func TestThrottle(t *testing.T) {
	t.Parallel()
	all := scimclient.Throttle{Statuses: []int{403, 503}, Headers: []string{"X-RateLimit-"}, Words: []string{"", "quotaExceeded"}}
	for name, tt := range map[string]struct {
		throttle scimclient.Throttle
		status   int
		header   map[string]string
		body     string
		want     scimclient.Class
		after    time.Duration
	}{
		"nothing said":         {scimclient.Throttle{}, 403, map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "7"}, "quotaExceeded", scimclient.Unauthorized, 0},
		"no sign":              {all, 403, nil, "forbidden", scimclient.Unauthorized, 0},
		"something left":       {all, 403, map[string]string{"X-RateLimit-Remaining": "1", "X-RateLimit-Reset": "7"}, "", scimclient.Unauthorized, 0},
		"a reset alone":        {all, 403, map[string]string{"X-RateLimit-Reset": "7"}, "", scimclient.Unauthorized, 0},
		"nothing left":         {all, 403, map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "7"}, "", scimclient.Retry, 7 * time.Second},
		"the later one":        {all, 403, map[string]string{"Retry-After": "9", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "7"}, "", scimclient.Retry, 9 * time.Second},
		"a word":               {all, 403, nil, "quotaExceeded", scimclient.Retry, 0},
		"503":                  {all, 503, nil, "bad gateway", scimclient.Ambiguous, 0},
		"503, a reset alone":   {all, 503, map[string]string{"X-RateLimit-Reset": "7"}, "", scimclient.Ambiguous, 7 * time.Second},
		"503, something left":  {all, 503, map[string]string{"X-RateLimit-Remaining": "3", "X-RateLimit-Reset": "7"}, "", scimclient.Ambiguous, 0},
		"503, nothing left":    {all, 503, map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "7"}, "", scimclient.Retry, 7 * time.Second},
		"503 with a time":      {all, 503, map[string]string{"Retry-After": "9"}, "", scimclient.Retry, 9 * time.Second},
		"503 with a word":      {all, 503, nil, "quotaExceeded", scimclient.Retry, 0},
		"another status":       {all, 409, map[string]string{"X-RateLimit-Remaining": "0"}, "quotaExceeded", scimclient.Conflict, 0},
		"429, a time of day":   {all, 429, map[string]string{"X-RateLimit-Reset": "1700000040", "Date": "Tue, 14 Nov 2023 22:13:20 GMT"}, "", scimclient.Retry, 40 * time.Second},
		"429, a time gone by":  {all, 429, map[string]string{"X-RateLimit-Reset": "1700000000", "Date": "Tue, 14 Nov 2023 22:13:25 GMT"}, "", scimclient.Retry, 0},
		"429, an absurd reset": {all, 429, map[string]string{"X-RateLimit-Reset": "99999999"}, "", scimclient.Retry, 24 * time.Hour},
		"429, no number":       {all, 429, map[string]string{"X-RateLimit-Reset": "NaN"}, "", scimclient.Retry, 0},
		"429, a negative one":  {all, 429, map[string]string{"X-RateLimit-Reset": "-5"}, "", scimclient.Retry, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClient(t, func(w http.ResponseWriter, _ *http.Request) {
				for name, value := range tt.header {
					w.Header().Set(name, value)
				}
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
			}, func(cfg *scimclient.Config) { cfg.Throttle = tt.throttle })
			_, err := c.Delete(t.Context(), "/Users", "1")
			if e := errorOf(t, err); e.Class != tt.want || e.RetryAfter != tt.after {
				t.Errorf("%v after %v, want %v after %v", e.Class, e.RetryAfter, tt.want, tt.after)
			}
		})
	}
}

// Nothing but a write can have gone through behind a gateway that says 503.
func TestThrottleOfEveryMethod(t *testing.T) {
	t.Parallel()
	c := newClient(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-RateLimit-Reset", "7")
		w.WriteHeader(http.StatusServiceUnavailable)
	}, func(cfg *scimclient.Config) {
		cfg.Throttle = scimclient.Throttle{Statuses: []int{503}, Headers: []string{"X-RateLimit-"}}
	})
	for method, do := range calls(c) {
		want := scimclient.Ambiguous
		if method == "GET" {
			want = scimclient.Retry
		}
		if e := errorOf(t, do(t.Context())); e.Class != want || e.RetryAfter != 7*time.Second {
			t.Errorf("%s: %v after %v, want %v after 7s", method, e.Class, e.RetryAfter, want)
		}
	}
}

func TestConfiguredHeaders(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change              func(*scimclient.Config)
		contentType, accept string
	}{
		"plain":  {func(*scimclient.Config) {}, "application/scim+json", "application/scim+json, application/json;q=0.9"},
		"json":   {func(cfg *scimclient.Config) { cfg.ContentType = "application/json" }, "application/json", "application/json, application/scim+json;q=0.9"},
		"accept": {func(cfg *scimclient.Config) { cfg.Accept = "application/json" }, "application/scim+json", "application/json"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seen := map[string]http.Header{}
			c := newClient(t, func(w http.ResponseWriter, r *http.Request) {
				seen[r.Method] = r.Header
				w.Header().Set("Content-Type", "application/scim+json")
				_, _ = io.WriteString(w, alice)
			}, tt.change, func(cfg *scimclient.Config) { cfg.Header = http.Header{"x-api-version": {"2"}} })
			for method, do := range calls(c) {
				if err := do(t.Context()); err != nil {
					t.Errorf("%s: %v", method, err)
				}
				h := seen[method]
				want := tt.contentType
				if method == "GET" || method == "DELETE" {
					want = ""
				}
				if h.Get("Content-Type") != want || h.Get("Accept") != tt.accept || h.Get("X-Api-Version") != "2" || h.Get("Authorization") != "Bearer "+secret {
					t.Errorf("%s: %v", method, h)
				}
			}
		})
	}
	for name, change := range map[string]func(*scimclient.Config){
		"credential": func(cfg *scimclient.Config) { cfg.Header = http.Header{"authorization": {"Basic x"}} },
		"two lines":  func(cfg *scimclient.Config) { cfg.Header = http.Header{"X-A": {"a\r\nb"}} },
		"a name":     func(cfg *scimclient.Config) { cfg.Header = http.Header{"X A": {"a"}} },
		"type":       func(cfg *scimclient.Config) { cfg.ContentType = "a\nb" },
		"accept":     func(cfg *scimclient.Config) { cfg.Accept = "a\nb" },
	} {
		cfg := scimclient.Config{BaseURL: "https://app.example", Token: func(context.Context) (string, error) { return secret, nil }}
		change(&cfg)
		if _, err := scimclient.New(cfg); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}
