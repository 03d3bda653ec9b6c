// SPDX-License-Identifier: Apache-2.0

package auth0_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-id/usher/internal/auth0"
)

func zipped(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func exported(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "{\"user_id\":\"auth0|%04d\",\"app_metadata\":{\"department\":\"R&D\"}}\n", i)
	}
	return b.String()
}

// exporter is a tenant with an export job, and a storage that has the result.
func exporter(t *testing.T, states []string, file []byte) (*auth0.Client, *[]string) {
	t.Helper()
	var bodies []string
	return newClient(t, auth0.Config{URL: "https://a.example", HTTP: roundTrips(func(r *http.Request) (*http.Response, error) {
		w := httptest.NewRecorder()
		switch {
		case r.URL.Host == "storage.example":
			if r.Header.Get("Authorization") != "" || r.Header.Get("Accept-Encoding") != "identity" {
				t.Errorf("the storage gets %v", r.Header)
			}
			if r.URL.RawQuery != "signature=x" {
				w.WriteHeader(http.StatusForbidden)
			}
			_, _ = w.Write(file)
		case r.URL.Path == "/oauth/token":
			giveToken(w, token, 86_400)
		case r.Method == http.MethodPost:
			text, _ := io.ReadAll(r.Body)
			bodies = append(bodies, r.URL.Path+" "+string(text))
			answer(w, http.StatusOK, `{"id":"job_1","type":"users_export","status":"pending"}`)
		default:
			bodies = append(bodies, r.URL.Path)
			answer(w, http.StatusOK, states[0])
			if len(states) > 1 {
				states = states[1:]
			}
		}
		res := w.Result()
		res.Request = r
		return res, r.Context().Err()
	})}), &bodies
}

const done = `{"id":"job_1","status":"completed","location":"https://storage.example/f.json.gz?signature=x"}`

func TestExport(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const pending = `{"id":"job_1","status":"pending"}`
		c, seen := exporter(t, []string{pending, pending, `{"id":"job_1","status":"processing"}`, done}, zipped(t, exported(1234)))
		start := time.Now()
		users, err := all(c.Export(t.Context(), "con_1", []string{"email", "app_metadata.department", "blocked"}))
		if err != nil || len(users) != 1234 || users[1233].ID != "auth0|1233" || string(users[7].AppMetadata["department"]) != `"R&D"` {
			t.Fatalf("%d users, %v", len(users), err)
		}
		if took := time.Since(start); took != 4750*time.Millisecond { // 1 s, 1.5 s, 2.25 s
			t.Errorf("waited %v", took)
		}
		want := `/api/v2/jobs/users-exports {"connection_id":"con_1","format":"json","fields":[{"name":"user_id"},{"name":"identities"},{"name":"blocked"},{"name":"updated_at"},{"name":"email"},{"name":"app_metadata.department"}]}`
		if (*seen)[0] != want || len(*seen) != 5 || (*seen)[1] != "/api/v2/jobs/job_1" {
			t.Errorf("%q", *seen)
		}
	})
}

func TestExportEdges(t *testing.T) {
	t.Parallel()
	two := "{\"user_id\":\"a\"}\n{\"user_id\":\"b\"}"
	var twice []byte
	twice = append(twice, zipped(t, "{\"user_id\":\"a\"}\n")...)
	twice = append(twice, zipped(t, "{\"user_id\":\"b\"}\n")...)
	for name, tc := range map[string]struct {
		file []byte
		want int
	}{
		"nobody": {zipped(t, ""), 0}, "no line feed at the end": {zipped(t, two), 2}, "CRLF and blank lines": {zipped(t, strings.ReplaceAll(two, "\n", "\r\n\r\n")), 2},
		"in two members": {twice, 2}, "long lines": {zipped(t, `{"user_id":"a","x":"`+strings.Repeat("x", 200<<10)+"\"}\n"), 1},
	} {
		c, _ := exporter(t, []string{done}, tc.file)
		if users, err := all(c.Export(t.Context(), "", nil)); err != nil || len(users) != tc.want {
			t.Errorf("%s: %d users, %v", name, len(users), err)
		}
	}
	c, _ := exporter(t, []string{done}, zipped(t, exported(10)))
	for u, err := range c.Export(t.Context(), "", nil) { // who has seen enough may go
		if u.ID != "auth0|0000" || err != nil {
			t.Errorf("%v, %v", u, err)
		}
		break
	}
}

