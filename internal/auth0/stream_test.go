// SPDX-License-Identifier: Apache-2.0

package auth0_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-id/usher/internal/auth0"
)

// TestReadSSE follows the examples and the rules of the standard (§9.2.6).
func TestReadSSE(t *testing.T) {
	t.Parallel()
	type m = auth0.Message
	for name, tc := range map[string]struct {
		text string
		want []m
	}{
		"two lines of data":       {"data: YHOO\ndata: +2\ndata: 10\n\n", []m{{"", "", "YHOO\n+2\n10"}}},
		"a comment and ids":       {": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n", []m{{"", "1", "first event"}, {"", "", "second event"}, {"", "", " third event"}}},
		"data without value":      {"data\n\ndata\ndata\n\ndata:", []m{{"", "", ""}, {"", "", "\n"}}},
		"a space or none":         {"data:test\n\ndata: test\n\n", []m{{"", "", "test"}, {"", "", "test"}}},
		"CR":                      {"event: a\rdata: 1\r\rdata: 2\r\r", []m{{"a", "", "1"}, {"", "", "2"}}},
		"CRLF":                    {"event: a\r\ndata: 1\r\n\r\ndata: 2\r\n\r\n", []m{{"a", "", "1"}, {"", "", "2"}}},
		"mixed":                   {"data: 1\r\n\ndata: 2\n\rdata: 3\r\r\n", []m{{"", "", "1"}, {"", "", "2"}, {"", "", "3"}}},
		"a mark in front":         {"\xef\xbb\xbfdata: 1\n\n\xef\xbb\xbfdata: 2\n\n", []m{{"", "", "1"}}},
		"an id stays":             {"id: 7\ndata: 1\n\ndata: 2\n\n", []m{{"", "7", "1"}, {"", "7", "2"}}},
		"an id without data":      {"id: 8\n\ndata: 2\n\n", []m{{"", "8", "2"}}},
		"an id with a zero":       {"id: 7\ndata: 1\n\nid: a\x00b\ndata: 2\n\n", []m{{"", "7", "1"}, {"", "7", "2"}}},
		"a kind does not stay":    {"event: a\ndata: 1\n\ndata: 2\n\nevent: b\n\ndata: 3\n\n", []m{{"a", "", "1"}, {"", "", "2"}, {"", "", "3"}}},
		"unknown fields":          {"Data: x\n data: y\nfoo: z\ndata: 1\n\n", []m{{"", "", "1"}}},
		"an end in the midst":     {"data: 1\n\ndata: 2\n", []m{{"", "", "1"}}},
		"an end within a line":    {"data: 1\n\ndata: 2", []m{{"", "", "1"}}},
		"nothing":                 {"", nil},
		"blank lines and the end": {"\n\n\r\r\n", nil},
		"a value with colons":     {"data: a: b:c\n\n", []m{{"", "", "a: b:c"}}},
	} {
		got, _, err := auth0.ReadSSE(strings.NewReader(tc.text), 100, 100)
		if !errors.Is(err, io.EOF) || !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%s: %q, %v, want %q", name, got, err, tc.want)
		}
		// The way in which the text comes in pieces makes no difference.
		got, _, err = auth0.ReadSSE(oneByOne{strings.NewReader(tc.text)}, 100, 100)
		if !errors.Is(err, io.EOF) || !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%s, byte by byte: %q, %v, want %q", name, got, err, tc.want)
		}
	}
	for text, want := range map[string]time.Duration{
		"retry: 2000\n": 2 * time.Second, "retry: 2000\nretry: 1s\nretry: -1\nretry:\nretry: 1.5\n": 2 * time.Second,
		"retry: 99999999999999999999999\n": 5 * time.Minute, "retry: 0\n": 0, "": 0,
	} {
		if _, got, _ := auth0.ReadSSE(strings.NewReader(text), 100, 100); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
	for name, text := range map[string]string{
		"line": "data: " + strings.Repeat("x", 100) + "\n\n", "comment": ":" + strings.Repeat("x", 1<<20), "event": strings.Repeat("data: xxxxxxxxxx\n", 20) + "\n",
		"empty lines of data": strings.Repeat("data\n", 200),
	} {
		if list, _, err := auth0.ReadSSE(strings.NewReader(text), 100, 100); err == nil || errors.Is(err, io.EOF) || len(list) > 0 {
			t.Errorf("%s: %d, %v", name, len(list), err)
		}
	}
}

type oneByOne struct{ r io.Reader }

func (o oneByOne) Read(b []byte) (int, error) { return o.r.Read(b[:min(1, len(b))]) }

