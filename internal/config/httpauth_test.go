// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/config"
)

// withAuth is a configuration with one app, whose credentials the text says.
func withAuth(text string) string {
	return "store: x.db\nsources: {hr: {type: csv, path: p.csv, key: id, columns: [id], person: {title: row.id}}}\n" +
		"apps:\n  crm:\n    url: https://crm.example/scim\n    user: {userName: person.userName}\n    " + strings.ReplaceAll(text, "\n", "\n    ") + "\n"
}

const (
	tokenURL = `token_url: "https://login.example/token", client_id: usher`
	jwt      = `grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer"`
)

// TestAppAuth: an app that speaks SCIM has one credential, of any kind that a system over
// HTTP may have; and another name of a sealed secret is another configuration.
func TestAppAuth(t *testing.T) {
	t.Parallel()
	seen := map[[32]byte]bool{}
	for _, text := range []string{
		"token: secret:a", "token: secret:b", `auth: {bearer: "secret:a"}`, `auth: {basic: {user: usher, password: "secret:a"}}`,
		`auth: {oauth: {` + tokenURL + `, client_secret: "secret:a", scope: a b, in: body, params: {audience: "https://crm.example"}}}`,
		`auth: {oauth: {` + tokenURL + `, private_key: "secret:a", key_id: k, audience: "https://login.example"}}`,
		`auth: {oauth: {` + tokenURL + `, private_key: "secret:b", key_id: k, audience: "https://login.example"}}`,
		`auth: {oauth: {` + tokenURL + `, private_key: key.pem, ` + jwt + `, subject: ada@acme.example}}`,
		`tls: {certificate: usher.crt, private_key: "secret:a"}`, `tls: {certificate: usher.crt, private_key: "secret:b"}`, "token: secret:a\ntls: {ca: theirs.crt}\nexpires: 2027-03-31",
	} {
		c, err := config.Parse("usher.yaml", []byte(withAuth(text)), nil)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if seen[c.Digest] {
			t.Errorf("%s is as another one", text)
		}
		seen[c.Digest] = true
	}
}

// TestAppAuthMistakes: each with its place and what to do, and no secret.
func TestAppAuthMistakes(t *testing.T) {
	t.Parallel()
	oauth := func(rest string) string { return "auth: {oauth: {" + tokenURL + ", " + rest + "}}" }
	for _, c := range []struct{ text, says string }{
		{"expires: 2027-03-31", "4:3: app crm must have either token or auth (token is a bearer token; auth is for all else, such as a client of OAuth)"},
		{"token: hunter2\nauth: {bearer: hunter2}", "4:3: app crm must have either token or auth"},
		{"tokn: hunter2", `7:5: unknown key "tokn" in app crm (did you mean token?)`},
		{"auth: {}", "7:11: auth of app crm must be one of bearer, basic, header and oauth"},
		{oauth(`client_secret: hunter2, private_key: hunter2`), "7:20: oauth of auth of app crm must have either client_secret or private_key"},
		{oauth(`scope: a`), "must have either client_secret or private_key"},
		{oauth(`client_secret: hunter2, key_id: k`), "key_id of oauth of auth of app crm is for private_key"},
		{oauth(`client_secret: hunter2, audience: a`), "audience of oauth of auth of app crm is for private_key (a parameter of that name belongs into params, if the maker wants one)"},
		{oauth(`client_secret: hunter2, ` + jwt), "grant_type of oauth of auth of app crm needs private_key"},
		{oauth(`private_key: "secret:a", subject: ada`), "subject of oauth of auth of app crm is for grant_type: urn:"},
		{oauth(`private_key: "secret:a", in: header`), "in of oauth of auth of app crm is for client_secret"},
		{oauth(`client_secret: hunter2, grant_type: password`), "grant_type of oauth of auth of app crm cannot be password"},
		{oauth(`client_secret: hunter2, grant_type: "a b"`), "grant_type of oauth of auth of app crm holds a blank"},
		{oauth(`client_secret: hunter2, params: {scope: a}`), "scope in params of oauth of auth of app crm is a key of oauth (write it beside params)"},
		{oauth(`client_secret: hunter2, params: {client_assertion: a}`), "client_assertion in params of oauth of auth of app crm is for Usher to make"},
		{oauth(`client_secret: hunter2, params: {key: "secret:a"}`), `"key" in params of oauth of auth of app crm cannot be sealed`},
		{`auth: {oauth: {token_url: "http://login.example/t", client_id: a, client_secret: hunter2}}`, "7:32: token_url of app crm is plain http, which shows people and credentials to the network (use https, or allow: [plain-http])"},
		{`auth: {oauth: {token_url: "https://u:hunter2@login.example/t", client_id: a, client_secret: b}}`, "token_url of app crm holds a user name or password"},
		{"token: hunter2\nexpires: next year", `8:14: expires of app crm is no date: "next year" (write 2027-03-31)`},
		{"token: hunter2\nexpires: 2027-02-30", `is no date: "2027-02-30"`},
		{"token: hunter2\ntls: {certificate: a.crt}", "8:11: tls of app crm must have certificate and private_key together"},
		{"token: hunter2\ntls: {}", "tls of app crm has neither certificate and private_key nor ca"},
		{"tls: {ca: a.crt}", "app crm must have either token or auth"},
	} {
		_, err := config.Parse("usher.yaml", []byte(withAuth(c.text)), nil)
		if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s\n  %v\n  want %s", c.text, err, c.says)
		}
	}
}
