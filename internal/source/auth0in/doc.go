// SPDX-License-Identifier: Apache-2.0

// Package auth0in is Auth0 as a source of people.
//
// It owns how a user of the tenant becomes a row, how everybody is read (an export
// job, or pages where they are few), and the two ways by which changes are told: the
// Events API, which needs no public address, and the webhook of an event stream. Both
// only mark users; what counts is what GET /users/{id} says then, which is consistent
// at once. Roles and organizations, of which no event of a user tells, and groups are
// read with everybody.
//
// An account that was linked to another one is deleted under its own id, as Auth0 tells
// it. It is looked for among the identities of others before anybody is taken for gone.
//
// The package must not decide what becomes of anybody: source.Ingest, source.Reread and
// the directory do.
//
// Goroutines: ReadSome asks for several users at once, and waits for them. Follow runs
// in its caller's.
package auth0in
