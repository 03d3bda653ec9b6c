// SPDX-License-Identifier: Apache-2.0

package scimtest_test

import (
	"crypto/tls"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/usher-id/usher/scim/scimserver"
	"github.com/usher-id/usher/scim/scimtest"
)

type faultyFilter = func(next http.Handler, w http.ResponseWriter, r *http.Request)

// faultFilter changes filters on their way in.
func faultFilter(change func(filter string) string) faultyFilter {
	return func(next http.Handler, w http.ResponseWriter, r *http.Request) {
		if q := r.URL.Query(); q.Has("filter") {
			if changed := change(q.Get("filter")); changed != q.Get("filter") {
				q.Set("filter", changed)
				r = r.Clone(r.Context())
				r.URL.RawQuery = q.Encode()
			}
		}
		next.ServeHTTP(w, r)
	}
}

// faultSwap is a filter with a part that another stands for.
func faultSwap(pattern, with string) faultyFilter {
	re := regexp.MustCompile(pattern)
	return faultFilter(func(f string) string { return re.ReplaceAllString(f, with) })
}

// faultAnswer changes answers on their way out.
func faultAnswer(edit func(r *http.Request, rec *httptest.ResponseRecorder, body string) string) faultyFilter {
	return func(next http.Handler, w http.ResponseWriter, r *http.Request) {
		edited(next, w, r, func(rec *httptest.ResponseRecorder, body string) string { return edit(r, rec, body) })
	}
}

// faultError changes the bodies of errors.
func faultError(old, with string) faultyFilter {
	return faultAnswer(func(_ *http.Request, rec *httptest.ResponseRecorder, body string) string {
		if rec.Code < 400 {
			return body
		}
		return strings.Replace(body, old, with, 1)
	})
}

// faultStatus gives other statuses, with bodies that agree.
func faultStatus(method, path string, from, to int, texts ...string) faultyFilter {
	return faultAnswer(func(r *http.Request, rec *httptest.ResponseRecorder, body string) string {
		if r.Method != method || !strings.HasPrefix(r.URL.Path, path) || rec.Code != from {
			return body
		}
		rec.Code = to
		return strings.NewReplacer(texts...).Replace(body)
	})
}

// faultHeader drops a header of requests, or of answers.
func faultHeader(name string, in bool) faultyFilter {
	return func(next http.Handler, w http.ResponseWriter, r *http.Request) {
		if in {
			r = r.Clone(r.Context())
			r.Header.Del(name)
			next.ServeHTTP(w, r)
			return
		}
		edited(next, w, r, func(rec *httptest.ResponseRecorder, body string) string {
			rec.Header().Del(name)
			return body
		})
	}
}

