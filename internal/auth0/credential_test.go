// SPDX-License-Identifier: Apache-2.0

package auth0_test

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/auth0"
)

// TestCredentialIsAskedFor: each token is asked for with the credential of that moment,
// whether it is a secret, a key, or another key.
func TestCredentialIsAskedFor(t *testing.T) {
	t.Parallel()
	first, second := newRSA(t, 2048), newRSA(t, 2048)
	now := auth0.Credential{Secret: "s3cret-1"}
	var failed error
	sent := map[string]string{}
	c := tokenClient(t, auth0.Config{Credential: func() (auth0.Credential, error) { return now, failed }}, func(w http.ResponseWriter, r *http.Request) {
		clear(sent)
		if err := json.NewDecoder(r.Body).Decode(&sent); err != nil {
			t.Error(err)
		}
		giveToken(w, token, 86_400)
	}, anyToken)
	ids := map[string]bool{}
	for i, step := range []auth0.Credential{
		{Secret: "s3cret-1"},
		{Secret: "s3cret-2"},
		{Key: inPEM("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(first))},
		{Key: inPEM("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(second))},
		{Secret: "s3cret-3"},
	} {
		now = step
		auth0.Expire(c)
		if _, err := c.User(t.Context(), "auth0|a"); err != nil {
			t.Fatalf("%d: %v", i, err)
		}
		if sent["client_secret"] != step.Secret || (sent["client_assertion"] != "") != (step.Key != nil) {
			t.Errorf("%d: %v", i, sent)
		}
		switch i {
		case 2:
			checkAssertion(t, sent["client_assertion"], first, ids)
		case 3:
			checkAssertion(t, sent["client_assertion"], second, ids)
		}
	}
	for name, c2 := range map[string]struct {
		credential auth0.Credential
		err        error
		want       string
	}{
		"none":    {want: "neither a client secret nor a private key"},
		"no key":  {credential: auth0.Credential{Key: []byte("hunter2")}, want: "the private key is no PEM"},
		"a fault": {err: errors.New("secret:tenant is not open"), want: "secret:tenant is not open"},
	} {
		now, failed = c2.credential, c2.err
		auth0.Expire(c)
		if _, err := c.User(t.Context(), "auth0|a"); err == nil || !strings.Contains(err.Error(), c2.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if text := fmt.Sprintf("%v %+v %#v %x", now, now, now, auth0.Credential{Secret: "hunter2"}); strings.Contains(text, "hunter2") || strings.Contains(text, "68756e74657232") {
		t.Error(text)
	}
	if _, err := auth0.New(auth0.Config{URL: "https://acme.auth0.example", ClientID: "x", Secret: "y", Credential: func() (auth0.Credential, error) { return now, nil }, HTTP: http.DefaultTransport}); err == nil {
		t.Error("a secret, and one that is asked for")
	}
}
