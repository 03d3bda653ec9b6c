// SPDX-License-Identifier: Apache-2.0

package auth0

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/usher-id/usher/internal/rest"
)

const (
	applicationRoute = apiPath + "/clients/{}"
	credentialsRoute = apiPath + "/clients/{}/credentials"
	credentialRoute  = apiPath + "/clients/{}/credentials/{}"
)

// MostPublicKeys is how many public keys an application has at most.
const MostPublicKeys = 2

// PublicKey is a public key of our own application, as the tenant keeps it (id cred_…).
// It is in use once UsePublicKeys names it.
type PublicKey struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Kid  string `json:"kid"` // of ours its thumbprint (RFC 7638)
}

// PublicKeyName is the name that AddPublicKey gives, by thumbprint.
func PublicKeyName(thumbprint string) string { return "usher " + thumbprint }

// RotationScopes are the scopes of the Management API that the exchange of our own
// credential needs: of the client secret, or of the private key. As the reference has
// it, client_secret is changed by update:client_keys alone, and
// client_authentication_methods by update:client_credentials alone.
func RotationScopes(key bool) []string {
	if !key {
		return []string{"update:client_keys"}
	}
	return []string{"read:clients", "read:client_credentials", "create:client_credentials", "update:client_credentials", "delete:client_credentials"}
}

// MissingScopes are those of the wanted ones that the tenant has not granted; none if it
// does not tell what it grants.
func (c *Client) MissingScopes(ctx context.Context, wanted []string) ([]string, error) {
	granted, err := c.Scopes(ctx)
	if err != nil || len(granted) == 0 {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(wanted), func(s string) bool { return slices.Contains(granted, s) }), nil
}

// SetSecret gives our own application a secret that we have chosen. For up to 30 seconds
// the tenant may take either, the new one or the one before. Sent again with the same
// secret it changes nothing.
func (c *Client) SetSecret(ctx context.Context, secret string) error {
	return c.call(ctx, request{
		Method: http.MethodPatch, Route: applicationRoute, IDs: []string{c.clientID}, Body: map[string]any{"client_secret": secret}, Hidden: []string{secret},
	}, nil)
}

// PublicKeys lists the public keys of our own application, of which there are two at
// most, whether they are in use or not.
func (c *Client) PublicKeys(ctx context.Context) ([]PublicKey, error) {
	r := request{Method: http.MethodGet, Route: credentialsRoute, IDs: []string{c.clientID}}
	var keys []PublicKey
	if err := c.call(ctx, r, &keys); err != nil {
		return nil, err
	}
	if slices.ContainsFunc(keys, func(k PublicKey) bool { return k.ID == "" }) {
		return nil, unusable(&r, errors.New("a credential has no id"))
	}
	return keys, nil
}

// AddPublicKey registers the public half of a private key (PEM). It is not in use yet.
func (c *Client) AddPublicKey(ctx context.Context, private []byte) (PublicKey, error) {
	public, kid, err := rest.PublicKeyOf(private)
	if err != nil {
		return PublicKey{}, err
	}
	r := request{Method: http.MethodPost, Route: credentialsRoute, IDs: []string{c.clientID}, Body: map[string]any{
		"credential_type": "public_key", "name": PublicKeyName(kid), "kid": kid, "alg": "RS256", "pem": string(public),
	}}
	var key PublicKey
	if err := c.call(ctx, r, &key); err != nil {
		return PublicKey{}, err
	}
	if key.ID == "" {
		return PublicKey{}, unusable(&r, errors.New("a credential has no id"))
	}
	return key, nil
}

// PublicKeysInUse are the ids of the public keys that the tenant takes of our own
// application; none if it is known by something else than private_key_jwt.
func (c *Client) PublicKeysInUse(ctx context.Context) (ids []string, err error) {
	var app struct {
		Methods struct {
			Key struct {
				Credentials []struct {
					ID string `json:"id"`
				} `json:"credentials"`
			} `json:"private_key_jwt"`
		} `json:"client_authentication_methods"`
	}
	err = c.call(ctx, request{
		Method: http.MethodGet, Route: applicationRoute, IDs: []string{c.clientID},
		Query: url.Values{"fields": {"client_id,client_authentication_methods"}, "include_fields": {"true"}},
	}, &app)
	for _, k := range app.Methods.Key.Credentials {
		ids = append(ids, k.ID)
	}
	return ids, err
}

// UsePublicKeys has the tenant take these public keys of our own application, and no
// others: one or two.
func (c *Client) UsePublicKeys(ctx context.Context, ids []string) error {
	list := make([]map[string]string, len(ids))
	for i, id := range ids {
		list[i] = map[string]string{"id": id}
	}
	return c.call(ctx, request{Method: http.MethodPatch, Route: applicationRoute, IDs: []string{c.clientID}, Body: map[string]any{
		"client_authentication_methods": map[string]any{"private_key_jwt": map[string]any{"credentials": list}},
	}}, nil)
}

// DeletePublicKey forgets a public key that is not in use. One that is not there is no
// error.
func (c *Client) DeletePublicKey(ctx context.Context, id string) error {
	err := c.call(ctx, request{Method: http.MethodDelete, Route: credentialRoute, IDs: []string{c.clientID, id}}, nil)
	if IsNotFound(err) {
		return nil
	}
	return err
}

// Refused reports whether the tenant said no, in its own words, to a request that has
// hence done nothing: not that it said nothing of use, or not now.
func Refused(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && !e.Unsent && !e.Foreign && rest.Refused(e) && e.Status != http.StatusRequestTimeout
}

// NotTaken reports whether the tenant does not take the credential, or the application:
// the token endpoint said no, rather than nothing of use.
func NotTaken(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Op == tokenOp && rest.Refused(e) && (e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden || strings.HasPrefix(e.Code, "invalid_"))
}
