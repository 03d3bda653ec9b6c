// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// meddler is where a demo prints to, by somebody who alters an account over
// HTTP as soon as the first day is over.
type meddler struct {
	t    *testing.T
	text bytes.Buffer
	done bool
}

var wikiURL = regexp.MustCompile(`wiki +.* (http://127\.0\.0\.1:\d+/scim/v2)`)

func (m *meddler) Write(p []byte) (int, error) {
	m.text.Write(p)
	if url := wikiURL.FindSubmatch(m.text.Bytes()); !m.done && url != nil && bytes.Contains(m.text.Bytes(), []byte("  right")) {
		m.done = true
		m.meddle(string(url[1]))
	}
	return len(p), nil
}

func (m *meddler) meddle(url string) {
	var list struct {
		Resources []struct {
			ID string
		}
	}
	if err := json.Unmarshal(m.send(http.MethodGet, url+"/Users?count=1", ""), &list); err != nil || len(list.Resources) == 0 {
		m.t.Errorf("no account to alter: %v", err)
		return
	}
	m.send(http.MethodPatch, url+"/Users/"+list.Resources[0].ID,
		`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"displayName","value":"Emperor"}]}`)
}

func (m *meddler) send(method, url, body string) []byte {
	req, err := http.NewRequestWithContext(m.t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		m.t.Error(err)
		return nil
	}
	req.Header.Set("Authorization", "Bearer demo")
	req.Header.Set("Content-Type", "application/scim+json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		m.t.Error(err)
		return nil
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= 300 {
		m.t.Errorf("%s %s: %d %s %v", method, url, resp.StatusCode, data, err)
	}
	return data
}

// TestDemoNoticesAnAlteredAccount alters one account in one app while the demo
// runs: it must fail, and say where.
func TestDemoNoticesAnAlteredAccount(t *testing.T) {
	t.Parallel()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	m := &meddler{t: t}
	cmd := exec.CommandContext(t.Context(), exe, "demo", "--once", "--people", "40")
	cmd.Args[0] = "usher" // what the test binary runs by this name, see TestMain
	cmd.Stdout, cmd.Stderr = m, os.Stderr
	if err := cmd.Run(); cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("ended with %v, want exit code 1", err)
	}
	out := m.text.String()
	for _, want := range []string{
		`(?m)^  WRONG   must be: `, `(?m)^          wiki: E-\d+ .*: displayName is "Emperor", must be "`,
		`(?m)^wiki .* WRONG: 1 difference$`, `(?m)^wiki: E-\d+ .*: displayName is "Emperor"`, `(?m)^chat .* as it should be$`,
	} {
		if !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("nothing matches %s in\n%s", want, out)
		}
	}
}

// TestDemoEnds stops a demo that stays up, as Ctrl-C does.
func TestDemoEnds(t *testing.T) {
	t.Parallel()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cmd := exec.CommandContext(ctx, exe, "demo", "--people", "40")
	cmd.Args[0] = "usher"
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	out := &watcher{until: "usher people -c", then: cancel}
	cmd.Stdout, cmd.Stderr = out, os.Stderr
	_ = cmd.Run() // an interrupt that was asked for is reported as one
	if code := cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d\n%s", code, out.text.String())
	}
	if !strings.HasSuffix(out.text.String(), "The company is closed.\n") {
		t.Errorf("it ends with %q", out.text.String())
	}
}

// watcher calls back when something has been printed.
type watcher struct {
	text  bytes.Buffer
	until string
	then  func()
}

func (w *watcher) Write(p []byte) (int, error) {
	w.text.Write(p)
	if strings.Contains(w.text.String(), w.until) {
		w.then()
	}
	return len(p), nil
}
