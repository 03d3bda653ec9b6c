// SPDX-License-Identifier: Apache-2.0

package archtest_test

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/testenv"
)

// forbidden must not be in the binary, directly or through anything else. A name ending in /... covers a whole module.
var forbidden = []struct{ name, reason string }{
	{"testing", "it registers command-line flags and says that a test kit is linked into the product"},
	{"net/http/pprof", "importing it puts the profiler on http.DefaultServeMux, open to whoever reaches that"},
	{"net/http/httptest", "a test server in the product is a test kit in the product"},
	{module + "/internal/testenv", "it starts other people's programs"},
	{module + "/internal/archtest", "it has tests only"},
	{module + "/internal/store/memory", "it forgets with the process what must be known after it"},
	{"github.com/stretchr/testify/...", "an assertion library belongs to nobody's binary"},
	{"github.com/rogpeppe/go-internal/...", "testscript is for tests"},
	{"go.uber.org/goleak/...", "the leak detector is for tests"},
	{"pgregory.net/rapid/...", "property testing is for tests"},
}

func goList(t *testing.T, args ...string) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list"}, args...)...)
	cmd.Dir = testenv.Root(t)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list %s: %v\n%s", strings.Join(args, " "), err, stderr.Bytes())
	}
	return strings.Fields(string(out))
}

func TestBinaryDependencies(t *testing.T) {
	t.Parallel()
	linked := goList(t, "-deps", "./cmd/usher")
	for _, f := range forbidden {
		root, whole := strings.CutSuffix(f.name, "/...")
		for _, dep := range linked {
			if dep == root || whole && strings.HasPrefix(dep, root+"/") {
				t.Errorf("cmd/usher links %s: %s (go mod why -m, or go list -deps, shows the way)", dep, f.reason)
			}
		}
	}
}

// TestForbiddenNamesExist keeps the list honest: a name that no longer exists forbids nothing.
func TestForbiddenNamesExist(t *testing.T) {
	t.Parallel()
	for _, f := range forbidden {
		if root, whole := strings.CutSuffix(f.name, "/..."); whole {
			goList(t, "-m", root)
		} else {
			goList(t, f.name)
		}
	}
}
