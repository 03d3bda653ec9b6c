// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/config"
)

// parse reads a file of testdata under its bare name.
func parse(t *testing.T, name string, env map[string]string) (*config.Config, error) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return config.Parse(name, data, environment(env))
}

func TestAllMistakesAtOnce(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"bad", "structure"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, err := parse(t, name+".yaml", map[string]string{"HOST": "app.example"})
			if cfg != nil || err == nil {
				t.Fatalf("taken: %v, %v", cfg, err)
			}
			golden(t, name+".golden", err.Error()+"\n")
			var all config.Errors
			if !errors.As(err, &all) {
				t.Fatalf("%T is no config.Errors", err)
			}
			if name == "bad" && len(all) < 15 {
				t.Errorf("%d mistakes, want 15 at the least", len(all))
			}
			sorted := slices.IsSortedFunc(all, func(a, b *config.Error) int {
				if a.Pos.Line != b.Pos.Line {
					return a.Pos.Line - b.Pos.Line
				}
				return a.Pos.Column - b.Pos.Column
			})
			if !sorted {
				t.Error("not in the order of the file")
			}
			var one *config.Error
			if !errors.As(err, &one) || len(all.Unwrap()) != len(all) {
				t.Error("the single errors cannot be reached")
			}
		})
	}
}

// TestErrorsKeepSecrets: neither a password in the file nor a token that the
// environment holds under the wrong name may come out in an error.
func TestErrorsKeepSecrets(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(filepath.Join("testdata", "secrets.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	whole := string(data)
	valid, _, _ := strings.Cut(whole, "  broken:")
	for _, src := range []string{whole, valid} {
		_, err := config.Parse("secrets.yaml", []byte(src), environment(map[string]string{"TOKEN": "Tok3n-hunter2"}))
		if err == nil {
			t.Fatal("taken")
		}
		for _, secret := range []string{"hunter2", "Tok3n", "123456"} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%q comes out:\n%v", secret, err)
			}
		}
	}
}

type mistake struct{ name, src, want string }

