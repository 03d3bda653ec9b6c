// SPDX-License-Identifier: Apache-2.0

// Package googletest has a fake Google Workspace account, for tests of whatever provisions
// into one.
//
// [New] makes an [Account]: the token endpoint and the part of the Directory API that
// provisioning needs, all in memory. It is written from Google's documentation alone and
// imports nothing of package google, so that the two readings check each other. What the
// documentation leaves open says so in a comment: none of it was verified on a live tenant.
//
// The fake is as strict as the documentation allows: what is new is not there for a while,
// lists and searches lag behind, a suspension ends no session and revokes no token, an
// address that was given up stays as an alias, and a list within a user is what was sent.
//
// What an administrator, or a user, does is a method: [Account.Put], [Account.SignIn]. What
// really happened, whatever was answered, is in [Account.Ledger]; the requests that came
// are in [Account.Counts]. Requests go wrong as a [fake.Schedule] says.
//
// Nothing here imports package testing. Goroutines: those of [fake.Listen] and
// [fake.Transport].
package googletest
