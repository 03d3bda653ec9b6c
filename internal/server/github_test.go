// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/github/githubtest"
)

// TestGitHubStory is joiner, mover and leaver in an organization, through the real engine.
func TestGitHubStory(t *testing.T) {
	t.Parallel()
	w := newGuild(t, nil)
	if rep := w.cycle("2026-03-01").Apps["app"]; rep.Create != 5 || rep.GroupCreate != 1 || rep.MemberAdd != 5 || rep.Parked != 0 {
		t.Fatalf("%+v %s", rep, w.parked())
	}
	w.quiet("2026-03-01") // though nobody has accepted
	if n := len(w.org.Members()); n != 1 || len(w.org.Invitations()) != 5 || w.effects(githubtest.Invited) != 5 {
		t.Errorf("%d members, %v", n, w.org.Invitations())
	}
	if i := w.org.Invitations()["p001"]; !slices.Equal(i.Teams, []string{"A"}) {
		t.Errorf("%+v", i)
	}
	w.accept("p001", "p002", "p003", "p004")
	w.look("2026-03-01")
	if n := w.effects(githubtest.Invited); n != 5 || w.parked() != "" {
		t.Errorf("%d invitations, %s", n, w.parked())
	}
	w.in("p001", "A")
	w.quiet("2026-03-01")

	// One moves who has become a maintainer, and one comes. Who maintains the new team stays so.
	w.org.PutTeam("B", false, 0, w.org.Members()["p003"].ID)
	w.org.SetTeamRole("B", "p003", "maintainer")
	w.staff[1].dept, w.staff[2].dept = "B", "B"
	w.org.PutUser("newbie")
	w.staff = append(w.staff, worker{id: "6", first: "newbie", dept: "B", start: "2026-03-02"})
	if rep := w.cycle("2026-03-02").Apps["app"]; rep.Create != 1 || rep.MemberRemove != 2 || rep.GroupCreate != 0 || rep.Parked != 0 {
		t.Errorf("%+v %s", rep, w.parked())
	}
	w.in("p002", "B")
	w.in("p003", "B")
	if role := w.org.TeamRole("B", "p003"); role != "maintainer" {
		t.Errorf("p003 is %q of B", role)
	}
	w.accept("newbie")
	w.in("newbie", "B")
	w.quiet("2026-03-02")

	// One leaves whose login has changed, and one who has not accepted yet.
	w.org.Rename("p001", "ada-lovelace")
	w.org.PutUser("p001") // somebody else, who has nothing to do with it
	w.staff[0].end, w.staff[4].end = "2026-03-02", "2026-03-02"
	if rep := w.cycle("2026-03-05").Apps["app"]; rep.Delete != 2 || rep.Parked != 0 {
		t.Errorf("%+v %s", rep, w.parked())
	}
	w.out("ada-lovelace")
	w.out("p005")
	if n := w.effects(githubtest.Removed); n != 1 || w.effects(githubtest.Cancelled) != 1 {
		t.Errorf("%d removed", n)
	}
	w.in("p004", "A")
	w.quiet("2026-03-05")

	// One comes back, and has to accept again.
	w.staff[4].end, w.staff[4].dept = "", "B"
	if rep := w.cycle("2026-03-06").Apps["app"]; rep.Create != 1 || rep.MemberAdd != 1 || rep.Parked != 0 {
		t.Errorf("%+v %s", rep, w.parked())
	}
	w.accept("p005")
	w.in("p005", "B")
	w.quiet("2026-03-06")
	private, _ := appKey()
	w.clean("ghs_", string(private[60:120]))
}

// TestGitHubInvitationsFail: an invitation that is not accepted in a week is sent again, and
// after three of them is told of instead; leavers are out all the same.
func TestGitHubInvitationsFail(t *testing.T) {
	t.Parallel()
	for _, anyway := range []bool{false, true} {
		t.Run(fmt.Sprint("pending anyway ", anyway), func(t *testing.T) {
			t.Parallel()
			w := newGuild(t, func(c *githubtest.Config) { c.PendingAnyway = anyway })
			w.staff = staff(12)
			for _, s := range w.staff[5:] {
				w.org.PutUser(s.first)
			}
			w.cycle("2026-03-01")
			for n := 1; n <= 3; n++ {
				if got := w.effects(githubtest.Invited); got != 12*n {
					t.Fatalf("%d invitations in week %d", got, n)
				}
				w.org.Age(7 * 24 * time.Hour)
				w.look("2026-03-01")
			}
			if got := w.effects(githubtest.Invited); got != 36 || strings.Count(w.parked(), "3 invitations were not accepted") == 0 || w.status.Apps[0].Parked != 12 {
				t.Errorf("%d invitations, %d parked: %s", got, w.status.Apps[0].Parked, w.parked())
			}
			w.staff[0].end = "2026-03-01"
			if rep := w.cycle("2026-03-03").Apps["app"]; rep.Delete != 1 {
				t.Errorf("%+v %s", rep, w.parked())
			}
			w.out("p001")
			w.quiet("2026-03-03")
		})
	}
}

