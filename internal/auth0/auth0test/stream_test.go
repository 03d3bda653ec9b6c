// SPDX-License-Identifier: Apache-2.0

package auth0test_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/auth0/auth0test"
)

// message is one message of a stream of Server-Sent Events; a comment has a text alone.
type message struct{ event, id, data, comment, retry string }

// reader reads a stream.
type reader struct {
	status int
	header http.Header
	body   io.ReadCloser
	lines  *bufio.Reader
}

// open opens the stream of a tenant that listens.
func (r *rig) open(ctx context.Context, base, query, last string) *reader {
	r.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/api/v2/events?"+query, nil)
	if err != nil {
		r.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.token)
	req.Header.Set("Accept", "text/event-stream")
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	res, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { _ = res.Body.Close() })
	return &reader{res.StatusCode, res.Header, res.Body, bufio.NewReader(res.Body)}
}

// next reads one message, comments too.
func (s *reader) next() (message, error) {
	var m message
	for {
		line, err := s.lines.ReadString('\n')
		if err != nil {
			return m, err
		}
		line = strings.TrimSuffix(line, "\n")
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "":
			if m != (message{}) {
				return m, nil
			}
		case name == "":
			m.comment = value
		case name == "event":
			m.event = value
		case name == "id":
			m.id = value
		case name == "data":
			m.data = value
		case name == "retry":
			m.retry = value
		}
	}
}

// events reads n events, and skips what tells progress only.
func (s *reader) events(t testing.TB, n int) []message {
	t.Helper()
	var out []message
	for len(out) < n {
		m, err := s.next()
		if err != nil {
			t.Fatalf("after %d events: %v", len(out), err)
		}
		if m.event != "" && m.event != "offset-only" {
			out = append(out, m)
		}
	}
	return out
}

func subject(t testing.TB, m message) string {
	t.Helper()
	return m.event + " " + object(t, m.data)["event"].(doc)["data"].(doc)["object"].(doc)["user_id"].(string)
}

// listening is a rig whose tenant listens in real time.
func listening(t *testing.T, change ...func(*auth0test.Config)) (*rig, string) {
	t.Helper()
	r := newRig(t, append(change, func(c *auth0test.Config) { c.Now, c.URL = time.Now, host })...)
	base, stop, err := r.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return r, base
}

// Reference 1.1, Events API: the frames, what is in them, and how a stream goes on.
func TestEventsAPI(t *testing.T) {
	t.Parallel()
	r, base := listening(t, func(c *auth0test.Config) { c.Events.Heartbeat = 20 * time.Millisecond })
	before := r.newUser("before@acme.example")
	s := r.open(t.Context(), base, "", "")
	if got := s.header.Get("Content-Type"); s.status != 200 || got != "text/event-stream" {
		t.Fatalf("it answered %d %s", s.status, got)
	}
	if m, err := s.next(); err != nil || m.comment != "connected" {
		t.Errorf("the first message is %+v, %v", m, err)
	}
	if m, err := s.next(); err != nil || m.retry != "2000" {
		t.Errorf("the second message is %+v, %v", m, err)
	}
	heartbeat, err := s.next()
	progress, err2 := s.next()
	if errors.Join(err, err2) != nil || heartbeat.comment != "heartbeat" || progress.event != "offset-only" || object(t, progress.data)["offset"] != progress.id {
		t.Errorf("the heartbeat is %+v and %+v", heartbeat, progress)
	}
	id := r.newUser("ada@acme.example")
	m := s.events(t, 1)[0]
	data := object(t, m.data)
	event := data["event"].(doc)
	if m.event != "user.created" || data["offset"] != m.id || event["specversion"] != "1.0" || event["source"] != "urn:auth0:acme.eu.auth0.com" ||
		event["a0tenant"] != "acme" || !strings.HasPrefix(event["id"].(string), "evt_") || !strings.HasPrefix(event["a0stream"].(string), "est_") || event["a0purpose"] != nil {
		t.Errorf("the event is %s", m.data)
	}
	about := event["data"].(doc)["context"].(doc)
	if about["client"].(doc)["id"] != "usher" || about["connection"].(doc)["name"] != database || about["connection"].(doc)["strategy"] != "auth0" {
		t.Errorf("its context is %v", about)
	}
	if err := r.Remove(id); err != nil {
		t.Fatal(err)
	}
	gone := s.events(t, 1)[0]
	event = object(t, gone.data)["event"].(doc)
	if gone.event != "user.deleted" || event["data"].(doc)["object"].(doc)["deleted_at"] == nil || event["data"].(doc)["context"].(doc)["client"] != nil {
		t.Errorf("the event is %s", gone.data)
	}
	// Behind an offset, by either way; the header wins.
	for _, c := range [][2]string{{"from=" + url.QueryEscape(progress.id), ""}, {"from=" + url.QueryEscape(m.id), progress.id}, {"", progress.id}} {
		again := r.open(t.Context(), base, c[0], c[1]).events(t, 2)
		if again[0].data != m.data || again[1].data != gone.data {
			t.Errorf("from %v come %v", c, again)
		}
	}
	only := r.open(t.Context(), base, "event_type=user.deleted&event_type=group.created&from="+url.QueryEscape(progress.id), "")
	if got := only.events(t, 1)[0]; got.data != gone.data {
		t.Errorf("of one type comes %+v", got)
	}
	all := r.open(t.Context(), base, "from_timestamp=2020-01-01T00:00:00Z", "").events(t, 3)
	if subject(t, all[0]) != "user.created "+before {
		t.Errorf("from a time comes %+v", all[0])
	}
}

