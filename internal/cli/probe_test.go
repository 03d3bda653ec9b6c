// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/cli"
	"github.com/usher-id/usher/scim/scimtest"
)

// probeCLI is a fake app and the command against it.
type probeCLI struct {
	t    *testing.T
	base string
	app  *scimtest.App
}

func newProbeCLI(t *testing.T, q scimtest.Quirks) probeCLI {
	t.Helper()
	a, err := scimtest.New(scimtest.Config{Token: canary, Quirks: q})
	if err != nil {
		t.Fatal(err)
	}
	base, stop, err := scimtest.Listen(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	t.Setenv("SCIM_TOKEN", canary)
	t.Chdir(t.TempDir())
	return probeCLI{t, base, a}
}

// run calls usher probe; nothing that it prints has the token.
func (p probeCLI) run(want int, args ...string) (out, told string) {
	p.t.Helper()
	var o, e strings.Builder
	if got := cli.Main(append([]string{"probe", p.base}, args...), strings.NewReader("y\n"), &o, &e); got != want {
		p.t.Fatalf("usher probe %v: %d, want %d\n%s%s", args, got, want, e.String(), o.String())
	}
	if strings.Contains(o.String()+e.String(), canary) {
		p.t.Errorf("usher probe %v prints the token", args)
	}
	return o.String(), e.String()
}

func (p probeCLI) says(text string, parts ...string) {
	p.t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			p.t.Errorf("there is no %q in:\n%s", part, text)
		}
	}
}

// A pipe is nobody who could agree.
func TestProbeAsks(t *testing.T) {
	p := newProbeCLI(t, scimtest.Quirks{})
	out, told := p.run(2)
	p.says(told, "users and groups named usher-probe-", "with what an earlier run has left", "if it is meant: --yes")
	if out != "" || p.app.Counts().Total() > 0 {
		t.Errorf("%q, %v", out, p.app.Counts())
	}
}

