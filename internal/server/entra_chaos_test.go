// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/app/entraapp"
	"github.com/usher-id/usher/internal/entra"
	"github.com/usher-id/usher/internal/entra/entratest"
	"github.com/usher-id/usher/internal/fake"
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
				inBubble(t, 2, func(o office) { cloudLosesAnswers(o, kind, what) })
			})
		}
	}
}

// bubbleCloud is a company over a tenant without a network.
func bubbleCloud(o office, id string, c entratest.Config) *cloud {
	o.Helper()
	c.Secret, c.MostPerPage = cloudSecret, 3
	tenant, err := entratest.New(c)
	if err != nil {
		o.Fatal(err)
	}
	client, err := entra.New(entra.Config{
		Tenant: "acme.example", ClientID: entratest.ClientID, Secret: cloudSecret, HTTP: tenant.Transport(), Attributes: entraapp.Properties(id),
	})
	if err != nil {
		o.Fatal(err)
	}
	w := &cloud{office: o, tenant: tenant}
	if w.app, err = entraapp.New(entraapp.Config{Client: client, IDAttribute: id}); err != nil {
		o.Fatal(err)
	}
	w.conf = cloudCompany(entra.DefaultURL)
	if id != "" {
		w.edit("    first_run: go\n", "    first_run: go\n    id_attribute: "+id+"\n")
	}
	return w
}

func cloudLosesAnswers(o office, kind fake.Kind, what string) {
	w := bubbleCloud(o, "", entratest.Config{Lag: 5 * time.Second})
	st := story{
		office: &w.office, kind: kind, what: what, faults: w.tenant.SetFaults, work: w.signIn, in: w.in, out: w.out, quiet: w.quiet,
		day: func(today string) {
			for range 3 { // what is due later than a cycle lasts is due in the next
				w.cycle(today)
				time.Sleep(time.Minute)
			}
		},
		made: func() {
			if n := w.effects(entratest.Created); n != 2 || len(w.tenant.Users()) != 2 || !slices.Equal(w.tenant.Groups(entratest.Security), []string{"A", "B"}) {
				w.Errorf("%d users were made, groups %v", n, w.tenant.Groups(entratest.Security))
			}
		},
	}
	st.play()
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
			inBubble(t, 8, func(o office) { cloudMonths(o, seed) })
		})
	}
}

func cloudMonths(o office, seed uint64) {
	id := ""
	if seed%2 == 0 {
		id = "extensionAttribute3"
	}
	w := bubbleCloud(o, id, entratest.Config{Lag: time.Duration(seed) * 4 * time.Second, RevokeAnswersNothing: seed == 1, Uneven: seed > 1})
	m := months{
		office: &w.office, seed: seed, stream: 13, faults: w.tenant.SetFaults, right: w.right, quiet: w.quiet,
		live: func() {
			for _, u := range w.tenant.Users() {
				_ = w.tenant.SignIn(u.ID) // whoever is out cannot
			}
		},
	}
	m.play()
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
}
