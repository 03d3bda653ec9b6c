// SPDX-License-Identifier: Apache-2.0

// Package oktatest has a fake Okta org, for tests of whatever provisions into one.
//
// [New] makes an [Org]: the token endpoint and the part of the Users and Groups API that
// provisioning needs, all in memory. It is written from Okta's documentation alone and
// imports nothing of package okta, so that the two readings check each other. What the
// documentation leaves open says so in a comment: none of it was verified on a live org.
//
// The fake is as strict as the documentation allows: a deactivation takes its time and
// ends no session, a search lags behind, profiles take no attribute that the schema does
// not name, and a write to somebody who is DEPROVISIONED finds nobody.
//
// What an administrator, or a user, does is a method: [Org.Put], [Org.SignIn]. What
// really happened, whatever was answered, is in [Org.Ledger]; the requests that came are
// in [Org.Counts]. Requests go wrong as a [fake.Schedule] says.
//
// Nothing here imports package testing. Goroutines: those of [fake.Listen] and
// [fake.Transport].
package oktatest
