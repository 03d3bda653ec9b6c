// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/app/auth0app"
	"github.com/usher-id/usher/internal/auth0"
	"github.com/usher-id/usher/internal/auth0/auth0test"
	"github.com/usher-id/usher/scim"
)

// TestAuth0Story is joiner, mover and leaver in a tenant, through the real engine.
func TestAuth0Story(t *testing.T) {
	t.Parallel()
	l := newLogin(t, nil)
	if rep := l.cycle("2026-03-01").Apps["app"]; rep.Create != 5 || rep.GroupCreate != 1 || rep.MemberAdd != 5 || rep.Parked != 0 {
		t.Fatalf("%+v", rep)
	}
	for _, u := range l.users() {
		if id := strings.Trim(string(u.AppMetadata["usher_id"]), `"`); u.ID != "auth0|"+id || id == "" {
			t.Errorf("%s is made under another id than ours, %s", u.ID, id)
		}
	}
	l.quiet("2026-03-01")

	// One moves, and one comes.
	l.signIn("p001")
	l.staff[1].dept = "B"
	l.staff = append(l.staff, worker{id: "6", first: "newbie", dept: "B", start: "2026-03-02"})
	if rep := l.cycle("2026-03-02").Apps["app"]; rep.Create != 1 || rep.Update != 1 || rep.MemberRemove != 1 || rep.MemberAdd != 2 {
		t.Errorf("%+v", rep)
	}
	l.in("p002", "B")
	l.in("newbie", "B")
	l.in("p003", "A")
	l.quiet("2026-03-02")

	// One has another name from now on, and keeps the account.
	before := l.users()["p003"].ID
	l.edit("displayName: person.displayName\n", "displayName: person.displayName + \"!\"\n")
	l.tenant.ResetCounts()
	if rep := l.cycle("2026-03-02").Apps["app"]; rep.Update != 6 || l.tenant.Counts().Writes() != 6 {
		t.Errorf("%+v, %v", rep, l.tenant.Counts())
	}
	if u := l.users()["p003"]; u.ID != before || u.Name != "p003!" {
		t.Errorf("%s", u.Raw)
	}

	// One leaves who is signed in, and whom Usher has never seen sign in.
	l.signIn("p001")
	l.staff[0].end = "2026-03-02"
	if rep := l.cycle("2026-03-05").Apps["app"]; rep.Disable != 1 || rep.MemberRemove != 1 || rep.Parked != 0 {
		t.Errorf("%+v", rep)
	}
	l.out("p001")
	if err := l.tenant.SignIn(l.users()["p001"].ID); err == nil {
		t.Error("a leaver can sign in")
	}
	l.in("p003", "A")
	l.quiet("2026-03-05")

	// And comes back, to the same account.
	id := l.users()["p001"].ID
	l.staff[0].end = ""
	if rep := l.cycle("2026-03-06").Apps["app"]; rep.Create != 0 || rep.Update != 1 || rep.MemberAdd != 1 {
		t.Errorf("%+v", rep)
	}
	l.in("p001", "A")
	if l.users()["p001"].ID != id || len(l.users()) != 6 {
		t.Errorf("%d users", len(l.users()))
	}
	l.quiet("2026-03-06")
	l.clean(tenantSecret, "admin-secret")
}

// TestAuth0Organizations: teams are organizations, renamed with their team.
func TestAuth0Organizations(t *testing.T) {
	t.Parallel()
	l := newLogin(t, nil)
	l.edit("groups: {teams: [department], display_name: team.value}", "groups: {teams: [department], display_name: '\"Team \" + team.value', as: organizations}")
	l.staff = staff(12) // more than are added in one request
	if rep := l.cycle("2026-03-01").Apps["app"]; rep.GroupCreate != 1 || rep.MemberAdd != 12 || rep.Parked != 0 {
		t.Fatalf("%+v", rep)
	}
	members := func() (name string, n int) {
		for o, err := range l.admin.Organizations(t.Context()) {
			if err != nil || name != "" {
				t.Fatalf("%+v %v", o, err)
			}
			name = o.Name + " " + o.DisplayName
			for _, err := range l.admin.OrganizationMembers(t.Context(), o.ID) {
				if n++; err != nil {
					t.Fatal(err)
				}
			}
		}
		return name, n
	}
	if name, n := members(); name != "team-a Team A" || n != 12 {
		t.Errorf("%s: %d members", name, n)
	}
	l.edit(`"Team " +`, `"Group " +`)
	l.staff[0].end = "2026-03-01"
	if rep := l.cycle("2026-03-03").Apps["app"]; rep.GroupUpdate != 1 || rep.Disable != 1 || rep.MemberRemove != 1 || rep.Parked != 0 {
		t.Errorf("%+v", rep)
	}
	if name, n := members(); name != "team-a Group A" || n != 11 {
		t.Errorf("%s: %d members", name, n)
	}
	l.quiet("2026-03-03")
}

