// SPDX-License-Identifier: Apache-2.0

package config

import "time"

// Tenant is an Auth0 tenant, and who we are there.
type Tenant struct {
	Pos Position `json:"-"`
	URL Text     `json:"url"` // https://acme.eu.auth0.com, or a domain of one's own
	// Audience of the Management API; empty = URL + "/api/v2/". With a domain of one's
	// own it is the tenant's first one that stands here.
	Audience Text     `json:"audience"`
	ClientID Text     `json:"client_id"`
	Secret   Secret   `json:"client_secret"` // either this, or
	Key      Secret   `json:"private_key"`   // PEM, or the path of a file that holds it
	Allow    []Text   `json:"allow"`
	Timeout  Duration `json:"timeout"`
	// Rotate is how old the credential may get before serve exchanges it; 0 = never.
	Rotate Duration `json:"rotate,omitzero"`
}

// The bounds of Tenant.Rotate and Secrets.OldAfter.
const (
	leastAge = 24 * time.Hour
	mostAge  = 3650 * 24 * time.Hour
)

// Sealed is the credential, if it is sealed: a name as in secret:NAME, or "".
func (t Tenant) Sealed() string {
	for _, s := range []Secret{t.Secret, t.Key} {
		if s.Ref() != "" {
			return s.Name()
		}
	}
	return ""
}

// Allows reports whether the list of what may be connected to holds what.
func (t Tenant) Allows(what string) bool { return allows(t.Allow, what) }

func (d *decoder) tenant(n *node, what string) *Tenant {
	t := &Tenant{Pos: n.pos, Timeout: Duration(30 * time.Second)}
	what = "tenant of " + what
	var address *node
	d.section(n, what, n.pos,
		field{key: "url", required: true, read: func(n *node) { address = n; t.URL, _ = d.text(n, "url of "+what) }},
		field{key: "audience", read: func(n *node) { t.Audience, _ = d.text(n, "audience of "+what) }},
		field{key: "client_id", required: true, read: func(n *node) { t.ClientID, _ = d.text(n, "client_id of "+what) }},
		field{key: "client_secret", read: func(n *node) { t.Secret = d.secret(n, "client_secret of "+what) }},
		field{key: "private_key", read: func(n *node) { t.Key = d.signingKey(n, "private_key of "+what) }},
		field{key: "allow", read: func(n *node) {
			t.Allow = d.allow(n, "allow of "+what, AllowLoopback, AllowPrivate, AllowPlainHTTP)
		}},
		field{key: "timeout", read: func(n *node) {
			set(&t.Timeout)(d.duration(n, "timeout of "+what, time.Millisecond, time.Hour))
		}},
		field{key: "rotate", read: func(n *node) { set(&t.Rotate)(d.duration(n, "rotate of "+what, leastAge, mostAge)) }},
	)
	n.note(func(s *Schema) {
		s.OneOf = []*Schema{{Required: []string{"client_secret"}}, {Required: []string{"private_key"}}}
	})
	if n.kind != kindMap {
		return t
	}
	if (n.at("client_secret") == nil) == (n.at("private_key") == nil) {
		d.fail(n.pos, what+" must have either client_secret or private_key", "private_key is safer: what it proves never leaves this machine")
	}
	if t.Rotate > 0 && t.Sealed() == "" && !(t.Secret.IsZero() && t.Key.IsZero()) {
		d.fail(n.at("rotate").pos, "rotate of "+what+" needs a credential that is sealed, as the new one must be kept", "write it as secret:NAME, and set it by usher secret set NAME")
	}
	if address != nil && !t.URL.IsZero() {
		d.address(address, what, t.URL, t.Allow)
	}
	return t
}

// NamedTenant is a tenant, and whose it is: "source auth0", "app login".
type NamedTenant struct {
	*Tenant
	What string
}

// AllTenants are the tenants of sources and apps, in the order of the file's sections.
func (c Config) AllTenants() (all []NamedTenant) {
	for _, s := range c.Sources {
		if s.Tenant != nil {
			all = append(all, NamedTenant{s.Tenant, "source " + s.Name})
		}
	}
	for _, a := range c.Apps {
		if a.Auth0 != nil && a.Auth0.Tenant != nil {
			all = append(all, NamedTenant{a.Auth0.Tenant, "app " + a.Name})
		}
	}
	return all
}
