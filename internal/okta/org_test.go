// SPDX-License-Identifier: Apache-2.0

package okta_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usher-id/usher/internal/fake"
	"github.com/usher-id/usher/internal/okta"
	"github.com/usher-id/usher/internal/okta/oktatest"
)

const token = "the-token-of-the-org"

// newOrg is an org, and a client of it without a network.
func newOrg(t *testing.T, oc oktatest.Config, cc okta.Config) (*oktatest.Org, *okta.Client) {
	t.Helper()
	if oc.ClientID == "" {
		oc.Token = token
	}
	org, err := oktatest.New(oc)
	if err != nil {
		t.Fatal(err)
	}
	if cc.HTTP == nil {
		cc.HTTP = org.Transport()
	}
	if cc.ClientID == "" && cc.Credential == nil {
		cc.Token = token
	}
	cc.URL = "https://acme.okta.com"
	c, err := okta.New(cc)
	if err != nil {
		t.Fatal(err)
	}
	return org, c
}

// ada is a profile.
func ada(pairs ...string) map[string]jsontext.Value {
	p := map[string]jsontext.Value{
		"login": okta.Text("ada@acme.example"), "email": okta.Text("ada@acme.example"), "firstName": okta.Text("Ada"), "lastName": okta.Text("L"),
	}
	for i := 0; i < len(pairs); i += 2 {
		p[pairs[i]] = okta.Text(pairs[i+1])
	}
	return p
}

// fails holds that an error is of a code, says some words, and shows no token.
func fails(t *testing.T, err error, code string, words ...string) {
	t.Helper()
	e, ok := errors.AsType[*okta.Error](err)
	if !ok || e.Code != code {
		t.Fatalf("%v, want %s", err, code)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not say %q", err, w)
		}
	}
	if strings.Contains(err.Error(), token) {
		t.Errorf("%q shows the token", err)
	}
}

// TestLifecycle is a user from the cradle to the grave, with what Okta refuses on the way.
func TestLifecycle(t *testing.T) {
	t.Parallel()
	org, c := newOrg(t, oktatest.Config{}, okta.Config{})
	ctx := t.Context()
	u, err := c.CreateUser(ctx, ada("department", "R&D"), false)
	if err != nil || u.Status != okta.Staged || u.Status.Usable() || u.Text("department") != "R&D" || u.Created.IsZero() {
		t.Fatalf("%+v %v", u, err)
	}
	_, err = c.CreateUser(ctx, ada(), true)
	if fails(t, err, "E0000001", "login: An object with this field already exists"); !okta.IsTaken(err) {
		t.Errorf("%v is not taken", err)
	}
	_, err = c.CreateUser(ctx, ada("login", "eve@acme.example", "shoe", "42"), true)
	if fails(t, err, "E0000001", "shoe", "not defined"); okta.IsTaken(err) {
		t.Errorf("%v is taken", err)
	}
	status := func(want okta.Status, err error) {
		t.Helper()
		u, rerr := c.User(ctx, u.ID)
		if err != nil || rerr != nil || u.Status != want {
			t.Fatalf("%v %v %s, want %s", err, rerr, u.Status, want)
		}
	}
	fails(t, c.Suspend(ctx, u.ID), "E0000001")
	status(okta.Provisioned, c.Activate(ctx, u.ID))
	if err := c.Activate(ctx, u.ID); !okta.IsState(err) {
		t.Errorf("%v", err)
	}
	status(okta.Active, org.SignIn(u.ID))
	status(okta.Suspended, c.Suspend(ctx, u.ID))
	status(okta.Active, c.Unsuspend(ctx, u.ID))
	u, err = c.UpdateUser(ctx, u.ID, map[string]jsontext.Value{"title": okta.Text("Dr"), "department": okta.Text("")})
	if err != nil || u.Text("title") != "Dr" || u.Text("department") != "" || u.Text("firstName") != "Ada" {
		t.Errorf("%+v %v", u, err)
	}
	if err := c.EndSessions(ctx, u.ID); err != nil || org.Users()["ada@acme.example"].Sessions != 0 {
		t.Error(err)
	}
	status(okta.Deprovisioned, c.Deactivate(ctx, u.ID))
	if err := c.Deactivate(ctx, u.ID); !okta.IsNotFound(err) {
		t.Errorf("%v", err)
	}
	if _, err := c.UpdateUser(ctx, u.ID, ada()); !okta.IsNotFound(err) {
		t.Errorf("%v", err)
	}
	status(okta.Provisioned, c.Activate(ctx, u.ID))
	status(okta.Deprovisioned, c.DeleteUser(ctx, u.ID))
	for range 2 {
		if err := c.DeleteUser(ctx, u.ID); err != nil {
			t.Error(err)
		}
	}
	if _, err := c.User(ctx, u.ID); !okta.IsNotFound(err) {
		t.Errorf("%v", err)
	}
}

