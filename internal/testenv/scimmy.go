// SPDX-License-Identifier: Apache-2.0

package testenv

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

//go:embed scimmy/package.json scimmy/package-lock.json scimmy/server.mjs
var scimmyFiles embed.FS

// scimmyStart bounds the start of a server, on a machine that does much else.
const scimmyStart = time.Minute

// ScimmyOptions says how the application behind the server behaves. The zero value refuses duplicates and logs no bodies.
type ScimmyOptions struct {
	AllowDuplicates bool // takes two users of one userName and two groups of one displayName, where others answer 409
	LogRequests     bool // keeps URL and body of every request, see RequestLog
}

// ScimmyServer is a running SCIM 2.0 server made of the npm packages scimmy and scimmy-routers.
type ScimmyServer struct {
	BaseURL string // of the SCIM service, without a slash at the end
	Token   string // bearer token that it expects

	side string // base URL of the side door, which is not SCIM
	log  string // file of request bodies, or ""
}

// Scimmy starts a server that ends with the test. It needs Node.js and npm, and a package registry the first time.
func Scimmy(t testing.TB, opts ScimmyOptions) *ScimmyServer {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		missing(t, "Node.js (node)")
	}
	s := &ScimmyServer{Token: rand.Text()}
	cmd := exec.Command(node, installScimmy(t)) //nolint:noctx // ended in order by closing its stdin, see stopServer
	cmd.Env = append(os.Environ(), "NODE_ENV=production", "SCIMMY_TOKEN="+s.Token)
	if opts.AllowDuplicates {
		cmd.Env = append(cmd.Env, "SCIMMY_UNIQUE=off")
	}
	if opts.LogRequests {
		s.log = filepath.Join(t.TempDir(), "requests.jsonl")
		if err := os.WriteFile(s.log, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		cmd.Env = append(cmd.Env, "SCIMMY_REQUEST_LOG="+s.log)
	}
	s.start(t, cmd)
	return s
}

func (s *ScimmyServer) start(t testing.TB, cmd *exec.Cmd) {
	t.Helper()
	line := startServer(t, "scimmy", cmd, scimmyStart)
	var ports struct{ Port, Side int }
	if err := json.Unmarshal(line, &ports); err != nil {
		t.Fatalf("scimmy says %q where its ports were expected: %v", line, err)
	}
	s.BaseURL = fmt.Sprintf("http://127.0.0.1:%d/scim/v2", ports.Port)
	s.side = fmt.Sprintf("http://127.0.0.1:%d", ports.Side)
}

// installScimmy puts the packages into the cache folder, once for each lock file, and returns the path of the server's script.
func installScimmy(t testing.TB) string {
	t.Helper()
	lock, err := scimmyFiles.ReadFile("scimmy/package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cacheDir(t), "scimmy-"+digest(lock))
	unlock, err := lockFile(dir + ".lock")
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		npmInstall(t, dir)
	}
	server, err := scimmyFiles.ReadFile("scimmy/server.mjs")
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
func npmInstall(t testing.TB, dir string) {
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
	for _, name := range []string{"package.json", "package-lock.json"} {
		text, err := scimmyFiles.ReadFile("scimmy/" + name)
		if err = cmp.Or(err, os.WriteFile(filepath.Join(temp, name), text, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--omit=dev")
	cmd.Dir = temp
	if text, err := cmd.CombinedOutput(); err != nil {
		if os.Getenv("CI") != "true" && bytes.Contains(text, []byte("network")) {
			t.Skipf("missing: the npm packages of scimmy, and no registry to take them from\n%s", text)
		}
		t.Fatalf("npm ci: %v\n%s", err, text)
	}
	if err := os.Rename(temp, dir); err != nil && !errors.Is(err, os.ErrExist) {
		t.Fatal(err)
	}
}
