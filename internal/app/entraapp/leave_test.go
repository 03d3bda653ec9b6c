// SPDX-License-Identifier: Apache-2.0

package entraapp_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/app/entraapp"
	"github.com/usher-id/usher/internal/entra/entratest"
	"github.com/usher-id/usher/internal/fake"
	"github.com/usher-id/usher/scim"
)

// TestLeaves: a leaver ends disabled with no session left, in as many requests as are
// told, and doing it again changes nothing.
func TestLeaves(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	id := r.create(person(name))
	for range 2 {
		before := r.app.Requests()
		ans := r.must(r.patch(id, set("active", false), set("title", "gone")))
		if on, known := ans.Resource.Active(); on || !known || r.app.Requests()-before > int64(r.app.Weight(app.KindUser, []scim.Change{set("active", false)})) {
			t.Errorf("answered active %v after %d requests", on, r.app.Requests()-before)
		}
		r.is(false, 0)
	}
	if u := r.tenant.Users()[name]; u.Props["jobTitle"] != "gone" {
		t.Errorf("%+v", u)
	}
	r.must(r.patch(id, set("active", true), set("title", "back")))
	r.is(true, 0)
	if u := r.tenant.Users()[name]; u.Props["jobTitle"] != "back" {
		t.Errorf("%+v", u)
	}
}

// TestBadAttributeKeepsNobodyIn: what goes wrong with another change of a leaver is told,
// and the leaver is out.
func TestBadAttributeKeepsNobodyIn(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	id := r.create(person(name))
	_, err := r.patch(id, set("title", strings.Repeat("x", 200)), set("active", false))
	r.fails(err, app.Terminal, "jobTitle")
	r.is(false, 0)
}

var errCut = errors.New("cut off")

// TestCrashBehindTheChange: when a departure is cut off right behind the change of the
// account, whoever was signed in before is signed out already, whenever
// the rest is sent.
func TestCrashBehindTheChange(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	id := r.create(person(name))
	changed := false
	r.way.Before(func(req *http.Request) error {
		if changed {
			return errCut
		}
		changed = req.Method == http.MethodPatch
		return nil
	})
	_, err := r.patch(id, set("active", false))
	r.fails(err, app.Retry)
	r.is(false, 0)
}

// TestSignsInMeanwhile: whoever signs in while a departure is under way is signed out.
func TestSignsInMeanwhile(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	id := r.create(person(name))
	r.way.Before(func(req *http.Request) error {
		if req.Method == http.MethodPatch {
			return r.tenant.SignIn(id)
		}
		return nil
	})
	r.must(r.patch(id, set("active", false)))
	r.is(false, 0)
}

// TestSessionsCannotBeEnded: where sessions are not ended, the user is shut out all the
// same, that person is set aside or tried again, and nobody else stops for it.
func TestSessionsCannotBeEnded(t *testing.T) {
	t.Parallel()
	for kind, class := range map[fake.Kind]app.Class{
		fake.Forbidden: app.Terminal, fake.ServerError: app.Retry, fake.AnswerLost: app.Retry, fake.NotFound: app.Precondition,
	} {
		r := newRig(t, nil)
		id := r.create(person(name))
		r.tenant.SetFaults(fake.Rules(fake.Rule{Path: "/users/{id}/revokeSignInSessions", Fault: fake.Fault{Kind: kind}}))
		_, err := r.patch(id, set("active", false))
		r.fails(err, class, "not ended")
		r.tenant.SetFaults(nil)
		r.must(r.patch(id, set("active", false)))
		r.is(false, 0)
	}
}

// TestNoEffect: what is answered and does not happen is told, be it of the account or of
// the sessions.
func TestNoEffect(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for path, word := range map[string]string{"/users/{id}": "still enabled", "/users/{id}/revokeSignInSessions": "sessions are ended"} {
			r := newRig(t, nil)
			id := r.create(person(name))
			time.Sleep(time.Hour)
			r.tenant.SetFaults(fake.Rules(fake.Rule{Method: http.MethodPatch, Path: path, Fault: fake.Fault{Kind: fake.NoEffect}}, fake.Rule{Method: http.MethodPost, Path: path, Fault: fake.Fault{Kind: fake.NoEffect}}))
			_, err := r.patch(id, set("active", false))
			r.fails(err, app.Precondition, word)
			r.tenant.SetFaults(nil)
			r.must(r.patch(id, set("active", false)))
			r.is(false, 0)
		}
	})
}

