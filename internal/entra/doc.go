// SPDX-License-Identifier: Apache-2.0

// Package entra is a client of Microsoft Graph (v1.0: users and groups) and of the token
// endpoint of a tenant of Microsoft Entra ID, as far as an app needs them.
//
// It owns how a tenant knows us (client credentials, by a secret or by a certificate),
// which cloud an address is of, what errors mean, and the shapes of what goes over the
// wire. It must not know of people, retry a write whose fate is not known, or keep
// anything of a user. How a request is sent and when it is sent again is package rest's.
//
// Four things are to be known of the API. Reads come from replicas: what was written a
// moment ago may be unknown to them, and what they do not show proves nothing. A user is
// answered with a few properties unless the others are asked for by name. Names of groups
// are not unique, so that ours are made by a unique name of their own, again if need be.
// And a member that is there already makes a whole request of members fail.
//
// ConsistencyLevel and what needs it (searches, casts, counts) is not used: nothing here
// rests on an index.
//
// The names, limits and error texts are those of the documentation, and of code that
// others run; none was tried on a live tenant.
//
// Goroutines: none beyond those of net/http. A Client is safe for concurrent use.
package entra
