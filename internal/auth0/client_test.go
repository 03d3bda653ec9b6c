// SPDX-License-Identifier: Apache-2.0

package auth0_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-id/usher/internal/auth0"
)

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	good := auth0.Config{URL: "https://acme.eu.auth0.com/", ClientID: "c", Secret: secret, HTTP: http.DefaultTransport}
	if _, err := auth0.New(good); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*auth0.Config){
		"no address":   func(c *auth0.Config) { c.URL = "" },
		"host alone":   func(c *auth0.Config) { c.URL = "acme.eu.auth0.com" },
		"other scheme": func(c *auth0.Config) { c.URL = "ftp://acme.eu.auth0.com" },
		"password":     func(c *auth0.Config) { c.URL = "https://u:" + secret + "@acme.eu.auth0.com" },
		"path":         func(c *auth0.Config) { c.URL = "https://acme.eu.auth0.com/api/v2/" },
		"query":        func(c *auth0.Config) { c.URL = "https://acme.eu.auth0.com?a=" + secret },
		"fragment":     func(c *auth0.Config) { c.URL = "https://acme.eu.auth0.com#" },
		"no client":    func(c *auth0.Config) { c.ClientID = "" },
		"no secret":    func(c *auth0.Config) { c.Secret = "" },
		"both":         func(c *auth0.Config) { c.Key = []byte("x") },
		"no transport": func(c *auth0.Config) { c.HTTP = nil },
		"timeout":      func(c *auth0.Config) { c.Timeout = -1 },
		"user agent":   func(c *auth0.Config) { c.UserAgent = "a\r\nb" },
	} {
		cfg := good
		spoil(&cfg)
		_, err := auth0.New(cfg)
		if err == nil {
			t.Errorf("%s: taken", name)
		} else if strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", name, err)
		}
	}
	c := newClient(t, auth0.Config{URL: "https://acme.eu.auth0.com/"})
	if text := fmt.Sprintf("%v %+v %#v", c, c, c); strings.Contains(text, secret) || !strings.Contains(text, "acme") {
		t.Error(text)
	}
}

// TestRequestHeaders holds what goes with each request, and how ids are told.
func TestRequestHeaders(t *testing.T) {
	t.Parallel()
	var header http.Header
	s := newTenant(t, func(w http.ResponseWriter, r *http.Request) {
		header = r.Header
		answer(w, http.StatusOK, strings.ReplaceAll(alice, "auth0|a", "auth0|a/../b c"))
	})
	c := s.client(t)
	long := strings.Repeat("x", 70)
	if _, err := c.User(auth0.WithCorrelation(t.Context(), "a\r\n b"+long), "auth0|a/../b c"); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"Authorization": "Bearer " + token, "Accept": "application/json", "User-Agent": "usher",
		"X-Correlation-Id": "ab" + long[:62],
	} {
		if got := header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if got := s.requests(); len(got) != 1 || got[0] != "GET /api/v2/users/auth0%7Ca%2F..%2Fb%20c" {
		t.Errorf("%q", got)
	}
	if n := c.Requests(); n != 2 {
		t.Errorf("%d requests are told, and a token and a user were asked for", n)
	}
	for _, id := range []string{"", ".", ".."} {
		if e := failure(t, c.DeleteUser(t.Context(), id)); !e.Unsent || e.Status != 0 {
			t.Errorf("id %q: %v", id, e)
		}
	}
	if n := c.Requests(); n != 2 {
		t.Errorf("an id that names another place was sent")
	}
}

// TestRefusals holds what is told of answers that are none of success.
func TestRefusals(t *testing.T) {
	t.Parallel()
	const own = "application/json"
	for name, tc := range map[string]struct {
		status               int
		kind, body           string
		code, message, cause string
		notFound, conflict   bool
	}{
		"not there":    {404, own, `{"statusCode":404,"error":"Not Found","message":"The user does not exist.","errorCode":"inexistent_user"}`, "inexistent_user", "The user does not exist.", "", true, false},
		"without code": {404, own, `{"statusCode":404,"error":"Not Found","message":"gone"}`, "", "gone", "", true, false},
		"conflict":     {409, own, `{"statusCode":409,"error":"Conflict","message":"The user already exists."}`, "Conflict", "The user already exists.", "", false, true},
		"gateway":      {404, "text/html", `<html>` + token + `</html>`, "", "", "HTML", false, false},
		"empty":        {404, "", ``, "", "", "", false, false},
		"one word":     {404, own, `{"error":"not found"}`, "", "", "", false, false},
		"other JSON":   {409, own, `{"ok":false}`, "", "", "", false, false},
		"redirect":     {302, own, `{"error":"moved"}`, "", "", "redirects", false, false},
		"control":      {400, own, `{"errorCode":"a\nb","message":"one\r\n\u001b[31mtwo\u202e  three"}`, "", "one [31mtwo three", "", false, false},
		"echoes":       {400, own, `{"errorCode":"` + token + `","message":"Bearer ` + token + ` and ` + secret + ` to\u200bken-0001"}`, "", "Bearer [redacted] and [redacted] to ken-0001", "", false, false},
		"long":         {400, own, `{"message":"` + strings.Repeat("ü", 5000) + `"}`, "", strings.Repeat("ü", 298) + "…", "", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newTenant(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/api/v2/users/u" {
					t.Errorf("%s was followed", r.URL)
				}
				w.Header().Set("Content-Type", tc.kind)
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(tc.status)
				_, _ = io.WriteString(w, tc.body)
			})
			_, err := s.client(t).User(t.Context(), "u")
			e := failure(t, err)
			if e.Status != tc.status || e.Code != tc.code || e.Message != tc.message || e.Unsent {
				t.Errorf("status %d, code %q, message %q, unsent %v", e.Status, e.Code, e.Message, e.Unsent)
			}
			if (tc.cause == "") != (e.Err == nil) || !strings.Contains(e.Error(), tc.cause) {
				t.Errorf("cause %v", e.Err)
			}
			if auth0.IsNotFound(err) != tc.notFound || auth0.IsConflict(err) != tc.conflict {
				t.Errorf("not found %v, conflict %v", auth0.IsNotFound(err), auth0.IsConflict(err))
			}
			if e.Op != "GET /users/{id}" {
				t.Errorf("op %q", e.Op)
			}
		})
	}
}

