// SPDX-License-Identifier: Apache-2.0

// Package googleapp is the connection to a Google Workspace account as an app: people are
// its users, teams are its groups, through the Directory API.
//
// It owns the table that says which SCIM attribute is where in a user (places.go), what is
// sent so that a leaver is out (leave.go), who is not touched, and what of Google's
// refusals is one person's and not the app's. Requests, tokens and limits are
// internal/google's, and what may be concluded from an answer is [app.FromRest]'s.
//
// It must not retry, wait, plan, or keep anything of an account.
//
// Each write to a user goes behind a read: whoever is an administrator is left alone, and
// what stands beside ours in a list must be sent along. Whether somebody is there is asked
// by address; a search lags behind what was written: nothing is concluded from what it
// lacks.
//
// Nothing here has been tried on a live tenant.
//
// The package starts no goroutines. An App is safe for concurrent use.
package googleapp