// Reference 1.1, Events API: what is refused.
func TestEventsRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *auth0test.Config) { c.Events.Retention = time.Hour })
	r.newUser("a@acme.example")
	for query, status := range map[string]int{
		"from=nonsense":                         400,
		"from=MC8w":                             400,
		"event_type=user.exploded":              400,
		"from=x&from_timestamp=2026-01-01":      400,
		"from_timestamp=2026-01-01T00:00:00.5Z": 400,
		"limit=1":                               400,
	} {
		r.api(status, "GET", "/events?"+query, "")
	}
	r.token = r.signIn("usher", secret)
	narrow, err := auth0test.New(auth0test.Config{ClientID: "usher", Secret: secret, Scopes: []string{"read:users"}, Now: r.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	other := &rig{TB: t, Tenant: narrow, clock: r.clock}
	other.token = other.signIn("usher", secret)
	if why := other.refused(403, "insufficient_scope", "GET", "/events", ""); !strings.Contains(why, "read:events") {
		t.Error(why)
	}
	other.token = "none"
	other.refused(401, "invalid_token", "GET", "/events", "")
}

// Reference 1.1, Events API: an offset expires, by age or by accident, with a 410; a
// time still leads to what is kept.
func TestForgottenOffsets(t *testing.T) {
	t.Parallel()
	for name, forget := range map[string]func(*rig){
		"by accident": func(r *rig) { r.ForgetOffsets() },
		"by age":      func(r *rig) { r.clock.pass(2 * time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, func(c *auth0test.Config) { c.Events.Retention, c.URL = time.Hour, host })
			base, stop, err := r.Listen(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(stop)
			s := r.open(t.Context(), base, "", "")
			r.newUser("a@acme.example")
			offset := s.events(t, 1)[0].id
			r.newUser("b@acme.example")
			forget(r)
			last := r.newUser("c@acme.example")
			if s := r.open(t.Context(), base, "from="+url.QueryEscape(offset), ""); s.status != 410 {
				t.Errorf("a forgotten offset answers %d", s.status)
			}
			kept := r.open(t.Context(), base, "from_timestamp=2026-01-01T00:00:00Z", "").events(t, 1)
			if subject(t, kept[0]) != "user.created "+last {
				t.Errorf("from a time comes %+v", kept[0])
			}
		})
	}
}

// How streams end: as planned, by force, by an error; and how they fall silent.
func TestStreamsEnd(t *testing.T) {
	t.Parallel()
	t.Run("after so many events", func(t *testing.T) {
		t.Parallel()
		r, base := listening(t, func(c *auth0test.Config) { c.Events.CloseAfterEvents = 2 })
		s := r.open(t.Context(), base, "", "")
		for i := range 3 {
			r.newUser(fmt.Sprintf("p%d@acme.example", i))
		}
		second := s.events(t, 2)[1]
		if _, err := s.next(); !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("it ends by %v", err)
		}
		third := r.open(t.Context(), base, "from="+url.QueryEscape(second.id), "").events(t, 1)[0]
		if u, _ := r.UserByEmail("p2@acme.example"); subject(t, third) != "user.created "+u.ID {
			t.Errorf("behind it comes %+v", third)
		}
	})
	t.Run("after a time", func(t *testing.T) {
		t.Parallel()
		r, base := listening(t, func(c *auth0test.Config) { c.Events.CloseAfter = 30 * time.Millisecond })
		if _, err := io.ReadAll(r.open(t.Context(), base, "", "").body); err != nil {
			t.Errorf("it ends by %v", err)
		}
	})
	for name, c := range map[string]struct {
		end  func(*rig)
		cut  bool
		says string
	}{
		"in order": {func(r *rig) { r.CloseStreams(false) }, false, ""},
		"cut":      {func(r *rig) { r.CloseStreams(true) }, true, ""},
		"by error": {func(r *rig) { r.FailStreams(auth0test.CursorExpired) }, false, "event: error\ndata: {\"error\":{\"code\":\"cursor_expired\",\"message\":\"The stream ends: cursor_expired\"}}\n\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, base := listening(t)
			s := r.open(t.Context(), base, "", "")
			if _, err := s.next(); err != nil {
				t.Fatal(err)
			}
			c.end(r)
			rest, err := io.ReadAll(s.lines)
			if (err != nil) != c.cut || !strings.HasSuffix(string(rest), c.says) {
				t.Errorf("it ends by %v and %q", err, rest)
			}
		})
	}
	t.Run("no more than so many", func(t *testing.T) {
		t.Parallel()
		r, base := listening(t, func(c *auth0test.Config) { c.Events.MostStreams = 1 })
		r.open(t.Context(), base, "", "")
		if s := r.open(t.Context(), base, "", ""); s.status != 429 || s.header.Get("Retry-After") == "" {
			t.Errorf("the second stream answers %d", s.status)
		}
	})
}

