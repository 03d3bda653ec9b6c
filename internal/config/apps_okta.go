// SPDX-License-Identifier: Apache-2.0

package config

import "strings"

// What becomes of whoever leaves, in Okta.
const (
	OktaDeactivate = "deactivate" // DEPROVISIONED: the user loses every application
	OktaSuspend    = "suspend"    // SUSPENDED: the user keeps them, and cannot sign in
)

// OktaApp is what an app of type okta has of its own.
type OktaApp struct {
	OAuth       *OktaOAuth `json:"oauth,omitempty"` // nil with a token
	Deactivate  string     `json:"deactivate"`      // one of the constants
	IDAttribute Text       `json:"id_attribute"`    // of Okta's profiles; empty = none
}

// OktaOAuth is who we are at an org, by private_key_jwt.
type OktaOAuth struct {
	Pos      Position `json:"-"`
	ClientID Text     `json:"client_id"`
	Key      Secret   `json:"private_key"` // PEM, or the path of a file that holds it
	KeyID    Text     `json:"key_id"`      // empty = the thumbprint of the public key
	Scopes   []Text   `json:"scopes"`      // empty = those of users and groups
}

// oktaApp are the keys that only an app of type okta has.
func (d *decoder) oktaApp(a *OktaApp, what string) []field {
	return []field{
		{key: "oauth", read: func(n *node) { a.OAuth = d.oktaOAuth(n, "oauth of "+what) }},
		{key: "deactivate", read: func(n *node) {
			if t, ok := d.choice(n, "deactivate of "+what, OktaDeactivate, OktaSuspend); ok {
				a.Deactivate = t.Value
			}
		}},
		{key: "id_attribute", read: func(n *node) {
			t, ok := d.text(n, "id_attribute of "+what)
			if ok && !isAttribute(t.Value) {
				d.fail(t.Pos, "id_attribute of "+what+" is no name of an attribute", "write the variable name that Okta's profile editor shows")
			}
			a.IDAttribute = t
		}},
	}
}

// isAttribute keeps what has a meaning of its own out of a search.
func isAttribute(s string) bool {
	return s != "" && len(s) <= 64 && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_'
	})
}

func (d *decoder) oktaOAuth(n *node, what string) *OktaOAuth {
	o := &OktaOAuth{Pos: n.pos}
	d.section(n, what, n.pos,
		field{key: "client_id", required: true, read: func(n *node) { o.ClientID, _ = d.text(n, "client_id of "+what) }},
		field{key: "private_key", required: true, read: func(n *node) { o.Key = d.signingKey(n, "private_key of "+what) }},
		field{key: "key_id", read: func(n *node) { o.KeyID, _ = d.text(n, "key_id of "+what) }},
		field{key: "scopes", read: func(n *node) { o.Scopes, _ = d.texts(n, "scopes of "+what, "scope") }},
	)
	for _, s := range o.Scopes {
		if strings.ContainsAny(s.Value, " \t") {
			d.fail(s.Pos, "a scope of "+what+" holds a blank", "one line for each")
		}
	}
	return o
}
