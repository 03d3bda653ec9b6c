// SPDX-License-Identifier: Apache-2.0

package acceptance_test

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/usher-id/usher/internal/auth0/auth0test"
	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimtest"
)

// rivalReplays: what an app refuses is on a list with the reason, and is tried again
// when somebody asks for it; what Auth0 could not deliver while nobody listened is asked
// for again without anybody.
func rivalReplays(t *testing.T) {
	r := newRival(t, nil, rivalApp{name: "wiki"})
	ada := r.put("ada", "R&D")
	r.put("bea", "R&D")
	r.apps["wiki"].SetFaults(scimtest.Rules(scimtest.Rule{Method: http.MethodPost, Identity: "ada@acme.example", Fault: scimtest.Fault{Kind: scimtest.BadRequest}}))
	r.apply(4)
	r.sees("wiki", "bea")
	var parked []struct{ App, Who, Reason string }
	r.asks(&parked, 0, "people", "--parked")
	if len(parked) != 1 || parked[0].App != "wiki" || parked[0].Who != "ada@acme.example" || !strings.Contains(parked[0].Reason, "400") {
		t.Errorf("parked: %v", parked)
	}
	r.apps["wiki"].SetFaults(nil)
	r.apps["wiki"].ResetCounts()
	r.apply(4) // by itself it is not sent once an hour for ever
	r.sent("wiki", scimtest.Counts{})
	r.apply(0, "--person", "ada@acme.example")
	r.sees("wiki", "ada", "bea")

	l, err := net.Listen("tcp", "127.0.0.1:0")
	r.must(err)
	at := l.Addr().String()
	r.must(l.Close())
	stream, err := r.tenant.AddStream(auth0test.Stream{URL: "http://" + at + "/hooks/auth0", Bearer: "the-secret-of-the-webhook"})
	r.must(err)
	r.alter(ada, called("Ada King"))
	r.until("all four attempts have failed", func() bool { s, _ := r.tenant.StreamStatus(stream); return s.Failed == 1 })
	r.edit("address: '127.0.0.1:0'", "address: '"+at+"'")
	r.edit("changes: none", "changes: webhook\n    webhook: {secrets: [the-secret-of-the-webhook], stream: "+stream+"}")
	r.serve()
	r.until("it is delivered again", func() bool {
		s, _ := r.tenant.StreamStatus(stream)
		return s.Failed == 0 && s.Sent == 1 && r.account("wiki", "ada@acme.example").DisplayName() == "Ada King"
	})
}

// rivalTests: an event that says that it is a test is taken, and nothing follows from it.
func rivalTests(t *testing.T) {
	r := newRival(t, nil, rivalApp{name: "wiki"})
	ada := r.put("ada", "R&D")
	r.edit("changes: none", "changes: webhook\n    webhook: {secrets: [the-secret-of-the-webhook]}")
	at := r.serve()
	r.until("ada is there", func() bool { return len(r.live("wiki")) == 1 })
	stream, err := r.tenant.AddStream(auth0test.Stream{URL: "http://" + at + "/hooks/auth0", Bearer: "the-secret-of-the-webhook"})
	r.must(err)
	r.tenant.ResetCounts()
	sent := 0
	for _, object := range []string{`{"user_id":"auth0|nobody","email":"mallory@acme.example"}`, fmt.Sprintf(`{"user_id":%q,"email":"ada@acme.example","name":"Not Ada"}`, ada)} {
		for _, kind := range []string{"user.created", "user.updated", "user.deleted"} {
			r.api(http.StatusAccepted, http.MethodPost, "/event-streams/"+stream+"/test", fmt.Sprintf(`{"event_type":%q,"data":{"object":%s}}`, kind, object))
			sent++
		}
	}
	r.until("all are delivered", func() bool { s, _ := r.tenant.StreamStatus(stream); return s.Sent == sent })
	bea := r.put("bea", "R&D") // behind them
	r.until("bea is there", func() bool { return len(r.live("wiki")) == 2 })
	r.sees("wiki", "ada", "bea")
	if n := r.tenant.Counts()["GET /users/:id"]; n != 1 { // bea
		t.Errorf("%d users were read for %s", n, bea)
	}
	if u := r.account("wiki", "ada@acme.example"); u.DisplayName() != "Ada Doe" {
		t.Errorf("%s", u)
	}
}

