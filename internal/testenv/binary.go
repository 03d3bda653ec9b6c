// SPDX-License-Identifier: Apache-2.0

package testenv

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
)

// built remembers, for this test process, that the binary is up to date.
var built struct {
	sync.Mutex
	path string
}

// Binary builds ./cmd/usher, once in each test process, and returns its path, for tests that start and kill the real thing.
//
// It lies in the cache folder under a name of its checkout, so that nothing has to be cleaned up; a rename puts it there, so
// that a process which runs the previous one is not disturbed.
func Binary(t testing.TB) string {
	t.Helper()
	built.Lock()
	defer built.Unlock()
	if built.path != "" {
		return built.path
	}
	root := Root(t)
	dir := filepath.Join(cacheDir(t), "bin")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	temp, err := os.MkdirTemp(dir, "build-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(temp) //nolint:errcheck // what stays behind is a few bytes in a cache
	name := fmt.Sprintf("usher-%x", sha256.Sum256([]byte(root)))[:22]
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	out := filepath.Join(temp, name)
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", out, "./cmd/usher")
	cmd.Dir = root
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build ./cmd/usher: %v\n%s", err, text)
	}
	path := filepath.Join(dir, name)
	if err := os.Rename(out, path); err != nil {
		t.Fatal(err)
	}
	built.path = path
	return path
}
