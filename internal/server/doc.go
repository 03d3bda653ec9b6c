// SPDX-License-Identifier: Apache-2.0

// Package server is the composition root: it turns a configuration into the
// rooms' objects, and runs them. It is the only package that knows everybody.
//
// Build compiles a configuration without touching anything, which is all that
// `usher check` needs; with --live it asks the apps as well (live.go). Usher is a built configuration with an open store; Plan
// and Apply are one cycle each, and Serve runs for ever what Apply runs once.
//
// Goroutines: none but those of Serve, which has one for each of its parts,
// started in order and stopped in reverse (parts.go): the two listeners, the
// bookkeeper (ledger, holds), the queue, the watch over the sources' files, the
// clock, discovery with one for each app that is asked, and the engine with one for
// each request of another process. CheckApps and CheckPeople have one for each app
// that they ask. What a part starts has ended when the part has.
package server
