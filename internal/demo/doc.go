// SPDX-License-Identifier: Apache-2.0

// Package demo plays a made-up company: a seeded generator of people, the HR
// file that they stand in, apps with different quirks on loopback, and a story
// of hires, moves and departures that Usher has to follow.
//
// It owns the company, the story and the verdict. What each app must hold is
// computed from the company by code of its own, without a look at the engine,
// the store or an expression, and is compared with what the apps really hold
// and with what they wrote down of each request. So a demo that passes says
// something, and a single account that is altered fails it.
//
// It must not know more of the engine than `usher apply` does: it writes a
// configuration and an HR file, and runs cycles on them. The apps are
// scim/scimtest's, and the tenant of Auth0 is auth0test's.
//
// Goroutines: a listener for each app, stopped by Demo.Close; in Demo.Stay
// those of the engine, joined before it returns.
package demo
