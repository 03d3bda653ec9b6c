// SPDX-License-Identifier: Apache-2.0

package scimtest_test

import (
	"crypto/tls"
	"encoding/json"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimserver"
	"github.com/usher-id/usher/scim/scimtest"
)

// heldTo is a service provider of ours that is meant for a profile.
func heldTo(t *testing.T, profile string) http.Handler {
	t.Helper()
	strictness := map[string]scimserver.Strictness{scimtest.ProfileInterop: scimserver.InteropStrict}[profile]
	if strictness == "" {
		strictness = scimserver.Strictness(profile)
	}
	rules, err := scimserver.RulesOf(strictness)
	if err != nil {
		t.Fatal(err)
	}
	store := scimserver.NewMemory(nil, types())
	if profile == scimtest.ProfileEntra || profile == scimtest.ProfileIPSIE {
		store.Unique("Group", scim.MustPath("displayName"))
	}
	h, err := scimserver.New(scimserver.Config{Store: store, ResourceTypes: types(), Base: "/scim/v2", Authorize: scimserver.BearerToken("judge"), Rules: rules})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func profileOf(t *testing.T, name string) scimtest.Profile {
	t.Helper()
	p, err := scimtest.ProfileOf(name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A server of ours that is meant for a profile meets its own checks and the
// inventory's, and deviates just where the profile says.
func TestOurServerMeetsProfiles(t *testing.T) {
	t.Parallel()
	for _, p := range scimtest.Profiles() {
		t.Run(p.Name, func(t *testing.T) {
			t.Parallel()
			srv := httptest.NewServer(heldTo(t, p.Name))
			defer srv.Close()
			bulk := false
			r, err := scimtest.Suite{Base: srv.URL + "/scim/v2", Token: "judge", HTTP: srv.Client(), Profile: p}.Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if res, err := srv.Client().Do(authorized(t, srv.URL+"/scim/v2/ServiceProviderConfig")); err == nil {
				body, _ := io.ReadAll(res.Body)
				_ = res.Body.Close()
				bulk = strings.Contains(string(body), `"bulk":{"supported":true`)
			}
			var decided []string
			for _, l := range r.Results {
				switch {
				case l.Result == scimtest.Decision:
					decided = append(decided, l.ID)
				case l.Result == scimtest.Fail && (l.ID != "ipsie-01" || bulk):
					t.Errorf("%s (%s): %s", l.ID, l.Level, l.Detail)
				}
			}
			want := slices.Sorted(maps.Keys(p.Decisions))
			if slices.Sort(decided); !slices.Equal(decided, want) || r.Profile != p.Name {
				t.Errorf("%s: decided are %v, the profile has %v", r.Profile, decided, want)
			}
		})
	}
}

func authorized(t *testing.T, address string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer judge")
	return r
}

// Each switch that a strictness may have deviates at the ids that are told of it, and
// at no others.
func TestDeviations(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("runs the suite for each switch")
	}
	for _, sw := range scimserver.Switches() {
		t.Run(sw.Name, func(t *testing.T) {
			t.Parallel()
			rules, err := scimserver.RulesOf(scimserver.RFC, sw.Name)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, l := range judged(t, func(c *scimserver.Config) { c.Rules = rules }).Results {
				if l.Result == scimtest.Fail {
					got = append(got, l.ID)
				}
			}
			want := slices.Sorted(slices.Values(scimtest.Deviations(sw.Name)))
			if slices.Sort(got); !slices.Equal(got, want) {
				t.Errorf("fails at %v, told are %v", got, want)
			}
		})
	}
}

// plantedIn runs a profile's own checks against a server that is meant for it, with one
// thing wrong, for each violation. Every check must be named by one of them, but for
// those that are told.
func plantedIn(t *testing.T, name string, sound serveFunc, all []violation, elsewhere ...string) {
	t.Helper()
	p := profileOf(t, name)
	own := map[string]bool{}
	for _, c := range p.Checks {
		own[c.ID] = slices.Contains(elsewhere, c.ID)
	}
	for _, v := range all {
		for _, id := range v.ids {
			if _, known := own[id]; !known {
				t.Errorf("%s: there is no %s", v.name, id)
			}
			own[id] = true
		}
	}
	for id, seen := range own {
		if !seen {
			t.Errorf("%s is never seen to fail", id)
		}
	}
	for _, v := range append(all, violation{name: "nothing", serve: http.Handler.ServeHTTP}) {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			h := heldTo(t, name)
			if sound != nil {
				next := h
				h = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { sound(next, w, r) })
			}
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { v.serve(h, w, r) }))
			defer srv.Close()
			r, err := scimtest.Suite{
				Base: srv.URL + "/scim/v2", Token: "judge", HTTP: srv.Client(), Profile: p, Only: func(id string) bool { _, is := own[id]; return is },
			}.Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			details := ""
			for _, l := range r.Results {
				if l.Section != p.Title || l.Title == "" || l.Level != "MUST" && !slices.Contains(p.Soft, l.ID) {
					t.Errorf("%+v: not told as a check of its profile", l)
				}
				if l.Result == scimtest.Fail {
					got = append(got, l.ID)
					details += l.ID + ": " + l.Detail + "\n"
				}
			}
			want := slices.Sorted(slices.Values(v.ids))
			if slices.Sort(got); !slices.Equal(got, want) {
				t.Errorf("named %v, want %v\n%s", got, want, details)
			}
		})
	}
}