// rivalManyApps: the tenant is read once, however many apps there are.
func rivalManyApps(t *testing.T) {
	var apps []rivalApp
	for i := range 9 { // one more than Auth0 has streams at most
		apps = append(apps, rivalApp{name: fmt.Sprint("app", i+1)})
	}
	one, nine := newRival(t, nil, apps[0]), newRival(t, nil, apps...)
	for _, r := range []*rival{one, nine} {
		r.put("ada", "R&D")
		r.put("bea", "R&D")
		r.apply(0)
		for name := range r.apps {
			r.sees(name, "ada", "bea")
		}
	}
	if a, b := one.tenant.Counts(), nine.tenant.Counts(); fmt.Sprint(a) != fmt.Sprint(b) {
		t.Errorf("the tenant was asked %v for one app, and %v for nine", a, b)
	}
}

// rivalGroups: roles, organizations and groups of the tenant are groups of the app.
func rivalGroups(t *testing.T) {
	r := newRival(t, nil, rivalApp{name: "wiki"})
	ada, bea := r.put("ada", "R&D"), r.put("bea", "R&D")
	_, err := r.tenant.PutRole("Editors", ada, bea)
	r.must(err)
	_, err = r.tenant.PutOrganization("acme-north", "Acme North", bea)
	r.must(err)
	_, err = r.tenant.PutGroup(auth0test.Group{Name: "Physics", ConnectionID: r.tenant.Connections()[0].ID, Members: []string{ada}})
	r.must(err)
	r.edit("changes: none", "changes: none\n    teams: [roles, organizations, groups]")
	r.conf += "    groups: {teams: [auth0.roles, auth0.organizations, auth0.groups]}\n"
	r.apply(0)
	seats := func() string {
		names := map[string]string{}
		for _, u := range r.apps["wiki"].Users() {
			names[u.ID()] = strings.TrimSuffix(u.UserName(), "@acme.example")
		}
		var out []string
		for _, g := range r.apps["wiki"].Groups() {
			in := []string{}
			for _, m := range g.Members() {
				in = append(in, names[m])
			}
			slices.Sort(in)
			out = append(out, g.DisplayName()+fmt.Sprint(in))
		}
		slices.Sort(out)
		return strings.Join(out, " ")
	}
	if got := seats(); got != "Acme North[bea] Editors[ada bea] Physics[ada]" {
		t.Errorf("%s", got)
	}
	r.must(r.tenant.TakeRole("Editors", bea)) // of which no event tells
	r.apps["wiki"].ResetCounts()
	r.apply(0)
	r.sent("wiki", scimtest.Counts{"PATCH /Groups/:id": 1})
	r.edit("changes: none", "changes: stream")
	r.serve()
	r.until("it listens", func() bool { return r.tenant.OpenStreams() == 1 })
	_, err = r.tenant.PutOrganization("acme-north", "Acme North", ada)
	r.must(err)
	r.until("an organization's new member is there", func() bool {
		return seats() == "Acme North[ada bea] Editors[ada] Physics[ada]"
	})
}

