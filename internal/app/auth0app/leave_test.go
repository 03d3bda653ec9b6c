// SPDX-License-Identifier: Apache-2.0

package auth0app_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/app/auth0app"
	"github.com/usher-id/usher/internal/auth0/auth0test"
	"github.com/usher-id/usher/scim"
)

// signedIn is a user who works: there are a session and a refresh token.
func (r *rig) signedIn(id, email string) string {
	r.Helper()
	id = r.create(person(id, "userName", email))
	for range 2 {
		if err := r.tenant.SignIn(id); err != nil {
			r.Fatal(err)
		}
	}
	return id
}

// out holds that nobody is signed in as a user, nor can be.
func (r *rig) out(id string) {
	r.Helper()
	if u := r.user(id); !u.Blocked || r.tenant.Sessions(id) > 0 || r.tenant.RefreshTokens(id) > 0 {
		r.Errorf("blocked %v, %d sessions, %d refresh tokens", u.Blocked, r.tenant.Sessions(id), r.tenant.RefreshTokens(id))
	}
	if r.active(id) {
		r.Error("a look-up says that the user is active")
	}
}

func TestLeave(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	id := r.signedIn("a1", "alice@acme.example")
	if !r.active(id) {
		t.Error("not active")
	}
	ans := r.must(r.patch(id, set("active", false)))
	if on, _ := ans.Resource.Active(); on {
		t.Error("the answer says that the user is active")
	}
	r.out(id)
	if n := r.effects(auth0test.SessionsEnded, "user") + r.effects(auth0test.TokensRevoked, "user"); n != 2 {
		t.Errorf("%d ends", n)
	}
	// Twice is as once.
	r.must(r.patch(id, set("active", false)))
	r.out(id)
	// And back: what was ended stays so.
	r.must(r.patch(id, set("active", true), set("displayName", "Back")))
	if u := r.user(id); u.Blocked || u.Name != "Back" || !r.active(id) {
		t.Errorf("%s", u.Raw)
	}
}