// once changes the first answer with a status at a path.
func once(method, at string, from, to int) serveFunc {
	var first sync.Once
	return writeAnswer(method, at, func(_ string, rec *httptest.ResponseRecorder, body string) string {
		if rec.Code == from {
			first.Do(func() { rec.Code = to })
		}
		return body
	})
}

// coded changes every answer with a status at a path.
func coded(method, at string, from, to int) serveFunc {
	return writeAnswer(method, at, func(_ string, rec *httptest.ResponseRecorder, body string) string {
		if rec.Code == from {
			rec.Code = to
		}
		return body
	})
}

// missing lets a DELETE of what is not there succeed, where the path says so.
func missing(at string, nobody bool) serveFunc {
	return func(next http.Handler, w http.ResponseWriter, r *http.Request) {
		edited(next, w, r, func(rec *httptest.ResponseRecorder, body string) string {
			if writeIs(r, http.MethodDelete, at) && rec.Code == http.StatusNotFound && strings.Contains(r.URL.Path, "nobody") == nobody {
				rec.Code = http.StatusNoContent
				return ""
			}
			return body
		})
	}
}

// firstOps cuts PATCH requests that have a text in them to so many operations.
func firstOps(at, text string, n int) serveFunc {
	return writeRequest(http.MethodPatch, at, func(sent string) string {
		var p struct {
			Operations []json.RawMessage `json:"Operations"`
		}
		if !strings.Contains(sent, text) || json.Unmarshal([]byte(sent), &p) != nil || len(p.Operations) <= n {
			return sent
		}
		return writePatch(p.Operations[:n]...)
	})
}

// neverFree lets no userName be given twice, also if who had it was deleted.
func neverFree() serveFunc {
	var mu sync.Mutex
	seen := map[string]bool{}
	name := regexp.MustCompile(`"userName":"([^"]*)"`)
	return func(next http.Handler, w http.ResponseWriter, r *http.Request) {
		if writeIs(r, http.MethodPost, "/Users") {
			if m := name.FindStringSubmatch(writeSent(r)); m != nil {
				mu.Lock()
				taken := seen[m[1]]
				seen[m[1]] = true
				mu.Unlock()
				if taken {
					refused(func(*http.Request) bool { return true }, http.StatusConflict, scim.UniquenessBreach)(next, w, r)
					return
				}
			}
		}
		next.ServeHTTP(w, r)
	}
}

// without drops parameters of requests at paths that end so.
func without(name, at string, prefix bool) serveFunc {
	return parameters(func(r *http.Request, v url.Values) {
		if strings.HasSuffix(r.URL.Path, at) || prefix && strings.Contains(r.URL.Path, at) {
			v.Del(name)
		}
	})
}

const (
	atUsers   = "/Users/"
	atGroups  = "/Groups/"
	atManager = scim.EnterpriseUserURN + ":manager"
)