// rivalOrder: an update that comes late overwrites nothing, and a creation that comes
// again behind the deletion brings nobody back.
func rivalOrder(t *testing.T) {
	r := newRival(t, nil, rivalApp{name: "wiki"})
	ada := r.put("ada", "R&D")
	r.put("bea", "R&D")
	r.edit("changes: none", "changes: stream")
	r.serve()
	r.until("both are there", func() bool { return len(r.live("wiki")) == 2 && r.tenant.OpenStreams() == 1 })
	r.tenant.Play(
		auth0test.Mischief{Type: "user.updated", Subject: ada, Times: 1, Trick: auth0test.Late, By: 1_000},
		auth0test.Mischief{Type: "user.created", Subject: "auth0|cleo", Times: 1, Trick: auth0test.Again, By: 1_000},
	)
	r.alter(ada, called("Ada the First"))
	r.alter(ada, called("Ada the Second"))
	cleo := member("cleo", "R&D")
	cleo.ID = "auth0|cleo"
	_, err := r.tenant.Put(cleo)
	r.must(err)
	r.until("what is told first has come", func() bool {
		return len(r.live("wiki")) == 3 && r.account("wiki", "ada@acme.example").DisplayName() == "Ada the Second"
	})
	r.must(r.tenant.Remove("auth0|cleo"))
	r.until("cleo is out", func() bool { return len(r.live("wiki")) == 2 })
	r.apps["wiki"].ResetCounts()
	r.tenant.Flush() // now comes what is late
	r.put("dan", "R&D")
	r.until("what came behind it is done", func() bool { return len(r.live("wiki")) == 3 })
	r.sees("wiki", "ada", "bea", "dan")
	if n := r.apps["wiki"].Counts(); n.Writes() != 1 || n["POST /Users"] != 1 { // dan; cleo may be read back meanwhile
		t.Errorf("%v", n)
	}
	if u := r.account("wiki", "ada@acme.example"); u.DisplayName() != "Ada the Second" {
		t.Errorf("%s", u)
	}
	if active, _ := r.account("wiki", "cleo@acme.example").Active(); active {
		t.Error("cleo is back")
	}
}

// rivalDrift: what others have changed at an app is found, told and mended when it is
// looked for; what is theirs is left, and so is whom they have disabled, until somebody
// asks for them by name. And of anybody it is known where their account is,
// what it holds, and where that comes from.
func rivalDrift(t *testing.T) {
	r := newRival(t, nil, rivalApp{name: "wiki"})
	for _, name := range []string{"ada", "bea", "cleo", "dan"} {
		r.put(name, "R&D")
	}
	r.apply(0)
	dan, _ := r.tenant.UserByEmail("dan@acme.example")
	r.must(r.tenant.Block(dan.ID))
	r.apply(0)
	wiki := r.apps["wiki"]
	at := func(name string) string { return r.account("wiki", name+"@acme.example").ID() }
	r.must(wiki.Alter("User", at("ada"), func(u *scim.Resource) {
		u.Set("displayName", scim.String("Mallory"))
		u.Set("locale", scim.String("en-GB"))
	}))
	r.must(wiki.Alter("User", at("bea"), func(u *scim.Resource) { u.SetActive(false) }))
	r.must(wiki.Remove("User", at("cleo")))
	r.must(wiki.Alter("User", at("dan"), func(u *scim.Resource) { u.SetActive(true) }))
	var rep struct {
		Apps map[string]struct{ Create, Update, Disable, Drifted, Parked int }
	}
	r.asks(&rep, 4, "apply", "--verify")
	if a := rep.Apps["wiki"]; a.Drifted != 4 || a.Create != 1 || a.Update != 1 || a.Disable != 1 || a.Parked != 1 {
		t.Errorf("%+v", a)
	}
	r.sees("wiki", "ada", "cleo")
	r.apply(0, "--person", "bea@acme.example")
	r.sees("wiki", "ada", "bea", "cleo")
	if u := r.account("wiki", "ada@acme.example"); u.DisplayName() != "Ada Doe" || !strings.Contains(u.String(), "en-GB") {
		t.Errorf("%s", u)
	}
	if n := len(wiki.Users()); n != 4 {
		t.Errorf("%d accounts", n)
	}
	wiki.ResetCounts()
	r.apply(0, "--verify")
	if wiki.Counts().Writes() != 0 || wiki.Counts().Total() == 0 {
		t.Errorf("once more: %v", wiki.Counts())
	}
	var why struct {
		State string
		Apps  []struct {
			App    string
			Remote string `json:"remote_id"`
			State  string
		}
	}
	r.asks(&why, 0, "why", "ada@acme.example")
	if len(why.Apps) != 1 || why.Apps[0].Remote != at("ada") || why.Apps[0].State != "live" {
		t.Errorf("%+v", why)
	}
	if out, _ := r.usher(0, "why", "ada@acme.example", "wiki", "enterprise.department"); !strings.Contains(out, "app_metadata.department") || !strings.Contains(out, "R&D") {
		t.Errorf("%s", out)
	}
}

