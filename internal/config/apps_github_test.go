// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/config"
)

const atGitHub = "type: github\norganization: acme\napp_id: Iv23liExample\nprivate_key: \"secret:github\""

// TestGitHubApp: what an app of type github says is read over its defaults.
func TestGitHubApp(t *testing.T) {
	t.Parallel()
	cfg, err := parseLogin(atGitHub)
	if err != nil {
		t.Fatal(err)
	}
	a := cfg.Apps[0]
	if a.GitHub == nil || a.GitHub.Owners != config.OwnersKeep || a.GitHub.Organization.Value != "acme" || a.GitHub.AppID.Value != "Iv23liExample" || a.GitHub.Key.Name() != "github" ||
		a.URL.Value != "https://api.github.com" || a.Profile.Value != "" || a.Okta != nil || a.Timeout == 0 {
		t.Errorf("%+v %+v", a, a.GitHub)
	}
	cfg, err = parseLogin(atGitHub + "\nurl: https://github.acme.example/api/v3\nowners: manage")
	if err != nil || cfg.Apps[0].GitHub.Owners != config.OwnersManage || cfg.Apps[0].URL.Value != "https://github.acme.example/api/v3" {
		t.Errorf("%+v %v", cfg, err)
	}
	other, err := parseLogin(strings.Replace(atGitHub, "secret:github", "secret:other", 1))
	if first, ferr := parseLogin(atGitHub); err != nil || ferr != nil || other.Digest == first.Digest {
		t.Errorf("the digest does not cover the name of the key: %v", err)
	}
}

func TestGitHubAppIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ app, want string }{
		{strings.Replace(atGitHub, "organization: acme\n", "", 1), "app login has no organization"},
		{strings.Replace(atGitHub, "app_id: Iv23liExample\n", "", 1), "app login has no app_id"},
		{"type: github\norganization: acme\napp_id: a", "app login has no private_key"},
		{strings.Replace(atGitHub, "acme", "github.com/acme", 1), "is no name of one"},
		{strings.Replace(atGitHub, "Iv23liExample", "4711", 1), "put it in quotes"},
		{atGitHub + "\nowners: remove", "owners of app login"},
		{atGitHub + "\ntoken: hunter2", "token of app login is for type: scim or okta"},
		{atGitHub + "\nprofile: github-org", "profile of app login is for type: scim"},
		{atGitHub + "\nurl: http://github.acme.example", "is plain http"},
		{"url: https://app.example/scim\ntoken: abc\norganization: acme", "organization of app login is for type: github"},
		{"url: https://app.example/scim\ntoken: abc\nowners: keep", "owners of app login is for type: github"},
	} {
		if _, err := parseLogin(c.app); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.app, err, c.want)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the token is shown: %v", err)
		}
	}
}
