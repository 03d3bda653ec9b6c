// SPDX-License-Identifier: Apache-2.0

package acceptance_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimtest"
)

// badDay is a scenario of TestAdversarial.
type badDay struct {
	name string
	play func(*testing.T)
}

func badDays() []badDay {
	return []badDay{
		{"poison user", poisonUser},
		{"crash in mid-run", crashInMidRun},
		{"drift", drifted},
		{"empty source", emptySource},
		{"200 without effect", withoutEffect},
	}
}

// TestAdversarial plays the five days on which a syncer shows what it is worth, with the
// built binary, an app of ours and a real kill: one person whom the app refuses, a crash
// in mid-run, an account that somebody deletes at the app, a source that lists nobody,
// and an app that answers with success and does nothing. What a syncer of the field does
// on them stands in docs/error-handling.md.
func TestAdversarial(t *testing.T) {
	t.Parallel()
	for _, day := range badDays() {
		t.Run(day.name, day.play)
	}
}

// adversary is a company whose HR file a test writes, and its one app.
type adversary struct {
	*testing.T
	*usher
	app   *fake
	staff []string // rows of the HR file
	file  string
	names names
	want  expectation
}

// newAdversary has a company of n people in ten departments.
func newAdversary(t *testing.T, n int, c scimtest.Config, through func(http.Handler) http.Handler) *adversary {
	t.Helper()
	t.Parallel()
	app := newFake(t, c, through)
	a := &adversary{T: t, usher: newUsher(t, app.base, app.token), app: app, want: expectation{}}
	for i := range n {
		a.staff = append(a.staff, worked(i, ""))
	}
	a.file = filepath.Join(t.TempDir(), "hr.csv")
	a.writes(a.staff)
	return a
}

// worked is a row of the HR file; ended is a date, or "".
func worked(i int, ended string) string {
	return fmt.Sprintf("%04d,p%04d,Worker,department %d,Clerk,1/1/2020,%s", i, i, i%10, ended)
}

func named(i int) string { return fmt.Sprintf("p%04d.worker@acme.example", i) }

// writes writes the HR file.
func (a *adversary) writes(rows []string) {
	a.Helper()
	text := "id,first_name,last_name,department,jobtitle,hire_date,termdate\n" + strings.Join(rows, "\n") + "\n"
	if err := os.WriteFile(a.file, []byte(text), 0o600); err != nil {
		a.Fatal(err)
	}
}

// expects follows the HR file as it stands, but for some people.
func (a *adversary) expects(but ...string) {
	a.Helper()
	workers := readHR(a.T, a.file, nil)
	a.names.give(workers)
	a.want.follow(workers, &a.names)
	for _, id := range but {
		delete(a.want, id)
	}
}

// apply runs a cycle, and compares what is there with what is expected.
func (a *adversary) apply(code int, args ...string) report {
	a.Helper()
	r := a.report(a.T, code, a.file, "apply", args...)
	a.want.compare(a.T, a.app.dump())
	return r
}

// quiet runs a cycle that sends nothing.
func (a *adversary) quiet(code int) {
	a.Helper()
	a.app.ResetCounts()
	a.apply(code)
	if n := a.app.Counts().Total(); n != 0 {
		a.Errorf("a cycle after a finished cycle sent %d requests", n)
	}
}

// sealed holds that the ledger verifies, and tells of each effect once.
func (a *adversary) sealed() {
	a.Helper()
	a.run(a.T, 0, a.file, "audit", "verify")
	tell(a.T, a.store, a.app)
}

