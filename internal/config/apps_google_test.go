// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/config"
)

const inGoogle = "type: google\nservice_account_key: \"secret:google\"\nadministrator: admin@acme.example"

// TestGoogleApp: what an app of type google says is read over its defaults.
func TestGoogleApp(t *testing.T) {
	t.Parallel()
	cfg, err := parseLogin(inGoogle)
	if err != nil {
		t.Fatal(err)
	}
	a := cfg.Apps[0]
	if g := a.Google; g == nil || g.Key.Name() != "google" || g.Administrators != config.AdministratorsLeave || g.ChangePassword || a.Profile.Value != "" || a.Okta != nil || a.Timeout == 0 || !a.URL.IsZero() {
		t.Errorf("%+v %+v", a, a.Google)
	}
	cfg, err = parseLogin(inGoogle + "\ngroups: {teams: [all]}\ngroup_domain: acme.example\ngroup_prefix: team-\nadministrators: write\nchange_password: true")
	if err != nil {
		t.Fatal(err)
	}
	if g := cfg.Apps[0].Google; g.GroupDomain.Value != "acme.example" || g.GroupPrefix.Value != "team-" || g.Administrators != config.AdministratorsWrite || !g.ChangePassword {
		t.Errorf("%+v", g)
	}
	other, err := parseLogin(strings.Replace(inGoogle, "secret:google", "secret:other", 1))
	if err != nil || other.Digest == cfg.Digest {
		t.Errorf("the digest does not cover the name of the key: %v", err)
	}
}

func TestGoogleAppIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ app, want string }{
		{"type: google", "app login has no service_account_key"},
		{"type: google", "app login has no administrator"},
		{inGoogle + "\ntoken: hunter2", "token of app login is for type: scim or okta"},
		{inGoogle + "\nprofile: google-workspace", "profile of app login is for type: scim"},
		{inGoogle + "\ndeactivate: suspend", "deactivate of app login is for type: okta"},
		{inGoogle + "\ngroups: {teams: [all]}", "groups of app login have no addresses"},
		{inGoogle + "\ngroups: {teams: [all], as: roles}\ngroup_domain: acme.example", "as in groups of app login is for type: auth0"},
		{inGoogle + "\ngroup_domain: acme", "group_domain of app login is no domain"},
		{inGoogle + "\ngroup_domain: \"a b.example\"", "group_domain of app login is no domain"},
		{inGoogle + "\ngroup_prefix: \"Team \"", "group_prefix of app login cannot begin an address"},
		{inGoogle + "\nadministrators: yes", "administrators of app login"},
		{strings.Replace(inGoogle, "admin@acme.example", "admin", 1), "administrator of app login is no e-mail address"},
		{inGoogle + "\nurl: http://127.0.0.1:1", "is plain http"},
		{"url: https://app.example/scim\ntoken: abc\nadministrator: a@b.example", "administrator of app login is for type: google"},
	} {
		if _, err := parseLogin(c.app); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.app, err, c.want)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the token is shown: %v", err)
		}
	}
}
