// SPDX-License-Identifier: Apache-2.0

package github_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-id/usher/internal/fake"
	"github.com/usher-id/usher/internal/github"
	"github.com/usher-id/usher/internal/github/githubtest"
	"github.com/usher-id/usher/internal/rest"
)

const appID = "Iv23liExample"

// keys are made once, as that takes a while.
var keys = sync.OnceValue(func() (k [2]struct{ private, public []byte }) {
	for i := range k {
		var err error
		if k[i].private, err = rest.NewKey(); err != nil {
			panic(err)
		}
		if k[i].public, _, err = rest.PublicKeyOf(k[i].private); err != nil {
			panic(err)
		}
	}
	return k
})

// newOrg is an organization, and a client of it without a network.
func newOrg(t *testing.T, oc githubtest.Config, change func(*github.Config)) (*githubtest.Org, *github.Client) {
	t.Helper()
	oc.Login, oc.AppID, oc.PublicKeys = "acme", appID, [][]byte{keys()[0].public}
	org, err := githubtest.New(oc)
	if err != nil {
		t.Fatal(err)
	}
	cfg := github.Config{Organization: "acme", AppID: appID, Key: keys()[0].private, HTTP: org.Transport()}
	if change != nil {
		change(&cfg)
	}
	c, err := github.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return org, c
}

// says holds that an error says some words, and shows no key or token.
func says(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %q", words)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q does not say %q", err, w)
		}
	}
	if strings.Contains(err.Error(), "PRIVATE KEY") || strings.Contains(err.Error(), "ghs_") || strings.Contains(err.Error(), "eyJ") {
		t.Errorf("%q shows what is secret", err)
	}
}

func logins(t *testing.T, c *github.Client, role string) (out []string) {
	t.Helper()
	for u, err := range c.Members(t.Context(), role) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, u.Login)
	}
	return out
}

// TestMembership is a membership from the invitation to its end, with what GitHub refuses
// on the way.
func TestMembership(t *testing.T) {
	t.Parallel()
	org, c := newOrg(t, githubtest.Config{MostPerPage: 2}, nil)
	ctx := t.Context()
	id := org.PutUser("ada-gh")
	for i := range 4 {
		org.PutMember(org.PutUser(fmt.Sprint("m", i)), "member")
	}
	if got := logins(t, c, "all"); len(got) != 5 {
		t.Errorf("%v", got)
	}
	if got := logins(t, c, "admin"); !slices.Equal(got, []string{"owner"}) {
		t.Errorf("%v", got)
	}
	u, err := c.UserByLogin(ctx, "Ada-GH")
	if err != nil || u.ID != id || u.Type != "User" {
		t.Fatalf("%+v %v", u, err)
	}
	if _, err := c.Membership(ctx, "ada-gh"); !github.IsNotFound(err) {
		t.Errorf("%v", err)
	}
	if _, err := c.SetMembership(ctx, "nobody", github.Member); !github.IsNotFound(err) {
		t.Errorf("%v", err)
	}
	m, err := c.SetMembership(ctx, "ada-gh", github.Member)
	if err != nil || m.State != github.Pending || m.Role != github.Member || m.User.ID != id {
		t.Fatalf("%+v %v", m, err)
	}
	if err := org.Accept("ada-gh"); err != nil {
		t.Fatal(err)
	}
	org.Rename("ada-gh", "ada-new")
	if u, err = c.UserByID(ctx, id); err != nil || u.Login != "ada-new" {
		t.Errorf("%+v %v", u, err)
	}
	if m, err = c.Membership(ctx, "ada-new"); err != nil || m.State != github.Active {
		t.Errorf("%+v %v", m, err)
	}
	for range 2 {
		if err := c.RemoveMembership(ctx, "ada-new"); err != nil {
			t.Error(err)
		}
	}
	says(t, c.RemoveMembership(ctx, "owner"), "status 403", "last owner")
	if !github.IsForbidden(c.RemoveMembership(ctx, "owner")) || len(org.Members()) != 5 {
		t.Errorf("%v", org.Members())
	}
}

