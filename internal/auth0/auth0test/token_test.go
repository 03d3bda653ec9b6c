// SPDX-License-Identifier: Apache-2.0

package auth0test_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/usher-id/usher/internal/auth0/auth0test"
)

// keys are made once, as making one takes a while.
var keys = sync.OnceValue(func() []*rsa.PrivateKey {
	out := make([]*rsa.PrivateKey, 3)
	for i := range out {
		out[i], _ = rsa.GenerateKey(rand.Reader, 2048)
	}
	return out
})

func publicPEM(t testing.TB, key *rsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// Reference 1.3, Token: how a token is asked for, and what is refused.
func TestToken(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ask := func(grant, id, secret, audience string) string {
		return fmt.Sprintf(`{"grant_type":%q,"client_id":%q,"client_secret":%q,"audience":%q}`, grant, id, secret, audience)
	}
	api := host + "/api/v2/"
	for _, c := range []struct {
		name, body string
		status     int
		code       string
	}{
		{"a wrong secret", ask("client_credentials", "usher", "wrong", api), 401, "access_denied"},
		{"an unknown client", ask("client_credentials", "other", secret, api), 401, "access_denied"},
		{"another audience", ask("client_credentials", "usher", secret, "https://other.example/"), 403, "access_denied"},
		{"the audience without its slash", ask("client_credentials", "usher", secret, host+"/api/v2"), 403, "access_denied"},
		{"no audience", ask("client_credentials", "usher", secret, ""), 403, "access_denied"},
		{"another grant", ask("password", "usher", secret, api), 403, "unsupported_grant_type"},
		{"no JSON", "{", 400, "invalid_request"},
	} {
		res := r.send(http.MethodPost, "/oauth/token", c.body, nil)
		got := object(t, res.Body.String())
		if res.Code != c.status || got["error"] != c.code || got["error_description"] == "" || got["statusCode"] != nil {
			t.Errorf("%s: %d %s", c.name, res.Code, res.Body)
		}
	}
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {"usher"}, "client_secret": {secret}, "audience": {api}, "scope": {"read:users no:such"}}
	res := r.send(http.MethodPost, "/oauth/token", form.Encode(), map[string]string{"Content-Type": "application/x-www-form-urlencoded"})
	got := object(t, res.Body.String())
	if res.Code != 200 || got["expires_in"] != 86400.0 || got["token_type"] != "Bearer" || got["scope"] != "read:users" {
		t.Errorf("a form was answered by %d %s", res.Code, res.Body)
	}
	r.token = got["access_token"].(string)
	r.api(200, "GET", "/users", "")
	if why := r.refused(403, "insufficient_scope", "GET", "/roles", ""); !strings.Contains(why, "read:roles") {
		t.Errorf("the refusal does not name the scope: %s", why)
	}
	r.clock.pass(24*time.Hour - time.Second)
	r.api(200, "GET", "/users", "")
	r.clock.pass(time.Second)
	r.refused(401, "invalid_token", "GET", "/users", "")
	r.token = r.signIn("usher", secret)
	r.api(200, "GET", "/users", "")
	r.RevokeTokens()
	r.refused(401, "invalid_token", "GET", "/users", "")
	r.token = ""
	if res := r.send("GET", "/api/v2/users", "", nil); res.Code != 401 {
		t.Errorf("without a token it answered %d", res.Code)
	}
}

