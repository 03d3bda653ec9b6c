// SPDX-License-Identifier: Apache-2.0

package rest

import (
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// NewCertSigner is NewSigner for takers that know a key by a certificate of it: assertions
// name that by x5t#S256 (RFC 7515 §4.1.8), are signed by PS256, and say since when they are
// good. until is when the certificate ends.
func NewCertSigner(key, certificate []byte, client, audience string) (_ *Signer, until time.Time, _ error) {
	private, err := parseKey(key)
	if err != nil {
		return nil, until, err
	}
	cert, err := parseCertificate(certificate)
	if err != nil {
		return nil, until, err
	}
	if public, ok := cert.PublicKey.(*rsa.PublicKey); !ok || !public.Equal(private.Public()) {
		return nil, until, errors.New("the certificate is not that of the private key")
	}
	sum := sha256.Sum256(cert.Raw)
	s := &Signer{client: client, audience: audience, KeyID: base64.RawURLEncoding.EncodeToString(sum[:]), since: true}
	s.jws, err = jose.NewSigner(
		jose.SigningKey{Algorithm: jose.PS256, Key: private},
		(&jose.SignerOptions{}).WithType("JWT").WithHeader("x5t#S256", s.KeyID))
	if err != nil {
		return nil, until, errors.New("nothing can be signed by the private key")
	}
	return s, cert.NotAfter, nil
}

// parseCertificate reads the first certificate of a PEM, which may hold a key before it.
func parseCertificate(text []byte) (*x509.Certificate, error) {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, errors.New("the certificate cannot be read; its PEM holds something else")
		}
		return cert, nil
	}
	return nil, errors.New("the certificate is no PEM; it begins with -----BEGIN CERTIFICATE-----")
}