func TestProbeWritesAProfile(t *testing.T) {
	p := newProbeCLI(t, scimtest.Quirks{PageSize: 50, Users: scimtest.Offer{Required: []string{"displayName"}}})
	file := filepath.Join(t.TempDir(), "crm.json")
	out, told := p.run(0, "--yes", "--out", file)
	p.says(told, "the profile is in", "profile: "+file)
	p.says(out, "users: required: displayName", "requests in")
	got, err := app.ProfileOf(file)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Required) != 2 || !got.Verified || !got.CanDelete() || got.DeactivateBy != app.ByPatch {
		t.Errorf("%+v", got)
	}
	if len(p.app.Users())+len(p.app.Groups()) > 0 {
		t.Error("canaries are still there")
	}
	configuration := filepath.Join(t.TempDir(), "usher.yaml")
	text := `
store: ` + filepath.Join(t.TempDir(), "usher.db") + `
sources:
  hr:
    type: csv
    path: people.csv
    key: id
    columns: [id]
    person:
      userName: row.id
apps:
  crm:
    url: ` + p.base + `
    token: ${SCIM_TOKEN}
    profile: ` + file + `
    allow: [loopback, plain-http]
    user:
      userName: person.userName
      displayName: person.userName
`
	if err := os.WriteFile(configuration, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var o, e strings.Builder
	if code := cli.Main([]string{"check", "-c", configuration}, strings.NewReader(""), &o, &e); code != 0 {
		t.Errorf("a configuration with the file: %d\n%s%s", code, o.String(), e.String())
	}
	for what, bad := range map[string]string{
		"is none":   strings.Replace(text, file, "./gone.json", 1),
		"unknown":   strings.Replace(text, file, spoil(t, file, `"id"`, `"maxmembers": 3, "id"`), 1),
		"wrong":     strings.Replace(text, file, spoil(t, file, `"pagination": "index"`, `"pagination": "sideways"`), 1),
		"no object": strings.Replace(text, file, spoil(t, file, "{", "[{"), 1),
	} {
		if err := os.WriteFile(configuration, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		e.Reset()
		if code := cli.Main([]string{"check", "-c", configuration}, strings.NewReader(""), &o, &e); code != 2 || !strings.Contains(e.String(), ".json: ") {
			t.Errorf("a profile that %s: %d %s", what, code, e.String())
		}
	}
}

// spoil is a copy of a file with a mistake in it.
func spoil(t *testing.T, file, old, now string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "spoilt.json")
	if err := os.WriteFile(other, []byte(strings.Replace(string(text), old, now, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	return other
}

// TestProbeWritesWithoutAName: a profile that took some minutes to be found is kept, after the
// host, beside what is there; a document of --json has it already.
func TestProbeWritesWithoutAName(t *testing.T) {
	p := newProbeCLI(t, scimtest.Quirks{})
	here := func() (names []string) {
		entries, err := os.ReadDir(".")
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return names
	}
	if out, _ := p.run(0, "--yes", "--json"); !strings.Contains(out, `"profile"`) || len(here()) > 0 {
		t.Errorf("with --json there are %q", here())
	}
	const first = "127.0.0.1.profile.json"
	_, told := p.run(0, "--yes")
	p.says(told, "the profile is in "+first+"; in a configuration: profile: "+first)
	kept, err := os.ReadFile(first)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := app.ProfileOf(first); err != nil || !got.Verified {
		t.Errorf("%+v, %v", got, err)
	}
	_, told = p.run(0, "--yes")
	p.says(told, "the profile is in 127.0.0.1.2.profile.json")
	if again, err := os.ReadFile(first); err != nil || string(again) != string(kept) {
		t.Errorf("the first one was written over: %v", err)
	}
	p.run(2) // nobody agrees
	if n := len(here()); n != 2 {
		t.Errorf("%d files: %q", n, here())
	}
}

func TestProbeDiffers(t *testing.T) {
	q, _ := scimtest.QuirksOf("sentry")
	p := newProbeCLI(t, q)
	out, told := p.run(0, "--yes", "--profile", "generic-scim2", "--json")
	p.says(told, "compares it with the profile generic-scim2")
	var doc struct {
		Known       string
		Complete    bool
		Differences []struct{ Field, Ours, Found, Matters string }
		Profile     struct{ ID string }
	}
	if err := json.Unmarshal([]byte(out), &doc); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	fields := map[string]string{}
	for _, d := range doc.Differences {
		fields[d.Field] = d.Found
	}
	if !doc.Complete || doc.Known != "generic-scim2" || fields["content_type"] != "application/json" || fields["deactivate.leaves"] != "nothing" || fields["patch.user_paths"] == "" {
		t.Errorf("%+v", doc)
	}
}

// Where the app cannot delete, --yes is not enough: what was made until then is named.
func TestProbeLeavesNobodyUnasked(t *testing.T) {
	p := newProbeCLI(t, scimtest.Quirks{DeleteDisables: true})
	out, told := p.run(1, "--yes")
	p.says(told, "This app cannot delete", "if it is meant: --leave-canaries")
	p.says(out, "LEFT THERE", "inactive")
	if n := len(p.app.Users()); n != 1 {
		t.Errorf("%d users are left", n)
	}
	out, _ = p.run(4, "--leave-canaries")
	p.says(out, "LEFT THERE", "inactive", "DELETE of a user deactivates")
	for _, u := range p.app.Users() {
		if active, _ := u.Active(); active {
			t.Errorf("%s is active", u.UserName())
		}
	}
	// What is known to keep its users is asked about before anything is made.
	before := p.app.Counts().Total()
	_, told = p.run(2, "--yes", "--profile", "slack")
	p.says(told, "By its profile Slack cannot delete users")
	if p.app.Counts().Total() != before {
		t.Error("something was asked of the app")
	}
}

// A file that cannot be written takes neither the report along nor what is left there.
func TestProbeTellsWithoutItsFile(t *testing.T) {
	p := newProbeCLI(t, scimtest.Quirks{DeleteDisables: true})
	dir := filepath.Join(t.TempDir(), "out")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	p.app.SetFaults(scimtest.Rules(scimtest.Rule{Match: func(scimtest.Operation) bool {
		_ = os.Remove(dir) // it goes while the run is on its way
		return false
	}}))
	out, told := p.run(1, "--leave-canaries", "--out", filepath.Join(dir, "crm.json"))
	p.says(told, "crm.json: the profile was not written")
	p.says(out, "LEFT THERE", "inactive", "DELETE of a user deactivates")
}

func TestProbeRate(t *testing.T) {
	p := newProbeCLI(t, scimtest.Quirks{RequestsPerSecond: 40})
	out, _ := p.run(0, "--yes", "--rate", "--json")
	var doc struct {
		Deviations []string
		Profile    struct {
			Rate struct {
				PerSecond float64 `json:"requests_per_second"`
				Published string
			} `json:"rate_limit"`
			Unverified []string `json:"unverified_fields"`
		}
		Rate struct {
			PerSecond float64 `json:"per_second"`
			Held      float64
			After     float64 `json:"retry_after"`
			Resisted  bool
			Status    int
			Requests  int
		}
	}
	if err := json.Unmarshal([]byte(out), &doc); err != nil {
		t.Fatal(err)
	}
	if r := doc.Rate; !r.Resisted || r.Status != 429 || r.After != 1 || r.PerSecond < 20 || r.Requests > 370 {
		t.Errorf("%+v", r)
	}
	rate, held := doc.Profile.Rate, map[float64]float64{20: 10, 50: 20, 100: 50}[doc.Rate.PerSecond]
	if doc.Rate.Held != held || rate.PerSecond != held || !strings.Contains(rate.Published, "it answered 429, at "+strconv.FormatFloat(held, 'f', -1, 64)+" it did not") ||
		!slices.Contains(doc.Profile.Unverified, "rate_limit") {
		t.Errorf("of %+v the profile has %+v", doc.Rate, doc.Profile)
	}
	if len(doc.Deviations) > 0 { // it waits where it is asked to
		t.Errorf("%q", doc.Deviations)
	}
}

func TestProbeMistakes(t *testing.T) {
	p := newProbeCLI(t, scimtest.Quirks{})
	for _, c := range []struct {
		base string
		args []string
		code int
		says string
	}{
		{"app.example", nil, 2, "write it like https://app.example/scim/v2"},
		{"http://169.254.169.254/scim/v2", nil, 2, "cloud metadata"},
		{"http://u:p@127.0.0.1/scim/v2", nil, 2, "set the token instead"},
		{"http://127.0.0.1:9/scim/v2", []string{"--yes"}, 1, "connection refused"},
		{p.base, []string{"--yes", "--profile", "pagerdty"}, 2, "did you mean pagerduty"},
		{p.base, []string{"--yes", "--profile", "okta-users-api"}, 2, "no SCIM endpoint"},
		{p.base, []string{"--yes", "--out", "profile"}, 2, "ends with .json"},
		{p.base, []string{"--yes", "--out", "nowhere/p.json"}, 2, "there is no directory nowhere"},
		{p.base + "x", []string{"--yes"}, 1, "is this the base URL?"},
		{p.base, []string{"--yes", "--token-env", "NONE"}, 1, "does not accept the token (401)"},
	} {
		var o, e strings.Builder
		if got := cli.Main(append([]string{"probe", c.base}, c.args...), strings.NewReader(""), &o, &e); got != c.code || !strings.Contains(e.String(), c.says) {
			t.Errorf("usher probe %s %v: %d, want %d %q\n%s", c.base, c.args, got, c.code, c.says, e.String())
		}
	}
}
