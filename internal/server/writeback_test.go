// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"cmp"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/secret"
	"github.com/usher-id/usher/internal/server"
	"github.com/usher-id/usher/internal/source/httpintest"
	"github.com/usher-id/usher/internal/store/sqlite/sqlitetest"
)

// backOffice is a company whose HR system is told the user name and the work e-mail that
// its people get, and tells the e-mail again in its list. Some people are of a file.
const backOffice = `store: DIR/usher.db
calendar: {now: NOW, time_zone: UTC}
sources:
  hr:
    type: http
    url: URL
    auth: {bearer: "hr-token"}
    allow: [loopback, plain-http]
    list: data.people
    key: id
    columns: {id: id, first: name.first, mail: work.email, start: start, end: end}
    optional: [mail, end]
    person:
      name.givenName: row.first
      displayName: row.first
      userName: {value: 'slug(row.first) + "@acme.example"', unique: organisation}
      emails[type eq "work"].value: row.mail
      usher.startDate: date(row.start, ["yyyy-MM-dd"])
      usher.endDate: endOfDay(date(row.end, ["yyyy-MM-dd"]))
  partners:
    type: csv
    path: DIR/partners.csv
    key: no
    columns: [no, name]
    person:
      userName: {value: 'slug(row.name) + "@partners.example"', unique: organisation}
      displayName: row.name
apps:
  hr-names:
    type: http
    source: hr
    auth: {bearer: "hr-token"}
    allow: [loopback, plain-http]
    first_run: go
    read:
      url: URL/{id}
      at: data
      key: id
      attributes:
        userName: account.login
        emails[type eq "work"].value: work.email
        displayName: called
    write:
      method: PATCH
      url: URL/{id}
      body:
        account: {login: "{userName}", by: usher}
        work: {email: '{emails[type eq "work"].value}'}
        called: "{displayName}"
    user:
      userName: person.userName
      emails[type eq "work"].value: person.userName
      displayName: person.displayName
`

// house runs a back office.
type house struct {
	*testing.T

	hr     *httpintest.Server
	dir    string
	conf   string
	today  string
	wait   time.Duration
	verify bool
	person string // who is asked for, "" for everybody
	status *server.Status
}

