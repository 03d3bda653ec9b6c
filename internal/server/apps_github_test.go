// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/config"
)

// TestBuildGitHub: what GitHub has no place for, what nobody is known by, and what an
// organization cannot be reached by is refused where it stands, without showing what is
// secret.
func TestBuildGitHub(t *testing.T) {
	t.Parallel()
	private, _ := appKey()
	path := filepath.Join(t.TempDir(), "app.pem")
	if err := os.WriteFile(path, private, 0o600); err != nil {
		t.Fatal(err)
	}
	sound := "    type: github\n    organization: acme\n    app_id: Iv23liExample\n    private_key: " + path + "\n"
	const mapping = "      userName: person.userName\n"
	for name, tt := range map[string]struct{ old, with, want string }{
		"sound":    {"", "", ""},
		"address":  {mapping, "      emails[type eq \"work\"].value: person.userName\n", "an invitation by address is not there yet"},
		"both":     {mapping, mapping + "      emails[primary eq true].value: person.userName\n", "an invitation by address is not there yet"},
		"neither":  {mapping, "      roles[type eq \"organization\"].value: '\"member\"'\n", "says nothing that people are known by"},
		"theirs":   {mapping, mapping + "      name.givenName: person.name.givenName\n", "an account at GitHub is its owner's"},
		"home":     {mapping, mapping + "      emails[type eq \"home\"].value: person.userName\n", "map userName (their login at GitHub)"},
		"owners":   {mapping, mapping + "      roles[type eq \"organization\"].value: '\"member\"'\n", "say owners: manage"},
		"managed":  {mapping, mapping + "      roles[type eq \"organization\"].value: '\"member\"'\n    owners: manage\n", ""},
		"grace":    {mapping, mapping + "    delete_after: 2d\n", "no grace time"},
		"web site": {"    organization: acme\n", "    organization: acme\n    url: https://github.com\n", "web site"},
		"name":     {"    organization: acme\n", "    organization: \"-acme\"\n", "is no name of an organization"},
		"app id":   {"Iv23liExample", "\"Iv 23\"", "no app id"},
		"no key":   {path, "\"-----BEGIN hunter2\"", "no PEM"},
	} {
		text := replace(t, "    url: https://app.example/scim/v2\n    token: abc\n", sound)
		if tt.old != "" {
			if strings.Count(text, tt.old) != 1 {
				t.Fatalf("%s: %q is not there once", name, tt.old)
			}
			text = strings.Replace(text, tt.old, tt.with, 1)
		}
		_, err := build(t, text)
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		case err != nil && strings.Contains(err.Error(), "hunter2"):
			t.Errorf("%s shows the key: %v", name, err)
		}
		if mistakes, ok := errors.AsType[config.Errors](err); ok && (mistakes[0].Pos.Line == 0 || name == "address" && len(mistakes) != 1) {
			t.Errorf("%s: %v has no place, or says it twice", name, err)
		}
	}
}
