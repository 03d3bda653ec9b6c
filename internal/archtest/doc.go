// SPDX-License-Identifier: Apache-2.0

// Package archtest holds the house to its plan: which package may import which, what must never be linked into the binary,
// and the few habits of files that no linter knows. It has tests only, and runs with all others.
//
// It owns the ranks. A new package fails until it has one, so that where it stands is a decision and not an accident. It
// must not be imported by anything.
//
// Goroutines: none.
package archtest