const created = `{"specversion":"1.0","type":"user.created","source":"urn:auth0:acme.auth0.example","id":"evt_1","time":"2026-02-02T17:56:01.573Z","a0tenant":"acme","a0stream":"est_1",
	"data":{"object":{"user_id":"auth0|a","identities":[]},"context":{"client":{"id":"client-9","name":"x"},"connection":{"id":"con_1","name":"db"},"request":{"ip":"192.0.2.1"}}}}`

func TestParseEvent(t *testing.T) {
	t.Parallel()
	e, err := auth0.ParseEvent([]byte(created))
	want := auth0.Event{
		ID: "evt_1", Type: auth0.UserCreated, Time: time.Date(2026, 2, 2, 17, 56, 1, 573e6, time.UTC), Stream: "est_1", Connection: "db",
		Object: e.Object,
	}
	if err != nil || !reflect.DeepEqual(e, want) || string(e.Object) != `{"user_id":"auth0|a","identities":[]}` {
		t.Errorf("%+v, %v", e, err)
	}
	if _, err := auth0.ParseUser(e.Object); err != nil {
		t.Error(err)
	}
	for text, want := range map[string]auth0.Event{
		`{"id":"e","type":"com.auth0.user.deleted","spec_version":"1.0","a0purpose":"test"}`:                       {ID: "e", Type: auth0.UserDeleted, Purpose: "test"},
		`{"id":"e","type":"something.new","time":5,"data":[1]}`:                                                    {ID: "e", Type: "something.new"},
		`{"id":"e","type":"user.updated","data":{"object":"x","context":{"client":1,"connection":{"name":null}}}}`: {ID: "e", Type: auth0.UserUpdated},
	} {
		if e, err := auth0.ParseEvent([]byte(text)); err != nil || !reflect.DeepEqual(e, want) {
			t.Errorf("%s: %+v, %v", text, e, err)
		}
	}
	for _, text := range []string{``, `null`, `[]`, `{}`, `{"id":"e"}`, `{"type":"user.created"}`, `{"id":1,"type":"user.created"}`, `{"id":"e","id":"f","type":"t"}`, `{"id":"e","type":"t"}x`} {
		if e, err := auth0.ParseEvent([]byte(text)); err == nil {
			t.Errorf("%s: %+v", text, e)
		}
	}
}

// streamer is a tenant whose events are what the test writes.
func streamer(t *testing.T, serve func(w http.ResponseWriter, flush func())) (*auth0.Client, *tenant) {
	t.Helper()
	s := newTenant(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept") != "text/event-stream" {
			t.Errorf("asks for %q", r.Header.Get("Accept"))
		}
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		serve(w, func() { _ = http.NewResponseController(w).Flush() })
	})
	return s.client(t), s
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func TestStream(t *testing.T) {
	t.Parallel()
	c, s := streamer(t, func(w http.ResponseWriter, flush func()) {
		_, _ = fmt.Fprintf(w, ":connected\n\nretry: 2000\n\nevent: user.created\nid: o1\ndata: {\"offset\":\"o1\",\"event\":%s}\n\n", oneLine(created))
		flush()
		_, _ = io.WriteString(w, "event: offset-only\nid: o2\ndata: {\"offset\":\"o2\"}\n\n"+
			"event: user.updated\nid: o3\ndata: {\"offset\":\"o3\",\"event\":{\"id\":5}}\n\n"+
			"event: offset-only\nid: o4\ndata: nonsense\n\n"+
			"event: something\ndata: {\"event\":{\"id\":\"e\",\"type\":\"something\"}}\n\n"+
			"event: user.updated\nid: o4b\ndata: {\"id\":\"bare\",\"type\":\"user.updated\"}\n\n"+
			"event: user.deleted\nid: o5\ndata: {\"offset\":\"o5\",")
	})
	stream, err := c.Events(t.Context(), auth0.From{Offset: "a/b="}, auth0.UserCreated, auth0.UserUpdated)
	if err != nil {
		t.Fatal(err)
	}
	if got := s.requests()[0]; got != "GET /api/v2/events?event_type=user.created&event_type=user.updated&from=a%2Fb%3D" {
		t.Error(got)
	}
	f, err := stream.Next()
	if err != nil || f.Offset != "o1" || f.Event == nil || f.Event.ID != "evt_1" || f.Err != nil {
		t.Errorf("%+v, %v", f, err)
	}
	if stream.Retry() != 2*time.Second {
		t.Error(stream.Retry())
	}
	if f, err := stream.Next(); err != nil || !reflect.DeepEqual(f, auth0.Frame{Offset: "o2"}) {
		t.Errorf("%+v, %v", f, err)
	}
	if f, err := stream.Next(); err != nil || f.Offset != "o3" || f.Event != nil || f.Err == nil {
		t.Errorf("an event that cannot be read: %+v, %v", f, err)
	}
	if f, err := stream.Next(); err != nil || f.Offset != "o4" || f.Event != nil {
		t.Errorf("%+v, %v", f, err)
	}
	if f, err := stream.Next(); err != nil || f.Offset != "o4" || f.Event == nil || f.Event.Type != "something" {
		t.Errorf("%+v, %v", f, err)
	}
	if f, err := stream.Next(); err != nil || f.Offset != "o4b" || f.Event == nil || f.Event.ID != "bare" {
		t.Errorf("%+v, %v", f, err)
	}
	for range 2 {
		if f, err := stream.Next(); !errors.Is(err, io.EOF) || f != (auth0.Frame{}) {
			t.Errorf("%+v, %v", f, err)
		}
	}
	if err := stream.Close(); err != nil {
		t.Error(err)
	}
}

