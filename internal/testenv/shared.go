// SPDX-License-Identifier: Apache-2.0

package testenv

import (
	"os"
	"path/filepath"
	"testing"
)

// Root returns the folder of the repository, the nearest one above the working directory that holds go.mod.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod above the working directory")
		}
		dir = parent
	}
}

// Shared returns the shared folder that lies beside the repository and holds the real input data.
func Shared(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(filepath.Dir(Root(t)), "shared")
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		missing(t, "the shared folder beside the repository, with the real input data")
	}
	return dir
}

// missing ends the test for the want of something that the machine should have: a skip by hand, a failure in CI.
func missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("missing, and CI=true: %s", what)
	}
	t.Skipf("missing: %s", what)
}

// cacheDir is where things that are dear to make stay from one run to the next.
func cacheDir(t testing.TB) string {
	t.Helper()
	base, err := os.UserCacheDir()
	if err != nil { // no home folder, as in some containers
		base = os.TempDir()
	}
	dir := filepath.Join(base, "usher-test")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}
