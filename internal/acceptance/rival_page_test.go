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

// TestComparisonPage: each row of docs/comparison.md names a subtest of TestRival that
// is there, by its number, and each of those has a row, in the same order.
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
	if rows := strings.Count(string(text), "\n| "); rows != len(told)+1 {
		t.Errorf("%d rows of the table have another form than the others", rows-1-len(told))
	}
}
