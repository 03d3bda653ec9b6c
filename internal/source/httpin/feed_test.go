// SPDX-License-Identifier: Apache-2.0

package httpin_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/usher-id/usher/internal/rest/httpauth"
	"github.com/usher-id/usher/internal/source/httpin"
	"github.com/usher-id/usher/internal/source/httpintest"
)

// lines is a feed of a system that answers with a line for each record.
type lines struct{ fails, why string }

func (*lines) MediaType() string { return "text/lines" }

func (f *lines) All(ctx context.Context, send func(context.Context, []byte) ([]byte, error), record func([]byte) error) (string, error) {
	text, err := send(ctx, []byte("all"))
	if err != nil {
		return "", err
	}
	for i, line := range strings.Fields(string(text)) {
		if line == "again" { // it goes on
			return f.All(ctx, send, record)
		}
		if line == f.fails {
			return "", fmt.Errorf("line %d cannot be read", i+1)
		}
		if err := record([]byte(line)); err != nil {
			return "", err
		}
	}
	return f.why, nil
}

func (*lines) One(ctx context.Context, send func(context.Context, []byte) ([]byte, error), key string) ([]byte, error) {
	text, err := send(ctx, []byte(key))
	if err != nil || len(text) == 0 || string(text) == "-" {
		return nil, err
	}
	return text, nil
}

func (*lines) Refused(_ int, body []byte) (string, bool, bool) {
	switch string(body) {
	case "who":
		return "does not know us", true, false
	case "busy":
		return "is busy", false, true
	}
	return "", false, false
}

// TestFeed: a feed is held to what a list is held to: what breaks off takes nobody away,
// who is absent is asked for by id, and a refusal is what the feed reads in it.
func TestFeed(t *testing.T) {
	t.Parallel()
	var answer atomic.Value // of the whole list
	var ones atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "text/lines; charset=utf-8" || r.Header.Get("Authorization") != "" {
			t.Errorf("%s %v", r.Method, r.Header)
		}
		if string(body) != "all" {
			ones.Add(1)
			_, _ = io.WriteString(w, "-")
			return
		}
		text := answer.Load().(string)
		if text == "who" || text == "busy" {
			answer.CompareAndSwap("busy", "who")
			w.WriteHeader(http.StatusInternalServerError)
		} else if strings.HasSuffix(text, "again") {
			answer.Store("who")
		}
		_, _ = io.WriteString(w, text)
	}))
	t.Cleanup(srv.Close)
	record := func(n int) string { return fmt.Sprintf(`{"id":%d,"name":{"first":"p%02d"},"dept":"A"}`, n, n) }
	three := record(1) + "\n" + record(2) + "\n" + record(3)
	f := &lines{}
	h := setup(t, httpintest.None, func(_ *httpintest.Server, c *httpin.Config) {
		c.URL, c.List, c.Auth, c.Feed = srv.URL, httpin.Path{}, httpauth.Auth{}, f
	})
	answer.Store(three)
	h.readAll()
	h.stand(names(3))

	f.fails = record(2)
	if r, err := h.read(); err != nil || r.Complete || !strings.Contains(r.Reason, "line 2 cannot be read") {
		t.Errorf("one that breaks off: %+v, %v", r, err)
	}
	f.fails, f.why = "", "it does not say"
	answer.Store(record(1))
	if r, err := h.read(); err != nil || r.Complete || r.Reason != "it does not say" {
		t.Errorf("one that proves nothing: %+v, %v", r, err)
	}
	f.why, f.fails = "", record(1)
	if _, err := h.read(); err == nil || !strings.Contains(err.Error(), "could not be read: line 1") {
		t.Errorf("one of which nothing can be read: %v", err)
	}
	h.stand(names(3))

	f.fails = ""
	for _, first := range []string{"busy", record(1) + "\nagain"} { // and then it does not know us any more
		answer.Store(first)
		_, err := h.read()
		if e, ok := errors.AsType[*httpin.Error](err); !ok || !e.Credential || !strings.HasSuffix(e.Error(), "does not know us") {
			t.Errorf("a refusal behind %s: %v", first, err)
		}
	}
	if ones.Load() != 0 {
		t.Errorf("%d were asked for by id", ones.Load())
	}
	answer.Store(record(1) + "\n" + record(3))
	h.readAll()
	if ones.Load() != 1 {
		t.Errorf("%d were asked for by id", ones.Load())
	}
	h.stand("p01, p02 leaver, p03")
}

// TestFeedAlone: what says how JSON is had says nothing to a feed.
func TestFeedAlone(t *testing.T) {
	t.Parallel()
	c := listing(t, httpintest.New(t), httpintest.Page)
	c.Feed = &lines{}
	if _, err := httpin.New(c); err == nil || !strings.Contains(err.Error(), "take them out") {
		t.Errorf("%v", err)
	}
}
