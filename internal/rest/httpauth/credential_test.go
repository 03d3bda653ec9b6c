// SPDX-License-Identifier: Apache-2.0

package httpauth_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-id/usher/internal/fake"
	"github.com/usher-id/usher/internal/fake/authtest"
	"github.com/usher-id/usher/internal/rest"
	"github.com/usher-id/usher/internal/rest/httpauth"
)

const (
	clientSecret = "s:+% of the client"
	endpointURL  = "https://login.example/token"
)

// client is an endpoint, and a client of it without a network.
func client(t *testing.T, c authtest.Config, change func(*httpauth.Auth)) (*authtest.Endpoint, *httpauth.Credential) {
	t.Helper()
	c.ClientID = "us her"
	if c.PublicKey == nil {
		c.Secret = clientSecret
	}
	e, err := authtest.New(c)
	if err != nil {
		t.Fatal(err)
	}
	a := httpauth.Auth{Kind: httpauth.OAuth, User: text("us her"), Secret: text(clientSecret), TokenURL: endpointURL}
	if change != nil {
		change(&a)
	}
	made, err := httpauth.New(a, httpauth.Config{API: "scim", HTTP: fake.Transport(e), Timeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return e, made
}

// TestTokensAreRenewedInTime: over three lives of a token nobody is ever given one that has
// run out, many who want one at a time cause one request, and a maker who does not answer
// goes unnoticed while the old one is good.
func TestTokensAreRenewedInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, c := client(t, authtest.Config{Life: 10 * time.Minute}, nil)
		in := e.Door(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }), "")
		for minute := range 31 {
			if minute == 9 { // it is due
				e.Fail(status(http.StatusBadGateway, ""))
			}
			var all sync.WaitGroup
			for range 64 {
				all.Go(func() {
					token, err := c.Get(t.Context())
					r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://app.example/", nil)
					r.Header.Set("Authorization", "Bearer "+token)
					res, failed := fake.Transport(in).RoundTrip(r)
					if errors.Join(err, failed) != nil || res.StatusCode != http.StatusNoContent {
						t.Error(minute, err, failed)
						return
					}
					_ = res.Body.Close()
				})
			}
			all.Wait()
			time.Sleep(time.Minute)
		}
		if asked := e.Asked(); asked != 5 || c.Requests() != 5 { // at minutes 0, 8 or 9 and again, 17 or so, 26 or so
			t.Errorf("asked %d times", asked)
		}
		token, err := c.Get(t.Context())
		if err != nil || !c.Drop(token) {
			t.Error(err)
		}
		if c.Drop("an older one"); e.Asked() != 5 {
			t.Error("a token is asked for that nobody wants")
		}
		if again, err := c.Get(t.Context()); err != nil || again == token {
			t.Error("what was not taken is given again", err)
		}
	})
}

func status(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if strings.HasPrefix(body, "{") {
			w.Header().Set("Content-Type", "application/json")
		}
		if code == http.StatusFound {
			w.Header().Set("Location", "https://evil.example/token")
		}
		if code == http.StatusTooManyRequests {
			w.Header().Set("Retry-After", "3600")
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	}
}

