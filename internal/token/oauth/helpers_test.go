// SPDX-License-Identifier: Apache-2.0

package oauth_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"go.uber.org/goleak"

	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/internal/store"
	"github.com/usher-id/usher/internal/store/storetest"
	"github.com/usher-id/usher/internal/token/oauth"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	issuer   = "https://usher.example"
	endpoint = issuer + "/oauth2/token"
)

func ecKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func rsaKey(t testing.TB, bits int) *rsa.PrivateKey {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// jwk is a key as JSON, with whatever else.
func jwk(t testing.TB, key any, kid string, more map[string]any) []byte {
	t.Helper()
	text, err := (&jose.JSONWebKey{Key: key, KeyID: kid}).MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	maps.Copy(m, more)
	if text, err = json.Marshal(m); err != nil {
		t.Fatal(err)
	}
	return text
}

func public(t testing.TB, key crypto.Signer, kid string) oauth.Key {
	t.Helper()
	k, err := oauth.ParseKey(jwk(t, key.Public(), kid, nil))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// desk is a token endpoint over a store, with the keys of a client.
type desk struct {
	testing.TB
	db      store.DB
	handler http.Handler
	server  *oauth.Server
	key     *ecdsa.PrivateKey // of the client idp
}

var (
	visitors atomic.Uint32 // addresses that requests come from, each its own
	serial   atomic.Uint64
)

func newDesk(t testing.TB, more ...oauth.Client) *desk {
	t.Helper()
	d := &desk{TB: t, key: ecKey(t)}
	db, err := store.Open(t.Context(), storetest.New(t), "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	d.db = db
	d.serve(append([]oauth.Client{{ID: "idp", Source: "upstream", Keys: []oauth.Key{public(t, d.key, "k1")}, Life: time.Hour}}, more...)...)
	return d
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// serve starts anew, with what is stored.
func (d *desk) serve(clients ...oauth.Client) {
	d.Helper()
	var err error
	d.server, err = oauth.New(oauth.Config{
		Issuer: issuer, Resource: "/scim/v2", Clients: clients, Store: d.db.OAuth(), Log: quiet(),
	})
	if err != nil {
		d.Fatal(err)
	}
	mux := http.NewServeMux()
	d.server.Mount(mux)
	d.handler = mux
}

// claims are good ones, changed as told; nil takes one away.
func claims(changes map[string]any) map[string]any {
	now := time.Now().Unix()
	c := map[string]any{
		"iss": "idp", "sub": "idp", "aud": issuer, "jti": fmt.Sprintf("jti-%d", serial.Add(1)), "iat": now, "exp": now + 60,
	}
	for name, v := range changes {
		if c[name] = v; v == nil {
			delete(c, name)
		}
	}
	return c
}

func encode(v any) string {
	text, ok := v.(string)
	if !ok {
		b, err := json.Marshal(v)
		if err != nil {
			panic(err)
		}
		text = string(b)
	}
	return base64.RawURLEncoding.EncodeToString([]byte(text))
}

// jwt puts a JWT together, whatever is in it.
func jwt(header, claims any, sign func(input []byte) []byte) string {
	input := encode(header) + "." + encode(claims)
	return input + "." + base64.RawURLEncoding.EncodeToString(sign([]byte(input)))
}

func es256(key *ecdsa.PrivateKey) func([]byte) []byte {
	return func(input []byte) []byte {
		sum := sha256.Sum256(input)
		r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
		if err != nil {
			panic(err)
		}
		return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	}
}

func rs256(key *rsa.PrivateKey) func([]byte) []byte {
	return func(input []byte) []byte {
		sum := sha256.Sum256(input)
		sig, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
		if err != nil {
			panic(err)
		}
		return sig
	}
}

func ps256(key *rsa.PrivateKey) func([]byte) []byte {
	return func(input []byte) []byte {
		sum := sha256.Sum256(input)
		sig, err := rsa.SignPSS(rand.Reader, key, crypto.SHA256, sum[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		if err != nil {
			panic(err)
		}
		return sig
	}
}

func eddsa(key ed25519.PrivateKey) func([]byte) []byte {
	return func(input []byte) []byte { return ed25519.Sign(key, input) }
}

func hs256(secret []byte) func([]byte) []byte {
	return func(input []byte) []byte {
		h := hmac.New(sha256.New, secret)
		h.Write(input)
		return h.Sum(nil)
	}
}

func unsigned([]byte) []byte { return nil }

// header of ES256 with the kid of the client idp, and more.
func header(more map[string]any) map[string]any {
	h := map[string]any{"alg": "ES256", "kid": "k1", "typ": "JWT"}
	for name, v := range more {
		if h[name] = v; v == nil {
			delete(h, name)
		}
	}
	return h
}

// assertion is a good one, with changed claims.
func (d *desk) assertion(changes map[string]any) string {
	return jwt(header(nil), claims(changes), es256(d.key))
}

func params(assertion string, more ...string) url.Values {
	v := url.Values{
		"grant_type": {"client_credentials"}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		"client_assertion": {assertion}, "scope": {"scim"},
	}
	for i := 0; i < len(more); i += 2 {
		v.Set(more[i], more[i+1])
	}
	return v
}

// answer is what the endpoint says.
type answer struct {
	status int
	header http.Header
	body   string
	Token  string `json:"access_token"`
	Type   string `json:"token_type"`
	Life   int    `json:"expires_in"`
	Scope  string `json:"scope"`
	Error  string `json:"error"`
	Says   string `json:"error_description"`
}

func (d *desk) send(r *http.Request) answer {
	d.Helper()
	w := httptest.NewRecorder()
	d.handler.ServeHTTP(w, r)
	a := answer{status: w.Code, header: w.Header(), body: w.Body.String()}
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
		d.Errorf("%d %q: %v", w.Code, a.body, err)
	}
	if a.header.Get("Cache-Control") != "no-store" || a.header.Get("Content-Type") != "application/json" {
		d.Errorf("%v", a.header)
	}
	return a
}

func (d *desk) request(method, target, body string) *http.Request {
	return request(d.Context(), method, target, body)
}

// request comes from an address of its own.
func request(ctx context.Context, method, target, body string) *http.Request {
	r := httptest.NewRequestWithContext(ctx, method, target, strings.NewReader(body))
	n := visitors.Add(1)
	r.RemoteAddr = fmt.Sprintf("10.%d.%d.%d:4711", n>>16&255, n>>8&255, n&255)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

func (d *desk) ask(v url.Values) answer {
	d.Helper()
	return d.send(d.request(http.MethodPost, endpoint, v.Encode()))
}

// issued is how many tokens there are.
func (d *desk) issued() int {
	d.Helper()
	all, err := d.db.Tokens().Tokens(d.Context())
	if err != nil {
		d.Fatal(err)
	}
	return len(all)
}

// events are the kinds and payloads of the ledger.
func (d *desk) events() (kinds []string, payloads string) {
	d.Helper()
	if _, err := audit.Sequence(d.Context(), d.db.Ledger()); err != nil {
		d.Fatal(err)
	}
	all, err := d.db.Ledger().Chained(d.Context(), 0, 1_000)
	if err != nil {
		d.Fatal(err)
	}
	for _, e := range all {
		kinds = append(kinds, e.Kind)
		payloads += string(e.Payload) + "\n"
	}
	return kinds, payloads
}
