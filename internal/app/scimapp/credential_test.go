// SPDX-License-Identifier: Apache-2.0

package scimapp_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/app/scimapp"
	"github.com/usher-id/usher/internal/dial"
	"github.com/usher-id/usher/internal/fake/authtest"
	"github.com/usher-id/usher/internal/rest/httpauth"
	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimtest"
)

// withClient is an app behind a door that takes the tokens of an endpoint, and a
// connection to it.
func withClient(t *testing.T, c authtest.Config) (a *scimapp.App, there *scimtest.App, login *authtest.Endpoint, stop func()) {
	t.Helper()
	c.ClientID, c.Secret = "usher", secret
	login, err := authtest.New(c)
	if err != nil {
		t.Fatal(err)
	}
	there, err = scimtest.New(scimtest.Config{Token: "its-own"})
	if err != nil {
		t.Fatal(err)
	}
	at, tokens := httptest.NewServer(login.Door(there, "its-own")), httptest.NewServer(login)
	t.Cleanup(at.Close)
	t.Cleanup(tokens.Close)
	text := func(s string) func() (string, error) { return func() (string, error) { return s, nil } }
	allow := dial.Allow{Loopback: true, PlainHTTP: true}
	way := dial.NewTransport(allow, time.Minute, 1, nil)
	t.Cleanup(way.CloseIdleConnections)
	credential, err := httpauth.New(httpauth.Auth{
		Kind: httpauth.OAuth, User: text("usher"), Secret: text(secret), TokenURL: tokens.URL + "/token", Scope: "scim",
	}, httpauth.Config{API: "scim", HTTP: way})
	if err != nil {
		t.Fatal(err)
	}
	a, err = scimapp.New(scimapp.Config{BaseURL: at.URL, Credential: credential, Profile: generic(t), Allow: allow})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a, there, login, tokens.Close
}

func named(i int) *scim.Resource {
	u := scim.NewResource(scim.UserURN)
	u.Set("userName", scim.String(fmt.Sprintf("p%d", i)))
	return u
}

// TestTokenRunsOut: a token that is not taken any more is exchanged for another one, once
// for all who meet that, and the request that met it is done, and done once.
func TestTokenRunsOut(t *testing.T) {
	t.Parallel()
	a, there, login, _ := withClient(t, authtest.Config{Scope: "scim"})
	made := 0
	for round := range 3 {
		var all sync.WaitGroup
		for i := range 16 {
			all.Go(func() {
				if _, err := a.Create(t.Context(), app.KindUser, named(round*100+i)); err != nil {
					t.Error(round, err)
				}
			})
			made++
		}
		all.Wait()
		if asked := login.Asked(); asked != round+1 {
			t.Errorf("round %d: %d tokens", round, asked)
		}
		login.Revoke()
	}
	if users := there.Users(); len(users) != made {
		t.Errorf("%d users of %d", len(users), made)
	}
	if sent, did := a.Requests(), int64(there.Counts().Total()); sent-did-3 < 2 || sent-did-3 > 32 { // those that met a 401 in two rounds, and three for tokens
		t.Errorf("%d requests, of which %d arrived", sent, did)
	}
	_, err := a.Get(t.Context(), app.KindUser, "nobody")
	_ = classOf(t, err, app.NotFound)

	// An app that takes none of them is asked twice, and not for ever.
	login.Shut()
	before := a.Requests()
	_, err = a.Create(t.Context(), app.KindUser, named(999))
	if e := classOf(t, err, app.Unauthorized); e.Status != http.StatusUnauthorized || strings.Contains(e.Error(), "access-token") {
		t.Error(e)
	}
	if n := a.Requests() - before; n != 3 { // two, and one for a token between them
		t.Errorf("%d requests", n)
	}
}

