// SPDX-License-Identifier: Apache-2.0

// Package oauth gives access tokens to clients that prove who they are by what they
// have signed: the client credentials grant (RFC 6749 §4.4) with private_key_jwt
// (RFC 7521 §4.2, RFC 7523 §2.2 and §3), as the IPSIE profile of SCIM asks for, and
// the metadata by which clients find their way (RFC 8414, RFC 9728).
//
// An assertion is good for one token, once, within minutes. A token is one of
// package token: opaque, kept as a digest, for one source, and for an hour unless
// the client's configuration says otherwise. It holds as long as the client is
// there and still has the key by which it was known.
//
// It owns what an assertion must be, and the answers of the token endpoint. It must
// not know what a token opens, nor trust a key that is not in the configuration:
// what a header says of keys is never followed.
//
// Goroutines: none. A *Server may be used by many.
package oauth
