// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/server"
	"github.com/usher-id/usher/internal/store/sqlite/sqlitetest"
	"github.com/usher-id/usher/internal/testenv"
	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimtest"
)

// liveConfig is a configuration with one app; the lines of its mapping begin at line
// 20, column 7.
const liveConfig = `store: DIR/usher.db
sources:
  hr:
    type: csv
    path: DIR/hr.csv
    key: id
    columns: [id, first, dept]
    person: {userName: row.id, name.givenName: row.first, displayName: row.first, title: row.dept, enterprise.department: row.dept}
teams:
  department: {each: person.enterprise.department}
apps:
  app:
    profile: PROFILE
    url: URL
    token: TOKEN
    timeout: TIMEOUT
    allow: [loopback, plain-http]
    discovery_every: EVERY
    user:
`

// liveApp is where a configuration's one app is, and what is to be mapped for it.
type liveApp struct {
	url, token, profile, timeout string
	lines                        []string // of the mapping, and of what comes after it
	hr                           string   // rows of the HR file
	every                        string   // discovery_every
	dir                          string   // of configuration and store; "" for a new one
}

func (a liveApp) build(t *testing.T) *server.Built {
	t.Helper()
	dir := cmp.Or(a.dir, sqlitetest.Dir(t))
	with := map[string]string{"PROFILE": "generic-scim2", "TOKEN": "xyz", "TIMEOUT": "10s", "DIR": dir, "URL": a.url, "EVERY": "1d"}
	for name, v := range map[string]string{"PROFILE": a.profile, "TOKEN": a.token, "TIMEOUT": a.timeout, "EVERY": a.every} {
		if v != "" {
			with[name] = v
		}
	}
	text := liveConfig
	for name, v := range with {
		text = strings.ReplaceAll(text, name, v)
	}
	for _, l := range a.lines {
		text += "      " + l + "\n"
	}
	text += "server: {address: '127.0.0.1:0'}\ntelemetry: {metrics_address: '127.0.0.1:0'}\n"
	file := filepath.Join(dir, "usher.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	hr := filepath.Join(dir, "hr.csv")
	if err := os.WriteFile(hr, []byte("id,first,dept\n"+a.hr), 0o600); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-time.Hour) // it lies still
	if err := os.Chtimes(hr, old, old); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(t.Context(), file, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := server.Build(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// told are findings as lines "LINE:COLUMN level: text", without that all is well and,
// unless they are asked for, without notes.
func linesOf(found []server.Finding, notes bool) []string {
	out := []string{}
	for _, f := range found {
		if f.Level == server.FindingOK || f.Level == server.FindingNote && !notes {
			continue
		}
		out = append(out, fmt.Sprintf("%d:%d %s: %s", f.Pos.Line, f.Pos.Column, f.Level, f.Text))
	}
	return out
}

func sameLines(t *testing.T, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("found\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// teller is an app that tells of itself what it is told to, and has no accounts. As it
// stands it has RFC 7643's schemas of users and groups, and the Enterprise extension.
type teller struct {
	mu       sync.Mutex
	features string
	schemas  []json.RawMessage
	types    []scim.ResourceType
	over     map[string]http.HandlerFunc // by path, instead
	asked    []string
}

func newTeller() *teller {
	a := &teller{features: `{"patch": {"supported": true}, "filter": {"supported": true, "maxResults": 200}}`, over: map[string]http.HandlerFunc{}}
	for _, urn := range []string{scim.UserURN, scim.GroupURN, scim.EnterpriseUserURN} {
		s, _ := scim.CoreSchemas().Schema(urn)
		a.tell(s)
	}
	for _, typ := range scim.CoreResourceTypes() {
		if typ.Name == "User" {
			typ.SchemaExtensions = []scim.SchemaExtension{{Schema: scim.EnterpriseUserURN}}
		}
		a.types = append(a.types, typ)
	}
	return a
}

func (a *teller) tell(s scim.Schema) {
	text, err := s.MarshalJSON()
	if err != nil {
		panic(err)
	}
	a.schemas = append(a.schemas, text)
}

// edit replaces a text that stands once in what is told of an attribute.
func (a *teller) edit(t *testing.T, attribute, old, with string) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	mark := []byte(`{"name":"` + attribute + `"`)
	for i, s := range a.schemas {
		if bytes.Count(s, mark) != 1 {
			continue
		}
		at := bytes.Index(s, mark)
		if !bytes.Contains(s[at:], []byte(old)) {
			break
		}
		a.schemas[i] = slices.Concat(s[:at], bytes.Replace(s[at:], []byte(old), []byte(with), 1))
		return
	}
	t.Fatalf("%s of %s is not there once", old, attribute)
}

func (a *teller) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked = append(a.asked, r.Method+" "+r.URL.Path)
	if h := a.over[r.URL.Path]; h != nil {
		a.mu.Unlock()
		defer a.mu.Lock()
		h(w, r)
		return
	}
	if r.Header.Get("Authorization") != "Bearer xyz" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	w.Header().Set("Content-Type", "application/scim+json")
	var all any = []string{}
	n := 0
	switch r.URL.Path {
	case "/ServiceProviderConfig":
		_, _ = io.WriteString(w, a.features)
		return
	case "/Schemas":
		all, n = a.schemas, len(a.schemas)
	case "/ResourceTypes":
		all, n = a.types, len(a.types)
	case "/Users", "/Groups":
	default:
		w.WriteHeader(http.StatusNotFound)
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"schemas": []string{scim.ListResponseURN}, "totalResults": n, "Resources": all})
}

func (a *teller) start(t *testing.T) string {
	t.Helper()
	srv := httptest.NewServer(a)
	t.Cleanup(srv.Close)
	return srv.URL
}

// onlyReads checks that nothing was sent that writes.
func (a *teller) onlyReads(t *testing.T, atMost int) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, what := range a.asked {
		if !strings.HasPrefix(what, http.MethodGet+" ") {
			t.Errorf("%s was sent", what)
		}
	}
	if len(a.asked) > atMost {
		t.Errorf("%d requests: %v", len(a.asked), a.asked)
	}
}

// sound is a mapping that fits the teller.
func soundLines() []string {
	return []string{
		"userName: person.userName", "name.givenName: person.name.givenName", "displayName: person.displayName", "title: person.title",
		`emails[type eq "work"].value: person.userName`, "enterprise.department: person.enterprise.department",
	}
}

func TestASoundMappingFindsNothing(t *testing.T) {
	t.Parallel()
	a := newTeller()
	b := liveApp{url: a.start(t), lines: soundLines()}.build(t)
	found := b.CheckApps(t.Context(), "")
	sameLines(t, linesOf(found, true), []string{})
	if len(found) != 1 || found[0].Level != server.FindingOK || found[0].Subject != "app app" ||
		found[0].Text != "all that is sent (6 attributes) fits the app's schema and profile generic-scim2" {
		t.Errorf("%+v", found)
	}
	a.onlyReads(t, 4)
	if found := b.CheckApps(t.Context(), "other"); len(found) != 0 {
		t.Errorf("of no app %+v", found)
	}
}

// Each mistake is found where it stands, and nothing else is found.
func TestEachMistakeIsFound(t *testing.T) {
	t.Parallel()
	const app, added = "12:3", "26:7" // the app, and the line after the sound mapping
	for name, c := range map[string]struct {
		plant func(t *testing.T, a *teller)
		lines []string // after the sound mapping
		want  []string
	}{
		"missing required": {
			plant: func(t *testing.T, a *teller) { a.edit(t, "nickName", `"required":false`, `"required":true`) },
			want:  []string{app + " error: the app requires nickName, which no line of the mapping gives"},
		},
		"missing required, as what is mapped is always empty": {
			plant: func(t *testing.T, a *teller) { a.edit(t, "nickName", `"required":false`, `"required":true`) },
			lines: []string{`nickName: '""'`},
			want:  []string{app + " error: the app requires nickName, which no line of the mapping gives"},
		},
		"missing part that is required": {
			plant: func(t *testing.T, a *teller) { a.edit(t, "familyName", `"required":false`, `"required":true`) },
			want:  []string{"21:7 error: the app requires name.familyName, which no line of the mapping gives"},
		},
		"missing in an extension that is used": {
			plant: func(t *testing.T, a *teller) { a.edit(t, "costCenter", `"required":false`, `"required":true`) },
			want:  []string{app + " error: the app requires " + scim.EnterpriseUserURN + ":costCenter, which no line of the mapping gives"},
		},
		"unknown": {
			plant: func(t *testing.T, a *teller) { a.edit(t, "nickName", `"nickName"`, `"handle"`) },
			lines: []string{"nickName: person.displayName"},
			want:  []string{added + " error: nickName is not in the app's schema: it is refused, or ignored without a word"},
		},
		"unknown part": {
			plant: func(t *testing.T, a *teller) { a.edit(t, "middleName", `"middleName"`, `"secondName"`) },
			lines: []string{"name.middleName: person.displayName"},
			want:  []string{added + " error: name.middleName is not in the app's schema: its name has no middleName"},
		},
		"extension that is not offered": {
			plant: func(_ *testing.T, a *teller) {
				a.schemas = a.schemas[:2]
				for i := range a.types {
					a.types[i].SchemaExtensions = nil
				}
			},
			want: []string{"25:7 error: enterprise.department is in the extension " + scim.EnterpriseUserURN + ", which the app does not offer"},
		},
		"extension that its users do not have": {
			plant: func(_ *testing.T, a *teller) {
				for i := range a.types {
					a.types[i].SchemaExtensions = nil
				}
			},
			want: []string{"25:7 warning: enterprise.department is in the extension " + scim.EnterpriseUserURN + ", which the app knows, but does not name as one of its users"},
		},
		"wrong type": {
			plant: func(t *testing.T, a *teller) { a.edit(t, "nickName", `"type":"string"`, `"type":"boolean"`) },
			lines: []string{"nickName: person.displayName"},
			want:  []string{added + " error: nickName is true or false at the app, and text is sent"},
		},
		"a list where one value is wanted": {
			plant: func(t *testing.T, a *teller) { a.edit(t, "emails", `"multiValued":true`, `"multiValued":false`) },
			want:  []string{"24:7 error: emails[type eq \"work\"].value is an object at the app, and a list of an object is sent"},
		},
		"a constant that is no date": {
			plant: func(t *testing.T, a *teller) { a.edit(t, "nickName", `"type":"string"`, `"type":"dateTime"`) },
			lines: []string{`nickName: '"tomorrow"'`},
			want:  []string{"26:18 error: nickName is a date and time at the app, and this value is none"},
		},
		"not canonical": {
			plant: func(t *testing.T, a *teller) {
				a.edit(t, "nickName", `"required":false`, `"required":false,"canonicalValues":["Ada","Ben"]`)
			},
			lines: []string{`nickName: '"Cleo"'`},
			want:  []string{"26:18 warning: nickName is none of the values that the app lists, and may be refused"},
		},
		"not canonical, in a path": {
			lines: []string{`emails[type eq "office"].value: person.userName`},
			want:  []string{added + " warning: emails[type eq \"office\"].value: its type is none of the values that the app lists, and may be refused"},
		},
		"too long": {
			plant: func(t *testing.T, a *teller) {
				a.edit(t, "nickName", `"required":false`, `"required":false,"maxLength":5`)
			},
			lines: []string{`nickName: '"Mañana"'`},
			want:  []string{"26:18 error: nickName has 6 characters, and the app takes 5"},
		},
		"read-only": {
			plant: func(t *testing.T, a *teller) {
				a.edit(t, "title", `"mutability":"readWrite"`, `"mutability":"readOnly"`)
			},
			want: []string{"23:7 error: title is read-only at the app: what is sent is ignored, or refused"},
		},
		"nobody can be disabled": {
			plant: func(t *testing.T, a *teller) {
				a.edit(t, "active", `"mutability":"readWrite"`, `"mutability":"readOnly"`)
			},
			want: []string{app + " error: active is read-only at the app, so nobody who leaves can be disabled"},
		},
		"no PATCH": {
			plant: func(_ *testing.T, a *teller) { a.features = `{"patch": {"supported": false}}` },
			want:  []string{app + " warning: the app says that it takes no PATCH, by which changes are sent"},
		},
		"no filters": {
			plant: func(_ *testing.T, a *teller) { a.features = `{"filter": {"supported": "false"}}` },
			want:  []string{app + " warning: the app says that it has no filters, by which accounts are looked up"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newTeller()
			if c.plant != nil {
				c.plant(t, a)
			}
			b := liveApp{url: a.start(t), lines: append(soundLines(), c.lines...)}.build(t)
			sameLines(t, linesOf(b.CheckApps(t.Context(), ""), true), c.want)
			a.onlyReads(t, 4)
		})
	}
}

// What is sent of groups is compared with the app's schema of groups.
func TestMistakesOfGroupsAreFound(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		plant func(t *testing.T, a *teller)
		want  []string
	}{
		"sound": {want: []string{}},
		"none": {
			plant: func(_ *testing.T, a *teller) {
				a.types = slices.DeleteFunc(a.types, func(t scim.ResourceType) bool { return t.Name == "Group" })
				a.schemas = slices.Delete(a.schemas, 1, 2)
			},
			want: []string{"27:14 error: groups are configured, and the app has none: there is no Group in its /ResourceTypes"},
		},
		"no members": {
			plant: func(t *testing.T, a *teller) { a.edit(t, "members", `"members"`, `"people"`) },
			want:  []string{"27:14 error: groups are configured, and the app's schema of groups has no members"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newTeller()
			if c.plant != nil {
				c.plant(t, a)
			}
			b := liveApp{url: a.start(t), lines: append(soundLines(), "#\n    groups: {teams: [department]}")}
			sameLines(t, linesOf(b.build(t).CheckApps(t.Context(), ""), true), c.want)
		})
	}
}

