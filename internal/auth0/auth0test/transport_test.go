// SPDX-License-Identifier: Apache-2.0

package auth0test_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-id/usher/internal/auth0/auth0test"
)

// inBubble is a rig in a bubble of its own time, asked without a network.
func inBubble(t *testing.T, change func(*auth0test.Config), test func(*testing.T, *rig, *http.Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(c *auth0test.Config) {
			c.Now = time.Now
			change(c)
		})
		test(t, r, &http.Client{Transport: r.Transport()})
	})
}

func (r *rig) get(ctx context.Context, client *http.Client, path string) (*http.Response, error) {
	r.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, host+"/api/v2"+path, nil)
	if err != nil {
		r.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.token)
	return client.Do(req)
}

// A stream comes as it is written, and its heartbeats by the bubble's clock.
func TestTransportStream(t *testing.T) {
	t.Parallel()
	inBubble(t, func(c *auth0test.Config) { c.Events.CloseAfter = time.Minute }, func(t *testing.T, r *rig, client *http.Client) {
		start := time.Now()
		res, err := r.get(t.Context(), client, "/events")
		if err != nil {
			t.Fatal(err)
		}
		s := &reader{body: res.Body, lines: bufio.NewReader(res.Body)}
		r.newUser("ada@acme.example")
		s.events(t, 1)
		if time.Since(start) != 0 {
			t.Errorf("an event took %v", time.Since(start))
		}
		for i := range 3 {
			if m, err := s.next(); err != nil || m.comment != "heartbeat" || time.Since(start) != time.Duration(i+1)*15*time.Second {
				t.Errorf("after %v comes %+v, %v", time.Since(start), m, err)
			}
			if m, err := s.next(); err != nil || m.event != "offset-only" {
				t.Errorf("then comes %+v, %v", m, err)
			}
		}
		if _, err := io.ReadAll(s.lines); err != nil || time.Since(start) != time.Minute {
			t.Errorf("it ends after %v by %v", time.Since(start), err)
		}
		_ = res.Body.Close()
	})
}

// A stream that fell silent says nothing for an hour, and goes on.
func TestTransportSilence(t *testing.T) {
	t.Parallel()
	inBubble(t, func(*auth0test.Config) {}, func(t *testing.T, r *rig, client *http.Client) {
		r.Mute(true)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		res, err := r.get(ctx, client, "/events")
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		s := &reader{body: res.Body, lines: bufio.NewReader(res.Body)}
		if _, err := s.lines.Discard(len(":connected\n\nretry: 2000\n\n")); err != nil {
			t.Fatal(err)
		}
		r.newUser("ada@acme.example")
		start := time.Now()
		time.AfterFunc(time.Hour, func() { r.Mute(false) })
		if m, err := s.next(); err != nil || m.event == "" && m.comment == "" || time.Since(start) != time.Hour {
			t.Errorf("after %v comes %+v, %v", time.Since(start), m, err)
		}
	})
}

// What cuts a connection cuts the answer; what takes time takes the bubble's.
func TestTransportFaults(t *testing.T) {
	t.Parallel()
	for kind, want := range map[auth0test.Kind]struct {
		took time.Duration
		err  error
	}{
		auth0test.Reset:     {0, io.ErrUnexpectedEOF},
		auth0test.TimeOut:   {time.Hour, io.ErrUnexpectedEOF},
		auth0test.Slow:      {time.Hour, nil},
		auth0test.Truncated: {0, io.ErrUnexpectedEOF},
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(c *auth0test.Config) {
				c.Faults = auth0test.Rules(auth0test.Rule{Path: "/roles", Fault: auth0test.Fault{Kind: kind, Hold: time.Hour}})
			}, func(t *testing.T, r *rig, client *http.Client) {
				start := time.Now()
				res, err := r.get(t.Context(), client, "/roles")
				if err == nil {
					_, err = io.ReadAll(res.Body)
					_ = res.Body.Close()
				}
				if !errors.Is(err, want.err) || time.Since(start) != want.took {
					t.Errorf("after %v: %v", time.Since(start), err)
				}
			})
		})
	}
	inBubble(t, func(c *auth0test.Config) {
		c.Faults = auth0test.Rules(auth0test.Rule{Path: "/roles", Fault: auth0test.Fault{Kind: auth0test.TimeOut, Hold: time.Hour}})
	}, func(t *testing.T, r *rig, client *http.Client) {
		client.Timeout = time.Minute
		start := time.Now()
		res, err := r.get(t.Context(), client, "/roles")
		if err == nil {
			_ = res.Body.Close()
		}
		if err == nil || !strings.Contains(err.Error(), "deadline exceeded") || time.Since(start) != time.Minute {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
	})
}

// A download breaks off, and the next one is whole; the tenant has the address by which
// it is asked.
func TestTransportDownload(t *testing.T) {
	t.Parallel()
	faults := auth0test.Rules(auth0test.Rule{Path: "/exports/:id", Times: 1, Fault: auth0test.Fault{Kind: auth0test.Truncated}})
	r := newRig(t, func(c *auth0test.Config) { c.Faults = faults })
	crowd(t, r, 50)
	client := &http.Client{Transport: r.Transport()}
	ask := func(method, url, body string) (string, error) {
		req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		if strings.Contains(url, "/api/v2/") {
			req.Header.Set("Authorization", "Bearer "+r.token)
		}
		res, err := client.Do(req)
		if err != nil {
			return "", err
		}
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		return string(text), err
	}
	const secure = "https://acme.eu.auth0.com"
	granted, err := ask("POST", secure+"/oauth/token", `{"grant_type":"client_credentials","client_id":"usher","client_secret":"`+secret+`","audience":"`+secure+`/api/v2/"}`)
	if err != nil || object(t, granted)["access_token"] == nil {
		t.Fatalf("%s, %v", granted, err)
	}
	job, err := ask("POST", secure+"/api/v2/jobs/users-exports", `{"format":"json"}`)
	if err != nil {
		t.Fatal(err)
	}
	job, err = ask("GET", secure+"/api/v2/jobs/"+object(t, job)["id"].(string), "")
	location, _ := object(t, job)["location"].(string)
	if err != nil || !strings.HasPrefix(location, secure+"/exports/") {
		t.Fatalf("%s, %v", job, err)
	}
	half, err := ask("GET", location, "")
	if !errors.Is(err, io.ErrUnexpectedEOF) || half == "" {
		t.Errorf("%d bytes, %v", len(half), err)
	}
	whole, err := ask("GET", location, "")
	if err != nil || len(whole) != 2*len(half) && len(whole) != 2*len(half)+1 {
		t.Errorf("%d bytes after %d, %v", len(whole), len(half), err)
	}
}
