// SPDX-License-Identifier: Apache-2.0

package planted_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/planted"
)

// TestBugs holds three lists together: the bugs, the engine's code in which each is made,
// and the table of docs/reliability.md, by which other tests find no more than half.
func TestBugs(t *testing.T) {
	t.Parallel()
	text := read(t, "bugs.go")
	var code strings.Builder
	for _, room := range []string{"provision", "source", "directory"} {
		files, err := filepath.Glob(filepath.Join("..", room, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatal(room, err)
		}
		for _, f := range files {
			if !strings.HasSuffix(f, "_test.go") {
				code.WriteString(read(t, f))
			}
		}
	}
	_, table, _ := strings.Cut(read(t, filepath.Join("..", "..", "docs", "reliability.md")), "## Planted bugs\n")
	seen := map[planted.Bug]bool{}
	found := 0
	for _, b := range planted.All {
		name := regexp.MustCompile(`(?m)^\t(\w+) Bug = "` + regexp.QuoteMeta(string(b)) + `"$`).FindStringSubmatch(text)
		if name == nil || seen[b] {
			t.Errorf("%s is no constant, or twice in the list", b)
			continue
		}
		seen[b] = true
		if !strings.Contains(code.String(), "planted.On(planted."+name[1]+")") {
			t.Errorf("%s is never made", b)
		}
		row := regexp.MustCompile("(?m)^\\| `" + regexp.QuoteMeta(string(b)) + "` \\|.*$").FindString(table)
		if strings.Count(row, "|") != 6 {
			t.Errorf("%s has no row of five columns in docs/reliability.md: %q", b, row)
		}
		if strings.Contains(row, "`Test") {
			found++
		}
	}
	if n := strings.Count(text, ` Bug = "`); n != len(planted.All) {
		t.Errorf("%d constants, and %d in the list", n, len(planted.All))
	}
	if 2*found > len(planted.All) {
		t.Errorf("other tests find %d of %d", found, len(planted.All))
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
