// SPDX-License-Identifier: Apache-2.0

package probe_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/app/probe"
	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimtest"
)

// strangers are how many users an app holds that are none of the probe's business,
// enough for a page of plain SCIM 2.0 to be full.
const strangers = 1_050

// unseeable are lines, by how they begin, that one user and one group cannot find
// out, and why.
var unseeable = map[string]string{
	"groups: members in a POST or PUT at most: 10000": "more members than are sent at once",
	"members shown at most: 10000":                    "more members than are sent at once",
	"resources on a page at most: 10000":              "a page of more resources than plain SCIM 2.0 has is asked for by nobody",
	"who was made elsewhere is not seen":              "somebody who was made elsewhere would have to be posted by name",
	"the last user stays who has the role":            "a role with power is given to no canary",
	"users: some values are refused of roles":         "a role with power is given to no canary",
	"groups: some values are refused of displayName":  "a group's name begins as a canary's does",
}

// TestSimulators: a run finds exactly what each simulator does otherwise than plain SCIM 2.0.
func TestSimulators(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	for i, id := range scimtest.Apps() {
		if i%rarely(5) > 0 {
			continue
		}
		q, _ := scimtest.QuirksOf(id)
		t.Run(id, func(t *testing.T) {
			r, a := probed(t, q, strangers)
			want := slices.DeleteFunc(q.Deviates(), func(line string) bool {
				for begins := range unseeable {
					if strings.HasPrefix(line, begins) {
						used[begins] = true
						return true
					}
				}
				return false
			})
			compare(t, want, r.Deviations)
			t.Logf("%d requests", r.Requests)
			if len(r.Left) == 0 {
				clean(t, a)
			}
		})
	}
	for begins := range unseeable {
		if !used[begins] && !testing.Short() {
			t.Errorf("no simulator has %q: take it out of the register", begins)
		}
	}
}

// clean: no canary is there any more.
func clean(t *testing.T, a *scimtest.App) {
	t.Helper()
	for _, r := range slices.Concat(a.Users(), a.Groups()) {
		if n := strings.ToLower(r.UserName() + r.DisplayName() + r.ExternalID()); strings.Contains(n, probe.Prefix) {
			t.Errorf("%s is still there", r)
		}
	}
}

func compare(t *testing.T, want, got []string) {
	t.Helper()
	for _, w := range want {
		if !slices.Contains(got, w) {
			t.Errorf("not found: %s", w)
		}
	}
	for _, g := range got {
		if !slices.Contains(want, g) {
			t.Errorf("found, and is not so: %s", g)
		}
	}
}

