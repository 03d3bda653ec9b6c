// SPDX-License-Identifier: Apache-2.0

package app_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/testenv"
	"github.com/usher-id/usher/scim"
)

// builtIn are the profiles that come with the program: a name that somebody has
// in a configuration must not go with a new version.
var builtIn = []string{
	"atlassian", "auth0-inbound-scim", "aws-iam-identity-center", "cloudflare", "databricks", "datadog", "entra-graph",
	"entra-scim-api", "figma", "generic-scim2", "github-emu", "github-org", "gitlab-saas", "gitlab-self-managed",
	"google-cloud-identity-scim", "google-workspace", "grafana", "linear", "notion", "okta-inbound-scim", "okta-users-api",
	"onepassword", "pagerduty", "salesforce", "sentry", "slack", "snowflake", "tailscale", "vercel", "zoom",
}

func TestBuiltInProfiles(t *testing.T) {
	t.Parallel()
	profiles, err := app.Profiles()
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, p := range profiles {
		ids = append(ids, p.ID)
	}
	if !slices.Equal(ids, builtIn) {
		t.Errorf("profiles: %q", ids)
	}
	// What a DELETE does there could not be read.
	unknownDelete := []string{"google-cloud-identity-scim", "linear", "okta-inbound-scim"}
	for _, p := range profiles {
		f, err := app.FactsByID(p.ID)
		if err != nil {
			t.Errorf("%s: %v", p.ID, err)
			continue
		}
		switch {
		case p.Source == "" || p.Date != "2026-11-23" || !slices.Contains(p.Docs, p.Source):
			t.Errorf("%s: source %q of %q, docs %q", p.ID, p.Source, p.Date, p.Docs)
		case p.Deactivate == "" || p.Leaver == "":
			t.Errorf("%s: what is done for a leaver is not said: %q, %q", p.ID, p.Deactivate, p.Leaver)
		case (p.DeleteMeaning == "") != slices.Contains(unknownDelete, p.ID):
			t.Errorf("%s: DELETE means %q", p.ID, p.DeleteMeaning)
		case !p.Verified && len(p.UnverifiedFields) == 0:
			t.Errorf("%s is not verified, and does not say what is in doubt", p.ID)
		case f.Deactivate.Reversible == nil && !p.Doubts("deactivate"):
			t.Errorf("%s: whether a leaver can come back is neither said nor in doubt", p.ID)
		case f.Deactivate.Reversible != nil && strings.Contains(p.Leaver, "deleted") == p.Reversible:
			t.Errorf("%s: a leaver is %s, reversible: %v", p.ID, p.Leaver, p.Reversible)
		case p.BaseURLTemplate == "" || p.AuthType == "":
			t.Errorf("%s: how to reach it is not said", p.ID)
		}
	}
}

// Where the reference knows better than plain SCIM 2.0 what a read proves, the
// engine must hear of it: a list that leaves people out looks like departures.
func TestProfilesSayWhatReadsProve(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]struct{ list, members bool }{
		"aws-iam-identity-center": {false, false}, "entra-scim-api": {true, false}, "github-org": {false, true},
		"zoom": {false, true}, "figma": {false, true}, "snowflake": {false, true}, "google-cloud-identity-scim": {false, true},
		"okta-users-api": {true, false}, "google-workspace": {true, false}, "gitlab-self-managed": {true, false},
		"github-emu": {true, true}, "atlassian": {true, true}, "slack": {true, true}, "salesforce": {true, true}, "sentry": {true, true},
		"notion": {false, true}, "okta-inbound-scim": {false, true}, // nothing is said of their lists: not trusted
	} {
		p, err := app.ProfileByID(id)
		if err != nil || p.ListTrusted != want.list || p.MembersReadable != want.members {
			t.Errorf("%s: list trusted %v, members readable %v (%v)", id, p.ListTrusted, p.MembersReadable, err)
		}
	}
}

// TestPublishedRates: a rate that an app publishes is kept before it is refused for, but
// for those that one rate for all requests does not say.
func TestPublishedRates(t *testing.T) {
	t.Parallel()
	kept := map[string]float64{ // requests a second, of what is published for a minute or five
		"auth0-inbound-scim": 25, "cloudflare": 1200.0 / 300, "google-workspace": 35, "pagerduty": 960.0 / 60,
		"slack": 180.0 / 60, // of user writes, the narrowest of several
	}
	inWords := map[string]string{
		"github-emu":     "advice, of people made within an hour",
		"okta-users-api": "a rate for each endpoint, of which the answers' headers tell",
	}
	profiles, err := app.Profiles()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range profiles {
		f, err := app.FactsByID(p.ID)
		if err != nil {
			t.Fatal(err)
		}
		published := ""
		if f.RateLimit.Published != nil {
			published = *f.RateLimit.Published
		}
		said := strings.ContainsAny(published, "0123456789")
		switch {
		case p.RequestsPerSecond != kept[p.ID]:
			t.Errorf("%s: %v requests a second, want %v", p.ID, p.RequestsPerSecond, kept[p.ID])
		case said == (kept[p.ID] == 0 && inWords[p.ID] == ""):
			t.Errorf("%s: published is %q, kept %v", p.ID, published, kept[p.ID])
		}
	}
}

