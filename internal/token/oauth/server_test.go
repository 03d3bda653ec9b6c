// SPDX-License-Identifier: Apache-2.0

package oauth_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usher-id/usher/internal/token"
	"github.com/usher-id/usher/internal/token/oauth"
)

// TestExchange: whatever a client may send gets a token for its source, for its life.
func TestExchange(t *testing.T) {
	t.Parallel()
	r := rsaKey(t, 2048)
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	d := newDesk(t,
		oauth.Client{ID: "rsa", Source: "s", Keys: []oauth.Key{public(t, r, "")}, Life: 5 * time.Minute},
		oauth.Client{ID: "ed", Source: "s", Keys: []oauth.Key{public(t, ed, "e")}, Life: time.Minute},
	)
	now := time.Now().Unix()
	of := func(id string) map[string]any { return claims(map[string]any{"iss": id, "sub": id}) }
	mine := es256(d.key)
	for name, c := range map[string]struct {
		assertion string
		client    string
		source    string
		life      time.Duration
	}{
		"ES256":                  {d.assertion(nil), "idp", "upstream", time.Hour},
		"PS256":                  {jwt(map[string]any{"alg": "PS256"}, of("rsa"), ps256(r)), "rsa", "s", 5 * time.Minute},
		"RS256":                  {jwt(map[string]any{"alg": "RS256", "kid": "any"}, of("rsa"), rs256(r)), "rsa", "s", 5 * time.Minute},
		"EdDSA":                  {jwt(map[string]any{"alg": "EdDSA", "kid": "e"}, of("ed"), eddsa(ed)), "ed", "s", time.Minute},
		"made out to the issuer": {d.assertion(map[string]any{"aud": issuer}), "idp", "upstream", time.Hour},
		"to the endpoint":        {d.assertion(map[string]any{"aud": endpoint}), "idp", "upstream", time.Hour},
		"to a list of one":       {d.assertion(map[string]any{"aud": []string{issuer}}), "idp", "upstream", time.Hour},
		"without kid and typ":    {jwt(header(map[string]any{"kid": nil, "typ": nil}), claims(nil), mine), "idp", "upstream", time.Hour},
		"typ of RFC 7523bis":     {jwt(header(map[string]any{"typ": "client-authentication+jwt"}), claims(nil), mine), "idp", "upstream", time.Hour},
		"a thumbprint with it":   {jwt(header(map[string]any{"x5t": "abc", "x5t#S256": "abc"}), claims(nil), mine), "idp", "upstream", time.Hour},
		"five minutes":           {d.assertion(map[string]any{"exp": now + 300, "iat": now}), "idp", "upstream", time.Hour},
		"without iat":            {d.assertion(map[string]any{"iat": nil}), "idp", "upstream", time.Hour},
		"a clock that is behind": {d.assertion(map[string]any{"iat": now - 110, "exp": now - 30}), "idp", "upstream", time.Hour},
		"a clock that is ahead":  {d.assertion(map[string]any{"iat": now + 50, "nbf": now + 50, "exp": now + 110}), "idp", "upstream", time.Hour},
		"parts of a second":      {d.assertion(map[string]any{"iat": float64(now) - 0.5, "exp": float64(now) + 10.25}), "idp", "upstream", time.Hour},
		"claims of its own":      {d.assertion(map[string]any{"x": map[string]any{"y": 1}}), "idp", "upstream", time.Hour},
	} {
		before := time.Now()
		a := d.ask(params(c.assertion))
		if a.status != http.StatusOK || a.Type != "Bearer" || a.Life != int(c.life.Seconds()) || a.Scope != "scim" {
			t.Errorf("%s: %d %s", name, a.status, a.body)
			continue
		}
		k, err := token.Find(t.Context(), d.db.Tokens(), a.Token, time.Now())
		if err != nil || k.Source != c.source || k.Client != c.client || k.Owner != c.client || !d.server.Holds(k) {
			t.Errorf("%s: %+v %v", name, k, err)
		}
		if life := k.Expires.Sub(before); life < c.life-time.Second || life > c.life+patient {
			t.Errorf("%s: it holds for %v", name, life)
		}
	}
	kinds, payloads := d.events()
	if len(kinds) != 16 || slices.ContainsFunc(kinds, func(k string) bool { return k != "token.issued" }) || strings.Contains(payloads, "usher_scim_") {
		t.Errorf("%v %s", kinds, payloads)
	}
	if !strings.Contains(payloads, "client rsa") || !strings.Contains(payloads, public(t, r, "").Thumbprint) {
		t.Errorf("the ledger does not say who got a token, and by which key: %s", payloads)
	}
}

// patient is how long a test may be kept waiting by a machine that has much to do.
const patient = time.Minute

