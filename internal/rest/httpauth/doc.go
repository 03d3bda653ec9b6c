// SPDX-License-Identifier: Apache-2.0

// Package httpauth is who we are to a system over HTTP that the configuration describes,
// be it a source or an app.
//
// It owns the kinds of authentication, and the request for an access token by client
// credentials with what may be made of its answer. It must not send anything, nor keep a
// token: a source and an app have each a client of their own, which say in their own way
// when to ask again, and what is wrong.
//
// RFC 6749 §2.3.1, §4.4 and §5.1; RFC 6750; RFC 7617.
//
// Goroutines: none.
package httpauth
