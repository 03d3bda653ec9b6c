// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/app/googleapp"
	"github.com/usher-id/usher/internal/fake"
	"github.com/usher-id/usher/internal/google"
	"github.com/usher-id/usher/internal/google/googletest"
)

// bubbled plays in a bubble of its own, in which waits take no time, with an account that
// is reached without a network.
func bubbled(t *testing.T, c googletest.Config, people int, play func(w *workspace)) {
	t.Helper()
	inBubble(t, people, func(o office) {
		account, err := googletest.New(c)
		if err != nil {
			o.Fatal(err)
		}
		client, err := google.New(google.Config{Key: []byte(keyFile()), Administrator: "admin@acme.example", HTTP: account.Transport()})
		if err != nil {
			o.Fatal(err)
		}
		w := &workspace{office: o, account: account}
		if w.app, err = googleapp.New(googleapp.Config{Client: client, GroupDomain: "acme.example", GroupPrefix: "team-"}); err != nil {
			o.Fatal(err)
		}
		w.conf = accountCompany("http://127.0.0.1:1")
		w.edit("userName: person.userName\n      name.givenName", "userName: person.name.givenName + \"@acme.example\"\n      name.givenName")
		play(w)
	})
}

// TestGoogleLosesAnswers: whatever request of a story it is whose answer is lost behind the
// write, or is an error behind it, nobody is made twice, leavers are out, and a return
// finds its account; also where what is new is not found for a while, or is forbidden.
func TestGoogleLosesAnswers(t *testing.T) {
	t.Parallel()
	for i, what := range []string{
		"POST /users", "PUT /users/{id}", "POST /users/{id}/signOut", "DELETE /users/{id}/tokens/{client}", "DELETE /users/{id}/asps/{code}",
		"POST /groups", "POST /groups/{gid}/members", "DELETE /groups/{gid}/members/{id}", "GET /users/{id}", "GET /users/{id}/tokens", "GET /groups",
	} {
		for j, kind := range []fake.Kind{fake.AnswerLost, fake.ErrorAfter} {
			t.Run(string(kind)+" "+what, func(t *testing.T) {
				t.Parallel()
				c := accountConfig()
				c.SettleIn, c.FreshForbidden, c.NobodyToSignOut = time.Duration(i%3)*150*time.Second, (i+j)%2 == 0, i%2 == 0
				bubbled(t, c, 2, func(w *workspace) { googleLoses(w, kind, what) })
			})
		}
	}
}

func googleLoses(w *workspace, kind fake.Kind, what string) {
	st := story{
		office: &w.office, kind: kind, what: what, faults: w.account.SetFaults, work: w.works, in: w.in, out: w.out, quiet: w.quiet,
		day: func(today string) {
			for range 5 { // what is due later than a cycle lasts is due in the next
				w.cycle(today)
				time.Sleep(15 * time.Minute)
			}
		},
		made: func() {
			if n := w.effects(googletest.Created); n != 2 || len(w.account.Users()) != 2 || len(w.account.Groups()) != 2 {
				w.Errorf("%d users were made, groups %v", n, w.account.Groups())
			}
		},
	}
	st.play()
}

// TestGoogleChaos plays seeded months of hires, moves, new names, departures and returns
// with an account that fails, loses answers and takes its time, and holds after each: one
// user for each person, as the mapping says; whoever has left is out, and has no session,
// token, password or group; nothing more is sent.
func TestGoogleChaos(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			c := accountConfig()
			c.SearchLag, c.SettleIn = 5*time.Second, time.Duration(seed)*100*time.Second
			c.FreshForbidden, c.NobodyToSignOut, c.RenamesAsTaken = seed%2 == 1, seed > 1, seed%2 == 0
			if seed == 3 {
				c.PerMinute = 60
			}
			bubbled(t, c, 8, func(w *workspace) { googleMonths(w, seed) })
		})
	}
}

func googleMonths(w *workspace, seed uint64) {
	m := months{
		office: &w.office, seed: seed, stream: 12, faults: w.account.SetFaults, right: w.right, quiet: w.quiet,
		more: []func(*rand.Rand, *worker){func(luck *rand.Rand, s *worker) { s.first = string(rune('p'+luck.IntN(2))) + s.first[1:] }},
		live: func() {
			for _, u := range w.account.Users() {
				_ = w.account.SignIn(u.ID) // whoever is out cannot
				w.account.LetIn(u.ID, "notes.example")
				w.account.MakePassword(u.ID)
			}
		},
	}
	m.play()
}

// right compares the account with the staff.
func (w *workspace) right() {
	w.Helper()
	users := w.account.Users()
	if made := w.effects(googletest.Created); made != len(users) || len(users) > len(w.staff) {
		w.Errorf("%d users were made, and %d are there of %d people", made, len(users), len(w.staff))
	}
	here := 0
	for _, s := range w.staff {
		if s.end != "" {
			continue
		}
		here++
		if u := users[s.first+"@acme.example"]; u.ID == "" || u.Suspended || department(u) != s.dept || !slices.Equal(u.Groups, []string{s.dept}) {
			w.Errorf("%s: %+v, want department %s", s.first, u, s.dept)
		}
	}
	for _, u := range users { // whoever has left may have another address by now
		if here--; !u.Suspended {
			continue
		}
		if here++; u.Sessions > 0 || len(u.Grants) > 0 || len(u.Passwords) > 0 || len(u.Groups) > 0 {
			w.Errorf("is not out: %+v", u)
		}
	}
	if here != 0 {
		w.Errorf("%d more people are here than users", here)
	}
}

// TestGoogleTakesItsTime: an account that does not find what is new for five minutes has
// nobody made twice, also if their address is another one within them or the answer to
// their create is lost, and nobody set aside.
func TestGoogleTakesItsTime(t *testing.T) {
	t.Parallel()
	for _, forbidden := range []bool{false, true} {
		for _, lost := range []bool{false, true} {
			c := accountConfig()
			c.SettleIn, c.SearchLag, c.FreshForbidden = 5*time.Minute, 5*time.Minute, forbidden
			bubbled(t, c, 3, func(w *workspace) {
				if lost {
					w.account.SetFaults(fake.Rules(fake.Rule{Method: "POST", Path: "/users", Times: 1, Fault: fake.Fault{Kind: fake.AnswerLost}}))
				}
				w.cycle("2026-03-01")
				w.staff[0].first = "renamed"
				for range 4 {
					w.cycle("2026-03-02")
					time.Sleep(time.Minute)
				}
				for range 4 {
					time.Sleep(time.Hour)
					w.cycle("2026-03-02")
				}
				if n := w.effects(googletest.Created); n != 3 || len(w.account.Users()) != 3 || w.parked() != "" {
					w.Errorf("forbidden %t, lost %t: %d users were made: %s", forbidden, lost, n, w.parked())
				}
				w.in("renamed", "A")
			})
		}
	}
}
