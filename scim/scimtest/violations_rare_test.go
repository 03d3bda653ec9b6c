// SPDX-License-Identifier: Apache-2.0

package scimtest_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"

	"golang.org/x/text/unicode/norm"

	"github.com/usher-id/usher/scim/scimtest"
)

// Faults in what few service providers have are named by just what they break.
func TestPlantedRare(t *testing.T) {
	t.Parallel()
	planted(t, []violation{
		{"documentation without an address", rewriting(http.MethodGet, "/ServiceProviderConfig", `"patch":`, `"documentationUri":"ask somebody","patch":`), []string{"7643-5-10"}},
		{"a specification without an address", rewriting(http.MethodGet, "/ServiceProviderConfig", `"specUri":"https:`, `"specUri":"`), []string{"7643-5-10"}},
		{"nothing is told without a token", func(next http.Handler, w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/ServiceProviderConfig") && r.Header.Get("Authorization") == "" {
				refused(func(*http.Request) bool { return true }, http.StatusUnauthorized, "")(next, w, r)
				return
			}
			next.ServeHTTP(w, r)
		}, []string{"7643-5-09"}},
		{"a required extension that nobody needs", rewriting(http.MethodGet, "/ResourceTypes", `"required":false`, `"required":true`), []string{"7643-6-07"}},
		{"an extension with a core attribute", rewriting(http.MethodGet, "/Schemas", `"name":"costCenter"`, `"name":"NickName"`), []string{"7643-3.3-03", "7643-4.3-01"}},
		{"members need a value and do not", rewriting(http.MethodGet, "/Schemas", `("name":"value","type":"string","multiValued":false,"description":"Identifier of the member","required":)false`, `${1}true`), []string{"7643-4.2-04"}},
		{"what is returned on request is returned always", rewriting(http.MethodGet, "/Schemas", `("name":"nickName"[^{}]*"returned":)"default"`, `${1}"request"`), []string{"7643-7-17"}},
		{"a value is kept twice", func(next http.Handler, w http.ResponseWriter, r *http.Request) {
			edited(next, w, r, func(_ *httptest.ResponseRecorder, body string) string {
				const one = `"emails":[{"value":"a@example.com","type":"work"}]`
				if oneUserAsked(r) {
					return strings.Replace(body, one, one[:len(one)-1]+`,{"value":"a@example.com","type":"work"}]`, 1)
				}
				return body
			})
		}, []string{"7643-2.4-08"}},
		{"another width is another name", spelled(func(name string) bool { return strings.Contains(name, "Ｓｔｒａ") }), []string{"7644-5-01"}},
		{"an accent is a character of its own", spelled(func(name string) bool { return !norm.NFC.IsNormalString(name) }), []string{"7644-7.8-01"}},
	})
}

// spelled takes some user names for others than they are.
func spelled(some func(name string) bool) serveFunc {
	name := regexp.MustCompile(`usher-check-\w+-user-\d+[^"\\]*`)
	other := func(text string) string {
		return name.ReplaceAllStringFunc(text, func(n string) string {
			if some(n) {
				return n + "-other"
			}
			return n
		})
	}
	return func(next http.Handler, w http.ResponseWriter, r *http.Request) {
		faultFilter(other)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if writeIs(r, http.MethodPost, "/Users") {
				writeSend(r, other(writeSent(r)))
			}
			next.ServeHTTP(w, r)
		}), w, r)
	}
}

// Ids with letters, and Users that tell their groups, as our memory has neither.
func TestPlantedBefore(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, id string
		want     scimtest.Verdict
		serve    serveFunc
	}{
		{"ids of letters", "7643-3.1-09", scimtest.Pass, lettered("u", "u")},
		{"ids in any letter case", "7643-3.1-09", scimtest.Fail, lettered("[uU]", "u")},
		{"ids in any letter case, in filters", "7643-3.1-09", scimtest.Fail, lettered("u", "[uU]")},
		{"Users tell their groups", "7643-4.1.2-15", scimtest.Pass, grouped(`,"type":"direct"`)},
		{"Users tell their groups, and not how", "7643-4.1.2-15", scimtest.Fail, grouped("")},
		{"Users tell their groups, and not rightly", "7643-4.1.2-15", scimtest.Fail, grouped(`,"type":"indirect"`)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := heldTo(t, scimtest.ProfileRFC)
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { c.serve(h, w, r) }))
			defer srv.Close()
			r, err := scimtest.Suite{Base: srv.URL + "/scim/v2", Token: "judge", HTTP: srv.Client(), Only: func(id string) bool { return id == c.id }}.Run(t.Context())
			if err != nil || len(r.Results) != 1 || r.Results[0].Result != c.want {
				t.Errorf("%v, %+v, want %s", err, r.Results, c.want)
			}
		})
	}
}

// lettered puts a u before the ids of Users, and finds them by these patterns.
func lettered(inPath, inFilter string) serveFunc {
	path, filter := regexp.MustCompile(`/Users/`+inPath+`(\d+)$`), regexp.MustCompile(`^id eq "`+inFilter+`(\d+)"$`)
	return func(next http.Handler, w http.ResponseWriter, r *http.Request) {
		r = r.Clone(r.Context())
		r.URL.Path = path.ReplaceAllString(r.URL.Path, "/Users/$1")
		faultFilter(func(f string) string { return filter.ReplaceAllString(f, `id eq "$1"`) })(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			edited(next, w, r, func(_ *httptest.ResponseRecorder, body string) string {
				return regexp.MustCompile(`"id":"(\d+)"`).ReplaceAllString(body, `"id":"u$1"`)
			})
		}), w, r)
	}
}

// grouped adds groups to Users, each with some more members.
func grouped(more string) serveFunc {
	var mu sync.Mutex
	of := map[string]string{}
	return func(next http.Handler, w http.ResponseWriter, r *http.Request) {
		edited(next, w, r, func(_ *httptest.ResponseRecorder, body string) string {
			var got struct {
				ID      string
				Members []struct{ Value string }
			}
			if json.Unmarshal([]byte(body), &got) != nil {
				return body
			}
			mu.Lock()
			defer mu.Unlock()
			for _, m := range got.Members {
				of[m.Value] = got.ID
			}
			if g := of[got.ID]; oneUserAsked(r) && g != "" {
				return strings.Replace(body, `"userName":`, `"groups":[{"value":"`+g+`"`+more+`}],"userName":`, 1)
			}
			return body
		})
	}
}
