// SPDX-License-Identifier: Apache-2.0

package oktaapp_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/app/oktaapp"
	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/fake"
	"github.com/usher-id/usher/internal/okta/oktatest"
)

func suspends(_ *oktatest.Config, a *oktaapp.Config) { a.Deactivate = config.OktaSuspend }

// TestLeaves: from every status a leaver ends where the configuration says, or further
// out, with no session left, and doing it again changes nothing.
func TestLeaves(t *testing.T) {
	t.Parallel()
	for _, suspend := range []bool{false, true} {
		for _, from := range []string{"ACTIVE", "PROVISIONED", "PASSWORD_EXPIRED", "LOCKED_OUT", "RECOVERY", "SUSPENDED", "STAGED", "DEPROVISIONED"} {
			r := newRig(t, func(o *oktatest.Config, a *oktaapp.Config) {
				if suspend {
					suspends(o, a)
				}
			})
			id := r.create(person(login))
			r.org.SetStatus(id, from)
			want := "DEPROVISIONED"
			if suspend && (from == "ACTIVE" || from == "SUSPENDED") {
				want = "SUSPENDED"
			}
			if suspend && from == "STAGED" {
				want = "STAGED" // whom nobody can be yet
			}
			for range 2 {
				ans := r.must(r.patch(id, set("active", false)))
				if on, known := ans.Resource.Active(); on || !known {
					t.Errorf("%s: answered as active", from)
				}
				r.is(want, 0)
			}
			if r.active(id) {
				t.Errorf("%s: active", from)
			}
		}
	}
}

// TestReturns: from every status in which nobody can sign in somebody gets in again, with
// what has changed, and one request of each kind.
func TestReturns(t *testing.T) {
	t.Parallel()
	for from, want := range map[string]string{"STAGED": "PROVISIONED", "DEPROVISIONED": "PROVISIONED", "SUSPENDED": "ACTIVE", "LOCKED_OUT": "LOCKED_OUT", "ACTIVE": "ACTIVE"} {
		r := newRig(t, nil)
		id := r.create(person(login))
		r.org.SetStatus(id, from)
		before := r.app.Requests()
		ans := r.must(r.patch(id, set("title", "Dr"), set("active", true)))
		if on, _ := ans.Resource.Active(); !on || !r.active(id) || r.app.Requests()-before > 4+1 {
			t.Errorf("%s: active %v after %d requests", from, on, r.app.Requests()-before)
		}
		if u := r.org.Users()[login]; u.Status != want || u.Profile["title"] != "Dr" {
			t.Errorf("%s: %+v", from, u)
		}
	}
}

// TestUnderWay: a deactivation that is under way is none yet, is asked for once, and ends
// the sessions that began meanwhile; so is an activation.
func TestUnderWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(o *oktatest.Config, _ *oktaapp.Config) { o.DeactivateIn, o.ActivateIn = time.Minute, time.Minute })
		id := r.create(person(login))
		for range 2 {
			_, err := r.patch(id, set("active", false))
			r.fails(err, app.Precondition, "being deactivated")
			if !r.active(id) {
				t.Error("shown as out, and anybody can sign in")
			}
			if err := r.org.SignIn(id); err != nil {
				t.Error(err)
			}
		}
		_, err := r.patch(id, set("active", true))
		r.fails(err, app.Precondition, "still being deactivated")
		time.Sleep(time.Minute)
		r.must(r.patch(id, set("active", false)))
		r.is("DEPROVISIONED", 0)
		if n := r.org.Counts()["POST /users/{id}/lifecycle/deactivate"]; n != 1 {
			t.Errorf("asked for %d times", n)
		}
		for range 2 {
			_, err = r.patch(id, set("active", true))
			r.fails(err, app.Precondition)
		}
		time.Sleep(time.Minute)
		r.must(r.patch(id, set("active", true), set("title", "Dr")))
		r.is("PROVISIONED", 0)
		if n := r.org.Counts()["POST /users/{id}/lifecycle/activate"]; n != 1 {
			t.Errorf("asked for %d times", n)
		}
	})
}

var errCut = errors.New("cut off")

