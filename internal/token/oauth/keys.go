// SPDX-License-Identifier: Apache-2.0

package oauth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/usher-id/usher/internal/config"
)

// Algorithms are the signatures that are taken at all, by their names in RFC 7518 and
// RFC 8037. What needs a shared secret, and none, are not among them.
func Algorithms() []string { return []string{"ES256", "PS256", "RS256", "EdDSA"} }

// Key is a public key of a client.
type Key struct {
	ID         string // kid; "" for none
	Thumbprint string // RFC 7638, SHA-256 in base64url

	public     any
	algorithms []string // that it can be used with
}

// Bounds of RSA keys: shorter ones can be broken, longer ones cost time.
const (
	shortestRSA   = 2048
	longestRSA    = 4096
	leastExponent = 65537
)

// ParseKey reads a public key (RFC 7517). What is private, symmetric or weak is
// refused; no error repeats a part of the key.
func ParseKey(jwk []byte) (Key, error) {
	var members map[string]jsontext.Value
	if err := json.Unmarshal(jwk, &members); err != nil {
		return Key{}, errors.New("the key is no JSON object, or has a member twice")
	}
	for _, name := range config.PrivateMembers() {
		if _, there := members[name]; there {
			return Key{}, fmt.Errorf("the key is private: it has %s; give the public key alone, and make the client a new one, as this one has been seen", name)
		}
	}
	var says struct {
		Kty string   `json:"kty"`
		Ops []string `json:"key_ops"`
	}
	if err := json.Unmarshal(jwk, &says); err != nil {
		return Key{}, errors.New("kty of the key is no text, or key_ops no list of texts")
	}
	var k jose.JSONWebKey
	if err := k.UnmarshalJSON(jwk); err != nil {
		return Key{}, fmt.Errorf("the key cannot be read as one of kind EC (P-256), RSA (%d to %d bits) or OKP (Ed25519): a member is missing or wrong", shortestRSA, longestRSA)
	}
	fits, err := strong(k.Key)
	switch {
	case err != nil:
		return Key{}, err
	case k.Use != "" && k.Use != "sig", says.Ops != nil && !slices.Contains(says.Ops, "verify"):
		return Key{}, errors.New("the key is not for signatures: use must be sig, and key_ops include verify, if they are there")
	case k.Algorithm != "" && !slices.Contains(fits, k.Algorithm):
		return Key{}, fmt.Errorf("alg of the key does not fit a key of kind %s: it can be %s", says.Kty, fits)
	case k.Algorithm != "":
		fits = []string{k.Algorithm}
	}
	sum, err := k.Thumbprint(crypto.SHA256)
	if err != nil {
		return Key{}, errors.New("the key has no thumbprint")
	}
	return Key{ID: k.KeyID, Thumbprint: base64.RawURLEncoding.EncodeToString(sum), public: k.Key, algorithms: fits}, nil
}

// strong says with which algorithms a key can be used, and refuses one that others
// can forge signatures of.
func strong(key any) (algorithms []string, err error) {
	switch key := key.(type) {
	case *ecdsa.PublicKey:
		if key.Curve != elliptic.P256() {
			return nil, errors.New("the curve of the key is not taken: it must be P-256")
		}
		return []string{"ES256"}, nil
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < shortestRSA || bits > longestRSA {
			return nil, fmt.Errorf("the RSA key has %d bits: it must have %d to %d", bits, shortestRSA, longestRSA)
		}
		if key.E < leastExponent || key.E%2 == 0 || key.N.Bit(0) == 0 {
			return nil, fmt.Errorf("the RSA key is weak: its exponent must be odd and %d at least, its modulus odd", leastExponent)
		}
		return []string{"PS256", "RS256"}, nil
	case ed25519.PublicKey:
		return []string{"EdDSA"}, nil // the library refuses those for which anybody can sign
	}
	return nil, errors.New("a key of this kind is not taken: it must be EC (P-256), RSA or OKP (Ed25519)")
}

// MaxKeys of one client: the one in use, the one that follows it, and what is left over.
const MaxKeys = 4

// ParseKeys reads a set of public keys (RFC 7517 §5), all of which must be good.
func ParseKeys(jwks []byte) ([]Key, error) {
	var set struct {
		Keys []jsontext.Value `json:"keys"`
	}
	if err := json.Unmarshal(jwks, &set); err != nil || len(set.Keys) == 0 {
		return nil, errors.New(`it is no JSON Web Key Set: {"keys": [{"kty": …}]}`)
	}
	if len(set.Keys) > MaxKeys {
		return nil, fmt.Errorf("it holds %d keys: a client has %d at most", len(set.Keys), MaxKeys)
	}
	var keys []Key
	for i, text := range set.Keys {
		k, err := ParseKey(text)
		if err != nil {
			return nil, fmt.Errorf("key %d: %w", i+1, err)
		}
		keys = append(keys, k)
	}
	return keys, nil
}
