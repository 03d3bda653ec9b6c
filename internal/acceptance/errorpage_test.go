// SPDX-License-Identifier: Apache-2.0

package acceptance_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/testenv"
)

var (
	heldBy   = regexp.MustCompile("((?:`Test[^`]+`(?:, )?)+) \\(`([a-z0-9/]+)`\\)")
	testName = regexp.MustCompile("`(Test[A-Za-z0-9]+)(?:/([^`]+))?`")
	declared = regexp.MustCompile(`(?m)^func (Test[A-Za-z0-9]+)\(`)
)

// TestErrorPage: each outcome that docs/error-handling.md tells of names the tests that
// hold it, each of those is where the page says, and each of the five bad days has its row.
func TestErrorPage(t *testing.T) {
	t.Parallel()
	root := testenv.Root(t)
	page, err := os.ReadFile(filepath.Join(root, "docs", "error-handling.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, text, ok := strings.Cut(string(page), "\n### Every outcome, and what holds it\n")
	if text, _, _ = strings.Cut(text, "\n## "); !ok {
		t.Fatal("the page has no section of every outcome")
	}
	there := map[string]map[string]bool{} // by room
	in := func(room string) map[string]bool {
		if there[room] == nil {
			there[room] = testsIn(t, filepath.Join(root, filepath.FromSlash(room)))
		}
		return there[room]
	}
	var outcomes, days []string
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "| ") || strings.Contains(line, "| held by |") {
			continue
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		what := strings.TrimSpace(cells[0])
		rooms := heldBy.FindAllStringSubmatch(cells[len(cells)-1], -1)
		if len(rooms) == 0 {
			t.Errorf("%q names no test", what)
		}
		named := 0
		for _, m := range rooms {
			for _, name := range testName.FindAllStringSubmatch(m[1], -1) {
				named++
				if !in(m[2])[name[1]] {
					t.Errorf("%q: there is no %s in %s", what, name[1], m[2])
				}
				if name[2] != "" && !slices.ContainsFunc(badDays(), func(d badDay) bool { return name[1] == "TestAdversarial" && d.name == name[2] }) {
					t.Errorf("%q: there is no %s/%s", what, name[1], name[2])
				}
				if len(cells) == 4 {
					days = append(days, name[2])
				}
			}
		}
		if all := strings.Count(cells[len(cells)-1], "`Test"); all != named {
			t.Errorf("%q: of %d tests the room is told of %d", what, all, named)
		}
		if len(cells) == 3 {
			outcomes = append(outcomes, what)
		}
	}
	for _, code := range []string{"400", "401", "403", "404", "409", "412", "413", "429", "Retry-After", "5xx", "200", "HTML"} {
		if !slices.ContainsFunc(outcomes, func(o string) bool { return strings.Contains(o, code) }) {
			t.Errorf("the page tells nothing of %s", code)
		}
	}
	var played []string
	for _, d := range badDays() {
		played = append(played, d.name)
	}
	if !slices.Equal(days, played) {
		t.Errorf("the page has the days %q, and the test plays %q", days, played)
	}
}

// testsIn are the tests of a room.
func testsIn(t *testing.T, dir string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s has no tests: %v", dir, err)
	}
	found := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range declared.FindAllStringSubmatch(string(text), -1) {
			found[m[1]] = true
		}
	}
	return found
}