// The mistakes that the profiles' own facts tell, at the simulators of their apps, and
// that a mapping without any is fine.
func TestMistakesAtSimulatedApps(t *testing.T) {
	t.Parallel()
	full := func(more ...string) []string {
		return append([]string{
			"userName: person.userName", "name.givenName: person.name.givenName", "name.familyName: person.name.givenName",
			"displayName: person.displayName", `emails[type eq "work"].value: person.userName`,
		}, more...)
	}
	bare := []string{"userName: person.userName"}
	for _, c := range []struct {
		app   string
		lines []string
		want  []string
	}{
		{"aws-iam-identity-center", full(), []string{}},
		{"aws-iam-identity-center", bare, []string{
			"12:3 error: AWS IAM Identity Center requires displayName, which no line of the mapping gives",
			"12:3 error: AWS IAM Identity Center requires name.givenName, which no line of the mapping gives",
			"12:3 error: AWS IAM Identity Center requires name.familyName, which no line of the mapping gives",
		}},
		{"slack", full(), []string{}},
		{"slack", []string{`nickName: '"x"'`}, []string{
			"12:3 error: the app requires userName, which no line of the mapping gives",
			"12:3 error: Slack requires emails, which no line of the mapping gives",
		}},
		{"slack", append([]string{`userName: '"a-name-of-more-than-20-characters"'`}, append(full()[1:3], `displayName: '"ada@home"'`, full()[4])...), []string{
			"20:18 error: userName has 33 characters of 20, which Slack does not take",
			"23:21 error: displayName holds '@', which Slack does not take",
		}},
		{"github-emu", full(), []string{}},
		{"github-emu", full()[:4], []string{"12:3 error: GitHub Enterprise Managed Users (also GHES SCIM) requires emails, which no line of the mapping gives"}},
		{"atlassian", full(), []string{}},
		{"atlassian", full()[:4], []string{"12:3 error: Atlassian (Jira, Confluence) user provisioning requires emails, which no line of the mapping gives"}},
		{"generic-scim2", full(), []string{}},
		{"generic-scim2", full("roles[type eq \"x\"].value: person.title"), []string{}},
		{"salesforce", full(), []string{"12:3 error: Salesforce requires entitlements, which no line of the mapping gives"}},
		{"zoom", full(), []string{}},
		{"gitlab-saas", full(), []string{}},
	} {
		t.Run(c.app, func(t *testing.T) {
			t.Parallel()
			q, ok := scimtest.QuirksOf(c.app)
			if !ok {
				t.Fatal("there is no such simulator")
			}
			sim, err := scimtest.New(scimtest.Config{Token: "xyz", Quirks: q})
			if err != nil {
				t.Fatal(err)
			}
			srv := httptest.NewServer(sim)
			defer srv.Close()
			b := liveApp{url: srv.URL + scimtest.Base, profile: c.app, lines: c.lines}.build(t)
			sameLines(t, linesOf(b.CheckApps(t.Context(), ""), false), c.want)
			if n := sim.Counts(); n.Writes() != 0 || n.Total() > 4 {
				t.Errorf("requests %v", n)
			}
		})
	}
}

