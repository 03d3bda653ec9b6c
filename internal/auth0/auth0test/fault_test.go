// SPDX-License-Identifier: Apache-2.0

package auth0test_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/auth0/auth0test"
)

// Each kind of fault: what the client sees, and whether the write happened.
func TestFaults(t *testing.T) {
	t.Parallel()
	const hold = time.Millisecond
	for kind, want := range map[auth0test.Kind]struct {
		status  int // 0: no answer
		written bool
	}{
		auth0test.None:         {201, true},
		auth0test.TooMany:      {429, false},
		auth0test.Unavailable:  {503, false},
		auth0test.ServerError:  {500, false},
		auth0test.BadGateway:   {502, false},
		auth0test.TimeOut:      {0, false},
		auth0test.Reset:        {0, false},
		auth0test.Unauthorized: {401, false},
		auth0test.Forbidden:    {403, false},
		auth0test.NotFound:     {404, false},
		auth0test.Conflict:     {409, false},
		auth0test.AnswerLost:   {0, true},
		auth0test.AnswerHangs:  {0, true},
		auth0test.ErrorAfter:   {500, true},
		auth0test.BusyAfter:    {503, true},
		auth0test.Truncated:    {0, true},
		auth0test.Garbage:      {201, true},
		auth0test.Slow:         {201, true},
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			faults := auth0test.Rules(auth0test.Rule{Method: "POST", Path: "/users", Subject: "ada@acme.example", Attempt: 1, Fault: auth0test.Fault{Kind: kind, Hold: hold}})
			r, base := listening(t, func(c *auth0test.Config) { c.Faults = faults })
			ask := func() (int, string) {
				req, err := http.NewRequestWithContext(t.Context(), "POST", base+"/api/v2/users", strings.NewReader(`{"connection":"`+database+`","email":"ada@acme.example","password":"correct horse","verify_email":false}`))
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("Authorization", "Bearer "+r.token)
				req.Header.Set("X-Correlation-ID", strings.Repeat("c", 80))
				res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
				if err != nil {
					return 0, ""
				}
				defer res.Body.Close()
				body, err := io.ReadAll(res.Body)
				if err != nil {
					return 0, ""
				}
				return res.StatusCode, string(body)
			}
			status, body := ask()
			if status != want.status || (r.Len() == 1) != want.written {
				t.Errorf("it answered %d %s, and there are %d users", status, body, r.Len())
			}
			if ledger := r.Ledger(); want.written {
				lost := kind != auth0test.None && kind != auth0test.Slow
				if len(ledger) != 1 || ledger[0].ClientID != "usher" || ledger[0].Correlation != strings.Repeat("c", 64) || ledger[0].Lost != lost || ledger[0].Outside {
					t.Errorf("the ledger is %+v", ledger)
				}
			}
			if second, _ := ask(); want.written && second != 409 || !want.written && second != 201 {
				t.Errorf("the second attempt answered %d", second)
			}
			if n := faults.Done()[kind]; kind != auth0test.None && n != 1 {
				t.Errorf("%d faults were served", n)
			}
			if n := r.Counts()["POST /users"]; n != 2 || r.Counts().Writes() != 2 || r.Counts().Total() != 3 {
				t.Errorf("the counts are %v", r.Counts())
			}
		})
	}
}

// A 200 without an effect: what a client only finds by reading back.
func TestNoEffect(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *auth0test.Config) {
		c.Faults = auth0test.Rules(auth0test.Rule{Method: "PATCH", Times: 1, Fault: auth0test.Fault{Kind: auth0test.NoEffect}})
	})
	path := "/users/" + url.PathEscape(r.newUser("ada@acme.example"))
	if u := object(t, r.api(200, "PATCH", path, `{"blocked":true}`)); u["blocked"] != true {
		t.Errorf("the answer is %v", u)
	}
	if u := object(t, r.api(200, "GET", path, "")); u["blocked"] != nil {
		t.Error("it had an effect")
	}
	r.api(200, "PATCH", path, `{"blocked":true}`)
	if got := r.effects(); !slices.Equal(got, []string{"create user", "block user"}) {
		t.Errorf("the ledger is %v", got)
	}
}

// A rule counts the requests that match; a seeded schedule is the same in each run.
func TestSchedule(t *testing.T) {
	t.Parallel()
	run := func(s *auth0test.Schedule) []int {
		r := newRig(t)
		r.SetFaults(s)
		var out []int
		for i := range 12 {
			out = append(out, r.send("GET", fmt.Sprintf("/api/v2/roles?page=%d", i/6), "", map[string]string{"Authorization": "Bearer " + r.token}).Code)
		}
		return out
	}
	third := auth0test.Rules(auth0test.Rule{Path: "/roles", After: 2, Times: 2, Fault: auth0test.Fault{Kind: auth0test.Unavailable}})
	if got, want := run(third), []int{200, 200, 503, 503, 200, 200, 200, 200, 200, 200, 200, 200}; !slices.Equal(got, want) {
		t.Errorf("by a rule it answers %v", got)
	}
	seeded := func(seed uint64) []int { return run(auth0test.Seeded(seed, 0.5, 0, auth0test.Unavailable)) }
	if a, b := seeded(7), seeded(7); !slices.Equal(a, b) || slices.Equal(a, seeded(8)) || !slices.Contains(a, 503) || !slices.Contains(a, 200) {
		t.Errorf("by a seed it answers %v and %v", a, b)
	}
	r := newRig(t)
	r.SetDown(true)
	r.api(503, "GET", "/roles", "")
	r.SetDown(false)
	r.api(200, "GET", "/roles", "")
}

