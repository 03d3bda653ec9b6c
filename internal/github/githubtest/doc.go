// SPDX-License-Identifier: Apache-2.0

// Package githubtest has a fake organization at GitHub, for tests of whatever provisions
// into one.
//
// [New] makes an [Org]: the authentication of a GitHub App and the part of the REST API
// that members, invitations and teams need, all in memory. It is written from GitHub's
// documentation alone and imports nothing of package github, so that the two readings
// check each other. What the documentation leaves open says so in a comment: none of it
// was verified on a live organization.
//
// The fake is as strict as the documentation allows: a membership is pending until its
// owner accepts, an invitation fails after seven days, logins change and are taken by
// others, a role that is not said is that of a member, a team that an identity provider
// fills takes nobody, and who is put into a team without being a member is invited.
//
// What people and owners do is a method: [Org.Accept], [Org.Rename]. What really happened,
// whatever was answered, is in [Org.Ledger]; the requests that came are in [Org.Counts].
// Requests go wrong as a [fake.Schedule] says.
//
// Nothing here imports package testing. Goroutines: those of [fake.Listen] and
// [fake.Transport].
package githubtest