// A server that we did not write: what it tells is read, and what does not fit found.
func TestMistakesAtScimmy(t *testing.T) {
	t.Parallel()
	s := testenv.Scimmy(t, testenv.ScimmyOptions{})
	at := func(lines ...string) []string {
		b := liveApp{url: s.BaseURL, token: s.Token, lines: lines}.build(t)
		return linesOf(b.CheckApps(t.Context(), ""), true)
	}
	sameLines(t, at(soundLines()...), []string{})
	sameLines(t, at("name.givenName: person.name.givenName", "usher.startDate: person.usher.startDate",
		`emails[type eq "office"].value: person.userName`, "enterprise.department: person.enterprise.department"), []string{
		"12:3 error: the app requires userName, which no line of the mapping gives",
		"21:7 error: usher.startDate is in the extension " + scim.UsherUserURN + ", which the app does not offer",
		"22:7 warning: emails[type eq \"office\"].value: its type is none of the values that the app lists, and may be refused",
	})
}

// What answers with something that is no discovery ends in one finding that says what
// is wrong, in bounded time.
func TestHostileDiscovery(t *testing.T) {
	t.Parallel()
	jsonType := func(w http.ResponseWriter) { w.Header().Set("Content-Type", "application/scim+json") }
	for name, c := range map[string]struct {
		slow bool             // what answers never does in time
		all  http.HandlerFunc // of every path
		some map[string]http.HandlerFunc
		want string
	}{
		"a web page": {
			all: func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/html")
				_, _ = io.WriteString(w, "<!doctype html><title>Sign in</title>")
			},
			want: "12:3 error: url is that of a web page, and not of a SCIM API: the answer is HTML",
		},
		"a redirect to somebody else": {
			all: func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "https://elsewhere.example/scim", http.StatusFound)
			},
			want: "12:3 error: url leads elsewhere: the app redirects (302), which is not followed, as the token would go along",
		},
		"huge": {
			all: func(w http.ResponseWriter, _ *http.Request) {
				jsonType(w)
				_, _ = io.WriteString(w, `{"patch":"`+strings.Repeat("x", 3<<20)+`"}`)
			},
			want: "12:3 error: what answers at url is no SCIM API: the answer is larger than allowed: more than 2097152 bytes",
		},
		"endless": {
			slow: true,
			all: func(w http.ResponseWriter, r *http.Request) {
				jsonType(w)
				_, _ = io.WriteString(w, `{"patch":[`)
				for r.Context().Err() == nil {
					_, _ = io.WriteString(w, "1,")
					w.(http.Flusher).Flush()
					time.Sleep(time.Millisecond) // slower than the size is reached
				}
			},
			want: "12:3 error: what answers at url is no SCIM that can be used: it does not come to an end in time",
		},
		"silent": {
			slow: true,
			all:  func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
			want: "12:3 error: the app does not answer in time",
		},
		"deep": {
			all: func(w http.ResponseWriter, _ *http.Request) {
				jsonType(w)
				_, _ = io.WriteString(w, strings.Repeat(`{"a":`, 10_000))
			},
			want: "12:3 error: what answers at url is no SCIM that can be used: scim: json /a/a/a/a/a/a/a/a/a/a/a/a at byte 60: more than 12 levels of nesting",
		},
		"another token": {
			all:  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) },
			want: "12:3 error: the token is wrong or has expired: the app does not accept it (401)",
		},
		"a token without rights": {
			some: map[string]http.HandlerFunc{"/Users": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }},
			want: "12:3 error: the token is known, and may not do this (403)",
		},
		"another path": {
			all:  http.NotFound,
			want: "12:3 error: url is wrong: no SCIM answers there (404): 404 page not found",
		},
		"it is down": {
			all:  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) },
			want: "12:3 error: the app cannot answer: status 502",
		},
		"schemas that make no sense": {
			some: map[string]http.HandlerFunc{"/Schemas": func(w http.ResponseWriter, _ *http.Request) {
				jsonType(w)
				_, _ = io.WriteString(w, `[1, 2]`)
			}},
			want: "12:3 warning: what the app answers at /Schemas cannot be used: scim: json at byte 0: an object is wanted, this is list",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newTeller()
			a.over = c.some
			if c.all != nil {
				a.over = map[string]http.HandlerFunc{}
				for _, path := range []string{"/ServiceProviderConfig", "/Schemas", "/ResourceTypes", "/Users"} {
					a.over[path] = c.all
				}
			}
			b := liveApp{url: a.start(t), lines: soundLines(), timeout: map[bool]string{true: "300ms"}[c.slow]}.build(t)
			start := time.Now()
			sameLines(t, linesOf(b.CheckApps(t.Context(), ""), true), []string{c.want})
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("it took %s", took)
			}
			a.onlyReads(t, 4)
		})
	}
}

