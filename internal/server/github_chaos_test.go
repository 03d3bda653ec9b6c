// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/app/githubapp"
	"github.com/usher-id/usher/internal/fake"
	"github.com/usher-id/usher/internal/github"
	"github.com/usher-id/usher/internal/github/githubtest"
)

// TestGitHubLosesAnswers: whatever request of a story it is whose answer is lost behind the
// write, or is an error behind it, nobody is invited twice, leavers are out, and a return
// is invited again.
func TestGitHubLosesAnswers(t *testing.T) {
	t.Parallel()
	const team = "/organizations/{oid}/team/{tid}"
	for _, kind := range []fake.Kind{fake.AnswerLost, fake.ErrorAfter} {
		for _, what := range []string{
			"PUT /orgs/{org}/memberships/{login}", "DELETE /orgs/{org}/memberships/{login}", "GET /orgs/{org}/memberships/{login}", "POST /orgs/{org}/teams",
			"PUT " + team + "/memberships/{login}", "DELETE " + team + "/memberships/{login}", "GET /user/{id}", "POST /app/installations/{id}/access_tokens",
		} {
			t.Run(string(kind)+" "+what, func(t *testing.T) {
				t.Parallel()
				gitHubLosesAnswers(t, kind, what)
			})
		}
	}
}

func gitHubLosesAnswers(t *testing.T, kind fake.Kind, what string) {
	w := newGuild(t, nil)
	w.staff = staff(2)
	st := story{
		office: &w.office, kind: kind, what: what, faults: w.org.SetFaults, out: w.out, quiet: w.quiet,
		in: func(name, dept string) { w.in(name, dept) },
		day: func(today string) {
			for range 2 { // what is due later than a cycle lasts is due in the next
				w.cycle(today)
			}
			for _, s := range w.staff {
				_ = w.org.Accept(s.first) // whoever can
			}
			w.look(today)
			w.cycle(today)
		},
		made: func() {
			if n := w.effects(githubtest.Invited); n != 3 || w.effects(githubtest.Removed) != 1 {
				w.Errorf("%d invitations, %d removed", n, w.effects(githubtest.Removed))
			}
		},
	}
	if strings.HasSuffix(what, "/access_tokens") {
		st.times = 1 // without which a whole cycle comes to nothing
	}
	st.play()
}

// TestGitHubChaos plays seeded months of hires, moves, departures and returns with a GitHub
// that fails and loses answers, and people who accept or do not and change their logins; and
// holds after each: who is to be there is a member or invited, in their team and no other;
// whoever has left is neither; nothing more is sent.
func TestGitHubChaos(t *testing.T) {
	t.Parallel()
	appKey() // whose making is no matter of a bubble
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			inBubble(t, 8, func(o office) { gitHubMonths(o, seed) })
		})
	}
}

func gitHubMonths(o office, seed uint64) {
	org := gitHubOrg(o.T, nil)
	private, _ := appKey()
	client, err := github.New(github.Config{Organization: "acme", AppID: "Iv23liExample", Key: private, HTTP: org.Transport()})
	if err != nil {
		o.Fatal(err)
	}
	w := &guild{office: o, org: org}
	if w.app, err = githubapp.New(githubapp.Config{Client: client}); err != nil {
		o.Fatal(err)
	}
	w.conf = guildCompany("https://api.github.com")
	w.key()
	there := 0 // at GitHub, of the staff
	m := months{
		office: &w.office, seed: seed, stream: 13, faults: org.SetFaults, look: w.look, right: w.right, quiet: w.quiet,
		more: []func(*rand.Rand, *worker){func(_ *rand.Rand, s *worker) { _ = org.Accept(s.first) }}, // whoever can
		live: func() {
			for ; there < len(w.staff); there++ {
				org.PutUser(w.staff[there].first)
			}
		},
	}
	m.play()
}

// right compares the organization with the staff.
func (w *guild) right() {
	w.Helper()
	members, invited := w.org.Members(), w.org.Invitations()
	for _, s := range w.staff {
		p, in := members[s.first]
		i, asked := invited[s.first]
		switch {
		case s.end != "" && (in || asked):
			w.Errorf("%s has left: %+v %+v", s.first, p, i)
		case s.end == "" && in == asked:
			w.Errorf("%s is a member %t, and invited %t", s.first, in, asked)
		case s.end == "" && in:
			w.in(s.first, s.dept)
		case s.end == "" && !slices.Equal(i.Teams, []string{s.dept}):
			w.Errorf("%s will be in %v, want %s", s.first, i.Teams, s.dept)
		}
	}
}
