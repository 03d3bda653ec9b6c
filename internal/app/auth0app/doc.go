// SPDX-License-Identifier: Apache-2.0

// Package auth0app is the connection to an Auth0 tenant as an app: people are users of
// one database connection, teams are roles or organizations, through the Management
// API v2. The users of an enterprise connection are not writable by it; those go by
// inbound SCIM (profile auth0-inbound-scim).
//
// It owns the table that says which SCIM attribute is which field (places.go), what is
// sent so that a leaver is out (leave.go) and how somebody new gets to a password
// (password.go). What may be concluded from an answer is [app.FromRest]'s; requests,
// tokens and the tenant's rate limit are internal/auth0's.
//
// It must not retry, wait, plan, or keep anything of an account; nobody's password
// and no address by which one is chosen may get into an error.
//
// A user is created under an id of ours, auth0|<externalId>, and so whether it is there
// can be asked by id, which Auth0 answers consistently, as it does by e-mail address. A
// search lags behind what was written: nothing is concluded from what it lacks.
//
// Nothing here has been tried on a live tenant.
//
// The package starts no goroutines. An App is safe for concurrent use.
package auth0app