// An app that tells nothing of itself is fine: it is said, and its profile is taken.
func TestAnAppWithoutDiscovery(t *testing.T) {
	t.Parallel()
	a := newTeller()
	for _, path := range []string{"/ServiceProviderConfig", "/Schemas", "/ResourceTypes"} {
		a.over[path] = http.NotFound
	}
	b := liveApp{url: a.start(t), profile: "slack", lines: []string{"userName: person.userName"}}.build(t)
	sameLines(t, linesOf(b.CheckApps(t.Context(), ""), true), []string{
		"12:3 error: Slack requires emails, which no line of the mapping gives",
		"12:3 note: the app does not have, or show to this token, /ServiceProviderConfig, /Schemas, /ResourceTypes; what profile slack knows is taken instead",
	})
}

// A list of schemas that was cut proves nothing about what is not in it.
func TestSchemasThatWereCut(t *testing.T) {
	t.Parallel()
	a := newTeller()
	a.over["/Schemas"] = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"totalResults": 3, "Resources": a.schemas[:1]})
	}
	a.types[0].SchemaExtensions, a.types = nil, a.types[:0]
	b := liveApp{url: a.start(t), lines: soundLines()}.build(t)
	sameLines(t, linesOf(b.CheckApps(t.Context(), ""), true), []string{
		"12:3 note: the app tells /Schemas in part only; what is not in it may still be there",
		"12:3 note: the app does not have, or show to this token, /ResourceTypes; what profile generic-scim2 knows is taken instead",
	})
}