// A stream is cut in the middle of a message, and an offset is gone once.
func TestStreamFaults(t *testing.T) {
	t.Parallel()
	faults := auth0test.Rules(
		auth0test.Rule{Path: "/events", Times: 1, Fault: auth0test.Fault{Kind: auth0test.Truncated, Bytes: 60}},
		auth0test.Rule{Path: "/events", Times: 1, Fault: auth0test.Fault{Kind: auth0test.Gone}},
		auth0test.Rule{Path: "/events", Times: 1, Fault: auth0test.Fault{Kind: auth0test.TooMany, RetryAfter: 3 * time.Second}},
	)
	r, base := listening(t, func(c *auth0test.Config) { c.Faults = faults })
	s := r.open(t.Context(), base, "", "")
	r.newUser("ada@acme.example")
	if got, err := io.ReadAll(s.body); err == nil || len(got) != 60 {
		t.Errorf("it is cut by %v after %d bytes", err, len(got))
	}
	if s := r.open(t.Context(), base, "", ""); s.status != 410 {
		t.Errorf("then it answers %d", s.status)
	}
	if s := r.open(t.Context(), base, "", ""); s.status != 429 || s.header.Get("Retry-After") != "3" {
		t.Errorf("then it answers %d", s.status)
	}
	r.open(t.Context(), base, "from_timestamp=2020-01-01T00:00:00Z", "").events(t, 1)
}

// What an administrator does is told of without a client, and is no request.
func TestOutside(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.ResetCounts()
	id, err := r.Put(auth0test.User{Email: "Ada@Acme.example", GivenName: "Ada"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Put(auth0test.User{Email: "ada@acme.example"}); err == nil {
		t.Error("two users have an address")
	}
	for _, err := range []error{
		r.Alter(id, func(u *auth0test.User) { u.FamilyName = "Lovelace" }),
		r.Alter(id, func(*auth0test.User) {}), r.Block(id), r.Block(id), r.Unblock(id), r.SignIn(id),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	r.BruteForce(id, true)
	if r.SignIn(id) == nil {
		t.Error("who tried too often signs in")
	}
	path := "/user-blocks/" + url.PathEscape(id)
	if b := object(t, r.api(200, "GET", path, ""))["blocked_for"].([]any); len(b) != 1 {
		t.Errorf("the blocks are %v", b)
	}
	r.api(204, "DELETE", path, "")
	if err := r.SignIn(id); err != nil {
		t.Error(err)
	}
	r.ResetCounts()
	role, err := r.PutRole("Engineers", id)
	if err != nil || role == "" || !slices.Equal(r.RolesOf(id), []string{"Engineers"}) {
		t.Errorf("the roles are %v, %v", r.RolesOf(id), err)
	}
	if _, err := r.PutOrganization("acme", "Acme", id); err != nil || !slices.Equal(r.OrganizationsOf(id), []string{"acme"}) {
		t.Errorf("the organizations are %v, %v", r.OrganizationsOf(id), err)
	}
	if err := r.Remove(id); err != nil || r.Remove(id) == nil || r.Block(id) == nil {
		t.Error("a user is removed twice, or not once")
	}
	want := []string{
		"user.created " + id, "user.updated " + id, "user.updated " + id, "user.updated " + id, "user.updated " + id, "user.updated " + id,
		"organization.created ", "organization.member.added " + id, "user.deleted " + id,
	}
	if got := r.told(); !slices.Equal(got, want) {
		t.Errorf("told were %v, want %v", got, want)
	}
	for _, e := range r.Ledger() {
		if !e.Outside || e.ClientID != "" || e.Correlation != "" {
			t.Errorf("the ledger has %+v", e)
		}
	}
	if r.Counts().Total() != 0 || len(r.RolesOf(id)) != 0 {
		t.Error("something is counted, or left")
	}
}

// Many clients, administrators and readers at once; the race detector watches.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	r, base := listening(t, func(c *auth0test.Config) { c.Retries = quick; c.Events.Heartbeat = time.Millisecond })
	h := newHook()
	id, err := r.AddStream(auth0test.Stream{URL: serve(t, h), Bearer: "x"})
	if err != nil {
		t.Fatal(err)
	}
	s := r.open(t.Context(), base, "", "")
	const workers, each = 8, 10
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			for i := range each {
				user := r.newUser(fmt.Sprintf("w%di%d@acme.example", w, i))
				_ = r.SignIn(user)
				r.api(200, "PATCH", "/users/"+url.PathEscape(user), `{"blocked":true}`)
				r.api(200, "GET", "/users?q=blocked:true", "")
				r.export(`{"format":"json"}`)
				r.Users()
				r.Ledger()
			}
		})
	}
	got := s.events(t, workers*each*3)
	all.Wait()
	seen := map[string]bool{}
	for _, m := range got {
		seen[m.id] = true
	}
	if len(seen) != workers*each*3 {
		t.Errorf("%d offsets", len(seen))
	}
	r.settled(id, func(s auth0test.StreamStatus) bool { return s.Sent == workers*each*3 })
}