// TestHolds: a token ends with its client, and with the key by which the client was
// known; another key of the same client, or its name elsewhere, does not do.
func TestHolds(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	next := ecKey(t)
	old, fresh := public(t, d.key, "k1"), public(t, next, "k2")
	get := func(assertion string) token.Token {
		t.Helper()
		a := d.ask(params(assertion))
		k, err := token.Find(t.Context(), d.db.Tokens(), a.Token, time.Now())
		if err != nil {
			t.Fatalf("%d %s: %v", a.status, a.body, err)
		}
		return k
	}
	client := func(source string, keys ...oauth.Key) oauth.Client {
		return oauth.Client{ID: "idp", Source: source, Keys: keys, Life: time.Hour}
	}
	d.serve(client("upstream", old, fresh)) // while they are exchanged, either does
	first := get(d.assertion(nil))
	second := get(jwt(header(map[string]any{"kid": "k2"}), claims(nil), es256(next)))
	if first.Key == second.Key {
		t.Fatal("the key is not told")
	}
	person := token.Token{Source: "upstream"}
	var none *oauth.Server
	for name, c := range map[string]struct {
		serve         func()
		first, second bool
	}{
		"both keys":         {func() {}, true, true},
		"the old key":       {func() { d.serve(client("upstream", old)) }, true, false},
		"the new key":       {func() { d.serve(client("upstream", fresh)) }, false, true},
		"at another source": {func() { d.serve(client("elsewhere", old, fresh)) }, false, false},
		"under another name": {func() {
			d.serve(oauth.Client{ID: "idp-2", Source: "upstream", Keys: []oauth.Key{old, fresh}, Life: time.Hour})
		}, false, false},
		"nobody":              {func() { d.serve() }, false, false},
		"no server of tokens": {func() { d.server = none }, false, false},
	} {
		c.serve()
		if d.server.Holds(first) != c.first || d.server.Holds(second) != c.second || d.server.Holds(person) {
			t.Errorf("%s: %t %t", name, d.server.Holds(first), d.server.Holds(second))
		}
		d.serve(client("upstream", old, fresh))
	}
	d.serve(client("upstream", fresh))
	if a := d.ask(params(d.assertion(nil))); a.status != http.StatusUnauthorized {
		t.Errorf("by a key that is gone: %d %s", a.status, a.body)
	}
}

// TestMetadata: where RFC 8414 and RFC 9728 say, and nothing that is not so.
func TestMetadata(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	get := func(path string) (int, map[string]any) {
		w := httptest.NewRecorder()
		d.handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		var m map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &m); w.Code == http.StatusOK && err != nil {
			t.Fatal(err)
		}
		return w.Code, m
	}
	status, m := get("/.well-known/oauth-authorization-server")
	if want := map[string]any{
		"issuer": issuer, "token_endpoint": endpoint, "response_types_supported": []any{}, "grant_types_supported": []any{"client_credentials"},
		"token_endpoint_auth_methods_supported":            []any{"private_key_jwt"},
		"token_endpoint_auth_signing_alg_values_supported": []any{"ES256", "PS256", "RS256", "EdDSA"},
		"scopes_supported":                                 []any{"scim"}, "protected_resources": []any{issuer + "/scim/v2"},
	}; status != 200 || !reflect.DeepEqual(m, want) {
		t.Errorf("%d %v", status, m)
	}
	status, m = get("/.well-known/oauth-protected-resource/scim/v2")
	if want := map[string]any{
		"resource": issuer + "/scim/v2", "authorization_servers": []any{issuer}, "scopes_supported": []any{"scim"},
		"bearer_methods_supported": []any{"header"}, "resource_name": "SCIM 2.0",
	}; status != 200 || !reflect.DeepEqual(m, want) {
		t.Errorf("%d %v", status, m)
	}
	for _, path := range []string{"/.well-known/oauth-protected-resource", "/.well-known/openid-configuration", "/.well-known/jwks.json"} {
		if status, _ := get(path); status != 404 {
			t.Errorf("%s: %d", path, status)
		}
	}
	if got := d.server.Challenge(); got != `Bearer realm="scim", resource_metadata="`+issuer+`/.well-known/oauth-protected-resource/scim/v2"` {
		t.Error(got)
	}
}

// TestStoreThatFails: who cannot be served now is told so, and not that they are
// nobody.
func TestStoreThatFails(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	if err := d.db.Close(); err != nil {
		t.Fatal(err)
	}
	a := d.ask(params(d.assertion(nil)))
	if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" || strings.Contains(a.body, "sql") {
		t.Errorf("%d %v %s", a.status, a.header, a.body)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	key := public(t, d.key, "k")
	good := oauth.Client{ID: "idp", Source: "s", Keys: []oauth.Key{key}, Life: time.Hour}
	with := func(change func(*oauth.Client)) []oauth.Client {
		c := good
		change(&c)
		return []oauth.Client{c}
	}
	for name, c := range map[string]struct {
		issuer  string
		clients []oauth.Client
	}{
		"an issuer with a path":    {issuer + "/x", []oauth.Client{good}},
		"an issuer with a slash":   {issuer + "/", []oauth.Client{good}},
		"no issuer":                {"", []oauth.Client{good}},
		"a client twice":           {issuer, []oauth.Client{good, good}},
		"no id":                    {issuer, with(func(c *oauth.Client) { c.ID = "" })},
		"no source":                {issuer, with(func(c *oauth.Client) { c.Source = "" })},
		"no key":                   {issuer, with(func(c *oauth.Client) { c.Keys = nil })},
		"a key twice":              {issuer, with(func(c *oauth.Client) { c.Keys = []oauth.Key{key, key} })},
		"five keys":                {issuer, with(func(c *oauth.Client) { c.Keys = []oauth.Key{key, key, key, key, key} })},
		"a token that never holds": {issuer, with(func(c *oauth.Client) { c.Life = 0 })},
		"a key for nothing":        {issuer, with(func(c *oauth.Client) { c.Algorithms = []string{"PS256"} })},
	} {
		conf := oauth.Config{Issuer: c.issuer, Resource: "/scim/v2", Clients: c.clients, Store: d.db.OAuth(), Log: quiet()}
		if _, err := oauth.New(conf); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if _, err := oauth.New(oauth.Config{Issuer: issuer, Resource: "/scim/v2", Clients: []oauth.Client{good}}); err == nil {
		t.Error("without a store")
	}
}
