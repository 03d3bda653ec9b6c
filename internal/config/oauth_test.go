// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/config"
)

// pushing begins a file whose source of type scim has OAuth clients.
const pushing = `store: usher.db
sources:
  idp:
    type: scim
    oauth_clients:
`

func TestOAuthClients(t *testing.T) {
	t.Parallel()
	cfg := mustParse(t, pushing+`      west:
        algorithms: [ES256]
        token_life: 15m
        keys: [{"kty": "EC", "crv": "P-256", "kid": "a", "x": "${X}", "y": "Yg"}, {"kty": "RSA", "n": "AQAB", "e": "AQAB", "key_ops": ["verify"]}]
      east: {keys_file: east.json}
`, map[string]string{"X": "WA"})
	clients := cfg.Sources[0].OAuthClients
	if len(clients) != 2 || clients[0].ID != "west" || clients[1].ID != "east" {
		t.Fatalf("%+v", clients)
	}
	west, east := clients[0], clients[1]
	if west.TokenLife != config.Duration(15*time.Minute) || len(west.Algorithms) != 1 || len(west.Keys) != 2 || west.Keys[1].Pos.Column != 85 {
		t.Errorf("%+v", west)
	}
	if east.TokenLife != config.DefaultTokenLife || east.KeysFile.Value != "east.json" || east.Keys != nil {
		t.Errorf("%+v", east)
	}
	for i, want := range []string{`{"kty":"EC","kid":"a","crv":"P-256","x":"WA","y":"Yg"}`, `{"kty":"RSA","key_ops":["verify"],"n":"AQAB","e":"AQAB"}`} {
		if got, err := json.Marshal(west.Keys[i]); err != nil || string(got) != want {
			t.Errorf("%s %v", got, err)
		}
	}
}

func TestOAuthClientMistakes(t *testing.T) {
	t.Parallel()
	const key = `{kty: EC, crv: P-256, x: WA, y: Yg}`
	for _, c := range []struct{ section, want string }{
		{`      west: {keys: [{kty: EC, d: c2VjcmV0, x: WA}]}`, `usher.yaml:6:31: a key of client west is private: it has d (give the public key alone, and make the client a new one: this one has been seen)`},
		{`      west: {keys: [{kty: oct, k: c2VjcmV0}]}`, `usher.yaml:6:27: kty of a key of client west cannot be "oct" (known: EC, RSA, OKP)
usher.yaml:6:32: a key of client west is private: it has k (give the public key alone, and make the client a new one: this one has been seen)`},
		{`      west: {keys: [{kty: RSA, use: enc}]}`, `usher.yaml:6:37: use of a key of client west cannot be "enc" (known: sig)`},
		{`      west: {keys: [{kty: RSA, modulus: AQAB}]}`, `usher.yaml:6:32: unknown key "modulus" in a key of client west (known: kty, kid, use, key_ops, alg, crv, x, y, n, e)`},
		{`      west: {keys: []}`, `usher.yaml:6:20: keys of client west must be one to four (the key in use, and the one that follows it)`},
		{`      west: {keys: [` + strings.Repeat(key+", ", 4) + key + `]}`, `usher.yaml:6:20: keys of client west must be one to four (the key in use, and the one that follows it)`},
		{`      west: {}`, `usher.yaml:6:7: client west must have either keys or keys_file (its public keys as JSON Web Keys, here or in a file)`},
		{`      west: {keys_file: w.json, keys: [` + key + `]}`, `usher.yaml:6:7: client west must have either keys or keys_file (its public keys as JSON Web Keys, here or in a file)`},
		{`      west: {keys_file: w.json, algorithms: [none]}`, `usher.yaml:6:46: algorithm cannot be "none" (known: ES256, PS256, RS256, EdDSA)`},
		{`      west: {keys_file: w.json, algorithms: [HS256]}`, `usher.yaml:6:46: algorithm cannot be "HS256" (did you mean ES256?)`},
		{`      west: {keys_file: w.json, algorithms: []}`, `usher.yaml:6:45: algorithms of client west is empty (name one, or remove the key)`},
		{`      west: {keys_file: w.json, token_life: 30s}`, `usher.yaml:6:45: token_life of client west is out of range (1m0s to 1d)`},
		{`      west: {keys_file: w.json, token_life: 2d}`, `usher.yaml:6:45: token_life of client west is out of range (1m0s to 1d)`},
		{`      West: {keys_file: w.json}`, `usher.yaml:6:7: "West" is no name for a client (a letter, then letters, digits and hyphens, all lower-case, at most 63)`},
		{`      {}`, `usher.yaml:6:7: oauth_clients of source idp is empty (name a client, or remove the key)`},
		{"      west: {keys_file: w.json}\n  other: {type: scim, oauth_clients: {west: {keys_file: w.json}}}", `usher.yaml:7:39: client west is one of source idp already (a client is for one source: give this one an id of its own)`},
		{"      west: {keys_file: w.json}\nserver: {address: '0.0.0.0:80', insecure: true}", `usher.yaml:6:7: client west cannot know whom it speaks to: there is no server.public_url (what it signs is made out to that URL; write public_url: https://usher.example)`},
		{"      west: {keys_file: w.json}\nserver: {address: '0.0.0.0:80', insecure: true, public_url: 'https://usher.example'}", ""},
	} {
		_, err := config.Parse("usher.yaml", []byte(pushing+c.section+"\n"), nil)
		if (err == nil) != (c.want == "") || err != nil && err.Error() != c.want {
			t.Errorf("%s:\n%v, want\n%s", c.section, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "c2VjcmV0") {
			t.Error("the error repeats what is private")
		}
	}
	_, err := config.Parse("usher.yaml", []byte(strings.Replace(small, "key: id,", "key: id, oauth_clients: {west: {keys_file: w.json}},", 1)), nil)
	if err == nil || !strings.Contains(err.Error(), "oauth_clients of source zz is for type: scim (remove it)") {
		t.Error(err)
	}
}

func TestPublicURL(t *testing.T) {
	t.Parallel()
	for url, c := range map[string]struct{ value, fault string }{
		"https://usher.example":       {"https://usher.example", ""},
		"HTTPS://Usher.Example:8443/": {"https://usher.example:8443", ""},
		"http://127.0.0.1:8484":       {"http://127.0.0.1:8484", ""},
		"http://localhost":            {"http://localhost", ""},
		"http://usher.example":        {"", "must begin with https://"},
		"ftp://usher.example":         {"", "must begin with https://"},
		"usher.example":               {"", "no URL of a server"},
		"https://":                    {"", "no URL of a server"},
		"https://:443":                {"", "no URL of a server"},
		"https://usher.example/scim":  {"", "no URL of a server"},
		"https://usher.example?x=1":   {"", "no URL of a server"},
		"https://usher.example#x":     {"", "no URL of a server"},
		"https://me@usher.example":    {"", "no URL of a server"},
		"https://usher.example:x":     {"", "no URL of a server"},
	} {
		cfg, err := config.Parse("usher.yaml", []byte(small+"server: {public_url: '"+url+"'}\n"), nil)
		switch {
		case c.fault == "" && (err != nil || cfg.Server.PublicURL.Value != c.value):
			t.Errorf("%s: %v", url, err)
		case c.fault != "" && (err == nil || !strings.Contains(err.Error(), "usher.yaml:7:") || !strings.Contains(err.Error(), c.fault)):
			t.Errorf("%s: %v, want %q", url, err, c.fault)
		}
	}
}
