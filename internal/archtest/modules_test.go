// SPDX-License-Identifier: Apache-2.0

package archtest_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/testenv"
)

var inCode = regexp.MustCompile("`([^`]+)`")

// TestDependenciesAreExplained holds docs/dependencies.md and go.mod to one another: each direct dependency has a line, and
// no line tells of one that is gone.
func TestDependenciesAreExplained(t *testing.T) {
	t.Parallel()
	root := testenv.Root(t)
	text, err := os.ReadFile(filepath.Join(root, "docs", "dependencies.md"))
	if err != nil {
		t.Fatal(err)
	}
	explained := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		if cells := strings.Split(line, "|"); len(cells) > 2 {
			for _, name := range inCode.FindAllStringSubmatch(cells[1], -1) {
				if host, _, ok := strings.Cut(name[1], "/"); ok && strings.Contains(host, ".") {
					explained[name[1]] = true
				}
			}
		}
	}
	for _, name := range directModules(t, root) {
		if !explained[name] {
			t.Errorf("docs/dependencies.md has no line for %s: why is it here, and what would replace it?", name)
		}
		delete(explained, name)
	}
	for name := range explained {
		t.Errorf("docs/dependencies.md explains %s, which go.mod does not require directly", name)
	}
}

func directModules(t *testing.T, root string) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "mod", "edit", "-json")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var mod struct {
		Require []struct {
			Path     string
			Indirect bool
		}
	}
	if err := json.Unmarshal(out, &mod); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range mod.Require {
		if !r.Indirect {
			names = append(names, r.Path)
		}
	}
	return names
}