// TestNoTokenForApp: whoever gives no token is told of by what is wrong, and of the app's
// request nothing was sent.
func TestNoTokenForApp(t *testing.T) {
	t.Parallel()
	a, there, login, stop := withClient(t, authtest.Config{Scope: "scim"})
	login.SetSecret("another")
	_, err := a.Create(t.Context(), app.KindUser, named(1))
	e := classOf(t, err, app.Unauthorized)
	if text := e.Error(); e.Status != 0 || strings.Contains(text, secret) || !strings.HasPrefix(text, "app: unauthorized: token_url http://127.0.0.1:") || !strings.HasSuffix(text, ": check client_id, client_secret") {
		t.Error(e)
	}
	login.SetSecret(secret)
	login.Fail(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	_, err = a.Create(t.Context(), app.KindUser, named(1))
	_ = classOf(t, err, app.Unreachable)
	login.Fail(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
	_, err = a.Create(t.Context(), app.KindUser, named(1))
	if e := classOf(t, err, app.Unauthorized); e.Status != 0 { // by 403 it would be of one person
		t.Error(e)
	}
	stop()
	_, err = a.Create(t.Context(), app.KindUser, named(1))
	if e := classOf(t, err, app.Unreachable); !strings.Contains(e.Error(), "does not answer: ") {
		t.Error(e)
	}
	if n := there.Counts().Total(); n != 0 {
		t.Errorf("%d requests arrived", n)
	}
}

// TestTokenGuard: what gives tokens is dialled by the same rule as the app.
func TestTokenGuard(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"https://169.254.169.254/token", "https://10.0.0.1/token", "https://127.0.0.1:1/token", "https://[::ffff:169.254.169.254]/token"} {
		text := func() (string, error) { return "x", nil }
		c, err := httpauth.New(httpauth.Auth{Kind: httpauth.OAuth, User: text, Secret: text, TokenURL: at}, httpauth.Config{
			API: "scim", HTTP: dial.NewTransport(dial.Allow{}, time.Minute, 1, nil),
		})
		if err != nil {
			t.Fatal(err)
		}
		a, err := scimapp.New(scimapp.Config{BaseURL: "https://app.example", Credential: c, Profile: generic(t)})
		if err != nil {
			t.Fatal(err)
		}
		_, err = a.Get(t.Context(), app.KindUser, "1")
		if e := classOf(t, err, app.Unreachable); !errors.Is(err, dial.ErrAddress) {
			t.Errorf("%s: %v", at, e)
		}
	}
}

// TestOtherCredentials: what is no bearer token goes where it belongs.
func TestOtherCredentials(t *testing.T) {
	t.Parallel()
	text := func(s string) func() (string, error) { return func() (string, error) { return s, nil } }
	for _, c := range []struct {
		auth         httpauth.Auth
		header, want string
	}{
		{httpauth.Auth{Kind: httpauth.Basic, User: text("usher"), Secret: text("hunter2")}, "Authorization", "Basic dXNoZXI6aHVudGVyMg=="},
		{httpauth.Auth{Kind: httpauth.Header, Header: "X-Api-Key", Secret: text("hunter2 x")}, "X-Api-Key", "hunter2 x"},
		{httpauth.Auth{Kind: httpauth.Header, Header: "Authorization", Secret: text("Key hunter2")}, "Authorization", "Key hunter2"},
	} {
		var got http.Header
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			got = r.Header.Clone()
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = fmt.Fprintf(w, `{"detail":"what is %s or hunter2?"}`, r.Header.Get(c.header))
		}))
		t.Cleanup(srv.Close)
		credential, err := httpauth.New(c.auth, httpauth.Config{API: "scim"})
		if err != nil {
			t.Fatal(err)
		}
		a, err := scimapp.New(scimapp.Config{BaseURL: srv.URL, Credential: credential, Profile: generic(t), Allow: dial.Allow{Loopback: true, PlainHTTP: true}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(a.Close)
		_, err = a.Get(t.Context(), app.KindUser, "1")
		if e := classOf(t, err, app.Unauthorized); got.Get(c.header) != c.want || c.header != "Authorization" && got.Get("Authorization") != "" || strings.Contains(e.Error(), c.want) {
			t.Errorf("%v: %v", got, e)
		}
		if c.auth.Kind == httpauth.Basic && strings.Contains(err.Error(), "hunter2") {
			t.Error(err)
		}
		if n := a.Requests(); n != 1 {
			t.Errorf("%d requests: there is no other credential to try", n)
		}
	}
}
