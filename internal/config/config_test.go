// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/config"
)

const small = `store: usher.db
sources:
  zz: {type: csv, path: z.csv, key: id, columns: [id], person: {title: row.id}}
  aa: {type: csv, path: a.csv, key: id, columns: [id], person: {userName: row.id, "b": row.id, a: row.id}, match: [userName]}
apps:
  crm: {url: https://crm.example/scim, token: "secret:crm", user: {userName: person.userName}}
`

func mustParse(t *testing.T, src string, env map[string]string) *config.Config {
	t.Helper()
	cfg, err := config.Parse("usher.yaml", []byte(src), environment(env))
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func TestDefaultsAndOrder(t *testing.T) {
	t.Parallel()
	cfg := mustParse(t, small, nil)
	if cfg.Sources[0].Name != "zz" || cfg.Sources[1].Name != "aa" {
		t.Error("sources are not in the order of the file")
	}
	var paths []string
	for _, a := range cfg.Sources[1].Person {
		paths = append(paths, a.Path.Value)
	}
	if len(paths) != 3 || paths[0] != "userName" || paths[1] != "b" || paths[2] != "a" {
		t.Errorf("mapping in the order %v", paths)
	}
	app := cfg.Apps[0]
	if app.Type.Value != "scim" || app.Profile.Value != "generic-scim2" || app.FirstRun != config.FirstRunReport ||
		app.Concurrency != 16 || app.Timeout != config.Duration(30*time.Second) || app.RequestsPerSecond != 0 ||
		len(app.Adopt) != 2 || app.Groups != nil || app.DeleteAfter != nil || !app.Scope.IsZero() {
		t.Errorf("defaults: %+v", app)
	}
	if app.Token.Ref() != "secret:crm" || app.Token.Reveal() != "" {
		t.Errorf("token ref %q", app.Token.Ref())
	}
	if cfg.Guard != config.DefaultGuard() || cfg.Calendar.TimeZone.Value != "UTC" || cfg.Sources[0].Mode != "snapshot" ||
		cfg.Sources[0].Unmatched != "" || cfg.Sources[1].Unmatched != config.UnmatchedWait {
		t.Error("defaults of guard, calendar or mode")
	}
}

func TestGuard(t *testing.T) {
	t.Parallel()
	cfg := mustParse(t, small+"guard:\n  why: The spring move.\n  memberships: {percent: 12.5}\n", nil)
	if g := cfg.Guard; g.Memberships.Percent != 12.5 || g.Memberships.Floor != 25 || g.Terminations != config.DefaultGuard().Terminations {
		t.Errorf("%+v", g)
	}
	g := config.DefaultGuard()
	for total, want := range map[int]int{0: 3, 100: 3, 149: 3, 200: 4, 22_214: 250} {
		if got := g.Unexplained.Allowed(total); got != want {
			t.Errorf("%d of %d may go, want %d", got, total, want)
		}
	}
	if got := g.Terminations.Allowed(100_000); got != 5000 {
		t.Errorf("terminations: %d", got)
	}
}

func TestPositions(t *testing.T) {
	t.Parallel()
	const src = `store: "usher.db"
sources:
  hr:
    type: csv
    path: 'p.csv' # a comment
    key: id
    columns: [id, "ünï", c]
    person:
      'title': row.id
      displayName: |-
        row.first +
          row.last
      userName: >-

        row.id
`
	s := mustParse(t, "\ufeff"+src, nil)
	hr := s.Sources[0]
	for _, c := range []struct {
		text config.Text
		want string
	}{
		{s.Store, "usher.yaml:1:9"},
		{hr.Path, "usher.yaml:5:12"},
		{hr.Key, "usher.yaml:6:10"},
		{hr.Columns[1], "usher.yaml:7:20"},
		{hr.Columns[2], "usher.yaml:7:26"},
		{hr.Person[0].Path, "usher.yaml:9:8"},
		{hr.Person[0].Value, "usher.yaml:9:16"},
		{hr.Person[1].Value, "usher.yaml:11:9"},
		{hr.Person[2].Value, "usher.yaml:14:9"},
	} {
		if got := c.text.Pos.String(); got != c.want {
			t.Errorf("%q at %s, want %s", c.text.Value, got, c.want)
		}
	}
	if got := hr.Person[1].Value.At(2, 7).String(); got != "usher.yaml:12:15" {
		t.Errorf("row.last's dot stands at %s", got)
	}
	if hr.Pos.String() != "usher.yaml:3:3" {
		t.Errorf("source at %s", hr.Pos)
	}
	crlf := mustParse(t, toCRLF(src), nil)
	if crlf.Sources[0].Person[1].Value != hr.Person[1].Value || crlf.Digest != s.Digest {
		t.Error("line ends change what is read")
	}
}

func toCRLF(s string) string {
	out := make([]byte, 0, len(s)+64)
	for i := range len(s) {
		if s[i] == '\n' {
			out = append(out, '\r')
		}
		out = append(out, s[i])
	}
	return string(out)
}

func TestClock(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		now, want string
		fixed     bool
	}{
		{"", "0001-01-01T00:00:00Z", false},
		{"2026-11-23", "2026-11-23T00:00:00Z", true},
		{"2026-11-23T17:00:00+02:00", "2026-11-23T15:00:00Z", true},
		{"2026-11-23T17:00:00.5Z", "2026-11-23T17:00:00.5Z", true},
	} {
		cfg := mustParse(t, small+"calendar: {now: '${TODAY:-}'}\n", map[string]string{"TODAY": c.now})
		now, fixed, err := cfg.Calendar.Clock()
		if err != nil || fixed != c.fixed || now.UTC().Format(time.RFC3339Nano) != c.want {
			t.Errorf("%q: %v %v %v", c.now, now, fixed, err)
		}
	}
	for _, bad := range []string{"2026-02-30", "23.11.2026", "2026-11-23T17:00:00", "now", "2026-11-23 17:00:00Z"} {
		text := config.Text{Value: bad, Pos: config.Position{File: "f", Line: 3, Column: 8}}
		_, _, err := config.Calendar{Now: text}.Clock()
		var e *config.Error
		if !errors.As(err, &e) || e.Pos.String() != "f:3:8" {
			t.Errorf("%q: %v", bad, err)
		}
	}
	for _, bad := range []string{"Local", "Mars/Phobos", "../etc/passwd", "CEST2"} {
		if _, err := (config.Calendar{TimeZone: config.Text{Value: bad}}).Location(); err == nil {
			t.Errorf("time zone %q taken", bad)
		}
	}
}

