// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/config"
)

// inGoogleAccount is the sound configuration with its app in an account, with pairs replaced.
func inGoogleAccount(t *testing.T, key string, pairs ...string) string {
	t.Helper()
	text := replace(t, "    url: https://app.example/scim/v2\n    token: abc\n", "    type: google\n    service_account_key: '"+key+"'\n    administrator: admin@acme.example\n    group_domain: groups.example\n")
	const mapping = "      userName: person.userName\n"
	pairs = append([]string{mapping, mapping + "      name.givenName: person.name.givenName\n      name.familyName: person.name.familyName\n"}, pairs...)
	for i := 0; i < len(pairs); i += 2 {
		if strings.Count(text, pairs[i]) != 1 {
			t.Fatalf("%q is not there once", pairs[i])
		}
		text = strings.Replace(text, pairs[i], pairs[i+1], 1)
	}
	return text
}

// TestBuildGoogle: what Google has no place for, or makes nobody without, and a key file
// that is none, or leads elsewhere, is refused where it stands, without showing what is secret.
func TestBuildGoogle(t *testing.T) {
	t.Parallel()
	const given = "      name.givenName: person.name.givenName\n"
	sound := keyFile()
	for name, tt := range map[string]struct {
		text string
		say  []string
	}{
		"sound": {inGoogleAccount(t, sound), nil},
		"everywhere": {
			inGoogleAccount(t, sound, given, given+"      enterprise.manager.value: person.enterprise.manager.value\n      "+`phoneNumbers[type eq "work"].value: person.title`+"\n      \"urn:usher:params:scim:schemas:extension:google:2.0:User:orgUnitPath\": '\"/Staff\"'\n"),
			nil,
		},
		"no place": {
			inGoogleAccount(t, sound, given, given+"      emails[type eq \"work\"].value: person.userName\n      password: person.title\n"),
			[]string{"no place for emails", "userName is the address", "no place for password", "nobody knows"},
		},
		"no attribute": {
			inGoogleAccount(t, sound, given, given+"      \"urn:usher:params:scim:schemas:extension:google:2.0:User:unit\": person.title\n"), []string{"google:2.0:User:unit"},
		},
		"lacking":     {inGoogleAccount(t, sound, given, ""), []string{"user of app", "has no name.givenName", "Google makes nobody without"}},
		"elsewhere":   {inGoogleAccount(t, keyFile("token_uri", "https://evil.example/token")), []string{"token_uri that is none of Google's"}},
		"no PEM":      {inGoogleAccount(t, keyFile("private_key", "hunter2")), []string{"no PEM"}},
		"no such key": {inGoogleAccount(t, "/nowhere/key.json"), []string{"service_account_key of app", "names no file"}},
		"no JSON":     {inGoogleAccount(t, "{hunter2"), []string{"no JSON"}},
		"other API":   {inGoogleAccount(t, sound, "    administrator:", "    url: https://google.evil.example\n    administrator:"), []string{"none of Google's; take url out"}},
		"by profile": {
			replace(t, "    url: https://app.example/scim/v2\n", "    url: https://admin.googleapis.com\n    profile: google-workspace\n"),
			[]string{"not for type: scim", "write type: google, and take profile out"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, err := build(t, tt.text)
			if len(tt.say) == 0 {
				if err != nil || len(b.Targets) != 1 || b.Targets[0].App.Profile().ID != "google-workspace" || b.Targets[0].Address != "https://admin.googleapis.com#acme.example" {
					t.Errorf("%v", err)
				}
				return
			}
			var mistakes config.Errors
			if !errors.As(err, &mistakes) || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "/nowhere") || strings.Contains(err.Error(), robotSecret()) {
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

// TestGoogleTarget: what an account rests on is in the digest, and how we are known is not.
func TestGoogleTarget(t *testing.T) {
	t.Parallel()
	const administrator = "    administrator: admin@acme.example\n"
	seen := func(key string, pairs ...string) [32]byte {
		b, err := build(t, inGoogleAccount(t, key, pairs...))
		if err != nil {
			t.Fatal(err)
		}
		return b.Targets[0].Digest
	}
	before := seen(keyFile())
	if seen(keyFile("private_key_id", "key2")) != before {
		t.Error("another key makes everybody due")
	}
	if seen(keyFile(), "groups.example", "acme.example") == before {
		t.Error("groups of another domain make nobody due")
	}
	for more, due := range map[string]bool{"administrators: write": true, "administrators: leave": false, "group_prefix: x": true, "change_password: true": false, "timeout: 3s": false} {
		if (seen(keyFile(), administrator, administrator+"    "+more+"\n") != before) != due {
			t.Errorf("%s: due %v", more, !due)
		}
	}
}