// A violation of the sections of filters, errors and discovery is named by just what it
// breaks.
func TestPlantedFilter(t *testing.T) {
	t.Parallel()
	planted(t, []violation{
		{"an empty filter finds everybody", faultFilter(func(f string) string {
			if f == "" {
				return "userName pr"
			}
			return f
		}), []string{"7644-3.4.2.2-05"}},
		{"co is sw", faultSwap(` co `, ` sw `), []string{"7644-3.4.2.2-10", "7644-3.4.2.2-21"}},
		{"sw is co", faultSwap(`title sw `, `title co `), []string{"7644-3.4.2.2-11"}},
		{"ew is co", faultSwap(`title ew `, `title co `), []string{"7644-3.4.2.2-12"}},
		{"ge is gt", faultSwap(` ge `, ` gt `), []string{"7643-2.3.5-02", "7644-3.4.2.2-14"}},
		{"time by its letters", faultFilter(func(f string) string {
			return regexp.MustCompile(`(meta\.created \w\w "[^"]*?)[+-]\d\d:\d\d"`).ReplaceAllString(f, `${1}Z"`)
		}), []string{"7643-2.3.5-02", "7644-3.4.2.2-14"}},
		{"an order of booleans is taken", faultSwap(`active (gt|le) (true|false)`, `active eq true`), []string{"7644-3.4.2.2-15"}},
		{"conditions of any element", faultFilter(func(f string) string {
			return regexp.MustCompile(`emails\[type eq "work" and value eq ("[^"]*")\]`).ReplaceAllString(f, `emails.type eq "work" and emails.value eq $1`)
		}), []string{"7644-3.4.2.2-19"}},
		{"unknown operators are eq", faultSwap(` resembles `, ` eq `), []string{"7644-3.4.2.2-29"}},
		{"only small operators", faultFilter(func(f string) string {
			return strings.NewReplacer(" EQ ", " like ", " OR ", " other ").Replace(f)
		}), []string{"7644-3.4.2.2-04"}},
		{"URNs are not known", faultSwap(`^urn:[^ ]*:(userName|department) `, `title `), []string{"7644-3.10-01", "7644-3.4.2.2-32"}},
		{"a filter of the wrong type breaks it", func(next http.Handler, w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Query().Get("filter"), "userName eq 5") {
				w.WriteHeader(http.StatusInternalServerError)
				return
			}
			next.ServeHTTP(w, r)
		}, []string{"7644-3.4.2.2-33"}},
		{"a bad filter is a bad value", faultAnswer(func(r *http.Request, _ *httptest.ResponseRecorder, body string) string {
			if !strings.HasSuffix(r.URL.Query().Get("filter"), " and") {
				return body
			}
			return strings.Replace(body, "invalidFilter", "invalidValue", 1)
		}), []string{"7644-3.12-16"}},
		{"errors without their schema", faultError("messages:2.0:Error", "messages:2.0:Err"), []string{"7644-3.12-01", "7644-3.5.2-14", "7644-3.5.2-21"}},
		{"a status that is a number", faultError(`"status":"404"`, `"status":404`), []string{"7644-3.12-02"}},
		{"a status of another error", faultError(`"status":"404"`, `"status":"400"`), []string{"7644-3.2-04"}},
		{"401 without a challenge", faultHeader("WWW-Authenticate", false), []string{"7644-2-05"}},
		{"403 for a wrong token", faultStatus(http.MethodGet, "/scim/v2/Users", 401, 403, `"401"`, `"403"`), []string{"7644-3.12-06"}},
		{"a keyword of its own", faultError(`"scimType":"invalidSyntax"`, `"scimType":"badJSON"`), []string{"7644-3.12-04", "7644-3.12-20", "7644-3.3-10", "7644-3.4.3-03", "7644-3.5.2-05"}},
		{"a taken name without a keyword", faultError(`"scimType":"uniqueness",`, ``), []string{"7644-3.12-18", "7644-3.3-08"}},
		{"a lost target is a bad path", faultError(`"scimType":"noTarget"`, `"scimType":"invalidPath"`), []string{"7644-3.12-22", "7644-3.5.2.2-01", "7644-3.5.2.3-08"}},
		{"a password that is searched for", faultSwap(`^password `, `title `), []string{"7644-7.5.2-02"}},
		{"everybody may write", func(next http.Handler, w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				r = r.Clone(r.Context())
				r.Header.Set("Authorization", "Bearer judge")
			}
			next.ServeHTTP(w, r)
		}, []string{"7644-2-06"}},
		{"a pattern in co", faultFilter(func(f string) string { return strings.Replace(f, "xb_c", "xbxc", 1) }), []string{"7644-3.4.2.2-10"}},
		{"or before and", faultFilter(func(f string) string {
			return regexp.MustCompile(`^(title eq \S+ or title eq \S+) and (nickName eq \S+)$`).ReplaceAllString(f, "($1) and $2")
		}), []string{"7644-3.4.2.2-24"}},
		{"letter case of ids does not count", faultFilter(func(f string) string {
			if strings.HasPrefix(f, "externalId eq") {
				return strings.ToLower(f)
			}
			return f
		}), []string{"7643-3.1-12", "7644-3.4.2.2-30"}},
		{"a PUT that makes", func(next http.Handler, w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPut && strings.Count(r.URL.Path, "-") == 4 {
				r = r.Clone(r.Context())
				r.Method, r.URL.Path = http.MethodPost, "/scim/v2/Users"
			}
			next.ServeHTTP(w, r)
		}, []string{"7644-3.2-03", "7644-3.5.1-02"}},
		{"no JSON but SCIM's", func(next http.Handler, w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Accept") == "application/json" {
				w.WriteHeader(http.StatusNotAcceptable)
				return
			}
			next.ServeHTTP(w, r)
		}, []string{"7644-3.8-05"}},
		{"letters that are lost", faultAnswer(func(_ *http.Request, _ *httptest.ResponseRecorder, body string) string {
			return strings.ReplaceAll(body, "漢字", "??")
		}), []string{"7643-2.3.1-01", "7644-3.8-01", "7644-3.8-02"}},
		{"an ETag that stays", faultAnswer(func(_ *http.Request, rec *httptest.ResponseRecorder, body string) string {
			if rec.Header().Get("ETag") == "" {
				return body
			}
			rec.Header().Set("ETag", `W/"1"`)
			return regexp.MustCompile(`"version":"W/[^,}]*"`).ReplaceAllLiteralString(body, `"version":"W/\"1\""`)
		}), []string{"7644-3.14-09"}},
		{"errors as plain JSON", faultAnswer(func(_ *http.Request, rec *httptest.ResponseRecorder, body string) string {
			if rec.Code >= 400 {
				rec.Header().Set("Content-Type", "application/json")
			}
			return body
		}), []string{"7644-8.1-01"}},
		{"all versions are this one", func(next http.Handler, w http.ResponseWriter, r *http.Request) {
			r = r.Clone(r.Context())
			u, err := url.Parse(regexp.MustCompile(`^/scim/v\d+`).ReplaceAllString(r.URL.RequestURI(), "/scim/v2"))
			if err == nil {
				r.URL = u
			}
			next.ServeHTTP(w, r)
		}, []string{"7644-3.13-03"}},
		{"If-Match is passed over", faultHeader("If-Match", true), []string{"7644-3.12-10", "7644-3.14-06", "7644-3.14-08"}},
		{"an ETag that is not meta.version", faultAnswer(func(_ *http.Request, rec *httptest.ResponseRecorder, body string) string {
			if tag := rec.Header().Get("ETag"); tag != "" {
				rec.Header().Set("ETag", strings.Replace(tag, `W/"`, `W/"x`, 1))
			}
			return body
		}), []string{"7643-3.1-19", "7644-3.14-03"}},
		{"pages of schemas", faultAnswer(func(r *http.Request, _ *httptest.ResponseRecorder, body string) string {
			if r.URL.Path != "/scim/v2/Schemas" || !r.URL.Query().Has("count") {
				return body
			}
			return `{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":5,"Resources":[{"id":"x"}]}`
		}), []string{"7644-4-05"}},
		{"filters of schemas are taken", func(next http.Handler, w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/scim/v2/Schemas" {
				r = r.Clone(r.Context())
				r.URL.RawQuery = ""
			}
			next.ServeHTTP(w, r)
		}, []string{"7644-4-06"}},
	})
}

// The version of TLS is not seen through a handler.
func TestPlantedTLS(t *testing.T) {
	t.Parallel()
	for least, want := range map[uint16]scimtest.Verdict{tls.VersionTLS12: scimtest.Pass, tls.VersionTLS13: scimtest.Fail} {
		h, err := scimserver.New(scimserver.Config{Store: scimserver.NewMemory(nil, nil), Base: "/scim/v2", Authorize: scimserver.BearerToken("judge")})
		if err != nil {
			t.Fatal(err)
		}
		srv := httptest.NewUnstartedServer(h)
		srv.Config.ErrorLog = log.New(io.Discard, "", 0) // it tells of the handshake
		srv.TLS = &tls.Config{MinVersion: least}
		srv.StartTLS()
		defer srv.Close()
		only := func(id string) bool { return id == "7644-7.2-02" }
		r, err := scimtest.Suite{Base: srv.URL + "/scim/v2", Token: "judge", HTTP: srv.Client(), Only: only}.Run(t.Context())
		if err != nil || len(r.Results) != 1 || r.Results[0].Result != want {
			t.Errorf("at least %s: %v, %+v, want %s", tls.VersionName(least), err, r.Results, want)
		}
	}
}
