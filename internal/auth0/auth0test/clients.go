// SPDX-License-Identifier: Apache-2.0

package auth0test

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usher-id/usher/internal/fake"
)

const (
	// propagation is how long the secret before a rotation may still be accepted.
	propagation     = 30 * time.Second
	mostCredentials = 2
	leastSecret     = 8
)

// Client is an application that may use the Management API. ID and one of Secret and
// PublicKeys are required.
type Client struct {
	ID, Name   string
	Secret     string
	PublicKeys [][]byte // PEM
	Scopes     []string // nil: all that this fake knows
	// Ungranted says that nobody has authorized it for the Management API, and
	// NotMachine that it is of a kind that may not use client credentials.
	Ungranted, NotMachine bool
}

type client struct {
	Client
	scopes      []string
	secret      string
	oldSecret   string
	oldUntil    time.Time
	newFrom     time.Time // when the secret is taken everywhere
	credentials []*credential
	keysOnly    bool // client_authentication_methods says private_key_jwt
}

// credential is a public key of a client. It is in use if the client's authentication
// methods name it.
type credential struct {
	id, name, kid, alg string
	key                *rsa.PublicKey
	active             bool
	created            time.Time
}

func (cl *client) granted() []string { return cl.scopes }

// Grant says anew which scopes an application has, and returns those that it had. Tokens
// that are out keep theirs.
func (t *Tenant) Grant(id string, scopes ...string) (had []string) {
	t.Lock()
	defer t.Unlock()
	if cl := t.clients[id]; cl != nil {
		had, cl.scopes = cl.scopes, scopes
	}
	return had
}

// AddClient registers an application.
func (t *Tenant) AddClient(c Client) error {
	t.Lock()
	defer t.Unlock()
	if c.ID == "" || c.Secret == "" && len(c.PublicKeys) == 0 {
		return errors.New("a client needs an id, and a secret or a public key")
	}
	if t.clients[c.ID] != nil {
		return fmt.Errorf("there is a client %q", c.ID)
	}
	if len(c.PublicKeys) > mostCredentials {
		return errors.New("a client has two credentials at most")
	}
	if c.Name == "" {
		c.Name = c.ID
	}
	cl := &client{Client: c, secret: c.Secret, scopes: c.Scopes, keysOnly: c.Secret == ""}
	if cl.scopes == nil {
		cl.scopes = knownScopes(routes())
	}
	for _, text := range c.PublicKeys {
		key, err := fake.ReadPublicKey(text)
		if err != nil {
			return fmt.Errorf("client %q: %w", c.ID, err)
		}
		cl.credentials = append(cl.credentials, &credential{id: t.ids.Next("cred_", 22), kid: key.ID, alg: "RS256", key: key.Key, active: true, created: t.now()})
	}
	t.clients[c.ID] = cl
	return nil
}

// ownKid is what the reference says a kid may be.
var ownKid = regexp.MustCompile(`^[0-9a-zA-Z_-]{10,64}$`)

func (c *call) client() (*client, error) {
	if cl := c.clients[c.args["id"]]; cl != nil {
		return cl, nil
	}
	return nil, refuse(http.StatusNotFound, "inexistent_client", "The client does not exist")
}

func (cl *client) json(secret bool) jsontext.Value {
	var o object
	o.text("client_id", cl.ID)
	o.text("name", cl.Name)
	o.text("app_type", "non_interactive")
	if secret {
		o.text("client_secret", cl.secret)
	}
	if cl.keysOnly {
		o.raw("token_endpoint_auth_method", jsontext.Value("null"))
		var keys object
		list := []byte{'['}
		for _, cred := range cl.credentials {
			if cred.active {
				if len(list) > 1 {
					list = append(list, ',')
				}
				var id object
				id.text("id", cred.id)
				list = append(list, id.end()...)
			}
		}
		keys.raw("credentials", append(list, ']'))
		var methods object
		methods.raw("private_key_jwt", keys.end())
		o.raw("client_authentication_methods", methods.end())
	} else {
		o.text("token_endpoint_auth_method", "client_secret_post")
	}
	return o.end()
}

func getClient(c *call) (answer, error) {
	cl, err := c.client()
	if err != nil {
		return answer{}, err
	}
	return ok(c.selected(cl.json(slices.Contains(c.token.scopes, "read:client_keys"))))
}

// authMethods are client_authentication_methods, as far as this fake knows them.
type authMethods struct {
	Key *struct {
		Credentials []struct {
			ID string `json:"id"`
		} `json:"credentials"`
	} `json:"private_key_jwt"`
}

// updateClient is PATCH /clients/:id. A secret that is chosen spreads like a rotated one.
func updateClient(c *call) (answer, error) {
	cl, err := c.client()
	if err != nil {
		return answer{}, err
	}
	var change struct {
		Name       field[string]      `json:"name"`
		Secret     field[string]      `json:"client_secret"`
		Methods    field[authMethods] `json:"client_authentication_methods"`
		AuthMethod field[string]      `json:"token_endpoint_auth_method"`
	}
	if err := c.read(&change); err != nil {
		return answer{}, err
	}
	if err := c.may(change.Secret.set, "update:client_keys", "client_secret"); err != nil {
		return answer{}, err
	}
	if err := c.may(change.Methods.set, "update:client_credentials", "client_authentication_methods"); err != nil {
		return answer{}, err
	}
	if change.Secret.set && (change.Secret.null || len(change.Secret.value) < leastSecret) {
		return answer{}, badBody("String is too short on property client_secret")
	}
	if change.Methods.set && !change.Methods.null {
		if err := c.useKeys(cl, change.Methods.value); err != nil {
			return answer{}, err
		}
	}
	if change.AuthMethod.set && !change.AuthMethod.null || change.Methods.null {
		cl.keysOnly = false
	}
	if change.Name.set && change.Name.value != "" {
		cl.Name = change.Name.value
	}
	if change.Secret.set {
		c.setSecret(cl, change.Secret.value)
	}
	c.note(c.by, Updated, "client", cl.ID, "")
	return ok(cl.json(false))
}