// TestAuth0Adopts: who is there already is taken over by the address, keeps the id, and
// carries ours from then on; somebody else's is left alone.
func TestAuth0Adopts(t *testing.T) {
	t.Parallel()
	l := newLogin(t, nil)
	for email, verified := range map[string]bool{"p001@acme.example": true, "p002@acme.example": false, "p003@acme.example": true, "stranger@acme.example": true} {
		u, err := l.admin.CreateUser(t.Context(), auth0.UserChange{Connection: auth0test.DefaultConnection, Email: &email, EmailVerified: &verified, Password: "Pass-word-1"})
		if err != nil {
			t.Fatal(err)
		}
		if email != "p003@acme.example" {
			continue
		}
		if _, err := l.tenant.PutRole("Tenant Admin", u.ID); err != nil {
			t.Fatal(err)
		}
	}
	was := l.users()
	if rep := l.cycle("2026-03-01").Apps["app"]; rep.Create != 2 || rep.Update != 1 || rep.Foreign != 1 || rep.Parked != 2 {
		t.Errorf("%+v", rep)
	}
	is := l.users()
	// Whoever signed up with a colleague's address gets nothing of theirs, and an
	// administrator becomes nobody's account by rule.
	for name, why := range map[string]string{"p002": "not verified", "p003": "privileged"} {
		if u := is[name]; len(u.AppMetadata) > 0 || len(l.teams(u.ID)) > len(l.teams(was[name].ID)) || !strings.Contains(l.parked(), why) {
			t.Errorf("%s: %s, %s", name, u.Raw, l.parked())
		}
	}
	if u := is["p001"]; u.ID != was["p001"].ID || u.Name != "p001" || len(u.AppMetadata["usher_id"]) == 0 || len(is) != 6 {
		t.Errorf("%d users, %s", len(is), u.Raw)
	}
	if u := is["stranger"]; u.Blocked || len(u.AppMetadata) > 0 {
		t.Errorf("%s", u.Raw)
	}
	// By hand: the person's id is written into app_metadata.
	l.adopt(was["p002"].ID, "p002")
	l.adopt(was["p003"].ID, "p003")
	// A rebuilt database finds everybody again, whatever they are called by now.
	for _, pattern := range []string{"usher.db*"} {
		files, err := filepath.Glob(filepath.Join(l.dir, pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("%v %v", files, err)
		}
		for _, f := range files {
			if err := os.Remove(f); err != nil {
				t.Fatal(err)
			}
		}
	}
	l.tenant.ResetCounts()
	if rep := l.cycle("2026-03-01").Apps["app"]; rep.Create != 0 || rep.Update != 2 || rep.MemberAdd != 2 || rep.Parked != 0 || l.tenant.Counts().Writes() != 3 {
		t.Errorf("%+v %v", rep, l.tenant.Counts())
	}
	l.in("p002", "A")
	l.quiet("2026-03-01")
}

// TestAuth0SameNumber: a stranger under the id that somebody's user would have is left
// alone, and that person set aside.
func TestAuth0SameNumber(t *testing.T) {
	t.Parallel()
	l := newLogin(t, nil)
	l.edit("      userName: person.userName\n      displayName", "      userName: person.userName\n      externalId: person.displayName\n      displayName")
	id, err := l.tenant.Put(auth0test.User{Email: "stranger@mail.example", EmailVerified: true, Identities: []auth0test.Identity{{Connection: auth0test.DefaultConnection, Provider: "auth0", UserID: "p001"}}})
	if err != nil || id != "auth0|p001" {
		t.Fatal(id, err)
	}
	if rep := l.cycle("2026-03-01").Apps["app"]; rep.Create != 4 || rep.Parked != 1 || !strings.Contains(l.parked(), "not our mark") {
		t.Errorf("%+v %s", rep, l.parked())
	}
	if u := l.users()["stranger"]; u.ID != id || u.Name == "p001" || len(u.AppMetadata) > 0 || len(l.teams(id)) > 0 {
		t.Errorf("%s", u.Raw)
	}
}

// TestAuth0GoesWrong: whatever goes wrong on the way, everybody ends as they must, once.
func TestAuth0GoesWrong(t *testing.T) {
	t.Parallel()
	l := newLogin(t, nil)
	l.edit("    first_run: go\n", "    first_run: go\n    password_change: email\n")
	faults := auth0test.Rules(
		auth0test.Rule{Method: "POST", Path: "/users", Subject: "p001@acme.example", Times: 1, Fault: auth0test.Fault{Kind: auth0test.AnswerLost}},
		auth0test.Rule{Method: "POST", Path: "/users", Subject: "p002@acme.example", Times: 1, Fault: auth0test.Fault{Kind: auth0test.ErrorAfter}},
		auth0test.Rule{Method: "POST", Path: "/users", Subject: "p003@acme.example", Times: 1, Fault: auth0test.Fault{Kind: auth0test.TooMany}},
		auth0test.Rule{Path: "/dbconnections/change_password", Subject: "p004@acme.example", Times: 2, Fault: auth0test.Fault{Kind: auth0test.ServerError}},
		auth0test.Rule{Method: "DELETE", Path: "/users/:id/sessions", Times: 1, Fault: auth0test.Fault{Kind: auth0test.Reset}},
		auth0test.Rule{Method: "DELETE", Path: "/users/:id/refresh-tokens", Times: 1, Fault: auth0test.Fault{Kind: auth0test.AnswerLost}},
		auth0test.Rule{Method: "DELETE", Path: "/users/:id/roles", Times: 1, Fault: auth0test.Fault{Kind: auth0test.AnswerLost}},
		auth0test.Rule{Method: "POST", Path: "/roles/:id/users", Times: 1, Fault: auth0test.Fault{Kind: auth0test.AnswerLost}},
	)
	l.tenant.SetFaults(faults)
	if rep := l.cycle("2026-03-01").Apps["app"]; rep.Parked != 0 || rep.Waiting != 0 {
		t.Errorf("%+v", rep)
	}
	mailed := map[string]bool{}
	for _, m := range l.tenant.Mails() {
		mailed[m.To] = true
	}
	if len(l.users()) != 5 || len(mailed) != 5 {
		t.Errorf("%d users, %d of whom know how to get to a password", len(l.users()), len(mailed))
	}
	for _, w := range l.staff {
		l.in(w.first, "A")
	}
	l.signIn("p001")
	l.staff[0].end = "2026-03-01"
	if rep := l.cycle("2026-03-03").Apps["app"]; rep.Parked != 0 || rep.Waiting != 0 {
		t.Errorf("%+v", rep)
	}
	l.out("p001")
	l.quiet("2026-03-03")
	done := 0
	for _, n := range faults.Done() {
		done += n
	}
	if done < 9 {
		t.Errorf("only %d of the faults came: %v", done, faults.Done())
	}
}

// TestAuth0CrashBehindTheBlock: of a departure that was cut off behind the block nothing
// is known but its intent. The look-up finds a user who is blocked and signed in, and the
// departure is carried out to its end.
func TestAuth0CrashBehindTheBlock(t *testing.T) {
	t.Parallel()
	l := newLogin(t, nil)
	l.cycle("2026-03-01")
	l.signIn("p001")
	l.staff[0].end = "2026-03-01"
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	client, err := auth0.New(auth0.Config{URL: l.url, ClientID: "usher", Secret: tenantSecret, HTTP: transport})
	if err != nil {
		t.Fatal(err)
	}
	whole, err := auth0app.New(auth0app.Config{Client: client, Connection: auth0test.DefaultConnection})
	if err != nil {
		t.Fatal(err)
	}
	l.app = &cutOff{App: whole, admin: l.admin}
	if rep := l.cycle("2026-03-03").Apps["app"]; rep.Disable != 1 || rep.Parked != 0 || rep.Waiting != 0 {
		t.Errorf("%+v", rep)
	}
	l.out("p001")
	l.quiet("2026-03-03")
}

// cutOff is an app whose first departure ends behind the block, without an answer.
type cutOff struct {
	app.App

	admin *auth0.Client
	once  sync.Once
}

func (c *cutOff) Patch(ctx context.Context, kind app.Kind, id string, changes []scim.Change, want *scim.Resource) (app.Answer, error) {
	var cut error
	c.once.Do(func() {
		_, err := c.admin.UpdateUser(ctx, id, auth0.UserChange{Blocked: new(true)})
		cut = &app.Error{Class: app.Ambiguous, Err: errors.Join(errors.New("cut off"), err)}
	})
	if cut != nil {
		return app.Answer{}, cut
	}
	return c.App.Patch(ctx, kind, id, changes, want)
}

// TestAuth0Tickets: the addresses at which passwords are chosen are in their files, and
// in nothing else that is written.
func TestAuth0Tickets(t *testing.T) {
	t.Parallel()
	l := newLogin(t, nil)
	folder := filepath.Join(l.dir, "tickets")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	l.edit("    first_run: go\n", "    first_run: go\n    password_change: tickets\n    tickets: "+folder+"\n")
	if rep := l.cycle("2026-03-01").Apps["app"]; rep.Create != 5 || rep.Parked != 0 {
		t.Errorf("%+v", rep)
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.url"))
	if err != nil || len(files) != 5 || len(l.tenant.Tickets()) != 5 {
		t.Errorf("%v %v", files, err)
	}
	words := []string{tenantSecret}
	for _, ticket := range l.tenant.Tickets() {
		_, address, _ := strings.Cut(ticket.URL, "ticket=")
		words = append(words, strings.TrimSuffix(address, "#"))
	}
	l.clean(words...)
}

// TestAuth0Linked: a leaver whose user was made a part of another one is not there, and
// not out either. Somebody is told, and once it stands alone again it is blocked.
func TestAuth0Linked(t *testing.T) {
	t.Parallel()
	l := newLogin(t, func(c *auth0test.Config) {
		c.Connections = []auth0test.Connection{{Name: auth0test.DefaultConnection, Strategy: "auth0"}, {Name: "google", Strategy: "google-oauth2"}}
	})
	l.cycle("2026-03-01")
	private, err := l.tenant.Put(auth0test.User{Email: "private@mail.example", Identities: []auth0test.Identity{{Connection: "google", Provider: "google-oauth2", UserID: "77", Social: true}}})
	if err != nil {
		t.Fatal(err)
	}
	id := l.users()["p001"].ID
	if err := l.tenant.Link(private, id); err != nil {
		t.Fatal(err)
	}
	l.staff[0].end = "2026-03-01"
	if rep := l.cycle("2026-03-03").Apps["app"]; rep.Parked != 1 || !strings.Contains(l.parked(), "linked to another one ("+private+")") {
		t.Errorf("%+v %s", rep, l.parked())
	}
	if err := l.tenant.Unlink(private, id); err != nil {
		t.Fatal(err)
	}
	l.edit("displayName: person.displayName\n", "displayName: person.displayName + \"!\"\n") // everybody is looked at again
	if rep := l.cycle("2026-03-03").Apps["app"]; rep.Parked != 0 {
		t.Errorf("%+v %s", rep, l.parked())
	}
	l.out("p001")
}

// TestAuth0Passwords: a password is in nothing that is written, not even if the tenant
// quotes it in its refusal.
func TestAuth0Passwords(t *testing.T) {
	t.Parallel()
	l := newLogin(t, nil)
	heard := &hears{quote: "p002@acme.example"}
	t.Cleanup(heard.CloseIdleConnections)
	client, err := auth0.New(auth0.Config{URL: l.url, ClientID: "usher", Secret: tenantSecret, HTTP: heard})
	if err != nil {
		t.Fatal(err)
	}
	if l.app, err = auth0app.New(auth0app.Config{Client: client, Connection: auth0test.DefaultConnection}); err != nil {
		t.Fatal(err)
	}
	if rep := l.cycle("2026-03-01").Apps["app"]; rep.Create != 4 || rep.Parked != 1 || !strings.Contains(l.parked(), "is too weak") {
		t.Errorf("%+v %s", rep, l.parked())
	}
	if len(heard.passwords) != 5 {
		t.Errorf("%d passwords", len(heard.passwords))
	}
	l.clean(append(heard.passwords, tenantSecret)...)
	for _, p := range heard.passwords {
		if strings.Contains(l.parked(), p) {
			t.Error("a password is told")
		}
	}
}

// hears takes down the passwords that users are made with, and refuses one of them by
// quoting it.
type hears struct {
	http.Transport

	quote     string
	mu        sync.Mutex
	passwords []string
}

func (h *hears) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method != http.MethodPost || !strings.HasSuffix(req.URL.Path, "/users") || strings.Contains(req.URL.Path, "/roles/") {
		return h.Transport.RoundTrip(req)
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	var user struct{ Email, Password string }
	if err := json.Unmarshal(body, &user, json.MatchCaseInsensitiveNames(true)); err != nil {
		return nil, err
	}
	h.mu.Lock()
	h.passwords = append(h.passwords, user.Password)
	h.mu.Unlock()
	if user.Email == h.quote {
		text := `{"statusCode":400,"error":"Bad Request","errorCode":"invalid_password","message":"PasswordStrengthError: ` + user.Password + ` is too weak"}`
		return &http.Response{
			StatusCode: http.StatusBadRequest, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(text)), Request: req,
		}, nil
	}
	req.Body = io.NopCloser(bytes.NewReader(body))
	return h.Transport.RoundTrip(req)
}

// TestAuth0Refused: a credential that is not taken pauses the app, and says why without
// showing it.
func TestAuth0Refused(t *testing.T) {
	t.Parallel()
	l := newLogin(t, nil)
	l.edit(tenantSecret, "another-secret-than-that")
	rep := l.cycle("2026-03-01").Apps["app"]
	if rep.Paused == "" || strings.Contains(rep.Paused, "another-secret") || rep.Create != 0 {
		t.Errorf("%+v", rep)
	}
	l.clean("another-secret")
}

// TestAuth0Scopes: those that docs/auth0.md names are enough, and none is named that is
// nothing's.
func TestAuth0Scopes(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "auth0.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, text, found := bytes.Cut(text, []byte("## Scopes"))
	text, _, _ = bytes.Cut(text, []byte("\n##"))
	var scopes []string
	for _, m := range regexp.MustCompile("`([a-z]+:[a-z_]+)`").FindAllSubmatch(text, -1) {
		scopes = append(scopes, string(m[1]))
	}
	if !found || len(scopes) < 20 {
		t.Fatalf("%v", scopes)
	}
	for _, as := range []string{"roles", "organizations"} {
		l := newLogin(t, func(c *auth0test.Config) { c.Scopes = scopes })
		folder := filepath.Join(l.dir, "tickets")
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		l.edit("    first_run: go\n", "    first_run: go\n    delete_after: 1d\n    password_change: tickets\n    tickets: "+folder+"\n")
		l.edit("display_name: team.value}", "display_name: team.value, as: "+as+"}")
		if _, err := l.tenant.Put(auth0test.User{Email: "p001@acme.example", EmailVerified: true, Identities: []auth0test.Identity{{Connection: auth0test.DefaultConnection, Provider: "auth0", UserID: "before"}}}); err != nil {
			t.Fatal(err)
		}
		l.cycle("2026-03-01")
		l.staff[0].end, l.staff[1].dept = "2026-03-01", "B"
		l.edit("display_name: team.value,", "display_name: '\"Team \" + team.value',")
		if rep := l.cycle("2026-03-03").Apps["app"]; rep.Disable != 1 || rep.GroupUpdate != 1 {
			t.Errorf("%s: %+v", as, rep)
		}
		if rep := l.cycle("2026-03-06").Apps["app"]; rep.Delete != 1 || rep.Parked != 0 {
			t.Errorf("%s: %+v", as, rep)
		}
		for _, r := range l.tenant.Refusals() {
			if r.Status == http.StatusForbidden {
				t.Errorf("%s: %+v", as, r)
			}
		}
	}
}

// TestAuth0LacksScope: what a missing scope forbids is told by its name.
func TestAuth0LacksScope(t *testing.T) {
	t.Parallel()
	l := newLogin(t, func(c *auth0test.Config) {
		c.Scopes = []string{"read:users", "create:users", "update:users", "read:roles", "create:roles", "update:roles", "create:role_members", "read:role_members"}
	})
	l.cycle("2026-03-01")
	l.staff[0].end = "2026-03-01"
	l.cycle("2026-03-03")
	if said := l.parked(); !strings.Contains(said, "delete:sessions") || !strings.Contains(said, "the user is blocked") {
		t.Errorf("%q", said)
	}
	if !l.users()["p001"].Blocked {
		t.Error("not blocked")
	}
}
