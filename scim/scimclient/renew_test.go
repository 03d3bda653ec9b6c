// SPDX-License-Identifier: Apache-2.0

package scimclient_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimclient"
)

// TestRenew: a request that met a token which is not taken is sent once more by another one,
// with its body and its name, and never a third time; no token is in what is said of it.
func TestRenew(t *testing.T) {
	t.Parallel()
	var seen []string
	good := "Bearer new-token"
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		seen = append(seen, r.Header.Get("Authorization")+" "+r.Header.Get("X-Request-Id")+" "+string(body))
		w.Header().Set("Content-Type", "application/scim+json")
		if r.Header.Get("Authorization") != good {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"detail":"not `+r.Header.Get("Authorization")+`"}`)
			return
		}
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"id":"1","userName":"ada"}`)
	}))
	t.Cleanup(srv.Close)
	token, dropped := "old-token", 0
	c, err := scimclient.New(scimclient.Config{
		BaseURL: srv.URL,
		Token:   func(context.Context) (string, error) { return token, nil },
		Renew: func(refused string) bool {
			dropped++
			was := token
			token = "new-token"
			return refused == was
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	u := scim.NewResource(scim.UserURN)
	u.Set("userName", scim.String("ada"))
	create := func() error {
		_, err := c.Create(scimclient.WithRequestID(t.Context(), "r1"), "/Users", u)
		return err
	}
	if err := create(); err != nil || len(seen) != 2 || dropped != 1 || strings.TrimPrefix(seen[0], "Bearer old-token") != strings.TrimPrefix(seen[1], good) {
		t.Errorf("%v, %q", err, seen)
	}
	good = "Bearer of nobody"
	err = create()
	e, ok := errors.AsType[*scimclient.Error](err)
	if !ok || e.Class != scimclient.Unauthorized || len(seen) != 4 || strings.Contains(err.Error(), "new-token") {
		t.Errorf("%v, %q", err, seen)
	}
}

// TestTokenHasItsOwnTime: a token that is long in coming leaves the request its time.
func TestTokenHasItsOwnTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := func(ctx context.Context) (string, error) {
			select {
			case <-ctx.Done():
				return "", ctx.Err()
			case <-time.After(9 * time.Second):
				return "a-token", nil
			}
		}
		c, err := scimclient.New(scimclient.Config{
			BaseURL: "https://app.example", Timeout: 10 * time.Second, Token: slow,
			HTTP: &http.Client{Transport: answers(func(r *http.Request) (*http.Response, error) {
				time.Sleep(8 * time.Second)
				return &http.Response{StatusCode: http.StatusNoContent, Body: http.NoBody, Header: http.Header{}}, r.Context().Err()
			})},
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Delete(t.Context(), "/Users", "1"); err != nil {
			t.Error(err)
		}
	})
}

type answers func(*http.Request) (*http.Response, error)

func (f answers) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
