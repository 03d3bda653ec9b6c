// SPDX-License-Identifier: Apache-2.0

// Package oktaapp is the connection to an Okta org as an app: people are its users,
// teams are its groups, through the Users and Groups API. Applications get both from
// Okta; inbound SCIM (profile okta-inbound-scim) is another way in.
//
// It owns the table that says which SCIM attribute is which of a profile (places.go),
// what is sent so that a leaver is out (leave.go), and what of Okta's refusals is one
// person's and not the app's. Requests, tokens and limits are internal/okta's, and what
// may be concluded from an answer is [app.FromRest]'s.
//
// It must not retry, wait, plan, or keep anything of an account.
//
// Whether somebody is there is asked by login, which Okta answers consistently. A search
// lags behind what was written: nothing is concluded from what it lacks.
//
// Nothing here has been tried on a live org.
//
// The package starts no goroutines. An App is safe for concurrent use.
package oktaapp