// TestInvitations: what is not accepted in seven days has failed, and says why; one of an
// address, which an owner has sent, is told as such; and the limit of a day is told apart.
func TestInvitations(t *testing.T) {
	t.Parallel()
	now := time.Now()
	var mu sync.Mutex
	org, c := newOrg(t, githubtest.Config{InvitesPerDay: 2, Now: func() time.Time { mu.Lock(); defer mu.Unlock(); return now }, TokenLife: 100 * 24 * time.Hour}, nil)
	ctx := t.Context()
	team, err := c.CreateTeam(ctx, "Späti & Co", "d")
	if err != nil || team.Slug == "" {
		t.Fatalf("%+v %v", team, err)
	}
	if _, err := c.CreateTeam(ctx, "späti co", ""); !github.IsTaken(err) {
		t.Errorf("%v is not taken", err)
	}
	for _, login := range []string{"ada", "eve", "zoe"} {
		org.PutUser(login)
		if _, err = c.SetMembership(ctx, login, github.Member); (login == "zoe") != github.IsManyInvitations(err) || github.IsTaken(err) {
			t.Errorf("%v", err)
		}
	}
	org.InviteMail("bob@acme.example", team.Name)
	n := 0
	for i, err := range c.TeamInvitations(ctx, team.ID) {
		if n++; err != nil || i.Email != "bob@acme.example" || i.Login != "" || i.Created.IsZero() || !i.Failed.IsZero() {
			t.Errorf("%+v %v", i, err)
		}
	}
	if err := org.Accept("ada"); err != nil {
		t.Error(err)
	}
	mu.Lock()
	now = now.Add(7 * 24 * time.Hour)
	mu.Unlock()
	for i, err := range c.FailedInvitations(ctx) {
		if n++; err != nil || i.Login != "eve" && i.Email != "bob@acme.example" || i.Failed.IsZero() || !strings.Contains(i.Reason, "expired") {
			t.Errorf("%+v %v", i, err)
		}
	}
	for i, err := range c.Invitations(ctx) {
		t.Errorf("%+v %v", i, err)
	}
	if n != 3 {
		t.Errorf("%d entries", n)
	}
	if err := c.CancelInvitation(ctx, 4711); err != nil {
		t.Error(err)
	}
}

// TestTeams: a team is addressed by its id whatever it is called, a member is put in and
// taken out, and one that an identity provider fills takes nobody.
func TestTeams(t *testing.T) {
	t.Parallel()
	org, c := newOrg(t, githubtest.Config{}, nil)
	ctx := t.Context()
	ada := org.PutUser("ada")
	org.PutMember(ada, "member")
	team, err := c.CreateTeam(ctx, "Engineering", "ours")
	if err != nil {
		t.Fatal(err)
	}
	if team, err = c.RenameTeam(ctx, team.ID, "R&D"); err != nil || team.Name != "R&D" || team.Description != "ours" {
		t.Errorf("%+v %v", team, err)
	}
	if m, err := c.AddTeamMember(ctx, team.ID, "ada"); err != nil || m.State != github.Active || m.Role != github.Member {
		t.Errorf("%+v %v", m, err)
	}
	org.PutTeam("Below", false, team.ID, ada)
	n := 0
	for child, err := range c.ChildTeams(ctx, team.ID) {
		if n++; err != nil || child.Name != "Below" {
			t.Errorf("%+v %v", child, err)
		}
	}
	for range 2 {
		if err := c.RemoveTeamMember(ctx, team.ID, "ada"); err != nil {
			t.Error(err)
		}
	}
	if m, err := c.TeamMembership(ctx, team.ID, "ada"); err != nil || n != 1 { // by the team below
		t.Errorf("%+v %v", m, err)
	}
	synced := org.PutTeam("Synced", true, 0)
	if _, err := c.AddTeamMember(ctx, synced, "ada"); !github.IsForbidden(err) {
		t.Errorf("%v", err)
	}
	if _, err := c.Team(ctx, 4711); !github.IsNotFound(err) {
		t.Errorf("%v", err)
	}
}

