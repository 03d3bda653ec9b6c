// SPDX-License-Identifier: Apache-2.0

package scimtest_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimserver"
	"github.com/usher-id/usher/scim/scimtest"
)

// withStrangers is a service provider that has people of its own, with one thing wrong;
// what is left of them is told at the end.
func withStrangers(t *testing.T, base string, serve func(next http.Handler, w http.ResponseWriter, r *http.Request)) (r scimtest.Report, strangers, others int) {
	t.Helper()
	store := scimserver.NewMemory(nil, nil)
	for _, name := range []string{"ann", "bob", "eve"} {
		u := scim.NewResource(scim.UserURN)
		u.Set("userName", scim.String(name))
		if _, err := store.Create(t.Context(), "User", u); err != nil {
			t.Fatal(err)
		}
	}
	h, err := scimserver.New(scimserver.Config{Store: store, Base: base, Authorize: scimserver.BearerToken("judge")})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { serve(h, w, r) }))
	defer srv.Close()
	client := &http.Client{Transport: only{strings.TrimPrefix(srv.URL, "http://"), t}}
	if r, err = (scimtest.Suite{Base: srv.URL + base, Token: "judge", HTTP: client}).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	page, err := store.List(t.Context(), "User", scimserver.Query{StartIndex: 1, Count: 1_000})
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range page.Resources {
		if len(u.UserName()) == 3 {
			strangers++
		} else {
			others++
		}
	}
	return r, strangers, others
}

// only lets requests go to one host.
type only struct {
	host string
	t    *testing.T
}

func (o only) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host != o.host {
		o.t.Errorf("%s %s with the token %q", r.Method, r.URL, r.Header.Get("Authorization"))
		return nil, errors.New("not the endpoint")
	}
	return http.DefaultTransport.RoundTrip(r)
}

// Whatever an endpoint says, nobody is deleted whom the run has not made.
func TestStrangersAreLeftAlone(t *testing.T) {
	t.Parallel()
	id := regexp.MustCompile(`"id":"\d+"`)
	for name, serve := range map[string]func(next http.Handler, w http.ResponseWriter, r *http.Request){
		"what is made has the id of somebody else": func(next http.Handler, w http.ResponseWriter, r *http.Request) {
			edited(next, w, r, func(rec *httptest.ResponseRecorder, body string) string {
				if r.Method == http.MethodPost && rec.Code == http.StatusCreated {
					return id.ReplaceAllString(body, `"id":"2"`)
				}
				return body
			})
		},
		"filters are not looked at": func(next http.Handler, w http.ResponseWriter, r *http.Request) {
			v := r.URL.Query()
			v.Del("filter")
			r.URL.RawQuery = v.Encode()
			next.ServeHTTP(w, r)
		},
	} {
		if _, strangers, _ := withStrangers(t, "/scim/v2", serve); strangers != 3 {
			t.Errorf("%s: %d of 3 are left", name, strangers)
		}
	}
}

// What was made is removed also if no answer told of it; what cannot be is told.
func TestNothingIsLeft(t *testing.T) {
	t.Parallel()
	made := 0
	_, _, others := withStrangers(t, "/scim/v2", func(next http.Handler, w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/Users") {
			if made++; made%3 == 0 {
				next.ServeHTTP(httptest.NewRecorder(), r)
				http.Error(w, "the answer is lost", http.StatusBadGateway)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
	if others != 0 {
		t.Errorf("%d users are left", others)
	}
	r, _, others := withStrangers(t, "/scim/v2", func(next http.Handler, w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodDelete {
			http.Error(w, "no", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
	if others == 0 || len(r.Left) < others || !strings.Contains(r.Verdict(), "could not be removed: /Groups/") {
		t.Errorf("%d users are left, and told of are %v: %s", others, r.Left, r.Verdict())
	}
}

// The token goes to the endpoint, and not to where an answer says that it is.
func TestTheTokenStays(t *testing.T) {
	t.Parallel()
	withStrangers(t, "/v2", func(next http.Handler, w http.ResponseWriter, r *http.Request) {
		edited(next, w, r, func(rec *httptest.ResponseRecorder, body string) string {
			at := "http://" + r.Host + "/v2"
			for _, elsewhere := range []string{at + ".evil.example", "http://evil.example"} {
				if l, err := url.Parse(rec.Header().Get("Location")); err == nil && l.Path != "" && len(body)%2 == 0 {
					rec.Header().Set("Location", elsewhere+"/Users/1")
					return strings.ReplaceAll(body, at, elsewhere)
				}
			}
			return body
		})
	})
}