func newHouse(t *testing.T, names ...string) *house {
	t.Helper()
	h := &house{T: t, hr: httpintest.New(t), dir: sqlitetest.Dir(t), today: "2026-03-01"}
	h.hr.Token = "hr-token"
	var people []httpintest.Person
	for i, name := range names {
		people = append(people, httpintest.Person{"id": i + 1, "name": map[string]any{"first": name}, "start": "2020-01-01", "salary": 1000 * (i + 1)})
	}
	h.hr.Set(people)
	h.conf = strings.NewReplacer("DIR", h.dir, "URL", h.hr.URL).Replace(backOffice)
	file := filepath.Join(h.dir, "partners.csv")
	aged := time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	if err := os.WriteFile(file, []byte("no,name\nP1,Pat\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(file, aged, aged); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *house) edit(old, with string) {
	h.Helper()
	if strings.Count(h.conf, old) != 1 {
		h.Fatalf("%q is not there once", old)
	}
	h.conf = strings.Replace(h.conf, old, with, 1)
}

func (h *house) open() *server.Usher {
	h.Helper()
	cfg, err := config.Parse("usher.yaml", []byte(strings.Replace(h.conf, "NOW", h.today, 1)), func(string) (string, bool) { return "", false })
	if err != nil {
		h.Fatal(err)
	}
	built, err := server.Build(cfg)
	if err != nil {
		h.Fatal(err)
	}
	u, err := built.Open(h.Context(), "test")
	if err != nil {
		h.Fatal(err)
	}
	return u
}

// cycle runs one cycle.
func (h *house) cycle() *server.Document {
	h.Helper()
	h.hr.Counts()
	u := h.open()
	defer u.Close()
	if err := u.Unseal(h.Context()); err != nil {
		h.Fatal(err)
	}
	doc, err := u.Apply(h.Context(), server.Options{Wait: cmp.Or(h.wait, 20*time.Second), Actor: "test", Verify: h.verify, Person: h.person})
	if err != nil {
		h.Fatal(err)
	}
	if h.status, err = u.Status(h.Context()); err != nil {
		h.Fatal(err)
	}
	return doc
}

// quiet holds that another cycle asks the records for nothing, and changes none.
func (h *house) quiet() {
	h.Helper()
	h.hr.Writes()
	h.cycle()
	if n := h.hr.Counts(); n.Ones != 0 || n.Lists == 0 {
		h.Errorf("not quiet: %+v", n)
	}
	if w := h.hr.Writes(); len(w) != 0 {
		h.Errorf("not quiet: %+v", w)
	}
}

func (h *house) parked() (said string) {
	for _, a := range h.status.Apps {
		for _, p := range a.Reasons {
			said += p.Reason + "\n"
		}
	}
	return said
}

// kept is what a record has of what was written: login, e-mail, and by whom.
func (h *house) kept(id string) string {
	p := h.hr.Record(id)
	account, _ := p["account"].(map[string]any)
	work, _ := p["work"].(map[string]any)
	return fmt.Sprint(account["login"], " ", work["email"], " ", account["by"], " ", p["salary"])
}

func (h *house) writes() (said string) {
	for _, w := range h.hr.Writes() {
		said += w.Method + " " + w.ID + " " + w.Body + "\n"
	}
	return said
}

// TestWriteBackStory: whoever is hired gets a name, which the HR system is told and tells
// again, and nothing goes round in circles. What changes is sent alone; what a colleague
// changes there is found and mended; and the record of whoever leaves is left as it is.
func TestWriteBackStory(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "Ada", "Bo", "Ada")
	rep := h.cycle().Apps["hr-names"]
	if rep.Update != 3 || rep.Create+rep.Disable+rep.Delete+rep.Parked+rep.Foreign != 0 {
		t.Fatalf("%+v %s", rep, h.parked())
	}
	if got := h.writes(); strings.Count(got, "\n") != 3 ||
		!strings.Contains(got, `PATCH 2 {"account":{"login":"bo@acme.example","by":"usher"},"work":{"email":"bo@acme.example"},"called":"Bo"}`) {
		t.Error(got)
	}
	one, three := h.kept("1"), h.kept("3") // namesakes, of whom one has a number
	if one+three != "ada@acme.example ada@acme.example usher 1000ada2@acme.example ada2@acme.example usher 3000" &&
		one+three != "ada2@acme.example ada2@acme.example usher 1000ada@acme.example ada@acme.example usher 3000" {
		t.Error(one, three)
	}
	h.quiet() // the list tells the e-mail by now
	h.quiet()

	// One is called otherwise. The user name stays, and what differs goes alone.
	h.hr.Edit("2", `{"name":{"first":"Bob"}}`)
	if rep := h.cycle().Apps["hr-names"]; rep.Update != 1 {
		t.Errorf("%+v", rep)
	}
	if got := h.writes(); got != `PATCH 2 {"called":"Bob"}`+"\n" {
		t.Error(got)
	}
	h.quiet()

	// A colleague writes something else over it, by hand: drift, as in any app.
	h.hr.Edit("2", `{"account":{"login":"bobby"},"work":{"email":"bobby@home.example"},"salary":5}`)
	h.verify = true
	if rep := h.cycle().Apps["hr-names"]; rep.Drifted != 1 || rep.Update != 1 {
		t.Errorf("%+v", rep)
	}
	h.verify = false
	if got := h.kept("2"); got != "bo@acme.example bo@acme.example usher 5" {
		t.Error(got)
	}
	h.quiet()

	// One leaves: nothing is asked or sent, and no account is left behind in our own books.
	h.hr.Edit("2", `{"end":"2026-03-02"}`)
	h.today = "2026-03-05"
	rep = h.cycle().Apps["hr-names"]
	if n := h.hr.Counts(); rep.Update+rep.Disable+rep.Delete+rep.Parked+rep.Held != 0 || n.Ones != 0 || h.writes() != "" {
		t.Errorf("%+v %+v", rep, n)
	}
	if a := h.status.Apps[0]; a.Live != 2 || a.Disabled != 0 || h.status.People.Leaver != 1 {
		t.Errorf("%+v %+v", a, h.status.People)
	}
	if got := h.kept("2"); got != "bo@acme.example bo@acme.example usher 5" {
		t.Error(got)
	}
	h.quiet()

	// And comes back, to what the record has meanwhile.
	h.hr.Edit("2", `{"end":null,"account":{"login":"gone"}}`)
	if rep := h.cycle().Apps["hr-names"]; rep.Update != 1 || rep.Parked != 0 {
		t.Errorf("%+v %s", rep, h.parked())
	}
	if got := h.writes(); got != `PATCH 2 {"account":{"login":"bo@acme.example","by":"usher"}}`+"\n" {
		t.Error(got)
	}
	h.quiet()
}

// refuse answers requests of a method about one person with a status.
func (h *house) refuse(id, method string, status int, header, body string) {
	h.hr.Lock()
	defer h.hr.Unlock()
	h.hr.OneFault = func(w http.ResponseWriter, r *http.Request, asked string) bool {
		if asked != id || r.Method != method {
			return false
		}
		if name, value, ok := strings.Cut(header, ": "); ok {
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
		return true
	}
}

func (h *house) relent() {
	h.hr.Lock()
	defer h.hr.Unlock()
	h.hr.OneFault = nil
}

// TestWriteBackIsRefused: what a system says to one person's write is that person's, with
// the reason, and the others are done; what it says of itself, or of us, holds everybody.
func TestWriteBackIsRefused(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		method         string
		status         int
		header, body   string
		parked, paused string
		waiting        int
		others         bool // are done
	}{
		"gone": {
			http.MethodGet, 404, "", `{"error":"nobody"}`,
			"source hr knows this person as 2, and has no such record where read looks for it (status 404): it is not made here", "", 0, true,
		},
		"gone for good":      {http.MethodGet, 410, "", "", "has no such record", "", 0, true},
		"there, and denied":  {http.MethodPatch, 404, "", `{"error":"nobody"}`, "the record is there, and write.url answers 404", "", 0, true},
		"a proxy's no":       {http.MethodGet, 404, "", "<html>not here</html>", "", "", 1, true},
		"a conflict":         {http.MethodPatch, 409, "", `{"message":"that login is taken"}`, "status 409: that login is taken", "", 0, true},
		"a rule":             {http.MethodPatch, 422, "", `{"errors":[{"detail":"no such domain"}]}`, "status 422: no such domain", "", 0, true},
		"may not be read":    {http.MethodGet, 403, "", `{"title":"protected"}`, "it cannot be looked up: app: terminal: status 403: protected", "", 0, true},
		"not this one":       {http.MethodPatch, 403, "", `{"title":"protected"}`, "status 403: protected", "", 0, true},
		"a void credential":  {http.MethodPatch, 401, "", `{"error":"who are you"}`, "", "status 401: who are you", 0, false},
		"too many":           {http.MethodPatch, 429, "Retry-After: 3600", "", "", "", 1, false},
		"maintenance":        {http.MethodPatch, 503, "Retry-After: 3600", "<html>soon</html>", "", "", 1, false},
		"another place":      {http.MethodGet, 302, "Location: https://elsewhere.example/", "", "", "", 1, true},
		"no record":          {http.MethodGet, 200, "", `{"person":{"id":2}}`, `holds no record where at of read looks for it; it has "person"`, "", 0, true},
		"another one's":      {http.MethodGet, 200, "", `{"data":{"id":1,"called":"Ada"}}`, "is not about the record that was asked for", "", 0, true},
		"no plain value":     {http.MethodGet, 200, "", `{"data":{"id":2,"called":["Bo"]}}`, "has at called what cannot be displayName", "", 0, true},
		"no JSON":            {http.MethodGet, 200, "", `{"data":`, "", "", 1, true},
		"a sign-in page":     {http.MethodGet, 200, "Content-Type: text/html", "<html>", "", "", 1, true},
		"a key of two names": {http.MethodGet, 200, "", `{"data":{"called":"Bo","called":"Bob"}}`, "", "", 1, true},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, "Ada", "Bo", "Cai")
			h.edit("    first_run: go\n", "    first_run: go\n    concurrency: 1\n")
			h.wait = time.Millisecond // in which nothing is tried again
			h.refuse("2", c.method, c.status, c.header, c.body)
			rep := h.cycle().Apps["hr-names"]
			parked := h.parked()
			if !strings.Contains(parked, c.parked) || (parked == "") != (c.parked == "") || !strings.Contains(rep.Paused, c.paused) || (rep.Paused == "") != (c.paused == "") {
				t.Errorf("parked %q, paused %q", parked, rep.Paused)
			}
			if c.waiting > 0 && rep.Waiting < c.waiting || c.others && rep.Update != 2 || rep.Create != 0 {
				t.Errorf("%+v", rep)
			}
			if strings.Contains(parked+rep.Paused, "hr-token") {
				t.Error("the token is shown")
			}
			if c.header == "Retry-After: 3600" { // nobody is asked for meanwhile
				h.hr.Writes()
				if h.cycle(); h.writes() != "" || h.hr.Counts().Ones != 0 {
					t.Error("it was not waited")
				}
				return
			}
			if c.parked != "" { // is not asked for again by itself
				h.quiet()
			}
			h.relent()
			h.person = "2" // somebody has looked
			if c.paused != "" || c.waiting > 0 {
				h.person, h.wait = "", 0
			}
			h.cycle()
			if got := h.kept("2"); got != "bo@acme.example bo@acme.example usher 2000" {
				t.Errorf("%s: %s", got, h.parked())
			}
			h.person = ""
			h.quiet()
		})
	}
}

