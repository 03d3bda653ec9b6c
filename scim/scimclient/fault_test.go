// SPDX-License-Identifier: Apache-2.0

package scimclient_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode"

	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimclient"
)

const secret = "s3cret-token-of-the-test"

const alice = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"id":"1","userName":"alice"}`

// newClient makes a client for a handler, with changes to its configuration.
func newClient(t *testing.T, h http.HandlerFunc, changes ...func(*scimclient.Config)) *scimclient.Client {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	cfg := scimclient.Config{
		BaseURL: srv.URL + "/scim/v2",
		HTTP:    &http.Client{Transport: transport},
		Token:   func(context.Context) (string, error) { return secret, nil },
	}
	for _, change := range changes {
		change(&cfg)
	}
	c, err := scimclient.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// calls are one read and the four writes.
func calls(c *scimclient.Client) map[string]func(context.Context) error {
	user := scim.NewResource(scim.UserURN)
	user.Set("userName", scim.String("alice"))
	active := scim.MustPath("active")
	patch := scim.Patch{{Op: "replace", Path: &active, Value: scim.Bool(false)}}
	return map[string]func(context.Context) error{
		"GET":    func(ctx context.Context) error { _, err := c.Get(ctx, "/Users", "1"); return err },
		"POST":   func(ctx context.Context) error { _, err := c.Create(ctx, "/Users", user); return err },
		"PUT":    func(ctx context.Context) error { _, err := c.Replace(ctx, "/Users", "1", user); return err },
		"PATCH":  func(ctx context.Context) error { _, err := c.Patch(ctx, "/Users", "1", patch); return err },
		"DELETE": func(ctx context.Context) error { _, err := c.Delete(ctx, "/Users", "1"); return err },
	}
}

// errorOf asserts that an error is an *Error that shows no secret and no control character.
func errorOf(t *testing.T, err error) *scimclient.Error {
	t.Helper()
	e, ok := errors.AsType[*scimclient.Error](err)
	if !ok {
		t.Fatalf("error %v (%T) is no *scimclient.Error", err, err)
	}
	for cause := error(e); cause != nil; cause = errors.Unwrap(cause) {
		if text := fmt.Sprintf("%v %+v %#v", cause, cause, cause); strings.Contains(text, secret) {
			t.Fatalf("an error shows the token: %s", text)
		}
	}
	if i := strings.IndexFunc(e.Error(), unicode.IsControl); i >= 0 {
		t.Fatalf("control character in %q", e.Error())
	}
	if e.RetryAfter < 0 || e.RetryAfter > 24*time.Hour {
		t.Fatalf("RetryAfter %v", e.RetryAfter)
	}
	return e
}

func TestStatusClasses(t *testing.T) {
	t.Parallel()
	const (
		amb, retry, term   = scimclient.Ambiguous, scimclient.Retry, scimclient.Terminal
		unauth, none, conf = scimclient.Unauthorized, scimclient.NotFound, scimclient.Conflict
	)
	scimError := func(scimType, detail string) string {
		return fmt.Sprintf(`{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"scimType":%q,"detail":%q,"status":"400"}`, scimType, detail)
	}
	for _, tt := range []struct {
		status      int
		retryAfter  string
		body        string
		read, write scimclient.Class
	}{
		{status: 400, read: term, write: term},
		{status: 400, body: scimError("uniqueness", "taken"), read: conf, write: conf},
		{status: 400, body: scimError("invalidValue", "bad"), read: term, write: term},
		{status: 401, read: unauth, write: unauth},
		{status: 403, read: unauth, write: unauth},
		{status: 404, read: none, write: none},
		{status: 405, read: term, write: term},
		{status: 408, read: retry, write: amb},
		{status: 409, read: conf, write: conf},
		{status: 410, read: none, write: none},
		{status: 412, read: scimclient.Precondition, write: scimclient.Precondition},
		{status: 413, read: scimclient.TooLarge, write: scimclient.TooLarge},
		{status: 422, read: term, write: term},
		{status: 425, read: retry, write: retry},
		{status: 429, read: retry, write: retry},
		{status: 429, retryAfter: "7", read: retry, write: retry},
		{status: 500, read: retry, write: amb},
		{status: 500, retryAfter: "7", read: retry, write: amb},
		{status: 501, read: term, write: term},
		{status: 502, read: retry, write: amb},
		{status: 503, read: retry, write: amb},
		{status: 503, retryAfter: "7", read: retry, write: retry},
		{status: 503, retryAfter: "soon", read: retry, write: amb},
		{status: 504, read: retry, write: amb},
		{status: 599, read: retry, write: amb},
		{status: 300, read: retry, write: amb},
		{status: 303, read: retry, write: amb},
		{status: 302, read: term, write: term},
		{status: 307, read: term, write: term},
		{status: 308, read: term, write: term},
		{status: 202, body: alice, read: retry, write: amb},
		{status: 207, body: alice, read: retry, write: amb},
	} {
		t.Run(fmt.Sprint(tt.status, tt.retryAfter), func(t *testing.T) {
			t.Parallel()
			c := newClient(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/scim+json")
				if tt.retryAfter != "" {
					w.Header().Set("Retry-After", tt.retryAfter)
				}
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
			})
			for method, do := range calls(c) {
				want := tt.write
				if method == "GET" {
					want = tt.read
				}
				e := errorOf(t, do(t.Context()))
				if e.Class != want || e.Status != tt.status || !e.Sent {
					t.Errorf("%s: class %v, status %d, sent %v; want %v", method, e.Class, e.Status, e.Sent, want)
				}
				if e.RequestID == "" || !strings.HasPrefix(e.Op, method+" /Users") {
					t.Errorf("%s: request id %q, op %q", method, e.RequestID, e.Op)
				}
			}
		})
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Now().UTC()
	for _, tt := range []struct {
		header, date string
		min, max     time.Duration
	}{
		{header: "0"},
		{header: "120", min: 2 * time.Minute, max: 2 * time.Minute},
		{header: " 1.5 ", min: 1500 * time.Millisecond, max: 1500 * time.Millisecond},
		{header: "-5"},
		{header: "99999999", min: 24 * time.Hour, max: 24 * time.Hour},
		{header: strings.Repeat("9", 400), min: 24 * time.Hour, max: 24 * time.Hour},
		{header: "-" + strings.Repeat("9", 400)},
		{header: "NaN"},
		{header: "Inf"},
		{header: "1e9"},
		{header: "..--"},
		{header: "tomorrow"},
		{header: now.Add(time.Minute).Format(http.TimeFormat), min: 50 * time.Second, max: 61 * time.Second},
		{header: now.Add(-time.Hour).Format(http.TimeFormat)},
		{header: now.AddDate(50, 0, 0).Format(http.TimeFormat), min: 24 * time.Hour, max: 24 * time.Hour},
		{ // the server's clock is a year behind: what counts is its own distance
			header: now.AddDate(-1, 0, 0).Add(30 * time.Second).Format(http.TimeFormat),
			date:   now.AddDate(-1, 0, 0).Format(http.TimeFormat), min: 30 * time.Second, max: 30 * time.Second,
		},
	} {
		t.Run(tt.header[:min(len(tt.header), 40)], func(t *testing.T) {
			t.Parallel()
			c := newClient(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", tt.header)
				if tt.date != "" {
					w.Header().Set("Date", tt.date)
				}
				w.WriteHeader(http.StatusTooManyRequests)
			})
			_, err := c.Delete(t.Context(), "/Users", "1")
			e := errorOf(t, err)
			if e.Class != scimclient.Retry || e.RetryAfter < tt.min || e.RetryAfter > tt.max {
				t.Errorf("class %v, after %v; want %v to %v", e.Class, e.RetryAfter, tt.min, tt.max)
			}
		})
	}
}

// hijack takes the connection from the server, so that a test can break it.
func hijack(t *testing.T, w http.ResponseWriter) (net.Conn, *bufio.ReadWriter) {
	conn, rw, err := w.(http.Hijacker).Hijack()
	if err != nil {
		t.Error(err)
	}
	return conn, rw
}

func TestBrokenTransport(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]func(*testing.T, http.ResponseWriter, *http.Request){
		"reset after the request": func(t *testing.T, w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			conn, _ := hijack(t, w)
			_ = conn.(*net.TCPConn).SetLinger(0)
			_ = conn.Close()
		},
		"answer lost": func(t *testing.T, w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			conn, _ := hijack(t, w)
			_ = conn.Close()
		},
		"half a body": func(_ *testing.T, w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/scim+json")
			w.Header().Set("Content-Length", "1000")
			if r.Method == http.MethodPost {
				w.WriteHeader(http.StatusCreated)
			}
			_, _ = io.WriteString(w, alice[:20])
			panic(http.ErrAbortHandler)
		},
		"no HTTP, and quotes the credential": func(t *testing.T, w http.ResponseWriter, r *http.Request) {
			conn, rw := hijack(t, w)
			_, _ = rw.WriteString(r.Header.Get("Authorization") + "\r\n\r\n")
			_ = rw.Flush()
			_ = conn.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var requests atomic.Int64
			c := newClient(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodGet { // net/http itself may repeat a GET, never a write
					requests.Add(1)
				}
				handler(t, w, r)
			})
			for method, do := range calls(c) {
				e := errorOf(t, do(t.Context()))
				want := scimclient.Ambiguous
				if method == "GET" {
					want = scimclient.Retry
				}
				if e.Class != want || !e.Sent {
					t.Errorf("%s: class %v, sent %v; want %v: %v", method, e.Class, e.Sent, want, e)
				}
			}
			if n := requests.Load(); n != 4 {
				t.Errorf("%d writes arrived, want 4: one for each call", n)
			}
		})
	}
}

func TestTimeoutAfterSend(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]func(w http.ResponseWriter, release <-chan struct{}){
		"no answer": func(_ http.ResponseWriter, release <-chan struct{}) { <-release },
		"slow drip": func(w http.ResponseWriter, release <-chan struct{}) {
			w.Header().Set("Content-Type", "application/scim+json")
			w.WriteHeader(http.StatusCreated)
			_, _ = io.WriteString(w, alice[:10])
			w.(http.Flusher).Flush()
			<-release
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			release := make(chan struct{})
			c := newClient(t, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				handler(w, release)
			}, func(cfg *scimclient.Config) { cfg.Timeout = 100 * time.Millisecond })
			t.Cleanup(func() { close(release) })
			for method, do := range calls(c) {
				e := errorOf(t, do(t.Context()))
				want := scimclient.Ambiguous
				if method == "GET" {
					want = scimclient.Retry
				}
				if e.Class != want || !e.Sent || !errors.Is(e, context.DeadlineExceeded) {
					t.Errorf("%s: %v, sent %v: %v", method, e.Class, e.Sent, e)
				}
			}
		})
	}
}

func TestCancelledAfterSend(t *testing.T) {
	t.Parallel()
	arrived, release := make(chan struct{}, 1), make(chan struct{})
	c := newClient(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		arrived <- struct{}{}
		<-release
	})
	t.Cleanup(func() { close(release) })
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-arrived
		cancel()
	}()
	_, err := c.Delete(ctx, "/Users", "1")
	if e := errorOf(t, err); e.Class != scimclient.Ambiguous || !e.Sent || !errors.Is(err, context.Canceled) {
		t.Errorf("%v, sent %v", e, e.Sent)
	}
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	release := make(chan struct{}) // the transport lets a dial outlive its request
	t.Cleanup(func() { close(release) })
	for _, tt := range []struct {
		name   string
		ctx    context.Context
		change func(*scimclient.Config)
	}{
		{"refused", t.Context(), func(cfg *scimclient.Config) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			cfg.BaseURL = "http://" + l.Addr().String()
			_ = l.Close()
		}},
		{"dial hangs", t.Context(), func(cfg *scimclient.Config) {
			cfg.Timeout = 50 * time.Millisecond
			cfg.HTTP = &http.Client{Transport: &http.Transport{
				DialContext: func(context.Context, string, string) (net.Conn, error) {
					<-release
					return nil, errors.New("gone")
				},
			}}
		}},
		{"no TLS", t.Context(), func(cfg *scimclient.Config) {
			cfg.BaseURL = strings.Replace(cfg.BaseURL, "http:", "https:", 1)
		}},
		{"cancelled before", cancelled, func(*scimclient.Config) {}},
		{"no token to be had", t.Context(), func(cfg *scimclient.Config) {
			cfg.Token = func(context.Context) (string, error) { return "", errors.New("vault is sealed") }
		}},
		{"a transport of its own that cannot dial", t.Context(), func(cfg *scimclient.Config) {
			cfg.HTTP = &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
				return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("no route")}
			})}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newClient(t, func(_ http.ResponseWriter, r *http.Request) {
				t.Errorf("%s %s arrived", r.Method, r.URL)
			}, tt.change)
			for method, do := range calls(c) {
				if e := errorOf(t, do(tt.ctx)); e.Class != scimclient.Unreachable || e.Sent {
					t.Errorf("%s: %v, sent %v", method, e, e.Sent)
				}
			}
		})
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A transport that tells nothing of its way proves nothing.
func TestUntracedTransportIsAmbiguous(t *testing.T) {
	t.Parallel()
	c := newClient(t, nil, func(cfg *scimclient.Config) {
		cfg.HTTP = &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
			return nil, errors.New("something")
		})}
	})
	_, err := c.Delete(t.Context(), "/Users", "1")
	if e := errorOf(t, err); e.Class != scimclient.Ambiguous || !e.Sent {
		t.Errorf("%v, sent %v", e, e.Sent)
	}
}

func TestBadToken(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "two words", secret + "\r\nX-Evil: 1", secret + "\x00", "tökén"} {
		c := newClient(t, func(http.ResponseWriter, *http.Request) { t.Error("a request arrived") },
			func(cfg *scimclient.Config) {
				cfg.Token = func(context.Context) (string, error) { return bad, nil }
			})
		_, err := c.Get(t.Context(), "/Users", "1")
		if e := errorOf(t, err); e.Class != scimclient.Unauthorized || e.Sent {
			t.Errorf("token %q: %v", bad, e)
		}
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("%s followed, with Authorization %q", r.Method, r.Header.Get("Authorization"))
	}))
	t.Cleanup(elsewhere.Close)
	for _, status := range []int{301, 302, 303, 307, 308} {
		c := newClient(t, func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, "/inside") {
				t.Errorf("%s followed within the host", r.Method)
			}
			w.Header().Set("Location", []string{elsewhere.URL + "/Users", "/inside"}[status%2])
			w.WriteHeader(status)
		})
		for method, do := range calls(c) {
			if e := errorOf(t, do(t.Context())); e.Status != status {
				t.Errorf("%s: %v", method, e)
			}
		}
	}
}

// The same over HTTP/2, where the transport traces and repeats by other code.
func TestHTTP2(t *testing.T) {
	t.Parallel()
	var writes atomic.Int64
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			t.Errorf("HTTP/%d", r.ProtoMajor)
		}
		if r.Method != http.MethodGet {
			writes.Add(1)
		}
		_, _ = io.Copy(io.Discard, r.Body)
		panic(http.ErrAbortHandler)
	}))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	t.Cleanup(srv.Close)
	c, err := scimclient.New(scimclient.Config{BaseURL: srv.URL, HTTP: srv.Client()})
	if err != nil {
		t.Fatal(err)
	}
	for method, do := range calls(c) {
		want := scimclient.Ambiguous
		if method == "GET" {
			want = scimclient.Retry
		}
		if e := errorOf(t, do(t.Context())); e.Class != want || !e.Sent {
			t.Errorf("%s: %v, sent %v", method, e, e.Sent)
		}
	}
	if n := writes.Load(); n != 4 {
		t.Errorf("%d writes arrived, want 4", n)
	}
	srv.Close()
	for method, do := range calls(c) {
		if e := errorOf(t, do(t.Context())); e.Class != scimclient.Unreachable || e.Sent {
			t.Errorf("%s after the end: %v, sent %v", method, e, e.Sent)
		}
	}
}