// TestStreamFrom holds how the beginning is told.
func TestStreamFrom(t *testing.T) {
	t.Parallel()
	var header http.Header
	s := newTenant(t, func(w http.ResponseWriter, r *http.Request) {
		header = r.Header
		w.Header().Set("Content-Type", "text/event-stream")
	})
	c := s.client(t)
	at := time.Date(2026, 3, 4, 5, 6, 7, 999, time.FixedZone("", 3600))
	for want, from := range map[string]auth0.From{
		"GET /api/v2/events": {}, "GET /api/v2/events?from=o1": {Offset: "o1", Time: at}, "GET /api/v2/events?from_timestamp=2026-03-04T04%3A06%3A07Z": {Time: at},
		"GET /api/v2/events?from=a%0Ab": {Offset: "a\nb"},
	} {
		stream, err := c.Events(t.Context(), from)
		if err != nil {
			t.Fatal(err)
		}
		_ = stream.Close()
		got := s.requests()
		if last := got[len(got)-1]; last != want {
			t.Errorf("%s, want %s", last, want)
		}
		if id := header.Get("Last-Event-ID"); (id == from.Offset) != (from.Offset != "a\nb") {
			t.Errorf("Last-Event-ID %q", id)
		}
	}
}

// TestStreamErrors holds how a stream ends that the tenant does not end in order.
func TestStreamErrors(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		frame, code, message string
		offset               bool
	}{
		"documented": {`{"error":{"code":"timeout","message":"took\ntoo long","offset":"o"}}`, "timeout", "took too long", false},
		"typed":      {`{"type":"error","error":{"code":"cursor_expired","message":"gone"}}`, "cursor_expired", "gone", true},
		"flat":       {`{"code":"invalid_cursor","message":"what"}`, "invalid_cursor", "what", true},
		"a word":     {`{"error":"offset_expired"}`, "offset_expired", "", true},
		"words":      {`{"error":"it is over"}`, "", "it is over", false},
		"echoes":     {`{"error":{"code":"` + token + `","message":"` + token + `"}}`, "", "[redacted]", false},
		"no words":   {`nonsense`, "", "", false},
	} {
		c, _ := streamer(t, func(w http.ResponseWriter, _ func()) {
			_, _ = io.WriteString(w, "event: error\ndata: "+strings.ReplaceAll(tc.frame, "\n", `\n`)+"\n\nevent: offset-only\nid: o\ndata: {}\n\n")
		})
		stream, err := c.Events(t.Context(), auth0.From{})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			_, err = stream.Next()
			if e := failure(t, err); e.Code != tc.code || e.Message != tc.message || errors.Is(err, auth0.ErrOffset) != tc.offset {
				t.Errorf("%s: %v", name, e)
			}
		}
	}
}

func TestStreamRefused(t *testing.T) {
	t.Parallel()
	status, kind := 0, "application/json"
	s := newTenant(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, `{"statusCode":1,"error":"x","message":"y"}`)
	})
	c := s.client(t)
	offset := auth0.From{Offset: "o"}
	for _, tc := range []struct {
		status int
		from   auth0.From
		is     bool
	}{{400, offset, true}, {410, offset, true}, {410, auth0.From{}, true}, {400, auth0.From{}, false}, {403, offset, false}, {500, offset, false}} {
		status = tc.status
		_, err := c.Events(t.Context(), tc.from)
		if e := failure(t, err); e.Status != tc.status || errors.Is(err, auth0.ErrOffset) != tc.is {
			t.Errorf("%d: %v", tc.status, e)
		}
	}
	status, kind = 410, "text/html"
	if _, err := c.Events(t.Context(), offset); failure(t, err).Status != 410 {
		t.Errorf("%v", err)
	}
	status, kind = 200, "application/json"
	if _, err := c.Events(t.Context(), offset); !strings.Contains(failure(t, err).Error(), "no event stream") {
		t.Errorf("%v", err)
	}
}