func TestDoubts(t *testing.T) {
	t.Parallel()
	p := app.Profile{UnverifiedFields: []string{"groups (state of the flag today)", "users.replace", "deletion", "max_page"}}
	for fact, want := range map[string]bool{"groups": true, "users": true, "users.replace": true, "delete": false, "max": false, "max_page": true, "patch": false} {
		if p.Doubts(fact) != want {
			t.Errorf("%s: %v", fact, !want)
		}
	}
	if p := (app.Profile{UnverifiedFields: []string{"all (from memory)"}}); !p.Doubts("deactivate") {
		t.Error("all is not everything")
	}
}

// told are the places where the reference uses words: the profiles have the
// fact in words of their own.
var told = []string{
	"notes", "auth.token", "auth.rotation", "deactivate.delete", "deactivate.effect", "rate_limit.published", "rate_limit.strategy",
	"patch.note", "patch.path_filter", "patch.forbidden",
}

// TestProfilesAreTheReference holds that what is structured is carried over
// exactly, under the same names, and that nothing that is told is left out.
func TestProfilesAreTheReference(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(testenv.Shared(t), "reference", "targets.json"))
	if err != nil {
		t.Fatal(err)
	}
	var reference struct {
		Targets []map[string]any `json:"targets"`
	}
	if err := json.Unmarshal(text, &reference); err != nil {
		t.Fatal(err)
	}
	if len(reference.Targets) != len(builtIn) {
		t.Errorf("%d targets", len(reference.Targets))
	}
	for _, want := range reference.Targets {
		id := fmt.Sprint(want["id"])
		text, err := app.DocumentByID(id)
		if err != nil {
			t.Error(err)
			continue
		}
		var got map[string]any
		if err := json.Unmarshal(text, &got); err != nil {
			t.Errorf("%s: %v", id, err)
			continue
		}
		for _, problem := range compare("", want, got) {
			t.Errorf("%s: %s", id, problem)
		}
	}
}

func compare(at string, want, got map[string]any) (problems []string) {
	for key, w := range want {
		path := strings.TrimPrefix(at+"."+key, ".")
		g, ok := got[key]
		inner, deep := w.(map[string]any)
		innerGot, _ := g.(map[string]any)
		switch {
		case !ok:
			problems = append(problems, path+" is missing")
		case deep:
			problems = append(problems, compare(path, inner, innerGot)...)
		case w != nil && (slices.Contains(told, path) || path == "patch.pathless" && w != true):
			problems = append(problems, compareWords(path, w, g)...)
		case path == "required_attributes" && slices.EqualFunc(texts(w), texts(g), isShort):
		case !reflect.DeepEqual(w, g):
			problems = append(problems, fmt.Sprintf("%s is %v, want %v", path, g, w))
		}
	}
	return problems
}

func texts(v any) (out []string) {
	list, _ := v.([]any)
	for _, e := range list {
		out = append(out, fmt.Sprint(e))
	}
	return out
}

// isShort reports whether a text stands for another, of which it leaves out what … is for.
func isShort(short, whole string) bool {
	begin, end, cut := strings.Cut(short, "…")
	return short == whole || cut && strings.HasPrefix(whole, begin) && strings.HasSuffix(whole, end)
}

// compareWords holds that words are there, as many, and not the same.
func compareWords(path string, want, got any) (problems []string) {
	wants, list := want.([]any)
	gots, _ := got.([]any)
	if !list {
		wants, gots = []any{want}, []any{got}
	}
	if len(gots) < len(wants) {
		return []string{fmt.Sprintf("%s has %d entries, want %d", path, len(gots), len(wants))}
	}
	for i, w := range wants {
		if g, _ := gots[i].(string); g == "" || g == w && len(strings.Fields(g)) > 2 {
			problems = append(problems, fmt.Sprintf("%s is %q, want %q in other words", path, g, w))
		}
	}
	return problems
}

// TestProfilesNameWhatTheyRequire: what a profile requires is named whole. A URN that is
// shortened for people is held against nobody, and would be found by the app alone.
func TestProfilesNameWhatTheyRequire(t *testing.T) {
	t.Parallel()
	all, err := app.Profiles()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		for _, entry := range p.RequiredAttributes {
			if strings.Contains(entry, "…") {
				t.Errorf("%s requires %q, which names nothing", p.ID, entry)
			}
		}
	}
	entra, err := app.ProfileByID("entra-scim-api")
	if err != nil {
		t.Fatal(err)
	}
	nickname := scim.Path{URN: "urn:ietf:params:scim:schemas:extension:Microsoft:Entra:2.0:User", Attr: "mailNickname"}
	if !slices.ContainsFunc(entra.Required, func(r app.Requirement) bool { return len(r.Any) == 1 && r.Any[0].Equal(nickname) }) {
		t.Errorf("Entra requires %v", entra.Required)
	}
}
