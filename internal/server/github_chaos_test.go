// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-id/usher/internal/app/githubapp"
	"github.com/usher-id/usher/internal/fake"
	"github.com/usher-id/usher/internal/github"
	"github.com/usher-id/usher/internal/github/githubtest"
	"github.com/usher-id/usher/internal/store/sqlite/sqlitetest"
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
	method, path, _ := strings.Cut(what, " ")
	w := newGuild(t, nil)
	w.staff = staff(2)
	times := 2
	if strings.HasSuffix(path, "/access_tokens") {
		times = 1 // without which a whole cycle comes to nothing
	}
	faults := fake.Rules(fake.Rule{Method: method, Path: path, Times: times, Fault: fake.Fault{Kind: kind}})
	w.org.SetFaults(faults)
	day := func(today string) {
		t.Helper()
		for range 2 { // what is due later than a cycle lasts is due in the next
			w.cycle(today)
		}
		for _, s := range w.staff {
			_ = w.org.Accept(s.first) // whoever can
		}
		w.look(today)
		w.cycle(today)
		if parked := w.parked(); parked != "" {
			t.Errorf("set aside: %s", parked)
		}
	}
	day("2026-03-01")
	w.in("p001", "A")
	w.staff[1].dept = "B"
	day("2026-03-02")
	w.in("p002", "B")
	w.staff[0].end = "2026-03-02"
	day("2026-03-04")
	w.out("p001")
	w.staff[0].end, w.staff[0].dept = "", "B"
	day("2026-03-05")
	w.in("p001", "B")
	if n := w.effects(githubtest.Invited); n != 3 || w.effects(githubtest.Removed) != 1 {
		t.Errorf("%d invitations, %d removed", n, w.effects(githubtest.Removed))
	}
	if faults.Done()[kind] == 0 {
		t.Error("nothing went wrong")
	}
	w.quiet("2026-03-05")
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
			dir := sqlitetest.Dir(t)
			p := &patience{Context: context.Background()}
			defer time.AfterFunc(3*time.Minute, func() { p.lost.Store(true) }).Stop()
			synctest.Test(t, func(t *testing.T) { gitHubMonths(t, p, dir, seed) })
		})
	}
}

func gitHubMonths(t *testing.T, p *patience, dir string, seed uint64) {
	luck := rand.New(rand.NewPCG(seed, 13))
	org := gitHubOrg(t, nil)
	private, _ := appKey()
	client, err := github.New(github.Config{Organization: "acme", AppID: "Iv23liExample", Key: private, HTTP: org.Transport()})
	if err != nil {
		t.Fatal(err)
	}
	w := &guild{office: office{T: t, ctx: p, dir: dir, staff: staff(8), aged: time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)}, org: org}
	if w.app, err = githubapp.New(githubapp.Config{Client: client}); err != nil {
		t.Fatal(err)
	}
	w.conf = guildCompany("https://api.github.com")
	w.key()
	day := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	failed := 0
	for month := range 3 {
		n := len(w.staff)
		w.staff = append(w.staff, worker{id: fmt.Sprint(n + 1), first: fmt.Sprintf("p%03d", n+1), dept: "B", start: "2020-01-01"})
		for i := range w.staff {
			s := &w.staff[i]
			if month == 0 || i == n {
				org.PutUser(s.first)
			}
			switch luck.IntN(5) {
			case 0:
				s.dept = string(rune('A' + luck.IntN(3)))
			case 1:
				s.end = ""
			case 2:
				s.end = day.AddDate(0, 0, -1).Format(time.DateOnly)
			case 3:
				_ = org.Accept(s.first) // whoever can
			}
		}
		faults := fake.Seeded(seed*100+uint64(month), 0.3, 0.5, fake.ServerError, fake.Reset, fake.BadGateway, fake.TooMany, fake.Unavailable)
		org.SetFaults(faults)
		for range 6 {
			w.cycle(day.Format(time.DateOnly))
		}
		w.look(day.Format(time.DateOnly))
		org.SetFaults(nil)
		for _, n := range faults.Done() {
			failed += n
		}
		for range 2 { // what waits for a longer time than a cycle
			time.Sleep(time.Hour)
			w.look(day.Format(time.DateOnly))
			w.cycle(day.Format(time.DateOnly))
		}
		w.right()
		w.quiet(day.Format(time.DateOnly))
		day = day.AddDate(0, 0, 7)
	}
	if failed < 25 {
		t.Errorf("only %d requests went wrong", failed)
	}
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
	if parked := w.parked(); parked != "" {
		w.Errorf("set aside: %s", parked)
	}
}