// TestLookups: by login it is found at once, by anything else when the index knows, and
// what stands before the @ is nobody's login.
func TestLookups(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		org, c := newOrg(t, oktatest.Config{SearchLag: 5 * time.Second, PlainLogins: true}, okta.Config{})
		ctx := t.Context()
		made, err := c.CreateUser(ctx, ada("department", `a "b" \c`), true)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := org.Put("DEPROVISIONED", map[string]string{"login": "a/b", "email": "x@acme.example"}); err != nil {
			t.Fatal(err)
		}
		for login, want := range map[string]bool{"ADA@acme.example": true, "ada": false, made.ID: false, "bob@acme.example": false, "a/b": false} {
			if u, found, err := c.UserByLogin(ctx, login); err != nil || found != want || found && u.ID != made.ID {
				t.Errorf("%s: %v %v %v", login, u.ID, found, err)
			}
		}
		by := func(name, value string) int {
			list, err := c.UsersBy(ctx, name, value)
			if err != nil {
				t.Fatal(err)
			}
			return len(list)
		}
		if n := by("department", `a "b" \c`); n != 0 {
			t.Errorf("the index knows %d at once", n)
		}
		time.Sleep(5 * time.Second)
		if by("department", `a "b" \c`) != 1 || by("email", "ADA@ACME.example") != 1 || by("email", "da@acme.example") != 0 {
			t.Error("the index does not find her")
		}
		if _, found, err := c.UserByLogin(ctx, "a/b"); err != nil || !found {
			t.Errorf("%v %v", found, err)
		}
		// Whom the index tells of is read again.
		if _, err := c.UpdateUser(ctx, made.ID, map[string]jsontext.Value{"department": okta.Text("other")}); err != nil {
			t.Fatal(err)
		}
		if n := by("department", `a "b" \c`); n != 0 {
			t.Errorf("%d are found by what they were", n)
		}
	})
}

