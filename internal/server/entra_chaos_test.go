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

	"github.com/usher-id/usher/internal/app/entraapp"
	"github.com/usher-id/usher/internal/entra"
	"github.com/usher-id/usher/internal/entra/entratest"
	"github.com/usher-id/usher/internal/fake"
	"github.com/usher-id/usher/internal/store/sqlite/sqlitetest"
)

// TestEntraLosesAnswers: whatever request of a story it is whose answer is lost behind the
// write, or is an error behind it, and although the replicas lag behind, nobody and no
// group is made twice, leavers are out, and a return finds its account.
func TestEntraLosesAnswers(t *testing.T) {
	t.Parallel()
	for _, kind := range []fake.Kind{fake.AnswerLost, fake.ErrorAfter} {
		for _, what := range []string{
			"POST /users", "PATCH /users/{id}", "POST /users/{id}/revokeSignInSessions", "PATCH /groups(uniqueName)", "PATCH /groups/{gid} members",
			"DELETE /groups/{gid}/members/{id}/$ref", "GET /users/{id}", "GET /users/{id}/transitiveMemberOf", "GET /groups",
		} {
			t.Run(string(kind)+" "+what, func(t *testing.T) {
				t.Parallel()
				dir := sqlitetest.Dir(t)
				inBubble(t, func(t *testing.T, p *patience) { cloudLosesAnswers(t, p, dir, kind, what) })
			})
		}
	}
}

// inBubble runs a test in which waits take no time, with an end all the same.
func inBubble(t *testing.T, test func(*testing.T, *patience)) {
	t.Helper()
	p := &patience{Context: context.Background()}
	defer time.AfterFunc(3*time.Minute, func() { p.lost.Store(true) }).Stop()
	synctest.Test(t, func(t *testing.T) { test(t, p) })
}

// bubbleCloud is a company over a tenant without a network.
func bubbleCloud(t *testing.T, p *patience, dir, id string, c entratest.Config, people int) *cloud {
	t.Helper()
	c.Secret, c.MostPerPage = cloudSecret, 3
	tenant, err := entratest.New(c)
	if err != nil {
		t.Fatal(err)
	}
	client, err := entra.New(entra.Config{
		Tenant: "acme.example", ClientID: entratest.ClientID, Secret: cloudSecret, HTTP: tenant.Transport(), Attributes: entraapp.Properties(id),
	})
	if err != nil {
		t.Fatal(err)
	}
	w := &cloud{office: office{T: t, ctx: p, dir: dir, staff: staff(people), aged: time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)}, tenant: tenant}
	if w.app, err = entraapp.New(entraapp.Config{Client: client, IDAttribute: id}); err != nil {
		t.Fatal(err)
	}
	w.conf = cloudCompany(entra.DefaultURL)
	if id != "" {
		w.edit("    first_run: go\n", "    first_run: go\n    id_attribute: "+id+"\n")
	}
	return w
}

func cloudLosesAnswers(t *testing.T, p *patience, dir string, kind fake.Kind, what string) {
	method, path, _ := strings.Cut(what, " ")
	w := bubbleCloud(t, p, dir, "", entratest.Config{Lag: 5 * time.Second}, 2)
	faults := fake.Rules(fake.Rule{Method: method, Path: path, Times: 2, Fault: fake.Fault{Kind: kind}})
	w.tenant.SetFaults(faults)
	day := func(today string) {
		t.Helper()
		for range 3 { // what is due later than a cycle lasts is due in the next
			w.cycle(today)
			time.Sleep(time.Minute)
		}
		if parked := w.parked(); parked != "" {
			t.Errorf("set aside: %s", parked)
		}
	}
	day("2026-03-01")
	w.signIn("p001")
	w.signIn("p002")
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
	if n := w.effects(entratest.Created); n != 2 || len(w.tenant.Users()) != 2 || !slices.Equal(w.tenant.Groups(entratest.Security), []string{"A", "B"}) {
		t.Errorf("%d users were made, groups %v", n, w.tenant.Groups(entratest.Security))
	}
	if faults.Done()[kind] == 0 {
		t.Error("nothing went wrong")
	}
	w.quiet("2026-03-05")
}

// TestEntraChaos plays seeded months of hires, moves, departures and returns with a tenant
// that fails, loses answers and shows what was written later, and holds after each: one
// user for each person, as the mapping says; whoever has left is out, and has no session
// or group; nothing more is sent.
func TestEntraChaos(t *testing.T) {
	t.Parallel()
	for seed := range uint64(5) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			dir := sqlitetest.Dir(t)
			inBubble(t, func(t *testing.T, p *patience) { cloudMonths(t, p, dir, seed) })
		})
	}
}

func cloudMonths(t *testing.T, p *patience, dir string, seed uint64) {
	luck := rand.New(rand.NewPCG(seed, 13))
	id := ""
	if seed%2 == 0 {
		id = "extensionAttribute3"
	}
	w := bubbleCloud(t, p, dir, id, entratest.Config{Lag: time.Duration(seed) * 4 * time.Second, RevokeAnswersNothing: seed == 1, Uneven: seed > 1}, 8)
	day := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	failed := 0
	for month := range 3 {
		for i := range w.staff {
			s := &w.staff[i]
			switch luck.IntN(4) {
			case 0:
				s.dept = string(rune('A' + luck.IntN(3)))
			case 1:
				s.end = ""
			case 2:
				s.end = day.AddDate(0, 0, -1).Format(time.DateOnly)
			}
		}
		n := len(w.staff)
		w.staff = append(w.staff, worker{id: fmt.Sprint(n + 1), first: fmt.Sprintf("p%03d", n+1), dept: "B", start: "2020-01-01"})
		for _, u := range w.tenant.Users() { // everybody who can works; nobody tells Usher
			_ = w.tenant.SignIn(u.ID) // whoever is out cannot
		}
		faults := fake.Seeded(seed*100+uint64(month), 0.3, 0.5, fake.ServerError, fake.Reset, fake.BadGateway, fake.TooMany, fake.Unavailable)
		w.tenant.SetFaults(faults)
		for range 6 {
			w.cycle(day.Format(time.DateOnly))
		}
		w.tenant.SetFaults(nil)
		for _, n := range faults.Done() {
			failed += n
		}
		for range 2 { // what waits for a longer time than a cycle
			time.Sleep(time.Hour)
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

// right compares the tenant with the staff.
func (w *cloud) right() {
	w.Helper()
	users := w.tenant.Users()
	if made := w.effects(entratest.Created); made != len(users) || len(users) > len(w.staff) {
		w.Errorf("%d users were made, and %d are there of %d people", made, len(users), len(w.staff))
	}
	groups := w.tenant.Groups(entratest.Security)
	if len(slices.Compact(slices.Clone(groups))) != len(groups) {
		w.Errorf("groups %v", groups)
	}
	for _, s := range w.staff {
		u := users[s.first+"@acme.example"]
		in := s.end == ""
		var want []string
		if in {
			want = []string{s.dept}
		}
		switch {
		case in && (!u.Enabled || u.Props["department"] != s.dept || u.Props["displayName"] != s.first):
			w.Errorf("%s: %+v, want department %s", s.first, u, s.dept)
		case !in && u.ID != "" && (u.Enabled || u.Sessions > 0):
			w.Errorf("%s has left: %+v", s.first, u)
		case !slices.Equal(u.Groups, want):
			w.Errorf("%s is in %v, want %v", s.first, u.Groups, want)
		}
	}
	if parked := w.parked(); parked != "" {
		w.Errorf("set aside: %s", parked)
	}
}
