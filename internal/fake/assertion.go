// SPDX-License-Identifier: Apache-2.0

package fake

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

const leastKeyBits = 2048

// PublicKey is one by which a client's assertions are signed.
type PublicKey struct {
	ID  string
	Key *rsa.PublicKey
}

// Assertions checks those of private_key_jwt (RFC 7523 §3): RS256, RS384 or PS256,
// from and about the client, for an audience, once, and for so long at most.
type Assertions struct {
	Most time.Duration
	used map[string]time.Time // by client and jti, until when they are good
}

// Check returns the client whose assertion it is, or why it is not taken. client is who
// the request says that it is, if it says so; keys are a client's, false of none.
func (a *Assertions) Check(text, client, audience string, now time.Time, keys func(client string) ([]PublicKey, bool)) (id, why string) {
	claims, why := a.check(text, audience, now, keys)
	if why == "" && (claims.Issuer != claims.Subject || client != "" && client != claims.Subject) {
		return "", "iss and sub of the client assertion must both be the client_id"
	}
	return claims.Issuer, why
}

// Claims are those of an assertion that a token is given for (RFC 7523 §2.1).
type Claims struct {
	jwt.Claims

	Scope string `json:"scope"`
}

// Grant returns what an assertion says that a token is to be given for, or why it is not
// taken: its issuer is the client, and may speak for another subject.
func (a *Assertions) Grant(text, audience string, now time.Time, keys func(client string) ([]PublicKey, bool)) (Claims, string) {
	return a.check(text, audience, now, keys)
}

func (a *Assertions) check(text, audience string, now time.Time, keys func(client string) ([]PublicKey, bool)) (claims Claims, why string) {
	signed, err := jwt.ParseSigned(text, []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.PS256})
	if err != nil || len(signed.Headers) != 1 {
		return claims, "the client assertion cannot be read, or its algorithm is not RS256, RS384 or PS256"
	}
	if err := signed.UnsafeClaimsWithoutVerification(&claims); err != nil {
		return claims, "the client assertion has no claims"
	}
	known, ok := keys(claims.Issuer)
	return claims, a.wrong(signed, &claims, audience, now, known, ok)
}

// wrong is why an assertion is not taken, "" if it is.
func (a *Assertions) wrong(signed *jwt.JSONWebToken, claims *Claims, audience string, now time.Time, known []PublicKey, ok bool) string {
	switch {
	case !ok:
		return "iss and sub of the client assertion must both be the client_id"
	case !signedBy(signed, known, claims):
		return "the client assertion is signed by no key of the client"
	case !slices.Contains(claims.Audience, audience):
		return "aud of the client assertion must be " + audience
	case claims.Expiry == nil || !now.Before(claims.Expiry.Time()):
		return "the client assertion is expired, or has no exp"
	case claims.Expiry.Time().After(now.Add(a.Most)) || claims.IssuedAt != nil && claims.Expiry.Time().Sub(claims.IssuedAt.Time()) > a.Most:
		return "the client assertion is good for more than " + a.Most.String()
	case claims.NotBefore != nil && now.Before(claims.NotBefore.Time()):
		return "the client assertion is not good yet"
	case claims.ID == "":
		return "the client assertion has no jti"
	}
	maps.DeleteFunc(a.used, func(_ string, until time.Time) bool { return until.Before(now) })
	once := claims.Issuer + " " + claims.ID
	if _, again := a.used[once]; again {
		return "the jti of the client assertion was used before"
	}
	if a.used == nil {
		a.used = map[string]time.Time{}
	}
	a.used[once] = claims.Expiry.Time()
	return ""
}

// signedBy tries the key that the assertion names, or each if it names none.
func signedBy(signed *jwt.JSONWebToken, keys []PublicKey, into *Claims) bool {
	kid := signed.Headers[0].KeyID
	return slices.ContainsFunc(keys, func(k PublicKey) bool {
		return (kid == "" || kid == k.ID) && signed.Claims(k.Key, into) == nil
	})
}

// ReadPublicKey reads an RSA key, PEM, and names it by its thumbprint (RFC 7638).
func ReadPublicKey(text []byte) (PublicKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return PublicKey{}, errors.New("the public key is no PEM")
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
		return PublicKey{}, errors.New("the public key cannot be read")
	}
	key, isRSA := parsed.(*rsa.PublicKey)
	if !isRSA || key.N.BitLen() < leastKeyBits {
		return PublicKey{}, errors.New("the public key must be RSA, of 2048 bits or more")
	}
	digest, err := (&jose.JSONWebKey{Key: key}).Thumbprint(crypto.SHA256)
	if err != nil {
		return PublicKey{}, err
	}
	return PublicKey{base64.RawURLEncoding.EncodeToString(digest), key}, nil
}
