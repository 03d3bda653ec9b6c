// SPDX-License-Identifier: Apache-2.0

package auth0_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/usher-id/usher/internal/auth0"
)

const (
	secret = "s3cret-of-the-client"
	token  = "token-0001"
)

// tenant is a server that gives out tokens by itself; the rest is the test's.
type tenant struct {
	*httptest.Server
	mu   sync.Mutex
	seen []string // method and request URI, tokens aside
}

func newTenant(t *testing.T, serve http.HandlerFunc) *tenant {
	t.Helper()
	s := &tenant{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/oauth/token" {
			giveToken(w, token, 86_400)
			return
		}
		s.mu.Lock()
		s.seen = append(s.seen, r.Method+" "+r.RequestURI)
		s.mu.Unlock()
		serve(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *tenant) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.seen...)
}

func (s *tenant) client(t *testing.T) *auth0.Client {
	t.Helper()
	return newClient(t, auth0.Config{URL: s.URL})
}

// newClient fills in what a configuration needs.
func newClient(t *testing.T, cfg auth0.Config) *auth0.Client {
	t.Helper()
	cfg.ClientID = "client-1"
	if cfg.Key == nil && cfg.Credential == nil {
		cfg.Secret = secret
	}
	if cfg.HTTP == nil {
		transport := &http.Transport{}
		t.Cleanup(transport.CloseIdleConnections)
		cfg.HTTP = transport
	}
	c, err := auth0.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func giveToken(w http.ResponseWriter, value string, life int) {
	answer(w, http.StatusOK, fmt.Sprintf(`{"access_token":%q,"token_type":"Bearer","expires_in":%d,"scope":"read:users update:users"}`, value, life))
}

func answer(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

// roundTrips answers requests in memory, for tests in which time is made up.
type roundTrips func(*http.Request) (*http.Response, error)

func (f roundTrips) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// inMemory answers by a handler, and gives out tokens as newTenant does.
func inMemory(serve http.HandlerFunc) roundTrips {
	return func(r *http.Request) (*http.Response, error) {
		if err := r.Context().Err(); err != nil {
			return nil, err
		}
		w := httptest.NewRecorder()
		if r.URL.Path == "/oauth/token" {
			giveToken(w, token, 86_400)
		} else {
			serve(w, r)
		}
		res := w.Result()
		res.Request = r
		return res, nil
	}
}

// piped is an answer whose body comes as the test writes it, and ends with the request.
func piped(r *http.Request, kind string, body *io.PipeReader) *http.Response {
	w := httptest.NewRecorder()
	w.Header().Set("Content-Type", kind)
	res := w.Result()
	res.Request, res.Body = r, body
	context.AfterFunc(r.Context(), func() { _ = body.CloseWithError(r.Context().Err()) })
	return res
}

// failure is the *Error of a call that must have failed.
func failure(t *testing.T, err error) *auth0.Error {
	t.Helper()
	e, ok := errors.AsType[*auth0.Error](err)
	if !ok {
		t.Fatalf("%v is no *Error", err)
	}
	if text := e.Error(); strings.ContainsAny(text, "\r\n\x00\x1b") || strings.Contains(text, secret) || strings.Contains(text, token) {
		t.Errorf("the error shows what it must not: %q", text)
	}
	return e
}

// all gathers a sequence up to its error.
func all[T any](seq func(func(T, error) bool)) (list []T, err error) {
	for v, e := range seq {
		if e != nil {
			return list, e
		}
		list = append(list, v)
	}
	return list, nil
}

const alice = `{"user_id":"auth0|a","email":"alice@acme.example","identities":[{"connection":"db","provider":"auth0","user_id":"a","isSocial":false}]}`
