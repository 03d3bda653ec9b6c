// SPDX-License-Identifier: Apache-2.0

package auth0

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Credential is by what a tenant knows us: either of the two. Printing it shows neither.
type Credential struct {
	Secret string // client_secret
	Key    []byte // PEM of a private key, for private_key_jwt (RFC 7523)
}

// Format writes "[redacted]" for every verb.
func (Credential) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[redacted]") }

// MarshalText writes "[redacted]".
func (Credential) MarshalText() ([]byte, error) { return []byte("[redacted]"), nil }

// credential takes the credential as it is now. Whoever holds the turn calls it.
func (t *tokens) credential() error {
	if t.asked == nil {
		return nil
	}
	c, err := t.asked()
	if err != nil {
		return err
	}
	if (c.Secret == "") == (len(c.Key) == 0) {
		return errors.New("auth0: the credential is neither a client secret nor a private key")
	}
	t.hide(c.Secret)
	switch {
	case len(c.Key) == 0:
		t.key, t.signer = nil, nil
	case !bytes.Equal(c.Key, t.key):
		s, err := newSigner(c.Key, t.client.clientID, t.client.base+"/")
		if err != nil {
			return err
		}
		t.key, t.signer = c.Key, s
	}
	return nil
}
