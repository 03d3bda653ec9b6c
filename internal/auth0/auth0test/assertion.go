// SPDX-License-Identifier: Apache-2.0

package auth0test

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// longestAssertion is how long an assertion may be good.
const longestAssertion = 5 * time.Minute

const leastKeyBits = 2048

// assertedClient checks an assertion by private_key_jwt (RFC 7523 §3): RS256, RS384 or
// PS256, signed by a key that is in use, from and about the client, for the tenant's
// address with its slash, once, and for five minutes at most.
func (c *call) assertedClient(g grant) (*client, error) {
	no := func(why string) error { return oauthRefusal(http.StatusUnauthorized, "invalid_client", why) }
	signed, err := jwt.ParseSigned(g.Assertion, []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.PS256})
	if err != nil || len(signed.Headers) != 1 {
		return nil, no("the client assertion cannot be read, or its algorithm is not RS256, RS384 or PS256")
	}
	var claims jwt.Claims
	if err := signed.UnsafeClaimsWithoutVerification(&claims); err != nil {
		return nil, no("the client assertion has no claims")
	}
	who := c.clients[claims.Subject]
	switch {
	case who == nil || claims.Issuer != claims.Subject || g.ClientID != "" && g.ClientID != who.ID:
		return nil, no("iss and sub of the client assertion must both be the client_id")
	case !who.signedBy(signed, &claims):
		return nil, no("the client assertion is signed by no key of the client")
	case !slices.Contains(claims.Audience, c.base(c.r)+"/"):
		return nil, no("aud of the client assertion must be " + c.base(c.r) + "/")
	case claims.Expiry == nil || !c.now.Before(claims.Expiry.Time()):
		return nil, no("the client assertion is expired, or has no exp")
	case claims.Expiry.Time().After(c.now.Add(longestAssertion)) || claims.IssuedAt != nil && claims.Expiry.Time().Sub(claims.IssuedAt.Time()) > longestAssertion:
		return nil, no("the client assertion is good for more than five minutes")
	case claims.NotBefore != nil && c.now.Before(claims.NotBefore.Time()):
		return nil, no("the client assertion is not good yet")
	case claims.ID == "":
		return nil, no("the client assertion has no jti")
	}
	maps.DeleteFunc(who.used, func(_ string, until time.Time) bool { return until.Before(c.now) })
	if _, again := who.used[claims.ID]; again {
		return nil, no("the jti of the client assertion was used before")
	}
	who.used[claims.ID] = claims.Expiry.Time()
	return who, nil
}

// signedBy tries the key that the assertion names, or each if it names none.
func (cl *client) signedBy(signed *jwt.JSONWebToken, into *jwt.Claims) bool {
	kid := signed.Headers[0].KeyID
	for _, cred := range cl.credentials {
		if cred.active && (kid == "" || kid == cred.kid) && signed.Claims(cred.key, into) == nil {
			return true
		}
	}
	return false
}

// readPublicKey reads an RSA key, PEM, and names it by its thumbprint (RFC 7638).
func readPublicKey(text []byte) (*rsa.PublicKey, string, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, "", errors.New("the public key is no PEM")
	}
	var parsed any
	var err error
	switch block.Type {
	case "RSA PUBLIC KEY":
		parsed, err = x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE":
		var cert *x509.Certificate
		if cert, err = x509.ParseCertificate(block.Bytes); err == nil {
			parsed = cert.PublicKey
		}
	default:
		parsed, err = x509.ParsePKIXPublicKey(block.Bytes)
	}
	if err != nil {
		return nil, "", errors.New("the public key cannot be read")
	}
	key, isRSA := parsed.(*rsa.PublicKey)
	if !isRSA || key.N.BitLen() < leastKeyBits {
		return nil, "", errors.New("the public key must be RSA, of 2048 bits or more")
	}
	digest, err := (&jose.JSONWebKey{Key: key}).Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, "", err
	}
	return key, base64.RawURLEncoding.EncodeToString(digest), nil
}