// TestNoToken: what a maker says for a token is said in one sentence that names what to look
// at, and nothing secret, though the maker quotes it.
func TestNoToken(t *testing.T) {
	t.Parallel()
	key, public := keys(t)
	byKey := func(a *httpauth.Auth) { a.Secret, a.Key, a.Audience = nil, text(string(key)), "https://login.example" }
	signs := func(c authtest.Config) authtest.Config {
		c.PublicKey, c.Audience = public, "https://login.example"
		return c
	}
	for name, c := range map[string]struct {
		conf    authtest.Config
		change  func(*httpauth.Auth)
		fault   http.HandlerFunc
		says    string
		refused bool
	}{
		"another secret": {authtest.Config{}, func(a *httpauth.Auth) { a.Secret = text("hunter2+%") }, nil, "token_url https://login.example/token gives no token (status 401 invalid_client: the client us her is not known by [redacted] (Basic [redacted])): check client_id, client_secret", true},
		"another place":  {authtest.Config{InBody: true}, nil, nil, "invalid_client: the client's secret is not where it must be): check client_id, client_secret", true},
		"another scope":  {authtest.Config{Scope: "scim"}, func(a *httpauth.Auth) { a.Scope = "people" }, nil, "(status 400 invalid_scope: the scope is scim): check scope", true},
		"another grant":  {authtest.Config{Grant: "account_credentials"}, nil, nil, "unsupported_grant_type: it is account_credentials): check grant_type", true},
		"no parameter":   {authtest.Config{Params: url.Values{"audience": {"a"}}}, nil, nil, "(status 400 invalid_request: audience is not as it must be): check token_url, client_id, client_secret, scope and params", true},
		"another key":    {signs(authtest.Config{}), func(a *httpauth.Auth) { byKey(a); a.KeyID = "k2" }, nil, "invalid_client: the client assertion is signed by no key of the client): check client_id, private_key and key_id", true},
		"nobody's":       {signs(authtest.Config{Grant: httpauth.GrantJWT, Subject: "ada"}), func(a *httpauth.Auth) { byKey(a); a.Grant = httpauth.GrantJWT }, nil, "check client_id, subject, audience, private_key and key_id, and this machine's clock", true},
		"no key":         {authtest.Config{}, func(a *httpauth.Auth) { a.Secret, a.Key = nil, text("-----BEGIN hunter2") }, nil, "the private key is no PEM", false},
		"not there":      {authtest.Config{}, nil, status(404, "<html>"), "token_url https://login.example/token is not there (status 404): check token_url", true},
		"a page":         {authtest.Config{}, nil, status(200, "<html>"), "token_url https://login.example/token answers with no token of OAuth", false},
		"elsewhere":      {authtest.Config{}, nil, status(302, ""), "gives no token (status 302): the token_url redirects", false},
		"too long":       {authtest.Config{}, nil, status(200, `{"access_token":"`+strings.Repeat("x", 70<<10)+`"}`), "answers with no token of OAuth", false},
		"down":           {authtest.Config{}, nil, status(503, ""), "gives no token now (status 503)", false},
		"silence":        {authtest.Config{}, nil, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "token_url https://login.example/token does not answer: no answer within the time for one request", false},
		"cut":            {authtest.Config{}, nil, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "token_url https://login.example/token does not answer", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e, made := client(t, c.conf, c.change)
				if c.fault != nil {
					e.Fail(c.fault)
				}
				_, err := made.Get(t.Context())
				got, ok := errors.AsType[*rest.Error](err)
				if !ok || !got.Unsent || !got.Foreign || !strings.Contains(got.Err.Error(), c.says) || rest.Refused(got) != c.refused {
					t.Errorf("%v, want %q", err, c.says)
				}
				for _, secret := range []string{"hunter2", "s:+%", "s%3A%2B%25", "Basic dX", "eyJ"} {
					if strings.Contains(err.Error(), secret) {
						t.Errorf("%v shows %s", err, secret)
					}
				}
			})
		})
	}
}