// TestBlockedIsNotOut: whoever is blocked and still signed in is active, so that what
// was cut short between the two is found and done again.
func TestBlockedIsNotOut(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	id := r.signedIn("a1", "alice@acme.example")
	if _, err := r.client.UpdateUser(t.Context(), id, blocked()); err != nil {
		t.Fatal(err)
	}
	found := func() (on [3]bool) {
		on[0] = r.active(id)
		for i, by := range []string{"externalId", "userName"} {
			value := map[string]string{"externalId": "a1", "userName": "alice@acme.example"}[by]
			hits, _, err := r.app.Find(t.Context(), app.KindUser, set(by, "").Path, value)
			if err != nil || len(hits) != 1 {
				t.Fatalf("%v %v", hits, err)
			}
			on[i+1], _ = hits[0].Active()
		}
		return on
	}
	if on := found(); on != [3]bool{true, true, true} {
		t.Errorf("%v", on)
	}
	for u, err := range r.app.List(t.Context(), app.KindUser, false) {
		if on, _ := u.Active(); err != nil || !on {
			t.Errorf("%v %v", u, err)
		}
	}
	if err := r.client.EndSessions(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if on := found(); on != [3]bool{true, true, true} { // the refresh tokens are left
		t.Errorf("%v", on)
	}
	r.must(r.patch(id, set("active", false)))
	if on := found(); on != [3]bool{} {
		t.Errorf("%v", on)
	}
}

// TestPendingIsNotOut: whoever waits for a way to a password, and was let in by hand
// meanwhile, may be signed in.
func TestPendingIsNotOut(t *testing.T) {
	t.Parallel()
	r := newRig(t, mailing)
	id := r.signedIn("a1", "alice@acme.example")
	c := blocked()
	c.AppMetadata = map[string]jsontext.Value{"usher_pending": jsontext.Value(`"password"`)}
	if _, err := r.client.UpdateUser(t.Context(), id, c); err != nil {
		t.Fatal(err)
	}
	if !r.active(id) {
		t.Error("inactive, with sessions")
	}
	r.must(r.patch(id, set("active", false)))
	r.out(id)
}

// TestListOfWhoWasBlockedBefore: whoever was blocked by hand before us, and is still
// signed in, is listed as active, and with what there is against taking them over.
func TestListOfWhoWasBlockedBefore(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(_ *auth0test.Config, c *auth0app.Config) { c.SignUps = true })
	id, err := r.tenant.Put(auth0test.User{Email: "before@acme.example", Identities: []auth0test.Identity{{Connection: staff, Provider: "auth0", UserID: "before"}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.tenant.SignIn(id); err != nil {
		t.Fatal(err)
	}
	if _, err := r.client.UpdateUser(t.Context(), id, blocked()); err != nil {
		t.Fatal(err)
	}
	if err := r.client.EndSessions(t.Context(), id); err != nil { // the refresh token is left
		t.Fatal(err)
	}
	list := func(active bool, doubts ...string) {
		t.Helper()
		n := 0
		for u, err := range r.app.List(t.Context(), app.KindUser, false) {
			if err != nil {
				t.Fatal(err)
			}
			n++
			if on, known := u.Active(); on != active || !known {
				t.Errorf("active %v", on)
			}
			for _, why := range doubts {
				if !strings.Contains(app.Doubt(u), why) {
					t.Errorf("doubt %q, and not %q", app.Doubt(u), why)
				}
			}
		}
		if n != 1 {
			t.Errorf("%d users", n)
		}
	}
	list(true, "not verified")
	if err := r.client.RevokeRefreshTokens(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	list(false, "not verified")
	for _, kind := range []auth0test.Kind{auth0test.Forbidden, auth0test.NotFound} {
		r.tenant.SetFaults(auth0test.Rules(auth0test.Rule{Path: "/users/:id/sessions", Fault: auth0test.Fault{Kind: kind}}))
		list(true, "not verified", "may not be known")
	}
}

// TestLeaveCutShort breaks a departure at each of its requests: what is left is found,
// and doing it again ends it.
func TestLeaveCutShort(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		rule  auth0test.Rule
		class app.Class
		say   string
	}{
		"block, answer lost":    {auth0test.Rule{Method: "PATCH", Path: "/users/:id", Fault: auth0test.Fault{Kind: auth0test.AnswerLost}}, app.Ambiguous, ""},
		"block, reset":          {auth0test.Rule{Method: "PATCH", Path: "/users/:id", Fault: auth0test.Fault{Kind: auth0test.Reset}}, app.Ambiguous, ""},
		"block, 500":            {auth0test.Rule{Method: "PATCH", Path: "/users/:id", Fault: auth0test.Fault{Kind: auth0test.ServerError}}, app.Ambiguous, ""},
		"sessions, reset":       {auth0test.Rule{Method: "DELETE", Path: "/users/:id/sessions", Fault: auth0test.Fault{Kind: auth0test.Reset}}, app.Retry, "the sessions are not ended"},
		"sessions, 500":         {auth0test.Rule{Method: "DELETE", Path: "/users/:id/sessions", Fault: auth0test.Fault{Kind: auth0test.ServerError}}, app.Retry, "the user is blocked"},
		"sessions, answer lost": {auth0test.Rule{Method: "DELETE", Path: "/users/:id/sessions", Fault: auth0test.Fault{Kind: auth0test.AnswerLost}}, app.Retry, ""},
		"sessions, forbidden":   {auth0test.Rule{Method: "DELETE", Path: "/users/:id/sessions", Fault: auth0test.Fault{Kind: auth0test.Forbidden}}, app.Terminal, "insufficient_scope"},
		"sessions, not found":   {auth0test.Rule{Method: "DELETE", Path: "/users/:id/sessions", Fault: auth0test.Fault{Kind: auth0test.NotFound}}, app.Terminal, "the user is blocked, and the sessions are not ended: the tenant has no such endpoint"},
		"tokens, not found":     {auth0test.Rule{Method: "DELETE", Path: "/users/:id/refresh-tokens", Fault: auth0test.Fault{Kind: auth0test.NotFound}}, app.Terminal, "not revoked: the tenant has no such endpoint"},
		"count, not found":      {auth0test.Rule{Method: "GET", Path: "/users/:id/sessions", Fault: auth0test.Fault{Kind: auth0test.NotFound}}, app.Terminal, "what is left is not known: the tenant has no such endpoint"},
		"tokens, 500":           {auth0test.Rule{Method: "DELETE", Path: "/users/:id/refresh-tokens", Fault: auth0test.Fault{Kind: auth0test.ServerError}}, app.Retry, "the refresh tokens are not revoked"},
		"count, 500":            {auth0test.Rule{Method: "GET", Path: "/users/:id/refresh-tokens", Fault: auth0test.Fault{Kind: auth0test.ServerError}}, app.Retry, "what is left is not known"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, nil)
			id := r.signedIn("a1", "alice@acme.example")
			r.tenant.SetFaults(auth0test.Rules(tt.rule))
			_, err := r.patch(id, set("active", false))
			r.fails(err, tt.class, tt.say)
			r.tenant.SetFaults(nil)
			if strings.HasPrefix(name, "sessions") && r.tenant.RefreshTokens(id) > 0 {
				t.Error("what cannot be done keeps the refresh tokens from being revoked")
			}
			if left := r.tenant.Sessions(id)+r.tenant.RefreshTokens(id) > 0 || !r.user(id).Blocked; r.active(id) != left {
				t.Errorf("a look-up says active %v, and something is left: %v", r.active(id), left)
			}
			r.must(r.patch(id, set("active", false)))
			r.out(id)
		})
	}
}

// TestNoEndpointForSessions: a tenant that knows of no sessions proves by that neither
// that nobody is signed in, nor that the user is not there.
func TestNoEndpointForSessions(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/users/:id/sessions", "/users/:id/refresh-tokens"} {
		r := newRig(t, nil)
		id := r.signedIn("a1", "alice@acme.example")
		r.tenant.SetFaults(auth0test.Rules(auth0test.Rule{Path: path, Fault: auth0test.Fault{Kind: auth0test.NotFound}}))
		_, err := r.patch(id, set("active", false))
		r.fails(err, app.Terminal, "the user is blocked", "no such endpoint")
		if !r.user(id).Blocked {
			t.Error("not blocked")
		}
		_, err = r.app.Get(t.Context(), app.KindUser, id)
		r.fails(err, app.Terminal, "no such endpoint")
		_, _, err = r.app.Find(t.Context(), app.KindUser, scim.MustPath("userName"), "alice@acme.example")
		r.fails(err, app.Terminal, "no such endpoint")
	}
}

