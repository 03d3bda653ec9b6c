// SPDX-License-Identifier: Apache-2.0

package auth0test_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/auth0/auth0test"
)

// download reads an export; err is what is wrong with the file.
func (r *rig) download(location string) (lines []string, err error) {
	r.Helper()
	res := r.send("GET", strings.TrimPrefix(location, host), "", nil)
	if res.Code != http.StatusOK {
		return nil, fmt.Errorf("status %d", res.Code)
	}
	z, err := gzip.NewReader(res.Body)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(z)
	s := bufio.NewScanner(bytes.NewReader(text))
	for s.Scan() {
		lines = append(lines, s.Text())
	}
	return lines, err
}

func (r *rig) export(body string) doc {
	r.Helper()
	id := object(r, r.api(200, "POST", "/jobs/users-exports", body))["id"].(string)
	return object(r, r.api(200, "GET", "/jobs/"+id, ""))
}

// Reference 1.3, Full read: a job, pending and then completed, whose file lies at a
// place of its own, for a minute and without a token.
func TestExport(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *auth0test.Config) { c.ExportDelay = 10 * time.Second })
	crowd(t, r, 30)
	job := object(t, r.api(200, "POST", "/jobs/users-exports", `{"format":"json","fields":[{"name":"user_id"},{"name":"blocked"},{"name":"identities"},{"name":"app_metadata.department"},{"name":"identities[0].connection","export_as":"con"}]}`))
	path := "/jobs/" + job["id"].(string)
	if job["type"] != "users_export" || job["status"] != "pending" || job["location"] != nil {
		t.Errorf("the new job is %v", job)
	}
	r.newUser("later@acme.example")
	r.clock.pass(10 * time.Second)
	job = object(t, r.api(200, "GET", path, ""))
	if job["status"] != "completed" {
		t.Errorf("the job is %v", job)
	}
	lines, err := r.download(job["location"].(string))
	if err != nil || len(lines) != 30 {
		t.Fatalf("%d lines, %v", len(lines), err)
	}
	first := object(t, lines[0])
	if first["user_id"] != "auth0|000000000000000000000001" || first["blocked"] != true || first["app_metadata.department"] != "d0" || first["con"] != database || first["email"] != nil || len(first["identities"].([]any)) != 1 {
		t.Errorf("the first line is %v", first)
	}
	if second := object(t, lines[1]); second["blocked"] != nil {
		t.Errorf("the second line is %v", second)
	}
	where := strings.TrimPrefix(job["location"].(string), host)
	if res := r.send("GET", where, "", map[string]string{"Authorization": "Bearer " + r.token}); res.Code != 400 {
		t.Errorf("with a token the file answers %d", res.Code)
	}
	if res := r.send("GET", where+"x", "", nil); res.Code != 403 {
		t.Errorf("another ticket answers %d", res.Code)
	}
	r.clock.pass(time.Minute)
	if _, err := r.download(job["location"].(string)); err == nil {
		t.Error("a link is good after a minute")
	}
	if _, err := r.download(object(t, r.api(200, "GET", path, ""))["location"].(string)); err != nil {
		t.Errorf("a new link: %v", err)
	}
	r.clock.pass(23 * time.Hour)
	r.token = r.signIn("usher", secret)
	r.clock.pass(time.Hour)
	r.refused(404, "inexistent_job", "GET", path, "")
	r.api(400, "POST", "/jobs/users-exports", `{"format":"csv"}`)
	r.refused(400, "inexistent_connection", "POST", "/jobs/users-exports", `{"format":"json","connection_id":"con_none"}`)
}

// What goes wrong with an export, as a schedule says.
func TestExportFaults(t *testing.T) {
	t.Parallel()
	kinds := []auth0test.Kind{auth0test.ExportFailed, auth0test.ExportStuck, auth0test.ExportEmpty, auth0test.ExportShort, auth0test.ExportTorn, auth0test.None}
	var rules []auth0test.Rule
	for _, k := range kinds {
		rules = append(rules, auth0test.Rule{Method: "POST", Path: "/jobs/users-exports", Times: 1, Fault: auth0test.Fault{Kind: k}})
	}
	r := newRig(t, func(c *auth0test.Config) { c.Faults, c.ExportNested = auth0test.Rules(rules...), true })
	crowd(t, r, 40)
	const body = `{"format":"json","fields":[{"name":"user_id"},{"name":"app_metadata.department"}]}`
	if job := r.export(body); job["status"] != "failed" || job["location"] != nil {
		t.Errorf("a job that fails is %v", job)
	}
	job := object(t, r.api(200, "POST", "/jobs/users-exports", body))
	r.clock.pass(time.Hour)
	if job := object(t, r.api(200, "GET", "/jobs/"+job["id"].(string), "")); job["status"] != "pending" {
		t.Errorf("a job that is stuck is %v", job)
	}
	for _, c := range []struct {
		lines int
		whole bool
	}{{0, true}, {20, true}, {21, false}, {40, true}} {
		lines, err := r.download(r.export(body)["location"].(string))
		if len(lines) != c.lines || (err == nil) != c.whole {
			t.Errorf("%d lines and %v, want %d", len(lines), err, c.lines)
		}
		if len(lines) > 0 && object(t, lines[0])["app_metadata"].(doc)["department"] != "d0" {
			t.Errorf("a line is %s", lines[0])
		}
	}
}

// A hundred thousand users are there within seconds, and exported within a few more.
func TestMany(t *testing.T) {
	if testing.Short() {
		t.Skip("a hundred thousand users")
	}
	t.Parallel()
	r := newRig(t)
	start := time.Now()
	crowd(t, r, 100_000)
	loaded := time.Now()
	lines, err := r.download(r.export(`{"format":"json","fields":[{"name":"user_id"},{"name":"email"},{"name":"identities"},{"name":"app_metadata.department"}]}`)["location"].(string))
	t.Logf("loaded in %v, exported in %v", loaded.Sub(start), time.Since(loaded))
	if err != nil || len(lines) != 100_000 || r.Len() != 100_000 {
		t.Errorf("%d users, %d lines, %v", r.Len(), len(lines), err)
	}
	if took := time.Since(start); took > time.Minute {
		t.Errorf("it took %v", took)
	}
}