// TestWriteBackWithoutEffect: a system that answers with success and changes nothing is
// found by reading back, and not asked the same for ever.
func TestWriteBackWithoutEffect(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "Ada", "Bo")
	h.hr.Ignores = true
	rep := h.cycle().Apps["hr-names"]
	if rep.Update != 2 || strings.Join(rep.NotKept, " ") != `displayName emails[type eq "work"].value userName` {
		t.Errorf("%+v", rep)
	}
	h.quiet()
	h.verify = true // which looks at everybody
	h.hr.Writes()
	if h.cycle(); h.writes() != "" {
		t.Error("it is written again and again")
	}
}

// TestWriteBackOfOthers: whoever is of another source is out of it, with words, and so is
// whoever is outside the scope; a first run is told, and waits for consent.
func TestWriteBackOfOthers(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "Ada", "Bo")
	h.edit("    first_run: go\n", `    scope: person.displayName != "Bo"`+"\n")
	doc := h.cycle()
	if rep := doc.Apps["hr-names"]; rep.Held != 1 || rep.Update != 0 || len(doc.Holds) != 1 || h.writes() != "" {
		t.Fatalf("%+v %+v", rep, doc.Holds)
	}
	u := h.open()
	defer u.Close()
	for person, want := range map[string]string{
		"pat@partners.example": "no account: not of source hr: there is no record to write to",
		"bo@acme.example":      "no account: outside the app's scope",
		"ada@acme.example":     "due",
	} {
		w, err := u.Why(t.Context(), server.Question{Person: person, App: "hr-names"})
		if err != nil || len(w.Apps) != 1 || !strings.HasPrefix(w.Apps[0].Standing, want) {
			t.Errorf("%s: %+v, %v", person, w, err)
		}
	}
	if _, err := u.Apply(t.Context(), server.Options{Actor: "test", Release: doc.Holds[0].ID}); err != nil {
		t.Fatal(err)
	}
	if got := h.writes(); !strings.HasPrefix(got, "PATCH 1 ") || strings.Count(got, "\n") != 1 {
		t.Error(got)
	}
}

