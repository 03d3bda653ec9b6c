// SPDX-License-Identifier: Apache-2.0

package testenv

import (
	"bytes"
	"cmp"
	"embed"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// installNPM puts the packages of a folder into the cache folder, once for each lock file, and returns the path of the
// folder's server.mjs.
func installNPM(t testing.TB, name string, files embed.FS) string {
	t.Helper()
	lock, err := files.ReadFile(name + "/package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cacheDir(t), name+"-"+digest(lock))
	unlock, err := lockFile(dir + ".lock")
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		npmInstall(t, name, files, dir)
	}
	server, err := files.ReadFile(name + "/server.mjs")
	if err != nil {
		t.Fatal(err)
	}
	// The script lies beside node_modules, where its imports are looked for, under the name of its content.
	path := filepath.Join(dir, "server-"+digest(server)+".mjs")
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		if err := cmp.Or(os.WriteFile(path+".part", server, 0o600), os.Rename(path+".part", path)); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// npmInstall fills a folder beside dir and renames it, so that dir is either whole or not there.
func npmInstall(t testing.TB, name string, files embed.FS, dir string) {
	t.Helper()
	npm, err := exec.LookPath("npm")
	if err != nil {
		missing(t, "npm")
	}
	temp, err := os.MkdirTemp(filepath.Dir(dir), "install-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(temp) //nolint:errcheck // gone already if all went well
	for _, file := range []string{"package.json", "package-lock.json"} {
		text, err := files.ReadFile(name + "/" + file)
		if err = cmp.Or(err, os.WriteFile(filepath.Join(temp, file), text, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--omit=dev")
	cmd.Dir = temp
	if text, err := cmd.CombinedOutput(); err != nil {
		if os.Getenv("CI") != "true" && bytes.Contains(text, []byte("network")) {
			t.Skipf("missing: the npm packages of %s, and no registry to take them from\n%s", name, text)
		}
		t.Fatalf("npm ci: %v\n%s", err, text)
	}
	if err := os.Rename(temp, dir); err != nil && !errors.Is(err, os.ErrExist) {
		t.Fatal(err)
	}
}