// rivalFirstRun: what a first run would do is there to be looked at, and is done once
// somebody has agreed to it.
func rivalFirstRun(t *testing.T) {
	r := newRival(t, nil, rivalApp{name: "wiki"})
	r.edit("    first_run: go\n", "")
	r.load(20)
	for _, name := range []string{"user003", "stranger"} {
		u := scim.NewResource(scim.UserURN)
		u.Set("userName", scim.String(name+"@acme.example"))
		_, err := r.apps["wiki"].Add("User", u)
		r.must(err)
	}
	rep := r.apply(3)
	if a := rep.Apps["wiki"]; len(rep.Holds) != 1 || rep.Holds[0].Cause != "first_run" || rep.Holds[0].Count != 20 || a.Foreign != 1 {
		t.Fatalf("%+v", rep)
	}
	if n := r.apps["wiki"].Counts().Writes(); n != 0 || len(r.apps["wiki"].Users()) != 2 {
		t.Errorf("%d writes before anybody agreed", n)
	}
	rep = r.apply(0, "--release-hold", rep.Holds[0].ID)
	if a := rep.Apps["wiki"]; a.Create != 19 || a.Update != 1 || len(r.apps["wiki"].Users()) != 21 {
		t.Errorf("%+v, %d users", a, len(r.apps["wiki"].Users()))
	}
}

// rivalScope: who is in an app is a matter of facts about people. A change by the
// Management API, of which no event names a connection, counts as any other.
func rivalScope(t *testing.T) {
	r := newRival(t, func(c *auth0test.Config) { c.Events.Bare = true }, rivalApp{name: "crm"})
	ada := r.put("ada", "R&D")
	r.put("bea", "Sales")
	r.conf += "    scope: person.enterprise.department == \"Sales\"\n"
	r.edit("changes: none", "changes: stream")
	r.serve()
	r.until("bea is there", func() bool { return len(r.live("crm")) == 1 && r.tenant.OpenStreams() == 1 })
	r.sees("crm", "bea")
	move := func(department string) {
		r.api(http.StatusOK, http.MethodPatch, "/users/"+ada, fmt.Sprintf(`{"app_metadata":{"department":%q}}`, department))
	}
	move("Sales")
	r.until("ada is there", func() bool { return len(r.live("crm")) == 2 })
	move("R&D")
	r.until("ada is out", func() bool { return len(r.live("crm")) == 1 })
	r.sees("crm", "bea")
}

// rivalLedger: each effect is written down once, with who, what, before, after and why,
// and what is written cannot be changed unseen.
func rivalLedger(t *testing.T) {
	r := newRival(t, nil, rivalApp{name: "wiki"})
	ada := r.put("ada", "R&D")
	r.apply(0)
	r.alter(ada, called("Ada King"))
	r.apply(0)
	r.usher(0, "audit", "verify")
	db, err := sql.Open("sqlite", filepath.Join(r.dir, "usher.db"))
	r.must(err)
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), `SELECT p.payload FROM ledger l JOIN ledger_payloads p ON p.event = l.id WHERE l.kind = 'account.updated'`)
	r.must(err)
	defer rows.Close()
	var told []string
	for rows.Next() {
		var text string
		r.must(rows.Scan(&text))
		told = append(told, text)
	}
	r.must(rows.Err())
	if len(told) != 1 || len(r.happened("wiki", scimtest.Updated)) != 1 {
		t.Fatalf("%v", told)
	}
	var e struct {
		Actor, Person, App, Why string
		Before, After           map[string]string
	}
	r.must(json.Unmarshal([]byte(told[0]), &e))
	if !strings.HasPrefix(e.Actor, "apply") || e.Person == "" || e.App != "wiki" || e.Why == "" || e.Before["displayName"] != "Ada Doe" || e.After["displayName"] != "Ada King" || len(e.After) != 1 {
		t.Errorf("%s", told[0])
	}
	r.must(rows.Close())
	_, err = db.ExecContext(t.Context(), `UPDATE ledger_payloads SET payload = replace(payload, 'Ada King', 'Ada Queen') WHERE event = (SELECT id FROM ledger WHERE kind = 'account.updated')`)
	r.must(err)
	r.usher(1, "audit", "verify")
}