// TestSessionsThatStay: a deletion that is accepted is none yet. It is asked for again
// until nothing is left.
func TestSessionsThatStay(t *testing.T) {
	t.Parallel()
	for path, say := range map[string]string{"/sessions": "2 sessions", "/refresh-tokens": "2 refresh tokens"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			accepting := &accepts{path: path, times: 1}
			r := newRig(t, func(_ *auth0test.Config, _ *auth0app.Config) {})
			a, err := auth0app.New(auth0app.Config{Client: r.connect(accepting), Connection: staff})
			if err != nil {
				t.Fatal(err)
			}
			id := r.signedIn("a1", "alice@acme.example")
			_, err = a.Patch(t.Context(), app.KindUser, id, []scim.Change{set("active", false)}, nil)
			r.fails(err, app.Precondition, "the user is blocked", say)
			if !r.active(id) {
				t.Error("inactive, with sessions")
			}
			r.must(a.Patch(t.Context(), app.KindUser, id, []scim.Change{set("active", false)}, nil))
			r.out(id)
		})
	}
}

// accepts answers deletions with a 202 and forgets them.
type accepts struct {
	path  string
	times int32
	http.Transport
}

func (a *accepts) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method == http.MethodDelete && strings.HasSuffix(req.URL.Path, a.path) && atomic.AddInt32(&a.times, -1) >= 0 {
		return &http.Response{StatusCode: http.StatusAccepted, Header: http.Header{}, Body: http.NoBody, Request: req}, nil
	}
	return a.Transport.RoundTrip(req)
}

// TestBlockWithoutEffect: a block that is answered with success and is none is found by
// the look-up that follows.
func TestBlockWithoutEffect(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	id := r.signedIn("a1", "alice@acme.example")
	r.tenant.SetFaults(auth0test.Rules(auth0test.Rule{Method: "PATCH", Path: "/users/:id", Fault: auth0test.Fault{Kind: auth0test.NoEffect}}))
	r.must(r.patch(id, set("active", false)))
	if !r.active(id) {
		t.Error("inactive, and not blocked")
	}
}

// TestWeight: what a write is said to weigh is what it sends.
func TestWeight(t *testing.T) {
	t.Parallel()
	for _, keep := range []bool{false, true} {
		r := newRig(t, func(_ *auth0test.Config, c *auth0app.Config) { c.KeepSessions = keep; mailing(nil, c) })
		weighs := func(what string, kind app.Kind, changes []scim.Change, write func() (app.Answer, error)) {
			t.Helper()
			before := r.app.Requests()
			r.must(write())
			if got, want := int(r.app.Requests()-before), r.app.Weight(kind, changes); got != want {
				t.Errorf("%s: %d requests, weighs %d", what, got, want)
			}
		}
		r.must(r.app.Create(t.Context(), app.KindUser, person("first", "userName", "first@acme.example"))) // with the token
		weighs("create", app.KindUser, nil, func() (app.Answer, error) {
			return r.app.Create(t.Context(), app.KindUser, person("a1", "userName", "alice@acme.example"))
		})
		for what, changes := range map[string][]scim.Change{"title": {set("title", "x")}, "leave": {set("active", false)}} {
			weighs(what, app.KindUser, changes, func() (app.Answer, error) { return r.patch("auth0|a1", changes...) })
		}
		back := []scim.Change{set("active", true), set("title", "y")}
		wait := blocked()
		wait.AppMetadata = map[string]jsontext.Value{"usher_pending": jsontext.Value(`"password"`)}
		if _, err := r.client.UpdateUser(t.Context(), "auth0|a1", wait); err != nil {
			t.Fatal(err)
		}
		weighs("return of whoever waits for a password", app.KindUser, back, func() (app.Answer, error) { return r.patch("auth0|a1", back...) })
		var id string
		weighs("group", app.KindGroup, nil, func() (app.Answer, error) {
			ans, err := r.app.Create(t.Context(), app.KindGroup, team("t1", "Sales"))
			id = ans.Resource.ID()
			return ans, err
		})
		name := []scim.Change{set("displayName", "Vertrieb")}
		weighs("rename", app.KindGroup, name, func() (app.Answer, error) { return r.app.Patch(t.Context(), app.KindGroup, id, name, nil) })
	}
}

