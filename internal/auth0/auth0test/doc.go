// SPDX-License-Identifier: Apache-2.0

// Package auth0test has a fake Auth0 tenant, for tests, demos and benchmarks of
// whatever reads from Auth0 or provisions into it.
//
// [New] makes a [Tenant]: the token endpoint, the part of the Management API v2 that
// a sync needs, the Events API and event streams, all in memory. It is written from
// Auth0's documentation alone and imports nothing of package auth0, so that the two
// readings check each other. What the documentation leaves open, or what is from
// memory, says so in a comment: none of it was verified on a live tenant.
//
//	tenant, err := auth0test.New(auth0test.Config{
//		ClientID: "usher", Secret: "secret",
//		SearchLag: 2 * time.Second,
//		Faults: auth0test.Seeded(42, 0.05, 0.5),
//	})
//	url, stop, err := tenant.Listen(ctx)
//
// What an administrator, or a user, does is a method: [Tenant.Put], [Tenant.Alter],
// [Tenant.Block], [Tenant.Link], [Tenant.SignIn]. What really happened, whatever was
// answered, is in [Tenant.Ledger]; the requests that came are in [Tenant.Counts], and
// those that were refused because Auth0 is as it is in [Tenant.Refusals].
//
// Requests go wrong as a [Schedule] says, events as [Mischief] does. Both count
// requests and events, and use no chance but a seeded one.
//
// [Tenant.Listen] puts it on a port of the loopback interface, [Tenant.Transport] asks
// it without a network.
//
// Nothing here imports package testing: a fake tenant can be part of a program.
// [Tenant.Start] starts the goroutines that send webhooks, and [Tenant.Listen] those
// and those of an http.Server; what they return joins them. Transport has one for each
// request, which ends with the answer. A Tenant has no others.
package auth0test
