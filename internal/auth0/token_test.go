// SPDX-License-Identifier: Apache-2.0

package auth0_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/usher-id/usher/internal/auth0"
)

// tokenClient asks a token endpoint that is the test's; the API takes what check says.
func tokenClient(t *testing.T, cfg auth0.Config, endpoint http.HandlerFunc, takes func(bearer string) bool) *auth0.Client {
	t.Helper()
	cfg.URL = "https://acme.auth0.example"
	cfg.HTTP = roundTrips(func(r *http.Request) (*http.Response, error) {
		if err := r.Context().Err(); err != nil {
			return nil, err
		}
		w := httptest.NewRecorder()
		switch {
		case r.URL.Path == "/oauth/token":
			endpoint(w, r)
		case takes(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")):
			answer(w, http.StatusOK, alice)
		default:
			answer(w, http.StatusUnauthorized, `{"statusCode":401,"error":"Unauthorized","message":"Invalid token"}`)
		}
		if err := r.Context().Err(); err != nil {
			return nil, err
		}
		res := w.Result()
		res.Request = r
		return res, nil
	})
	return newClient(t, cfg)
}

func anyToken(string) bool { return true }

func TestTokenBySecret(t *testing.T) {
	t.Parallel()
	var asked map[string]any
	c := tokenClient(t, auth0.Config{}, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" || r.Header.Get("Authorization") != "" {
			t.Errorf("%s %v", r.Method, r.Header)
		}
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
			t.Error(err)
		}
		giveToken(w, token, 86_400)
	}, anyToken)
	scopes, err := c.Scopes(t.Context())
	if err != nil || strings.Join(scopes, " ") != "read:users update:users" {
		t.Fatalf("%q, %v", scopes, err)
	}
	want := `map[audience:https://acme.auth0.example/api/v2/ client_id:client-1 client_secret:` + secret + ` grant_type:client_credentials]`
	if got := fmt.Sprint(asked); got != want {
		t.Errorf("asked %s\nwant  %s", got, want)
	}
}

func TestTokenByKey(t *testing.T) {
	t.Parallel()
	key := newRSA(t, 2048)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for kind, der := range map[string][]byte{"PRIVATE KEY": pkcs8, "RSA PRIVATE KEY": x509.MarshalPKCS1PrivateKey(key)} {
		ids := map[string]bool{}
		c := tokenClient(t, auth0.Config{Key: inPEM(kind, der)}, func(w http.ResponseWriter, r *http.Request) {
			var asked map[string]string
			if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
				t.Error(err)
			}
			if asked["client_assertion_type"] != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" || asked["client_secret"] != "" {
				t.Errorf("%v", asked)
			}
			checkAssertion(t, asked["client_assertion"], key, ids)
			giveToken(w, fmt.Sprint("t", len(ids)), 86_400)
		}, func(bearer string) bool { return bearer == "t2" })
		if _, err := c.User(t.Context(), "auth0|a"); err != nil {
			t.Fatal(err)
		}
		if len(ids) != 2 {
			t.Errorf("%d assertions were different, of two", len(ids))
		}
	}
}

func checkAssertion(t *testing.T, text string, key *rsa.PrivateKey, ids map[string]bool) {
	t.Helper()
	signed, err := jose.ParseSignedCompact(text, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		t.Errorf("%v", err)
		return
	}
	payload, err := signed.Verify(key.Public())
	if err != nil {
		t.Error(err)
	}
	public := jose.JSONWebKey{Key: key.Public()}
	sum, err := public.Thumbprint(crypto.SHA256)
	if err != nil || signed.Signatures[0].Protected.KeyID != base64.RawURLEncoding.EncodeToString(sum) {
		t.Errorf("kid %q: %v", signed.Signatures[0].Protected.KeyID, err)
	}
	var claims struct {
		Iss, Sub, Aud, Jti string
		Iat, Exp           int64
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Error(err)
	}
	if claims.Iss != "client-1" || claims.Sub != "client-1" || claims.Aud != "https://acme.auth0.example/" || claims.Exp-claims.Iat != 60 || claims.Jti == "" {
		t.Errorf("%+v", claims)
	}
	ids[claims.Jti] = true
}