// Reference 1.3, private_key_jwt: iss=sub=client_id, aud with the slash, a unique jti,
// five minutes at most, RS256, RS384 or PS256.
func TestAssertions(t *testing.T) {
	t.Parallel()
	own, other := keys()[0], keys()[1]
	r := newRig(t, func(c *auth0test.Config) { c.PublicKeys = [][]byte{publicPEM(t, own)} })
	now := r.clock.Now()
	n := 0
	good := func() jwt.Claims {
		n++
		return jwt.Claims{
			Issuer: "usher", Subject: "usher", Audience: jwt.Audience{host + "/"}, ID: fmt.Sprint(n),
			IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(time.Minute)),
		}
	}
	for _, c := range []struct {
		name   string
		alg    jose.SignatureAlgorithm
		key    *rsa.PrivateKey
		kid    string
		status int
		change func(*jwt.Claims)
	}{
		{"RS256", jose.RS256, own, "", 200, nil},
		{"RS384", jose.RS384, own, "", 200, nil},
		{"PS256", jose.PS256, own, "", 200, nil},
		{"RS512", jose.RS512, own, "", 401, nil},
		{"another key", jose.RS256, other, "", 401, nil},
		{"a kid that is not the client's", jose.RS256, own, "other", 401, nil},
		{"another iss", jose.RS256, own, "", 401, func(c *jwt.Claims) { c.Issuer = "other" }},
		{"another sub", jose.RS256, own, "", 401, func(c *jwt.Claims) { c.Subject = "other" }},
		{"aud without its slash", jose.RS256, own, "", 401, func(c *jwt.Claims) { c.Audience = jwt.Audience{host} }},
		{"aud of the API", jose.RS256, own, "", 401, func(c *jwt.Claims) { c.Audience = jwt.Audience{host + "/api/v2/"} }},
		{"five minutes", jose.RS256, own, "", 200, func(c *jwt.Claims) { c.Expiry = jwt.NewNumericDate(now.Add(5 * time.Minute)) }},
		{"more than five minutes", jose.RS256, own, "", 401, func(c *jwt.Claims) { c.Expiry = jwt.NewNumericDate(now.Add(5*time.Minute + time.Second)) }},
		{"expired", jose.RS256, own, "", 401, func(c *jwt.Claims) { c.Expiry = jwt.NewNumericDate(now) }},
		{"no exp", jose.RS256, own, "", 401, func(c *jwt.Claims) { c.Expiry = nil }},
		{"no jti", jose.RS256, own, "", 401, func(c *jwt.Claims) { c.ID = "" }},
		{"a jti that was used", jose.RS256, own, "", 401, func(c *jwt.Claims) { c.ID = "1" }},
	} {
		claims := good()
		if c.change != nil {
			c.change(&claims)
		}
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: c.alg, Key: jose.JSONWebKey{Key: c.key, KeyID: c.kid}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		text, err := jwt.Signed(signer).Claims(claims).Serialize()
		if err != nil {
			t.Fatal(err)
		}
		body := fmt.Sprintf(`{"grant_type":"client_credentials","client_assertion_type":"urn:ietf:params:oauth:client-assertion-type:jwt-bearer","client_assertion":%q,"audience":"%s/api/v2/"}`, text, host)
		if res := r.send(http.MethodPost, "/oauth/token", body, nil); res.Code != c.status {
			t.Errorf("%s: %d %s, want %d", c.name, res.Code, res.Body, c.status)
		}
	}
}

// Reference 1.3, Secret rotation: both secrets are good for 30 s, the new one is in the
// answer only, and two credentials are the most.
func TestRotation(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	next := object(t, r.api(200, "POST", "/clients/usher/rotate-secret", "{}"))["client_secret"].(string)
	for _, s := range []string{secret, next} {
		if r.signIn("usher", s) == "" {
			t.Error("within 30 s a secret is refused")
		}
	}
	r.clock.pass(30 * time.Second)
	if r.signIn("usher", secret) != "" || r.signIn("usher", next) == "" {
		t.Error("after 30 s the old secret is good, or the new one is not")
	}
	r.api(200, "PATCH", "/clients/usher", `{"client_secret":"chosen by somebody"}`)
	if r.signIn("usher", next) == "" || r.signIn("usher", "chosen by somebody") == "" {
		t.Error("a secret that is chosen does not spread like a rotated one")
	}
	credential := func(key *rsa.PrivateKey) string {
		return fmt.Sprintf(`{"credential_type":"public_key","name":"k","pem":%q}`, publicPEM(t, key))
	}
	first := object(t, r.api(201, "POST", "/clients/usher/credentials", credential(keys()[0])))["id"].(string)
	second := object(t, r.api(201, "POST", "/clients/usher/credentials", credential(keys()[1])))["id"].(string)
	r.api(403, "POST", "/clients/usher/credentials", credential(keys()[2]))
	r.api(200, "PATCH", "/clients/usher", fmt.Sprintf(`{"client_authentication_methods":{"private_key_jwt":{"credentials":[{"id":%q}]}}}`, first))
	if r.signIn("usher", "chosen by somebody") != "" {
		t.Error("a secret is good although the client authenticates by key")
	}
	r.api(400, "DELETE", "/clients/usher/credentials/"+first, "")
	r.api(204, "DELETE", "/clients/usher/credentials/"+second, "")
	if n := len(list(t, r.api(200, "GET", "/clients/usher/credentials", ""))); n != 1 {
		t.Errorf("%d credentials", n)
	}
	r.api(200, "PATCH", "/clients/usher", `{"client_authentication_methods":null,"token_endpoint_auth_method":"client_secret_post"}`)
	if r.signIn("usher", "chosen by somebody") == "" {
		t.Error("the secret is not good again")
	}
}

