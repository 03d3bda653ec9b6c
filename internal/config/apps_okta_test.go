// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/config"
)

const inOkta = "type: okta\nurl: https://acme.okta.com\ntoken: hunter2"

// TestOktaApp: what an app of type okta says is read over its defaults.
func TestOktaApp(t *testing.T) {
	t.Parallel()
	cfg, err := parseLogin(inOkta)
	if err != nil {
		t.Fatal(err)
	}
	a := cfg.Apps[0]
	if a.Okta == nil || a.Okta.OAuth != nil || a.Okta.Deactivate != config.OktaDeactivate || a.Profile.Value != "" || a.Auth0 != nil || a.Token.Reveal() != "hunter2" || a.Timeout == 0 {
		t.Errorf("%+v %+v", a, a.Okta)
	}
	withKey := strings.Replace(inOkta, "token: hunter2", "oauth: {client_id: 0oa1, private_key: \"secret:okta\", key_id: k, scopes: [a, b]}\ndeactivate: suspend\nid_attribute: usherId", 1)
	cfg, err = parseLogin(withKey)
	if err != nil {
		t.Fatal(err)
	}
	if o := cfg.Apps[0].Okta; o.OAuth.ClientID.Value != "0oa1" || o.OAuth.Key.Name() != "okta" || len(o.OAuth.Scopes) != 2 || o.Deactivate != config.OktaSuspend || o.IDAttribute.Value != "usherId" {
		t.Errorf("%+v", o)
	}
	other, err := parseLogin(strings.Replace(withKey, "secret:okta", "secret:other", 1))
	if err != nil || other.Digest == cfg.Digest {
		t.Errorf("the digest does not cover the name of the key: %v", err)
	}
}

func TestOktaAppIsRefused(t *testing.T) {
	t.Parallel()
	const scim = "url: https://app.example/scim\ntoken: abc"
	for _, c := range []struct{ app, want string }{
		{"type: okta", "app login has no url"},
		{"type: okta", "app login must have either token or oauth"},
		{inOkta + "\noauth: {client_id: a, private_key: b}", "app login must have either token or oauth"},
		{inOkta + "\nprofile: okta-users-api", "profile of app login is for type: scim"},
		{inOkta + "\nconnection: staff", "connection of app login is for type: auth0"},
		{inOkta + "\ndeactivate: delete", "deactivate of app login"},
		{inOkta + "\nid_attribute: \"a b\"", "id_attribute of app login is no name"},
		{inOkta + "\ngroups: {teams: [all], as: roles}", "as in groups of app login is for type: auth0"},
		{scim + "\ndeactivate: suspend", "deactivate of app login is for type: okta"},
		{scim + "\nid_attribute: x", "id_attribute of app login is for type: okta"},
		{"type: auth0\ntoken: hunter2", "token of app login is for type: scim or okta"},
		{strings.Replace(inOkta, "token: hunter2", "oauth: {client_id: a}", 1), "has no private_key"},
		{strings.Replace(inOkta, "token: hunter2", "oauth: {client_id: a, private_key: b, scopes: [\"a b\"]}", 1), "holds a blank"},
		{strings.Replace(inOkta, "https:", "http:", 1), "is plain http"},
	} {
		if _, err := parseLogin(c.app); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.app, err, c.want)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the token is shown: %v", err)
		}
	}
}
