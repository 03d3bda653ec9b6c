// SPDX-License-Identifier: Apache-2.0

package auth0test_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-id/usher/internal/auth0/auth0test"
)

// hook is a webhook that answers as it is told to, and keeps what came.
type hook struct {
	mu      sync.Mutex
	answers []int // in turn; 200 afterwards
	always  int   // instead
	bodies  []string
	headers []http.Header
}

func newHook(answers ...int) *hook { return &hook{answers: answers} }

func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	h.mu.Lock()
	h.bodies = append(h.bodies, string(body))
	h.headers = append(h.headers, r.Header)
	status := 200
	if h.always != 0 {
		status = h.always
	} else if len(h.answers) > 0 {
		status, h.answers = h.answers[0], h.answers[1:]
	}
	h.mu.Unlock()
	w.WriteHeader(status)
}

func (h *hook) set(always int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.always = always
}

func (h *hook) subjects(t testing.TB) []string {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []string
	for _, b := range h.bodies {
		out = append(out, object(t, b)["data"].(doc)["object"].(doc)["user_id"].(string))
	}
	return out
}

// serve puts a handler on a port of its own.
func serve(t testing.TB, h http.Handler) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: h}
	ended := make(chan struct{})
	go func() { _ = s.Serve(l); close(ended) }()
	t.Cleanup(func() { _ = s.Close(); <-ended })
	return "http://" + l.Addr().String()
}

// quick are the pauses between attempts, scaled down.
var quick = []time.Duration{time.Millisecond, 2 * time.Millisecond, 4 * time.Millisecond}

// settled waits until a stream is as it should be.
func (r *rig) settled(id string, as func(auth0test.StreamStatus) bool) auth0test.StreamStatus {
	r.Helper()
	ctx, cancel := context.WithTimeout(r.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		s, found := r.StreamStatus(id)
		if found && as(s) {
			return s
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			r.Fatalf("the stream is %+v", s)
		}
	}
}

// Reference 1.1, Webhook and Delivery: what is sent, four attempts, and an end at a 4xx.
func TestWebhook(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		stream auth0test.Stream
		header string
		value  string
	}{
		"bearer": {auth0test.Stream{Bearer: "s3cret"}, "Authorization", "Bearer s3cret"},
		"basic":  {auth0test.Stream{Username: "u", Password: "p"}, "Authorization", "Basic dTpw"},
		"header": {auth0test.Stream{Header: "X-Key", Value: "s3cret"}, "X-Key", "s3cret"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHook(503, 429, 500, 200, 400, 503, 503, 503, 503)
			r, _ := listening(t, func(cfg *auth0test.Config) { cfg.Retries = quick })
			c.stream.URL = serve(t, h) + "/hooks/auth0"
			id, err := r.AddStream(c.stream)
			if err != nil {
				t.Fatal(err)
			}
			// 503 is tried again, 429 is a 4xx and ends it.
			first := r.newUser("first@acme.example")
			r.settled(id, func(s auth0test.StreamStatus) bool { return s.Failed == 1 })
			h.mu.Lock()
			if n := len(h.bodies); n != 2 || h.headers[0].Get(c.header) != c.value || h.headers[0].Get("Content-Type") != "application/json" {
				t.Errorf("%d attempts with %v", n, h.headers[0])
			}
			event := object(t, h.bodies[0])
			h.mu.Unlock()
			if event["a0stream"] != id || event["type"] != "user.created" || event["data"].(doc)["object"].(doc)["user_id"] != first {
				t.Errorf("the event is %v", event)
			}
			r.newUser("second@acme.example") // 500, then it comes
			r.settled(id, func(s auth0test.StreamStatus) bool { return s.Sent == 1 && s.FailedInARow == 0 })
			r.newUser("third@acme.example") // 400, and nothing else
			r.settled(id, func(s auth0test.StreamStatus) bool { return s.Failed == 2 })
			r.newUser("fourth@acme.example") // four times 503
			r.settled(id, func(s auth0test.StreamStatus) bool { return s.Failed == 3 })
			h.mu.Lock()
			defer h.mu.Unlock()
			if n := len(h.bodies); n != 2+2+1+4 {
				t.Errorf("%d attempts", n)
			}
			failed := list(t, r.api(200, "GET", "/event-streams/"+id+"/deliveries?statuses=failed", ""))
			var attempts []int
			for _, d := range failed {
				attempts = append(attempts, len(d["attempts"].([]any)))
			}
			if !slices.Equal(attempts, []int{2, 1, 4}) {
				t.Errorf("the failed deliveries had %v attempts", attempts)
			}
		})
	}
}

