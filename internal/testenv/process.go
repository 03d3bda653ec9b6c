// SPDX-License-Identifier: Apache-2.0

package testenv

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os/exec"
	"testing"
	"time"
)

// startServer starts somebody else's server, which ends with the test, and returns the line that it prints when it listens.
// It is killed, and the test failed, when that takes longer than within.
func startServer(t testing.TB, name string, cmd *exec.Cmd, within time.Duration) []byte {
	t.Helper()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stopServer(t, name, cmd, stdin, &stderr) })
	killer := time.AfterFunc(within, func() { _ = cmd.Process.Kill() })
	defer killer.Stop()
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err != nil {
		t.Fatalf("%s did not start within %v: %v", name, within, err)
	}
	return line
}

// stopServer closes the server's stdin, which ends it, and kills it if that does not.
func stopServer(t testing.TB, name string, cmd *exec.Cmd, stdin io.Closer, stderr *bytes.Buffer) {
	_ = stdin.Close() // closed already when the process died by itself
	killer := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
	defer killer.Stop()
	err := cmd.Wait()
	if err != nil || t.Failed() && stderr.Len() > 0 {
		t.Logf("%s ended: %v\n%s", name, err, stderr.Bytes())
	}
}

// askSide calls what a server offers beside SCIM. It works in a Cleanup too, where the test's own context has ended.
func askSide(t testing.TB, method, url string, into any) {
	t.Helper()
	req, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Close = true // leaves no idle connection, and so no goroutine, behind
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode/100 != 2 {
		t.Fatalf("%s %s: %s", method, url, res.Status)
	}
	if into == nil {
		return
	}
	if err := json.NewDecoder(res.Body).Decode(into); err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
}
