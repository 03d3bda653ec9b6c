// SPDX-License-Identifier: Apache-2.0

package demo_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/demo"
	"github.com/usher-id/usher/scim"
)

// small is a company that is played in seconds.
func small(t *testing.T) demo.Config {
	t.Helper()
	return demo.Config{People: demo.MinPeople, Dir: filepath.Join(t.TempDir(), "acme")}
}

func begin(t *testing.T, cfg demo.Config) *demo.Demo {
	t.Helper()
	d, err := demo.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func TestStories(t *testing.T) {
	t.Parallel()
	// How many apps there are, and who was let go on the way.
	ends := map[string]struct{ apps, disabled int }{"auth0": {7, 1}, "company": {4, 2}}
	seeds := map[string]map[uint64]int{
		"auth0":   {0: 40, 7: 23, 8: demo.MinPeople},
		"company": {0: 60, 7: 25, 8: demo.MinPeople, 9: demo.MinPeople},
	}
	for _, story := range demo.StoryNames() {
		for seed, people := range seeds[story] {
			if testing.Short() && people > demo.MinPeople && story == "auth0" {
				continue
			}
			t.Run(fmt.Sprint(story, seed), func(t *testing.T) {
				t.Parallel()
				cfg := small(t)
				cfg.Story, cfg.Seed, cfg.People = story, seed, people
				d := begin(t, cfg)
				r, err := d.Play(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				for _, s := range r.Steps {
					for _, w := range s.Wrong {
						t.Errorf("%s: %s", s.Title, w)
					}
				}
				for _, a := range r.Apps {
					disabled := ends[story].disabled
					if a.Name == "pagerduty" { // which deletes them
						disabled = 0
					}
					if len(a.Wrong) > 0 || a.Accounts != a.People || a.Disabled != disabled {
						t.Errorf("%+v", a)
					}
				}
				if !r.Passed || len(r.Steps) != len(d.Story.Steps) || len(r.Apps) != ends[story].apps {
					t.Errorf("passed %t, %d steps, %d apps", r.Passed, len(r.Steps), len(r.Apps))
				}
			})
		}
	}
}

// tampering is what somebody does to the app behind Usher's back.
type tampering struct {
	what string
	do   func(*testing.T, *demo.App)
	told string
}

func user(t *testing.T, a *demo.App, active bool) *scim.Resource {
	t.Helper()
	for _, u := range a.Fake().Users() {
		if on, _ := u.Active(); on == active {
			return u
		}
	}
	t.Fatal("no such account")
	return nil
}

func TestTampering(t *testing.T) {
	t.Parallel()
	alter := func(change func(*scim.Resource)) func(*testing.T, *demo.App) {
		return func(t *testing.T, a *demo.App) {
			t.Helper()
			if err := a.Fake().Alter("User", user(t, a, true).ID(), change); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, c := range []tampering{
		{"a title", alter(func(u *scim.Resource) { u.Set("title", scim.String("Emperor")) }), `title is "Emperor"`},
		{"a name", alter(func(u *scim.Resource) { u.Set("userName", scim.String("emperor@acme.example")) }), `userName is "emperor@acme.example"`},
		{"off", alter(func(u *scim.Resource) { u.SetActive(false) }), `active is "false"`},
		{"on again", func(t *testing.T, a *demo.App) {
			t.Helper()
			if err := a.Fake().Alter("User", user(t, a, false).ID(), func(u *scim.Resource) { u.SetActive(true) }); err != nil {
				t.Fatal(err)
			}
		}, `active is "true"`},
		{"out of a group", func(t *testing.T, a *demo.App) {
			t.Helper()
			groups := a.Fake().Groups()
			some := slices.IndexFunc(groups, func(g *scim.Resource) bool { return len(g.Members()) > 0 })
			if err := a.Fake().Alter("Group", groups[some].ID(), func(g *scim.Resource) { g.Remove(scim.Path{Attr: "members"}) }); err != nil {
				t.Fatal(err)
			}
		}, "is not in group"},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			cfg := small(t)
			var d *demo.Demo
			cfg.Ended = func(s demo.StepReport) {
				if s.Title == "It is back" {
					c.do(t, d.Apps[0])
				}
			}
			d = begin(t, cfg)
			r, err := d.Play(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if r.Passed {
				t.Error("passed")
			}
			for i, a := range r.Apps {
				if wrong := strings.Join(a.Wrong, "\n"); i == 0 != strings.Contains(wrong, c.told) || i > 0 && wrong != "" {
					t.Errorf("%s: %q, want %q of the first app alone", a.Name, wrong, c.told)
				}
			}
		})
	}
}

// A fault that has healed by the end is a fault nevertheless.
func TestPassingFault(t *testing.T) {
	t.Parallel()
	cfg := small(t)
	var d *demo.Demo
	var id string
	title := func(text string) {
		if err := d.Apps[0].Fake().Alter("User", id, func(u *scim.Resource) { u.Set("title", scim.String(text)) }); err != nil {
			t.Error(err)
		}
	}
	was := ""
	cfg.Ended = func(s demo.StepReport) {
		switch s.Title {
		case "The first day":
			u := user(t, d.Apps[0], true)
			v, _ := u.Get("title")
			was, _ = v.AsString()
			id = u.ID()
			title("Emperor")
		case "A hire":
			title(was)
		}
	}
	d = begin(t, cfg)
	r, err := d.Play(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if r.Passed || len(r.Steps[1].Wrong) == 0 || len(r.Steps[4].Wrong) != 0 || len(r.Apps[0].Wrong) != 0 {
		t.Errorf("passed %t: %+v", r.Passed, r.Steps)
	}
}

func TestFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "usher.yaml"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := demo.New(t.Context(), demo.Config{Dir: dir}); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("a folder that is somebody's: %v", err)
	}
	if data, err := os.ReadFile(filepath.Join(dir, "usher.yaml")); err != nil || string(data) != "mine" {
		t.Errorf("%q, %v", data, err)
	}
	d, err := demo.New(t.Context(), demo.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(d.ConfigFile()); err != nil {
		t.Error(err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(d.Dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder is still there: %v", err)
	}
}

func TestWrongConfig(t *testing.T) {
	t.Parallel()
	for _, cfg := range []demo.Config{{Story: "none"}, {People: 1}, {People: demo.MaxPeople + 1}, {People: -5}} {
		if d, err := demo.New(t.Context(), cfg); err == nil {
			t.Errorf("%+v is taken", cfg)
			_ = d.Close()
		}
	}
}

func TestInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	cfg := small(t)
	cfg.Ended = func(demo.StepReport) { cancel(enough) }
	d := begin(t, cfg)
	r, err := d.Play(ctx)
	if !errors.Is(err, enough) && !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if len(r.Steps) != 1 || len(r.Apps) != 0 {
		t.Errorf("%d steps, %d apps", len(r.Steps), len(r.Apps))
	}
}

// TestStay edits the HR file while the company stays up, as a visitor does.
func TestStay(t *testing.T) {
	t.Parallel()
	for story, row := range map[string]string{
		"company": "E-9999,Ines,López,Sales,Account Executive,,2020-01-01,\n",
		"auth0":   "E-9999,Ines,López,Sales,Account Executive,,2020-01-01,,ines.lopez@acme.example\n",
	} {
		t.Run(story, func(t *testing.T) {
			t.Parallel()
			cfg := small(t)
			cfg.Story = story
			stay(t, begin(t, cfg), row)
		})
	}
}

func stay(t *testing.T, d *demo.Demo, row string) {
	t.Helper()
	if r, err := d.Play(t.Context()); err != nil || !r.Passed {
		t.Fatalf("%v, %+v", err, r)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	lines, done := make(chan string, 100), make(chan error, 1)
	go func() { done <- d.Stay(ctx, func(line string) { lines <- line }) }()

	data, err := os.ReadFile(d.HRFile())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(d.HRFile(), append(data, row...), 0o600); err != nil {
		t.Fatal(err)
	}
	follows := func(what string, apps ...*demo.App) {
		t.Helper()
		patience := time.After(time.Minute)
		for seen := map[string]bool{}; len(seen) < len(apps); {
			line := ""
			select {
			case line = <-lines:
			case <-patience:
				t.Fatalf("%s: only %v followed", what, seen)
			}
			for _, a := range apps {
				if strings.Contains(line, "app follows  app="+a.Name+"  "+what) {
					seen[a.Name] = true
				}
			}
		}
	}
	follows("create=1", d.Apps...)
	for _, a := range d.Apps {
		if a.Tenant() != nil {
			if u, ok := a.Tenant().UserByEmail("ines.lopez@acme.example"); !ok || u.Name != "Ines López" {
				t.Errorf("%s has no user of the new colleague", a.Name)
			}
			// Whoever has left lifts the block, and is shut out by the event that tells of it.
			gone := workers(d, true)[0].ID
			if err := errors.Join(a.Tenant().Unblock(gone), a.Tenant().SignIn(gone)); err != nil {
				t.Fatal(err)
			}
			follows("disable=1", a)
			if u, _ := a.Tenant().User(gone); !u.Blocked || a.Tenant().Sessions(gone)+a.Tenant().RefreshTokens(gone) > 0 {
				t.Errorf("%s has let a leaver in: %+v", a.Name, u)
			}
			continue
		}
		if !slices.ContainsFunc(a.Fake().Users(), func(u *scim.Resource) bool { return u.DisplayName() == "Ines López" }) {
			t.Errorf("%s has no account of the new colleague", a.Name)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
