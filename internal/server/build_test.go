// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/server"
)

// sound is a configuration that builds; tests replace a part of it.
const sound = `store: usher.db
sources:
  hr:
    type: csv
    path: people.csv
    key: id
    columns: [id, last_name, secret_note]
    person:
      userName: {value: row.last_name, unique: organisation}
      usher.startDate: date(row.id, ["yyyy-MM-dd"])
teams:
  department: {each: person.enterprise.department}
apps:
  app:
    url: https://app.example/scim/v2
    token: abc
    user:
      userName: person.userName
    groups: {teams: [department]}
`

func build(t *testing.T, text string) (*server.Built, error) {
	t.Helper()
	cfg, err := config.Parse("usher.yaml", []byte(text), func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatalf("the file itself is wrong: %v", err)
	}
	return server.Build(cfg)
}

func replace(t *testing.T, pairs ...string) string {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if strings.Count(sound, pairs[i]) != 1 {
			t.Fatalf("%q is not there once", pairs[i])
		}
	}
	return strings.NewReplacer(pairs...).Replace(sound)
}

func TestBuild(t *testing.T) {
	t.Parallel()
	b, err := build(t, sound)
	if err != nil {
		t.Fatal(err)
	}
	if len(b.Sources) != 1 || len(b.Rules) != 1 || len(b.Targets) != 1 || !b.Has("app") || b.Has("hr") {
		t.Errorf("built %d sources, %d rules, %d apps", len(b.Sources), len(b.Rules), len(b.Targets))
	}
	if b.Targets[0].FirstRunGo {
		t.Error("an app that says nothing agrees to its first run")
	}
}

// TestBuildMistakes holds that every mistake comes at once, where it stands.
func TestBuildMistakes(t *testing.T) {
	t.Parallel()
	_, err := build(t, replace(t,
		"{value: row.last_name,", "{value: row.lst_name,",
		`date(row.id, ["yyyy-MM-dd"])`, `date(row.id, "yyyy-MM-dd")`,
		"{each: person.enterprise.department}", "{each: person.enterprise.departmant}",
		"userName: person.userName", "userName: person.userName +",
		"teams: [department]}", "teams: [department], display_name: team.nam}",
		"    token: abc\n", "    token: abc\n    scope: person.userName\n",
	))
	var mistakes config.Errors
	if !errors.As(err, &mistakes) {
		t.Fatalf("%v is no list of mistakes", err)
	}
	want := []string{"usher.yaml:9:", "usher.yaml:10:", "usher.yaml:12:", "usher.yaml:17:", "usher.yaml:19:", "usher.yaml:20:"}
	if len(mistakes) != len(want) {
		t.Errorf("%d mistakes, want %d:\n%v", len(mistakes), len(want), err)
	}
	for i, m := range mistakes {
		if i < len(want) && !strings.HasPrefix(m.Error(), want[i]) {
			t.Errorf("mistake %d is %v, want it at %s", i+1, m, want[i])
		}
		if m.Pos.Line == 0 || m.Pos.Column == 0 {
			t.Errorf("%v has no position", m)
		}
	}
	if !slices.IsSortedFunc(mistakes, func(a, b *config.Error) int { return a.Pos.Line - b.Pos.Line }) {
		t.Errorf("not in the order of the file:\n%v", err)
	}
}

// TestBuildRefuses holds that what this version cannot do is refused with a
// sentence, and never ignored.
func TestBuildRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text, want string
	}{
		"encoding":   {replace(t, "key: id", "key: id\n    encoding: utf-7"), `usher.yaml:7:15: unknown encoding "utf-7"`},
		"delimiter":  {replace(t, "key: id", "key: id\n    delimiter: é"), `usher.yaml:3:3: the delimiter`},
		"secret":     {replace(t, "token: abc", "token: secret:app"), "usher.yaml:16:12: secret:app cannot be opened: there is no secrets.key (usher secret key --new usher.key makes one)"},
		"profile":    {replace(t, "    token: abc\n", "    token: abc\n    profile: nosuch\n"), `usher.yaml:17:14: `},
		"active":     {replace(t, "userName: person.userName", "active: \"true\""), "usher.yaml:18:7: active is computed"},
		"column":     {replace(t, "row.last_name", "row.last_nam"), `usher.yaml:9:29: there is no column "last_nam"`},
		"link-local": {replace(t, "https://app.example", "https://169.254.169.254"), "usher.yaml:15:10: "},
		"loopback":   {replace(t, "https://app.example", "https://127.0.0.1"), "usher.yaml:15:10: "},
		"attribute":  {replace(t, "userName: person.userName", "nickname2: person.userName"), "usher.yaml:18:7: there is no attribute nickname2"},
		"wrong type": {replace(t, "userName: person.userName", "userName: 'true'"), "usher.yaml:18:18: the expression yields bool"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := build(t, c.text)
			if err == nil {
				t.Fatal("it is taken")
			}
			if !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("%v\nwant %s…", err, c.want)
			}
			if strings.Contains(err.Error(), "abc") {
				t.Errorf("%v shows the token", err)
			}
		})
	}
}

// TestPostgres holds that a store which cannot be reached is told of in a sentence, and
// without the password in its address.
func TestPostgres(t *testing.T) {
	t.Parallel()
	b, err := build(t, replace(t, "store: usher.db", "store: postgres://usher:s3cret@db.invalid/usher"))
	if err != nil {
		t.Fatal(err)
	}
	for name, open := range map[string]func() error{
		"write":    func() error { _, err := b.Open(context.Background(), "test"); return err },
		"read":     func() error { _, err := b.OpenRead(context.Background()); return err },
		"rehearse": func() error { _, err := b.OpenRehearsal(context.Background(), "test"); return err },
	} {
		err := open()
		if err == nil || !strings.Contains(err.Error(), "store postgres://db.invalid:5432/usher: there is no host of that name") || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
