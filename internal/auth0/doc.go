// SPDX-License-Identifier: Apache-2.0

// Package auth0 is a client of Auth0's Management API v2, its Events API and the
// token endpoint, as far as a source and an app need them.
//
// It owns access tokens (client credentials by secret or private_key_jwt), the
// tenant's rate limit as its headers tell it, and the shapes of what goes over the
// wire. It must not know of people, retry a write whose fate is not known, or keep
// anything of a user.
//
// What may be concluded from a failure is in [Error]. Reads are tried again after a
// 429 or a bare 5xx, within the caller's context; writes only where provably nothing
// happened: after a 429, and once after a 401.
//
// Answers are bounded in bytes and in time. Redirects are refused: they would carry
// the token to where nobody sent it. The names, limits and error texts are those of
// the documentation; what is marked "not verified" was not tried on a live tenant.
//
// Goroutines: none beyond those of net/http. A Client is safe for concurrent use, a
// Stream by one reader, beside whom somebody else may close it.
package auth0
