// SPDX-License-Identifier: Apache-2.0

// Package entratest has a fake tenant of Microsoft Entra ID, for tests of whatever
// provisions into one.
//
// [New] makes a [Tenant]: the token endpoint and the part of Microsoft Graph (users and
// groups, v1.0) that provisioning needs, all in memory. It is written from Microsoft's
// documentation alone and imports nothing of package entra, so that the two readings check
// each other. What the documentation leaves open says so in a comment: none of it was
// verified on a live tenant.
//
// The fake is as strict as the documentation allows: reads come from a replica that lags
// behind, a user shows a few properties unless others are asked for, keeping somebody out
// ends no session, each permission is looked for by itself, who holds a role is protected,
// and who or what comes from an on-premises directory cannot be written.
//
// What an administrator, or a user, does is a method: [Tenant.Put], [Tenant.SignIn]. What
// really happened, whatever was answered, is in [Tenant.Ledger]; the requests that came
// are in [Tenant.Counts]. Requests go wrong as a [fake.Schedule] says.
//
// Nothing here imports package testing. Goroutines: those of [fake.Listen] and
// [fake.Transport].
package entratest
