// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/fake"
	"github.com/usher-id/usher/internal/okta/oktatest"
)

// TestOktaStory is joiner, mover and leaver in an org, through the real engine, with what
// becomes of leavers as it may be configured.
func TestOktaStory(t *testing.T) {
	t.Parallel()
	for what, gone := range map[string]string{"deactivate": "DEPROVISIONED", "suspend": "SUSPENDED"} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			oktaStory(t, what, gone)
		})
	}
}

func oktaStory(t *testing.T, what, gone string) {
	w := newWorkforce(t, func(c *oktatest.Config) { c.SearchLag = time.Hour }) // nothing hangs on the index
	w.edit("    first_run: go\n", "    first_run: go\n    deactivate: "+what+"\n")
	if rep := w.cycle("2026-03-01").Apps["app"]; rep.Create != 5 || rep.GroupCreate != 1 || rep.MemberAdd != 5 || rep.Parked != 0 {
		t.Fatalf("%+v %s", rep, w.parked())
	}
	for _, s := range w.staff {
		w.in(s.first, "A")
	}
	w.quiet("2026-03-01")

	// One moves, and one comes.
	w.signIn("p001")
	w.staff[1].dept = "B"
	w.staff = append(w.staff, worker{id: "6", first: "newbie", dept: "B", start: "2026-03-02"})
	w.org.ResetCounts()
	if rep := w.cycle("2026-03-02").Apps["app"]; rep.Create != 1 || rep.Update != 1 || rep.MemberRemove != 1 || rep.MemberAdd != 2 || w.org.Counts().Writes() != 6 {
		t.Errorf("%+v %v", rep, w.org.Counts())
	}
	w.in("p002", "B")
	w.in("newbie", "B")
	w.in("p003", "A")
	w.quiet("2026-03-02")

	// Everybody has another name from now on, and keeps the account.
	before := w.user("p003").ID
	w.edit("displayName: person.displayName\n", "displayName: person.displayName + \"!\"\n")
	w.org.ResetCounts()
	if rep := w.cycle("2026-03-02").Apps["app"]; rep.Update != 6 || w.org.Counts().Writes() != 6 {
		t.Errorf("%+v, %v", rep, w.org.Counts())
	}
	if u := w.user("p003"); u.ID != before || u.Profile["displayName"] != "p003!" || u.Profile["lastName"] != "Worker" {
		t.Errorf("%+v", u)
	}

	// One leaves who is signed in.
	w.signIn("p001")
	w.staff[0].end = "2026-03-02"
	if rep := w.cycle("2026-03-05").Apps["app"]; rep.Disable != 1 || rep.MemberRemove != 1 || rep.Parked != 0 {
		t.Errorf("%+v", rep)
	}
	w.out("p001", gone)
	if err := w.org.SignIn(w.user("p001").ID); err == nil {
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
	if w.user("p001").ID != id || len(w.org.Users()) != 6 || w.effects(oktatest.Created) != 6 {
		t.Errorf("%d users", len(w.org.Users()))
	}
	w.quiet("2026-03-06")
	w.clean(orgToken)
}

// TestOktaTakesItsTime: a deactivation that is answered and not yet done holds up nobody
// else, is looked at again until the user is DEPROVISIONED, and whoever signed in
// meanwhile is signed out. So is a return.
func TestOktaTakesItsTime(t *testing.T) {
	t.Parallel()
	var later atomic.Int64
	w := newWorkforce(t, func(c *oktatest.Config) {
		c.DeactivateIn, c.ActivateIn = time.Hour, time.Hour
		c.Now = func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
	})
	w.edit("    first_run: go\n", "    first_run: go\n    concurrency: 1\n")
	w.cycle("2026-03-01")
	w.signIn("p001")
	w.staff[0].end = "2026-03-01"
	w.staff = append(w.staff, worker{id: "6", first: "newbie", dept: "A", start: "2026-03-02"})
	w.wait = time.Millisecond // in which nothing is tried again
	if rep := w.cycle("2026-03-03").Apps["app"]; rep.Disable != 0 || rep.Waiting != 1 || rep.Create != 1 || rep.Parked != 0 {
		t.Errorf("%+v %s", rep, w.parked())
	}
	if u := w.user("p001"); u.Status != "ACTIVE" || u.Becoming != "DEPROVISIONED" || u.Sessions != 0 {
		t.Errorf("%+v", u)
	}
	w.signIn("p001") // which Okta lets them, for a while
	later.Store(int64(time.Hour))
	w.wait = 0
	if rep := w.cycle("2026-03-03").Apps["app"]; rep.Disable != 1 || rep.Waiting != 0 || rep.Parked != 0 {
		t.Errorf("%+v %s", rep, w.parked())
	}
	w.out("p001", "DEPROVISIONED")
	if n := w.effects(oktatest.Deactivated); n != 1 {
		t.Errorf("it was asked for %d times", n)
	}
	w.staff[0].end, w.staff[0].dept = "", "B"
	w.wait = time.Millisecond
	if rep := w.cycle("2026-03-04").Apps["app"]; rep.Update != 0 || rep.Waiting != 1 {
		t.Errorf("%+v %s", rep, w.parked())
	}
	later.Store(int64(2 * time.Hour))
	w.wait = 0
	if rep := w.cycle("2026-03-04").Apps["app"]; rep.Update == 0 || rep.Waiting != 0 || rep.Parked != 0 {
		t.Errorf("%+v %s", rep, w.parked())
	}
	w.in("p001", "B")
	if n := w.effects(oktatest.Activated); n != 1 {
		t.Errorf("it was asked for %d times", n)
	}
	w.quiet("2026-03-04")
}

// TestOktaReturnsHalfOut: who comes back while a deactivation is under way, or half done, is
// let in again once that is over.
func TestOktaReturnsHalfOut(t *testing.T) {
	t.Parallel()
	var later atomic.Int64
	w := newWorkforce(t, func(c *oktatest.Config) {
		c.DeactivateIn = time.Hour
		c.Now = func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
	})
	w.cycle("2026-03-01")
	w.staff[0].end = "2026-03-01"
	w.wait = time.Millisecond // in which nothing is tried again
	w.cycle("2026-03-03")
	w.staff[0].end = ""
	if rep := w.cycle("2026-03-04").Apps["app"]; rep.Waiting != 1 {
		t.Errorf("%+v %s", rep, w.parked())
	}
	later.Store(int64(time.Hour))
	w.wait = 0
	if rep := w.cycle("2026-03-05").Apps["app"]; rep.Update != 1 || rep.Waiting != 0 || rep.Parked != 0 {
		t.Errorf("%+v %s", rep, w.parked())
	}
	w.in("p001", "A")
	w.quiet("2026-03-05")
}

// TestOktaAdopts: who is there already is taken over by the login, keeps the id, and
// carries ours from then on if there is a place for it; an administrator is nobody's by
// rule, and whoever is a stranger is left alone, as are groups that are not ours.
func TestOktaAdopts(t *testing.T) {
	t.Parallel()
	w := newWorkforce(t, func(c *oktatest.Config) { c.Attributes = []string{"usherId"} })
	w.edit("    first_run: go\n", "    first_run: go\n    id_attribute: usherId\n")
	was := map[string]string{}
	for _, name := range []string{"p001", "p002", "stranger"} {
		id, err := w.org.Put("ACTIVE", map[string]string{"login": name + "@acme.example", "nickName": "old"})
		if err != nil {
			t.Fatal(err)
		}
		was[name] = id
	}
	w.org.PutRole(was["p002"], "SUPER_ADMIN")
	w.org.PutGroup("APP_GROUP", "A", was["stranger"])
	w.org.PutGroup("OKTA_GROUP", "Contractors", was["stranger"], was["p001"])
	if rep := w.cycle("2026-03-01").Apps["app"]; rep.Create != 3 || rep.Update != 1 || rep.GroupCreate != 1 || rep.Foreign != 1 || rep.Parked != 1 || !strings.Contains(w.parked(), "privileged") {
		t.Errorf("%+v %s", rep, w.parked())
	}
	if u := w.user("p001"); u.ID != was["p001"] || u.Profile["usherId"] == "" || u.Profile["nickName"] != "old" || u.Profile["displayName"] != "p001" || len(u.Groups) != 2 {
		t.Errorf("%+v", u)
	}
	for _, name := range []string{"p002", "stranger"} {
		if u := w.user(name); u.Status != "ACTIVE" || u.Profile["usherId"] != "" || u.Profile["displayName"] != "" {
			t.Errorf("%+v", u)
		}
	}
	for _, e := range w.org.Ledger() {
		if e.ID == was["stranger"] && !e.Outside {
			t.Errorf("%+v", e)
		}
	}
	w.quiet("2026-03-01")

	// A rebuilt database finds everybody again, whatever their login is by then.
	files, err := filepath.Glob(filepath.Join(w.dir, "usher.db*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%v %v", files, err)
	}
	for _, f := range files {
		if err := os.Remove(f); err != nil {
			t.Fatal(err)
		}
	}
	w.org.ResetCounts()
	if rep := w.cycle("2026-03-01").Apps["app"]; rep.Create != 0 || rep.Update != 0 || rep.GroupCreate != 0 || rep.Parked != 1 || w.org.Counts().Writes() != 0 {
		t.Errorf("%+v %v %s", rep, w.org.Counts(), w.parked())
	}
	w.quiet("2026-03-01")
}

// TestOktaDeletes: whose grace time is over is deleted for good, which Okta does with the
// second DELETE.
func TestOktaDeletes(t *testing.T) {
	t.Parallel()
	w := newWorkforce(t, nil)
	w.edit("    first_run: go\n", "    first_run: go\n    deactivate: suspend\n    delete_after: 2d\n")
	w.cycle("2026-03-01")
	w.signIn("p001")
	w.staff[0].end = "2026-03-01"
	w.cycle("2026-03-03")
	w.out("p001", "SUSPENDED")
	w.org.SetFaults(fake.Rules(fake.Rule{Method: "DELETE", Path: "/users/{id}", Times: 2, Fault: fake.Fault{Kind: fake.AnswerLost}}))
	if rep := w.cycle("2026-03-06").Apps["app"]; rep.Delete != 1 || rep.Parked != 0 || rep.Waiting != 0 {
		t.Errorf("%+v %s", rep, w.parked())
	}
	if len(w.org.Users()) != 4 || w.effects(oktatest.Deleted) != 1 {
		t.Errorf("%v", w.org.Users())
	}
	w.quiet("2026-03-06")
}

// TestOktaGroupsThatAreNotOurs: a team that would be Okta's own group is set aside with
// the reason, and its people have their accounts.
func TestOktaGroupsThatAreNotOurs(t *testing.T) {
	t.Parallel()
	w := newWorkforce(t, nil)
	w.edit("display_name: team.value}", `display_name: 'team.value == "A" ? "Everyone" : team.value'}`)
	w.staff[4].dept = "B"
	if rep := w.cycle("2026-03-01").Apps["app"]; rep.Create != 5 || rep.MemberAdd != 1 || rep.Paused != "" {
		t.Errorf("%+v %s", rep, w.parked())
	}
	if u := w.user("p005"); len(u.Groups) != 1 || u.Groups[0] != "B" || len(w.org.Groups("OKTA_GROUP")) != 1 {
		t.Errorf("%+v", u)
	}
}
