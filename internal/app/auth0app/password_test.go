// SPDX-License-Identifier: Apache-2.0

package auth0app_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/app/auth0app"
	"github.com/usher-id/usher/internal/auth0/auth0test"
	"github.com/usher-id/usher/internal/config"
)

// TestRandomPassword holds that passwords meet every policy of Auth0 and are not alike.
func TestRandomPassword(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 500 {
		p := app.RandomPassword()
		if len(p) < 32 || len(p) > 72 || seen[p] {
			t.Fatalf("%q", p)
		}
		seen[p] = true
		for _, kind := range []string{"[a-z]", "[A-Z]", "[0-9]", "[!@#$%^&*]"} {
			if !regexp.MustCompile(kind).MatchString(p) {
				t.Errorf("%q has none of %s", p, kind)
			}
		}
		for i := 2; i < len(p); i++ {
			if p[i] == p[i-1] && p[i] == p[i-2] {
				t.Errorf("%q has three in a row", p)
			}
		}
	}
}

func mailing(_ *auth0test.Config, c *auth0app.Config) { c.PasswordChange = config.PasswordEmail }

// changeMails counts the mails by which passwords are chosen.
func (r *rig) changeMails() (n int) {
	for _, m := range r.tenant.Mails() {
		if m.Kind != auth0test.MailChangePassword {
			r.Errorf("a mail of another kind: %+v", m)
		}
		n++
	}
	return n
}

func TestPasswordByMail(t *testing.T) {
	t.Parallel()
	r := newRig(t, mailing)
	id := r.create(person("a1", "userName", "alice@acme.example"))
	u := r.user(id)
	if r.changeMails() != 1 || u.Blocked || meta(u.AppMetadata, "usher_id") != "a1" || meta(u.AppMetadata, "usher_pending") == "password" || !r.active(id) {
		t.Errorf("%s, %d mails", u.Raw, len(r.tenant.Mails()))
	}
	// Who leaves and comes back has chosen one.
	r.must(r.patch(id, set("active", false)))
	r.must(r.patch(id, set("active", true)))
	if r.changeMails() != 1 || r.user(id).Blocked {
		t.Error("a returner got a mail, or is blocked")
	}
}

// TestCreatedInactive: who is made to be inactive gets no way to a password before they
// are let in.
func TestCreatedInactive(t *testing.T) {
	t.Parallel()
	r := newRig(t, mailing)
	u := person("a1", "userName", "alice@acme.example")
	u.SetActive(false)
	shown := r.must(r.app.Create(t.Context(), app.KindUser, u)).Resource
	if on, _ := shown.Active(); on || shown.ExternalID() != "a1" || !r.user("auth0|a1").Blocked || r.changeMails() != 0 {
		t.Errorf("active %v, %d mails", on, len(r.tenant.Mails()))
	}
	r.must(r.patch("auth0|a1", set("active", true)))
	if r.user("auth0|a1").Blocked || r.changeMails() != 1 {
		t.Errorf("%d mails", len(r.tenant.Mails()))
	}
}

// TestPasswordMailFails: whoever could not be written to is there once, blocked, and
// let in by the next try.
func TestPasswordMailFails(t *testing.T) {
	t.Parallel()
	for name, rule := range map[string]auth0test.Rule{
		"the mail":            {Path: "/dbconnections/change_password", Fault: auth0test.Fault{Kind: auth0test.ServerError}},
		"the mail, lost":      {Path: "/dbconnections/change_password", Fault: auth0test.Fault{Kind: auth0test.AnswerLost}},
		"the end":             {Method: "PATCH", Path: "/users/:id", Fault: auth0test.Fault{Kind: auth0test.ServerError}},
		"the user's creation": {Method: "POST", Path: "/users", Fault: auth0test.Fault{Kind: auth0test.AnswerLost}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, mailing)
			r.tenant.SetFaults(auth0test.Rules(rule))
			_, err := r.app.Create(t.Context(), app.KindUser, person("a1", "userName", "alice@acme.example"))
			r.fails(err, app.Ambiguous)
			r.tenant.SetFaults(nil)
			hits, _, err := r.app.Find(t.Context(), app.KindUser, set("externalId", "").Path, "a1")
			if err != nil || len(hits) != 1 || hits[0].ExternalID() != "a1" {
				t.Fatalf("%v %v", hits, err)
			}
			if on, _ := hits[0].Active(); on {
				t.Error("an account to which nobody has a password is active")
			}
			r.must(r.patch("auth0|a1", set("active", true)))
			if u := r.user("auth0|a1"); u.Blocked || r.changeMails() == 0 || r.effects(auth0test.Created, "user") != 1 {
				t.Errorf("%s, %d mails", u.Raw, len(r.tenant.Mails()))
			}
		})
	}
}

// TestNoScopeForTickets: what is lacking for one hire's ticket stops nobody else.
func TestNoScopeForTickets(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(tc *auth0test.Config, c *auth0app.Config) {
		c.PasswordChange, c.Tickets = config.PasswordTickets, t.TempDir()
		tc.Scopes = []string{"create:users", "read:users", "update:users"}
	})
	_, err := r.app.Create(t.Context(), app.KindUser, person("a1", "userName", "alice@acme.example"))
	r.fails(err, app.Ambiguous, "still blocked", "create:user_tickets")
	_, err = r.patch("auth0|a1", set("active", true))
	r.fails(err, app.Terminal, "the way to a password", "create:user_tickets", "status 403")
	if e := app.Classify(err); e.Status != 0 {
		t.Errorf("status %d, by which the engine would stop for everybody", e.Status)
	}
}

// TestTickets: the address is in a file for its owner alone, and nowhere else.
func TestTickets(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := newRig(t, func(_ *auth0test.Config, c *auth0app.Config) {
		c.PasswordChange, c.Tickets = config.PasswordTickets, dir
	})
	u := person("a1", "userName", "alice@acme.example")
	ans, err := r.app.Create(t.Context(), app.KindUser, u)
	r.must(ans, err)
	path := filepath.Join(dir, "a1.url")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	tickets := r.tenant.Tickets()
	if len(tickets) != 1 || strings.TrimSpace(string(text)) != tickets[0].URL || tickets[0].UserID != "auth0|a1" {
		t.Errorf("%q, %+v", text, tickets)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	if shown := ans.Resource.AppendJSON(nil); strings.Contains(string(shown), tickets[0].URL) {
		t.Errorf("%s", shown)
	}
	// A folder that is gone: the user is there, blocked, and the folder is told, not the address.
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	_, err = r.app.Create(t.Context(), app.KindUser, person("b1", "userName", "bob@acme.example"))
	r.fails(err, app.Ambiguous, "still blocked", "folder of tickets")
	if strings.Contains(err.Error(), "ticket=") || r.active("auth0|b1") {
		t.Errorf("%v", err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	r.must(r.patch("auth0|b1", set("active", true)))
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 || files[0].Name() != "b1.url" {
		t.Errorf("%v %v", files, err)
	}
	// Who leaves with theirs unfetched loses it.
	r.must(r.patch("auth0|b1", set("active", false)))
	if files, err = os.ReadDir(dir); err != nil || len(files) != 0 {
		t.Errorf("%v %v", files, err)
	}
	if _, err := auth0app.New(auth0app.Config{Client: r.client, Connection: staff, PasswordChange: config.PasswordTickets, Tickets: filepath.Join(dir, "none")}); err == nil {
		t.Error("a folder that is not there is taken")
	}
}
