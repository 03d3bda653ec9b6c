// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	inTicks  = regexp.MustCompile("`([^`]*)`")
	ofOurs   = regexp.MustCompile(`^(?:usher|bin/usher|go run \./cmd/usher) +([a-z].*|--?[a-z].*)$`)
	ofOthers = regexp.MustCompile(`[|(#<>;…]|&&`)
)

// TestPagesNameCommands: what README.md and the pages below docs give as a command of ours,
// in a block or between ticks, is one of this binary, with the flags that it has. What is
// yet to come is said to be so in the same line.
func TestPagesNameCommands(t *testing.T) {
	t.Parallel()
	toCome := map[string]bool{"offboard": true, "orphans": true}
	c := &cli{in: strings.NewReader(""), out: io.Discard, err: io.Discard, lookup: os.LookupEnv}
	n, root := 0, filepath.Join("..", "..")
	name := func(path, line, command string) {
		m := ofOurs.FindStringSubmatch(strings.TrimSpace(ofOthers.Split(command, 2)[0]))
		if m == nil {
			return
		}
		words := strings.Fields(m[1])
		if n++; toCome[words[0]] && strings.Contains(line, "not there yet") {
			return
		}
		exampleIs(t, c.root(), path, append([]string{"usher"}, words...))
	}
	pages := []string{filepath.Join(root, "README.md")}
	err := filepath.WalkDir(filepath.Join(root, "docs"), func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".md") {
			pages = append(pages, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range pages {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		block := false
		for line := range strings.Lines(string(text)) {
			switch {
			case strings.HasPrefix(line, "```"):
				block = !block
			case block:
				name(path, line, line)
			default:
				for _, m := range inTicks.FindAllStringSubmatch(line, -1) {
					name(path, line, m[1])
				}
			}
		}
	}
	if n < 250 || len(pages) < 40 {
		t.Errorf("%d commands on %d pages", n, len(pages))
	}
	for command := range toCome {
		if cmd, _, err := c.root().Find([]string{command}); err == nil && cmd.HasParent() {
			t.Errorf("%s is there: take it from the list", command)
		}
	}
}