func TestPlantedEntra(t *testing.T) {
	t.Parallel()
	plantedIn(t, scimtest.ProfileEntra, nil, []violation{
		{"a create is answered with 200", once(http.MethodPost, "/Users", 201, 200), []string{"entra-01"}},
		{"nobody found is 404", refused(func(r *http.Request) bool {
			return usersAsked(r) && strings.Contains(r.URL.Query().Get("filter"), "nobody")
		}, http.StatusNotFound, ""), []string{"entra-02"}},
		{"letter case of userName counts", faultSwap(`^userName eq "USHER`, `userName eq "x`), []string{"entra-03"}},
		{"who was never changed has another id", func(next http.Handler, w http.ResponseWriter, r *http.Request) {
			edited(next, w, r, func(_ *httptest.ResponseRecorder, body string) string {
				m := regexp.MustCompile(`"created":"([^"]*)","lastModified":"([^"]*)"`).FindStringSubmatch(body)
				if oneUserAsked(r) && m != nil && m[1] == m[2] {
					return strings.Replace(body, `"id":"`, `"id":"x`, 1)
				}
				return body
			})
		}, []string{"entra-04"}},
		{"texts for booleans are refused", writeNo(http.MethodPatch, atUsers, `"False"`, http.StatusBadRequest), []string{"entra-05"}},
		{"a value path makes no element", writeNo(http.MethodPatch, atUsers, `"Add","path":"emails[type`, http.StatusBadRequest), []string{"entra-06"}},
		{"a value path replaces another element", writeInstead(http.MethodPatch, atUsers, `"Replace","path":"phoneNumbers[type eq \"work\"]`, `"Replace","path":"phoneNumbers[type eq \"home\"]`), []string{"entra-07"}},
		{"a replace without path sets something else", writeInstead(http.MethodPatch, atUsers, `"Replace","value":{"userName"`, `"Replace","value":{"title"`), []string{"entra-08"}},
		{"a manager is no text", writeNo(http.MethodPatch, atUsers, `:manager","value":"`, http.StatusBadRequest), []string{"entra-09"}},
		{"a manager stays", writeNo(http.MethodPatch, atUsers, `"Replace","path":"`+atManager, http.StatusBadRequest), []string{"entra-10"}},
		{"remove takes another attribute", writeInstead(http.MethodPatch, atUsers, `"Remove","path":"`+atManager, `"Remove","path":"`+scim.EnterpriseUserURN+`:division`), []string{"entra-11"}},
		{"a delete of a User is answered with 200", coded(http.MethodDelete, atUsers, 204, 200), []string{"entra-12"}},
		{"a conflict of Users is none", coded(http.MethodPost, "/Users", 409, 400), []string{"entra-13"}},
		{"a create of a Group is answered with 200", once(http.MethodPost, "/Groups", 201, 200), []string{"entra-14"}},
		{"a conflict of Groups is none", coded(http.MethodPost, "/Groups", 409, 400), []string{"entra-15"}},
		{"no Groups by name", faultSwap(`^displayName eq "usher`, `displayName eq "x`), []string{"entra-16", "entra-19"}},
		{"letter case of displayName counts", faultSwap(`^displayName eq "USHER`, `displayName eq "x`), []string{"entra-17"}},
		{"a Group has its members, asked or not", without("excludedAttributes", atGroups, true), []string{"entra-18"}},
		{"Groups have their members, asked or not", without("excludedAttributes", "/Groups", false), []string{"entra-19"}},
		{"externalId of a Group stays", writeInstead(http.MethodPatch, atGroups, `"Replace","value":{"externalId"`, `"Replace","value":{"displayName"`), []string{"entra-20"}},
		{"displayName of a Group stays", writeNo(http.MethodPatch, atGroups, `"Replace","value":{"displayName"`, http.StatusBadRequest), []string{"entra-21"}},
		{"no Groups by member", faultSwap(` and members eq `, ` and displayName eq `), []string{"entra-22"}},
		{"remove with a list of values empties the Group", writeRequest(http.MethodPatch, atGroups, func(sent string) string {
			return regexp.MustCompile(`("op":"Remove","path":"members"),"value":\[[^\]]*\]`).ReplaceAllString(sent, "$1")
		}), []string{"entra-23"}},
		{"a delete of a Group is answered with 200", coded(http.MethodDelete, atGroups, 204, 200), []string{"entra-24"}},
		{"roles are plain JSON", writeAnswer(http.MethodGet, atUsers, func(_ string, rec *httptest.ResponseRecorder, body string) string {
			if strings.Contains(body, `"roles":`) {
				rec.Header().Set("Content-Type", "application/json")
			}
			return body
		}), []string{"entra-25"}},
		{"primary is a text", rewriting(http.MethodGet, atUsers, `"primary":true`, `"primary":"True"`), []string{"entra-25"}},
		{"the first operation alone", firstOps(atUsers, `"Remove","path":"title"`, 1), []string{"entra-26"}},
		{"the last operation first", writeRequest(http.MethodPatch, atUsers, func(sent string) string {
			if strings.Contains(sent, `"First"`) {
				return writeBackwards(sent)
			}
			return sent
		}), []string{"entra-27"}},
		{"a Group is not renamed by path", writeNo(http.MethodPatch, atGroups, `"Replace","path":"displayName"`, http.StatusBadRequest), []string{"entra-28"}},
		{"two operations on members alone", firstOps(atGroups, `"Remove","path":"members"`, 2), []string{"entra-29"}},
		{"nobody can be deleted", missing(atUsers, true), []string{"entra-30"}},
		{"a User can be deleted twice", missing(atUsers, false), []string{"entra-31"}},
		{"no Group can be deleted", missing(atGroups, true), []string{"entra-32"}},
		{"a Group can be deleted twice", missing(atGroups, false), []string{"entra-33"}},
		{"no Users by work e-mail", faultSwap(`^emails\[type`, `ims[type`), []string{"entra-34"}},
		{"dotted names are other names", writeInstead(http.MethodPatch, atUsers, `"name.givenName":"After"`, `"title":"After"`), []string{"entra-35"}},
	})
}