// TestWhoWeAre: each of what may be wrong with app, key, organization and installation is
// told in a sentence of its own, and a permission that is given later is found.
func TestWhoWeAre(t *testing.T) {
	t.Parallel()
	for what, tt := range map[string]struct {
		config func(*github.Config)
		org    func(*githubtest.Org)
		status int
		says   string
	}{
		"app":          {config: func(c *github.Config) { c.AppID = "123" }, status: 401, says: "there is no GitHub App 123"},
		"key":          {config: func(c *github.Config) { c.Key = keys()[1].private }, status: 401, says: "does not take the private key for the app " + appID},
		"organization": {config: func(c *github.Config) { c.Organization = "acne" }, status: 401, says: "is not installed in an organization acne"},
		"suspended":    {org: func(o *githubtest.Org) { o.Suspend(true) }, status: 403, says: "suspended in acme"},
		"permission":   {org: func(o *githubtest.Org) { o.Grant(map[string]string{"members": "read"}) }, status: 403, says: "Members: Read and write"},
		"redirect": {config: func(c *github.Config) {
			c.HTTP = fake.Transport(http.RedirectHandler("https://evil.example/", http.StatusMovedPermanently))
		}, says: "has the organization acme another name by now"},
		"no API": {config: func(c *github.Config) {
			c.HTTP = fake.Transport(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "<html>") }))
		}, says: "is no API of GitHub"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			org, c := newOrg(t, githubtest.Config{}, tt.config)
			if tt.org != nil {
				tt.org(org)
			}
			_, err := c.UserByLogin(t.Context(), "owner")
			says(t, err, tt.says)
			e, ok := errors.AsType[*github.Error](err)
			if !ok || e.Status != tt.status || !e.Unsent || github.IsNotFound(err) {
				t.Errorf("%+v", e)
			}
			if tt.org == nil {
				return
			}
			org.Suspend(false)
			org.Grant(map[string]string{"members": "write", "contents": "write"})
			i, err := c.Installation(t.Context())
			if err != nil || i.Permissions["contents"] != "write" || i.Organization == 0 {
				t.Errorf("%+v %v", i, err)
			}
		})
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"":                                       "https://api.github.com",
		"https://api.github.com/":                "https://api.github.com",
		"https://api.acme.ghe.com":               "https://api.acme.ghe.com",
		"https://github.acme.example":            "https://github.acme.example/api/v3",
		"https://github.acme.example/api/v3/":    "https://github.acme.example/api/v3",
		"https://github.com":                     "!web site",
		"https://acme.ghe.com":                   "!write https://api.acme.ghe.com",
		"https://github.acme.example/acme":       "!holds a path",
		"https://hunter2:x@github.acme.example":  "!user name",
		"ftp://github.acme.example":              "!cannot be read",
		"https://github.acme.example/api/v3?a=b": "!holds",
	} {
		got, err := github.Base(address)
		if why, bad := strings.CutPrefix(want, "!"); bad {
			if says(t, err, why); strings.Contains(err.Error(), "hunter2") {
				t.Error(err)
			}
		} else if err != nil || got != want {
			t.Errorf("%s: %s %v", address, got, err)
		}
	}
	for _, change := range []func(*github.Config){
		func(c *github.Config) { c.Organization = "a/b" },
		func(c *github.Config) { c.Organization = "" },
		func(c *github.Config) { c.AppID = "" },
		func(c *github.Config) { c.AppID = "a b" },
		func(c *github.Config) { c.Key = nil },
		func(c *github.Config) { c.Key = []byte("-----BEGIN") },
		func(c *github.Config) { c.HTTP = nil },
		func(c *github.Config) { c.UserAgent = "a\nb" },
	} {
		cfg := github.Config{Organization: "acme", AppID: appID, Key: keys()[0].private, HTTP: http.DefaultTransport}
		change(&cfg)
		c, err := github.New(cfg)
		if err == nil || strings.Contains(fmt.Sprintf("%v %#v %s", c, github.Key(cfg.Key), err), string(keys()[0].private[40:80])) {
			t.Errorf("%v", err)
		}
	}
}

