// SPDX-License-Identifier: Apache-2.0

package auth0test

import (
	"crypto/subtle"
	"fmt"

	"github.com/usher-id/usher/internal/fake"
)

// ClientKey is a public key of a client.
type ClientKey struct {
	ID, Name, Kid string
	Active        bool // assertions by it are taken
}

// ClientKeys returns the public keys of a client.
func (t *Tenant) ClientKeys(client string) (keys []ClientKey) {
	t.Lock()
	defer t.Unlock()
	if cl := t.clients[client]; cl != nil {
		for _, c := range cl.credentials {
			keys = append(keys, ClientKey{c.id, c.name, c.kid, c.active})
		}
	}
	return keys
}

// HoldsSecret reports whether a client's secret is this one: what is taken for good once
// it has spread, and not the one before it.
func (t *Tenant) HoldsSecret(client, secret string) bool {
	t.Lock()
	defer t.Unlock()
	cl := t.clients[client]
	return cl != nil && !cl.keysOnly && subtle.ConstantTimeCompare([]byte(cl.secret), []byte(secret)) == 1
}

// PutClientKey registers a public key (PEM) as an administrator might, and has it used
// or not. There are two at most.
func (t *Tenant) PutClientKey(client, name string, public []byte, active bool) (id string, err error) {
	t.Lock()
	defer t.Unlock()
	cl := t.clients[client]
	if cl == nil || len(cl.credentials) >= mostCredentials {
		return "", fmt.Errorf("there is no client %q with room for a credential", client)
	}
	key, err := fake.ReadPublicKey(public)
	if err != nil {
		return "", err
	}
	c := &credential{id: t.ids.Next("cred_", 22), name: name, kid: key.ID, alg: "RS256", key: key.Key, active: active, created: t.now()}
	cl.credentials = append(cl.credentials, c)
	t.note(administrator(), Created, "credential", c.id, client)
	return c.id, nil
}