func mistakes() []mistake {
	const tenant = "store: s\nsources: {a: {type: auth0, tenant: {url: https://a.example, "
	const sftp = "store: s\nsources: {a: {type: csv, path: p, key: id, columns: [id], person: {title: row.id}, sftp: {"
	const head = "store: s\nsources:\n  hr: {type: csv, path: p, key: id, columns: [id, b], person: {title: row.id}"
	const app = head + "}\napps:\n  a: {url: 'https://a.example', token: t, user: {title: person.title}"
	return []mistake{
		{"empty", "", "1:1: the configuration is empty"},
		{"comment only", "# c\n", "1:1: the configuration is empty"},
		{"list", "- a\n", "1:1: the configuration must be a map of keys and values, not a list"},
		{"missing", "store: s\n", "1:1: the configuration has no sources"},
		{"syntax", "store: [1, 2\nb: 3\n", "2:1: not valid YAML: ',' or ']' must be specified"},
		{"tab", "store:\n\t- b\n", "2:1: not valid YAML"},
		{"not utf-8", "store: a\xff\n", "1:9: not UTF-8 text"},
		{"control", "store: a\x00\n", "1:9: control character U+0000"},
		{"no value", head + "}\nteams:\n", "4:1: teams has no value"},
		{"no source", "store: s\nsources: {}\n", "2:10: there is no source"},
		{"key no column", strings.Replace(head, "key: id", "key: ib", 1) + "}\n", `3:33: "ib" is no column of source hr (did you mean id?)`},
		{"optional no column", head + ", optional: [c]}\n", `"c" is no column`},
		{"optional key", head + ", optional: [id]}\n", "cannot be optional"},
		{"match in first", head + ", match: [userName]}\n", "no earlier source"},
		{"unmatched without match", head + ", unmatched: wait}\n", "means nothing without match"},
		{"unmatched", head + "}\n  b: {type: csv, path: p, key: id, columns: [id], match: [title], unmatched: founds, person: {title: row.id}}\n", `cannot be "founds" (did you mean found?)`},
		{"mode", head + ", mode: deltas}\n", "did you mean delta?"},
		{"deleted in a snapshot", head + ", deleted: row.b == ''}\n", "is for mode: delta"},
		{"deleted empty", head + ", mode: delta, deleted: ''}\n", "deleted of source hr is empty"},
		{"authority twice", head + ", authority: [title, title]}\n", "is there twice"},
		{"delimiter", head + ", delimiter: '::'}\n", "must be one character"},
		{"unique app in source", strings.Replace(head, "row.id", "{value: row.id, unique: app}", 1) + "}\n", "known: organisation"},
		{"column number", strings.Replace(head, "b]", "7]", 1) + "}\n", `must be text, not a number (put it in quotes: "7")`},
		{"a pushed source with a file", "store: s\nsources: {idp: {type: scim, path: p}}\n", "path of source idp is for type: csv"},
		{"a file with a strictness", head + ", strictness: rfc}\n", "strictness of source hr is for type: scim"},
		{"a tenant without a word who we are", tenant + "client_id: c}}}\n", "must have either client_secret or private_key"},
		{"a tenant with two", tenant + "client_id: c, client_secret: s, private_key: k}}}\n", "must have either client_secret or private_key"},
		{"a tenant by plain http", strings.Replace(tenant, "https", "http", 1) + "client_id: c, client_secret: s}}}\n", "allow: [plain-http]"},
		{"no tenant", "store: s\nsources: {a: {type: auth0}}\n", "source a has no tenant (it must have one)"},
		{"a tenant with a path", tenant + "client_id: c, client_secret: s}, path: p}}\n", "path of source a is for type: csv"},
		{"a server without host keys", sftp + "url: 'sftp://u@h', password: p}}}\n", "has no host_keys, so that anybody could pretend to be the server (ask whoever runs the server"},
		{"no host key at all", sftp + "url: 'sftp://u@h', password: p, host_keys: []}}}\n", "host_keys of sftp of source a is empty"},
		{"nine host keys", sftp + "url: 'sftp://u@h', password: p, host_keys: [a, b, c, d, e, f, g, h, i]}}}\n", "more than 8 keys"},
		{"a server without a credential", sftp + "url: 'sftp://u@h', host_keys: [a]}}}\n", "has neither private_key nor password"},
		{"a passphrase of nothing", sftp + "url: 'sftp://u@h', password: p, passphrase: q, host_keys: [a]}}}\n", "is for a private_key"},
		{"a password in the address", sftp + "url: 'sftp://u:hunter2@h', password: p, host_keys: [a]}}}\n", "holds a password (it belongs into password)"},
		{"nobody in the address", sftp + "url: 'sftp://h', password: p, host_keys: [a]}}}\n", "names no user"},
		{"a path in the address", sftp + "url: 'sftp://u@h/hr.csv', password: p, host_keys: [a]}}}\n", "belongs into path of the source"},
		{"an address of the web", sftp + "url: 'https://u@h', password: p, host_keys: [a]}}}\n", "is no address of SFTP (write sftp://user@host)"},
		{"an address as a path", strings.Replace(head, "path: p", "path: 'sftp://u@h/hr.csv'", 1) + "}\n", "write the path on the server alone"},
		{"a done file of another name", head + ", done: whole}\n", "done of source hr is no ending"},
		{"a done file in another folder", head + ", done: ./done}\n", "done of source hr is no ending"},
		{"a server of a tenant", tenant + "client_id: c, client_secret: s}, sftp: {}}}\n", "sftp of source a is for type: csv"},
		{"a file with a tenant", head + ", teams: [roles]}\n", "teams of source hr is for type: auth0"},
		{"calls without a secret", tenant + "client_id: c, client_secret: s}, changes: webhook}}\n", "source a has no webhook"},
		{"a secret without calls", tenant + "client_id: c, client_secret: s}, webhook: {secrets: [a123456789abcdef]}}}\n", "webhook of source a is for changes: webhook"},
		{"a short secret", tenant + "client_id: c, client_secret: s}, changes: webhook, webhook: {secrets: [hunter2]}}}\n", "is shorter than 16 characters"},
		{"three secrets", tenant + "client_id: c, client_secret: s}, changes: webhook, webhook: {secrets: [a123456789abcdef, b123456789abcdef, c123456789abcdef]}}}\n", "must be one or two"},
		{"no header", tenant + "client_id: c, client_secret: s}, changes: webhook, webhook: {header: 'X: y', secrets: [a123456789abcdef]}}}\n", "is no name of a header"},
		{"no path", strings.Replace(head, "path: p, ", "", 1) + "}\n", "3:3: source hr has no path (it must have one)"},
		{"path misspelt", strings.Replace(head, "path: p", "pathe: p", 1) + "}\n", `unknown key "pathe" in source hr (did you mean path?)`},
		{"rate too low", "store: s\nsources: {idp: {type: scim, rate_limit: 3}}\n", "at least 25 requests a second"},
		{"team called as a source", "store: s\nsources: {idp: {type: scim}}\nteams: {idp: {when: true}}\n", "has the name of a source"},
		{"team without rule", head + "}\nteams: {t: {}}\n", "must have either each or when"},
		{"number as name", head + "}\nteams: {7: {when: true}}\n", `"7" is no name for a team`},
		{"name too long", head + "}\nteams: {" + strings.Repeat("a", 64) + ": {when: true}}\n", "is no name for a team"},
		{"no teams", app + ", groups: {teams: [t]}}\n", `there is no team "t" (there are no teams)`},
		{"plain http", strings.Replace(app, "https", "http", 1) + "}\n", "allow: [plain-http]"},
		{"ftp", strings.Replace(app, "https", "ftp", 1) + "}\n", "is no address"},
		{"query", strings.Replace(app, "a.example", "a.example?x=1", 1) + "}\n", "query or fragment"},
		{"allow", app + ", allow: [lopback]}\n", `allow cannot be "lopback" (did you mean loopback?)`},
		{"adopt", app + ", adopt: [username]}\n", "did you mean userName?"},
		{"twice in a list", app + ", adopt: [email, email]}\n", `adopt "email" is there twice`},
		{"fraction", app + ", concurrency: 1.5}\n", "must be a whole number"},
		{"hex", app + ", concurrency: 0x10}\n", "must be a whole number"},
		{"quoted number", app + ", concurrency: '16'}\n", "must be a whole number, not text"},
		{"not a number", app + ", requests_per_second: .nan}\n", "must be a number"},
		{"duration range", app + ", timeout: 2h}\n", "out of range (1ms to 1h0m0s)"},
		{"discovery too often", app + ", discovery_every: 59m}\n", "discovery_every of app a is out of range (1h to 30d, or 0 for never)"},
		{"empty scope", app + ", scope: ''}\n", "scope of app a is empty"},
		{"empty mapping", strings.Replace(app, "person.title", `""`, 1) + "}\n", "is empty"},
		{"variable in key", head + "}\n${A}: x\n", "4:1: variables are not expanded in keys"},
		{"guard off", head + "}\nguard: {why: because of x, terminations: off}\n", "cannot be switched off"},
		{"guard too wide", head + "}\nguard: {why: because of x, terminations: {percent: 51}}\n", "out of range (0 to 50)"},
		{"guard without why", head + "}\nguard: {terminations: {percent: 10}}\n", "guard has no why"},
		{"guard floor above cap", head + "}\nguard: {why: because of x, unexplained: {floor: 300}}\n", "floor above its cap"},
		{"too deep", "store: " + strings.Repeat("[", 21) + "\n", "nested deeper than 20"},
		{"far too deep", "store: " + strings.Repeat("[", 50_000), "nested deeper than 20"},
		{"deep block", strings.Repeat("- ", 20_000) + "a\n", "nested deeper than 20"},
		{"many aliases", "a: [" + strings.Repeat("*x, ", 1000) + "]\n", "aliases (*) are not supported"},
		{"many keys", strings.Repeat("a: b\n", 300_000), "too many keys"},
		{"too large", strings.Repeat("#", config.MaxFile+1), "larger than 4 MiB"},
	}
}

func TestOneMistake(t *testing.T) {
	t.Parallel()
	for _, c := range mistakes() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cfg, err := config.Parse("f", []byte(c.src), nil)
			if cfg != nil || err == nil {
				t.Fatalf("taken: %v", cfg)
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v\nwant %s", err, c.want)
			}
		})
	}
}
