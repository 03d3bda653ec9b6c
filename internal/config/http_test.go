// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/config"
)

const httpSource = `store: x.db
sources:
  hr:
    type: http
    url: https://hr.example/people?fields=all
    key: id
    columns: {id: id, "last name": name.last}
    person: {title: row.id}
`

// TestHTTPSource: what holds when the file says nothing.
func TestHTTPSource(t *testing.T) {
	t.Parallel()
	cfg, err := config.Parse("usher.yaml", []byte(httpSource), nil)
	if err != nil {
		t.Fatal(err)
	}
	s := cfg.Sources[0]
	l := s.HTTP
	if l == nil || l.Method != "GET" || time.Duration(l.Every) != 15*time.Minute || time.Duration(l.Timeout) != 30*time.Second || l.Auth != nil || l.Paging != nil || l.One != nil {
		t.Errorf("%+v", l)
	}
	if got := fmt.Sprint(s.Columns, l.Paths); got != "[id last name] [id name.last]" {
		t.Error(got)
	}
	// A list of columns has names that are paths.
	cfg, err = config.Parse("usher.yaml", []byte(strings.Replace(httpSource, `{id: id, "last name": name.last}`, "[id, name.last]", 1)), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(cfg.Sources[0].Columns, cfg.Sources[0].HTTP.Paths); got != "[id name.last] [id name.last]" {
		t.Error(got)
	}
}

// TestHTTPDigest: another sealed secret is another configuration; another value is not.
func TestHTTPDigest(t *testing.T) {
	t.Parallel()
	digest := func(auth string) [32]byte {
		cfg, err := config.Parse("usher.yaml", []byte(httpSource+"    auth: "+auth+"\n"), nil)
		if err != nil {
			t.Fatal(err)
		}
		return cfg.Digest
	}
	if digest("{bearer: secret:a}") == digest("{bearer: secret:b}") || digest("{basic: {user: secret:a, password: x}}") == digest("{basic: {user: secret:b, password: x}}") {
		t.Error("the name of a sealed secret does not count")
	}
	if digest("{bearer: a}") != digest("{bearer: b}") {
		t.Error("the value of a secret counts")
	}
}

// TestHTTPMistakes: each with its place, and what to do.
func TestHTTPMistakes(t *testing.T) {
	t.Parallel()
	const id = `one: {url: "https://hr.example/people/{id}"}`
	const hook = `webhook: {secrets: [0123456789abcdef], header: X-Sig, algorithm: sha256`
	for _, c := range []struct{ line, says string }{
		{"path: x.csv", "9:5: path of source hr is for type: csv (remove it)"},
		{"mode: delta", "9:5: mode of source hr is for type: csv"},
		{"tenant: {url: \"https://a.example\", client_id: a, client_secret: b}", "9:5: tenant of source hr is for type: auth0"},
		{"metod: POST", `9:5: unknown key "metod" in source hr (did you mean method?)`},
		{"method: PUT", `9:13: method of source hr cannot be "PUT"`},
		{"body: '{}'", "9:12: body of source hr is for method: POST (add method: POST, or remove body)"},
		{"headers: {Authorization: x}", "9:15: header Authorization of source hr cannot be set (credentials belong into auth"},
		{"headers: {If-None-Match: x}", "9:15: header If-None-Match of source hr cannot be set (Usher sets it by itself)"},
		{"headers: {a b: x}", `9:15: "a b" is no name of a header`},
		{"headers: {X-A: \"a\\nb\"}", "header X-A of source hr holds a line break"},
		{"auth: {}", "auth of source hr must be one of bearer, basic, header and oauth"},
		{"auth: {bearer: a, header: {name: X, value: y}}", "must be one of bearer"},
		{"auth: {basic: {user: a}}", "basic of auth of source hr has no password"},
		{"auth: {header: {name: X Y, value: y}}", "name in header of auth of source hr is no name of a header"},
		{"auth: {bearer: 12}", "9:20: bearer of auth of source hr must be text, not a number (put it in quotes)"},
		{"auth: {oauth: {token_url: \"http://l.example/t\", client_id: a, client_secret: b}}", "token_url of source hr is plain http"},
		{"auth: {oauth: {token_url: \"https://l.example/t\", client_id: a, client_secret: b, in: query}}", `in of oauth of auth of source hr cannot be "query"`},
		{"paging: {}", "paging of source hr must be one of page, offset, cursor, next_link and link_header"},
		{"paging: {page: {param: p}, link_header: {}}", "must be one of page"},
		{"paging: {page: {}}", "page of paging of source hr has no param"},
		{"paging: {page: {param: p, next: x}}", `unknown key "next" in page of paging of source hr`},
		{"paging: {cursor: {param: p}}", "cursor of paging of source hr has no next"},
		{"paging: {page: {param: p, size_param: n}}", "size_param of paging of source hr without size"},
		{"paging: {page: {param: p, first: 2}}", "first of paging of source hr is out of range"},
		{"one: {url: \"ftp://hr.example/{id}\"}", "url in one of source hr is no address"},
		{"one: {}", "one of source hr has no url"},
		{`one: {url: "https://hr.example/{id}", lag: 61m}`, "9:48: lag of one of source hr is out of range (0s to 1h0m0s)"},
		{`one: {url: "https://hr.example/{id}", lag: -1s}`, "9:48: lag of one of source hr is no duration"},
		{`one: {url: "https://hr.example/{id}", lag: 20}`, "9:48: lag of one of source hr is no duration"},
		{`one: {url: "https://hr.example/s", body: '["{id}"]'}`, "9:47: body of one of source hr is for method: POST (add method: POST, or remove body)"},
		{`one: {url: "https://hr.example/{id}", at: a, list: b}`, "one of source hr has at and list"},
		{id + "\n    since: {url: \"https://hr.example/c\", param: s, value: updated_at}", "value of since of source hr must hold {time} once"},
		{"fields: {end: termination}", `9:14: "end" in fields of source hr is no column`},
		{"since: {url: \"https://hr.example/c\", param: s}", "since of source hr has no use without one"},
		{id + "\n    since: {url: \"https://hr.example/c\", param: s, form: iso}", `form of since of source hr cannot be "iso"`},
		{id + "\n    since: {url: \"https://hr.example/c\", param: s, every: 1s}", "every of since of source hr is out of range"},
		{"every: 1s", "every of source hr is out of range (10s to 31d)"},
		{"allow: [metadata]", `9:13: allow cannot be "metadata"`},
		{"webhook: {secrets: [0123456789abcdef]}", "webhook of source hr has no algorithm"},
		{hook + ", stream: est_1}", "stream of webhook of source hr is for type: auth0"},
		{hook + ", person: id}", "person in webhook of source hr has no use without one"},
		{hook + ", encoding: base32}", `encoding of webhook of source hr cannot be "base32"`},
		{hook + ", timestamp: {header: X, within: 2h}}", "within of timestamp of webhook of source hr is out of range (1s to 1h0m0s)"},
		{hook + ", revoke: {values: [x]}}", "revoke of webhook of source hr has no path"},
		{hook + ", revoke: {path: type}}", "revoke of webhook of source hr has no values"},
		{hook + ", revoke: {path: type, values: [x]}}\n    match: [title]", "revoke in webhook of source hr has no use: its rows only add to people"},
		{"conversion: {rule: link}", "conversion of source hr has no column"},
		{"conversion: {rule: link, column: human}", `"human" in conversion is no column of source hr`},
		{"conversion: {rule: link, column: id}", "conversion of source hr has its key as the column"},
		{"conversion: {rule: join}", `rule of conversion of source hr cannot be "join"`},
		{"conversion: {overlap: 1h}", "overlap of conversion of source hr is out of range"},
		{hook + ", timestamp: {}}", "timestamp of webhook of source hr has no header"},
	} {
		_, err := config.Parse("usher.yaml", []byte(httpSource+"    "+c.line+"\n"), nil)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s\n  %v\n  want %s", c.line, err, c.says)
		}
	}
	for _, c := range []struct{ old, with, says string }{
		{"https://hr.example/people?fields=all", "http://hr.example/people", "5:10: url of source hr is plain http, which shows people and credentials to the network (use https, or allow: [plain-http])"},
		{"https://hr.example", "https://ada:geheim@hr.example", "url of source hr holds a user name or password (credentials belong into auth)"},
		{"?fields=all", "#x", "url of source hr holds a fragment"},
		{"https://hr.example", "hr.example", "url of source hr is no address"},
		{"    url: https://hr.example/people?fields=all\n", "", "3:3: source hr has no url"},
		{"key: id", "key: no", `6:10: "no" is no column of source hr`},
		{`{id: id, "last name": name.last}`, "{}", "columns of source hr is empty"},
		{`{id: id, "last name": name.last}`, "{id: }", `the path of column "id" has no value`},
		{`{id: id, "last name": name.last}`, "{id: [a]}", `the path of column "id" must be text, not a list`},
		{"type: http", "type: csv", "columns of source hr must be a list, not a map"},
	} {
		_, err := config.Parse("usher.yaml", []byte(strings.Replace(httpSource, c.old, c.with, 1)), nil)
		if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%s\n  %v\n  want %s", c.with, err, c.says)
		}
	}
	auth0 := "store: x.db\nsources:\n  a: {type: auth0, tenant: {url: \"https://a.auth0.com\", client_id: a, client_secret: b}, changes: webhook, webhook: {secrets: [0123456789abcdef], algorithm: sha256}}\n"
	if _, err := config.Parse("usher.yaml", []byte(auth0), nil); err == nil || !strings.Contains(err.Error(), "algorithm of webhook of source a is for type: http (remove it)") {
		t.Error(err)
	}
}
