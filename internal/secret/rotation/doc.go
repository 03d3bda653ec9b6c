// SPDX-License-Identifier: Apache-2.0

// Package rotation exchanges the credential by which Usher is known to an Auth0 tenant,
// at the tenant and in the store, so that whatever breaks off in between leaves one in
// the store that the tenant takes.
//
// The new value is made here and sealed as an intention before anything of it is sent
// (what is kept before an irreversible act is what undoes its crash). Then it is brought
// to the tenant, a token is asked for with it, and only then it becomes the newest
// version. A client secret is set by PATCH /clients/{id}: never by rotate-secret, whose
// answer would be the only copy. A private key is registered beside the one that there
// is, and the old one is taken back after an overlap.
//
// Each step can be done again: a PATCH with the same value changes nothing, and a public
// key is looked for by its thumbprint (RFC 7638) before it is added. So a rotation that
// was cut short is gone on with, forward, by whoever comes next: the new value is tried
// first, then the old one.
//
// It owns the order of these steps and what an answer means to it. It must not know
// when a rotation is due, or who else uses the credential.
//
// Goroutines: none.
package rotation