func TestPlantedOkta(t *testing.T) {
	t.Parallel()
	nobodyAsked := func(edit func(body string) string) serveFunc {
		return func(next http.Handler, w http.ResponseWriter, r *http.Request) {
			edited(next, w, r, func(rec *httptest.ResponseRecorder, body string) string {
				if oneUserAsked(r) && rec.Code == http.StatusNotFound {
					return edit(body)
				}
				return body
			})
		}
	}
	plantedIn(t, scimtest.ProfileOkta, nil, []violation{
		{"itemsPerPage is a text", members(has("startIndex", "1"), func(m map[string]any) { m["itemsPerPage"] = "1" }), []string{"okta-01"}},
		{"a User without its given name", rewriting(http.MethodGet, atUsers, `"givenName":"Ada",`, ""), []string{"okta-02"}},
		{"nobody found is 404", refused(func(r *http.Request) bool {
			return usersAsked(r) && strings.Contains(r.URL.Query().Get("filter"), "nobody")
		}, http.StatusNotFound, ""), []string{"okta-03"}},
		{"an error without detail", nobodyAsked(func(body string) string {
			return regexp.MustCompile(`,"detail":"[^"]*"`).ReplaceAllString(body, "")
		}), []string{"okta-04"}},
		{"a create shows less than was sent", rewriting(http.MethodPost, "/Users", `"givenName":"Ada",`, ""), []string{"okta-05"}},
		{"who is read by an id has another", rewriting(http.MethodGet, atUsers, `"id":"`, `"id":"x`), []string{"okta-06"}},
		{"a conflict is none", coded(http.MethodPost, "/Users", 409, 400), []string{"okta-07"}},
		{"capitals are refused", refused(func(r *http.Request) bool {
			return strings.Contains(r.URL.Query().Get("filter"), "USHER-CHECK")
		}, http.StatusBadRequest, scim.InvalidFilter), []string{"okta-08"}},
		{"Groups take their time", func(next http.Handler, w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/scim/v2/Groups" && r.URL.RawQuery == "" {
				time.Sleep(700 * time.Millisecond)
			}
			next.ServeHTTP(w, r)
		}, []string{"okta-09"}},
		{"401 without a body", func(next http.Handler, w http.ResponseWriter, r *http.Request) {
			edited(next, w, r, func(rec *httptest.ResponseRecorder, body string) string {
				if rec.Code == http.StatusUnauthorized {
					return ""
				}
				return body
			})
		}, []string{"okta-10"}},
		{"a status that is a number", nobodyAsked(func(body string) string { return strings.Replace(body, `"status":"404"`, `"status":404`, 1) }), []string{"okta-11"}},
	})
}

