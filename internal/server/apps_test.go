// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/mapping"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/server"
)

// What the configuration asks of an app that does not have it is a mistake in the
// configuration, and not left undone in silence.
func TestAppOffers(t *testing.T) {
	t.Parallel()
	after := config.Duration(1)
	whole := app.Operations{Create: true, Patch: true, Delete: true}
	for name, tt := range map[string]struct {
		a   config.App
		p   app.Profile
		say string
	}{
		"nothing asked":          {config.App{}, app.Profile{}, ""},
		"all there":              {config.App{Groups: &config.Groups{}, DeleteAfter: &after}, app.Profile{Users: whole, Groups: whole}, ""},
		"no groups":              {config.App{Name: "gh", Groups: &config.Groups{}}, app.Profile{Name: "GitHub", Users: whole}, "app gh: GitHub has no groups that can be written"},
		"no DELETE":              {config.App{Name: "sf", DeleteAfter: &after}, app.Profile{Name: "Salesforce"}, "app sf: Salesforce has no DELETE for accounts"},
		"no grace time":          {config.App{Name: "pd", DeleteAfter: &after}, app.Profile{Name: "PagerDuty", Users: whole, DeactivateLeaves: app.LeavesNothing}, "who leaves is deleted at once"},
		"a DELETE that disables": {config.App{Name: "sl", DeleteAfter: &after}, app.Profile{Name: "Slack", Users: whole, DeleteLeaves: app.LeavesDisabled}, "its DELETE disables them"},
	} {
		err := server.Offers(tt.a, tt.p)
		if tt.say == "" && err != nil || tt.say != "" && (err == nil || !strings.Contains(err.Error(), tt.say)) {
			t.Errorf("%s: %v, want %q", name, err, tt.say)
		}
	}
}

// profiled is an app of which nothing but the profile is asked.
type profiled struct {
	app.App
	p app.Profile
}

func (p profiled) Profile() app.Profile { return p.p }

// A version with a corrected link in a profile makes nobody due; one that reads
// the profile otherwise makes everybody due.
func TestTargetDigest(t *testing.T) {
	t.Parallel()
	digest := func(change func(*app.Profile)) [32]byte {
		p, err := app.ProfileByID("zoom")
		if err != nil {
			t.Fatal(err)
		}
		change(&p)
		d, err := server.TargetDigest(config.App{}, &provision.Target{App: profiled{p: p}, Mapping: &mapping.Mapping{}})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	before := digest(func(*app.Profile) {})
	for name, tt := range map[string]struct {
		change func(*app.Profile)
		due    bool
	}{
		"a link":       {func(p *app.Profile) { p.Docs = []string{"https://new.example"} }, false},
		"a note":       {func(p *app.Profile) { p.Notes, p.Date = nil, "2027-01-01" }, false},
		"a doubt":      {func(p *app.Profile) { p.UnverifiedFields, p.Verified = nil, !p.Verified }, false},
		"a word":       {func(p *app.Profile) { p.Leaver = "gone" }, false},
		"PUT of parts": {func(p *app.Profile) { p.Users.PutPartial = false }, true},
		"a need":       {func(p *app.Profile) { p.Required = p.Required[1:] }, true},
		"no support":   {func(p *app.Profile) { p.Unsupported = app.Paths{{Attr: "title"}} }, true},
		"a reach":      {func(p *app.Profile) { p.Patch.UserPaths = nil }, true},
	} {
		if due := digest(tt.change) != before; due != tt.due {
			t.Errorf("%s: everybody is due: %v", name, due)
		}
	}
}
