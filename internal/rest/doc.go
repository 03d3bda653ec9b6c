// SPDX-License-Identifier: Apache-2.0

// Package rest is what the clients of makers' own APIs have in common: how a request is
// sent, when it may be sent again, and what may be said of an answer that is none of
// success.
//
// It owns access tokens by client credentials ([Tokens], [Signer]; RFC 6749 §4.4, RFC
// 7523), the limits that headers tell, lists that come page by page ([List], [Link]; RFC
// 8288), secrets kept out of errors ([Redact]), and the shape of an [Error]. It must not know of any maker, nor retry a write whose fate is
// not known.
//
// Reads are tried again after a 429 or a bare 5xx, within the caller's context; writes
// only where provably nothing happened: after a 429, or what an API says in its place, and
// once after a 401. Answers are
// bounded in bytes and in time. Redirects are refused: they would carry the token to
// where nobody sent it.
//
// Goroutines: none beyond those of net/http. A [Client] is safe for concurrent use.
package rest