// Values are compared person by person, with what the directory has of them.
func TestValuesOfPeople(t *testing.T) {
	t.Parallel()
	a := newTeller()
	a.edit(t, "title", `"required":false`, `"required":true,"maxLength":8,"canonicalValues":["Sales","Legal"]`)
	a.edit(t, "displayName", `"type":"string"`, `"type":"dateTime"`)
	b := liveApp{
		url: a.start(t), lines: append(soundLines(), `nickName: '"x"'`),
		hr: "1,2026-01-01T00:00:00Z,Sales\n2,Ben,\n3,2026-01-01T00:00:00Z,Engineering\n4,Dora,Legal\n",
	}.build(t)
	u, err := b.Open(t.Context(), "test")
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	if _, err := u.Apply(t.Context(), server.Options{Actor: "test"}); err != nil { // first_run: report
		t.Fatal(err)
	}
	a.asked = nil
	for person, want := range map[string][]string{
		"1": {},
		"2": {
			"22:7 error: 2: displayName is a date and time at the app, and this value is none",
			"23:7 error: 2: the app requires title, and there is no value",
		},
		"3": {
			"23:7 error: 3: title has 11 characters, and the app takes 8",
			"23:7 warning: 3: title is none of the values that the app lists, and may be refused",
		},
		"": {
			"22:7 error: 4, 2: displayName is a date and time at the app, and this value is none",
			"23:7 error: 2: the app requires title, and there is no value",
			"23:7 error: 3: title has 11 characters, and the app takes 8",
			"23:7 warning: 3: title is none of the values that the app lists, and may be refused",
		},
	} {
		found, err := u.CheckPeople(t.Context(), "", person)
		if err != nil {
			t.Fatal(err)
		}
		got := linesOf(found, true)
		slices.Sort(got) // the store's order is that of ids, which are digests
		sameLines(t, got, want)
	}
	a.onlyReads(t, 16)
	if _, err := u.CheckPeople(t.Context(), "", "nobody"); err == nil || !strings.Contains(err.Error(), `nobody is known as "nobody"`) {
		t.Errorf("of nobody %v", err)
	}
}