// TestCrashBehindTheStatus: when a departure is cut off right behind the change of the
// status, whoever was signed in before is signed out already, whenever the rest is
// sent.
func TestCrashBehindTheStatus(t *testing.T) {
	t.Parallel()
	for _, suspend := range []bool{false, true} {
		r := newRig(t, func(o *oktatest.Config, a *oktaapp.Config) {
			if suspend {
				suspends(o, a)
			}
		})
		id := r.create(person(login))
		shut := false
		r.way.Before(func(req *http.Request) error {
			if shut {
				return errCut
			}
			shut = strings.Contains(req.URL.Path, "/lifecycle/")
			return nil
		})
		_, err := r.patch(id, set("active", false))
		r.fails(err, app.Retry, "not known")
		r.way.Before(nil)
		if r.active(id) {
			t.Error("active")
		}
		if u := r.org.Users()[login]; u.Sessions != 0 {
			t.Errorf("%+v", u)
		}
	}
}

// TestSessionsThatBeginInBetween are ended, too.
func TestSessionsThatBeginInBetween(t *testing.T) {
	t.Parallel()
	r := newRig(t, suspends)
	id := r.create(person(login))
	r.way.Before(func(req *http.Request) error {
		if strings.Contains(req.URL.Path, "/lifecycle/") {
			return r.org.SignIn(id)
		}
		return nil
	})
	r.must(r.patch(id, set("active", false)))
	r.is("SUSPENDED", 0)
}

// TestSessionsCannotBeEnded: where Okta does not end sessions, the user is shut out all
// the same, that person is set aside or tried again, and nobody else stops for it. That
// Okta has no sessions of somebody who is DEPROVISIONED is no failure.
func TestSessionsCannotBeEnded(t *testing.T) {
	t.Parallel()
	for kind, class := range map[fake.Kind]app.Class{fake.Forbidden: app.Terminal, fake.ServerError: app.Retry, fake.AnswerLost: app.Retry, fake.NotFound: app.Terminal} {
		r := newRig(t, suspends)
		id := r.create(person(login))
		r.org.SetFaults(fake.Rules(fake.Rule{Path: "/users/{id}/sessions", Fault: fake.Fault{Kind: kind}}))
		_, err := r.patch(id, set("active", false))
		r.fails(err, class, "not ended")
		if u := r.org.Users()[login]; u.Status != "SUSPENDED" {
			t.Errorf("%s: %+v", kind, u)
		}
		r.org.SetFaults(nil)
		r.must(r.patch(id, set("active", false)))
		r.is("SUSPENDED", 0)
	}
	r := newRig(t, func(o *oktatest.Config, _ *oktaapp.Config) { o.NobodyToEnd = true })
	id := r.create(person(login))
	r.must(r.patch(id, set("active", false)))
	r.is("DEPROVISIONED", 0)
}

// TestUnreadableBeforeAnything: a departure whose sessions could not be ended is not taken
// for done because the next try cannot even read the user.
func TestUnreadableBeforeAnything(t *testing.T) {
	t.Parallel()
	r := newRig(t, suspends)
	id := r.create(person(login))
	r.org.SetFaults(fake.Rules(fake.Rule{Path: "/users/{id}/sessions", Fault: fake.Fault{Kind: fake.ServerError}}))
	_, err := r.patch(id, set("active", false))
	r.fails(err, app.Retry, "not ended")
	r.is("SUSPENDED", 1)
	for _, on := range []bool{false, true} {
		r.org.SetFaults(fake.Rules(fake.Rule{Method: "GET", Fault: fake.Fault{Kind: fake.ServerError}}))
		_, err = r.patch(id, set("active", on))
		r.fails(err, app.Retry)
	}
	_, err = r.app.Delete(t.Context(), app.KindUser, id)
	r.fails(err, app.Retry)
}

