// SPDX-License-Identifier: Apache-2.0

package config

// ClientTLS is by what we are known, and whom we believe, when a connection is made (RFC
// 8446 §4.4.2). The certificate and the authority are PEM, or the path of a file with it.
type ClientTLS struct {
	Pos         Position `json:"-"`
	Certificate Text     `json:"certificate"` // ours, and those that lead to it; empty = none
	Key         Secret   `json:"private_key"` // of Certificate: PEM, or the path of a file that holds it
	CA          Text     `json:"ca"`          // whose certificates the app may show; empty = those whom this machine trusts
}

func (d *decoder) clientTLS(n *node, what string) *ClientTLS {
	c := &ClientTLS{Pos: n.pos}
	d.section(n, what, n.pos,
		field{key: "certificate", read: func(n *node) { c.Certificate, _ = d.text(n, "certificate of "+what) }},
		field{key: "private_key", read: func(n *node) { c.Key = d.signingKey(n, "private_key of "+what) }},
		field{key: "ca", read: func(n *node) { c.CA, _ = d.text(n, "ca of "+what) }},
	)
	n.note(func(s *Schema) {
		s.AnyOf = []*Schema{{Required: []string{"certificate", "private_key"}}, {Required: []string{"ca"}}}
	})
	if n.kind != kindMap {
		return c
	}
	certificate, key := n.at("certificate") != nil, n.at("private_key") != nil
	switch {
	case certificate != key:
		d.fail(n.pos, what+" must have certificate and private_key together", "the key is what proves that the certificate is ours")
	case !certificate && n.at("ca") == nil:
		d.fail(n.pos, what+" has neither certificate and private_key nor ca", "remove it, if this machine trusts the app's certificate and the app wants none")
	}
	return c
}
