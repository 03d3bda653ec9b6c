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
	"github.com/usher-id/usher/scim/scimtest"
)

var update = flag.Bool("update", false, "write the lists of what fails elsewhere")

// failing runs the suite and lists the ids that fail.
func failing(t *testing.T, base, token string) []string {
	t.Helper()
	r, err := scimtest.Suite{Base: base, Token: token}.Run(t.Context())
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

// Our own endpoint, as the built binary serves it, meets what is checked.
func TestJudgeOfUsher(t *testing.T) {
	u := newUpstream(t)
	var made struct{ Token string }
	u.run(t, &made, "token", "create", "--source", "upstream")
	u.token = made.Token
	daemon := u.serve(t)
	defer func() {
		_ = daemon.Process.Kill()
		_ = daemon.Wait()
	}()
	// An externalId is one person of one source, and lenient makes the element that a
	// filter does not find (createOnNoMatch).
	want := []string{"7643-3.1-13", "7644-3.5.2.3-08"}
	if got := failing(t, "http://"+u.addr+"/scim/v2", u.token); !slices.Equal(got, want) {
		t.Errorf("fails at %v, decided are %v", got, want)
	}
}
