// SPDX-License-Identifier: Apache-2.0

package demo_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usher-id/usher/internal/auth0"
	"github.com/usher-id/usher/internal/auth0/auth0test"
	"github.com/usher-id/usher/internal/demo"
	"github.com/usher-id/usher/scim"
)

// auth0Story is the story of Auth0 in a small company; what stands behind a step's title
// is done when that step has ended.
func auth0Story(t *testing.T, then map[string]func(*demo.Demo)) (*demo.Demo, *demo.Report) {
	t.Helper()
	cfg := small(t)
	cfg.Story = "auth0"
	var d *demo.Demo
	steps := 0
	cfg.Ended = func(s demo.StepReport) {
		title := s.Title
		if steps++; steps == len(d.Story.Steps) {
			title = "the end"
		}
		if do := then[title]; do != nil {
			do(d)
		}
	}
	d = begin(t, cfg)
	r, err := d.Play(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return d, r
}

// workers are users of the tenant's database, by id.
func workers(d *demo.Demo, blocked bool) []auth0test.User {
	return slices.DeleteFunc(d.Apps[0].Tenant().Users(), func(u auth0test.User) bool {
		return u.Blocked != blocked || u.Identities[0].Connection != auth0test.DefaultConnection
	})
}

// TestTamperingWithAuth0 alters the tenant and an app when the story is over: the
// verdict must find each of it, where it is, and nothing else.
func TestTamperingWithAuth0(t *testing.T) {
	t.Parallel()
	told := map[string][]string{
		"auth0": {
			`): displayName is "Emperor"`, `): mobile phone is "1"`, `is not in group`, `there is a group "Emperor" that must not be`,
			`): active is "false", must be "true"`, `): active is "true", must be "false"`,
		},
		"aws-iam-identity-center": {`): active is "true", must be "false"`},
		"github-emu":              {`): displayName is "Emperor"`},
		"pagerduty":               {`): active is "false", must be "true"`},
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, r := auth0Story(t, map[string]func(*demo.Demo){"the end": func(d *demo.Demo) {
		tenant, in := d.Apps[0].Tenant(), workers(d, false)
		must(tenant.Alter(in[0].ID, func(u *auth0test.User) { u.Name = "Emperor" }))
		must(tenant.Alter(in[1].ID, func(u *auth0test.User) { u.UserMetadata = jsontext.Value(`{"mobile_phone":"1"}`) }))
		must(tenant.TakeRole(tenant.RolesOf(in[2].ID)[0], in[2].ID))
		_, err := tenant.PutRole("Emperor", in[3].ID)
		must(err)
		must(tenant.Unblock(workers(d, true)[0].ID))
		must(tenant.Block(in[4].ID))
		for _, a := range d.Apps[1:] {
			alter := func(active bool, change func(*scim.Resource)) {
				must(a.Fake().Alter("User", user(t, a, active).ID(), change))
			}
			switch a.Name {
			case "aws-iam-identity-center":
				alter(false, func(u *scim.Resource) { u.SetActive(true) })
			case "github-emu":
				alter(true, func(u *scim.Resource) { u.Set("displayName", scim.String("Emperor")) })
			case "pagerduty":
				alter(true, func(u *scim.Resource) { u.SetActive(false) })
			}
		}
	}})
	if r.Passed {
		t.Error("passed")
	}
	for _, a := range r.Apps {
		wrong := strings.Join(a.Wrong, "\n")
		if len(a.Wrong) != len(told[a.Name]) {
			t.Errorf("%s: %q", a.Name, a.Wrong)
		}
		for _, text := range told[a.Name] {
			if !strings.Contains(wrong, text) {
				t.Errorf("%s: %q does not say %q", a.Name, a.Wrong, text)
			}
		}
	}
}

// TestUndoneInAuth0: what was done to a user by request and undone again is still in the
// tenant's ledger, and so is a second user of somebody who is gone again.
func TestUndoneInAuth0(t *testing.T) {
	t.Parallel()
	_, r := auth0Story(t, map[string]func(*demo.Demo){"A hire": func(d *demo.Demo) {
		transport := &http.Transport{}
		defer transport.CloseIdleConnections()
		c, err := auth0.New(auth0.Config{URL: d.Apps[0].URL(), ClientID: "usher", Secret: d.Token(), HTTP: transport})
		if err != nil {
			t.Fatal(err)
		}
		id, tenant := workers(d, false)[0].ID, d.Apps[0].Tenant()
		had := tenant.Grant("usher", "create:users", "update:users", "delete:users") // the last of which it has no use for
		defer func() { tenant.Grant("usher", had...) }()
		for _, blocked := range []bool{true, false} {
			if _, err := c.UpdateUser(t.Context(), id, auth0.UserChange{Blocked: &blocked}); err != nil {
				t.Error(err)
			}
		}
		u, err := c.CreateUser(t.Context(), auth0.UserChange{Connection: auth0test.DefaultConnection, Email: new("second@acme.example"), Password: "Pass-word-1"})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.DeleteUser(t.Context(), u.ID); err != nil {
			t.Error(err)
		}
	}})
	wrong := map[string]string{}
	for _, a := range r.Apps {
		if len(a.Wrong) > 0 {
			wrong[a.Name] = strings.Join(a.Wrong, "; ")
		}
	}
	// The tenth is hired on that day, and the eleventh a few days later.
	want := map[string]string{"auth0": "13 accounts were created, must be 12; 4 accounts were disabled, must be 3; 2 accounts were enabled again, must be 1; 1 accounts were deleted, must be 0"}
	if r.Passed || !maps.Equal(wrong, want) {
		t.Errorf("passed %t: %v", r.Passed, wrong)
	}
}
