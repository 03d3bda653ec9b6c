// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/config"
)

const soundAuth0 = `    type: auth0
    tenant: {url: "https://acme.eu.auth0.com/", client_id: usher, client_secret: abc}
    connection: staff
`

// inAuth0 is the sound configuration with its app in a tenant.
func inAuth0(t *testing.T, pairs ...string) string {
	t.Helper()
	text := replace(t, "    url: https://app.example/scim/v2\n    token: abc\n", soundAuth0)
	for i := 0; i < len(pairs); i += 2 {
		if strings.Count(text, pairs[i]) != 1 {
			t.Fatalf("%q is not there once", pairs[i])
		}
		text = strings.Replace(text, pairs[i], pairs[i+1], 1)
	}
	return text
}

// TestBuildAuth0: what Auth0 has no place for is refused where it stands, all at once,
// and what it cannot be reached by, too.
func TestBuildAuth0(t *testing.T) {
	t.Parallel()
	const mapping = "      userName: person.userName\n"
	for name, tt := range map[string]struct {
		text string
		say  []string // at which line, and what
	}{
		"sound": {inAuth0(t), nil},
		"everywhere": {inAuth0(t, mapping, mapping+"      name.givenName: person.name.givenName\n      enterprise.manager.value: person.enterprise.manager.value\n      "+
			`phoneNumbers[type eq "work"].value: person.title`+"\n      URN:IETF:params:scim:schemas:core:2.0:User:title: person.title\n"), nil},
		"no place": {
			inAuth0(t, mapping, mapping+"      addresses[type eq \"work\"].locality: person.title\n      profileUrl: person.title\n      emails[type eq \"work\"].value: person.userName\n"),
			[]string{"usher.yaml:20:", `no place for addresses[type eq "work"].locality`, "no place for profileUrl", "take it out of user", "usernames: true"},
		},
		"with user names": {
			inAuth0(t, "    connection: staff\n", "    connection: staff\n    usernames: true\n", mapping, mapping+"      emails[type eq \"work\"].value: person.userName\n"), nil,
		},
		"active":          {inAuth0(t, mapping, mapping+"      active: \"true\"\n"), []string{"active is computed"}},
		"a sealed secret": {inAuth0(t, "client_secret: abc", "client_secret: secret:abc"), []string{"secret:abc cannot be opened: there is no secrets.key"}},
		"no folder":       {inAuth0(t, "    connection: staff\n", "    connection: staff\n    password_change: tickets\n    tickets: /nowhere/at/all\n"), []string{"is no folder"}},
		"a path":          {inAuth0(t, "auth0.com/", "auth0.com/api"), []string{"the tenant's address holds a path"}},
		"deletion":        {inAuth0(t, "    connection: staff\n", "    connection: staff\n    delete_after: 30d\n"), nil},
	} {
		b, err := build(t, tt.text)
		if len(tt.say) == 0 {
			if err != nil || len(b.Targets) != 1 || b.Targets[0].App.Profile().ID != "auth0" || b.Targets[0].Address != "https://acme.eu.auth0.com#staff" {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		var mistakes config.Errors
		if !errors.As(err, &mistakes) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, word := range tt.say {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%s: %q is not in %v", name, word, err)
			}
		}
	}
}

// TestAuth0Target: what an account in Auth0 rests on is in the digest, and where ids mean
// something else it is another address.
func TestAuth0Target(t *testing.T) {
	t.Parallel()
	seen := func(pairs ...string) (digest [32]byte, address string) {
		b, err := build(t, inAuth0(t, pairs...))
		if err != nil {
			t.Fatal(err)
		}
		return b.Targets[0].Digest, b.Targets[0].Address
	}
	before, at := seen()
	for name, tt := range map[string]struct {
		pairs      []string
		due, moved bool
	}{
		"another secret":  {[]string{"client_secret: abc", "client_secret: xyz"}, false, false},
		"a rate":          {[]string{"    connection: staff\n", "    connection: staff\n    requests_per_second: 5\n"}, false, false},
		"a mail":          {[]string{"    connection: staff\n", "    connection: staff\n    password_change: email\n"}, false, false},
		"connection":      {[]string{"connection: staff", "connection: others"}, true, true},
		"user names":      {[]string{"    connection: staff\n", "    connection: staff\n    usernames: true\n"}, true, false},
		"sessions":        {[]string{"    connection: staff\n", "    connection: staff\n    sessions: keep\n"}, true, false},
		"sign-ups":        {[]string{"    connection: staff\n", "    connection: staff\n    sign_ups: closed\n"}, true, false},
		"organizations":   {[]string{"groups: {teams: [department]}", "groups: {teams: [department], as: organizations}"}, true, true},
		"roles, as usual": {[]string{"groups: {teams: [department]}", "groups: {teams: [department], as: roles}"}, false, false},
		"another tenant":  {[]string{"acme.eu", "other.eu"}, false, true},
	} {
		digest, address := seen(tt.pairs...)
		if (digest != before) != tt.due || (address != at) != tt.moved {
			t.Errorf("%s: due %v, %s", name, digest != before, address)
		}
	}
}