// TestWriteBackLosesAnswers: a write whose answer is lost is looked up, and not sent again
// where it happened.
func TestWriteBackLosesAnswers(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "Ada", "Bo")
	h.hr.Drops = 2
	if rep := h.cycle().Apps["hr-names"]; rep.Update != 2 || rep.Waiting+rep.Parked != 0 {
		t.Errorf("%+v %s", rep, h.parked())
	}
	if got := h.writes(); strings.Count(got, "\n") != 2 {
		t.Error(got)
	}
	h.quiet()
}

// TestWriteBackSealed: a sealed credential that is exchanged counts at once, and what was
// sealed stands in no file.
func TestWriteBackSealed(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "Ada")
	ring := filepath.Join(h.dir, "usher.key")
	if _, err := secret.CreateRing(ring, time.Now()); err != nil {
		t.Fatal(err)
	}
	h.conf += "secrets: {key: " + ring + "}\n"
	h.conf = strings.Replace(h.conf, "    auth: {bearer: \"hr-token\"}\n    allow: [loopback, plain-http]\n    first_run", "    auth: {bearer: secret:hr-write}\n    allow: [loopback, plain-http]\n    first_run", 1)
	seal := func(value string, rotate bool) {
		t.Helper()
		u := h.open()
		defer u.Close()
		sealed, err := u.SealSecret(t.Context(), "hr-write", strings.TrimSuffix(h.hr.URL, "/people"), []byte(value), rotate)
		if err == nil {
			err = u.PutSecret(t.Context(), sealed, rotate, "test")
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	seal("a-void-token", false)
	if rep := h.cycle().Apps["hr-names"]; rep.Paused == "" || strings.Contains(rep.Paused, "void-token") {
		t.Errorf("%+v", rep)
	}
	seal("hr-token", true)
	if rep := h.cycle().Apps["hr-names"]; rep.Paused != "" || rep.Update != 1 {
		t.Errorf("%+v", rep)
	}
	h.quiet()
}

// TestWriteBackMistakes: what is wrong is said with its place, all at once, and what to do.
func TestWriteBackMistakes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ old, with, says string }{
		{"    source: hr\n", "    source: hrr\n", "31:13: there is no source \"hrr\" (did you mean hr?)"},
		{"        displayName: called\n", "", "52:7: attributes of read of app hr-names has no displayName (say where in a record it is"},
		{"        displayName: called\n", "        displayName: called[\n", "42:22: the path of displayName is no path: brackets hold"},
		{"        displayName: called\n", "        displayName: called\n        title: job\n", "43:9: user of app hr-names maps no title (map it, or take it out here"},
		{`        called: "{displayName}"` + "\n", "", "52:7: body of write of app hr-names has no {displayName} (say where in the request it goes)"},
		{`        called: "{displayName}"`, `        called: "{dispalyName}"`, "49:18: user of app hr-names maps no dispalyName"},
		{`        called: "{displayName}"`, `        called: "I am {displayName}"`, "49:18: a text with braces in it is neither a value nor a constant"},
		{`        called: "{displayName}"`, `        called: `, `49:9: "called" in body of write of app hr-names has no value`},
		{"      displayName: person.displayName\n", "      displayName: person.displayName\n      name: person.name\n", "name is no single plain value"},
		{"      url: URL/{id}\n      at: data", "      url: URL\n      at: data", "36:12: read of app hr-names: the url must hold {id}, once"},
		{"      url: URL/{id}\n      at: data", "      url: URL/x{id}\n      at: data", "36:12: read of app hr-names: in a path {id} must be a segment of its own"},
		{"      url: URL/{id}\n      at: data\n      key: id\n", "      url: URL?id={id}\n      at: data\n", "36:12: read of app hr-names: key must say where in a record its key is"},
		{"      at: data\n      key: id\n", "      at: data[0]\n", "36:12: read of app hr-names: key must say where in a record its key is"},
		{"      at: data\n      key: id\n", "      at: /data/0\n", "36:12: read of app hr-names: key must say where in a record its key is"},
		{"      url: URL/{id}\n      body", "      url: https://elsewhere.example/{id}\n      body", "45:12: write of app hr-names: the url must have the scheme, host and port of that of read: credentials go nowhere else"},
		{"      url: URL/{id}\n      body", "      url: URL\n      body", "45:12: write of app hr-names: neither the url nor the body holds {id}"},
		{"      method: PATCH\n", "      method: DELETE\n", `44:15: method of write of app hr-names cannot be "DELETE"`},
		{"    first_run: go\n", "    first_run: go\n    delete_after: 30d\n", "35:5: delete_after of app hr-names is for apps with accounts of their own (the record of whoever leaves is left as it is: remove it)"},
		{"    first_run: go\n", "    first_run: go\n    profile: x\n", "profile of app hr-names is for type: scim"},
		{"      at: data\n", "      at: data\n      keys: id\n", `unknown key "keys" in read of app hr-names (did you mean key?)`},
	} {
		h := newHouse(t)
		h.conf = strings.Replace(strings.Replace(backOffice, "DIR", h.dir, -1), "NOW", h.today, 1)
		h.edit(c.old, c.with)
		h.conf = strings.ReplaceAll(h.conf, "URL", h.hr.URL)
		cfg, err := config.Parse("usher.yaml", []byte(h.conf), func(string) (string, bool) { return "", false })
		if err == nil {
			_, err = server.Build(cfg)
		}
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s\n  %v\n  want %s", c.with, err, c.says)
		}
	}
}
