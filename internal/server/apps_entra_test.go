// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/entra/entratest"
)

const soundEntra = `    type: entra
    registration: {tenant: acme.onmicrosoft.com, client_id: 0b6f1c52-8d3e-4a1c-8b1a-91f8f0c5d2e7, client_secret: hunter2}
`

// inCloud is the sound configuration with its app in a tenant of Entra.
func inCloud(t *testing.T, pairs ...string) string {
	t.Helper()
	text := replace(t, "    url: https://app.example/scim/v2\n    token: abc\n", soundEntra)
	const mapping = "      userName: person.userName\n"
	pairs = append([]string{mapping, mapping + "      displayName: person.displayName\n"}, pairs...)
	for i := 0; i < len(pairs); i += 2 {
		if strings.Count(text, pairs[i]) != 1 {
			t.Fatalf("%q is not there once", pairs[i])
		}
		text = strings.Replace(text, pairs[i], pairs[i+1], 1)
	}
	return text
}

// TestBuildEntra: what Entra has no place for, or makes nobody without, and what a tenant
// cannot be reached by is refused where it stands, without showing what is secret.
func TestBuildEntra(t *testing.T) {
	t.Parallel()
	const name = "      displayName: person.displayName\n"
	key := []string{"client_secret: hunter2", "private_key: /nowhere/key.pem, certificate: /nowhere/cert.pem"}
	for what, tt := range map[string]struct {
		text string
		say  []string
	}{
		"sound": {inCloud(t), nil},
		"everywhere": {inCloud(t, name, name+`      phoneNumbers[type eq "work"].value: person.title
      "urn:usher:params:scim:schemas:extension:entra:2.0:User:usageLocation": '"GB"'
      "urn:usher:params:scim:schemas:extension:entra:2.0:User:employeeHireDate": person.usher.startDate
`), nil},
		"another cloud": {inCloud(t, "    registration:", "    url: https://graph.microsoft.us/v1.0\n    registration:"), nil},
		"no place": {
			inCloud(t, name, name+"      nickName: person.title\n      password: person.title\n"),
			[]string{"no place for nickName", "mailNickname", "no place for password", "kept nowhere"},
		},
		"lacking":        {inCloud(t, name, ""), []string{"user of app", "has no displayName", "makes nobody without"}},
		"any tenant":     {inCloud(t, "acme.onmicrosoft.com", "organizations"), []string{"stands for any tenant"}},
		"no tenant":      {inCloud(t, "acme.onmicrosoft.com", "acme"), []string{"neither an id", "nor a domain"}},
		"no client":      {inCloud(t, "0b6f1c52-8d3e-4a1c-8b1a-91f8f0c5d2e7", "usher"), []string{"Application (client) ID"}},
		"no cloud":       {inCloud(t, "    registration:", "    url: https://graph.example\n    registration:"), []string{"no cloud that is known", "authority"}},
		"the wrong door": {inCloud(t, "    registration:", "    url: https://login.microsoftonline.com\n    registration:"), []string{"is not Graph's"}},
		"no file":        {inCloud(t, key...), []string{"certificate in registration of app", "names no file"}},
		"id":             {inCloud(t, "    registration:", "    id_attribute: department\n    registration:"), []string{"extensionAttribute1"}},
		"short id":       {inCloud(t, "    registration:", "    id_attribute: employeeId\n    registration:"), []string{"has no externalId", "16 characters"}},
		"by profile": {
			replace(t, "    url: https://app.example/scim/v2\n", "    url: https://graph.microsoft.com\n    profile: entra-graph\n"),
			[]string{"not for type: scim", "write type: entra, and take profile out"},
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			b, err := build(t, tt.text)
			if len(tt.say) == 0 {
				if err != nil || len(b.Targets) != 1 || b.Targets[0].App.Profile().ID != "entra-graph" || !strings.HasPrefix(b.Targets[0].Address, "https://graph.microsoft.") || strings.HasSuffix(b.Targets[0].Address, "v1.0") {
					t.Errorf("%v", err)
				}
				return
			}
			var mistakes config.Errors
			if !errors.As(err, &mistakes) || strings.Contains(err.Error(), "hunter2") {
				t.Fatalf("%v", err)
			}
			for _, say := range tt.say {
				if !strings.Contains(err.Error(), say) {
					t.Errorf("%v\ndoes not say %q", err, say)
				}
			}
		})
	}
}

// TestEntraPermissions: a start tells what was not granted, what follows from that, and
// what was granted for nothing; nobody is half shut out for want of one.
func TestEntraPermissions(t *testing.T) {
	t.Parallel()
	w := newCloud(t, func(c *entratest.Config) { c.Permissions = nil })
	w.starts = true
	w.cycle("2026-03-01")
	if len(w.notes) != 0 {
		t.Errorf("%v", w.notes)
	}
	w.signIn("p001")
	w.tenant.Grant("User.Read.All", "User.ReadWrite.All", "User.EnableDisableAccount.All", "Group.ReadWrite.All", "Mail.ReadWrite")
	w.staff[0].end = "2026-03-01"
	if rep := w.cycle("2026-03-03").Apps["app"]; rep.Parked != 1 || rep.Paused != "" || !strings.Contains(w.parked(), "not ended") {
		t.Errorf("%+v %s", rep, w.parked())
	}
	said := ""
	for _, n := range w.notes {
		said += n.Level + " " + n.String() + "\n"
	}
	for _, word := range []string{"error", "does not grant User.RevokeSessions.All", "may still be signed in", "admin consent", "warning", "grants Mail.ReadWrite, which nothing here needs"} {
		if !strings.Contains(said, word) {
			t.Errorf("%s\ndoes not say %q", said, word)
		}
	}
	if u := w.user("p001"); u.Enabled {
		t.Errorf("%+v", u)
	}
	w.tenant.Grant() // nothing at all: the token tells of none
	w.cycle("2026-03-03")
	if len(w.notes) != 5 {
		t.Errorf("%v", w.notes)
	}
}
