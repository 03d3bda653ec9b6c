// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/app/oktaapp"
	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/fake"
	"github.com/usher-id/usher/internal/okta"
	"github.com/usher-id/usher/internal/okta/oktatest"
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
				orgLosesAnswers(t, kind, what)
			})
		}
	}
}

func orgLosesAnswers(t *testing.T, kind fake.Kind, what string) {
	w := newWorkforce(t, nil)
	gone := "DEPROVISIONED"
	if strings.HasSuffix(what, "suspend") {
		gone = "SUSPENDED"
		w.edit("    first_run: go\n", "    first_run: go\n    deactivate: suspend\n")
	}
	w.staff = staff(2)
	st := story{
		office: &w.office, kind: kind, what: what, faults: w.org.SetFaults, work: w.signIn, in: w.in, quiet: w.quiet,
		out: func(name string) { w.out(name, gone) },
		day: func(today string) {
			for range 3 { // what is due later than a cycle lasts is due in the next
				w.cycle(today)
			}
		},
		made: func() {
			if n := w.effects(oktatest.Created); n != 2 || len(w.org.Users()) != 2 || len(w.org.Groups("OKTA_GROUP")) != 2 {
				w.Errorf("%d users were made, groups %v", n, w.org.Groups("OKTA_GROUP"))
			}
		},
	}
	st.play()
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
				inBubble(t, 8, func(o office) { oktaMonths(o, seed, what) })
			})
		}
	}
}

func oktaMonths(o office, seed uint64, what string) {
	org, err := oktatest.New(oktatest.Config{
		Token: orgToken, SearchLag: 5 * time.Second, DeactivateIn: time.Duration(seed) * 20 * time.Second, ActivateIn: time.Duration(seed) * time.Second,
		MostPerPage: 3, Attributes: []string{"usherId"}, NobodyToEnd: seed == 1,
	})
	if err != nil {
		o.Fatal(err)
	}
	client, err := okta.New(okta.Config{URL: "https://acme.okta.com", Token: orgToken, HTTP: org.Transport()})
	if err != nil {
		o.Fatal(err)
	}
	w := &workforce{office: o, org: org}
	id := ""
	if seed%2 == 0 {
		id = "usherId"
	}
	w.app, err = oktaapp.New(oktaapp.Config{Client: client, Deactivate: what, IDAttribute: id})
	if err != nil {
		o.Fatal(err)
	}
	w.conf = orgCompany("https://acme.okta.com")
	if id != "" {
		w.edit("    first_run: go\n", "    first_run: go\n    id_attribute: usherId\n")
	}
	m := months{
		office: &w.office, seed: seed, stream: 11, faults: org.SetFaults, right: func() { w.right(what) }, quiet: w.quiet,
		live: func() {
			for _, u := range org.Users() {
				_ = org.SignIn(u.ID) // whoever is out cannot
			}
		},
	}
	m.play()
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
}