// TestLag: what a replica does not show yet is told as that, and asked for again.
func TestLag(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(c *entratest.Config, _ *entraapp.Config) { c.Lag = 10 * time.Second })
		id := r.create(person(name))
		_, err := r.app.Get(t.Context(), app.KindUser, id)
		r.fails(err, app.NotFound)
		_, err = r.patch(id, set("title", "Dr"))
		r.fails(err, app.NotFound)
		time.Sleep(time.Minute)
		_, err = r.patch(id, set("active", false))
		r.fails(err, app.Precondition, "does not show it yet")
		r.is(false, 0)
		time.Sleep(10 * time.Second)
		r.must(r.patch(id, set("active", false)))
	})
}

// TestNotOurs: administrators, guests and whoever comes from on-premises are never
// written, whatever is asked; each is told why, and nothing is even tried.
func TestNotOurs(t *testing.T) {
	t.Parallel()
	for word, p := range map[string]entratest.Person{
		"administrator": {Roles: []string{"Helpdesk Administrator"}}, "guest": {Guest: true}, "on-premises": {Synced: true},
	} {
		r := newRig(t, nil)
		p.Name = name
		id := r.tenant.Put(p)
		if err := r.tenant.SignIn(id); err != nil {
			t.Fatal(err)
		}
		for _, on := range []bool{false, true} {
			_, err := r.patch(id, set("active", on))
			r.fails(err, app.Terminal, word)
		}
		_, err := r.app.Delete(t.Context(), app.KindUser, id)
		r.fails(err, app.Terminal, word)
		if n := r.writes(); n != 0 {
			t.Errorf("%s: %d writes", word, n)
		}
		r.is(true, 1)
		_, err = r.patch(id, set("title", "Dr"))
		r.fails(err, app.Terminal, word)
		if u := r.tenant.Users()[name]; u.Props["jobTitle"] != "" {
			t.Errorf("%s: %+v", word, u)
		}
	}
	// So is whoever is in a group to which roles can be assigned.
	r := newRig(t, nil)
	id := r.create(person(name))
	r.tenant.PutGroup(entratest.Assignable, "keepers", id)
	_, err := r.patch(id, set("active", false))
	r.fails(err, app.Terminal, "keepers")
	r.is(true, 1)
}

// TestUnreadableBeforeAnything: a departure is not taken for done, nor for an open
// question, because the next try cannot even read the user or its roles.
func TestUnreadableBeforeAnything(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	id := r.create(person(name))
	for _, path := range []string{"/users/{id}", "/users/{id}/transitiveMemberOf"} {
		r.tenant.SetFaults(fake.Rules(fake.Rule{Method: http.MethodGet, Path: path, Fault: fake.Fault{Kind: fake.ServerError}}))
		for _, on := range []bool{false, true} {
			_, err := r.patch(id, set("active", on))
			r.fails(err, app.Retry)
		}
		_, err := r.app.Delete(t.Context(), app.KindUser, id)
		r.fails(err, app.Retry)
	}
	r.is(true, 1)
}

// TestDelete: a user is deleted once, and one that is not there is no error.
func TestDelete(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	id := r.create(person(name))
	r.must(r.app.Delete(t.Context(), app.KindUser, id))
	r.must(r.app.Delete(t.Context(), app.KindUser, id))
	if n := len(r.tenant.Users()); n != 0 {
		t.Errorf("%d users", n)
	}
	r.create(person(name)) // the name is free again
	r = newRig(t, func(c *entratest.Config, _ *entraapp.Config) { c.DeletedKeepNames = true })
	r.must(r.app.Delete(t.Context(), app.KindUser, r.create(person(name))))
	_, err := r.app.Create(t.Context(), app.KindUser, person(name))
	r.fails(err, app.Conflict, "Another object")
}
