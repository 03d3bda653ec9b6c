// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/fake"
	"github.com/usher-id/usher/internal/google/googletest"
)

// TestGoogleStory is joiner, mover and leaver in an account, through the real engine.
func TestGoogleStory(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, func(c *googletest.Config) { c.SearchLag = time.Hour }) // nothing hangs on the index
	if rep := w.cycle("2026-03-01").Apps["app"]; rep.Create != 5 || rep.GroupCreate != 1 || rep.MemberAdd != 5 || rep.Parked != 0 {
		t.Fatalf("%+v %s %v", rep, w.parked(), w.account.Refusals())
	}
	passwords := map[string]bool{}
	for _, s := range w.staff {
		w.in(s.first, "A")
		u := w.user(s.first)
		passwords[u.Password] = true
		if u.Entry("externalIds", "customType", "usher")["value"] != w.people[s.first+"@acme.example"] {
			t.Errorf("%+v", u)
		}
	}
	if len(passwords) != 5 {
		t.Errorf("%d passwords", len(passwords))
	}
	if at := w.account.Groups(); len(at["team-a@acme.example"]) != 5 {
		t.Errorf("%v", at)
	}
	w.quiet("2026-03-01")

	// One moves, and one comes. What stands beside ours stays.
	w.works("p001")
	w.account.Field(w.user("p002").ID, "phones", []any{map[string]any{"type": "home", "value": "1"}})
	w.account.Field(w.user("p002").ID, "organizations", []any{
		map[string]any{"type": "school", "name": "Old"},
		map[string]any{"type": "work", "primary": true, "department": "A", "location": "Floor 3"},
	})
	w.staff[1].dept = "B"
	w.staff = append(w.staff, worker{id: "6", first: "newbie", dept: "B", start: "2026-03-02"})
	w.account.ResetCounts()
	if rep := w.cycle("2026-03-02").Apps["app"]; rep.Create != 1 || rep.Update != 1 || rep.MemberRemove != 1 || rep.MemberAdd != 2 || w.account.Counts().Writes() != 6 {
		t.Errorf("%+v %v", rep, w.account.Counts())
	}
	w.in("p002", "B")
	w.in("newbie", "B")
	w.in("p003", "A")
	if u := w.user("p002"); u.Entry("organizations", "type", "work")["location"] != "Floor 3" || u.Entry("organizations", "type", "school") == nil || u.Entry("phones", "type", "home") == nil {
		t.Errorf("what is not ours is gone: %+v", u)
	}
	w.quiet("2026-03-02")

	// Everybody has another name from now on, and keeps the account.
	before := w.user("p003").ID
	w.edit("displayName: person.displayName\n", "displayName: person.displayName + \"!\"\n")
	w.account.ResetCounts()
	if rep := w.cycle("2026-03-02").Apps["app"]; rep.Update != 6 || w.account.Counts().Writes() != 6 {
		t.Errorf("%+v, %v", rep, w.account.Counts())
	}
	if u := w.user("p003"); u.ID != before || u.Fields["name"].(map[string]any)["displayName"] != "p003!" || u.Fields["name"].(map[string]any)["familyName"] != "Worker" {
		t.Errorf("%+v", u)
	}

	// One leaves who is signed in.
	w.staff[0].end = "2026-03-02"
	if rep := w.cycle("2026-03-05").Apps["app"]; rep.Disable != 1 || rep.MemberRemove != 1 || rep.Parked != 0 {
		t.Errorf("%+v %s", rep, w.parked())
	}
	w.out("p001")
	if err := w.account.SignIn(w.user("p001").ID); err == nil {
		t.Error("a leaver can sign in")
	}
	w.in("p003", "A")
	w.quiet("2026-03-05")

	// And comes back, to the same account, with what has changed meanwhile.
	id := w.user("p001").ID
	w.staff[0].end, w.staff[0].dept = "", "B"
	if rep := w.cycle("2026-03-06").Apps["app"]; rep.Create != 0 || rep.Update != 1 || rep.MemberAdd != 1 || rep.Parked != 0 {
		t.Errorf("%+v %s", rep, w.parked())
	}
	w.in("p001", "B")
	if w.user("p001").ID != id || len(w.account.Users()) != 6 || w.effects(googletest.Created) != 6 {
		t.Errorf("%d users", len(w.account.Users()))
	}
	w.quiet("2026-03-06")
	if n := len(w.account.Refusals()); n != 0 {
		t.Errorf("refused: %v", w.account.Refusals())
	}
	words := []string{robotSecret(), string(pemBytes())}
	for p := range passwords {
		words = append(words, p)
	}
	w.clean(words...)
}

