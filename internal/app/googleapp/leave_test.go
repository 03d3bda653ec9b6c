// SPDX-License-Identifier: Apache-2.0

package googleapp_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/app/googleapp"
	"github.com/usher-id/usher/internal/fake"
	"github.com/usher-id/usher/internal/google/googletest"
)

// TestLeaves: a leaver is suspended, signed out, and has no token and no password for an
// application left; doing it again changes nothing. Who was suspended or archived before,
// by whomever, is out as well.
func TestLeaves(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]func(r *rig, id string){
		"active":    func(*rig, string) {},
		"suspended": func(r *rig, id string) { r.account.Suspend(id, "ADMIN") },
		"abuse":     func(r *rig, id string) { r.account.Suspend(id, "ABUSE") },
		"archived":  func(r *rig, id string) { r.account.Archive(id) },
	} {
		for _, nobody := range []bool{false, true} {
			r := newRig(t, func(c *googletest.Config, _ *googleapp.Config) { c.NobodyToSignOut = nobody && name == "active" })
			id := r.create(person(ada))
			before(r, id)
			for range 2 {
				ans := r.must(r.patch(id, set("active", false)))
				if on, known := ans.Resource.Active(); on || !known {
					t.Errorf("%s: answered as active", name)
				}
				r.out(ada)
				if r.active(id) {
					t.Errorf("%s: active", name)
				}
			}
		}
	}
}

// TestLeavesWithChanges: what else is to change goes behind the suspension, and what Google
// will not have of it keeps nobody in.
func TestLeavesWithChanges(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	id := r.create(person(ada))
	_, err := r.patch(id, set(unit, "/Nowhere"), set("active", false))
	r.fails(err, app.Terminal, "INVALID_OU_ID")
	r.out(ada)
	r.must(r.patch(id, set(unit, "/Sales"), set("active", false)))
	if u := r.account.Users()[ada]; u.Fields["orgUnitPath"] != "/Sales" {
		t.Errorf("%+v", u)
	}
}

var errCut = errors.New("cut off")

// TestCrashBehindTheSuspension: when a departure is cut off right behind the suspension,
// nothing is left of what there was before, whenever the rest is sent.
func TestCrashBehindTheSuspension(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	id := r.create(person(ada))
	shut := false
	r.way.Before(func(req *http.Request) error {
		if shut {
			return errCut
		}
		shut = req.Method == http.MethodPut
		return nil
	})
	_, err := r.patch(id, set("active", false))
	r.fails(err, app.Retry, "not known")
	r.way.Before(nil)
	if r.active(id) {
		t.Error("active")
	}
	r.out(ada)
}

// TestWhatBeginsInBetween is ended, too.
func TestWhatBeginsInBetween(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	id := r.create(person(ada))
	r.way.Before(func(req *http.Request) error {
		if req.Method == http.MethodPut {
			r.works(id)
		}
		return nil
	})
	r.must(r.patch(id, set("active", false)))
	r.out(ada)
}

// TestCannotBeEnded: what cannot be ended keeps the suspension from nobody; that person is
// set aside or tried again, and nobody else stops for it.
func TestCannotBeEnded(t *testing.T) {
	t.Parallel()
	for path, say := range map[string]string{
		"/users/{id}/signOut": "the sessions are not ended", "/users/{id}/tokens": "the tokens of applications are not revoked",
		"/users/{id}/tokens/{client}": "the tokens of applications are not revoked", "/users/{id}/asps": "the passwords for applications are not revoked",
	} {
		for kind, class := range map[fake.Kind]app.Class{fake.Forbidden: app.Terminal, fake.ServerError: app.Retry, fake.Reset: app.Retry} {
			r := newRig(t, nil)
			id := r.create(person(ada))
			r.account.SetFaults(fake.Rules(fake.Rule{Path: path, Fault: fake.Fault{Kind: kind}}))
			_, err := r.patch(id, set("active", false))
			r.fails(err, class, say)
			if u := r.account.Users()[ada]; !u.Suspended {
				t.Errorf("%s %s: %+v", path, kind, u)
			}
			r.account.SetFaults(nil)
			r.must(r.patch(id, set("active", false)))
			r.out(ada)
		}
	}
}

// TestNoEffect: what is answered and does not happen is told.
func TestNoEffect(t *testing.T) {
	t.Parallel()
	for path, say := range map[string]string{"/users/{id}": "is not suspended", "/users/{id}/tokens/{client}": "tokens of 2 applications", "/users/{id}/asps/{code}": "2 passwords for applications"} {
		r := newRig(t, nil)
		id := r.create(person(ada))
		r.account.SetFaults(fake.Rules(fake.Rule{Path: path, Fault: fake.Fault{Kind: fake.NoEffect}}))
		_, err := r.patch(id, set("active", false))
		r.fails(err, app.Precondition, say)
	}
}