// TestLists: lists are whole over their pages, whoever is DEPROVISIONED included, and
// what cannot be whole ends with an error.
func TestLists(t *testing.T) {
	t.Parallel()
	org, c := newOrg(t, oktatest.Config{MostPerPage: 3}, okta.Config{})
	ctx := t.Context()
	var ids []string
	for i := range 10 {
		status := "ACTIVE"
		if i%4 == 0 {
			status = "DEPROVISIONED"
		}
		id, err := org.Put(status, map[string]string{"login": fmt.Sprintf("p%d@acme.example", i)})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	group := org.PutGroup("OKTA_GROUP", "staff", ids...)
	org.PutGroup("APP_GROUP", "staff")
	count := func(list func(yield func(okta.User, error) bool)) (n int) {
		for _, err := range list {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		return n
	}
	if a, b := count(c.Users(ctx)), count(c.Members(ctx, group)); a != 10 || b != 10 {
		t.Errorf("%d users, %d members", a, b)
	}
	n := 0
	for g, err := range c.Groups(ctx) {
		if n++; err != nil || g.Name != "staff" || g.Type != okta.TypeOkta {
			t.Errorf("%+v %v", g, err)
		}
	}
	if n != 1 {
		t.Errorf("%d groups", n)
	}
	org.SetFaults(fake.Rules(fake.Rule{Path: "/users", After: 2, Fault: fake.Fault{Kind: fake.Forbidden}}))
	var last error
	for _, err := range c.Users(ctx) {
		last = err
	}
	fails(t, last, "E0000006")
}

// TestLinks: a list that leads nowhere new, elsewhere or twice to the same is incomplete,
// and the token goes nowhere but to the org.
func TestLinks(t *testing.T) {
	t.Parallel()
	page := func(ids ...string) string {
		var parts []string
		for _, id := range ids {
			parts = append(parts, `{"id":"`+id+`","status":"ACTIVE"}`)
		}
		return "[" + strings.Join(parts, ",") + "]"
	}
	for name, tt := range map[string]struct {
		link, body string
		say        string
	}{
		"itself":      {`<https://acme.okta.com/api/v1/users?after=1>; rel="next"`, page(), "leads to itself"},
		"elsewhere":   {`<https://evil.example/api/v1/groups?after=1>; rel="next"`, page("a"), "another list"},
		"no cursor":   {`<https://acme.okta.com/api/v1/users>; rel="next"`, page("a"), "no cursor"},
		"twice":       {`<https://acme.okta.com/api/v1/users?after=1,2>; rel="self", <https://acme.okta.com/api/v1/users?after=1,2>; rel="next"`, page("a"), "twice"},
		"no id":       {"", `[{"status":"ACTIVE"}]`, "no id"},
		"no status":   {"", `[{"id":"a"}]`, "no status"},
		"no list":     {"", `{}`, "not the JSON"},
		"other host":  {`<https://evil.example/api/v1/users?after=1>; rel="next"`, page(), "leads to itself"},
		"unparseable": {`<https://acme.okta.com/%zz?after=1>; rel="next"`, page("a"), "cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			hosts := map[string]bool{}
			_, c := newOrg(t, oktatest.Config{}, okta.Config{HTTP: roundTrips(func(r *http.Request) *http.Response {
				mu.Lock()
				hosts[r.URL.Host] = true
				mu.Unlock()
				h := http.Header{}
				if tt.link != "" {
					h["Link"] = []string{tt.link}
				}
				return &http.Response{StatusCode: 200, Header: h, Body: io.NopCloser(strings.NewReader(tt.body))}
			})})
			var last error
			for _, err := range c.Users(t.Context()) {
				last = err
			}
			if last == nil || !strings.Contains(last.Error(), tt.say) || len(hosts) != 1 || !hosts["acme.okta.com"] {
				t.Errorf("%v, asked %v", last, hosts)
			}
		})
	}
}

type roundTrips func(*http.Request) *http.Response

func (f roundTrips) RoundTrip(r *http.Request) (*http.Response, error) { return f(r), nil }

// TestGroups: groups of Okta's own kind are written, others refused by what they are.
func TestGroups(t *testing.T) {
	t.Parallel()
	org, c := newOrg(t, oktatest.Config{}, okta.Config{})
	ctx := t.Context()
	g, err := c.CreateGroup(ctx, "Team A", "usher:1")
	if err != nil || g.Type != okta.TypeOkta || g.Description != "usher:1" {
		t.Fatalf("%+v %v", g, err)
	}
	if _, err := c.CreateGroup(ctx, "team a", ""); !okta.IsTaken(err) {
		t.Errorf("%v", err)
	}
	u, err := c.CreateUser(ctx, ada(), true)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := c.AddMember(ctx, g.ID, u.ID); err != nil {
			t.Fatal(err)
		}
	}
	if got := org.Users()["ada@acme.example"].Groups; !slices.Equal(got, []string{"Team A"}) {
		t.Errorf("%v", got)
	}
	if g, err = c.RenameGroup(ctx, g.ID, "Team B"); err != nil || g.Name != "Team B" || g.Description != "usher:1" {
		t.Errorf("%+v %v", g, err)
	}
	for range 2 {
		if err := c.RemoveMember(ctx, g.ID, u.ID); err != nil {
			t.Fatal(err)
		}
	}
	foreign := org.PutGroup("APP_GROUP", "Team B", u.ID)
	for what, err := range map[string]error{
		"rename": func() error { _, err := c.RenameGroup(ctx, foreign, "x"); return err }(),
		"add":    c.AddMember(ctx, foreign, u.ID), "remove": c.RemoveMember(ctx, foreign, u.ID), "delete": c.DeleteGroup(ctx, foreign),
	} {
		if !errors.Is(err, okta.ErrReadOnly) || !strings.Contains(err.Error(), "APP_GROUP") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if list, err := c.GroupsByName(ctx, "Team B"); err != nil || len(list) != 2 {
		t.Errorf("%+v %v", list, err)
	}
	for range 2 {
		if err := c.DeleteGroup(ctx, g.ID); err != nil {
			t.Error(err)
		}
	}
	if got := org.Groups("APP_GROUP"); !slices.Equal(got, []string{"Team B"}) || len(org.Groups("OKTA_GROUP")) != 0 {
		t.Errorf("%v", got)
	}
}

// TestNoBlindRepeat: a write whose fate is not known is sent once, one that was certainly
// not done again, and a read until it is answered.
func TestNoBlindRepeat(t *testing.T) {
	t.Parallel()
	for kind, sent := range map[fake.Kind]int{
		fake.AnswerLost: 1, fake.ErrorAfter: 1, fake.BusyAfter: 1, fake.ServerError: 1, fake.Unavailable: 1, fake.BadGateway: 1,
		fake.Reset: 1, fake.Truncated: 1, fake.Garbage: 1, fake.Forbidden: 1, fake.TooMany: 2,
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				org, c := newOrg(t, oktatest.Config{}, okta.Config{})
				rule := fake.Rule{Times: 1, Fault: fake.Fault{Kind: kind}}
				org.SetFaults(fake.Rules(rule))
				_, err := c.CreateUser(t.Context(), ada(), true)
				if n := org.Counts()["POST /users"]; n != sent || (err == nil) != (sent == 2) {
					t.Errorf("sent %d times: %v", n, err)
				}
				if kind == fake.Unavailable || kind == fake.BadGateway {
					org.SetFaults(fake.Rules(rule))
					if _, _, err := c.UserByLogin(t.Context(), "ada@acme.example"); err != nil {
						t.Error(err)
					}
				}
			})
		})
	}
}