// TestGoogleRenames: an address that was given up stays with its user, and nobody else gets
// it until it is taken away.
func TestGoogleRenames(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, nil)
	w.edit("userName: person.userName\n      name.givenName", "userName: person.name.givenName + \"@acme.example\"\n      name.givenName")
	w.cycle("2026-03-01")
	id := w.user("p001").ID
	w.staff[0].first = "jo"
	if rep := w.cycle("2026-03-02").Apps["app"]; rep.Update != 1 || rep.Create != 0 || rep.Parked != 0 {
		t.Errorf("%+v %s", rep, w.parked())
	}
	if u := w.user("jo"); u.ID != id || len(u.Aliases) != 1 || u.Aliases[0] != "p001@acme.example" {
		t.Errorf("%+v", u)
	}
	w.quiet("2026-03-02")

	// And back again, which the alias would keep from being.
	w.staff[0].first = "p001"
	if rep := w.cycle("2026-03-03").Apps["app"]; rep.Update != 1 || rep.Parked != 0 {
		t.Errorf("%+v %s", rep, w.parked())
	}
	if u := w.user("p001"); u.ID != id || len(u.Aliases) != 1 || u.Aliases[0] != "jo@acme.example" {
		t.Errorf("%+v", u)
	}
}

// TestGoogleAdopts: who is there already is taken over by the address, keeps the id, and
// carries ours from then on; an administrator is nobody's by rule, and whoever is a stranger
// is left alone, as is who is in a group without being ours. A rebuilt database finds
// everybody again.
func TestGoogleAdopts(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, nil)
	was := map[string]string{}
	for _, name := range []string{"p001", "p002", "stranger"} {
		id, err := w.account.Put(name+"@acme.example", map[string]any{"externalIds": []any{map[string]any{"type": "login_id", "value": "x"}}})
		if err != nil {
			t.Fatal(err)
		}
		was[name] = id
	}
	w.account.SetAdministrator(was["p002"], false)
	group := w.account.PutGroup("team-a@acme.example", "A", was["stranger"])
	w.account.PutMember(group, "g9", "others@acme.example", "GROUP", "MEMBER")
	w.account.PutMember(group, "C01", "", "CUSTOMER", "MEMBER")
	w.account.PutMember(group, "x7", "guest@other.example", "USER", "OWNER")
	if rep := w.cycle("2026-03-01").Apps["app"]; rep.Create != 3 || rep.Update != 1 || rep.GroupCreate != 0 || rep.Foreign != 2 || rep.Parked != 1 || !strings.Contains(w.parked(), "privileged") {
		t.Errorf("%+v %s", rep, w.parked())
	}
	if u := w.user("p001"); u.ID != was["p001"] || u.Entry("externalIds", "customType", "usher") == nil || u.Entry("externalIds", "type", "login_id")["value"] != "x" || len(u.Groups) != 1 {
		t.Errorf("%+v", u)
	}
	for _, e := range w.account.Ledger() {
		if (e.ID == was["stranger"] || e.ID == was["p002"]) && !e.Outside {
			t.Errorf("%+v", e)
		}
	}
	w.quiet("2026-03-01")
	if got := w.account.Groups()["team-a@acme.example"]; len(got) != 4+4 {
		t.Errorf("%v", got)
	}

	files, err := filepath.Glob(filepath.Join(w.dir, "usher.db*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%v %v", files, err)
	}
	for _, f := range files {
		if err := os.Remove(f); err != nil {
			t.Fatal(err)
		}
	}
	w.account.ResetCounts()
	if rep := w.cycle("2026-03-01").Apps["app"]; rep.Create != 0 || rep.Update != 0 || rep.GroupCreate != 0 || rep.Parked != 1 || w.account.Counts().Writes() != 0 {
		t.Errorf("%+v %v %s", rep, w.account.Counts(), w.parked())
	}
	w.quiet("2026-03-01")

	// Who is an administrator since is left alone when they leave, and it is said.
	w.account.SetAdministrator(was["p001"], true)
	w.staff[0].end = "2026-03-01"
	if rep := w.cycle("2026-03-03").Apps["app"]; rep.Disable != 0 || !strings.Contains(w.parked(), "administrator of Google (super administrator)") {
		t.Errorf("%+v %s", rep, w.parked())
	}
	w.edit("    first_run: go\n", "    first_run: go\n    administrators: write\n")
	if rep := w.cycle("2026-03-03").Apps["app"]; rep.Disable != 1 {
		t.Errorf("%+v %s", rep, w.parked())
	}
	w.out("p001")
}

// TestGoogleDeletes: whose grace time is over is deleted for good; nobody is without it.
func TestGoogleDeletes(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, nil)
	w.edit("    first_run: go\n", "    first_run: go\n    delete_after: 2d\n")
	w.cycle("2026-03-01")
	w.works("p001")
	w.staff[0].end = "2026-03-01"
	w.cycle("2026-03-03")
	w.out("p001")
	if rep := w.cycle("2026-03-06").Apps["app"]; rep.Delete != 1 || rep.Parked != 0 || rep.Waiting != 0 {
		t.Errorf("%+v %s", rep, w.parked())
	}
	if len(w.account.Users()) != 4 || w.effects(googletest.Deleted) != 1 {
		t.Errorf("%v", w.account.Users())
	}
	w.quiet("2026-03-06")
}