// TestAskedTooOften: the secondary limit, which comes as a 403, is waited for as long as
// it says, and a minute if it does not; the limit of the hour until it is reset.
func TestAskedTooOften(t *testing.T) {
	t.Parallel()
	keys() // whose making is no matter of the bubble
	synctest.Test(t, func(t *testing.T) {
		org, c := newOrg(t, githubtest.Config{PerHour: 2}, nil)
		org.SetFaults(fake.Rules(fake.Rule{Path: "/users/{login}", Times: 1, Fault: fake.Fault{Kind: fake.TooMany, RetryAfter: 20 * time.Second}}))
		began := time.Now()
		if _, err := c.UserByLogin(t.Context(), "owner"); err != nil || time.Since(began) != 20*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		_, _ = c.UserByLogin(t.Context(), "owner")
		ctx, done := context.WithTimeout(t.Context(), time.Minute)
		defer done()
		_, err := c.UserByLogin(ctx, "owner")
		e, ok := errors.AsType[*github.Error](err)
		if !ok || e.RetryAfter == 0 || github.IsForbidden(err) {
			t.Errorf("%+v", e)
		}
		silent := fake.Transport(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, "/users/") {
				w.WriteHeader(http.StatusForbidden)
				_, _ = fmt.Fprint(w, `{"message":"You have exceeded a secondary rate limit"}`)
				return
			}
			org.ServeHTTP(w, r)
		}))
		_, c = newOrg(t, githubtest.Config{}, func(c *github.Config) { c.HTTP = silent })
		soon, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		_, err = c.UserByLogin(soon, "owner")
		if e, ok := errors.AsType[*github.Error](err); !ok || !e.Busy || e.RetryAfter != time.Minute {
			t.Errorf("%+v", e)
		}
	})
}

// TestLostTokens: a token that is not taken is replaced once, and the client asks again.
func TestLostTokens(t *testing.T) {
	t.Parallel()
	org, c := newOrg(t, githubtest.Config{}, nil)
	for range 2 {
		if _, err := c.UserByLogin(t.Context(), "owner"); err != nil {
			t.Fatal(err)
		}
		org.RevokeTokens()
	}
	if n := org.Counts()["POST /app/installations/{id}/access_tokens"]; n != 2 {
		t.Errorf("%d tokens", n)
	}
}

// TestListsThatDoNotFit: a list whose pages do not fit together, or that is not as
// documented, is none.
func TestListsThatDoNotFit(t *testing.T) {
	t.Parallel()
	for what, tt := range map[string]struct{ link, body, says string }{
		"twice":   {"", `[{"id":1,"login":"a"},{"id":1,"login":"a"}]`, "comes twice"},
		"no id":   {"", `[{"login":"a"}]`, "not as documented"},
		"no list": {"", `{}`, "not the JSON"},
		"itself":  {`<https://api.github.com/x?page=1>; rel="next"`, `[{"id":1,"login":"a"}]`, "leads to itself"},
		"nowhere": {`<https://evil.example/x>; rel="next"`, `[]`, "has no number"},
	} {
		org, _ := newOrg(t, githubtest.Config{}, nil)
		_, c := newOrg(t, githubtest.Config{}, func(c *github.Config) {
			c.HTTP = fake.Transport(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if !strings.HasSuffix(r.URL.Path, "/members") {
					org.ServeHTTP(w, r)
					return
				}
				w.Header().Set("Link", tt.link)
				_, _ = fmt.Fprint(w, tt.body)
			}))
		})
		var err error
		for _, err = range c.Members(t.Context(), "all") {
		}
		if err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
