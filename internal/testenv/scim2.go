// SPDX-License-Identifier: Apache-2.0

package testenv

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

//go:embed scim2/requirements.txt scim2/serve.py
var scim2Files embed.FS

// Bounds of what other people's programs do: pip against a slow registry, and a server that imports its models.
const (
	scim2Install = 5 * time.Minute
	scim2Start   = time.Minute
)

// Scim2Server is a running SCIM 2.0 server of the PyPI package scim2-server, with its storage in memory. Other than Scimmy's
// it has no side door into that storage: what it holds is read over SCIM, and those requests count like all others.
type Scim2Server struct {
	BaseURL string // of the SCIM service, without a slash at the end
	Token   string // bearer token that it expects

	side string // base URL of the request counts, which are not SCIM
}

// Scim2 starts a server that ends with the test. It needs Python 3.11 with venv, and a package registry the first time.
func Scim2(t testing.TB) *Scim2Server {
	t.Helper()
	python, script := installScim2(t)
	s := &Scim2Server{Token: rand.Text()}
	cmd := exec.Command(python, "-I", script) //nolint:noctx // ended in order by closing its stdin, see stopServer
	cmd.Env = append(os.Environ(), "SCIM2_TOKEN="+s.Token)
	line := startServer(t, "scim2-server", cmd, scim2Start)
	var told struct{ Port int }
	if err := json.Unmarshal(line, &told); err != nil || told.Port == 0 {
		t.Fatalf("scim2-server says %q where its port was expected: %v", line, err)
	}
	s.side = fmt.Sprintf("http://127.0.0.1:%d", told.Port)
	s.BaseURL = s.side + "/v2"
	return s
}

// Counts returns the requests since the start, or since ResetCounts.
func (s *Scim2Server) Counts(t testing.TB) Counts {
	t.Helper()
	c := Counts{}
	askSide(t, http.MethodGet, s.side+"/__counts", &c)
	return c
}

// ResetCounts sets all counts to zero.
func (s *Scim2Server) ResetCounts(t testing.TB) {
	t.Helper()
	askSide(t, http.MethodPost, s.side+"/__reset-counts", nil)
}

// installScim2 puts a virtual environment into the cache folder, once for each interpreter and list of packages, and returns
// its interpreter and the path of the server's script.
func installScim2(t testing.TB) (python, script string) {
	t.Helper()
	base, version := findPython(t)
	wanted, err := scim2Files.ReadFile("scim2/requirements.txt")
	if err != nil {
		t.Fatal(err)
	}
	// An environment serves the interpreter that made it, and no other.
	dir := filepath.Join(cacheDir(t), "scim2-"+digest(fmt.Appendf(wanted, "\x00%s", version)))
	unlock, err := lockFile(dir + ".lock")
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		pipInstall(t, base, dir, wanted)
	}
	text, err := scim2Files.ReadFile("scim2/serve.py")
	if err != nil {
		t.Fatal(err)
	}
	script = filepath.Join(dir, "serve-"+digest(text)+".py")
	if _, err := os.Stat(script); errors.Is(err, os.ErrNotExist) {
		if err := cmp.Or(os.WriteFile(script+".part", text, 0o600), os.Rename(script+".part", script)); err != nil {
			t.Fatal(err)
		}
	}
	return venvPython(dir), script
}

// findPython returns an interpreter that can make the environment, and a text that tells it from others.
func findPython(t testing.TB) (path, version string) {
	t.Helper()
	const what = "Python 3.11 or newer (python3) with its modules venv and ensurepip"
	path, err := exec.LookPath("python3")
	if err != nil {
		missing(t, what)
	}
	cmd := exec.CommandContext(t.Context(), path, "-I", "-c",
		"import ensurepip, sys, tomllib, venv; print(sys.version, sys.base_prefix)") // tomllib came with 3.11
	text, err := cmd.CombinedOutput()
	if err != nil {
		missing(t, fmt.Sprintf("%s: %v\n%s", what, err, text))
	}
	return path, string(text)
}

func venvPython(dir string) string {
	if runtime.GOOS == "windows" {
		return filepath.Join(dir, "Scripts", "python.exe")
	}
	return filepath.Join(dir, "bin", "python")
}

// pipInstall makes an environment beside dir and renames it, so that dir is either whole or not there. Nothing is run from it
// by a path of its first name: only its interpreter, which finds its packages from where it lies.
func pipInstall(t testing.TB, python, dir string, wanted []byte) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), scim2Install)
	defer cancel()
	temp, err := os.MkdirTemp(filepath.Dir(dir), "install-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(temp) //nolint:errcheck // gone already if all went well
	list := filepath.Join(temp, "requirements.txt")
	if err := os.WriteFile(list, wanted, 0o600); err != nil {
		t.Fatal(err)
	}
	if text, err := exec.CommandContext(ctx, python, "-I", "-m", "venv", temp).CombinedOutput(); err != nil {
		t.Fatalf("python3 -m venv: %v\n%s", err, text)
	}
	// --only-binary: no package may run code of its own while it is installed.
	cmd := exec.CommandContext(ctx, venvPython(temp), "-I", "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
		"--no-input", "--require-hashes", "--only-binary", ":all:", "--no-deps", "-r", list)
	if text, err := cmd.CombinedOutput(); err != nil {
		if os.Getenv("CI") != "true" && strings.Contains(string(text), "connection broken") {
			t.Skipf("missing: the PyPI packages of scim2-server, and no registry to take them from\n%s", text)
		}
		t.Fatalf("pip install: %v\n%s", err, bytes.TrimSpace(text))
	}
	if err := os.Rename(temp, dir); err != nil && !errors.Is(err, os.ErrExist) {
		t.Fatal(err)
	}
}