// Reference 1.1, Delivery: the pauses are one, two and four seconds.
func TestWebhookPauses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tenant, err := auth0test.New(auth0test.Config{ClientID: "usher", Secret: secret})
		if err != nil {
			t.Fatal(err)
		}
		// Nobody listens at this port: each attempt fails at once, as one that is refused does.
		id, err := tenant.AddStream(auth0test.Stream{URL: "http://127.0.0.1:1", Bearer: "x"})
		if err != nil {
			t.Fatal(err)
		}
		r := &rig{TB: t, Tenant: tenant}
		r.token = r.signIn("usher", secret)
		stop := tenant.Start(t.Context())
		defer stop()
		if _, err := tenant.Put(auth0test.User{Email: "ada@acme.example"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second) // of the bubble's time
		synctest.Wait()
		failed := list(t, r.api(200, "GET", "/event-streams/"+id+"/deliveries", ""))
		if len(failed) != 1 {
			t.Fatalf("%d deliveries failed", len(failed))
		}
		var pauses []time.Duration
		var last time.Time
		for _, a := range failed[0]["attempts"].([]any) {
			at, err := time.Parse(time.RFC3339, a.(doc)["timestamp"].(string))
			if err != nil {
				t.Fatal(err)
			}
			if !last.IsZero() {
				pauses = append(pauses, at.Sub(last).Round(100*time.Millisecond))
			}
			last = at
		}
		if !slices.Equal(pauses, []time.Duration{time.Second, 2 * time.Second, 4 * time.Second}) {
			t.Errorf("the pauses are %v", pauses)
		}
	})
}

// Reference 1.1, Delivery: failed deliveries are listed, and sent again when asked.
func TestRedelivery(t *testing.T) {
	t.Parallel()
	h := newHook()
	h.set(400)
	r, _ := listening(t)
	created := object(t, r.api(201, "POST", "/event-streams", `{"name":"usher","subscriptions":[{"event_type":"user.created"}],"destination":{"type":"webhook","configuration":{"webhook_endpoint":"`+serve(t, h)+`","webhook_authorization":{"method":"bearer","token":"s3cret"}}}}`))
	id := created["id"].(string)
	if created["status"] != "enabled" || strings.Contains(fmt.Sprint(created), "s3cret") || len(id) != 26 {
		t.Errorf("the stream is %v", created)
	}
	path := "/event-streams/" + id
	var users []string
	for i := range 5 {
		users = append(users, r.newUser(fmt.Sprintf("p%d@acme.example", i)))
	}
	if err := r.Block(users[0]); err != nil { // not subscribed to
		t.Fatal(err)
	}
	r.settled(id, func(s auth0test.StreamStatus) bool { return s.Failed == 5 })
	page := list(t, r.api(200, "GET", path+"/deliveries?take=2", ""))
	rest := list(t, r.api(200, "GET", path+"/deliveries?from="+page[1]["id"].(string), ""))
	if len(page) != 2 || len(rest) != 3 || page[0]["event_stream_id"] != id || object(t, page[0]["event"].(doc)["data"].(string))["object"].(doc)["user_id"] != users[0] {
		t.Errorf("the pages are %v and %v", page, rest)
	}
	event := page[0]["id"].(string)
	if d := object(t, r.api(200, "GET", path+"/deliveries/"+event, "")); d["event_type"] != "user.created" || d["status"] != "failed" {
		t.Errorf("a delivery is %v", d)
	}
	for query, want := range map[string]int{
		"event_types=user.deleted": 0, "event_types=user.created,user.deleted": 5,
		"date_from=2020-01-01T00:00:00Z": 5, "date_to=2020-01-01T00:00:00Z": 0,
	} {
		if n := len(list(t, r.api(200, "GET", path+"/deliveries?"+query, ""))); n != want {
			t.Errorf("%s finds %d, want %d", query, n, want)
		}
	}
	for _, query := range []string{"take=101", "date_from=" + url.QueryEscape("2020-01-01T00:00:00.123Z"), "statuses=sent", "from=evt_none"} {
		r.api(400, "GET", path+"/deliveries?"+query, "")
	}
	h.set(200)
	r.api(202, "POST", path+"/redeliver/"+event, "")
	r.settled(id, func(s auth0test.StreamStatus) bool { return s.Sent == 1 && s.Failed == 4 })
	r.refused(409, "event_not_failed", "POST", path+"/redeliver/"+event, "")
	r.refused(404, "inexistent_event", "POST", path+"/redeliver/evt_none", "")
	if got := h.subjects(t); got[len(got)-1] != users[0] {
		t.Errorf("again came %v", got)
	}
	r.refused(400, "invalid_body", "POST", path+"/redeliver", `{"ids":["x"]}`)
	r.api(202, "POST", path+"/redeliver", `{"event_types":["user.created"],"date_from":"2020-01-01T00:00:00Z"}`)
	r.settled(id, func(s auth0test.StreamStatus) bool { return s.Sent == 5 && s.Failed == 0 })
	r.api(202, "POST", path+"/test", `{"event_type":"user.created"}`)
	r.settled(id, func(s auth0test.StreamStatus) bool { return s.Sent == 6 })
	h.mu.Lock()
	test := object(t, h.bodies[len(h.bodies)-1])
	h.mu.Unlock()
	if test["a0purpose"] != "test" {
		t.Errorf("the test is %v", test)
	}
	if r.Len() != 5 {
		t.Error("a test makes a user")
	}
}

