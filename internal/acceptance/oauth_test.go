// SPDX-License-Identifier: Apache-2.0

package acceptance_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimclient"
)

// oauthClient is a client as an identity provider has one: it knows the URL of the
// SCIM endpoint, its own name and its key, and finds out the rest.
type oauthClient struct {
	id  string
	key *ecdsa.PrivateKey
}

func newOAuthClient(t *testing.T, id string) oauthClient {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return oauthClient{id, k}
}

// jwk is the client's public key, for the configuration.
func (c oauthClient) jwk(t *testing.T) string {
	t.Helper()
	text, err := (&jose.JSONWebKey{Key: &c.key.PublicKey, KeyID: c.id, Algorithm: "ES256", Use: "sig"}).MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// assertion is RFC 7523 §3.
func (c oauthClient) assertion(t *testing.T, audience string) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: c.key, KeyID: c.id}}, (&jose.SignerOptions{}).WithType("client-authentication+jwt"))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	text, err := jwt.Signed(signer).Claims(map[string]any{
		"iss": c.id, "sub": c.id, "aud": audience, "jti": rand.Text(), "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
	}).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// getJSON reads a document of metadata, and fails the test if there is none.
func getJSON(t *testing.T, at string) map[string]any {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var m map[string]any
	if err := json.NewDecoder(res.Body).Decode(&m); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %v", at, res.Status, err)
	}
	return m
}

// discover goes from the refusal of the endpoint to who issues tokens for it (RFC
// 9728 §5, RFC 8414 §3).
func discover(t *testing.T, base string) (issuer, endpoint string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/Users", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	_, at, ok := strings.Cut(res.Header.Get("WWW-Authenticate"), `resource_metadata="`)
	if res.StatusCode != http.StatusUnauthorized || !ok {
		t.Fatalf("%s %v", res.Status, res.Header)
	}
	resource := getJSON(t, strings.TrimSuffix(at, `"`))
	if resource["resource"] != base {
		t.Fatalf("%v is not the metadata of %s", resource, base)
	}
	issuer = resource["authorization_servers"].([]any)[0].(string)
	server := getJSON(t, issuer+"/.well-known/oauth-authorization-server")
	if server["issuer"] != issuer {
		t.Fatalf("%v is not the metadata of %s", server, issuer)
	}
	return issuer, server["token_endpoint"].(string)
}

// exchange is RFC 6749 §4.4.2, with RFC 7523 §2.2.
func exchange(t *testing.T, endpoint, assertion string) (token, fault string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, endpoint, strings.NewReader(url.Values{
		"grant_type": {"client_credentials"}, "scope": {"scim"}, "client_assertion": {assertion},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
	}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var a struct {
		Token string `json:"access_token"`
		Error string `json:"error"`
	}
	if err := json.NewDecoder(res.Body).Decode(&a); err != nil {
		t.Fatalf("%s: %v", res.Status, err)
	}
	return a.Token, a.Error
}

// TestOAuthClient is a client of the built binary, from a key of its own to a person
// in the directory: it finds the token endpoint by itself, changes its key without a
// gap, and is out once its key is. What it has signed once does for nobody again,
// not after a kill either.
func TestOAuthClient(t *testing.T) {
	u := newUpstream(t)
	u.config = filepath.Join(filepath.Dir(u.store), "usher.yaml")
	old, next := newOAuthClient(t, "acme-idp"), newOAuthClient(t, "acme-idp")
	configure := func(keys ...oauthClient) {
		t.Helper()
		var texts []string
		for _, k := range keys {
			texts = append(texts, k.jwk(t))
		}
		text := fmt.Sprintf(`store: ${STORE}
sources:
  upstream:
    type: scim
    strictness: ipsie
    oauth_clients:
      acme-idp: {keys: [%s]}
  other: {type: scim}
server: {address: '${ADDR}'}
telemetry: {metrics_address: 'off'}
`, strings.Join(texts, ", "))
		if err := os.WriteFile(u.config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	base := "http://" + u.addr + "/scim/v2"
	create := func(name string) error {
		r := scim.NewResource(scim.UserURN)
		r.Set("userName", scim.String(name))
		_, err := u.client(t).Create(t.Context(), "/Users", r)
		return err
	}

	configure(old)
	daemon := u.serve(t)
	issuer, endpoint := discover(t, base)
	used := old.assertion(t, issuer)
	fault := ""
	if u.token, fault = exchange(t, endpoint, used); fault != "" {
		t.Fatal(fault)
	}
	if err := create("ann@acme.example"); err != nil {
		t.Fatal(err)
	}
	first := u.token
	var other struct{ Token string }
	u.run(t, &other, "token", "create", "--source", "other")
	c, err := scimclient.New(scimclient.Config{BaseURL: base, Token: func(context.Context) (string, error) { return other.Token, nil }})
	if err != nil {
		t.Fatal(err)
	}
	if page, err := c.List(t.Context(), "/Users", scimclient.Query{}); err != nil || page.TotalResults != 0 {
		t.Errorf("another source sees %+v, %v", page, err)
	}
	var access []struct{ Client, Source string }
	u.run(t, &access, "token", "list", "--access")
	if len(access) != 1 || access[0].Client != "acme-idp" || access[0].Source != "upstream" {
		t.Errorf("%+v", access)
	}
	if err := daemon.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = daemon.Wait() // killed

	configure(old, next)
	daemon = u.serve(t)
	if _, fault := exchange(t, endpoint, used); fault != "invalid_client" {
		t.Errorf("what was used before the kill: %q", fault)
	}
	if err := create("bob@acme.example"); err != nil {
		t.Errorf("with a token of before the kill: %v", err)
	}
	if u.token, fault = exchange(t, endpoint, next.assertion(t, endpoint)); fault != "" {
		t.Fatalf("by the new key: %s", fault)
	}
	if err := create("cem@acme.example"); err != nil {
		t.Errorf("by the new key: %v", err)
	}
	stop := func() {
		t.Helper()
		if err := daemon.Process.Signal(os.Interrupt); err != nil {
			t.Error(err)
		}
		if err := daemon.Wait(); err != nil {
			t.Errorf("serve: %v", err)
		}
	}
	stop()

	configure(next)
	daemon = u.serve(t)
	if err := create("dan@acme.example"); err != nil {
		t.Errorf("by the key that stays: %v", err)
	}
	if u.token = first; create("eve@acme.example") == nil {
		t.Error("a token by a key that is gone opens the endpoint")
	}
	if _, fault := exchange(t, endpoint, old.assertion(t, issuer)); fault != "invalid_client" {
		t.Errorf("by a key that is gone: %q", fault)
	}
	stop()
	var people []listed
	u.run(t, &people, "people")
	if len(people) != 4 {
		t.Errorf("%d people of 4: %+v", len(people), people)
	}
	if out, err := u.command(t, "audit", "verify").CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	for _, file := range []string{u.store, u.store + "-wal"} {
		text, err := os.ReadFile(file)
		if err == nil && (strings.Contains(string(text), first) || strings.Contains(string(text), used)) {
			t.Errorf("%s holds what only the client may have", filepath.Base(file))
		}
	}
}
