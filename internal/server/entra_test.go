// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/entra/entratest"
	"github.com/usher-id/usher/internal/fake"
)

// TestEntraStory is joiner, mover and leaver in a tenant, through the real engine.
func TestEntraStory(t *testing.T) {
	t.Parallel()
	w := newCloud(t, nil)
	if rep := w.cycle("2026-03-01").Apps["app"]; rep.Create != 5 || rep.GroupCreate != 1 || rep.MemberAdd != 5 || rep.Parked != 0 {
		t.Fatalf("%+v %s", rep, w.parked())
	}
	if n := w.tenant.Counts(); n["PATCH /groups/{gid} members"] != 1 || n["POST /users"] != 5 {
		t.Errorf("%v", n) // members go in together
	}
	for _, s := range w.staff {
		w.in(s.first, "A")
		if u := w.user(s.first); u.Props["mailNickname"] != s.first || len(u.Password) < 32 || u.ChangePassword {
			t.Errorf("%+v", u)
		}
	}
	if w.user("p001").Password == w.user("p002").Password {
		t.Error("two have the same password")
	}
	w.quiet("2026-03-01")

	// One moves, and one comes.
	w.signIn("p001")
	w.staff[1].dept = "B"
	w.staff = append(w.staff, worker{id: "6", first: "newbie", dept: "B", start: "2026-03-02"})
	w.tenant.ResetCounts()
	if rep := w.cycle("2026-03-02").Apps["app"]; rep.Create != 1 || rep.Update != 1 || rep.MemberRemove != 1 || rep.MemberAdd != 2 || w.tenant.Counts().Writes() != 5 {
		t.Errorf("%+v %v", rep, w.tenant.Counts())
	}
	w.in("p002", "B")
	w.in("newbie", "B")
	w.in("p003", "A")
	w.quiet("2026-03-02")

	// Everybody has another name from now on, and keeps the account.
	before := w.user("p003").ID
	w.edit("displayName: person.displayName\n", "displayName: person.displayName + \"!\"\n")
	w.tenant.ResetCounts()
	if rep := w.cycle("2026-03-02").Apps["app"]; rep.Update != 6 || w.tenant.Counts().Writes() != 6 {
		t.Errorf("%+v, %v", rep, w.tenant.Counts())
	}
	if u := w.user("p003"); u.ID != before || u.Props["displayName"] != "p003!" || u.Props["surname"] != "Worker" {
		t.Errorf("%+v", u)
	}

	// One leaves who is signed in.
	w.signIn("p001")
	w.staff[0].end = "2026-03-02"
	if rep := w.cycle("2026-03-05").Apps["app"]; rep.Disable != 1 || rep.MemberRemove != 1 || rep.Parked != 0 {
		t.Errorf("%+v %s", rep, w.parked())
	}
	w.out("p001")
	if err := w.tenant.SignIn(w.user("p001").ID); err == nil {
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
	if w.user("p001").ID != id || len(w.tenant.Users()) != 6 || w.effects(entratest.Created) != 6 {
		t.Errorf("%d users", len(w.tenant.Users()))
	}
	w.quiet("2026-03-06")
	secrets := []string{cloudSecret}
	for _, u := range w.tenant.Users() {
		secrets = append(secrets, u.Password)
	}
	w.clean(secrets...)
	for _, r := range w.tenant.Refusals() {
		if r.Status != 404 {
			t.Errorf("refused: %+v", r)
		}
	}
}

// TestEntraAdopts: who is there already is taken over by name, keeps the id, and carries
// ours from then on if there is a place for it. Administrators, guests and whoever comes
// from on-premises are nobody's by rule; strangers, and groups that are not ours, are left
// alone.
func TestEntraAdopts(t *testing.T) {
	t.Parallel()
	w := newCloud(t, nil)
	w.edit("    first_run: go\n", "    first_run: go\n    id_attribute: extensionAttribute7\n")
	was := map[string]string{}
	for name, p := range map[string]entratest.Person{
		"p001": {Props: map[string]string{"officeLocation": "Room 1", "extensionAttribute1": "theirs"}}, "p002": {Roles: []string{"Global Administrator"}},
		"p003": {Synced: true}, "stranger": {}, "guest": {Guest: true},
	} {
		p.Name = name + "@acme.example"
		was[name] = w.tenant.Put(p)
	}
	w.tenant.PutGroup(entratest.Security, "Contractors", was["stranger"], was["p001"])
	if rep := w.cycle("2026-03-01").Apps["app"]; rep.Create != 2 || rep.Update != 1 || rep.GroupCreate != 1 || rep.Foreign != 1 || rep.Parked != 2 {
		t.Errorf("%+v %s", rep, w.parked())
	}
	for _, word := range []string{"privileged", "on-premises"} {
		if !strings.Contains(w.parked(), word) {
			t.Errorf("%q does not say %q", w.parked(), word)
		}
	}
	if u := w.user("p001"); u.ID != was["p001"] || u.Props["extensionAttribute7"] == "" || u.Props["extensionAttribute1"] != "theirs" ||
		u.Props["officeLocation"] != "Room 1" || u.Props["displayName"] != "p001" || len(u.Groups) != 2 {
		t.Errorf("%+v", u)
	}
	for _, e := range w.tenant.Ledger() {
		if !e.Outside && e.Kind == "user" && e.ID != was["p001"] && (e.ID == was["p002"] || e.ID == was["p003"] || e.ID == was["stranger"] || e.ID == was["guest"]) {
			t.Errorf("%+v", e)
		}
	}
	w.quiet("2026-03-01")

	// A rebuilt database finds everybody again.
	files, err := filepath.Glob(filepath.Join(w.dir, "usher.db*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%v %v", files, err)
	}
	for _, f := range files {
		if err := os.Remove(f); err != nil {
			t.Fatal(err)
		}
	}
	w.tenant.ResetCounts()
	if rep := w.cycle("2026-03-01").Apps["app"]; rep.Create != 0 || rep.Update != 0 || rep.GroupCreate != 0 || rep.Parked != 2 || w.tenant.Counts().Writes() != 0 {
		t.Errorf("%+v %v %s", rep, w.tenant.Counts(), w.parked())
	}
	w.quiet("2026-03-01")
}

// TestEntraAdministrators: somebody who has become an administrator is not written any
// more, not even to be shut out: the person is set aside, with the reason.
func TestEntraAdministrators(t *testing.T) {
	t.Parallel()
	w := newCloud(t, nil)
	w.cycle("2026-03-01")
	id := w.user("p001").ID
	w.tenant.SetRoles(id, "User Administrator")
	w.staff[0].end, w.staff[1].end = "2026-03-01", "2026-03-01"
	if rep := w.cycle("2026-03-03").Apps["app"]; rep.Disable != 1 || rep.Parked != 1 || rep.Paused != "" || !strings.Contains(w.parked(), "administrator") {
		t.Errorf("%+v %s", rep, w.parked())
	}
	w.out("p002")
	if u := w.user("p001"); !u.Enabled {
		t.Errorf("%+v", u)
	}
	for _, r := range w.tenant.Refusals() {
		if r.Status == 403 {
			t.Errorf("it was tried: %+v", r)
		}
	}
}

// TestEntraDeletes: whose grace time is over is deleted, whatever gets lost on the way.
func TestEntraDeletes(t *testing.T) {
	t.Parallel()
	w := newCloud(t, nil)
	w.edit("    first_run: go\n", "    first_run: go\n    delete_after: 2d\n")
	w.cycle("2026-03-01")
	w.signIn("p001")
	w.staff[0].end = "2026-03-01"
	w.cycle("2026-03-03")
	w.out("p001")
	w.tenant.SetFaults(fake.Rules(fake.Rule{Method: "GET", Path: "/users/{id}", Times: 1, Fault: fake.Fault{Kind: fake.ServerError}}))
	for range 2 {
		w.cycle("2026-03-06")
	}
	if len(w.tenant.Users()) != 4 || w.effects(entratest.Deleted) != 1 || w.parked() != "" {
		t.Errorf("%v %s", w.tenant.Users(), w.parked())
	}
	w.quiet("2026-03-06")
}

// TestEntraGroupsThatAreNotOurs: a team that would be a group whose members are not ours to
// write is set aside with the reason, no other group is made beside it, and its people
// have their accounts.
func TestEntraGroupsThatAreNotOurs(t *testing.T) {
	t.Parallel()
	for kind, word := range map[entratest.Kind]string{
		entratest.Dynamic: "dynamic membership", entratest.Assignable: "roles", entratest.OnPremises: "on-premises", entratest.Addresses: "Exchange",
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			w := newCloud(t, nil)
			w.tenant.PutGroup(kind, "A")
			w.staff[4].dept = "B"
			if rep := w.cycle("2026-03-01").Apps["app"]; rep.Create != 5 || rep.MemberAdd != 1 || rep.Paused != "" {
				t.Errorf("%+v %s", rep, w.parked())
			}
			if u := w.user("p005"); len(u.Groups) != 1 || u.Groups[0] != "B" || len(w.tenant.Groups(entratest.Security)) != 1 {
				t.Errorf("%+v %v", u, w.tenant.Groups(entratest.Security))
			}
			if !strings.Contains(w.parked(), word) {
				t.Errorf("%q does not say %q", w.parked(), word)
			}
		})
	}
}
