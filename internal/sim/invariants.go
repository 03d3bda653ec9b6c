// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/usher-id/usher/internal/provision"
)

// check holds the apps against the company, once nothing goes wrong any more. Until
// everything was verified, accounts of which nobody has told the engine that they were
// changed are left out.
func (w *world) check(verified bool) {
	if w.broken() {
		return
	}
	for _, a := range w.apps {
		for _, h := range w.hr.workers {
			if a.down || a.poison[h.key] || !verified && (a.tainted[h.key] || a.restored) {
				continue
			}
			w.person(a, h)
		}
	}
}

// person holds one worker's accounts at an app against what they should be.
func (w *world) person(a *fakeApp, h *worker) {
	now := time.Now()
	s, known := w.oracle.newest(h.key)
	if !known {
		return
	}
	var live []*account
	kept, in := false, s.in(now)
	for _, u := range a.users {
		if u.owner != h.key {
			continue
		}
		if u.was == claimed || u.was == mighty {
			kept = true // they are set aside, with the reason
			continue
		}
		if !in && u.was == adoptable && len(u.states) == 1 && !w.held(h.key) {
			continue // nobody's: it was there before us, and whom it is called as never had access
		}
		if u.live() {
			live = append(live, u)
		}
	}
	switch {
	case kept:
		if len(live) > 0 {
			w.violate(5, "app %s: %s has an account beside one that is somebody else's or privileged", a.name, h.key)
		}
	case !in && w.held(h.key):
		if len(live) == 0 && w.everLive(a, h.key) && !a.tainted[h.key] && !a.restored {
			w.violate(4, "app %s: %s has no live account, and the departure is held", a.name, h.key)
		}
	case !in:
		if len(live) > 0 && !a.orphans[h.key] { // which nothing looks for, until orphans are
			w.violate(3, "app %s: %s has left, and %s is live", a.name, h.key, live[0].id)
		}
		w.seats(a, h, nil, s)
	case len(live) == 0 && a.orphans[h.key]: // set aside: the id that is kept of them is somebody else's
	case len(live) == 0:
		w.violate(2, "app %s: %s is in, and has no live account", a.name, h.key)
	case len(live) > 1 && a.orphans[h.key]: // one of them likewise
	case len(live) > 1:
		w.violate(1, "app %s: %s has the live accounts %s and %s", a.name, h.key, live[0].id, live[1].id)
	default:
		w.attributes(a, h, live[0], s)
		w.seats(a, h, live[0], s)
	}
}

// held says that somebody's departure waits for consent, as far as holds stand.
func (w *world) held(key string) bool {
	return !w.releases && len(w.standing) > 0 && !w.oracle.leftSince(key)
}

// leftSince says that the directory has let somebody go, and not taken them back.
func (o *oracle) leftSince(key string) bool { return o.out[key] }

// everLive says that somebody had a live account since the directory has let them in last: who
// came back and was held before the app was told of it gains nothing.
func (w *world) everLive(a *fakeApp, key string) bool {
	back := w.oracle.back[key]
	for _, u := range a.users {
		for i, s := range u.states {
			if u.owner == key && s.active && (i+1 == len(u.states) || u.states[i+1].at.After(back)) {
				return true
			}
		}
	}
	return false
}

// attributes holds an account against what HR says, by the mapping in the oracle's own words.
func (w *world) attributes(a *fakeApp, h *worker, u *account, s statement) {
	is, want := u.now(), state{userName: s.login, name: s.name, title: s.title, nick: s.key}
	if a.drops {
		want.title = ""
	}
	switch {
	case !strings.EqualFold(is.userName, want.userName) && !w.foundOut(a, "userName"):
		w.violate(2, "app %s: %s is called %q, and should be %q", a.name, h.key, is.userName, want.userName)
	case is.name != want.name && !w.foundOut(a, "displayName"):
		w.violate(2, "app %s: the name of %s is %q, and should be %q", a.name, h.key, is.name, want.name)
	case is.title != want.title && !w.foundOut(a, "title"):
		w.violate(2, "app %s: the title of %s is %q, and should be %q", a.name, h.key, is.title, want.title)
	case is.nick != want.nick && !w.foundOut(a, "nickName"):
		w.violate(2, "app %s: the nickname of %s is %q", a.name, h.key, is.nick)
	}
	if u.locale != "en-"+u.owner {
		w.violate(5, "app %s: the locale of %s was changed, which no mapping names", a.name, h.key)
	}
}

// foundOut says that the engine has told of an attribute that the app does not keep it, as
// it has lied about it once: it is not sent again for that.
func (w *world) foundOut(a *fakeApp, attribute string) (told bool) {
	w.view(func(ctx context.Context, tx provision.Tx) error {
		found, err := tx.Findings(ctx, a.name)
		_, told = found[attribute]
		return err
	})
	return told
}

// seats holds a worker's memberships against their department; nobody's account is in none.
func (w *world) seats(a *fakeApp, h *worker, u *account, s statement) {
	for _, g := range a.groups {
		for _, m := range a.users {
			if m.owner != h.key || m.was == claimed || m.was == mighty || m.was == strangers || m.now().gone {
				continue
			}
			if !a.profile.MembersReadable && (a.tainted[h.key] || a.restored) {
				continue // which nobody can see, and nothing mends
			}
			_, is := slices.BinarySearch(g.now().members, m.id)
			should := m == u && g.now().name == s.dept
			if is && !should && m == u && !w.releases && w.kept[a.name] > mostSeats {
				continue // nobody has agreed that so many lose theirs
			}
			if is && !should {
				w.violate(3, "app %s: %s is in the group %s, and should not be", a.name, h.key, g.now().name)
			}
			if !is && should {
				w.violate(2, "app %s: %s is not in the group %s, and should be", a.name, h.key, g.now().name)
			}
		}
	}
}