func newApp(t *testing.T, q scimtest.Quirks, others int) *scimtest.App {
	t.Helper()
	a, err := scimtest.New(scimtest.Config{Token: "canary", Quirks: q})
	if err != nil {
		t.Fatal(err)
	}
	for i := range others {
		if q.HideOutside { // else no client knows of them
			visible(t, a, i)
			continue
		}
		r := scim.NewResource(scim.UserURN)
		r.Set("userName", scim.String(fmt.Sprintf("stranger%04d@example.org", i)))
		r.SetActive(true)
		if _, err := a.Add("User", r); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

// visible makes a user as a client does.
func visible(t *testing.T, a *scimtest.App, i int) {
	t.Helper()
	body := fmt.Sprintf(`{"schemas":[%q],"userName":"stranger%04d@example.org","displayName":"S"}`, scim.UserURN, i)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, scimtest.Base+"/Users", strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer canary")
	r.Header.Set("Content-Type", "application/scim+json")
	w := httptest.NewRecorder()
	if a.ServeHTTP(w, r); w.Code != http.StatusCreated {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
}

func probed(t *testing.T, q scimtest.Quirks, others int) (*probe.Report, *scimtest.App) {
	t.Helper()
	a := newApp(t, q, others)
	base, stop, err := scimtest.Listen(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	r, err := probe.Run(t.Context(), probe.Config{BaseURL: base, Token: "canary", HTTP: &http.Client{Timeout: 10 * time.Second}, SettleMost: time.Second})
	if err != nil {
		for _, x := range a.Refusals() {
			t.Log(x)
		}
		t.Fatalf("%v\n%+v", err, r)
	}
	return r, a
}

// TestKnown: what is held against a profile is what the engine would do otherwise, and
// what was found takes the place of what it says, under whatever name.
func TestKnown(t *testing.T) {
	t.Parallel()
	for id, want := range map[string][]string{
		"aws-iam-identity-center": {"patch.max_members_put_post", "unsupported_attributes"},
		"zoom":                    {"filters"}, // externalId there is the id
		"gitlab-saas":             {"unsupported_attributes"},
		"slack":                   {"content_type", "deactivate.by", "limits", "lower_case"},
	} {
		q, _ := scimtest.QuirksOf(id)
		a := newApp(t, q, strangers)
		known, err := app.ProfileByID(id)
		if err != nil {
			t.Fatal(err)
		}
		r, err := probe.Run(t.Context(), probe.Config{
			BaseURL: "https://app.example" + scimtest.Base, Token: "canary", HTTP: &http.Client{Transport: direct{a}}, Known: &known,
		})
		if err != nil {
			t.Fatalf("%s: %v", id, err)
		}
		var got []string
		for _, d := range r.Differences {
			got = append(got, d.Field)
		}
		if slices.Sort(got); !slices.Equal(got, want) && len(got)+len(want) > 0 {
			t.Errorf("%s: %q, want %q: %+v", id, got, want, r.Differences)
		}
		found, err := app.ParseProfile(r.Profile)
		if err != nil || found.ID != id+"-probed" || len(found.Patch.UserPaths) != len(known.Patch.UserPaths) {
			t.Errorf("%s: %v, %v", id, err, found.Patch.UserPaths)
		}
	}
}

// TestWayOut: the profile says what becomes of whoever leaves as it was found, also
// where nothing ends an account, and over a profile that says it otherwise.
func TestWayOut(t *testing.T) {
	t.Parallel()
	noDelete := scimtest.Offer{Without: []string{http.MethodDelete}}
	for _, c := range []struct {
		name             string
		quirks           scimtest.Quirks
		void             bool // DELETE is answered with success, and does nothing
		by               app.Way
		leaves           app.Leaves
		leaver           string
		reversible, open bool
	}{
		{"plain", scimtest.Quirks{}, false, app.ByPatch, app.LeavesDisabled, "deactivated", true, false},
		{"DELETE alone", scimtest.Quirks{IgnoreDeactivate: true}, false, app.ByDelete, app.LeavesNothing, "deleted", false, false},
		{"active=false deletes, DELETE as well", scimtest.Quirks{InactiveDeletes: true}, false, app.ByDelete, app.LeavesNothing, "deleted", false, false},
		{"active=false alone deletes", scimtest.Quirks{InactiveDeletes: true, Users: noDelete}, false, app.ByPatch, app.LeavesDisabled, "deleted", false, false},
		{"nothing ends", scimtest.Quirks{IgnoreDeactivate: true, Users: noDelete}, false, app.ByPatch, app.LeavesDisabled, "NOT SHUT OUT by active=false, nor by DELETE", false, true},
		{"nothing ends, with success", scimtest.Quirks{IgnoreDeactivate: true}, true, app.ByPatch, app.LeavesDisabled, "NOT SHUT OUT by active=false, nor by DELETE", false, true},
	} {
		for _, id := range []string{"", "sentry"} { // sentry: by DELETE
			synctest.Test(t, func(t *testing.T) {
				cfg := probe.Config{BaseURL: "https://app.example" + scimtest.Base, Token: "canary"}
				if id != "" {
					known, err := app.ProfileByID(id)
					if err != nil {
						t.Fatal(err)
					}
					cfg.Known = &known
				}
				a := newApp(t, c.quirks, 5)
				cfg.HTTP = &http.Client{Transport: direct{instead{a, func(r *http.Request, _ []byte) func(http.ResponseWriter) {
					if c.void && r.Method == http.MethodDelete && strings.Contains(r.URL.Path, "/Users/") {
						return says(http.StatusNoContent, "")
					}
					return nil
				}}}}
				r, err := probe.Run(t.Context(), cfg)
				if err != nil {
					t.Fatalf("%s, %q: %v", c.name, id, err)
				}
				p, err := app.ParseProfile(r.Profile)
				if err != nil || p.DeactivateBy != c.by || p.DeactivateLeaves != c.leaves || p.Leaver != c.leaver || p.Reversible != c.reversible {
					t.Errorf("%s, %q: %v, by %q, leaves %q, %q, reversible %v", c.name, id, err, p.DeactivateBy, p.DeactivateLeaves, p.Leaver, p.Reversible)
				}
				if open := slices.ContainsFunc(r.NotSeen, func(s string) bool { return strings.Contains(s, "NOT SHUT OUT") }); open != c.open {
					t.Errorf("%s, %q: not seen: %q", c.name, id, r.NotSeen)
				}
			})
		}
	}
}