// TestGone holds that only Auth0's own word makes a user one that is not there.
func TestGone(t *testing.T) {
	t.Parallel()
	for body, ok := range map[string]bool{`{"statusCode":404,"error":"Not Found","errorCode":"inexistent_user","message":"no"}`: true, `<html>`: false} {
		s := newTenant(t, func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusNotFound, body) })
		c := s.client(t)
		for name, do := range map[string]func(context.Context, string) error{
			"user": c.DeleteUser, "role": c.DeleteRole, "organization": c.DeleteOrganization,
		} {
			if err := do(t.Context(), "x"); (err == nil) != ok {
				t.Errorf("%s: %s: %v", name, body, err)
			}
		}
		// Which ends nothing of what somebody is signed in by.
		for name, do := range map[string]func(context.Context, string) error{"sessions": c.EndSessions, "tokens": c.RevokeRefreshTokens} {
			if err := do(t.Context(), "x"); err == nil || auth0.IsNotFound(err) != ok {
				t.Errorf("%s: %s: %v", name, body, err)
			}
		}
	}
}

// TestUnusable holds that an answer that cannot be used is an error, and bounded.
func TestUnusable(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"no JSON": "hello", "cut": alice[:40], "name twice": `{"user_id":"u","user_id":"v"}`, "bad UTF-8": "{\"user_id\":\"\xff\"}",
		"array": `[]`, "no id": `{"email":"a@b.example"}`, "another's": alice, "blocked": `{"user_id":"u","blocked":"yes"}`,
		"large": `{"user_id":"u","x":"` + strings.Repeat("x", 4<<10) + `"}`, "empty": "",
	} {
		s := newTenant(t, func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, body) })
		c := s.client(t)
		c.SetBounds(1<<10, 0, 0, 0, 0)
		_, err := c.User(t.Context(), "u")
		if e := failure(t, err); e.Status != http.StatusOK || e.Unsent || strings.Contains(e.Error(), "acme") {
			t.Errorf("%s: %v", name, e)
		}
	}
}

// TestUnsent tells a request that never left from one whose answer was lost.
func TestUnsent(t *testing.T) {
	t.Parallel()
	s := newTenant(t, func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			conn.Close()
		}
	})
	c := s.client(t)
	name := "Alice"
	for range 3 {
		_, err := c.UpdateUser(t.Context(), "auth0|a", auth0.UserChange{Name: &name})
		if e := failure(t, err); e.Unsent || e.Status != 0 || e.Err == nil {
			t.Errorf("lost: %v, unsent %v", e, e.Unsent)
		}
	}
	if n := len(s.requests()); n != 3 {
		t.Errorf("three writes were sent %d times", n)
	}
	s.Close()
	_, err := c.UpdateUser(t.Context(), "auth0|a", auth0.UserChange{Name: &name})
	if e := failure(t, err); !e.Unsent {
		t.Errorf("refused connection: %v, unsent %v", e, e.Unsent)
	}
}

// TestTimeout holds that each request has a time limit, and tells whose end it was.
func TestTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hang := roundTrips(func(r *http.Request) (*http.Response, error) {
			if r.URL.Path == "/oauth/token" {
				return inMemory(nil)(r)
			}
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		c := newClient(t, auth0.Config{URL: "https://a.example", HTTP: hang})
		start := time.Now()
		_, err := c.User(t.Context(), "u")
		if e := failure(t, err); e.Unsent || !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 30*time.Second {
			t.Errorf("%v after %v", e, time.Since(start))
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		why := errors.New("enough")
		time.AfterFunc(10*time.Second, func() { cancel(why) })
		if _, err := c.User(ctx, "u"); !errors.Is(err, why) || time.Since(start) != 40*time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

// TestWrongAddress names what is wrong with the tenant's address.
func TestWrongAddress(t *testing.T) {
	t.Parallel()
	dial := func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "nobody.auth0.example", IsNotFound: true}}
	}
	c := newClient(t, auth0.Config{URL: "https://nobody.auth0.example", HTTP: &http.Transport{DialContext: dial}})
	e := failure(t, c.DeleteUser(t.Context(), "u"))
	if !e.Unsent || e.Status != 0 || !strings.Contains(e.Error(), "nobody.auth0.example does not exist") {
		t.Errorf("%v, unsent %v", e, e.Unsent)
	}
}