func newRSA(t *testing.T, bits int) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func inPEM(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func TestKeysRefused(t *testing.T) {
	t.Parallel()
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ec8, err := x509.MarshalPKCS8PrivateKey(curve)
	if err != nil {
		t.Fatal(err)
	}
	small := x509.MarshalPKCS1PrivateKey(newRSA(t, 1024))
	for want, key := range map[string][]byte{
		"is no PEM":              []byte("hello"),
		"has 1024 bits":          inPEM("RSA PRIVATE KEY", small),
		"none of RSA":            inPEM("PRIVATE KEY", ec8),
		"no other":               inPEM("EC PRIVATE KEY", []byte{1}),
		"is encrypted":           inPEM("ENCRYPTED PRIVATE KEY", []byte{1}),
		"holds no private key":   inPEM("CERTIFICATE", []byte{1}),
		"holds something else":   inPEM("PRIVATE KEY", []byte("x")),
		"key cannot be read; it": inPEM("RSA PRIVATE KEY", ec8),
	} {
		_, err := auth0.New(auth0.Config{URL: "https://a.example", ClientID: "c", Key: key, HTTP: http.DefaultTransport})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// TestTokenRefused holds that what is wrong is named, and that nothing of the token
// endpoint looks like an answer about a user.
func TestTokenRefused(t *testing.T) {
	t.Parallel()
	key := inPEM("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(newRSA(t, 2048)))
	for name, tc := range map[string]struct {
		key    []byte
		status int
		body   string
		want   string
	}{
		"secret or id": {nil, 401, `{"error":"access_denied","error_description":"Unauthorized"}`, "client id or the client secret is wrong"},
		"secret":       {nil, 401, `{"error":"invalid_client","error_description":"bad secret"}`, "client secret is wrong"},
		"client id":    {nil, 403, `{"error":"access_denied","error_description":"Unknown client: client-1"}`, "client id is none of this tenant"},
		"key":          {key, 401, `{"error":"invalid_client","error_description":"Client authentication failed"}`, "does not take the private key"},
		"audience":     {nil, 403, `{"error":"access_denied","error_description":"Service not found: https://acme.auth0.example/api/v2/"}`, "audience https://acme.auth0.example/api/v2/ is no API"},
		"not granted":  {nil, 403, `{"error":"access_denied","error_description":"Client is not authorized to access \"x\". You need to create a \"client-grant\""}`, "not authorized for the API"},
		"grant type":   {nil, 403, `{"error":"unauthorized_client","error_description":"Grant type 'client_credentials' not allowed for the client."}`, "machine-to-machine"},
		"other":        {nil, 400, `{"error":"invalid_request","error_description":"` + secret + ` is odd"}`, "[redacted] is odd"},
		"no tenant":    {nil, 404, `Not found.`, "is no Auth0 tenant"},
		"gateway":      {nil, 403, `<html>`, "is no Auth0 tenant"},
		"page":         {nil, 200, `<html>`, "is no Auth0 tenant"},
		"no token":     {nil, 200, `{"token_type":"Bearer","expires_in":3600}`, "without a bearer token"},
		"no life":      {nil, 200, `{"access_token":"t","token_type":"Bearer"}`, "without a bearer token"},
		"another type": {nil, 200, `{"access_token":"t","token_type":"DPoP","expires_in":3600}`, "without a bearer token"},
		"line break":   {nil, 200, `{"access_token":"t\nx","token_type":"Bearer","expires_in":3600}`, "without a bearer token"},
		"down":         {nil, 503, `{"error":"x"}`, "status 503"},
		"redirect":     {nil, 302, `{}`, "redirects"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := 0
			c := tokenClient(t, auth0.Config{Key: tc.key}, func(w http.ResponseWriter, _ *http.Request) {
				n++
				answer(w, tc.status, tc.body)
			}, func(string) bool { t.Error("the API was asked"); return false })
			err := c.DeleteUser(t.Context(), "u")
			e := failure(t, err)
			if !strings.Contains(e.Error(), tc.want) || !e.Unsent || n != 1 || auth0.IsNotFound(err) || e.Op != "POST /oauth/token" {
				t.Errorf("%v, unsent %v, op %s, asked %d times", e, e.Unsent, e.Op, n)
			}
		})
	}
}

// TestTokenLife holds that a token is kept for 80 % of its life, and used until its
// end when nobody gives out another.
func TestTokenLife(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		given, down := 0, false
		c := tokenClient(t, auth0.Config{}, func(w http.ResponseWriter, _ *http.Request) {
			given++
			if down {
				answer(w, http.StatusServiceUnavailable, `{}`)
				return
			}
			giveToken(w, fmt.Sprint("t", given), 1000)
		}, anyToken)
		use := func() error { _, err := c.User(t.Context(), "auth0|a"); return err }
		for _, step := range []struct {
			after time.Duration
			given int
			down  bool
			ok    bool
		}{{0, 1, false, true}, {799 * time.Second, 1, false, true}, {2 * time.Second, 2, false, true}, {801 * time.Second, 3, true, true}, {0, 3, true, true}, {200 * time.Second, 4, true, false}, {0, 5, false, true}} {
			time.Sleep(step.after)
			down = step.down
			if err := use(); (err == nil) != step.ok || given != step.given {
				t.Errorf("after %v: %v, %d tokens, want %d", step.after, err, given, step.given)
			}
		}
	})
}

// TestTokenNotTaken holds that a 401 renews the token once and no more.
func TestTokenNotTaken(t *testing.T) {
	t.Parallel()
	for last, ok := range map[string]bool{"t2": true, "t3": false} {
		given := 0
		c := tokenClient(t, auth0.Config{}, func(w http.ResponseWriter, _ *http.Request) {
			given++
			giveToken(w, fmt.Sprint("t", given), 1000)
		}, func(bearer string) bool { return bearer == last })
		_, err := c.User(t.Context(), "auth0|a")
		if (err == nil) != ok || given != 2 {
			t.Errorf("%v after %d tokens", err, given)
		}
		if err != nil {
			if e := failure(t, err); e.Status != http.StatusUnauthorized || e.Op != "GET /users/{id}" {
				t.Errorf("%v", e)
			}
		}
	}
}

// TestTokenShared holds that one caller renews for all, that a caller who gives up
// fails nobody else, and that a refusal is everybody's.
func TestTokenShared(t *testing.T) {
	t.Parallel()
	for _, refuse := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var asked atomic.Int32
			c := tokenClient(t, auth0.Config{}, func(w http.ResponseWriter, _ *http.Request) {
				n := asked.Add(1)
				time.Sleep(time.Second)
				if refuse && n > 1 {
					answer(w, http.StatusUnauthorized, `{"error":"access_denied","error_description":"Unauthorized"}`)
					return
				}
				giveToken(w, token, 1000)
			}, anyToken)
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			wg.Go(func() {
				if _, err := c.User(ctx, "auth0|a"); !errors.Is(err, context.Canceled) {
					t.Errorf("who gave up got %v", err)
				}
			})
			synctest.Wait()
			for range 20 {
				wg.Go(func() {
					if _, err := c.User(t.Context(), "auth0|a"); (err != nil) != refuse {
						t.Errorf("%v", err)
					}
				})
			}
			time.Sleep(500 * time.Millisecond)
			cancel()
			wg.Wait()
			if n := asked.Load(); n != 2 {
				t.Errorf("the token was asked for %d times: once by who gave up, and once for all", n)
			}
		})
	}
}
