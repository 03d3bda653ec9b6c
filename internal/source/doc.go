// SPDX-License-Identifier: Apache-2.0

// Package source is where people come from: an HR file or API, Auth0, an
// identity provider that pushes SCIM.
//
// A reader delivers rows and knows nothing of people; each kind of reader is a
// folder of its own. Ingest has the phases that every source shares, so that
// none can leave one out: read, parse, match, prove, submit.
//
// The package must not decide what becomes of an absent person: it says what
// was seen and whether that was all, and the directory takes it from there.
//
// It starts no goroutine.
package source
