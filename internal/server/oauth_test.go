// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/usher-id/usher/internal/config"
	"github.com/usher-id/usher/internal/token"
	"github.com/usher-id/usher/scim"
)

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// set is a JWK Set of public keys.
func set(t testing.TB, keys ...*ecdsa.PrivateKey) string {
	t.Helper()
	var s jose.JSONWebKeySet
	for _, k := range keys {
		s.Keys = append(s.Keys, jose.JSONWebKey{Key: &k.PublicKey})
	}
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// assertion is what a client signs, for whom the metadata names.
func assertion(t testing.TB, client, audience string, key *ecdsa.PrivateKey) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, nil)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	text, err := jwt.Signed(signer).Claims(jwt.Claims{
		Issuer: client, Subject: client, Audience: jwt.Audience{audience}, ID: rand.Text(), IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(time.Minute)),
	}).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func fetch(t testing.TB, method, at string, form url.Values) (int, http.Header, map[string]any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, at, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Close = true
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	_ = json.Unmarshal(text, &m) // what is no JSON is nothing
	return res.StatusCode, res.Header, m
}

// exchange gets a token as a client does, and returns what it is answered.
func (s *served) exchange(t testing.TB, text string) (status int, secret string) {
	t.Helper()
	status, _, m := fetch(t, "POST", s.url+"/oauth2/token", url.Values{
		"grant_type": {"client_credentials"}, "client_assertion": {text}, "scope": {"scim"},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
	})
	secret, _ = m["access_token"].(string)
	return status, secret
}