// may refuses a change of a field that has a scope of its own, as the notes of the
// reference say.
func (c *call) may(set bool, scope, of string) error {
	if !set || slices.Contains(c.token.scopes, scope) {
		return nil
	}
	return refuse(http.StatusForbidden, "insufficient_scope", "Insufficient scope, expected "+scope+" to update "+of)
}

// useKeys makes the credentials that are named the ones in use, and secrets worthless.
func (c *call) useKeys(cl *client, m authMethods) error {
	if m.Key == nil || len(m.Key.Credentials) == 0 || len(m.Key.Credentials) > mostCredentials {
		return badBody("private_key_jwt.credentials must name one or two credentials")
	}
	for _, want := range m.Key.Credentials {
		if !slices.ContainsFunc(cl.credentials, func(k *credential) bool { return k.id == want.ID }) {
			return badBody("there is no credential " + want.ID)
		}
	}
	for _, cred := range cl.credentials {
		cred.active = false
		for _, want := range m.Key.Credentials {
			cred.active = cred.active || cred.id == want.ID
		}
	}
	cl.keysOnly = true
	return nil
}

// setSecret exchanges the secret. One that it has already changes nothing, which is not
// documented.
func (c *call) setSecret(cl *client, secret string) {
	if secret == cl.secret {
		return
	}
	cl.oldSecret, cl.oldUntil = cl.secret, c.now.Add(propagation)
	cl.secret, cl.newFrom = secret, c.now.Add(min(c.cfg.SecretLag, propagation))
	c.note(c.by, SecretRotated, "client", cl.ID, "")
}

// rotateSecret is POST /clients/:id/rotate-secret. The new secret is in this answer and
// in no other.
func rotateSecret(c *call) (answer, error) {
	cl, err := c.client()
	if err != nil {
		return answer{}, err
	}
	c.setSecret(cl, c.ids.Secret("secret"))
	return ok(cl.json(true))
}

func (cred *credential) json() jsontext.Value {
	var o object
	o.text("id", cred.id)
	o.text("name", cred.name)
	o.text("kid", cred.kid)
	o.text("alg", cred.alg)
	o.text("credential_type", "public_key")
	o.time("created_at", cred.created)
	return o.end()
}

func listCredentials(c *call) (answer, error) {
	cl, err := c.client()
	if err != nil {
		return answer{}, err
	}
	out := []byte{'['}
	for i, cred := range cl.credentials {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, cred.json()...)
	}
	return ok(append(out, ']'))
}

// createCredential is POST /clients/:id/credentials: a public key, of which a client has
// two at most. It is not in use before the client's authentication methods name it.
func createCredential(c *call) (answer, error) {
	cl, err := c.client()
	if err != nil {
		return answer{}, err
	}
	var want struct {
		Type      string `json:"credential_type"`
		Name      string `json:"name"`
		PEM       string `json:"pem"`
		Alg       string `json:"alg"`
		ExpiresAt string `json:"expires_at"`
		Kid       string `json:"kid"` // one of one's own, that assertions name
	}
	if err := c.read(&want); err != nil {
		return answer{}, err
	}
	if want.Type != "public_key" || want.PEM == "" {
		return answer{}, badBody("Missing required property: pem of a public_key")
	}
	if want.Alg == "" {
		want.Alg = "RS256"
	}
	if !slices.Contains([]string{"RS256", "RS384", "PS256"}, want.Alg) {
		return answer{}, badBody("No enum match for: " + want.Alg + " on property alg")
	}
	if len(cl.credentials) >= mostCredentials {
		return answer{}, refuse(http.StatusForbidden, "too_many_credentials", "The client has reached the limit of two credentials")
	}
	key, err := fake.ReadPublicKey([]byte(want.PEM))
	if err != nil {
		return answer{}, badBody(err.Error())
	}
	if want.Kid != "" {
		if !ownKid.MatchString(want.Kid) {
			return answer{}, badBody("String does not match pattern on property kid")
		}
		key.ID = want.Kid
	}
	if slices.ContainsFunc(cl.credentials, func(k *credential) bool { return k.kid == key.ID || k.key.Equal(key.Key) }) {
		return answer{}, refuse(http.StatusConflict, "credential_exists", "The client has this credential")
	}
	cred := &credential{id: c.ids.Next("cred_", 22), name: want.Name, kid: key.ID, alg: want.Alg, key: key.Key, created: c.now}
	cl.credentials = append(cl.credentials, cred)
	c.note(c.by, Created, "credential", cred.id, cl.ID)
	return created(cred.json())
}

func deleteCredential(c *call) (answer, error) {
	cl, err := c.client()
	if err != nil {
		return answer{}, err
	}
	id := c.args["cid"]
	i := slices.IndexFunc(cl.credentials, func(k *credential) bool { return k.id == id })
	switch {
	case i < 0:
		return answer{}, refuse(http.StatusNotFound, "inexistent_credential", "The credential does not exist")
	case cl.keysOnly && cl.credentials[i].active:
		return answer{}, refuse(http.StatusBadRequest, "credential_in_use", "The credential is in use by client_authentication_methods")
	}
	cl.credentials = slices.Delete(cl.credentials, i, i+1)
	c.note(c.by, Deleted, "credential", id, cl.ID)
	return status(http.StatusNoContent)
}
