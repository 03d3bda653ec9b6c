// SPDX-License-Identifier: Apache-2.0

package entratest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"

	"github.com/usher-id/usher/internal/fake"
)

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// register takes a certificate of the app registration.
func (t *Tenant) register(text []byte) error {
	key, err := fake.ReadPublicKey(text)
	if err != nil {
		return err
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" {
		return errors.New("an app registration takes certificates")
	}
	sum := sha256.Sum256(block.Bytes)
	key.ID = ""
	t.keys[base64.RawURLEncoding.EncodeToString(sum[:])] = key
	return nil
}

func oauth(status int, code, why string) *refusal {
	return &refusal{status: status, code: code, message: why, oauth: true}
}

// issueToken is POST /{tenant}/oauth2/v2.0/token, of client credentials alone.
func issueToken(c *call) (answer, error) {
	tenant := c.r.PathValue("tenant")
	form, err := url.ParseQuery(string(c.body))
	kind, _, _ := strings.Cut(c.r.Header.Get("Content-Type"), ";")
	switch {
	case !strings.EqualFold(tenant, c.cfg.ID) && !slices.Contains(c.cfg.Domains, strings.ToLower(tenant)):
		return answer{}, oauth(http.StatusBadRequest, "invalid_request", "AADSTS90002: Tenant '"+tenant+"' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud.")
	case kind != "application/x-www-form-urlencoded" || err != nil:
		return answer{}, oauth(http.StatusBadRequest, "invalid_request", "AADSTS900144: The request body must contain the following parameter: 'grant_type'.")
	case form.Get("grant_type") != "client_credentials":
		return answer{}, oauth(http.StatusBadRequest, "unsupported_grant_type", "AADSTS70003: The app requested an unsupported grant type.")
	case form.Get("client_id") != c.cfg.ClientID:
		return answer{}, oauth(http.StatusBadRequest, "unauthorized_client", "AADSTS700016: Application with identifier '"+form.Get("client_id")+"' was not found in the directory.")
	case form.Get("scope") != fake.Base(c.r)+"/.default" && form.Get("scope") != "https://graph.microsoft.com/.default":
		return answer{}, oauth(http.StatusBadRequest, "invalid_scope", "AADSTS70011: The provided value for the input parameter 'scope' is not valid.")
	}
	if no := c.prove(form, fake.Base(c.r)+c.r.URL.Path); no != nil {
		return answer{}, no
	}
	value, err := c.issue()
	if err != nil {
		return answer{}, err
	}
	return answer{http.StatusOK, map[string]any{
		"token_type": "Bearer", "expires_in": int(c.cfg.TokenLife / time.Second), "ext_expires_in": int(c.cfg.TokenLife / time.Second), "access_token": value,
	}}, nil
}

// prove checks by what the client says who it is.
func (c *call) prove(form url.Values, audience string) *refusal {
	unknown := oauth(http.StatusUnauthorized, "invalid_client", "AADSTS700027: The certificate with identifier used to sign the client assertion is not registered on application.")
	switch {
	case form.Get("client_secret") != "":
		if form.Get("client_secret") != c.cfg.Secret {
			return oauth(http.StatusUnauthorized, "invalid_client", "AADSTS7000215: Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID.")
		}
		return nil
	case form.Get("client_assertion_type") != assertionType:
		return oauth(http.StatusUnauthorized, "invalid_client", "AADSTS7000216: 'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.")
	}
	signed, err := jose.ParseSignedCompact(form.Get("client_assertion"), []jose.SignatureAlgorithm{jose.PS256})
	if err != nil || len(signed.Signatures) != 1 {
		return oauth(http.StatusUnauthorized, "invalid_client", "AADSTS50027: JWT token is invalid or malformed, or its alg is not PS256.")
	}
	thumb, _ := signed.Signatures[0].Protected.ExtraHeaders["x5t#S256"].(string)
	key, ok := c.keys[thumb]
	if !ok {
		return unknown
	}
	_, why := c.assertions.Check(form.Get("client_assertion"), c.cfg.ClientID, audience, c.now, func(id string) ([]fake.PublicKey, bool) {
		return []fake.PublicKey{key}, id == c.cfg.ClientID
	})
	if why != "" {
		return oauth(http.StatusUnauthorized, "invalid_client", "AADSTS700021: "+why)
	}
	return nil
}

// issue makes a token whose claims tell the permissions. Its signature is nobody's: a
// client has no business with it.
func (c *call) issue() (string, error) {
	claims := map[string]any{"aud": "https://graph.microsoft.com", "tid": c.cfg.ID, "appid": c.cfg.ClientID, "exp": c.now.Add(c.cfg.TokenLife).Unix(), "uti": c.ids.Next("", 20)}
	if len(c.cfg.Permissions) > 0 {
		claims["roles"] = c.cfg.Permissions
	}
	text, err := json.Marshal(claims, json.Deterministic(true))
	if err != nil {
		return "", err
	}
	part := base64.RawURLEncoding.EncodeToString
	value := part([]byte(`{"typ":"JWT","alg":"RS256"}`)) + "." + part(text) + "." + part([]byte(c.ids.Secret("signature")))
	c.tokens.Give(value, slices.Clone(c.cfg.Permissions), c.now.Add(c.cfg.TokenLife))
	return value, nil
}

// authenticate finds out who sends a call, and whether they may.
func (c *call) authenticate(needs []string) *refusal {
	var ok bool
	if c.permissions, ok = c.tokens.Check(c.r, c.now); !ok {
		return refuse(http.StatusUnauthorized, "InvalidAuthenticationToken", "Access token has expired or is not yet valid.")
	}
	if !c.may(needs...) {
		return forbidden()
	}
	return nil
}

// RevokeTokens makes all access tokens that were issued so far worthless.
func (t *Tenant) RevokeTokens() {
	t.Lock()
	defer t.Unlock()
	t.tokens.Revoke()
}

// Grant replaces the permissions of the app registration: those of tokens that are there
// stay.
func (t *Tenant) Grant(permissions ...string) {
	t.Lock()
	defer t.Unlock()
	t.cfg.Permissions = permissions
}
