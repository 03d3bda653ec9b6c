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

	"github.com/usher-id/usher/internal/app/oktaapp"
	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/fake"
	"github.com/usher-id/usher/internal/okta"
	"github.com/usher-id/usher/internal/okta/oktatest"
	"github.com/usher-id/usher/internal/store/sqlite/sqlitetest"
)

// TestOktaLosesAnswers: whatever request of a story it is whose answer is lost behind the
// write, or is an error behind it, nobody is made twice, leavers are out, and a return
// finds its account.
func TestOktaLosesAnswers(t *testing.T) {
	t.Parallel()
	for _, kind := range []fake.Kind{fake.AnswerLost, fake.ErrorAfter} {
		for _, what := range []string{
			"POST /users", "POST /users/{id}", "POST /users/{id}/lifecycle/activate", "POST /users/{id}/lifecycle/deactivate",
			"POST /users/{id}/lifecycle/suspend", "POST /users/{id}/lifecycle/unsuspend", "DELETE /users/{id}/sessions",
			"POST /groups", "PUT /groups/{gid}/users/{id}", "DELETE /groups/{gid}/users/{id}", "GET /users/{id}", "GET /groups",
		} {
			t.Run(string(kind)+" "+what, func(t *testing.T) {
				t.Parallel()
				losesAnswers(t, kind, what)
			})
		}
	}
}

func losesAnswers(t *testing.T, kind fake.Kind, what string) {
	method, path, _ := strings.Cut(what, " ")
	w := newWorkforce(t, nil)
	gone := "DEPROVISIONED"
	if strings.HasSuffix(path, "suspend") {
		gone = "SUSPENDED"
		w.edit("    first_run: go\n", "    first_run: go\n    deactivate: suspend\n")
	}
	w.staff = staff(2)
	faults := fake.Rules(fake.Rule{Method: method, Path: path, Times: 2, Fault: fake.Fault{Kind: kind}})
	w.org.SetFaults(faults)
	day := func(today string) {
		t.Helper()
		for range 3 { // what is due later than a cycle lasts is due in the next
			w.cycle(today)
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
	w.out("p001", gone)
	w.staff[0].end, w.staff[0].dept = "", "B"
	day("2026-03-05")
	w.in("p001", "B")
	if n := w.effects(oktatest.Created); n != 2 || len(w.org.Users()) != 2 || len(w.org.Groups("OKTA_GROUP")) != 2 {
		t.Errorf("%d users were made, groups %v", n, w.org.Groups("OKTA_GROUP"))
	}
	if faults.Done()[kind] == 0 {
		t.Error("nothing went wrong")
	}
	w.quiet("2026-03-05")
}

// TestOktaChaos plays seeded months of hires, moves, departures and returns with an org
// that fails, loses answers and takes its time, and holds after each: one user for each
// person, as the mapping says; whoever has left is out, and has no session or group;
// nothing more is sent.
func TestOktaChaos(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		for _, what := range []string{config.OktaDeactivate, config.OktaSuspend} {
			t.Run(fmt.Sprint(seed, what), func(t *testing.T) {
				t.Parallel()
				dir := sqlitetest.Dir(t)
				p := &patience{Context: context.Background()}
				defer time.AfterFunc(3*time.Minute, func() { p.lost.Store(true) }).Stop()
				synctest.Test(t, func(t *testing.T) { oktaMonths(t, p, dir, seed, what) })
			})
		}
	}
}

func oktaMonths(t *testing.T, p *patience, dir string, seed uint64, what string) {
	luck := rand.New(rand.NewPCG(seed, 11))
	org, err := oktatest.New(oktatest.Config{
		Token: orgToken, SearchLag: 5 * time.Second, DeactivateIn: time.Duration(seed) * 20 * time.Second, ActivateIn: time.Duration(seed) * time.Second,
		MostPerPage: 3, Attributes: []string{"usherId"}, NobodyToEnd: seed == 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	client, err := okta.New(okta.Config{URL: "https://acme.okta.com", Token: orgToken, HTTP: org.Transport()})
	if err != nil {
		t.Fatal(err)
	}
	w := &workforce{office: office{T: t, ctx: p, dir: dir, staff: staff(8), aged: time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)}, org: org}
	id := ""
	if seed%2 == 0 {
		id = "usherId"
	}
	w.app, err = oktaapp.New(oktaapp.Config{Client: client, Deactivate: what, IDAttribute: id})
	if err != nil {
		t.Fatal(err)
	}
	w.conf = orgCompany("https://acme.okta.com")
	if id != "" {
		w.edit("    first_run: go\n", "    first_run: go\n    id_attribute: usherId\n")
	}
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
		for _, u := range org.Users() { // everybody who can works; nobody tells Usher
			_ = org.SignIn(u.ID) // whoever is out cannot
		}
		faults := fake.Seeded(seed*100+uint64(month), 0.3, 0.5, fake.ServerError, fake.Reset, fake.BadGateway, fake.TooMany, fake.Unavailable)
		org.SetFaults(faults)
		for range 6 {
			w.cycle(day.Format(time.DateOnly))
		}
		org.SetFaults(nil)
		for _, n := range faults.Done() {
			failed += n
		}
		for range 2 { // what waits for a longer time than a cycle
			time.Sleep(time.Hour)
			w.cycle(day.Format(time.DateOnly))
		}
		w.right(what)
		w.quiet(day.Format(time.DateOnly))
		day = day.AddDate(0, 0, 7)
	}
	if failed < 25 {
		t.Errorf("only %d requests went wrong", failed)
	}
}

// right compares the org with the staff.
func (w *workforce) right(what string) {
	w.Helper()
	users := w.org.Users()
	if made := w.effects(oktatest.Created); made != len(users) || len(users) > len(w.staff) {
		w.Errorf("%d users were made, and %d are there of %d people", made, len(users), len(w.staff))
	}
	for _, s := range w.staff {
		u := users[s.first+"@acme.example"]
		in := s.end == ""
		var want []string
		if in {
			want = []string{s.dept}
		}
		shut := u.Status == "DEPROVISIONED" || what == config.OktaSuspend && u.Status == "SUSPENDED"
		switch {
		case in && (u.Status != "PROVISIONED" && u.Status != "ACTIVE" || u.Profile["department"] != s.dept || u.Profile["displayName"] != s.first):
			w.Errorf("%s: %+v, want department %s", s.first, u, s.dept)
		case !in && u.ID != "" && (!shut || u.Sessions > 0):
			w.Errorf("%s has left: %+v", s.first, u)
		case !slices.Equal(u.Groups, want):
			w.Errorf("%s is in %v, want %v", s.first, u.Groups, want)
		}
	}
	if parked := w.parked(); parked != "" {
		w.Errorf("set aside: %s", parked)
	}
}
