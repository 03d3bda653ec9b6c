// SPDX-License-Identifier: Apache-2.0

package scimtest_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

// serving is a sound handler with something before it.
type serving = func(next http.Handler, w http.ResponseWriter, r *http.Request)

// rewriting changes the answers to a method at paths that begin so: whatever the
// pattern finds in their bodies.
func rewriting(method, path, pattern, with string) serving {
	find := regexp.MustCompile(pattern)
	return func(next http.Handler, w http.ResponseWriter, r *http.Request) {
		edited(next, w, r, func(_ *httptest.ResponseRecorder, body string) string {
			if r.Method != method || !strings.HasPrefix(r.URL.Path, "/scim/v2"+path) {
				return body
			}
			return find.ReplaceAllString(body, with)
		})
	}
}

// heading changes a header of the answers to GET at Users, and the same text in their
// bodies if there is one.
func heading(name, old, with string) serving {
	return func(next http.Handler, w http.ResponseWriter, r *http.Request) {
		edited(next, w, r, func(rec *httptest.ResponseRecorder, body string) string {
			if v := rec.Header().Get(name); v != "" && strings.HasPrefix(r.URL.Path, "/scim/v2/Users/") {
				rec.Header().Set(name, strings.Replace(v, old, with, 1))
			}
			return body
		})
	}
}

// A fault in what RFC 7643 asks for is named by its requirement.
func TestPlantedSchema(t *testing.T) {
	t.Parallel()
	planted(t, append(plantedInSchemas(), []violation{
		{"strings lose what is beyond 16 bits", rewriting("GET", "/Users/", "\U0001F388", "?"), []string{"7643-2.3.1-01"}},
		{"booleans as texts", rewriting("GET", "/Users/", `"active":(true|false)`, `"active":"$1"`), []string{"7643-2.3.2-01", "7643-4.1.1-13"}},
		{"integers with a fraction", rewriting("GET", "/ServiceProviderConfig", `"maxResults":(\d+)`, `"maxResults":$1.0`), []string{"7643-2.3.4-01"}},
		{"references beyond HTTP", rewriting("GET", "/Groups/", `"value":"(\w+)"`, `"value":"$1","$$ref":"ldap://example.com/Users/$1"`), []string{"7643-2.3.7-03"}},
		{"references from elsewhere than the base", rewriting("GET", "/Groups/", `"value":"(\w+)"`, `"value":"$1","$$ref":"v1/Users/$1"`), []string{"7643-2.3.7-02"}},
		{"references to somebody else", func(next http.Handler, w http.ResponseWriter, r *http.Request) {
			rewriting("GET", "/Groups/", `"value":"(\w+)"`, `"value":"$1","$$ref":"http://`+r.Host+`/scim/v2/Users/0$1"`)(next, w, r)
		}, []string{"7643-2.3.7-04", "7643-4.2-03"}},
		{"groups that are not there", rewriting("GET", "/Users/", `"userName":`, `"groups":[{"value":"none","type":"direct"}],"userName":`), []string{"7643-4.1.2-14"}},
		{"members of another name", rewriting("GET", "/Groups/", `"value":"(\w+)"`, `"value":"User $1"`), []string{"7643-4.2-03", "7644-3.5.2.2-08", "7644-3.5.2.2-09", "7644-3.7.1-01", "7644-3.7.2-01"}},
		{"a primary that nobody named", rewriting("GET", "/Users/", `"value":"b@example.com"`, `"value":"b@example.com","primary":true`), []string{"7643-2.4-05"}},
		{"a create without meta.created", rewriting("POST", "/Users", `"created":"[^"]*",`, ``), []string{"7643-3.1-02"}},
		{"an externalId of the server's own", rewriting("GET", "/Users/", `"userName":("[^"]*"),"meta"`, `"userName":$1,"externalId":"1","meta"`), []string{"7643-3.1-10"}},
		{"changed before it was ever changed", rewriting("GET", "/Users/", `"lastModified":"2`, `"lastModified":"3`), []string{"7643-3.1-17"}},
		{"another Content-Location", heading("Content-Location", "/Users/", "/users/"), []string{"7643-3.1-18"}},
		{"another version than the ETag", rewriting("GET", "/Users/", `"version":"W/`, `"version":"`), []string{"7643-3.1-19", "7644-3.14-03"}},
		{"a resource type in other letter case", rewriting("GET", "/Users/", `"resourceType":"User"`, `"resourceType":"user"`), []string{"7643-6-02"}},
		{"lines that become one", rewriting("GET", "/Users/", `\\n`, ` `), []string{"7643-4.1.2-12"}},
		{"a password in the answer to its write", rewriting("PUT", "/Users/", `"userName":`, `"password":"*","userName":`), []string{"7643-7-13"}},
		{"no limit of the payload", rewriting("GET", "/ServiceProviderConfig", `,"maxPayloadSize":\d+`, ``), []string{"7643-5-03", "7644-3.7.4-01"}},
		{"a User without userName is given one", func(next http.Handler, w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			text := strings.Replace(string(body), `"userName":""`, `"userName":"nobody"`, 1)
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
			next.ServeHTTP(w, r)
		}, []string{"7643-4.1.1-01"}},
		{"a write to the configuration is taken", func(next http.Handler, w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/ServiceProviderConfig") {
				w.WriteHeader(http.StatusNoContent)
				return
			}
			next.ServeHTTP(w, r)
		}, []string{"7643-5-01"}},
		{"all attributes, whatever is asked for", func(next http.Handler, w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("attributes") == "userName" && strings.Contains(r.URL.Path, "/Users/") {
				r.URL.RawQuery = ""
			}
			next.ServeHTTP(w, r)
		}, []string{"7643-7-16", "7644-3.9-04"}},
		{"the id can be left out", func(next http.Handler, w http.ResponseWriter, r *http.Request) {
			edited(next, w, r, func(_ *httptest.ResponseRecorder, body string) string {
				if r.URL.Query().Get("excludedAttributes") != "id" {
					return body
				}
				return regexp.MustCompile(`"id":"[^"]*",`).ReplaceAllString(body, "")
			})
		}, []string{"7643-7-14"}},
	}...))
}

// plantedInSchemas are faults in the published schemas.
func plantedInSchemas() []violation {
	return []violation{
		{"an attribute without description", rewriting("GET", "/Schemas", `"description":"Casual form of address",`, ``), []string{"7643-7-04"}},
		{"a type that there is not", rewriting("GET", "/Schemas", `"name":"active","type":"boolean"`, `"name":"active","type":"flag"`), []string{"7643-7-06"}},
		{"a reference to nothing", rewriting("GET", "/Schemas", `"referenceTypes":\["external"\]`, `"referenceTypes":[]`), []string{"7643-7-23"}},
		{"what members have can be written", rewriting("GET", "/Schemas", `"immutable"`, `"readWrite"`), []string{"7643-8.7.1-04"}},
		{"passwords are returned by default", rewriting("GET", "/Schemas", `"returned":"never"`, `"returned":"default"`), []string{"7643-4.1.1-20", "7643-8.7.1-03"}},
		{"an attribute with a blank in its name", rewriting("GET", "/Schemas", `"name":"nickName"`, `"name":"nick name"`), []string{"7643-2.1-02"}},
	}
}