func TestPlantedInterop(t *testing.T) {
	t.Parallel()
	plantedIn(t, scimtest.ProfileInterop, nil, []violation{
		{"the profile is not claimed", rewriting(http.MethodGet, "/ServiceProviderConfig", `"interopProfileConformant":true`, `"interopProfileConformant":false`), []string{"interop-01"}},
		{"an id in other letter case than the name", rewriting(http.MethodGet, "/ResourceTypes", `"id":"User"`, `"id":"user"`), []string{"interop-02"}},
		{"unknown attributes are passed over", writeInstead(http.MethodPost, "/Users", `,"usherCheckUnknown":"x"`, ""), []string{"interop-03"}},
		{"unknown schemas are passed over", writeInstead(http.MethodPost, "/Users", `,"urn:example:usher-check"`, ""), []string{"interop-04"}},
		{"unknown attributes are passed over in a PATCH", writeInstead(http.MethodPatch, atUsers, `"path":"usherCheckUnknown"`, `"path":"title"`), []string{"interop-05"}},
		{"lists are plain JSON", writeAnswer(http.MethodGet, "/Users", func(_ string, rec *httptest.ResponseRecorder, body string) string {
			rec.Header().Set("Content-Type", "application/json")
			return body
		}), []string{"interop-06"}},
		{"and is or", faultSwap(` and id eq `, ` or id eq `), []string{"interop-07"}},
		{"a bad filter is a bad path", refused(func(r *http.Request) bool {
			return strings.Contains(r.URL.Query().Get("filter"), "usherCheckUnknown")
		}, http.StatusBadRequest, scim.InvalidPath), []string{"interop-08"}},
		{"50 at most", parameters(func(_ *http.Request, v url.Values) {
			if v.Get("count") == "100" && !v.Has("filter") {
				v.Set("count", "50")
			}
		}), []string{"interop-09"}},
		{"50 by default", parameters(func(r *http.Request, v url.Values) {
			if usersAsked(r) && len(v) == 0 {
				v.Set("count", "50")
			}
		}), []string{"interop-10"}},
		{"PATCH is not said to be there", rewriting(http.MethodGet, "/ServiceProviderConfig", `"patch":\{"supported":true\}`, `"patch":{"supported":false}`), []string{"interop-11"}},
		{"an operation without path is taken", writeRequest(http.MethodPatch, atUsers, func(sent string) string {
			return regexp.MustCompile(`"value":\{"userName":("[^"]*")\}`).ReplaceAllString(sent, `"path":"userName","value":$1`)
		}), []string{"interop-12"}},
		{"replace of a complex attribute merges", writeInstead(http.MethodPatch, atUsers, `"replace","path":"name"`, `"add","path":"name"`), []string{"interop-13"}},
		{"one attribute at a time", firstOps(atUsers, `"path":"name.givenName"`, 1), []string{"interop-14"}},
		{"who is deleted is inactive", func(next http.Handler, w http.ResponseWriter, r *http.Request) {
			if !writeIs(r, http.MethodDelete, atUsers) {
				next.ServeHTTP(w, r)
				return
			}
			r = r.Clone(r.Context())
			r.Method = http.MethodPatch
			r.Header.Set("Content-Type", "application/scim+json")
			writeSend(r, writePatch(json.RawMessage(`{"op":"replace","path":"active","value":false}`)))
			edited(next, w, r, func(rec *httptest.ResponseRecorder, _ string) string {
				rec.Code = http.StatusNoContent
				return ""
			})
		}, []string{"interop-15", "interop-16"}},
		{"a name is taken for good", neverFree(), []string{"interop-16"}},
		{"who is inactive is deleted", func(next http.Handler, w http.ResponseWriter, r *http.Request) {
			gone := writeIs(r, http.MethodPatch, atUsers) && strings.Contains(writeSent(r), `"active","value":false`)
			next.ServeHTTP(w, r)
			if gone {
				del := r.Clone(r.Context())
				del.Method, del.Body = http.MethodDelete, http.NoBody
				next.ServeHTTP(httptest.NewRecorder(), del)
			}
		}, []string{"interop-17"}},
		{"a conflict of a PATCH is none", coded(http.MethodPatch, atUsers, 409, 400), []string{"interop-18"}},
		{"types without values", rewriting(http.MethodGet, "/Schemas", `"canonicalValues":\["work","home","other"\]`, `"canonicalValues":[]`), []string{"interop-19"}},
	}, "interop-20") // TestPlantedTLS13
}