// Reference 1.3, Rate limits: headers on every answer, 429 beyond.
func TestRateLimit(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *auth0test.Config) { c.RatePerSecond, c.Burst = 2, 3 })
	auth := map[string]string{"Authorization": "Bearer " + r.token}
	for i := range 3 {
		res := r.send("GET", "/api/v2/roles", "", auth)
		if res.Code != 200 || res.Header().Get("X-RateLimit-Limit") != "3" || res.Header().Get("X-RateLimit-Remaining") != fmt.Sprint(2-i) {
			t.Errorf("request %d: %d %v", i, res.Code, res.Header())
		}
	}
	res := r.send("GET", "/api/v2/roles", "", auth)
	reset := res.Header().Get("X-RateLimit-Reset")
	if res.Code != 429 || res.Header().Get("X-RateLimit-Remaining") != "0" || reset != fmt.Sprint(r.clock.Now().Unix()+2) {
		t.Errorf("over the limit: %d %v", res.Code, res.Header())
	}
	r.clock.pass(500 * time.Millisecond)
	r.api(200, "GET", "/roles", "")
	r.api(429, "GET", "/roles", "")
	if len(r.Refusals()) != 0 {
		t.Error("the rate limit counts as a refusal")
	}
	free := newRig(t)
	if res := free.send("GET", "/api/v2/roles", "", map[string]string{"Authorization": "Bearer " + free.token}); res.Header().Get("X-RateLimit-Remaining") == "" {
		t.Error("without a limit there are no headers")
	}
}

// TestApplicationScopes: the fields of an application's credentials have scopes of their
// own, as the notes of the reference's PATCH say.
func TestApplicationScopes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		scope, body string
		status      int
	}{
		{"update:clients", `{"name":"x"}`, 200},
		{"update:clients", `{"client_secret":"chosen by somebody"}`, 403},
		{"update:client_credentials", `{"client_secret":"chosen by somebody"}`, 403},
		{"update:client_keys", `{"client_secret":"chosen by somebody"}`, 200},
		{"update:client_keys", `{"client_authentication_methods":null}`, 403},
		{"update:client_credentials", `{"client_authentication_methods":null}`, 200},
	} {
		r := newRig(t, func(cfg *auth0test.Config) { cfg.Scopes = []string{c.scope} })
		r.api(c.status, "PATCH", "/clients/usher", c.body)
	}
}

// TestSecretSpreads: a new secret may not be taken at once, and the old one is until then;
// the same one again is no new one.
func TestSecretSpreads(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *auth0test.Config) { c.SecretLag = 20 * time.Second })
	const next = "chosen by somebody"
	holds := func(old, fresh bool) {
		t.Helper()
		if (r.signIn("usher", secret) != "") != old || (r.signIn("usher", next) != "") != fresh {
			t.Errorf("want the old one taken %t, the new one %t", old, fresh)
		}
	}
	for range 2 {
		r.api(200, "PATCH", "/clients/usher", `{"client_secret":"`+next+`"}`)
		holds(true, false)
		if !r.HoldsSecret("usher", next) || r.HoldsSecret("usher", secret) {
			t.Error("it holds another one")
		}
		r.clock.pass(10 * time.Second)
	}
	holds(true, true)
	r.clock.pass(11 * time.Second)
	holds(false, true)
}

// TestOwnKid: a public key may have a kid of one's own, which is then the one to name.
func TestOwnKid(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	withKid := func(i int, kid string) string {
		return fmt.Sprintf(`{"credential_type":"public_key","name":"k","pem":%q,"kid":%q}`, publicPEM(t, keys()[i]), kid)
	}
	r.api(400, "POST", "/clients/usher/credentials", withKid(0, "short"))
	r.api(201, "POST", "/clients/usher/credentials", withKid(0, "a-kid-of-our-own"))
	r.api(409, "POST", "/clients/usher/credentials", withKid(1, "a-kid-of-our-own"))
	r.api(409, "POST", "/clients/usher/credentials", withKid(0, "another-kid-of-it"))
	if all := r.ClientKeys("usher"); len(all) != 1 || all[0].Kid != "a-kid-of-our-own" || all[0].Active {
		t.Errorf("%+v", all)
	}
}
