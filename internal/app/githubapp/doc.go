// SPDX-License-Identifier: Apache-2.0

// Package githubapp is the connection to an organization at GitHub as an app: people are
// its members, teams are its teams, through the REST API. The SCIM API of organizations
// (profile github-org) destroys the identity of whoever is deactivated and knows no teams;
// that of managed users (github-emu) is another way in.
//
// An account at GitHub is its owner's: of it nothing is ever written. What Usher makes and
// ends is the membership. A person is known by the login that they bring (userName), and by
// the numeric id behind it from then on, as a login may be changed and be somebody else's
// later. Nobody is invited by an address: GitHub does not tell who accepts such an
// invitation, and without that nobody could be removed when they leave.
//
// An invitation that was not accepted in seven days has failed. Such a member is shown
// without what they are known by, so that the next plan says it again; that invites them
// again, three times at most.
//
// It owns what is a member, a pending one or none, that owners are left alone unless
// configured otherwise (leave.go), and what of GitHub's refusals is one person's and not
// the app's. Requests, tokens and limits are internal/github's, and what may be concluded
// from an answer is [app.FromRest]'s.
//
// It must not retry, wait, plan, or keep anything of an account.
//
// Nothing here has been tried on a live organization.
//
// The package starts no goroutines. An App is safe for concurrent use.
package githubapp