// TestBusyEndpoint: a maker who has no time is asked again when they say, not sooner, and no
// longer than somebody waits.
func TestBusyEndpoint(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, c := client(t, authtest.Config{}, nil)
		e.Fail(status(http.StatusTooManyRequests, ""))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := c.Get(ctx)
		if got, ok := errors.AsType[*rest.Error](err); !ok || got.RetryAfter != time.Hour || e.Asked() != 1 {
			t.Errorf("%v, asked %d times", err, e.Asked())
		}
		if _, err := c.Get(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestGrants: what makers want of a client, each in its way, and what is exchanged counts
// with the next token.
func TestGrants(t *testing.T) {
	t.Parallel()
	key, public := keys(t)
	_, thumb, err := rest.PublicKeyOf(key)
	if err != nil {
		t.Fatal(err)
	}
	byKey := func(change func(*httpauth.Auth)) func(*httpauth.Auth) {
		return func(a *httpauth.Auth) {
			a.Secret, a.Key, a.KeyID = nil, text(string(key)), thumb
			change(a)
		}
	}
	for name, c := range map[string]struct {
		conf   authtest.Config
		change func(*httpauth.Auth)
	}{
		"client_secret_basic": {authtest.Config{Scope: "a b"}, func(a *httpauth.Auth) { a.Scope = "a b" }},
		"client_secret_post":  {authtest.Config{InBody: true}, func(a *httpauth.Auth) { a.InBody = true }},
		"of a maker":          {authtest.Config{Grant: "account_credentials", Params: url.Values{"account_id": {"a1"}}}, func(a *httpauth.Auth) { a.Grant, a.Params = "account_credentials", url.Values{"account_id": {"a1"}} }},
		"private_key_jwt":     {authtest.Config{PublicKey: public, Audience: endpointURL, Scope: "scim"}, byKey(func(a *httpauth.Auth) { a.Scope = "scim" })},
		"jwt-bearer": {authtest.Config{PublicKey: public, Audience: "https://aud.example", Grant: httpauth.GrantJWT, Subject: "ada", Scope: "a b"}, byKey(func(a *httpauth.Auth) {
			a.Grant, a.Subject, a.Audience, a.Scope = httpauth.GrantJWT, "ada", "https://aud.example", "a b"
		})},
		"a query": {authtest.Config{}, func(a *httpauth.Auth) { a.TokenURL += "?tenant=acme" }},
	} {
		e, made := client(t, c.conf, c.change)
		for want := 1; want < 3; want++ {
			if token, err := made.Get(t.Context()); err != nil || token == "" || e.Asked() != want {
				t.Errorf("%s: %q, %v, asked %d times", name, token, err, e.Asked())
			}
			token, _ := made.Get(t.Context())
			made.Drop(token)
		}
	}
	secret := clientSecret
	e, made := client(t, authtest.Config{}, func(a *httpauth.Auth) { a.Secret = func() (string, error) { return secret, nil } })
	e.SetSecret("another")
	if _, err := made.Get(t.Context()); err == nil {
		t.Error("the old secret is taken")
	}
	secret = "another"
	if _, err := made.Get(t.Context()); err != nil {
		t.Error(err)
	}
}

var keys = func() func(*testing.T) (private, public []byte) {
	made := sync.OnceValues(rest.NewKey)
	return func(t *testing.T) (private, public []byte) {
		t.Helper()
		private, err := made()
		if err == nil {
			public, _, err = rest.PublicKeyOf(private)
		}
		if err != nil {
			t.Fatal(err)
		}
		return private, public
	}
}()

// TestNewAuth: who we are is refused before anything is asked.
func TestNewAuth(t *testing.T) {
	t.Parallel()
	for says, a := range map[string]httpauth.Auth{
		"lacks a credential":       {Kind: httpauth.OAuth, User: text("a"), TokenURL: endpointURL},
		"nothing to sign with":     {Kind: httpauth.OAuth, User: text("a"), Secret: text("b"), Grant: httpauth.GrantJWT, TokenURL: endpointURL},
		"a secret and a private k": {Kind: httpauth.OAuth, User: text("a"), Secret: text("b"), Key: text("c"), TokenURL: endpointURL},
		"token_url is no address":  {Kind: httpauth.OAuth, User: text("a"), Secret: text("b"), TokenURL: "https://u:p@login.example"},
		"no name of a header":      {Kind: httpauth.Header, Secret: text("b")},
		"no kind":                  {Kind: "digest", Secret: text("b")},
	} {
		if _, err := httpauth.New(a, httpauth.Config{API: "scim", HTTP: http.DefaultTransport}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
}
