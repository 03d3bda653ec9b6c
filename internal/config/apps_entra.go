// SPDX-License-Identifier: Apache-2.0

package config

// EntraApp is what an app of type entra has of its own.
type EntraApp struct {
	Registration   *Registration `json:"registration"`
	ChangePassword bool          `json:"change_password"` // with the first sign-in by it
	IDAttribute    Text          `json:"id_attribute"`    // a property of users; empty = none
}

// Registration is who we are at a tenant of Entra: an app registration, which proves
// itself by a secret, or by a key and its certificate.
type Registration struct {
	Pos         Position `json:"-"`
	Tenant      Text     `json:"tenant"` // its id, or one of its domains
	ClientID    Text     `json:"client_id"`
	Secret      Secret   `json:"client_secret"` // either this
	Key         Secret   `json:"private_key"`   // or this: PEM, or the path of a file that holds it
	Certificate Text     `json:"certificate"`   // with Key: PEM, or the path of a file that holds it
	Authority   Text     `json:"authority"`     // where tokens come from; empty = that of the cloud of the app's url
}

// entraApp are the keys that only an app of type entra has.
func (d *decoder) entraApp(a *EntraApp, allow *[]Text, what string) []field {
	return []field{
		{key: "registration", read: func(n *node) { a.Registration = d.registration(n, allow, "registration of "+what) }},
	}
}

func (d *decoder) registration(n *node, allow *[]Text, what string) *Registration {
	r := &Registration{Pos: n.pos}
	var authority *node
	d.section(n, what, n.pos,
		field{key: "tenant", required: true, read: func(n *node) { r.Tenant, _ = d.text(n, "tenant of "+what) }},
		field{key: "client_id", required: true, read: func(n *node) { r.ClientID, _ = d.text(n, "client_id of "+what) }},
		field{key: "client_secret", read: func(n *node) { r.Secret = d.secret(n, "client_secret of "+what) }},
		field{key: "private_key", read: func(n *node) { r.Key = d.signingKey(n, "private_key of "+what) }},
		field{key: "certificate", read: func(n *node) { r.Certificate, _ = d.text(n, "certificate of "+what) }},
		field{key: "authority", read: func(n *node) { authority = n; r.Authority, _ = d.text(n, "authority of "+what) }},
	)
	n.note(func(s *Schema) {
		s.OneOf = []*Schema{{Required: []string{"client_secret"}}, {Required: []string{"private_key", "certificate"}}}
	})
	if n.kind != kindMap {
		return r
	}
	bySecret, byKey, withCertificate := n.at("client_secret") != nil, n.at("private_key") != nil, n.at("certificate") != nil
	switch {
	case bySecret == byKey:
		d.fail(n.pos, what+" must have either client_secret or private_key", "a key and its certificate are safer: what they prove never leaves this machine")
	case byKey != withCertificate:
		d.fail(n.pos, what+" must have private_key and certificate together", "the tenant knows a key by its certificate")
	}
	if authority != nil && !r.Authority.IsZero() {
		d.address(authority, "authority in "+what, r.Authority, *allow)
	}
	return r
}