// What goes wrong with events: dropped, told twice, told late.
func TestMischief(t *testing.T) {
	t.Parallel()
	r, base := listening(t, func(c *auth0test.Config) {
		c.Events.Mischief = []auth0test.Mischief{
			{Type: "user.created", After: 1, Times: 1, Trick: auth0test.Drop},
			{Type: "user.created", After: 1, Times: 1, Trick: auth0test.Duplicate},
			{Type: "user.created", After: 1, Times: 1, Trick: auth0test.Late, By: 2},
			{Type: "user.created", Times: 1, Subject: "auth0|again", Trick: auth0test.Again},
		}
	})
	s := r.open(t.Context(), base, "", "")
	var ids []string
	for i := range 6 {
		ids = append(ids, r.newUser(fmt.Sprintf("p%d@acme.example", i)))
	}
	var got []string
	for _, m := range s.events(t, 6) {
		got = append(got, object(t, m.data)["event"].(doc)["data"].(doc)["object"].(doc)["user_id"].(string))
	}
	// The second is dropped, the third told twice, the fourth behind two others.
	want := []string{ids[0], ids[2], ids[2], ids[4], ids[5], ids[3]}
	if !slices.Equal(got, want) {
		t.Errorf("told were %v, want %v", got, want)
	}
	for _, id := range []string{"auth0|again", "auth0|after"} {
		if _, err := r.Put(auth0test.User{ID: id}); err != nil {
			t.Fatal(err)
		}
	}
	got = nil
	for _, m := range s.events(t, 3) {
		got = append(got, subject(t, m))
	}
	if want := []string{"user.created auth0|again", "user.created auth0|after", "user.created auth0|again"}; !slices.Equal(got, want) {
		t.Errorf("told were %v, want %v", got, want)
	}
	if n := len(r.Events()); n != 8 {
		t.Errorf("%d events happened", n)
	}
}