// Reference 1.1, Delivery: 500 failures in a row switch a stream off, and what happens
// then is lost to it.
func TestDisabled(t *testing.T) {
	t.Parallel()
	h := newHook()
	h.set(400)
	r, _ := listening(t)
	id, err := r.AddStream(auth0test.Stream{URL: serve(t, h), Bearer: "x"})
	if err != nil {
		t.Fatal(err)
	}
	user := r.newUser("ada@acme.example")
	for range 499 {
		if err := r.SignIn(user); err != nil {
			t.Fatal(err)
		}
	}
	if s := r.settled(id, func(s auth0test.StreamStatus) bool { return s.Failed == 500 }); s.Enabled {
		t.Error("after 500 failures it is on")
	}
	h.set(200)
	if err := r.SignIn(user); err != nil {
		t.Fatal(err)
	}
	r.api(200, "PATCH", "/event-streams/"+id, `{"status":"enabled"}`)
	if err := r.SignIn(user); err != nil {
		t.Fatal(err)
	}
	r.settled(id, func(s auth0test.StreamStatus) bool { return s.Enabled && s.Sent == 1 && s.Failed == 500 })
}

// What is on its way when the sender stops is sent when it starts again.
func TestSenderRestarts(t *testing.T) {
	t.Parallel()
	h := newHook()
	h.set(503)
	r := newRig(t, func(c *auth0test.Config) { c.Retries = []time.Duration{time.Hour} })
	id, err := r.AddStream(auth0test.Stream{URL: serve(t, h), Bearer: "x"})
	if err != nil {
		t.Fatal(err)
	}
	stop := r.Start(t.Context())
	user := r.newUser("ada@acme.example")
	r.settled(id, func(s auth0test.StreamStatus) bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return len(h.bodies) == 1 && s.Waiting == 0
	})
	stop()
	if s, _ := r.StreamStatus(id); s.Waiting != 1 || s.Failed != 0 {
		t.Errorf("after a stop the stream is %+v", s)
	}
	h.set(200)
	stop = r.Start(t.Context())
	defer stop()
	r.settled(id, func(s auth0test.StreamStatus) bool { return s.Sent == 1 && s.Waiting == 0 })
	if got := h.subjects(t); !slices.Equal(got, []string{user, user}) {
		t.Errorf("it came %v", got)
	}
}
