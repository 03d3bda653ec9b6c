// SPDX-License-Identifier: Apache-2.0

// Package scimtest has a fake app that speaks SCIM 2.0, for tests, demos and
// benchmarks of whatever provisions into such apps.
//
// [New] makes an [App]: a service provider of package scimserver in memory, with
// [Quirks] that make it behave like apps that people really use, a [Schedule]
// of faults, and a ledger that is kept beside it and tells what really
// happened, whatever was answered.
//
//	app, err := scimtest.New(scimtest.Config{
//		Token:  "secret",
//		Quirks: scimtest.Quirks{MaxMembersPerPatch: 100, NeverReturnMembers: true},
//		Faults: scimtest.Seeded(42, 0.05, 0.5),
//	})
//	base, stop, err := scimtest.Listen(ctx, app)
//
// [QuirksOf] has the quirks of real apps, by id, from what their own documentation
// says; [App.Refusals] names the requests that such an app refused and SCIM alone
// would have allowed. They know nothing of any client's profiles, which can so be
// tried against them.
//
// A schedule is seeded and keyed by the logical operation and its attempt, so that
// the same operation meets the same faults whatever the order of requests.
//
// Nothing here imports package testing: a fake app can be part of a program.
// [Listen] starts one goroutine that serves, and stop joins it; an App has none.
package scimtest
