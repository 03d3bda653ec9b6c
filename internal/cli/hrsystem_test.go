// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/usher-id/usher/internal/source/httpintest"
)

type hrKey struct{}

// hrBox holds the HR system of a script, once there is one.
type hrBox struct{ *httpintest.Server }

// hrsystemCommand steers an HR system that is written back to:
//
//	hrsystem              start it with three people, set HR_URL, HR_TOKEN and HR_WRITE_TOKEN, and take its example as usher.yaml
//	hrsystem edit ID PATCH  change a person there, as a colleague would, by a merge patch
//	hrsystem ignores      answer writes with success, and change nothing
//	hrsystem writes       print what it was told since the last time, in order of people
func hrsystemCommand(t *testing.T, ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("hrsystem cannot be negated")
	}
	box := ts.Value(hrKey{}).(*hrBox)
	switch {
	case len(args) == 0:
		s := httpintest.New(t)
		s.Paging, s.Total, s.Token = httpintest.Cursor, true, canary
		var people []httpintest.Person
		for i, first := range []string{"Zoë", "Ada", "Ada"} {
			people = append(people, httpintest.Person{"id": i + 1, "name": map[string]any{"first": first, "last": "Brandt"}, "start": "2020-01-01"})
		}
		s.Set(people)
		box.Server = s
		for _, name := range []string{"HR_TOKEN", "HR_WRITE_TOKEN"} {
			ts.Setenv(name, canary)
		}
		ts.Setenv("HR_URL", s.URL[:len(s.URL)-len("/people")])
		example, err := os.ReadFile(filepath.Join("..", "..", "examples", "hr-http", "write-back.yaml"))
		ts.Check(err)
		ts.Check(os.WriteFile(ts.MkAbs("usher.yaml"), example, 0o600))
	case args[0] == "edit" && len(args) == 3:
		box.Edit(args[1], args[2])
	case args[0] == "ignores":
		box.Lock()
		box.Ignores = true
		box.Unlock()
	case args[0] == "writes":
		var lines []string
		for _, w := range box.Writes() {
			lines = append(lines, fmt.Sprintf("%s %s %s", w.Method, w.ID, w.Body))
		}
		slices.Sort(lines)
		printLines(ts.Stdout(), lines)
	default:
		ts.Fatalf("usage: hrsystem [edit ID PATCH|ignores|writes]")
	}
}
