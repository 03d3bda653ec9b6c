// SPDX-License-Identifier: Apache-2.0

// Package httpauth is who we are to a system over HTTP that the configuration describes,
// be it a source or an app.
//
// It owns the kinds of authentication, the request for an access token by a client's
// secret or by what it signs, and what may be made of the answer. A [Credential] asks for
// tokens and keeps them, for the apps, whose clients are those of internal/rest; a source
// over HTTP has a client of its own, which says in its own way when to ask again.
//
// It must not send a client's secret anywhere but to the address that gives tokens, nor
// say anything of it.
//
// RFC 6749 §2.3.1, §4.4 and §5; RFC 6750; RFC 7523 §2; RFC 7617.
//
// Goroutines: none.
package httpauth
