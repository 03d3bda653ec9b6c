// SPDX-License-Identifier: Apache-2.0

package acceptance_test

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/usher-id/usher/internal/auth0"
	"github.com/usher-id/usher/internal/dial"
	"github.com/usher-id/usher/internal/testenv"
)

// overheard keeps the token of the last request that had one.
type overheard struct {
	http.RoundTripper
	mu    sync.Mutex
	token string
}

func (o *overheard) RoundTrip(r *http.Request) (*http.Response, error) {
	if _, token, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok {
		o.mu.Lock()
		o.token = token
		o.mu.Unlock()
	}
	return o.RoundTripper.RoundTrip(r)
}

// TestTokenOfAnotherAuth0 gets a token from a token endpoint that is not ours, over
// HTTPS, and holds it against that endpoint's published keys: issuer and audience are
// those of a tenant whose address ends without a slash.
func TestTokenOfAnotherAuth0(t *testing.T) {
	t.Parallel()
	const scope = "read:users update:users"
	server := testenv.Simulacrum(t, "usher-client", scope)
	transport := dial.NewTransport(dial.Allow{Loopback: true}, 10*time.Second, 1, server.Roots)
	t.Cleanup(transport.CloseIdleConnections)
	wire := &overheard{RoundTripper: transport}
	cfg := auth0.Config{URL: server.URL, ClientID: "usher-client", Secret: "whatever it takes", HTTP: wire}
	c, err := auth0.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if scopes, err := c.Scopes(t.Context()); err != nil || len(scopes) != 0 {
		t.Errorf("scopes %q, %v: it told none beside the token", scopes, err)
	}
	// It has no Management API: who is asked is not there, and nobody may conclude that from it.
	_, err = c.User(t.Context(), "auth0|a")
	if e, ok := errors.AsType[*auth0.Error](err); !ok || e.Status != http.StatusNotFound || auth0.IsNotFound(err) {
		t.Errorf("a user where there are none: %v", err)
	}
	if n := c.Requests(); n != 2 {
		t.Errorf("%d requests: one token is enough", n)
	}
	signed, err := jwt.ParseSigned(wire.token, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		t.Fatal(err)
	}
	res, err := (&http.Client{Transport: transport}).Get(server.URL + "/.well-known/jwks.json")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var keys jose.JSONWebKeySet
	if err := json.NewDecoder(res.Body).Decode(&keys); err != nil {
		t.Fatal(err)
	}
	var claims struct {
		jwt.Claims
		Scope string `json:"scope"`
		Grant string `json:"gty"`
	}
	if err := signed.Claims(keys, &claims); err != nil {
		t.Fatal(err)
	}
	if claims.Issuer != server.URL+"/" || !claims.Audience.Contains(server.URL+"/api/v2/") || claims.Scope != scope || claims.Grant != "client_credentials" {
		t.Errorf("the token says %+v", claims)
	}

	// Whose certificate nobody vouches for gets no secret.
	stranger := dial.NewTransport(dial.Allow{Loopback: true}, 10*time.Second, 1, x509.NewCertPool())
	t.Cleanup(stranger.CloseIdleConnections)
	cfg.HTTP = stranger
	wary, err := auth0.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	_, err = wary.Scopes(t.Context())
	if e, ok := errors.AsType[*auth0.Error](err); !ok || !e.Unsent || !strings.Contains(e.Error(), "certificate") {
		t.Errorf("a stranger: %v", err)
	}
}