// TestStreamCut holds that a connection that breaks is not an end in order.
func TestStreamCut(t *testing.T) {
	t.Parallel()
	c, _ := streamer(t, func(w http.ResponseWriter, flush func()) {
		_, _ = io.WriteString(w, "event: offset-only\nid: o1\ndata: {}\n\n")
		flush()
		if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
			conn.Close()
		}
	})
	stream, err := c.Events(t.Context(), auth0.From{})
	if err != nil {
		t.Fatal(err)
	}
	if f, err := stream.Next(); err != nil || f.Offset != "o1" {
		t.Errorf("%+v, %v", f, err)
	}
	_, err = stream.Next()
	if e := failure(t, err); errors.Is(e, io.EOF) || !errors.Is(e, io.ErrUnexpectedEOF) {
		t.Errorf("%v", e)
	}
}

// TestStreamClose holds that Close, and the context, free a Next that waits.
func TestStreamClose(t *testing.T) {
	t.Parallel()
	over := make(chan struct{})
	c, _ := streamer(t, func(_ http.ResponseWriter, flush func()) { flush(); <-over })
	t.Cleanup(func() { close(over) })
	for name, free := range map[string]func(*auth0.Stream, context.CancelFunc){
		"close":   func(s *auth0.Stream, _ context.CancelFunc) { _ = s.Close() },
		"context": func(_ *auth0.Stream, cancel context.CancelFunc) { cancel() },
	} {
		ctx, cancel := context.WithCancel(t.Context())
		stream, err := c.Events(ctx, auth0.From{})
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(10*time.Millisecond, func() { free(stream, cancel) })
		if _, err := stream.Next(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
		cancel()
	}
}

// TestStreamSilence holds that heartbeats are signs of life, and that a stream without
// them is given up; the time that the reader takes does not count.
func TestStreamSilence(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		from, to := io.Pipe()
		c := newClient(t, auth0.Config{URL: "https://a.example", HTTP: roundTrips(func(r *http.Request) (*http.Response, error) {
			if r.URL.Path == "/oauth/token" {
				return inMemory(nil)(r)
			}
			return piped(r, "text/event-stream", from), nil
		})})
		stream, err := c.Events(t.Context(), auth0.From{})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * auth0.Silence) // nobody reads
		start := time.Now()
		go func() {
			for range 5 {
				time.Sleep(80 * time.Second)
				_, _ = io.WriteString(to, ":heartbeat\n\n")
			}
			_, _ = io.WriteString(to, "event: offset-only\nid: o\ndata: {}\n\n")
		}()
		if f, err := stream.Next(); err != nil || f.Offset != "o" || time.Since(start) != 400*time.Second {
			t.Errorf("%+v, %v after %v", f, err, time.Since(start))
		}
		start = time.Now()
		_, err = stream.Next()
		if e := failure(t, err); time.Since(start) != auth0.Silence || !strings.Contains(e.Error(), "said nothing") {
			t.Errorf("%v after %v", e, time.Since(start))
		}
	})
}

// TestStreamHeaders holds that the headers of a stream have a time limit, and what
// comes after them has not.
func TestStreamHeaders(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		from, to := io.Pipe()
		hang := true
		c := newClient(t, auth0.Config{URL: "https://a.example", HTTP: roundTrips(func(r *http.Request) (*http.Response, error) {
			switch {
			case r.URL.Path == "/oauth/token":
				return inMemory(nil)(r)
			case hang:
				<-r.Context().Done()
				return nil, r.Context().Err()
			}
			return piped(r, "text/event-stream", from), nil
		})})
		start := time.Now()
		_, err := c.Events(t.Context(), auth0.From{})
		if e := failure(t, err); e.Unsent || !errors.Is(e, context.DeadlineExceeded) || time.Since(start) != 30*time.Second {
			t.Errorf("%v after %v", e, time.Since(start))
		}
		hang = false
		stream, err := c.Events(t.Context(), auth0.From{})
		if err != nil {
			t.Fatal(err)
		}
		defer stream.Close()
		go func() {
			time.Sleep(time.Minute)
			_, _ = io.WriteString(to, "event: offset-only\nid: o\ndata: {}\n\n")
		}()
		if f, err := stream.Next(); err != nil || f.Offset != "o" {
			t.Errorf("%+v, %v", f, err)
		}
	})
}

// TestStreamBounds holds that neither a line nor an event grows without end.
func TestStreamBounds(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"data: " + strings.Repeat("x", 5000) + "\n\n", strings.Repeat("data: 0123456789\n", 1000) + "\n"} {
		c, _ := streamer(t, func(w http.ResponseWriter, _ func()) { _, _ = io.WriteString(w, text) })
		c.SetBounds(0, 0, 0, 1000, 2000)
		stream, err := c.Events(t.Context(), auth0.From{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := stream.Next(); !strings.Contains(failure(t, err).Error(), "is longer than") {
			t.Errorf("%v", err)
		}
	}
}