// TestExportIncomplete holds that what is not whole is no list of everybody.
func TestExportIncomplete(t *testing.T) {
	t.Parallel()
	whole := zipped(t, exported(500))
	damaged := bytes.Clone(whole)
	damaged[len(damaged)-6] ^= 1 // in the checksum
	for name, tc := range map[string]struct {
		state string
		file  []byte
		want  string
	}{
		"failed":       {`{"status":"failed","status_details":"out of\nspace"}`, nil, "failed: out of space: the export job did not succeed"},
		"unknown":      {`{"status":"expired"}`, nil, "did not succeed"},
		"no status":    {`{}`, nil, "did not succeed"},
		"no location":  {`{"status":"completed"}`, nil, "without a result"},
		"plain http":   {`{"status":"completed","location":"http://storage.example/f?signature=x"}`, whole, "none of https"},
		"no host":      {`{"status":"completed","location":"/f?signature=x"}`, whole, "none of https"},
		"file":         {`{"status":"completed","location":"file:///etc/passwd"}`, whole, "none of https"},
		"password":     {`{"status":"completed","location":"https://u:p@storage.example/f?signature=x"}`, whole, "none of https"},
		"refused":      {`{"status":"completed","location":"https://storage.example/f?signature=y"}`, nil, "status 403: the result of the export cannot be read"},
		"no gzip":      {done, []byte(exported(3)), "no gzip file"},
		"nothing":      {done, nil, "no gzip file"},
		"cut":          {done, whole[:len(whole)/2], "unexpected EOF"},
		"no trailer":   {done, whole[:len(whole)-8], "unexpected EOF"},
		"half trailer": {done, whole[:len(whole)-3], "unexpected EOF"},
		"checksum":     {done, damaged, "checksum"},
		"behind it":    {done, append(bytes.Clone(whole), "more"...), "unexpected EOF"},
		"half a line":  {done, zipped(t, exported(3)+`{"user_id":"auth`), "line 4: auth0: a user is no JSON object"},
		"no id":        {done, zipped(t, `{"email":"x"}`), "line 1: auth0: a user has no user_id"},
		"long line":    {done, zipped(t, `{"user_id":"a","x":"`+strings.Repeat("x", 1<<21)+"\"}\n"), "longer than"},
		"bomb":         {done, zipped(t, strings.Repeat(strings.Repeat(" ", 1000)+"\n", 5000)), "has more than"},
	} {
		c, _ := exporter(t, []string{tc.state}, tc.file)
		c.SetBounds(8<<20, 1<<20, 4<<20, 0, 0)
		users, err := all(c.Export(t.Context(), "", nil))
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %d users, %v", name, len(users), err)
			continue
		}
		if e := failure(t, err); strings.Contains(e.Error(), "signature") {
			t.Errorf("%s: the address is shown: %v", name, e)
		}
		if tc.state == done && !errors.Is(err, auth0.ErrIncomplete) {
			t.Errorf("%s: %v", name, err)
		}
	}
	c, _ := exporter(t, []string{`{"status":"pending"}`}, nil)
	many := make([]string, 30)
	for i := range many {
		many[i] = fmt.Sprint("app_metadata.f", i)
	}
	if _, err := all(c.Export(t.Context(), "", many)); !failure(t, err).Unsent {
		t.Errorf("%v", err)
	}
}

// TestExportSilent holds that a download that stands still is given up, and that one
// which takes long is not.
func TestExportSilent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		from, to := io.Pipe()
		c := newClient(t, auth0.Config{URL: "https://a.example", HTTP: roundTrips(func(r *http.Request) (*http.Response, error) {
			if r.URL.Host == "storage.example" {
				return piped(r, "application/gzip", from), nil
			}
			return inMemory(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost {
					answer(w, http.StatusOK, `{"id":"job_1"}`)
					return
				}
				answer(w, http.StatusOK, done)
			})(r)
		})})
		file := zipped(t, exported(1000))
		go func() {
			for part := range slices.Chunk(file[:len(file)-20], 500) {
				time.Sleep(20 * time.Second)
				_, _ = to.Write(part)
			}
		}()
		start := time.Now()
		users, err := all(c.Export(t.Context(), "", nil))
		parts := time.Duration((len(file) - 20 + 499) / 500)
		if e := failure(t, err); !strings.Contains(e.Error(), "no answer within the time") || time.Since(start) != parts*20*time.Second+30*time.Second {
			t.Errorf("%d users, %v after %v", len(users), e, time.Since(start))
		}
	})
}
