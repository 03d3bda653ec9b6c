// SPDX-License-Identifier: Apache-2.0

// Package google is a client of the Directory API of Google Workspace (Admin SDK,
// directory_v1), as far as an app needs it.
//
// It owns how Google knows us (a service account that acts for an administrator, by
// domain-wide delegation: RFC 7523 §2.1), what its errors mean, and the shapes of what
// goes over the wire. It must not know of people, retry a write whose fate is not known,
// or keep anything of a user. How a request is sent and when it is sent again is package
// rest's.
//
// Five things are to be known of the API. A key file names the address that takes what it
// signs: it is held against Google's own, and never followed. A 403 may be a limit: its
// reason tells. Lists and searches know late of what was written, and so, for a while, do
// all calls of a user or a group that is new: they answer 404, or 403. A user is also found
// by an alias, which is no address of theirs to sign in by. And lists within a user, such
// as phones, are written whole: what is to stay must be sent along.
//
// The names, limits and error texts are those of the documentation and of issues in public
// clients; none was tried on a live tenant.
//
// Goroutines: none beyond those of net/http. A Client is safe for concurrent use.
package google
