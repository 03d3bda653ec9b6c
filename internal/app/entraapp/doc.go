// SPDX-License-Identifier: Apache-2.0

// Package entraapp is the connection to a tenant of Microsoft Entra ID as an app: people
// are its users, teams are its security groups, through Microsoft Graph. Entra's own SCIM
// endpoint (profile entra-scim-api) is another way in.
//
// It owns the table that says which SCIM attribute is which property (places.go), what is
// sent so that a leaver is out (leave.go), who and what is nobody's to write (guard.go),
// and what of Graph's refusals is one person's and not the app's. Requests and tokens are
// internal/entra's, and what may be concluded from an answer is [app.FromRest]'s.
//
// It must not retry, wait, plan, or keep anything of an account; the password that nobody
// is made without is made here, sent, and forgotten.
//
// Whether somebody is there is asked by name or id, never by a search. Even so a replica
// may not know of them yet: the profile's settle time says for how long that proves
// nothing.
//
// Nothing here has been tried on a live tenant.
//
// The package starts no goroutines. An App is safe for concurrent use.
package entraapp
