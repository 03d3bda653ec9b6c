// SPDX-License-Identifier: Apache-2.0

package config

import (
	"net"
	"slices"
	"time"
)

// OAuthClient may get access tokens for a source in exchange for assertions that it
// has signed (RFC 7523).
type OAuthClient struct {
	ID         string   `json:"id"`
	Pos        Position `json:"-"`
	Algorithms []Text   `json:"algorithms"` // empty: whatever its keys can make
	// Either Keys or KeysFile is set; whether the keys are good is for those who
	// use them.
	Keys      []JWK    `json:"keys"`
	KeysFile  Text     `json:"keys_file"` // a JWK Set, relative to the working directory of the process
	TokenLife Duration `json:"token_life"`
}

// JWK is a public key (RFC 7517, RFC 7518 §6, RFC 8037). As JSON it is what the RFC
// calls one.
type JWK struct {
	Pos        Position `json:"-"`
	Kind       Text     `json:"kty"`
	ID         Text     `json:"kid,omitzero"`
	Use        Text     `json:"use,omitzero"`
	Operations []Text   `json:"key_ops,omitempty"`
	Algorithm  Text     `json:"alg,omitzero"`
	Curve      Text     `json:"crv,omitzero"`
	X          Text     `json:"x,omitzero"`
	Y          Text     `json:"y,omitzero"`
	N          Text     `json:"n,omitzero"`
	E          Text     `json:"e,omitzero"`
}

// How long access tokens of a client hold.
const (
	shortestTokenLife = time.Minute
	longestTokenLife  = 24 * time.Hour
	DefaultTokenLife  = Duration(time.Hour)
)

// maxKeys of a client: one that is in use, one that follows it, and what is left over.
const maxKeys = 4

func (d *decoder) oauthClients(n *node, what string) []OAuthClient {
	var out []OAuthClient
	what = "oauth_clients of " + what
	d.named(n, what, "a client", func(name Text, n *node) { out = append(out, d.oauthClient(name, n)) })
	n.note(func(s *Schema) { s.MinProperties = 1 })
	if n.kind == kindMap && len(out) == 0 {
		d.fail(n.pos, what+" is empty", "name a client, or remove the key")
	}
	return out
}

func (d *decoder) oauthClient(name Text, n *node) OAuthClient {
	c, what := OAuthClient{ID: name.Value, Pos: name.Pos, TokenLife: DefaultTokenLife}, "client "+name.Value
	inline, file := false, false
	d.section(n, what, name.Pos,
		field{key: "algorithms", read: func(n *node) {
			// What is no choice is no mistake that can be made: none, and what needs a secret.
			c.Algorithms, _ = d.choices(n, "algorithms of "+what, "algorithm", "ES256", "PS256", "RS256", "EdDSA")
			if n.kind == kindList && len(n.items) == 0 {
				d.fail(n.pos, "algorithms of "+what+" is empty", "name one, or remove the key")
			}
		}},
		field{key: "keys", read: func(n *node) { inline = true; c.Keys = d.jwks(n, what) }},
		field{key: "keys_file", read: func(n *node) { file = true; c.KeysFile, _ = d.text(n, "keys_file of "+what) }},
		field{key: "token_life", read: func(n *node) {
			if v, ok := d.duration(n, "token_life of "+what, shortestTokenLife, longestTokenLife); ok {
				c.TokenLife = v
			}
		}},
	)
	n.note(func(s *Schema) { s.OneOf = []*Schema{{Required: []string{"keys"}}, {Required: []string{"keys_file"}}} })
	if n.kind == kindMap && inline == file {
		d.fail(name.Pos, what+" must have either keys or keys_file", "its public keys as JSON Web Keys, here or in a file")
	}
	return c
}

func (d *decoder) jwks(n *node, what string) []JWK {
	one := "a key of " + what
	if n.shape != nil {
		item := probe()
		d.jwk(item, one)
		n.fits(Schema{Type: Types{"array"}, Items: item.shape})
		return nil
	}
	if !d.is(n, "keys of "+what, "a list", kindList) {
		return nil
	}
	if len(n.items) == 0 || len(n.items) > maxKeys {
		d.fail(n.pos, "keys of "+what+" must be one to four", "the key in use, and the one that follows it")
	}
	var out []JWK
	for _, item := range n.items {
		out = append(out, d.jwk(item, one))
	}
	return out
}

// PrivateMembers are those of a JWK that its owner alone may know (RFC 7518 §6.2.2,
// §6.3.2, §6.4.1).
func PrivateMembers() []string { return []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"} }

func (d *decoder) jwk(n *node, what string) JWK {
	k := JWK{Pos: n.pos}
	public := *n
	public.entries = nil
	for _, e := range n.entries {
		if slices.Contains(PrivateMembers(), e.key.Value) {
			d.fail(e.key.Pos, what+" is private: it has "+e.key.Value,
				"give the public key alone, and make the client a new one: this one has been seen")
			continue
		}
		public.entries = append(public.entries, e)
	}
	text := func(key string, into *Text) field {
		return field{key: key, read: func(n *node) { *into, _ = d.text(n, key+" of "+what) }}
	}
	d.section(&public, what, n.pos,
		field{key: "kty", required: true, read: func(n *node) { k.Kind, _ = d.choice(n, "kty of "+what, "EC", "RSA", "OKP") }},
		text("kid", &k.ID),
		field{key: "use", read: func(n *node) { k.Use, _ = d.choice(n, "use of "+what, "sig") }},
		field{key: "key_ops", read: func(n *node) { k.Operations, _ = d.texts(n, "key_ops of "+what, "operation") }},
		text("alg", &k.Algorithm), text("crv", &k.Curve), text("x", &k.X), text("y", &k.Y), text("n", &k.N), text("e", &k.E),
	)
	return k
}

// oneSourceEach refuses a client of two sources: its id alone says which one it is for.
func (d *decoder) oneSourceEach(sources []Source) {
	of := map[string]string{}
	for _, s := range sources {
		for _, c := range s.OAuthClients {
			if other := of[c.ID]; other != "" {
				d.fail(c.Pos, "client "+c.ID+" is one of source "+other+" already", "a client is for one source: give this one an id of its own")
			}
			of[c.ID] = s.Name
		}
	}
}

// reachable refuses OAuth clients of a server of which nobody knows the URL: an
// assertion is made out to it.
func (d *decoder) reachable(cfg *Config) {
	host, _, err := net.SplitHostPort(cfg.Server.Address.Value)
	if err != nil || loopback(host) || !cfg.Server.PublicURL.IsZero() {
		return
	}
	for _, s := range cfg.Sources {
		for _, c := range s.OAuthClients {
			d.fail(c.Pos, "client "+c.ID+" cannot know whom it speaks to: there is no server.public_url",
				"what it signs is made out to that URL; write public_url: https://usher.example")
			return
		}
	}
}
