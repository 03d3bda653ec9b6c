// SPDX-License-Identifier: Apache-2.0

package config

import (
	"slices"
	"strings"
	"time"
)

// The values of HTTPAuth.Kind.
const (
	AuthBearer = "bearer"
	AuthBasic  = "basic"
	AuthHeader = "header"
	AuthOAuth  = "oauth"
)

// HTTPAuth is who we are to a source or an app over HTTP.
type HTTPAuth struct {
	Pos    Position `json:"-"`
	Kind   string   `json:"kind"`
	User   Secret   `json:"user"`   // of basic; a key may stand in its place
	Secret Secret   `json:"secret"` // token, password, value, or client_secret
	Header Text     `json:"header"`
	// Of oauth:
	TokenURL Text        `json:"token_url"`
	ClientID Text        `json:"client_id"`
	Scope    Text        `json:"scope"`
	In       string      `json:"in"`                   // InHeader or InBody
	Key      Secret      `json:"private_key,omitzero"` // PEM, or the path of a file that holds it; unset with Secret
	KeyID    Text        `json:"key_id,omitzero"`      // empty = the thumbprint of the public key
	Audience Text        `json:"audience,omitzero"`    // of what Key signs; empty = TokenURL
	Grant    Text        `json:"grant_type,omitzero"`  // empty = client_credentials
	Subject  Text        `json:"subject,omitzero"`     // with GrantJWT; empty = the client
	Params   []HTTPParam `json:"params,omitempty"`
}

// HTTPParam is a parameter of a request for a token, as its maker wants it.
type HTTPParam struct {
	Name  Text `json:"name"`
	Value Text `json:"value"`
}

// The values of HTTPAuth.In.
const (
	InHeader = "header"
	InBody   = "body"
)

// GrantJWT is the grant_type by which a token is given for what is signed (RFC 7523 §2.1).
const GrantJWT = "urn:ietf:params:oauth:grant-type:jwt-bearer"

func (d *decoder) httpAuth(n *node, what string) *HTTPAuth {
	what = "auth of " + what
	a := &HTTPAuth{Pos: n.pos, In: InHeader}
	var kinds []string
	kind := func(key string, read func(n *node)) field {
		return field{key: key, read: func(n *node) { a.Kind, kinds = key, append(kinds, key); read(n) }}
	}
	d.section(n, what, n.pos,
		kind(AuthBearer, func(n *node) { a.Secret = d.secret(n, "bearer of "+what) }),
		kind(AuthBasic, func(n *node) {
			d.section(n, "basic of "+what, n.pos,
				field{key: "user", required: true, read: func(n *node) { a.User = d.secret(n, "user of "+what) }},
				field{key: "password", required: true, read: func(n *node) { a.Secret = d.secret(n, "password of "+what) }},
			)
		}),
		kind(AuthHeader, func(n *node) {
			d.section(n, "header of "+what, n.pos,
				field{key: "name", required: true, read: func(n *node) {
					a.Header, _ = d.text(n, "name in header of "+what)
					if n.shape == nil && !a.Header.IsZero() && !isToken(a.Header.Value) {
						d.fail(n.pos, "name in header of "+what+" is no name of a header", "such as X-Api-Key")
					}
				}},
				field{key: "value", required: true, read: func(n *node) { a.Secret = d.secret(n, "value in header of "+what) }},
			)
		}),
		kind(AuthOAuth, func(n *node) { d.httpOAuth(n, a, "oauth of "+what) }),
	)
	if n.kind == kindMap && len(kinds) != 1 {
		d.fail(n.pos, what+" must be one of bearer, basic, header and oauth", "leave auth out if no credential is needed")
	}
	return a
}

func (d *decoder) httpOAuth(n *node, a *HTTPAuth, what string) {
	d.section(n, what, n.pos,
		field{key: "token_url", required: true, read: func(n *node) { a.TokenURL, _ = d.text(n, "token_url of "+what) }},
		field{key: "client_id", required: true, read: func(n *node) { a.ClientID, _ = d.text(n, "client_id of "+what) }},
		field{key: "client_secret", read: func(n *node) { a.Secret = d.secret(n, "client_secret of "+what) }},
		field{key: "private_key", read: func(n *node) { a.Key = d.signingKey(n, "private_key of "+what) }},
		field{key: "key_id", read: func(n *node) { a.KeyID, _ = d.text(n, "key_id of "+what) }},
		field{key: "audience", read: func(n *node) { a.Audience, _ = d.text(n, "audience of "+what) }},
		field{key: "subject", read: func(n *node) { a.Subject, _ = d.text(n, "subject of "+what) }},
		field{key: "grant_type", read: func(n *node) { a.Grant = d.grantType(n, "grant_type of "+what) }},
		field{key: "scope", read: func(n *node) { a.Scope, _ = d.text(n, "scope of "+what) }},
		field{key: "in", read: func(n *node) {
			if t, ok := d.choice(n, "in of "+what, InHeader, InBody); ok {
				a.In = t.Value
			}
		}},
		field{key: "params", read: func(n *node) { a.Params = d.tokenParams(n, "params of "+what) }},
	)
	n.note(func(s *Schema) {
		s.OneOf = []*Schema{{Required: []string{"client_secret"}}, {Required: []string{"private_key"}}}
	})
	if n.kind == kindMap {
		d.oauthWords(n, a, what)
	}
}

