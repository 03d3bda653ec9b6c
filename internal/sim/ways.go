// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/usher-id/usher/internal/app"
)

var operations = app.Operations{Create: true, Replace: true, Patch: true, Delete: true, Get: true, List: true}

// newApp draws an app's ways.
func (w *world) newApp(i int) *fakeApp {
	r := w.rnd
	a := &fakeApp{
		w: w, name: [...]string{"crm", "chat", "wiki", "desk"}[i], unique: r.IntN(3) > 0, keepsExt: r.IntN(4) > 0, lowers: r.IntN(4) == 0,
		drops: r.IntN(6) == 0, mute: r.IntN(4) == 0, recycles: r.IntN(6) == 0, poison: map[string]bool{}, effects: map[effect]int{}, tainted: map[string]bool{}, orphans: map[string]bool{}, shut: map[string]bool{}, lied: map[string]bool{},
	}
	if r.IntN(3) == 0 {
		a.settle = time.Duration(2+r.IntN(60)) * time.Second
	}
	p := app.Profile{
		ID: a.name, Name: a.name, Users: operations, Groups: operations, ListTrusted: r.IntN(2) == 0 && a.settle == 0, MembersReadable: r.IntN(4) > 0,
		ReusesIDs: a.recycles, MaxMembersPerRequest: 1 + r.IntN(5), PageSize: 1 + r.IntN(20), Settle: a.settle, Pagination: "index",
		DeactivateBy: app.ByPatch, DeactivateLeaves: app.LeavesDisabled, DeleteLeaves: app.LeavesNothing,
	}
	if r.IntN(4) == 0 {
		p.DeactivateBy, p.DeleteLeaves = app.ByDelete, app.LeavesDisabled
	}
	if !a.keepsExt {
		p.Unsupported = app.Paths{{Attr: "externalId"}}
	}
	a.profile = p
	return a
}

// ways says how an app is.
func (a *fakeApp) ways() string {
	p := a.profile
	return fmt.Sprintf("unique %t, externalId %t, lowers %t, drops %t, mute %t, recycles %t, settle %s, trusted %t, members readable %t, at once %d, by %s, sick %t, down %t, %d accounts",
		a.unique, a.keepsExt, a.lowers, a.drops, a.mute, a.recycles, a.settle, p.ListTrusted, p.MembersReadable, p.MaxMembersPerRequest, p.DeactivateBy, a.sick, a.down, len(a.users))
}

// earlier fills an app with accounts that were there before us.
func (w *world) earlier(a *fakeApp) {
	r := w.rnd
	add := func(was whose, s state, owner string) {
		a.last++
		a.normalise(&s)
		u := &account{id: fmt.Sprintf("u%03d", a.last), owner: owner, was: was, locale: "en-" + cmp.Or(owner, "x"), states: []state{s}}
		a.users = append(a.users, u)
	}
	for i := range r.IntN(3) {
		add(strangers, state{userName: fmt.Sprintf("robot%d", i), name: "Robot", active: true}, "")
	}
	for _, was := range [...]whose{claimed, mighty, adoptable} {
		if r.IntN(4) > 0 {
			continue
		}
		h := w.hr.workers[r.IntN(len(w.hr.workers))]
		if slices.ContainsFunc(a.users, func(u *account) bool { return u.owner == h.key }) {
			continue
		}
		s := state{userName: h.login, name: "As it was", active: true}
		if was == claimed {
			if !a.keepsExt {
				continue
			}
			s.ext = "somebody-else"
		}
		add(was, s, h.key)
	}
}

// squats makes an account by hand for somebody who is hired in the same minute, at an app
// where no two may be called the same.
func squats(w *world) {
	a := w.apps[w.rnd.IntN(len(w.apps))]
	h := w.hr.hire(w)
	if !a.unique {
		return
	}
	s := state{userName: h.login, name: "By hand", active: true}
	a.normalise(&s)
	u := &account{id: a.nextID("u"), owner: h.key, was: adoptable, locale: "en-" + h.key}
	u.put(s)
	a.users = append(a.users, u)
	w.note("%s: somebody makes %s by hand for %s", a.name, u.id, h.key)
}
