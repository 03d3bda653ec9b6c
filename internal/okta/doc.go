// SPDX-License-Identifier: Apache-2.0

// Package okta is a client of Okta's management API (Users and Groups, v1) and the token
// endpoint of an org, as far as an app needs them.
//
// It owns how an org knows us (an API token, or client credentials by private_key_jwt),
// what its errors mean, and the shapes of what goes over the wire. It must not know of
// people, retry a write whose fate is not known, or keep anything of a user. How a
// request is sent and when it is sent again is package rest's.
//
// Three things are to be known of the API. A search is answered from an index that lags
// behind: whoever asks whether somebody is there asks by id or login. Lists leave users
// who are DEPROVISIONED out unless they are asked for by status. And a write to such a
// user is answered with "not found", though the user is there.
//
// The names, limits and error texts are those of the documentation; none was tried on a
// live org. Requests that a maker may demand to be bound to a key (DPoP) are not made.
//
// Goroutines: none beyond those of net/http. A Client is safe for concurrent use.
package okta