// TestForbiddenToSuspend: whom we may not suspend is set aside with the reason, with what
// could be ended ended; a credential that is not taken is everybody's.
func TestForbiddenToSuspend(t *testing.T) {
	t.Parallel()
	for kind, class := range map[fake.Kind]app.Class{fake.Forbidden: app.Terminal, fake.Unauthorized: app.Unauthorized, fake.ServerError: app.Retry} {
		r := newRig(t, nil)
		id := r.create(person(ada))
		r.account.SetFaults(fake.Rules(fake.Rule{Method: http.MethodPut, Fault: fake.Fault{Kind: kind}}))
		_, err := r.patch(id, set("active", false))
		r.fails(err, class, "not suspended")
		if u := r.account.Users()[ada]; u.Suspended || u.Sessions > 0 {
			t.Errorf("%+v", u)
		}
	}
}

// TestReturns: whoever was suspended by us, or by an administrator, is let in again with
// what has changed, in one request; what Google has suspended and what is archived is not.
func TestReturns(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	id := r.create(person(ada))
	r.must(r.patch(id, set("active", false)))
	before := r.account.Counts().Writes()
	ans := r.must(r.patch(id, set("title", "Dr"), set("active", true)))
	if on, _ := ans.Resource.Active(); !on || !r.active(id) || r.account.Counts().Writes()-before != 1 {
		t.Errorf("active %v after %d writes", on, r.account.Counts().Writes()-before)
	}
	u := r.account.Users()[ada]
	if u.Entry("organizations", "title", "Dr") == nil {
		t.Errorf("%+v", u)
	}
	r.account.Suspend(id, "WEB_LOGIN_REQUIRED")
	_, err := r.patch(id, set("active", true))
	r.fails(err, app.Terminal, "Google has suspended the user (WEB_LOGIN_REQUIRED)")
	r.account.Suspend(id, "ADMIN")
	r.account.SetFaults(fake.Rules(fake.Rule{Method: http.MethodPut, Fault: fake.Fault{Kind: fake.NoEffect}}))
	_, err = r.patch(id, set("active", true))
	r.fails(err, app.Precondition, "still suspended")
	r.account.SetFaults(nil)
	r.account.Archive(id)
	_, err = r.patch(id, set("active", true))
	r.fails(err, app.Terminal, "archived")
}

// TestAdministrators: who is an administrator is not written in any way, unless that is
// meant; it is read before each write, as it may have become so since.
func TestAdministrators(t *testing.T) {
	t.Parallel()
	for _, super := range []bool{false, true} {
		r := newRig(t, nil)
		id := r.create(person(ada))
		r.account.SetAdministrator(id, super)
		before := len(r.account.Ledger())
		say := "delegated administrator"
		if super {
			say = "super administrator"
		}
		_, err := r.patch(id, set("active", false))
		r.fails(err, app.Terminal, say, "administrators: write")
		_, err = r.patch(id, set("title", "Dr"))
		r.fails(err, app.Terminal, say)
		_, err = r.patch(id, set("active", true))
		r.fails(err, app.Terminal, say)
		_, err = r.app.Delete(t.Context(), app.KindUser, id)
		r.fails(err, app.Terminal, say)
		if now := r.account.Ledger(); len(now) != before {
			t.Errorf("%+v", now[before:])
		}
		for name := range r.account.Counts() {
			if strings.Contains(name, "makeAdmin") || strings.Contains(name, "unknown") {
				t.Errorf("%s was asked for", name)
			}
		}
	}
	r := newRig(t, func(_ *googletest.Config, a *googleapp.Config) { a.Administrators = true })
	id := r.create(person(ada))
	r.account.SetAdministrator(id, true)
	r.must(r.patch(id, set("active", false)))
	r.out(ada)
}

// TestUnreadableBeforeAnything: a departure that cannot even be read is tried again, and
// no open question, as what was done before may have failed in a part that does not show.
func TestUnreadableBeforeAnything(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	id := r.create(person(ada))
	for _, on := range []bool{false, true} {
		r.account.SetFaults(fake.Rules(fake.Rule{Method: http.MethodGet, Fault: fake.Fault{Kind: fake.ServerError}}))
		_, err := r.patch(id, set("active", on))
		r.fails(err, app.Retry)
	}
	_, err := r.app.Delete(t.Context(), app.KindUser, id)
	r.fails(err, app.Retry)
}

// TestDelete: a user is deleted once, and who is gone is gone.
func TestDelete(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	id := r.create(person(ada))
	for range 2 {
		r.must(r.app.Delete(t.Context(), app.KindUser, id))
	}
	if len(r.account.Users()) != 0 {
		t.Errorf("%v", r.account.Users())
	}
	_, err := r.app.Get(t.Context(), app.KindUser, id)
	r.fails(err, app.NotFound)
}
