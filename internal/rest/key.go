// SPDX-License-Identifier: Apache-2.0

package rest

import (
	"cmp"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"
)

const (
	minKeyBits    = 2048
	assertionLife = time.Minute // takers take up to five, or an hour
)

// AssertionType is that of RFC 7523 §2.2, and GrantType the one of §2.1.
const (
	AssertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	GrantType     = "urn:ietf:params:oauth:grant-type:jwt-bearer"
)

// Signer makes assertions, to say who we are or to be given a token for (RFC 7523 §3).
type Signer struct {
	KeyID            string // as the public key is registered
	client, audience string
	jws              jose.Signer
	since            bool // assertions say since when they are good
}

// NewSigner reads a private key in PEM, of PKCS #1 or PKCS #8: RSA keys only, by RS256.
// With no key id it is the RFC 7638 thumbprint of the public key.
func NewSigner(text []byte, keyID, client, audience string) (*Signer, error) {
	key, err := parseKey(text)
	if err != nil {
		return nil, err
	}
	public := jose.JSONWebKey{Key: key.Public()}
	sum, err := public.Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, errors.New("the private key has no thumbprint")
	}
	s := &Signer{client: client, audience: audience, KeyID: cmp.Or(keyID, base64.RawURLEncoding.EncodeToString(sum))}
	s.jws, err = jose.NewSigner(
		jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key, KeyID: s.KeyID}},
		(&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return nil, errors.New("nothing can be signed by the private key")
	}
	return s, nil
}

// NewKey makes a private key: RSA, PKCS #8 in PEM.
func NewKey() ([]byte, error) {
	const bits = 3072 // until 2030 and beyond (NIST SP 800-57, part 1)
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		return nil, errors.New("a private key cannot be made")
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, errors.New("a private key cannot be written")
	}
	defer clear(der)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// PublicKeyOf is the public half of a private key, PKIX in PEM, and its thumbprint (RFC
// 7638), by which assertions name it.
func PublicKeyOf(private []byte) (public []byte, thumbprint string, err error) {
	key, err := parseKey(private)
	if err != nil {
		return nil, "", err
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, "", errors.New("the public key cannot be written")
	}
	sum, err := (&jose.JSONWebKey{Key: key.Public()}).Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, "", errors.New("the private key has no thumbprint")
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), base64.RawURLEncoding.EncodeToString(sum), nil
}

// parseKey says nothing of what it reads but its kind.
func parseKey(text []byte) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("the private key is no PEM; it begins with -----BEGIN PRIVATE KEY-----")
	}
	var parsed any
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		parsed, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		parsed, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		return nil, errors.New("the private key is none of RSA; make an RSA key, as no other is taken")
	case "ENCRYPTED PRIVATE KEY":
		return nil, errors.New("the private key is encrypted; give it in clear, from a secret")
	default:
		return nil, errors.New("the PEM holds no private key")
	}
	if err != nil {
		return nil, errors.New("the private key cannot be read; its PEM holds something else")
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, errors.New("the private key is none of RSA; make an RSA key, as no other is taken")
	}
	if bits := key.N.BitLen(); bits < minKeyBits {
		return nil, fmt.Errorf("the private key has %d bits; make one of at least %d", bits, minKeyBits)
	}
	return key, nil
}

// Assertion says who we are (RFC 7523 §2.2). It is good once, and for a minute.
func (s *Signer) Assertion(now time.Time) (string, error) { return s.sign(now, s.client, "") }

// Grant is itself what a token is given for (RFC 7523 §2.1): that we act for a subject,
// with scopes. It is good once, and for a minute.
func (s *Signer) Grant(now time.Time, subject string, scopes []string) (string, error) {
	return s.sign(now, subject, strings.Join(scopes, " "))
}

// slack is how far a taker's clock may be behind ours.
const slack = time.Minute

// Issued says who we are and nothing else: iss, iat and exp, to which some takers hold a
// client. It is good for a few minutes, and as often as it is sent.
func (s *Signer) Issued(now time.Time) (string, error) {
	return s.claim(struct {
		Issuer  string `json:"iss"`
		Issued  int64  `json:"iat"`
		Expires int64  `json:"exp"`
	}{s.client, now.Add(-slack).Unix(), now.Add(5 * slack).Unix()})
}

func (s *Signer) sign(now time.Time, subject, scope string) (string, error) {
	since := int64(0)
	if s.since {
		since = now.Unix()
	}
	return s.claim(struct {
		Issuer   string `json:"iss"`
		Subject  string `json:"sub"`
		Audience string `json:"aud"`
		Scope    string `json:"scope,omitempty"`
		ID       string `json:"jti"`
		Issued   int64  `json:"iat"`
		Since    int64  `json:"nbf,omitzero"`
		Expires  int64  `json:"exp"`
	}{s.client, subject, s.audience, scope, rand.Text(), now.Unix(), since, now.Add(assertionLife).Unix()})
}

func (s *Signer) claim(what any) (string, error) {
	claims, err := json.Marshal(what)
	if err != nil {
		return "", errors.New("the client id is no valid text")
	}
	signed, err := s.jws.Sign(claims)
	if err != nil {
		return "", errors.New("the assertion cannot be signed by the private key")
	}
	return signed.CompactSerialize()
}