// TestGitHubLimitOfInvitations: whom the limit of a day keeps out waits, and nobody else.
func TestGitHubLimitOfInvitations(t *testing.T) {
	t.Parallel()
	w := newGuild(t, func(c *githubtest.Config) { c.InvitesPerDay = 3 })
	w.wait = time.Second
	rep := w.cycle("2026-03-01").Apps["app"]
	if rep.Create != 3 || rep.Waiting != 2 || rep.Paused != "" || rep.Parked != 0 {
		t.Errorf("%+v %s", rep, w.parked())
	}
	if rep := w.cycle("2026-03-01").Apps["app"]; rep.Create != 0 || rep.Waiting != 2 {
		t.Errorf("%+v", rep)
	}
}

// TestGitHubLeavesAlone: an owner is nobody's by rule, and stays when they leave, unless
// that is configured; strangers and their teams are not touched.
func TestGitHubLeavesAlone(t *testing.T) {
	t.Parallel()
	w := newGuild(t, nil)
	id := func(login string) int64 { // of an account that is there
		return w.org.Members()[login].ID
	}
	for _, login := range []string{"stranger", "boss"} {
		w.org.PutMember(w.org.PutUser(login), "member")
	}
	w.staff[0].first = "owner"
	w.staff[1].first = "boss" // who is adopted, and made an owner later
	w.org.PutTeam("A", false, 0, id("stranger"))
	rep := w.cycle("2026-03-01").Apps["app"]
	if rep.Create != 3 || rep.Foreign != 1 || rep.Parked != 1 || !strings.Contains(w.parked(), "privileged") || rep.GroupCreate != 0 {
		t.Errorf("%+v %s", rep, w.parked())
	}
	w.in("stranger", "A")
	w.in("owner")
	w.org.PutMember(id("boss"), "admin")
	w.staff[1].end = "2026-03-01"
	if rep := w.cycle("2026-03-03").Apps["app"]; rep.Delete != 0 || rep.Parked != 2 || !strings.Contains(w.parked(), "boss is an owner of the organization, and is left in") {
		t.Errorf("%+v %s", rep, w.parked())
	}
	w.in("boss", "A")
	w.edit("    first_run: go\n", "    first_run: go\n    owners: manage\n")
	w.cycle("2026-03-03")
	w.out("boss")
	w.in("stranger", "A")
	for _, e := range w.org.Ledger() {
		if !e.Outside && (e.Who == "stranger" || e.Who == "owner") {
			t.Errorf("%+v", e)
		}
	}
}

// TestGitHubTeamsThatAreNotOurs: a team that an identity provider fills is told of, and
// people have their memberships; the members of a team below are none of ours.
func TestGitHubTeamsThatAreNotOurs(t *testing.T) {
	t.Parallel()
	w := newGuild(t, nil)
	w.org.PutTeam("A", true, 0)
	parent := w.org.PutTeam("B", false, 0)
	w.org.PutTeam("Below", false, parent, w.org.Members()["owner"].ID)
	w.staff[0].dept, w.staff[1].dept = "B", "C"
	rep := w.cycle("2026-03-01").Apps["app"]
	if rep.Create != 5 || rep.MemberAdd != 2 || rep.Parked != 3 || rep.Paused != "" || !strings.Contains(w.parked(), "identity provider") {
		t.Errorf("%+v %s", rep, w.parked())
	}
	if n := len(w.org.Invitations()); n != 5 {
		t.Errorf("%d invitations", n)
	}
}

// TestGitHubStarts: what is wrong with the GitHub App is told at the start, in one sentence,
// and nothing is sent; what it may do besides is told, too.
func TestGitHubStarts(t *testing.T) {
	t.Parallel()
	for what, tt := range map[string]struct {
		org   func(*githubtest.Org)
		edit  [2]string
		level string
		says  string
		goes  bool
	}{
		"permission":   {org: func(o *githubtest.Org) { o.Grant(map[string]string{"members": "read"}) }, level: "error", says: "may not write members of acme"},
		"suspended":    {org: func(o *githubtest.Org) { o.Suspend(true) }, level: "error", says: "suspended in acme"},
		"app":          {edit: [2]string{"app_id: Iv23liExample", "app_id: \"4711\""}, level: "error", says: "there is no GitHub App 4711"},
		"organization": {edit: [2]string{"organization: acme", "organization: acne"}, level: "error", says: "not installed in an organization acne"},
		"too much":     {org: func(o *githubtest.Org) { o.Grant(map[string]string{"members": "write", "contents": "write"}) }, level: "warning", says: "contents: write", goes: true},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := newGuild(t, nil)
			if w.starts = true; tt.org != nil {
				tt.org(w.org)
			}
			if tt.edit[0] != "" {
				w.edit(tt.edit[0], tt.edit[1])
			}
			rep := w.cycle("2026-03-01").Apps["app"]
			if len(w.notes) != 1 || w.notes[0].Level != tt.level || !strings.Contains(w.notes[0].String(), tt.says) {
				t.Errorf("%v", w.notes)
			}
			if tt.goes != (rep.Create == 5) || !tt.goes && (!strings.Contains(rep.Paused, tt.says) || len(w.org.Ledger()) > 0) {
				t.Errorf("%+v", rep)
			}
		})
	}
}