// What an OAuth client gets opens its source, as long as it is in the configuration
// with the key that it has shown.
func TestOAuthClient(t *testing.T) {
	t.Parallel()
	old, next := newKey(t), newKey(t)
	s := newServed(t)
	keys := filepath.Join(s.dir, "keys.json")
	write := func(all ...*ecdsa.PrivateKey) {
		t.Helper()
		if err := os.WriteFile(keys, []byte(set(t, all...)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(old)
	with := strings.Replace(pushing, "rate_limit: 0}", "rate_limit: 0, oauth_clients: {acme: {keys_file: DIR/keys.json}}}", 1)
	s.conf = with
	s.serve(t)

	// It finds its way from the refusal of the resource (RFC 9728 §5).
	status, header, _ := fetch(t, "GET", s.url+"/scim/v2/Users", nil)
	_, where, ok := strings.Cut(header.Get("WWW-Authenticate"), `resource_metadata="`)
	if status != 401 || !ok {
		t.Fatalf("%d %v", status, header)
	}
	_, _, resource := fetch(t, "GET", strings.TrimSuffix(where, `"`), nil)
	issuer := resource["authorization_servers"].([]any)[0].(string)
	_, _, server := fetch(t, "GET", issuer+"/.well-known/oauth-authorization-server", nil)
	if resource["resource"] != s.url+"/scim/v2" || server["issuer"] != issuer || server["token_endpoint"] != s.url+"/oauth2/token" {
		t.Fatalf("%v %v", resource, server)
	}

	text := assertion(t, "acme", issuer, old)
	status, secret := s.exchange(t, text)
	if status != 200 {
		t.Fatal(status)
	}
	c := provider{t, s.url + "/scim/v2", secret}
	id := c.make("/Users", `{"userName":"ann@acme.example","displayName":"Ann"}`)
	s.alive(t, "ann")
	if status, _, text := c.do("GET", "/ServiceProviderConfig", ""); status != 200 || !strings.Contains(text, `"oauth2"`) || !strings.Contains(text, `"oauthbearertoken"`) {
		t.Errorf("%d %s", status, text)
	}
	slow := s.provider(t, "slow", 0)
	if status, _, text := slow.do("GET", "/ServiceProviderConfig", ""); status != 200 || strings.Contains(text, `"oauth2"`) {
		t.Errorf("a source without clients: %d %s", status, text)
	}
	if status, _, _ := slow.do("GET", "/Users/"+id, ""); status != 404 {
		t.Errorf("another source sees %d", status)
	}
	if status, _ := s.exchange(t, assertion(t, "acme", issuer, next)); status != 401 {
		t.Errorf("by a key that is not there yet: %d", status)
	}

	// Access tokens are listed apart, and can be ended one by one.
	people, err := s.usher.Tokens(s.ctx)
	access, err2 := s.usher.AccessTokens(s.ctx)
	if err != nil || err2 != nil || len(people) != 1 || len(access) != 1 || access[0].Client != "acme" || access[0].Used == nil || !access[0].Holds {
		t.Errorf("%+v %+v", people, access)
	}
	_, second := s.exchange(t, assertion(t, "acme", issuer, old))
	k, err := token.Find(t.Context(), s.usher.TokenStore(), second, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	k.Revoked = time.Now()
	if err := s.usher.PutToken(s.ctx, k, "test"); err != nil {
		t.Fatal(err)
	}
	if status, _, _ := (provider{t, c.base, second}).do("GET", "/Users", ""); status != 401 {
		t.Errorf("one that was revoked: %d", status)
	}
	again := func(conf string, all ...*ecdsa.PrivateKey) {
		t.Helper()
		s.end(t)
		s.conf = conf
		write(all...)
		s.serve(t)
		c.base = s.url + "/scim/v2"
	}
	holds := func(what string, want int) {
		t.Helper()
		if status, _, _ := c.do("GET", "/Users/"+id, ""); status != want {
			t.Errorf("%s: %d, want %d", what, status, want)
		}
	}

	again(with, old, next)
	holds("while keys are exchanged", 200)
	if status, _ := s.exchange(t, text); status != 401 {
		t.Errorf("replayed after a restart: %d", status)
	}
	if status, _ := s.exchange(t, assertion(t, "acme", s.url, next)); status != 200 {
		t.Errorf("by the new key: %d", status)
	}
	if status, _ := s.exchange(t, assertion(t, "acme", issuer, next)); status != 401 {
		t.Errorf("made out to the address of before: %d", status)
	}
	again(with, next)
	holds("without its key", 401)
	again(strings.Replace(with, "acme:", "acme-2:", 1), old)
	holds("without its client", 401)
	again(pushing, old)
	holds("without any client", 401)
	if status, _, _ := fetch(t, "GET", s.url+"/.well-known/oauth-authorization-server", nil); status != 404 {
		t.Errorf("metadata of what is not there: %d", status)
	}
	if status, _ := s.exchange(t, assertion(t, "acme", s.url, old)); status != 404 {
		t.Errorf("a token endpoint without clients: %d", status)
	}
	again(strings.NewReplacer(" idp: {", " idp: {", "rate_limit: 25}", "rate_limit: 25, oauth_clients: {acme: {keys_file: DIR/keys.json}}}").Replace(pushing), old)
	holds("at another source", 401)
	again(with, old)
	holds("as it was", 200)

	secretFree := s.log.String()
	for _, what := range []string{secret, second, text} {
		if strings.Contains(secretFree, what) {
			t.Error("a token or an assertion is in the log")
		}
	}
	until(t, "the ledger tells of what was issued and refused", func() bool {
		told := kinds(t, s)
		return told["token.issued"] == 3 && told["token.refused"] > 0 && told["token.revoked"] == 1
	})
}

func kinds(t testing.TB, s *served) map[string]int {
	t.Helper()
	all, err := s.usher.Ledger().Chained(s.ctx, 0, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]int{}
	for _, e := range all {
		out[e.Kind]++
	}
	return out
}

// With server.public_url everything is told of under that name.
func TestPublicURL(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	s := newServed(t)
	if err := os.WriteFile(filepath.Join(s.dir, "keys.json"), []byte(set(t, key)), 0o600); err != nil {
		t.Fatal(err)
	}
	s.conf = strings.NewReplacer(
		"rate_limit: 0}", "rate_limit: 0, oauth_clients: {acme: {keys_file: DIR/keys.json, token_life: 2m}}}",
		"server: {address: '127.0.0.1:0'}", "server: {address: '127.0.0.1:0', public_url: 'https://usher.example'}",
	).Replace(pushing)
	s.serve(t)
	_, _, m := fetch(t, "GET", s.url+"/.well-known/oauth-authorization-server", nil)
	if m["issuer"] != "https://usher.example" || m["token_endpoint"] != "https://usher.example/oauth2/token" {
		t.Errorf("%v", m)
	}
	if status, _ := s.exchange(t, assertion(t, "acme", s.url, key)); status != 401 {
		t.Errorf("made out to the address: %d", status)
	}
	status, secret := s.exchange(t, assertion(t, "acme", "https://usher.example", key))
	if status != 200 {
		t.Fatal(status)
	}
	status, header, text := (provider{t, s.url + "/scim/v2", secret}).do("POST", "/Users", `{"schemas":["`+scim.UserURN+`"],"userName":"ann"}`)
	if status != 201 || !strings.HasPrefix(header.Get("Location"), "https://usher.example/scim/v2/Users/") {
		t.Errorf("%d %v %s", status, header, text)
	}
}

// Keys that are not good are told of where they stand.
func TestOAuthKeysAreChecked(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	jwk, err := (&jose.JSONWebKey{Key: &weak.PublicKey}).MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	private, err := (&jose.JSONWebKey{Key: newKey(t)}).MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	good := set(t, newKey(t))
	one := strings.TrimSuffix(strings.TrimPrefix(good, `{"keys":[`), "]}")
	for name, c := range map[string]struct{ client, want string }{
		"good":            {"{keys: [" + one + "]}", ""},
		"good, in a file": {"{keys_file: " + file("good.json", good) + "}", ""},
		"weak":            {"{keys: [" + string(jwk) + "]}", ":5:23: a key of client acme: the RSA key has 1024 bits: it must have 2048 to 4096"},
		"no point":        {"{keys: [{kty: EC, crv: P-256, x: WA, y: Yg}]}", ":5:22: a key of client acme: the key cannot be read as one of kind"},
		"private, in a file": {
			"{keys_file: " + file("private.json", `{"keys":[`+string(private)+`]}`) + "}", ":5:25: keys_file of client acme: key 1: the key is private: it has d",
		},
		"no file":       {"{keys_file: " + filepath.Join(dir, "none.json") + "}", ":5:25: keys_file of client acme: open "},
		"a long file":   {"{keys_file: " + file("long.json", strings.Repeat(" ", 70_000)+good) + "}", "it is longer than 64 KiB"},
		"twice":         {"{keys: [" + one + ", " + one + "]}", ":5:7: client acme: key 2 is there twice"},
		"for nothing":   {"{keys: [" + one + "], algorithms: [PS256]}", ":5:7: client acme: key 1 makes none of the signatures that are taken of it: PS256"},
		"only the good": {"{keys: [" + one + "], algorithms: [PS256, ES256]}", ""},
	} {
		_, err := build(t, "store: usher.db\nsources:\n  idp: {type: scim, oauth_clients: {\n\n      acme: "+c.client+"}}\n")
		var mistakes config.Errors
		if (err == nil) != (c.want == "") || err != nil && (!errors.As(err, &mistakes) || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