// The version of TLS is not seen through a handler.
func TestPlantedTLS13(t *testing.T) {
	t.Parallel()
	for most, want := range map[uint16]scimtest.Verdict{tls.VersionTLS12: scimtest.Fail, tls.VersionTLS13: scimtest.Pass} {
		srv := httptest.NewUnstartedServer(heldTo(t, scimtest.ProfileInterop))
		srv.Config.ErrorLog = log.New(io.Discard, "", 0) // it tells of the handshake
		srv.TLS = &tls.Config{MinVersion: tls.VersionTLS12, MaxVersion: most}
		srv.StartTLS()
		defer srv.Close()
		r, err := scimtest.Suite{
			Base: srv.URL + "/scim/v2", Token: "judge", HTTP: srv.Client(), Profile: profileOf(t, scimtest.ProfileInterop), Only: func(id string) bool { return id == "interop-20" },
		}.Run(t.Context())
		if err != nil || len(r.Results) != 1 || r.Results[0].Result != want {
			t.Errorf("at most %s: %v, %+v, want %s", tls.VersionName(most), err, r.Results, want)
		}
	}
}

func TestPlantedIPSIE(t *testing.T) {
	t.Parallel()
	plantedIn(t, scimtest.ProfileIPSIE, bulkSound{}.serve, []violation{
		{"no bulk", rewriting(http.MethodGet, "/ServiceProviderConfig", `"bulk":\{"supported":true`, `"bulk":{"supported":false`), []string{"ipsie-01"}},
		{"active has another name", rewriting(http.MethodGet, "/Schemas", `"name":"active"`, `"name":"enabled"`), []string{"ipsie-02"}},
		{"externalId of a User is dropped", rewriting(http.MethodGet, atUsers, `"externalId":"[^"]*",`, ""), []string{"ipsie-03"}},
		{"there is a password", rewriting(http.MethodGet, "/Schemas", `\{"name":"active"`, `{"name":"password","type":"string"},{"name":"active"`), []string{"ipsie-04"}},
		{"nobody is deactivated", writeInstead(http.MethodPatch, atUsers, `"path":"active","value":false`, `"path":"title","value":"x"`), []string{"ipsie-05"}},
		{"nobody is reactivated", writeInstead(http.MethodPatch, atUsers, `"path":"active","value":true`, `"path":"title","value":"x"`), []string{"ipsie-06"}},
		{"a name is taken for good", neverFree(), []string{"ipsie-07"}},
		{"no Users by userName", faultSwap(`^userName eq `, `title eq `), []string{"ipsie-01", "ipsie-08"}},
		{"nobody by externalId", faultSwap(`^externalId eq `, `meta.version eq `), []string{"ipsie-09", "ipsie-20"}},
		{"no Users by e-mail", faultSwap(`^emails\[value eq`, `ims[value eq`), []string{"ipsie-10"}},
		{"no Users by work e-mail", faultSwap(`^emails\[type eq`, `ims[type eq`), []string{"ipsie-11"}},
		{"pages of 5,000", rewriting(http.MethodGet, "/ServiceProviderConfig", `"maxResults":\d+`, `"maxResults":5000`), []string{"ipsie-12"}},
		{"no cursors", without("cursor", "/Users", false), []string{"ipsie-13"}},
		{"members have another name", rewriting(http.MethodGet, "/Schemas", `"name":"members"`, `"name":"people"`), []string{"ipsie-14"}},
		{"externalId of a Group is dropped", rewriting(http.MethodGet, atGroups, `"externalId":"[^"]*",`, ""), []string{"ipsie-15"}},
		{"two Groups of one name", coded(http.MethodPost, "/Groups", 409, 200), []string{"ipsie-16"}},
		{"a Group needs members", func(next http.Handler, w http.ResponseWriter, r *http.Request) {
			if writeIs(r, http.MethodPost, "/Groups") {
				if sent := writeSent(r); !strings.Contains(sent, "members") && !strings.Contains(sent, "externalId") {
					http.Error(w, "no", http.StatusBadRequest)
					return
				}
			}
			next.ServeHTTP(w, r)
		}, []string{"ipsie-17"}},
		{"Groups have their members, asked or not", without("excludedAttributes", "/Groups", false), []string{"ipsie-18"}},
		{"no Groups by name", faultSwap(`^displayName eq `, `externalId eq `), []string{"ipsie-18", "ipsie-19"}},
		{"no Groups by member", faultSwap(`^members\[value eq ("[^"]*")\]`, `displayName eq $1`), []string{"ipsie-21"}},
		{"ten operations at most", func(next http.Handler, w http.ResponseWriter, r *http.Request) {
			if writeIs(r, http.MethodPatch, atGroups) && strings.Count(writeSent(r), `"op"`) > 10 {
				w.WriteHeader(http.StatusRequestEntityTooLarge)
				return
			}
			next.ServeHTTP(w, r)
		}, []string{"ipsie-22"}},
	})
}