func TestDuration(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"30d": "30d", "24h": "1d", "12h": "12h0m0s", "2m30s": "2m30s", "1d12h": "36h0m0s", "500ms": "500ms", "0": "0s", "0d": "0s",
	} {
		d, err := config.ParseDuration(in)
		if err != nil || d.String() != want {
			t.Errorf("%q: %v, %v, want %s", in, d, err, want)
		}
		if again, err := config.ParseDuration(d.String()); err != nil || again != d {
			t.Errorf("%q does not come back: %v", d, err)
		}
	}
	for _, in := range []string{"", "30", "-1h", "+1h", "1d-1h", "d", "1.5d", "1d1d", "2w", "h", "99999999d", "9999999h", "1 h", "1dd"} {
		if d, err := config.ParseDuration(in); err == nil {
			t.Errorf("%q is taken as %v", in, d)
		}
	}
}

func TestDigest(t *testing.T) {
	t.Parallel()
	const src = "# c\n" + small
	same := mustParse(t, src, nil).Digest
	if mustParse(t, small, nil).Digest != same {
		t.Error("a comment changes the digest")
	}
	seen := map[[32]byte]string{same: "small"}
	for _, more := range []string{"calendar: {prehire_days: 1}\n", "teams: {t: {when: true}}\n", "guard: {why: To see.}\n"} {
		d := mustParse(t, small+more, nil).Digest
		if was, twice := seen[d]; twice {
			t.Errorf("%q has the digest of %q", more, was)
		}
		seen[d] = more
	}
	const env = "store: postgres://u:${PW}@db/x?password=${PW}\nsources:\n  hr: {type: csv, path: p, key: id, columns: [id], person: {title: row.id}}\napps:\n" +
		"  a: {url: https://a.example, token: '${PW}', user: {title: person.title}}\n"
	one := mustParse(t, env, map[string]string{"PW": "one"})
	if one.Digest != mustParse(t, env, map[string]string{"PW": "two"}).Digest {
		t.Error("a credential changes the digest")
	}
	if one.Digest == mustParse(t, env, map[string]string{"PW": "secret:a"}).Digest {
		t.Error("the name of a sealed secret does not change the digest")
	}
}

func TestLoad(t *testing.T) {
	t.Parallel()
	_, err := config.Load(t.Context(), filepath.Join(t.TempDir(), "none.yaml"), nil)
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := config.Load(ctx, "testdata/bad.yaml", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
