// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/config"
)

const soundOkta = `    type: okta
    url: https://acme.okta.com
    token: hunter2
`

// inOktaOrg is the sound configuration with its app in an org.
func inOktaOrg(t *testing.T, pairs ...string) string {
	t.Helper()
	text := replace(t, "    url: https://app.example/scim/v2\n    token: abc\n", soundOkta)
	const mapping = "      userName: person.userName\n"
	pairs = append([]string{mapping, mapping + "      emails[type eq \"work\"].value: person.userName\n      name.givenName: person.name.givenName\n      name.familyName: person.name.familyName\n"}, pairs...)
	for i := 0; i < len(pairs); i += 2 {
		if strings.Count(text, pairs[i]) != 1 {
			t.Fatalf("%q is not there once", pairs[i])
		}
		text = strings.Replace(text, pairs[i], pairs[i+1], 1)
	}
	return text
}

// TestBuildOkta: what Okta has no place for, or makes nobody without, and what an org
// cannot be reached by is refused where it stands, without showing what is secret.
func TestBuildOkta(t *testing.T) {
	t.Parallel()
	const given = "      name.givenName: person.name.givenName\n"
	oauth := func(key string) []string {
		return []string{"    token: hunter2\n", "    oauth: {client_id: 0oa1, private_key: \"" + key + "\"}\n"}
	}
	for name, tt := range map[string]struct {
		text string
		say  []string
	}{
		"sound":      {inOktaOrg(t), nil},
		"everywhere": {inOktaOrg(t, given, given+"      enterprise.manager.value: person.enterprise.manager.value\n      "+`phoneNumbers[type eq "work"].value: person.title`+"\n"), nil},
		"no place": {
			inOktaOrg(t, given, given+"      ims[type eq \"x\"].value: person.title\n      password: person.title\n"),
			[]string{"no place for ims", "take it out of user", "no place for password", "Okta sends a mail"},
		},
		"lacking":     {inOktaOrg(t, given, ""), []string{"user of app", "has no name.givenName", "makes nobody without"}},
		"the console": {inOktaOrg(t, "acme.okta.com", "acme-admin.okta.com"), []string{"take -admin out"}},
		"SSWS":        {inOktaOrg(t, "token: hunter2", "token: SSWS hunter2"), []string{"without SSWS"}},
		"no such key": {inOktaOrg(t, oauth("/nowhere/key.pem")...), []string{"private_key of oauth of app", "names no file"}},
		"no key":      {inOktaOrg(t, oauth("-----BEGIN hunter2")...), []string{"no PEM"}},
		"id":          {inOktaOrg(t, "    token: hunter2\n", "    token: hunter2\n    id_attribute: employeeNumber\n"), []string{"name one of the org's own"}},
		"by profile": {
			replace(t, "    url: https://app.example/scim/v2\n", "    url: https://acme.okta.com\n    profile: okta-users-api\n"),
			[]string{"not for type: scim", "write type: okta, and take profile out"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, err := build(t, tt.text)
			if len(tt.say) == 0 {
				if err != nil || len(b.Targets) != 1 || b.Targets[0].App.Profile().ID != "okta-users-api" || b.Targets[0].Address != "https://acme.okta.com" {
					t.Errorf("%v", err)
				}
				return
			}
			var mistakes config.Errors
			if !errors.As(err, &mistakes) || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "/nowhere") {
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

// TestOktaTarget: what an account in an org rests on is in the digest.
func TestOktaTarget(t *testing.T) {
	t.Parallel()
	const token = "    token: hunter2\n"
	seen := func(pairs ...string) [32]byte {
		b, err := build(t, inOktaOrg(t, pairs...))
		if err != nil {
			t.Fatal(err)
		}
		return b.Targets[0].Digest
	}
	before := seen()
	for more, due := range map[string]bool{"token: other": false, "deactivate: suspend": true, "deactivate: deactivate": false, "id_attribute: usherId": true, "timeout: 3s": false} {
		with := token + "    " + more + "\n"
		if strings.HasPrefix(more, "token") {
			with = "    " + more + "\n"
		}
		if (seen(token, with) != before) != due {
			t.Errorf("%s: due %v", more, !due)
		}
	}
}