// rivalPrivate: an app on a private address is reached if that is allowed, and asked for
// nothing if not; events are fetched, so that nobody has to reach Usher.
func rivalPrivate(t *testing.T) {
	r := newRival(t, nil, rivalApp{name: "wiki"})
	r.put("ada", "R&D")
	allowed := r.conf
	from := strings.LastIndex(r.conf, "[loopback, plain-http]")
	r.conf = r.conf[:from] + "[plain-http]" + r.conf[from+len("[loopback, plain-http]"):]
	if _, errs := r.usher(2, "apply"); !strings.Contains(errs, "127.0.0.1 is loopback") {
		t.Errorf("%s", errs)
	}
	r.edit(r.apps["wiki"].base, strings.Replace(r.apps["wiki"].base, "127.0.0.1", "localhost", 1)) // a name that leads there
	if out, _ := r.usher(4, "apply"); !strings.Contains(out, "is loopback") {
		t.Errorf("%s", out)
	}
	if n := r.apps["wiki"].Counts().Total(); n != 0 {
		t.Errorf("%d requests", n)
	}
	r.conf = allowed
	r.edit("changes: none", "changes: stream")
	at := r.serve()
	if host, _, err := net.SplitHostPort(at); err != nil || !net.ParseIP(host).IsLoopback() {
		t.Errorf("it listens on %s", at)
	}
	r.until("ada is there", func() bool { return len(r.live("wiki")) == 1 && r.tenant.OpenStreams() == 1 })
	r.put("bea", "R&D")
	r.until("bea is there", func() bool { return len(r.live("wiki")) == 2 })
}

// rivalDialects: the same news are told to each app in its own way: by PATCH, by PUT
// where PATCH is for active alone, by DELETE where nothing else ends an account.
func rivalDialects(t *testing.T) {
	ids := []string{"atlassian", "generic-scim2", "github-org", "zoom"}
	var mu sync.Mutex
	said := map[string][]string{} // by app, what changes a user
	var apps []rivalApp
	for _, id := range ids {
		quirks, ok := scimtest.QuirksOf(id)
		if !ok {
			t.Fatalf("there is no simulator of %s", id)
		}
		apps = append(apps, rivalApp{name: id, profile: id, Config: scimtest.Config{Quirks: quirks}, through: func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				body, err := io.ReadAll(req.Body)
				if err != nil {
					t.Error(err)
				}
				if req.Method != http.MethodGet && req.Method != http.MethodPost {
					_, text, _ := strings.Cut(string(body), `"Operations":`)
					mu.Lock()
					said[id] = append(said[id], strings.TrimSpace(req.Method+" "+text))
					mu.Unlock()
				}
				req.Body = io.NopCloser(bytes.NewReader(body))
				next.ServeHTTP(w, req)
			})
		}})
	}
	r := newRival(t, nil, apps...)
	ada := r.put("ada", "R&D")
	r.apply(0)
	r.alter(ada, called("Ada King"))
	r.apply(0)
	for _, id := range ids {
		if u := r.account(id, "ada@acme.example"); u.DisplayName() != "Ada King" {
			t.Errorf("%s: %s", id, u)
		}
	}
	r.must(r.tenant.Block(ada))
	r.apply(0)
	const name, off = `PATCH [{"op":"replace","path":"displayName","value":"Ada King"}]}`, `PATCH [{"op":"replace","path":"active","value":false}]}`
	want := map[string][]string{
		"atlassian":     {name, off},
		"generic-scim2": {name, off},
		"github-org":    {name, "DELETE"}, // which has no other way out
		"zoom":          {"PUT", off},
	}
	for _, id := range ids {
		if no := r.apps[id].Refusals(); len(no) > 0 || len(r.live(id)) > 0 || !slices.Equal(said[id], want[id]) {
			t.Errorf("%s: %v refused, %v active, said was %q", id, no, r.live(id), said[id])
		}
	}
}