// TestWeightOfNames: a user name and an address go in two requests.
func TestWeightOfNames(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(_ *auth0test.Config, c *auth0app.Config) { c.Connection, c.Usernames = named, true })
	id := r.create(person("a1", "userName", "alice", `emails[type eq "work"].value`, "alice@acme.example"))
	for _, changes := range [][]scim.Change{
		{set("userName", "alice2")},
		{set("userName", "alice3"), set(`emails[type eq "work"].value`, "alice3@acme.example")},
		{set("active", false), set("userName", "alice4"), set(`emails[type eq "work"].value`, "alice4@acme.example")},
		{set("active", true), set("userName", "alice5")},
	} {
		before := r.app.Requests()
		r.must(r.patch(id, changes...))
		if got, want := int(r.app.Requests()-before), r.app.Weight(app.KindUser, changes); got != want {
			t.Errorf("%v: %d requests, weighs %d", changes, got, want)
		}
	}
}

// TestKeepSessions is for a plan of Auth0 that cannot end them.
func TestKeepSessions(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *auth0test.Config, a *auth0app.Config) {
		a.KeepSessions = true
		c.Scopes = []string{"create:users", "read:users", "update:users"}
	})
	id := r.signedIn("a1", "alice@acme.example")
	r.must(r.patch(id, set("active", false)))
	if !r.user(id).Blocked || r.active(id) || r.tenant.Sessions(id) != 2 {
		t.Errorf("%d sessions", r.tenant.Sessions(id))
	}
}

// TestScopesOfLeaving: a scope that is lacking is named, and the user is blocked all
// the same.
func TestScopesOfLeaving(t *testing.T) {
	t.Parallel()
	scopes := []string{"create:users", "read:users", "update:users", "read:sessions", "delete:sessions", "read:refresh_tokens", "delete:refresh_tokens"}
	for _, lacking := range scopes[3:] {
		t.Run(lacking, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, func(c *auth0test.Config, _ *auth0app.Config) {
				for _, s := range scopes {
					if s != lacking {
						c.Scopes = append(c.Scopes, s)
					}
				}
			})
			id := r.signedIn("a1", "alice@acme.example")
			_, err := r.patch(id, set("active", false))
			r.fails(err, app.Terminal, "the user is blocked", lacking, "status 403")
			if e := app.Classify(err); e.Status != 0 {
				t.Errorf("status %d, by which the engine would stop for everybody", e.Status)
			}
			if !r.user(id).Blocked {
				t.Error("not blocked")
			}
		})
	}
}

// TestTooManyRequests: a limit that is reset soon is waited for, and one that is not is
// left to the engine, with its time.
func TestTooManyRequests(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	id := r.create(person("a1", "userName", "alice@acme.example"))
	r.tenant.SetFaults(auth0test.Rules(auth0test.Rule{Method: "PATCH", Times: 1, Fault: auth0test.Fault{Kind: auth0test.TooMany, RetryAfter: time.Millisecond}}))
	r.must(r.patch(id, set("displayName", "A")))
	r.tenant.SetFaults(auth0test.Rules(auth0test.Rule{Method: "PATCH", Fault: auth0test.Fault{Kind: auth0test.TooMany, RetryAfter: time.Hour}}))
	_, err := r.patch(id, set("displayName", "B"))
	if e := app.Classify(err); e == nil || e.Class != app.Retry || e.RetryAfter < 30*time.Minute || e.RetryAfter > 2*time.Hour {
		t.Errorf("%v", err)
	}
	if r.user(id).Name != "A" {
		t.Error("it was changed all the same")
	}
}
