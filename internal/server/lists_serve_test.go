// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/source/httpintest"
)

// listedCompany is a company whose people come from a list that calls us.
const listedCompany = `store: DIR/usher.db
secrets: {key: DIR/usher.key}
sources:
  hr:
    type: http
    url: URL
    auth: {bearer: "secret:hr"}
    allow: [loopback, plain-http]
    list: data.people
    key: id
    columns: {id: id, first: name.first, end: end}
    optional: [end]
    paging: {cursor: {param: cursor, next: meta.next}}
    MORE
    webhook: {secrets: ["secret:calls"], header: X-Sig, algorithm: sha256, prefix: "sha256=", person: PERSON}
    person:
      displayName: row.first
      userName: slug(row.first) + "@acme.example"
      usher.endDate: date(row.end, ["yyyy-MM-dd"])
apps:
  app:
    url: https://app.example/scim
    token: xyz
    first_run: go
    user: {userName: person.userName, displayName: person.displayName}
server: {address: '127.0.0.1:0'}
telemetry: {metrics_address: 'off'}
`

const callsSecret = "the-secret-by-which-calls-are-known"

// listed is a daemon whose people come from a fake list.
func listed(t *testing.T, more, person string) (*served, *httpintest.Server) {
	t.Helper()
	s, hr := newServed(t), httpintest.New(t)
	hr.Token, hr.Paging = "the-token-of-hr", httpintest.Cursor
	hr.Set(listedStaff(7))
	keyed(t, s.dir)
	s.conf = strings.NewReplacer("MORE", strings.ReplaceAll(more, "URL", hr.URL), ", person: PERSON", person, "URL", hr.URL).Replace(listedCompany)
	u, err := built(t, s.dir, s.conf).Open(t.Context(), "test")
	if err != nil {
		t.Fatal(err)
	}
	put(t, u, "hr", hr.Token, false)
	put(t, u, "calls", "another-secret-of-some-length", false)
	put(t, u, "calls", callsSecret, true)
	if err := u.Close(); err != nil {
		t.Fatal(err)
	}
	s.serve(t)
	until(t, "all have accounts", func() bool { return s.has(7) })
	return s, hr
}

func listedStaff(n int) (out []httpintest.Person) {
	for i := range n {
		out = append(out, httpintest.Person{"id": i + 1, "name": map[string]string{"first": fmt.Sprintf("p%d", i+1)}})
	}
	return out
}

// has reports whether n accounts are live.
func (s *served) has(n int) bool {
	s.app.mu.Lock()
	defer s.app.mu.Unlock()
	return len(s.app.live()) == n
}

// call calls as HR does, signed by a secret.
func (s *served) call(t *testing.T, body, secret string) int {
	t.Helper()
	m := hmac.New(sha256.New, []byte(secret))
	m.Write([]byte(body))
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/hooks/hr", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Sig", "sha256="+hex.EncodeToString(m.Sum(nil)))
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	return res.StatusCode
}

// TestAListThatCalls: by a call a leaver is out at once and a joiner in, read by id; who is
// not found by id is looked for in the list. No secret is written anywhere.
func TestAListThatCalls(t *testing.T) {
	t.Parallel()
	s, hr := listed(t, `one: {url: "URL/{id}", at: data}`, ", person: id")
	hr.Counts()
	people := listedStaff(8)
	people[2]["end"] = "2026-01-01"
	hr.Set(people)
	if code := s.call(t, `{"id":3}`, "a-secret-that-nobody-has-set"); code != http.StatusUnauthorized {
		t.Errorf("%d", code)
	}
	for body, secret := range map[string]string{`{"id":3}`: callsSecret, `{"id":"8"}`: "another-secret-of-some-length"} {
		if code := s.call(t, body, secret); code != http.StatusNoContent {
			t.Errorf("%s: %d", body, code)
		}
	}
	until(t, "one is out and one in", func() bool {
		s.app.mu.Lock()
		defer s.app.mu.Unlock()
		return slices.Equal(s.app.live(), []string{"p1", "p2", "p4", "p5", "p6", "p7", "p8"})
	})
	if c := hr.Counts(); c.Lists != 0 || c.Ones < 2 {
		t.Errorf("%+v", c)
	}
	hr.Set(slices.Delete(people, 4, 5))
	if code := s.call(t, `{"id":5}`, callsSecret); code != http.StatusNoContent {
		t.Errorf("%d", code)
	}
	until(t, "who is in the list no more is out", func() bool { return s.has(6) })
	s.end(t)
	s.nowhere(t, hr.Token, callsSecret)
}

// TestAListThatCallsAndTellsOfNobody: then everybody is read.
func TestAListThatCallsAndTellsOfNobody(t *testing.T) {
	t.Parallel()
	s, hr := listed(t, "every: 1h", "")
	hr.Set(listedStaff(6))
	if code := s.call(t, `{"anything":1}`, callsSecret); code != http.StatusNoContent {
		t.Errorf("%d", code)
	}
	until(t, "one is out", func() bool { return s.has(6) })
	s.end(t)
	s.nowhere(t, hr.Token, callsSecret)
}

// TestAListThatFails: what is known goes on, the trouble is told, and it ends.
func TestAListThatFails(t *testing.T) {
	t.Parallel()
	s, hr := listed(t, "requests_per_second: 100", "")
	hr.Lock()
	hr.Token = "another"
	hr.Unlock()
	s.call(t, `{}`, callsSecret)
	until(t, "it is told", func() bool {
		return strings.Contains(s.log.String(), "does not take the credential (401 Unauthorized)")
	})
	if !s.has(7) {
		t.Error("somebody is out")
	}
	hr.Lock()
	hr.Token = "the-token-of-hr"
	hr.Unlock()
	hr.Set(listedStaff(8))
	s.call(t, `{}`, callsSecret)
	until(t, "one is in", func() bool { return s.has(8) })
	s.end(t)
	s.nowhere(t, hr.Token, callsSecret)
}

// nowhere holds that what must not be written down is in no file and in no line of the log.
func (s *served) nowhere(t *testing.T, words ...string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(s.dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range words {
			if bytes.Contains(text, []byte(w)) || strings.Contains(s.log.String(), w) {
				t.Errorf("%s or the log holds %q", filepath.Base(f), w)
			}
		}
	}
}
