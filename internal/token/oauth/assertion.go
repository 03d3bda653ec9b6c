// SPDX-License-Identifier: Apache-2.0

package oauth

import (
	"crypto/sha256"
	"encoding/base64"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Bounds of an assertion.
const (
	maxAssertion = 8 << 10
	maxLife      = 5 * time.Minute // from now, and from when it was made
	skew         = time.Minute     // by which clocks may differ
	maxID        = 256             // bytes of jti
	// keepUsed is how much longer than it could be used it is known that an assertion
	// was: a clock that is set back must not make it new.
	keepUsed = 10 * time.Minute
)

// Assertion is one that was exchanged.
type Assertion struct {
	Digest [sha256.Size]byte // of whose it was and of its jti
	Forget time.Time         // when it need not be known any more
}

// proven is what a valid assertion shows.
type proven struct {
	client *Client
	key    Key
	used   Assertion
}

// claims are those that count (RFC 7523 §3). Others are passed over.
type claims struct {
	Issuer    string         `json:"iss"`
	Subject   string         `json:"sub"`
	Audience  jsontext.Value `json:"aud"`
	ID        string         `json:"jti"`
	Expires   *float64       `json:"exp"`
	NotBefore *float64       `json:"nbf"`
	Issued    *float64       `json:"iat"`
}

// unknown is the one answer to whoever has not shown a client's key: which clients
// there are, and which keys they have, is nobody's affair.
func unknown() *refusal { return malformed("the client cannot be authenticated") }

// malformed is the answer to what is no assertion that could be looked at.
func malformed(says string) *refusal {
	return &refusal{status: http.StatusUnauthorized, code: invalidClient, says: says}
}

// prove finds out whose assertion it is, and whether it may be exchanged now. Where
// the client is known, the refusal names it.
func (s *Server) prove(text, clientID string, now time.Time) (proven, *refusal) {
	signed, kid, bad := parse(text)
	if bad != nil {
		return proven{}, bad
	}
	var c claims
	if json.Unmarshal(signed.UnsafePayloadWithoutVerification(), &c) != nil {
		return proven{}, malformed("the claims of the assertion cannot be read")
	}
	client := s.clients[c.Issuer]
	if client == nil || c.Subject != c.Issuer || clientID != "" && clientID != c.Issuer {
		return proven{}, unknown()
	}
	p := proven{client: client}
	alg := signed.Signatures[0].Protected.Algorithm
	for _, k := range client.Keys {
		if !slices.Contains(k.algorithms, alg) || !client.takes(alg) || kid != "" && k.ID != "" && kid != k.ID {
			continue
		}
		if _, err := signed.Verify(k.public); err == nil {
			p.key = k
			break
		}
	}
	if p.key.public == nil {
		return proven{}, unknown()
	}
	if says := s.wrong(c, now); says != "" {
		return proven{}, &refusal{status: http.StatusUnauthorized, code: invalidClient, says: says, client: client}
	}
	// A zero byte is in no client id, so that no two pairs are one text.
	p.used.Digest = sha256.Sum256([]byte(client.ID + "\x00" + c.ID))
	p.used.Forget = instant(*c.Expires).Add(skew + keepUsed)
	return p, nil
}

// tricks are header parameters by which a text would say with what key, or how, it is
// to be checked (RFC 7515 §4.1, RFC 7797, RFC 8725 §3.10). What has one is refused.
func tricks() []string {
	return []string{"jwk", "jku", "x5c", "x5u", "crit", "b64", "cty", "enc", "zip"}
}

// parse reads the text of a signature of one of the algorithms, without believing it.
func parse(text string) (signed *jose.JSONWebSignature, kid string, bad *refusal) {
	head, _, _ := strings.Cut(text, ".")
	raw, err := base64.RawURLEncoding.Strict().DecodeString(head)
	if err != nil || len(text) > maxAssertion || strings.ContainsFunc(text, func(c rune) bool { return !compact(c) }) {
		return nil, "", malformed("the assertion is no signed JWT in the compact form, or is too long")
	}
	var header map[string]jsontext.Value
	var named struct {
		Type string `json:"typ"`
		ID   string `json:"kid"`
	}
	if json.Unmarshal(raw, &header) != nil || json.Unmarshal(raw, &named) != nil {
		return nil, "", malformed("the header of the assertion cannot be read")
	}
	for _, name := range tricks() {
		if _, there := header[name]; there {
			return nil, "", malformed("the header of the assertion has " + name + ", which is not taken")
		}
	}
	// A JWT that was made for something else says so (RFC 8725 §3.11).
	switch strings.TrimPrefix(strings.ToLower(named.Type), "application/") {
	case "", "jwt", "client-authentication+jwt":
	default:
		return nil, "", malformed("typ of the assertion is not that of a client's")
	}
	var algorithms []jose.SignatureAlgorithm
	for _, a := range Algorithms() {
		algorithms = append(algorithms, jose.SignatureAlgorithm(a))
	}
	if signed, err = jose.ParseSignedCompact(text, algorithms); err != nil {
		return nil, "", malformed("the assertion is not signed by an algorithm that is taken: " + strings.Join(Algorithms(), ", "))
	}
	return signed, named.ID, nil
}

// compact tells whether a character is one of a JWT's compact form.
func compact(c rune) bool {
	return c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.'
}

// wrong says what is wrong with the claims of a client that is known, or "".
func (s *Server) wrong(c claims, now time.Time) string {
	switch {
	case !s.forUs(c.Audience):
		// One that is made out to several could be presented here by any of them.
		return "aud of the assertion must be the issuer or the token endpoint, and nothing else"
	case c.ID == "" || len(c.ID) > maxID:
		return "the assertion must have a jti of 256 bytes at most"
	case c.Expires == nil || !finite(c.Expires) || !finite(c.NotBefore) || !finite(c.Issued):
		return "the assertion must have exp, and its times must be seconds since 1970"
	}
	expires := instant(*c.Expires)
	switch {
	case !now.Before(expires.Add(skew)):
		return "the assertion has expired"
	case expires.After(now.Add(maxLife + skew)):
		return "the assertion lives too long: five minutes at most"
	case c.NotBefore != nil && instant(*c.NotBefore).After(now.Add(skew)):
		return "the assertion does not hold yet"
	case c.Issued != nil && instant(*c.Issued).After(now.Add(skew)):
		return "iat of the assertion lies ahead"
	case c.Issued != nil && expires.Sub(instant(*c.Issued)) > maxLife:
		return "the assertion lives too long: five minutes at most"
	}
	return ""
}

// forUs tells whether an audience is us alone: a text, or a list of one.
func (s *Server) forUs(aud jsontext.Value) bool {
	var one string
	var list []string
	if json.Unmarshal(aud, &list) == nil && len(list) == 1 {
		one = list[0]
	} else if json.Unmarshal(aud, &one) != nil {
		return false
	}
	return one == s.c.Issuer || one == s.endpoint()
}

// longestTime is a NumericDate beyond any that is meant: the year 5138.
const longestTime = 1e11

func finite(seconds *float64) bool {
	return seconds == nil || *seconds >= 0 && *seconds <= longestTime
}

// instant is a NumericDate, which may have a fraction (RFC 7519 §2).
func instant(seconds float64) time.Time {
	whole, part := math.Modf(seconds)
	return time.Unix(int64(whole), int64(part*float64(time.Second)))
}
