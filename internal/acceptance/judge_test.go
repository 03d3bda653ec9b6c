// SPDX-License-Identifier: Apache-2.0

package acceptance_test

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/testenv"
	"github.com/usher-id/usher/scim/scimserver"
	"github.com/usher-id/usher/scim/scimtest"
)

var update = flag.Bool("update", false, "write the lists of what fails elsewhere")

// failing runs the suite and lists the ids that fail.
func failing(t *testing.T, base, token string) []string {
	t.Helper()
	return failingIn(t, scimtest.Suite{Base: base, Token: token})
}

func failingIn(t *testing.T, suite scimtest.Suite) []string {
	t.Helper()
	r, err := suite.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, l := range r.Results {
		if l.Result == scimtest.Fail {
			out = append(out, l.ID)
			if testing.Verbose() {
				t.Logf("%s (%s): %s", l.ID, l.Level, l.Detail)
			}
		}
	}
	return out
}

// What fails at scimmy is pinned: each id was looked at with its request and answer.
// A check that finds more, or less, has changed its mind.
func TestJudgeOfScimmy(t *testing.T) {
	app := testenv.Scimmy(t, testenv.ScimmyOptions{})
	got := strings.Join(failing(t, app.BaseURL, app.Token), "\n") + "\n"
	file := filepath.Join("testdata", "scimmy_fails.txt")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("fails at %v, pinned are %v", strings.Fields(got), strings.Fields(string(want)))
	}
}

// decided are the ids at which our endpoint deviates, whatever the strictness, and more.
func decided(more ...string) []string {
	return append([]string{
		"7643-3.1-13", // an externalId is one person of one source
		"7643-3.3-03", // our lifecycle extension has a timeZone, beside the core timezone
		"7643-5-09",   // who has no credential is told nothing of the configuration
	}, more...)
}

// Our own endpoint, as the built binary serves it, meets what is checked at every
// strictness, and under the profile that it is meant for, but for what was decided
// (docs/divergences.md and docs/strictness.md).
func TestJudgeOfUsher(t *testing.T) {
	const (
		createOnNoMatch = "7644-3.5.2.3-08" // the element that a filter does not find is made
		requirePath     = "7644-3.5.2.1-02" // an operation without path is refused
		replaceWhole    = "7644-3.5.2.3-05" // replace of a complex attribute leaves nothing that it does not name
	)
	for _, c := range []struct {
		strictness scimserver.Strictness
		profile    string
		decided    []string // beside what the profile decides
	}{
		{scimserver.RFC, scimtest.ProfileRFC, decided()},
		{scimserver.Entra, scimtest.ProfileEntra, decided()},
		{scimserver.Okta, scimtest.ProfileOkta, decided()},
		{scimserver.Lenient, scimtest.ProfileRFC, decided(createOnNoMatch)},
		{scimserver.InteropStrict, scimtest.ProfileInterop, decided()},
		{scimserver.InteropStrict, scimtest.ProfileRFC, decided(requirePath, replaceWhole)},
		{scimserver.IPSIE, scimtest.ProfileIPSIE, decided()},
	} {
		t.Run(string(c.strictness)+" by "+c.profile, func(t *testing.T) {
			u := newUpstream(t)
			example, err := os.ReadFile(u.config)
			if err != nil {
				t.Fatal(err)
			}
			text := strings.Replace(string(example), "strictness: lenient", "strictness: "+string(c.strictness), 1)
			if c.strictness != scimserver.Lenient && text == string(example) {
				t.Fatal("the example has no strictness to replace")
			}
			if c.strictness == scimserver.IPSIE { // types beside Users and Groups are nobody's fault
				text = strings.Replace(text, "strictness: ipsie", "strictness: ipsie\n    experimental: [agents, roles, entitlements]", 1)
			}
			u.config = filepath.Join(t.TempDir(), "usher.yaml")
			if err := os.WriteFile(u.config, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			var made struct{ Token string }
			u.run(t, &made, "token", "create", "--source", "upstream")
			u.token = made.Token
			daemon := u.serve(t)
			defer func() {
				_ = daemon.Process.Kill()
				_ = daemon.Wait()
			}()
			p, err := scimtest.ProfileOf(c.profile)
			if err != nil {
				t.Fatal(err)
			}
			got := failingIn(t, scimtest.Suite{Base: "http://" + u.addr + "/scim/v2", Token: made.Token, Profile: p})
			if !slices.Equal(got, c.decided) {
				t.Errorf("fails at %v, decided are %v", got, c.decided)
			}
		})
	}
}
