// SPDX-License-Identifier: Apache-2.0

// Package probe finds out what a SCIM 2.0 endpoint (RFC 7643, RFC 7644, RFC 9865)
// really does, with one canary user and one canary group, and what it does otherwise
// than plain SCIM 2.0.
//
// [Run] takes a [Config] and returns a [Report]: deviations as lines, facts, the
// canaries that could not be removed, and a profile in the form of package app. It
// believes nothing that the endpoint claims: each line comes from a request and what
// was read after it.
//
// Everything that it makes has a name that begins with [Prefix]. It writes to nothing
// else: other resources are seen on pages of lists alone, of which no content is
// kept. What it made it removes, also after an error or the end of its context; what
// it could not remove is in the report, and a later run finds and removes it.
//
// It must not decide for people: whether to begin, and whether to go on where the
// app keeps what it makes, is asked through Config.Ask.
//
// Goroutines: while the rate is looked for, one for each request, which Run waits
// for; else none but those of net/http.
package probe
