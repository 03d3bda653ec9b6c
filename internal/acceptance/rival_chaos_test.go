// SPDX-License-Identifier: Apache-2.0

package acceptance_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/auth0/auth0test"
	"github.com/usher-id/usher/scim/scimtest"
)

// TestRivalChaos: users come, change, are linked and go at a tenant while usher serve follows it;
// events come twice and late, streams break, the tenant and the app fail. Once that
// ends the app has an active account for whoever is there, called as they are now, none
// for anybody who was blocked or deleted, and nobody twice.
func TestRivalChaos(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			chaos(t, seed)
		})
	}
}

func chaos(t *testing.T, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 17))
	r := newRival(t, nil, rivalApp{name: "wiki"})
	r.edit("apps:\n", "guard: {why: it has tests of its own, terminations: {floor: 1000}, unexplained: {floor: 1000, cap: 1000}, unexplained_day: {floor: 1000}}\napps:\n")
	r.edit("changes: none", "changes: stream")
	r.load(10)
	ids := []string{}
	for _, u := range r.tenant.Users() {
		ids = append(ids, u.ID)
	}
	r.serve()
	r.until("it begins", func() bool { return len(r.live("wiki")) == 10 && r.tenant.OpenStreams() == 1 })
	for _, trick := range []auth0test.Trick{auth0test.Late, auth0test.Again, auth0test.Duplicate} {
		for range 8 {
			r.tenant.Play(auth0test.Mischief{After: rnd.IntN(40), Times: 1 + rnd.IntN(3), Trick: trick, By: 1 + rnd.IntN(12)})
		}
	}
	r.tenant.SetFaults(auth0test.Seeded(seed, 0.1, 0, auth0test.Unavailable, auth0test.ServerError, auth0test.Reset, auth0test.BadGateway))
	r.apps["wiki"].SetFaults(scimtest.Seeded(seed, 0.1, 0.5, scimtest.ServerError, scimtest.Reset, scimtest.BadGateway))
	linked := map[string]string{} // id → to whom
	mails := map[string]string{}
	for i := range 80 {
		id := ids[rnd.IntN(len(ids))]
		switch rnd.IntN(13) {
		case 0, 1, 2:
			ids = append(ids, r.put(fmt.Sprintf("new%02d", i), "R&D"))
		case 3, 4, 5, 6:
			_ = r.tenant.Alter(id, called(fmt.Sprint("Name ", i))) // who is gone has no name
		case 7:
			_ = r.tenant.Block(id)
		case 8:
			_ = r.tenant.Remove(id)
		case 9, 10, 11: // an account of somebody who has another one; both were people to us
			a, ok := r.tenant.User(id)
			b, there := r.tenant.User(ids[rnd.IntN(len(ids))])
			if ok && there && a.ID != b.ID && !a.Blocked && !b.Blocked && r.active("wiki", a.Email) && r.active("wiki", b.Email) {
				r.must(r.tenant.Link(a.ID, b.ID))
				linked[b.ID], mails[b.ID] = a.ID, b.Email
			}
		default:
			r.tenant.CloseStreams(rnd.IntN(2) == 0)
		}
		time.Sleep(time.Duration(rnd.IntN(20)) * time.Millisecond)
	}
	r.tenant.Flush()
	r.tenant.SetFaults(nil)
	r.apps["wiki"].SetFaults(nil)
	part := map[string]bool{} // by address: of another one's account, and called as they were last
	want := func() (names []string) {
		for _, u := range r.tenant.Users() {
			if !u.Blocked {
				names = append(names, u.Email+" "+u.Name)
			}
		}
		for id, mail := range mails {
			whole := id
			for linked[whole] != "" {
				whole = linked[whole]
			}
			part[mail] = true
			if u, there := r.tenant.User(whole); there && !u.Blocked {
				names = append(names, mail)
			}
		}
		slices.Sort(names)
		return names
	}()
	got := func() (names []string) {
		for _, u := range r.apps["wiki"].Users() {
			name := u.UserName() + " " + u.DisplayName()
			if part[u.UserName()] {
				name = u.UserName()
			}
			if active, _ := u.Active(); active {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		return names
	}
	for end := time.Now().Add(20 * time.Second); !slices.Equal(got(), want); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("active are\n%q\nwant\n%q", got(), want)
		}
	}
	for _, u := range r.apps["wiki"].Users() {
		r.account("wiki", u.UserName()) // is there once
	}
}

// active reports whether somebody has an active account.
func (r *rival) active(app, userName string) bool {
	r.Helper()
	u := r.account(app, userName)
	if u == nil {
		return false
	}
	active, _ := u.Active()
	return active
}