// oauthWords checks what goes together in oauth.
func (d *decoder) oauthWords(n *node, a *HTTPAuth, what string) {
	byKey := n.at("private_key") != nil
	if byKey == (n.at("client_secret") != nil) {
		d.fail(n.pos, what+" must have either client_secret or private_key", "what a private key proves never leaves this machine, where the maker takes that")
		return
	}
	if a.Grant.Value == GrantJWT && !byKey {
		d.fail(a.Grant.Pos, "grant_type of "+what+" needs private_key", "a token is given for what it signs")
	}
	for _, key := range []string{"key_id", "audience"} {
		if v := n.at(key); v != nil && !byKey {
			d.fail(v.pos, key+" of "+what+" is for private_key", "a parameter of that name belongs into params, if the maker wants one")
		}
	}
	if v := n.at("subject"); v != nil && a.Grant.Value != GrantJWT {
		d.fail(v.pos, "subject of "+what+" is for grant_type: "+GrantJWT, "remove it")
	}
	if v := n.at("in"); v != nil && byKey && a.In == InHeader {
		d.fail(v.pos, "in of "+what+" is for client_secret", "what is signed goes in the body: remove it")
	}
}

// grantType reads a grant type: those that ask without a person, and what makers call theirs.
func (d *decoder) grantType(n *node, what string) Text {
	t, ok := d.text(n, what)
	switch {
	case !ok:
	case strings.ContainsFunc(t.Value, func(r rune) bool { return r <= ' ' || r > '~' }):
		d.fail(t.Pos, what+" holds a blank, or what is no ASCII", "such as client_credentials")
	case slices.Contains([]string{"authorization_code", "refresh_token", "password", "implicit"}, t.Value):
		d.fail(t.Pos, what+" cannot be "+t.Value, "it needs a person at a browser, or their password; client_credentials needs nobody")
	}
	return t
}

// tokenParams reads what a maker wants beside what RFC 6749 has.
func (d *decoder) tokenParams(n *node, what string) (out []HTTPParam) {
	if !d.is(n, what, "a map from name to value", kindMap) {
		n.note(func(s *Schema) {
			*s = Schema{Type: Types{"object"}, Values: &Schema{Type: Types{"string"}, Pattern: notBlank}}
		})
		return nil
	}
	for _, e := range n.entries {
		v, ok := d.text(e.value, quote(e.key.Value)+in(what))
		switch {
		case slices.Contains([]string{"grant_type", "scope", "client_id", "client_secret"}, e.key.Value):
			d.fail(e.key.Pos, e.key.Value+in(what)+" is a key of oauth", "write it beside params")
		case slices.Contains([]string{"client_assertion", "client_assertion_type", "assertion"}, e.key.Value):
			d.fail(e.key.Pos, e.key.Value+in(what)+" is for Usher to make", "say private_key beside params")
		case strings.TrimSpace(e.key.Value) == "":
			d.fail(e.key.Pos, "a parameter of "+what+" has no name", "")
		case ok && strings.HasPrefix(v.Value, secretPrefix):
			d.fail(v.Pos, quote(e.key.Value)+in(what)+" cannot be sealed", "params are no credentials: those are client_secret and private_key")
		}
		out = append(out, HTTPParam{e.key, v})
	}
	return out
}

// expires reads the day on which a credential runs out, UTC.
func (d *decoder) expires(n *node, what string) Text {
	t, ok := d.text(n, what)
	n.note(func(s *Schema) { s.Pattern = `^[0-9]{4}-[0-9]{2}-[0-9]{2}$|\$` })
	if !ok {
		return Text{}
	}
	if _, err := time.Parse(time.DateOnly, t.Value); err != nil {
		d.fail(t.Pos, what+" is no date: "+quote(n.raw), "write 2027-03-31")
		return Text{}
	}
	return t
}
