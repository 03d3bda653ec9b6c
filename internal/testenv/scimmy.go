// SPDX-License-Identifier: Apache-2.0

package testenv

import (
	"crypto/rand"
	"embed"
	"encoding/json"
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
	cmd := exec.Command(node, installNPM(t, "scimmy", scimmyFiles)) //nolint:noctx // ended in order by closing its stdin, see stopServer
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
