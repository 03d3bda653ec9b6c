// SPDX-License-Identifier: Apache-2.0

package scimserver_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimserver"
)

// names are the userNames and displayNames of a list, in order.
func (a answer) names() string {
	a.t.Helper()
	var out []string
	for _, r := range a.want(200, "").list().Resources {
		name := r.UserName()
		if name == "" {
			name = r.DisplayName()
		}
		out = append(out, name)
	}
	return strings.Join(out, " ")
}

// RFC 7644 §3.4.2.1: what is asked of the root is asked of every type.
func TestQueriesOverAllTypes(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	s.make("/Groups", group("Beta"))
	for _, name := range []string{"zoe", "ann", "max"} {
		s.make("/Users", user(name, `"displayName":"`+strings.ToUpper(name)+`"`, `"password":"hunter2!"`))
	}
	s.make("/Groups", group("Omega", "3"))
	for filter, want := range map[string]string{
		``:                                "zoe ann max Beta Omega",
		`meta.resourceType eq "User"`:     "zoe ann max",
		`meta.resourceType eq "Group"`:    "Beta Omega",
		`meta.resourceType eq "Device"`:   "",
		`meta.resourceType ne "User"`:     "Beta Omega",
		`displayName co "a"`:              "ann max Beta Omega",
		`userName sw "a"`:                 "ann",
		`userName pr`:                     "zoe ann max",
		`not (userName pr)`:               "Beta Omega",
		`userName ne "ann"`:               "zoe max Beta Omega",
		`members pr or userName eq "ANN"`: "ann Omega",
		`members[value eq "3"]`:           "Omega",
		`(meta.resourceType eq "User" or members pr) and displayName ew "A"`: "Omega",
		`id eq "3"`:                                 "ann",
		`id pr and not (id pr)`:                     "",
		`id pr`:                                     "zoe ann max Beta Omega",
		scim.UserURN + `:userName eq "max"`:         "max",
		scim.GroupURN + `:displayName sw "O"`:       "Omega",
		scim.EnterpriseUserURN + `:department pr`:   "",
		`meta.resourceType eq "User" and active pr`: "",
		`emails[type eq "work"] or displayName pr`:  "zoe ann max Beta Omega",
	} {
		path := "/"
		if filter != "" {
			path += "?filter=" + url.QueryEscape(filter)
		}
		got := s.do("GET", path, "")
		if names := got.names(); names != want || got.list().TotalResults != len(strings.Fields(want)) {
			t.Errorf("%s: %q, want %q", filter, names, want)
		}
		quoted := strings.ReplaceAll(filter, `"`, `\"`)
		if filter != "" {
			quoted = `,"filter":"` + quoted + `"`
		}
		if found := s.do("POST", "/.search", `{"schemas":["`+scim.SearchRequestURN+`"]`+quoted+`}`); found.Body.String() != got.Body.String() {
			t.Errorf("%s: a search finds %s", filter, found.Body)
		}
	}
	for params, want := range map[string]string{
		"startIndex=2&count=3": "ann max Beta",
		"startIndex=4&count=1": "Beta",
		"startIndex=5":         "Omega",
		"startIndex=6":         "",
		"count=0":              "",
		"sortBy=displayName":   "ann Beta max Omega zoe",
		"sortBy=displayName&sortOrder=descending":     "zoe Omega max Beta ann",
		"sortBy=userName":                             "ann max zoe Beta Omega",
		"sortBy=userName&startIndex=3&count=2":        "zoe Beta",
		"sortBy=userName&sortOrder=descending":        "Beta Omega zoe max ann",
		"sortBy=meta.created&startIndex=1&count=1":    "Beta",
		"sortBy=userName&startIndex=100&count=10":     "",
		"sortBy=members.value&startIndex=1&count=1":   "Omega",
		"sortBy=displayName&count=0":                  "",
		"attributes=members,userName":                 "zoe ann max  ",
		"excludedAttributes=displayName&startIndex=3": "max  ",
	} {
		got := s.do("GET", "/?"+params, "")
		if names := got.names(); names != want || got.list().TotalResults != 5 {
			t.Errorf("%s: %q of %d, want %q", params, names, got.list().TotalResults, want)
		}
	}
	for params, kind := range map[string]string{
		"cursor": "invalidValue", "filter=" + url.QueryEscape(`shoeSize eq "44"`): "invalidFilter", "filter=": "invalidFilter", "filter=userName": "invalidFilter",
		"filter=" + url.QueryEscape(`userName gt 7`): "invalidFilter", "filter=" + url.QueryEscape(`userName  eq "x"`): "invalidFilter", "sortBy=shoeSize": "invalidPath",
		"startIndex=x": "invalidValue", "sortBy=userName&startIndex=950&count=100": "tooMany", "attributes=id&excludedAttributes=id": "invalidSyntax",
	} {
		s.do("GET", "/?"+params, "").want(400, kind)
	}
	for _, filter := range []string{`password sw "h"`, `not (password pr)`, `displayName pr or password eq "x"`} {
		s.do("GET", "/?filter="+url.QueryEscape(filter), "").want(403, "sensitive")
	}
	s.do("GET", "/?sortBy=password", "").want(403, "sensitive")
	s.do("POST", "/.search", `{}`).want(400, "invalidSyntax")
	s.do("POST", "/.search/1", `{}`).want(404, "")
	for path, allow := range map[string]string{"/": "GET, HEAD", "/.search": "POST"} {
		if got := s.do("PUT", path, "").want(405, ""); got.Header().Get("Allow") != allow {
			t.Errorf("%s allows %s", path, got.Header().Get("Allow"))
		}
	}
	lax := newServer(t, func(c *scimserver.Config) { c.Rules.UnknownInFilters = true })
	lax.make("/Users", user("ann"))
	if n := lax.do("GET", "/?filter="+url.QueryEscape(`shoeSize eq "44"`), "").list().TotalResults; n != 0 {
		t.Errorf("%d", n)
	}
	var told []string
	noted := newServer(t, func(c *scimserver.Config) {
		c.Rules.ExtraFilterSpaces = true
		c.Saved = func(_ *http.Request, name string) { told = append(told, name) }
	})
	noted.do("GET", "/?filter="+url.QueryEscape(`userName  pr and members pr`), "").want(200, "")
	if !slices.Equal(told, []string{scim.RuleExtraFilterSpaces}) {
		t.Errorf("told %v", told)
	}
}

