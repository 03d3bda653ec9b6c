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

var comparedRow = regexp.MustCompile("(?m)^\\| (\\d+) \\| ([^|]+) \\| ([^|]+) \\| `TestRival/([^`|]+)` \\|$")

// namedTests are those that a page names beside a row's own, up to the room that they are in.
var namedTests = regexp.MustCompile("`(Test[A-Za-z0-9]+)`(?: and `(Test[A-Za-z0-9]+)`)?(?: in `([a-z0-9/]+)`|, there)")

// TestComparisonPage: each row of docs/comparison.md names a subtest of TestRival that
// is there, by its number, and each of those has a row, in the same order. The further
// tests that a row names are where it says.
func TestComparisonPage(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(testenv.Root(t), "docs", "comparison.md"))
	if err != nil {
		t.Fatal(err)
	}
	var told, held []string
	for _, m := range comparedRow.FindAllStringSubmatch(string(text), -1) {
		told = append(told, m[4])
		if !strings.HasPrefix(m[4], m[1]+" ") {
			t.Errorf("row %s names the test of another number: %q", m[1], m[4])
		}
	}
	for _, row := range rivalRows() {
		held = append(held, row.name)
	}
	if !slices.Equal(told, held) {
		t.Errorf("the page has the rows\n%s\nand the tests are\n%s", strings.Join(told, "\n"), strings.Join(held, "\n"))
	}
	room, further := "", 0
	for _, m := range namedTests.FindAllStringSubmatch(string(text), -1) {
		if m[3] != "" {
			room = m[3]
		}
		for _, name := range slices.DeleteFunc([]string{m[1], m[2]}, func(s string) bool { return s == "" }) {
			if further++; !hasTest(t, room, name) {
				t.Errorf("%s has no %s", room, name)
			}
		}
	}
	if all := strings.Count(string(text), "`Test") - len(told); further != all {
		t.Errorf("of %d of %d further tests the page says where they are", further, all)
	}
	if rows := strings.Count(string(text), "\n| "); rows != len(told)+1 {
		t.Errorf("%d rows of the table have another form than the others", rows-1-len(told))
	}
}

// hasTest reports whether a room has a test of that name.
func hasTest(t *testing.T, room, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(testenv.Root(t), filepath.FromSlash(room), "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(files, func(file string) bool {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Contains(string(text), "\nfunc "+name+"(t *testing.T)")
	})
}