// One person of 200 is answered with 400. Everybody else is there and in their groups,
// the one is set aside with the app's words and not sent again, and is taken up as soon
// as HR has mended the row.
func poisonUser(t *testing.T) {
	const people, sick = 200, 77
	a := newAdversary(t, people, scimtest.Config{}, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err == nil && r.Method == http.MethodPost && bytes.Contains(body, []byte(`"Poison"`)) {
				w.Header().Set("Content-Type", "application/scim+json")
				w.WriteHeader(http.StatusBadRequest)
				_, _ = io.WriteString(w, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"400","detail":"no such family"}`)
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			next.ServeHTTP(w, r)
		})
	})
	healthy := a.staff[sick]
	a.staff[sick] = strings.Replace(healthy, "Worker", "Poison", 1)
	a.writes(a.staff)
	a.expects("0077")
	r := a.apply(4)
	if got := r.Apps["app"]; got.Create != people-1 || got.MemberAdd != people-1 || got.Parked != 1 {
		t.Errorf("%+v", got)
	}
	a.quiet(4)
	if out := string(a.run(t, 0, a.file, "people", "--parked")); !strings.Contains(out, "p0077.poison") || !strings.Contains(out, "400: no such family") {
		t.Errorf("who is set aside, and why: %s", out)
	}
	a.staff[sick] = healthy
	a.writes(a.staff)
	a.expects()
	if r = a.apply(0); r.Apps["app"].Create != 1 || r.Apps["app"].MemberAdd != 1 {
		t.Errorf("%+v", r.Apps["app"])
	}
	a.quiet(0)
	a.sealed()
}

// The process is killed in the middle of a first load, three times, with requests whose
// answers nobody has read. The app would take duplicates: nobody is there twice, nothing
// that was told to be done is sent again, and what is not known is looked up first.
func crashInMidRun(t *testing.T) {
	const people, kills = 300, 3
	tr := &trap{}
	a := newAdversary(t, people, scimtest.Config{Quirks: scimtest.Quirks{AllowDuplicates: true}}, tr.through)
	unsure := 0
	for range kills {
		cmd := a.command(t, a.file, "apply", "--json")
		tr.set(90, func() { _ = cmd.Process.Kill() }) // it may have ended: the test below tells
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() != -1 {
			t.Fatalf("it was not killed: %v", err)
		}
		unsure += open(t, a.store)
	}
	tr.set(0, nil)
	if unsure == 0 {
		t.Error("no intent was left without an outcome: the kills came at no bad moment")
	}
	a.expects()
	a.apply(0)
	if n := a.app.effects()["create User"]; n != people {
		t.Errorf("%d accounts were made for %d people", n, people)
	}
	if n := a.app.Counts()["POST /Users"]; n > people+unsure {
		t.Errorf("%d requests to make %d accounts, with %d that were not known", n, people, unsure)
	}
	a.quiet(0)
	a.sealed()
}

// At the app somebody deletes an account, renames another and takes a third out of its
// group, and makes one of their own. A look at what is there finds all of it and mends it,
// and the account that is nobody's stays as it is.
func drifted(t *testing.T) {
	a := newAdversary(t, 100, scimtest.Config{}, nil)
	a.expects()
	a.apply(0)
	ids := map[string]string{}
	for _, u := range a.app.Users() {
		ids[u.UserName()] = u.ID()
	}
	stranger := scim.NewResource(scim.UserURN)
	stranger.Set("userName", scim.String("their.own@acme.example"))
	foreign, err := a.app.Add("User", stranger)
	if err == nil {
		err = a.app.Remove("User", ids[named(7)])
	}
	if err == nil {
		err = a.app.Alter("User", ids[named(8)], func(u *scim.Resource) {
			_ = u.Put(scim.MustPath("name.familyName"), scim.String("Somebody"))
		})
	}
	for _, g := range a.app.Groups() {
		if err == nil && g.DisplayName() == "department 9" {
			err = a.app.Alter("Group", g.ID(), func(g *scim.Resource) {
				g.Set("members", without(g, ids[named(9)]))
			})
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	r := a.report(t, 0, a.file, "apply", "--verify")
	if got := r.Apps["app"]; got.Drifted != 3 || got.Create != 1 || got.Update != 1 || got.MemberAdd != 2 || got.Disable+got.Delete != 0 {
		t.Errorf("%+v", got)
	}
	left := a.app.dump()
	for i, u := range left.Users {
		if u.ID == foreign {
			left.Users = append(left.Users[:i], left.Users[i+1:]...)
			a.want.compare(t, left)
			a.run(t, 0, a.file, "audit", "verify")
			return
		}
	}
	t.Error("the account that is nobody's is gone")
}

// without are a group's members but for one.
func without(g *scim.Resource, one string) scim.Value {
	var left []scim.Value
	for _, id := range g.Members() {
		if id != one {
			var o scim.Object
			o.Set("value", scim.String(id))
			left = append(left, scim.Complex(o))
		}
	}
	return scim.List(left...)
}

// The source lists nobody, then hardly anybody, then half of all. Nobody is disabled or
// deleted, no write is sent, and each time somebody is told; with the whole file all is
// as it was.
func emptySource(t *testing.T) {
	const people = 300
	a := newAdversary(t, people, scimtest.Config{}, nil)
	a.expects()
	a.apply(0)
	for name, c := range map[string]struct {
		rows []string
		code int
	}{
		"nobody": {nil, 3}, "ten": {a.staff[:10], 3}, "half": {a.staff[:people/2], 3},
	} {
		a.writes(c.rows)
		a.app.ResetCounts()
		r := a.apply(c.code)
		if n := a.app.Counts().Total(); n != 0 || r.Apps["app"].Disable+r.Apps["app"].Delete != 0 {
			t.Errorf("%s: %d requests, %+v", name, n, r.Apps["app"])
		}
	}
	a.writes(a.staff)
	a.quiet(0)
	a.sealed()
}

// The app answers with success and does nothing: to a departure, and to a change. Both
// are found by reading back, told, and not sent for ever; what heals is taken up.
func withoutEffect(t *testing.T) {
	a := newAdversary(t, 50, scimtest.Config{}, nil)
	a.expects()
	a.apply(0)
	a.app.SetFaults(scimtest.Rules(
		scimtest.Rule{Method: http.MethodPatch, Type: "User", Identity: named(3), Fault: scimtest.Fault{Kind: scimtest.NoEffect}},
	))
	a.staff[3] = worked(3, "11/1/2026")
	a.writes(a.staff)
	r := a.report(t, 4, a.file, "apply")
	if got := r.Apps["app"]; got.Disable != 0 || got.Parked != 1 {
		t.Errorf("%+v", got)
	}
	if out := string(a.run(t, 0, a.file, "people", "--parked")); !strings.Contains(out, "still active") {
		t.Errorf("who is set aside, and why: %s", out)
	}
	a.app.ResetCounts()
	a.report(t, 4, a.file, "apply")
	if n := a.app.Counts()["PATCH /Users/:id"]; n != 0 {
		t.Errorf("what is ignored was sent %d times more", n)
	}
	a.app.SetFaults(nil)
	a.expects()
	a.apply(0, "--person", "0003")
	a.quiet(0)
	a.sealed()
}