// TestGoogleScopes: what the service account may not have is named at the start of the work,
// and the app pauses until it may; without groups, their scope is not asked for.
func TestGoogleScopes(t *testing.T) {
	t.Parallel()
	const base = "https://www.googleapis.com/auth/"
	few := func(c *googletest.Config) { c.Scopes = []string{base + "admin.directory.user"} }
	w := newWorkspace(t, few)
	w.wait = time.Millisecond
	rep := w.cycle("2026-03-01").Apps["app"]
	if rep.Create != 0 || !strings.Contains(rep.Paused, "may not have "+base+"admin.directory.user.security and "+base+"admin.directory.group;") || !strings.Contains(rep.Paused, "client 1234567890") {
		t.Errorf("%+v", rep)
	}
	w = newWorkspace(t, func(c *googletest.Config) {
		c.Scopes = []string{base + "admin.directory.user", base + "admin.directory.user.security"}
	})
	from := strings.Index(w.conf, "    groups: ")
	w.conf = w.conf[:from] + w.conf[from+strings.Index(w.conf[from:], "\n")+1:]
	if rep := w.cycle("2026-03-01").Apps["app"]; rep.Create != 5 || rep.Paused != "" {
		t.Errorf("%+v %s", rep, w.parked())
	}
}

// TestGoogleRefusesOne: whom Google will not have is set aside with its words, and nobody
// else waits.
func TestGoogleRefusesOne(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, nil)
	w.wait = time.Millisecond // a name that is taken is looked up later
	w.staff[0].dept = "D"     // which has no organizational unit
	w.account.PutGroup("team-a@acme.example", "Sales, for customers")
	w.account.SetFaults(fake.Rules(fake.Rule{Method: "POST", Path: "/users", Subject: "p002@acme.example", Fault: fake.Fault{Kind: fake.Forbidden}}))
	rep := w.cycle("2026-03-01").Apps["app"]
	if rep.Create != 3 || rep.Paused != "" || !strings.Contains(w.parked(), "INVALID_OU_ID") || !strings.Contains(w.parked(), "Not Authorized") {
		t.Errorf("%+v %s", rep, w.parked())
	}
	if got := w.account.Groups()["team-a@acme.example"]; len(got) != 0 {
		t.Errorf("%v are in a group that is not ours", got)
	}
}

// TestGoogleReturnsHalfOut: who comes back while a departure is half done is let in again,
// though nothing of it was answered, be it tried again by then or set aside.
func TestGoogleReturnsHalfOut(t *testing.T) {
	t.Parallel()
	for _, kind := range []fake.Kind{fake.ServerError, fake.Forbidden} {
		w := newWorkspace(t, nil)
		w.cycle("2026-03-01")
		w.wait = time.Millisecond
		w.account.SetFaults(fake.Rules(fake.Rule{Path: "/users/{id}/signOut", Fault: fake.Fault{Kind: kind}}))
		w.staff[0].end = "2026-03-01"
		if rep := w.cycle("2026-03-03").Apps["app"]; rep.Disable != 0 || rep.Waiting+rep.Parked != 1 || !w.user("p001").Suspended {
			t.Errorf("%+v %s", rep, w.parked())
		}
		w.account.SetFaults(nil)
		w.staff[0].end = ""
		w.wait = 0
		if rep := w.cycle("2026-03-04").Apps["app"]; rep.Update != 1 || rep.Parked != 0 {
			t.Errorf("%+v %s", rep, w.parked())
		}
		w.in("p001", "A")
		w.quiet("2026-03-04")
	}
}

// TestGoogleGroupsOfOthers: a group that somebody has made under a team's name at another
// address is not the team's, be it there before the first run or before the team.
func TestGoogleGroupsOfOthers(t *testing.T) {
	t.Parallel()
	w := newWorkspace(t, nil)
	id, err := w.account.Put("mallory@acme.example", map[string]any{"name": map[string]any{"givenName": "M", "familyName": "X"}})
	if err != nil {
		t.Fatal(err)
	}
	w.account.PutGroup("book-club@acme.example", "A", id)
	w.account.PutGroup("chess@acme.example", "B", id)
	w.cycle("2026-03-01")
	w.staff[0].dept = "B"
	w.cycle("2026-03-02")
	groups := w.account.Groups()
	if len(groups["book-club@acme.example"]) != 1 || len(groups["chess@acme.example"]) != 1 || len(groups["team-a@acme.example"]) != 4 || len(groups["team-b@acme.example"]) != 1 || w.parked() != "" {
		t.Errorf("%v %s", groups, w.parked())
	}
}