// RFC 7644 §3.11: /Me is the resource of who asks.
func TestMe(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(c *scimserver.Config) {
		c.Me = func(r *http.Request) (string, string, error) {
			id := r.Header.Get("Me")
			if id == "" {
				return "", "", scimserver.ErrNotFound
			}
			return "User", id, nil
		}
	})
	ann := s.make("/Users", user("ann"))
	at := "http://app.example" + base + "/Users/" + ann
	me := "Me: " + ann
	s.do("GET", "/Me", "").want(404, "")
	got := s.do("GET", "/Me?attributes=userName,meta.location", "", me).want(200, "")
	if got.at("userName") != `"ann"` || got.at("meta.location") != fmt.Sprintf("%q", at) || got.Header().Get("Location") != at || got.Header().Get("Etag") == "" {
		t.Errorf("%v %s", got.Header(), got.Body)
	}
	s.do("GET", "/Me", "", me, "If-None-Match: "+got.Header().Get("Etag")).want(304, "")
	if got := s.do("PATCH", "/Me", patch(`{"op":"add","path":"title","value":"T"}`), me).want(200, ""); got.Header().Get("Location") != at {
		t.Errorf("%v", got.Header())
	}
	if got := s.do("PUT", "/Me", user("ANN"), me).want(200, ""); got.at("id") != fmt.Sprintf("%q", ann) || got.at("title") != "" {
		t.Errorf("%s", got.Body)
	}
	if got := s.do("PUT", "/Me", "{", me).want(400, "invalidSyntax"); got.Header().Get("Location") != at {
		t.Errorf("an error without its place: %v", got.Header())
	}
	if got := s.do("POST", "/Me", user("x"), me).want(405, ""); got.Header().Get("Allow") != "DELETE, GET, HEAD, PATCH, PUT" {
		t.Errorf("%v", got.Header())
	}
	s.do("GET", "/Me/1", "", me).want(404, "")
	if all := s.bulk(op("DELETE", "/Me", "")); statuses(all) != "400 invalidPath" {
		t.Errorf("%+v", all)
	}
	s.do("DELETE", "/Me", "", me).want(204, "")
	s.do("GET", "/Users/"+ann, "").want(404, "")
	s.do("GET", "/Me", "", me).want(404, "")
}