// TestNoEffect: what is answered and does not happen is told, whoever answers.
func TestNoEffect(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	id := r.create(person(login))
	r.org.SetFaults(fake.Rules(fake.Rule{Path: "/users/{id}/lifecycle/deactivate", Fault: fake.Fault{Kind: fake.NoEffect}}))
	_, err := r.patch(id, set("active", false))
	r.fails(err, app.Precondition, "still ACTIVE")
	r.org.SetFaults(nil)
	r.must(r.patch(id, set("active", false)))
	r.org.SetFaults(fake.Rules(fake.Rule{Path: "/users/{id}/lifecycle/activate", Fault: fake.Fault{Kind: fake.NoEffect}}))
	_, err = r.patch(id, set("active", true))
	r.fails(err, app.Precondition, "still DEPROVISIONED")
}

// TestBehindTheActivation: when more is not known of somebody who is let in already, that
// is to be looked up, as they are in.
func TestBehindTheActivation(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	id := r.create(person(login))
	r.create(person("bob@acme.example"))
	r.org.SetStatus(id, "DEPROVISIONED")
	_, err := r.patch(id, set("active", true), set("userName", "bob@acme.example"))
	r.fails(err, app.Ambiguous, "let in", "already exists")
	if !r.active(id) {
		t.Error("not in")
	}
}

// TestForbiddenToShutOut: whom we may not shut out is set aside with the reason, and
// nobody else stops for it; a credential that is not taken is everybody's.
func TestForbiddenToShutOut(t *testing.T) {
	t.Parallel()
	for kind, class := range map[fake.Kind]app.Class{fake.Forbidden: app.Terminal, fake.Unauthorized: app.Unauthorized} {
		r := newRig(t, nil)
		id := r.create(person(login))
		r.org.SetFaults(fake.Rules(fake.Rule{Path: "/users/{id}/lifecycle/deactivate", Fault: fake.Fault{Kind: kind}}))
		_, err := r.patch(id, set("active", false))
		r.fails(err, class, "not shut out")
		r.is("ACTIVE", 0)
	}
}

// TestDelete: the first DELETE deactivates and the second deletes, whatever is lost.
func TestDelete(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	id := r.create(person(login))
	r.must(r.app.Delete(t.Context(), app.KindUser, id))
	r.must(r.app.Delete(t.Context(), app.KindUser, id))
	if len(r.org.Users()) != 0 {
		t.Errorf("%v", r.org.Users())
	}
	_, err := r.app.Get(t.Context(), app.KindUser, id)
	r.fails(err, app.NotFound)
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(o *oktatest.Config, _ *oktaapp.Config) { o.DeactivateIn = time.Minute })
		id := r.create(person(login))
		for range 2 {
			_, err := r.app.Delete(t.Context(), app.KindUser, id)
			r.fails(err, app.Precondition, "being deactivated")
		}
		time.Sleep(time.Minute)
		r.must(r.app.Delete(t.Context(), app.KindUser, id))
		if n := r.org.Counts()["DELETE /users/{id}"]; n != 2 || len(r.org.Users()) != 0 {
			t.Errorf("%d requests", n)
		}
	})
}

// TestStatusChangesUnderWay: whose status is another one by the time when it is to be
// changed is no lost case. The next try sends what is for this one.
func TestStatusChangesUnderWay(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		from, before, becomes, want string
		in                          bool
	}{
		{"ACTIVE", "/lifecycle/suspend", "LOCKED_OUT", "DEPROVISIONED", false},
		{"ACTIVE", "/lifecycle/suspend", "PASSWORD_EXPIRED", "DEPROVISIONED", false},
		{"SUSPENDED", "/lifecycle/unsuspend", "DEPROVISIONED", "PROVISIONED", true},
	} {
		r := newRig(t, suspends)
		id := r.create(person(login))
		r.org.SetStatus(id, c.from)
		r.way.Before(func(req *http.Request) error {
			if strings.HasSuffix(req.URL.Path, c.before) {
				r.org.SetStatus(id, c.becomes)
			}
			return nil
		})
		_, err := r.patch(id, set("active", c.in))
		r.fails(err, app.Precondition, c.becomes+" by now, and was "+c.from)
		r.way.Before(nil)
		r.must(r.patch(id, set("active", c.in)))
		if r.active(id) != c.in || r.org.Users()[login].Status != c.want {
			t.Errorf("%s: %+v, want %s", c.becomes, r.org.Users()[login], c.want)
		}
	}
}
