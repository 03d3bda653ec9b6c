// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/server"
)

type profiled struct {
	app.App
	profile app.Profile
}

func (p profiled) Profile() app.Profile { return p.profile }

// Nobody is told a number that the app's list does not prove.
func TestForeignIsAsSureAsTheList(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		trusted           bool
		foreign, unsought int
		want, say         string
	}{
		{true, 0, 0, "0", ""},
		{true, 3, 0, "3", ""},
		{false, 0, 0, "unknown", ""},
		{false, 3, 0, "3 or more", ""},
		{false, 0, 1, "unknown", "crm: 1 person who left was not looked for"},
		{false, 0, 2, "unknown", "crm: 2 people who left were not looked for"},
	} {
		var out bytes.Buffer
		cmd := &cli{out: &out, targets: map[string]*provision.Target{"crm": {App: profiled{profile: app.Profile{ListTrusted: c.trusted, Users: app.Operations{List: true}}}}}}
		if got := cmd.foreign("crm", c.foreign); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
		cmd.showUnsought(&server.Document{Apps: map[string]*provision.AppReport{"crm": {Unsought: c.unsought}}})
		if got := out.String(); (got == "") != (c.say == "") || !strings.Contains(got, c.say) {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

// An app that changed is told of in its line and below the tables, with what it may
// have put into its names made harmless.
func TestAnAppThatChangedIsShown(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		app        server.AppStatus
		says, told string
	}{
		{server.AppStatus{App: "crm", Known: true}, "in step; 0 accounts", ""},
		{
			server.AppStatus{App: "crm", Known: true, Due: 2, Breaker: provision.HalfOpen, PausedSince: &at},
			"answers again after a pause since 2026-11-20T08:00:00Z, and is sent one change at a time until one goes through; 2 changes are on the way; 0 accounts", "",
		},
		{
			server.AppStatus{App: "crm", Known: true, Changed: &server.AppChange{At: &at, What: []string{"PATCH is gone", "attribute \x1bx is new"}}},
			"in step; 0 accounts; THIS APP CHANGED since 2026-11-20T08:00:00Z",
			"\ncrm: this app changed since 2026-11-20T08:00:00Z: it says something else of itself; nothing was paused\n" +
				"  PATCH is gone\n  attribute \uFFFDx is new\n  now: usher check -c usher.yaml --live --app crm\n",
		},
		{
			server.AppStatus{App: "crm", Known: true, Paused: "no", Changed: &server.AppChange{Breaks: []string{"usher.yaml:3:7: title is read-only"}}},
			"PAUSED, nothing is sent: no; the mapping does not fit it in 1 place",
			"\ncrm: the mapping does not fit what the app says that it takes\n  usher.yaml:3:7: title is read-only\n  now: usher check -c usher.yaml --live --app crm\n",
		},
	} {
		var out bytes.Buffer
		cmd := &cli{out: &out, file: "usher.yaml"}
		if got := says(c.app); got != c.says {
			t.Errorf("%q, want %q", got, c.says)
		}
		if cmd.changed(c.app); out.String() != c.told {
			t.Errorf("%q, want %q", out.String(), c.told)
		}
	}
}

// TestSecretsThatNeedSomebody: the status names them and what to do; the list does, too.
func TestSecretsThatNeedSomebody(t *testing.T) {
	t.Parallel()
	ago := func(d time.Duration) *time.Time { at := time.Now().Add(-d); return &at }
	const day = 24 * time.Hour
	for _, c := range []struct {
		s    server.SecretStatus
		want string
	}{
		{server.SecretStatus{Secret: "crm", AgeSeconds: 9 * 86_400}, ""},
		{server.SecretStatus{Secret: "crm", AgeSeconds: 200 * 86_400, Old: true}, "secret:crm is OLD, 200 days: make a new one where it is taken, then usher secret rotate -c a.yaml crm\n"},
		{server.SecretStatus{Secret: "t", AgeSeconds: 200 * 86_400, Old: true, Tenant: true}, "secret:t is OLD, 200 days: usher secret rotate -c a.yaml t --at-tenant\n"},
		{server.SecretStatus{Secret: "t", Tenant: true, Rotates: ago(time.Hour)}, ""},
		{server.SecretStatus{Secret: "t", Tenant: true, Rotates: ago(2 * day)}, "serve does it, or usher secret rotate -c a.yaml t --at-tenant\n"},
		{server.SecretStatus{Secret: "t", Old: true, Tenant: true, Rotation: "intended"}, "secret:t: a rotation was cut short; apply, serve or usher secret rotate -c a.yaml t --at-tenant goes on with it\n"},
		{server.SecretStatus{Secret: "t", Tenant: true, Rotation: "retiring"}, ""},
	} {
		var out bytes.Buffer
		cmd := &cli{out: &out, file: "a.yaml"}
		cmd.statusSecrets(&server.Status{Secrets: []server.SecretStatus{c.s}})
		if got := out.String(); (got == "") != (c.want == "") || !strings.HasSuffix(got, c.want) {
			t.Errorf("%+v: %q", c.s, got)
		}
	}
	for state, want := range map[string]string{"intended": "on its way to the tenant", "retiring": "which the tenant still takes", "": "OLD: set a new one"} {
		if got := secretSays(server.Secret{Opens: true, Newest: state == "", Old: state == "", State: state}); !strings.Contains(got, want) {
			t.Errorf("%q: %s", state, got)
		}
	}
}