// TestLimits: many callers keep within each limit by its headers, and one that is used up
// holds nobody up who counts for another.
func TestLimits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		org, c := newOrg(t, oktatest.Config{PerMinute: map[string]int{"groups": 5}}, okta.Config{})
		var all sync.WaitGroup
		for i := range 12 {
			all.Go(func() {
				if _, err := c.CreateGroup(t.Context(), fmt.Sprint("group ", i), ""); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		began := time.Now()
		if _, err := c.CreateUser(t.Context(), ada(), true); err != nil || time.Since(began) > time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		all.Wait()
		if n := org.Counts()["POST /groups"]; n > 12+4 || len(org.Groups("OKTA_GROUP")) != 12 {
			t.Errorf("%d requests for 12 groups", n)
		}
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for i := range 6 {
			if _, err := c.CreateGroup(short, fmt.Sprint("more ", i), ""); err != nil {
				if e, ok := errors.AsType[*okta.Error](err); !ok || e.RetryAfter == 0 {
					t.Errorf("%v", err)
				}
				return
			}
		}
		t.Error("the limit does not hold")
	})
}

func newKey(t *testing.T) (private, public []byte) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	text, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}),
		pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: text})
}

// TestClientCredentials: tokens come by a signed assertion, are renewed when they are
// worthless, and what keeps them from coming is said.
func TestClientCredentials(t *testing.T) {
	t.Parallel()
	private, public := newKey(t)
	oc := oktatest.Config{ClientID: "0oa1", PublicKeys: [][]byte{public}}
	cc := okta.Config{ClientID: "0oa1", Key: private}
	org, c := newOrg(t, oc, cc)
	for range 3 {
		if _, found, err := c.UserByLogin(t.Context(), "ada@acme.example"); err != nil || found {
			t.Fatal(err)
		}
	}
	if n := org.Counts()["POST /oauth2/v1/token"]; n != 1 {
		t.Errorf("%d tokens", n)
	}
	org.RevokeTokens()
	u, err := c.CreateUser(t.Context(), ada(), true)
	if err != nil || org.Counts()["POST /oauth2/v1/token"] != 2 {
		t.Errorf("%v, %v", err, org.Counts())
	}
	_, err = c.Roles(t.Context(), u.ID)
	fails(t, err, "E0000006", "permission")

	other, _ := newKey(t)
	for name, tt := range map[string]struct {
		change func(*oktatest.Config, *okta.Config)
		say    string
	}{
		"another key":    {func(_ *oktatest.Config, c *okta.Config) { c.Key = other }, "register the public key"},
		"another client": {func(_ *oktatest.Config, c *okta.Config) { c.ClientID = "0oa2" }, "client id"},
		"a scope":        {func(_ *oktatest.Config, c *okta.Config) { c.Scopes = []string{"okta.apps.manage"} }, "may not have okta.apps.manage"},
		"DPoP":           {func(o *oktatest.Config, _ *okta.Config) { o.DPoP = true }, "switch it off"},
	} {
		oc, cc := oc, cc
		tt.change(&oc, &cc)
		_, c := newOrg(t, oc, cc)
		_, err := c.User(t.Context(), "00u1")
		if e, ok := errors.AsType[*okta.Error](err); !ok || !e.Unsent || okta.IsNotFound(err) || !strings.Contains(err.Error(), tt.say) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestTokenIsReplaced: an API token that is not taken any more is asked for again, once.
func TestTokenIsReplaced(t *testing.T) {
	t.Parallel()
	now := token
	org, c := newOrg(t, oktatest.Config{}, okta.Config{Credential: func() (okta.Credential, error) { return okta.Credential{Token: now}, nil }})
	org.SetToken("another")
	_, err := c.User(t.Context(), "00u1")
	if fails(t, err, "E0000011"); org.Counts().Total() != 1 {
		t.Errorf("%v", org.Counts())
	}
	now = "another"
	if _, found, err := c.UserByLogin(t.Context(), "ada@acme.example"); err != nil || found {
		t.Error(err)
	}
	if text := fmt.Sprintf("%v %+v %#v", okta.Credential{Token: now}, c, c); strings.Contains(text, now) {
		t.Errorf("%s shows the token", text)
	}
}

// TestConfig: what is wrong with a configuration is said without showing what is secret.
func TestConfig(t *testing.T) {
	t.Parallel()
	private, _ := newKey(t)
	sound := okta.Config{URL: "https://acme.okta.com/api/v1/", Token: token, HTTP: http.DefaultTransport}
	for _, tt := range []struct {
		change func(*okta.Config)
		say    string
	}{
		{func(*okta.Config) {}, ""},
		{func(c *okta.Config) { c.URL = "acme" }, "write it like"},
		{func(c *okta.Config) { c.URL = "https://acme-admin.okta.com" }, "take -admin out"},
		{func(c *okta.Config) { c.URL = "https://u:hunter2@acme.okta.com" }, "take it out"},
		{func(c *okta.Config) { c.URL = "https://acme.okta.com/oauth2/default" }, "holds a path"},
		{func(c *okta.Config) { c.Token = "" }, "either an API token or a private key"},
		{func(c *okta.Config) { c.Key = private }, "not both"},
		{func(c *okta.Config) { c.Token = "SSWS " + token }, "without SSWS"},
		{func(c *okta.Config) { c.ClientID = "0oa1" }, "without a client id"},
		{func(c *okta.Config) { c.Token, c.Key = "", private }, "no client id"},
		{func(c *okta.Config) { c.Token, c.Key, c.ClientID = "", []byte("x"), "0oa1" }, "no PEM"},
		{func(c *okta.Config) { c.HTTP = nil }, "nothing to send"},
		{func(c *okta.Config) { c.Timeout = -1 }, "negative"},
		{func(c *okta.Config) { c.UserAgent = "a\nb" }, "user agent"},
	} {
		cfg := sound
		tt.change(&cfg)
		_, err := okta.New(cfg)
		if (err == nil) != (tt.say == "") || err != nil && (!strings.Contains(err.Error(), tt.say) || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), token)) {
			t.Errorf("%v, want %q", err, tt.say)
		}
	}
}

// TestGroupWithoutProfile: an answer that lacks what every group has is refused, and ends
// nothing else.
func TestGroupWithoutProfile(t *testing.T) {
	t.Parallel()
	_, c := newOrg(t, oktatest.Config{}, okta.Config{HTTP: roundTrips(func(*http.Request) *http.Response {
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(`{"id":"00g1","type":"OKTA_GROUP"}`))}
	})})
	if _, err := c.RenameGroup(t.Context(), "00g1", "Team B"); err == nil || !strings.Contains(err.Error(), "not as documented") {
		t.Errorf("%v", err)
	}
}
