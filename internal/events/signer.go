// SPDX-License-Identifier: Apache-2.0

package events

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"

	"github.com/go-jose/go-jose/v4"

	"github.com/usher-id/usher/scim/scimevent"
)

// Signer signs tokens with ES256 (RFC 7518 §3.4), and with nothing else.
type Signer struct {
	signer jose.Signer
	keys   []byte // the public key, as a JWK Set (RFC 7517 §5)
}

// NewSigner reads a private key: PEM, of PKCS #8 or SEC 1, on the curve P-256. The
// key's name is its thumbprint (RFC 7638). No error shows anything of the key.
func NewSigner(text []byte) (*Signer, error) {
	key, err := readKey(text)
	if err != nil {
		return nil, err
	}
	public := jose.JSONWebKey{Key: key.Public(), Algorithm: string(jose.ES256), Use: "sig"}
	digest, err := public.Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	public.KeyID = base64.RawURLEncoding.EncodeToString(digest)
	keys, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{public}})
	if err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	options := (&jose.SignerOptions{}).WithType(scimevent.HeaderType)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: public.KeyID}}, options)
	if err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	return &Signer{signer, keys}, nil
}

// errKey says how a key is made that will do.
var errKey = errors.New("the signing key must be a private key on the curve P-256, as PEM: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256")

func readKey(text []byte) (*ecdsa.PrivateKey, error) {
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return nil, errKey
		}
		var parsed any
		var err error
		switch block.Type {
		case "EC PARAMETERS": // openssl ecparam writes them before the key
			continue
		case "PRIVATE KEY":
			parsed, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		case "EC PRIVATE KEY":
			parsed, err = x509.ParseECPrivateKey(block.Bytes)
		default:
			return nil, fmt.Errorf("%w; this is a %s", errKey, kindOfBlock(block.Type))
		}
		key, ok := parsed.(*ecdsa.PrivateKey)
		if err != nil || !ok || key.Curve != elliptic.P256() {
			return nil, errKey
		}
		return key, nil
	}
}

// kindOfBlock names what is known, and repeats nothing that is not.
func kindOfBlock(s string) string {
	switch s {
	case "PUBLIC KEY", "CERTIFICATE", "RSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY":
		return s
	}
	return "PEM block of another kind"
}

// Sign returns a token in the compact form.
func (s *Signer) Sign(claims []byte) (string, error) {
	signed, err := s.signer.Sign(claims)
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	return signed.CompactSerialize()
}

// ServeHTTP answers with the public key as a JWK Set.
func (s *Signer) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/jwk-set+json")
	w.Header().Set("Cache-Control", "public, max-age=300")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(s.keys) // who has hung up needs no answer
}
