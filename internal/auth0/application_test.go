// SPDX-License-Identifier: Apache-2.0

package auth0_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/auth0"
	"github.com/usher-id/usher/internal/auth0/auth0test"
	"github.com/usher-id/usher/internal/rest"
)

// TestOwnKeys: a key that is made is taken once it is in use, and not before; what is taken
// out of use is not taken any more, and can be deleted, twice.
func TestOwnKeys(t *testing.T) {
	t.Parallel()
	first, err := rest.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	public, thumb, err := rest.PublicKeyOf(first)
	if err != nil {
		t.Fatal(err)
	}
	tenant, err := auth0test.New(auth0test.Config{ClientID: "client-1", PublicKeys: [][]byte{public}, Scopes: auth0.RotationScopes(true)})
	if err != nil {
		t.Fatal(err)
	}
	by := func(key []byte) *auth0.Client {
		c, err := auth0.New(auth0.Config{URL: "https://acme.eu.auth0.com", ClientID: "client-1", Key: key, HTTP: tenant.Transport()})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	c, ctx := by(first), t.Context()
	keys, err := c.PublicKeys(ctx)
	used, err2 := c.PublicKeysInUse(ctx)
	if err != nil || err2 != nil || len(keys) != 1 || keys[0].Kid != thumb || !slices.Equal(used, []string{keys[0].ID}) {
		t.Fatalf("%+v %v, %q %v", keys, err, used, err2)
	}
	second, err := rest.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	added, err := c.AddPublicKey(ctx, second)
	if err != nil || added.Name != auth0.PublicKeyName(added.Kid) {
		t.Fatalf("%+v, %v", added, err)
	}
	if _, err := by(second).Scopes(ctx); !auth0.NotTaken(err) || auth0.Refused(err) {
		t.Errorf("before it is in use: %v", err)
	}
	if _, err := c.AddPublicKey(ctx, second); !auth0.Refused(err) || auth0.NotTaken(err) {
		t.Errorf("a third one: %v", err)
	}
	if err := c.UsePublicKeys(ctx, []string{added.ID, keys[0].ID}); err != nil {
		t.Fatal(err)
	}
	next := by(second)
	if err := next.DeletePublicKey(ctx, keys[0].ID); !auth0.Refused(err) {
		t.Errorf("one that is in use: %v", err)
	}
	if err := next.UsePublicKeys(ctx, []string{added.ID}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := next.DeletePublicKey(ctx, keys[0].ID); err != nil {
			t.Errorf("%v", err)
		}
	}
	c.Forget()
	if _, err := c.Scopes(ctx); !auth0.NotTaken(err) {
		t.Errorf("the first one: %v", err)
	}
	if missing, err := next.MissingScopes(ctx, []string{"read:clients", "update:client_keys"}); err != nil || !slices.Equal(missing, []string{"update:client_keys"}) {
		t.Errorf("%q, %v", missing, err)
	}
}

// TestSetSecretIsSilent: whatever comes back of a secret that is set, it is in no error.
func TestSetSecretIsSilent(t *testing.T) {
	t.Parallel()
	const chosen = "canary-chosen-secret"
	s := newTenant(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		answer(w, http.StatusBadRequest, fmt.Sprintf(`{"statusCode":400,"error":"Bad Request","errorCode":"invalid_body","message":%q}`, body))
	})
	err := s.client(t).SetSecret(t.Context(), chosen)
	if !auth0.Refused(err) || strings.Contains(fmt.Sprintf("%v %+v", err, err), chosen) {
		t.Errorf("%v", err)
	}
	if got := s.requests(); !slices.Equal(got, []string{"PATCH /api/v2/clients/client-1"}) {
		t.Errorf("%q", got)
	}
}

// TestRefusedOrNot: only the tenant's own no says that nothing was done.
func TestRefusedOrNot(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status  int
		body    string
		refused bool
	}{
		{http.StatusForbidden, `{"statusCode":403,"error":"Forbidden","errorCode":"insufficient_scope","message":"no"}`, true},
		{http.StatusForbidden, `<html>a gateway</html>`, false},
		{http.StatusRequestTimeout, `{"statusCode":408,"error":"Timeout","errorCode":"x","message":"no"}`, false},
		{http.StatusInternalServerError, `{"statusCode":500,"error":"x","errorCode":"x","message":"no"}`, false},
		{http.StatusBadGateway, ``, false},
		{http.StatusOK, `{`, false},
	} {
		s := newTenant(t, func(w http.ResponseWriter, _ *http.Request) { answer(w, c.status, c.body) })
		_, err := s.client(t).PublicKeysInUse(t.Context())
		if c.status >= 500 {
			err = s.client(t).SetSecret(t.Context(), "a chosen secret")
		}
		if err == nil || auth0.Refused(err) != c.refused || auth0.NotTaken(err) {
			t.Errorf("%d %s: %v is a refusal: %t", c.status, c.body, err, auth0.Refused(err))
		}
	}
	if auth0.Refused(nil) || auth0.NotTaken(context.Canceled) || auth0.Refused(errors.New("x")) {
		t.Error("what is no answer is a refusal")
	}
}

func TestPublicKeyOfNothing(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "canary", "-----BEGIN PUBLIC KEY-----\nY2FuYXJ5\n-----END PUBLIC KEY-----\n"} {
		if _, _, err := rest.PublicKeyOf([]byte(text)); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%q: %v", text, err)
		}
	}
}
