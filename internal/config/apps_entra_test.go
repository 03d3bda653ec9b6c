// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"strings"
	"testing"
)

const inEntra = "type: entra\nregistration: {tenant: acme.example, client_id: a, client_secret: hunter2}"

// TestEntraApp: what an app of type entra says is read over its defaults.
func TestEntraApp(t *testing.T) {
	t.Parallel()
	cfg, err := parseLogin(inEntra)
	if err != nil {
		t.Fatal(err)
	}
	a := cfg.Apps[0]
	if a.Entra == nil || a.Okta != nil || a.Auth0 != nil || a.Profile.Value != "" || a.Timeout == 0 || a.Entra.ChangePassword || a.Entra.IDAttribute.Value != "" {
		t.Errorf("%+v %+v", a, a.Entra)
	}
	if r := a.Entra.Registration; r.Tenant.Value != "acme.example" || r.ClientID.Value != "a" || r.Secret.Reveal() != "hunter2" || !r.Key.IsZero() {
		t.Errorf("%+v", r)
	}
	withKey := strings.Replace(inEntra, "client_secret: hunter2", "private_key: \"secret:entra\", certificate: cert.pem, authority: https://login.example", 1) +
		"\nurl: https://graph.example\nid_attribute: extensionAttribute1\nchange_password: true"
	cfg, err = parseLogin(withKey)
	if err != nil {
		t.Fatal(err)
	}
	if e := cfg.Apps[0].Entra; e.Registration.Key.Name() != "entra" || e.Registration.Certificate.Value != "cert.pem" || e.Registration.Authority.Value != "https://login.example" || !e.ChangePassword || e.IDAttribute.Value != "extensionAttribute1" {
		t.Errorf("%+v", e)
	}
	other, err := parseLogin(strings.Replace(withKey, "secret:entra", "secret:other", 1))
	if err != nil || other.Digest == cfg.Digest {
		t.Errorf("the digest does not cover the name of the key: %v", err)
	}
}

func TestEntraAppIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ app, want string }{
		{"type: entra", "app login has no registration"},
		{"type: entra\nregistration: {client_id: a, client_secret: hunter2}", "has no tenant"},
		{strings.Replace(inEntra, ", client_secret: hunter2", "", 1), "must have either client_secret or private_key"},
		{strings.Replace(inEntra, "hunter2", "hunter2, private_key: b, certificate: c", 1), "must have either client_secret or private_key"},
		{strings.Replace(inEntra, "client_secret: hunter2", "private_key: b", 1), "private_key and certificate together"},
		{strings.Replace(inEntra, "hunter2", "hunter2, certificate: c", 1), "private_key and certificate together"},
		{strings.Replace(inEntra, "hunter2", "hunter2, authority: \"http://login.example\"", 1), "plain http"},
		{inEntra + "\nurl: http://graph.example", "is plain http"},
		{inEntra + "\ntoken: hunter2", "token of app login is for type: scim or okta"},
		{inEntra + "\nprofile: entra-graph", "profile of app login is for type: scim"},
		{inEntra + "\ndeactivate: suspend", "deactivate of app login is for type: okta"},
		{"url: https://app.example/scim\ntoken: abc\nchange_password: true", "change_password of app login is for type: google or entra"},
		{"url: https://app.example/scim\ntoken: abc\nregistration: {tenant: a, client_id: b, client_secret: c}", "registration of app login is for type: entra"},
	} {
		if _, err := parseLogin(c.app); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.app, err, c.want)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the secret is shown: %v", err)
		}
	}
}
