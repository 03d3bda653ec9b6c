// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/config"
)

const login = `store: u.db
sources:
  hr: {type: csv, path: p.csv, key: id, columns: [id], person: {userName: row.id}}
teams:
  all: {when: "true"}
apps:
  login:
    APP
    user: {userName: person.userName}
`

func parseLogin(app string) (*config.Config, error) {
	return config.Parse("usher.yaml", []byte(strings.Replace(login, "APP", strings.ReplaceAll(app, "\n", "\n    "), 1)), func(name string) (string, bool) {
		return "hunter2", name == "SECRET"
	})
}

const inAuth0 = `type: auth0
tenant: {url: "https://acme.eu.auth0.com", client_id: usher, client_secret: "${SECRET}"}
connection: staff`

func TestAuth0App(t *testing.T) {
	t.Parallel()
	cfg, err := parseLogin(inAuth0 + "\ngroups: {teams: [all]}")
	if err != nil {
		t.Fatal(err)
	}
	a := cfg.Apps[0]
	if a.Type.Value != config.AppAuth0 || a.Auth0 == nil || a.Auth0.Connection.Value != "staff" || a.Auth0.Tenant.Secret.Reveal() != "hunter2" ||
		a.Auth0.Usernames || a.Auth0.Sessions != config.SessionsEnd || a.Auth0.SignUps != config.SignUpsOpen || a.Auth0.PasswordChange != config.PasswordNone || a.Groups.As.Value != config.GroupsAsRoles || !a.Profile.IsZero() {
		t.Errorf("%+v %+v", a, a.Auth0)
	}
	if text, err := json.Marshal(cfg); err != nil || strings.Contains(string(text), "hunter2") {
		t.Errorf("%s %v", text, err)
	}
	// A sealed secret of another name is another configuration.
	var digests [3][32]byte
	for i, name := range []string{"secret:one", "secret:two", "secret:one"} {
		cfg, err := parseLogin(strings.Replace(inAuth0, `"${SECRET}"`, name, 1))
		if err != nil {
			t.Fatal(err)
		}
		digests[i] = cfg.Digest
	}
	if digests[0] == digests[1] || digests[0] != digests[2] {
		t.Error("the digest does not cover the name of the tenant's secret")
	}
	cfg, err = parseLogin(inAuth0 + "\nusernames: true\npassword_change: tickets\ntickets: here\ngroups: {teams: [all], as: organizations}")
	if err != nil {
		t.Fatal(err)
	}
	if a := cfg.Apps[0]; !a.Auth0.Usernames || a.Auth0.Tickets.Value != "here" || a.Groups.As.Value != config.GroupsAsOrganizations {
		t.Errorf("%+v %+v", a, a.Auth0)
	}
}

func TestAuth0AppIsRefused(t *testing.T) {
	t.Parallel()
	const scim = "url: https://app.example/scim\ntoken: abc"
	for _, c := range []struct{ app, want string }{
		{"type: auth0", "app login has no tenant"},
		{"type: auth0", "app login has no connection"},
		{"type: auth9\nurl: x", "type of app login"},
		{inAuth0 + "\nurl: https://app.example/scim", "url of app login is for type: scim"},
		{inAuth0 + "\ntoken: abc", "token of app login is for type: scim"},
		{inAuth0 + "\nprofile: slack", "profile of app login is for type: scim"},
		{inAuth0 + "\nallow: [loopback]", "allow of app login is for type: scim"},
		{inAuth0 + "\ntimeout: 3s", "timeout of app login is for type: scim"},
		{scim + "\ntenant: {url: \"https://a.example\", client_id: a, client_secret: b}", "tenant of app login is for type: auth0"},
		{scim + "\nconnection: staff", "connection of app login is for type: auth0"},
		{scim + "\nusernames: true", "usernames of app login is for type: auth0"},
		{scim + "\npassword_change: none", "password_change of app login is for type: auth0"},
		{scim + "\ngroups: {teams: [all], as: roles}", "as in groups of app login is for type: auth0"},
		{inAuth0 + "\ngroups: {teams: [all], as: teams}", "as in groups of app login"},
		{inAuth0 + "\npassword_change: tickets", "app login has no tickets"},
		{inAuth0 + "\npassword_change: email\ntickets: here", "tickets of app login is for password_change: tickets"},
		{scim + "\nsessions: keep", "sessions of app login is for type: auth0"},
		{inAuth0 + "\nsessions: forget", "sessions of app login"},
		{scim + "\nsign_ups: closed", "sign_ups of app login is for type: auth0"},
		{inAuth0 + "\nsign_ups: maybe", "sign_ups of app login"},
		{inAuth0 + "\ntickets: here", "tickets of app login is for password_change: tickets"},
		{strings.Replace(inAuth0, "client_id", "rotate: 90d, client_id", 1), "rotate of tenant of app login needs a credential that is sealed"},
		{strings.Replace(inAuth0, "client_id", "rotate: 1h, client_id", 1), "rotate of tenant of app login is out of range (1d to 3650d)"},
		{strings.Replace(inAuth0, "https:", "http:", 1), "is plain http"},
		{"token: abc", "app login has no url"},
	} {
		if _, err := parseLogin(c.app); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.app, err, c.want)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the secret is shown: %v", err)
		}
	}
}
