// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"testing"
	"time"

	"github.com/usher-id/usher/internal/auth0/auth0test"
	"github.com/usher-id/usher/internal/fake"
)

// TestForbiddenLeaversAreFreed: who was set aside by 403 in a departure of several requests
// is tried again once the app is no longer paused for a right that it lacked.
func TestForbiddenLeaversAreFreed(t *testing.T) {
	t.Parallel()
	l := newLogin(t, nil)
	l.staff = staff(8)
	l.edit("    first_run: go\n", "    first_run: go\n    concurrency: 1\n")
	l.cycle("2026-03-01")
	l.tenant.SetFaults(auth0test.Rules(auth0test.Rule{Method: "PATCH", Fault: auth0test.Fault{Kind: auth0test.Forbidden}}))
	for i := range 6 {
		l.staff[i].end = "2026-03-01"
	}
	if l.cycle("2026-03-03"); l.status.Apps[0].Paused == "" {
		t.Errorf("not paused: %s", l.parked())
	}
	l.tenant.SetFaults(nil)
	for range 2 {
		l.cycle("2026-03-03")
	}
	users := l.users()
	for i, w := range l.staff {
		if users[w.first].Blocked != (i < 6) {
			t.Errorf("%s: blocked %v: %s", w.first, users[w.first].Blocked, l.parked())
		}
	}
}

// halfOut suspends p001, who has left, and lets what is behind that fail.
func halfOut(t *testing.T, rules ...fake.Rule) *workspace {
	t.Helper()
	w := newWorkspace(t, nil)
	w.cycle("2026-03-01")
	w.works("p001")
	w.account.SetFaults(fake.Rules(rules...))
	w.staff[0].end = "2026-03-01"
	w.wait = time.Millisecond // in which nothing is tried again
	if w.cycle("2026-03-03"); !w.user("p001").Suspended {
		t.Errorf("not suspended: %s", w.parked())
	}
	w.account.SetFaults(nil)
	w.wait = 0
	return w
}

// TestReturnsHalfOut: who comes back while a departure is half done is let in again,
// whatever the last request ended with, also one about a group, and if they are looked at
// first. Nobody else is said to have shut them out.
func TestReturnsHalfOut(t *testing.T) {
	t.Parallel()
	signOut := func(k fake.Kind) fake.Rule {
		return fake.Rule{Path: "/users/{id}/signOut", Fault: fake.Fault{Kind: k}}
	}
	for name, c := range map[string]struct {
		rules  []fake.Rule
		verify bool
	}{
		"401":               {[]fake.Rule{signOut(fake.Unauthorized)}, false},
		"403 of the groups": {[]fake.Rule{signOut(fake.Forbidden), {Method: "DELETE", Path: "/groups/{gid}/members/{id}", Fault: fake.Fault{Kind: fake.Forbidden}}}, false},
		"looked at":         {[]fake.Rule{signOut(fake.ServerError)}, true},
	} {
		w := halfOut(t, c.rules...)
		w.staff[0].end = ""
		w.verify = c.verify
		rep := w.cycle("2026-03-04").Apps["app"]
		if rep.Update != 1 || rep.Parked != 0 || rep.Drifted != 0 {
			t.Errorf("%s: %+v %s", name, rep, w.parked())
		}
		w.in("p001", "A")
		w.verify = false
		w.quiet("2026-03-04")
	}
}

// TestHalfOutIsNotOut: a look that finds somebody shut out does not settle a departure of
// which the rest was not done: it is sent again until all is ended.
func TestHalfOutIsNotOut(t *testing.T) {
	t.Parallel()
	broken := fake.Fault{Kind: fake.ServerError}
	t.Run("google", func(t *testing.T) {
		t.Parallel()
		w := halfOut(t, fake.Rule{Path: "/users/{id}/tokens", Fault: broken}, fake.Rule{Path: "/users/{id}/asps", Fault: broken})
		w.verify = true
		if rep := w.cycle("2026-03-04").Apps["app"]; rep.Disable != 1 || rep.Drifted != 0 {
			t.Errorf("%+v %s", rep, w.parked())
		}
		w.out("p001")
		w.verify = false
		w.quiet("2026-03-04")
	})
	t.Run("entra", func(t *testing.T) {
		t.Parallel()
		w := newCloud(t, nil)
		w.cycle("2026-03-01")
		w.signIn("p001")
		w.tenant.SetFaults(fake.Rules(fake.Rule{Path: "/users/{id}/revokeSignInSessions", Fault: broken}))
		w.staff[0].end, w.wait = "2026-03-01", time.Millisecond
		if w.cycle("2026-03-03"); w.user("p001").Enabled || w.user("p001").Sessions == 0 {
			t.Errorf("not half out: %+v", w.user("p001"))
		}
		w.tenant.SetFaults(nil)
		w.wait, w.verify = 0, true
		if rep := w.cycle("2026-03-04").Apps["app"]; rep.Disable != 1 || rep.Drifted != 0 {
			t.Errorf("%+v %s", rep, w.parked())
		}
		w.out("p001")
	})
	t.Run("okta", func(t *testing.T) {
		t.Parallel()
		w := newWorkforce(t, nil)
		w.cycle("2026-03-01")
		w.signIn("p001")
		w.org.SetFaults(fake.Rules(fake.Rule{Path: "/users/{id}/sessions", Fault: broken}))
		w.staff[0].end, w.wait = "2026-03-01", time.Millisecond
		w.cycle("2026-03-03")
		w.org.SetFaults(nil)
		w.wait, w.verify = 0, true
		if rep := w.cycle("2026-03-04").Apps["app"]; rep.Disable != 1 || rep.Drifted != 0 {
			t.Errorf("%+v %s", rep, w.parked())
		}
		w.out("p001", "DEPROVISIONED")
	})
}
