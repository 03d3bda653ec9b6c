// SPDX-License-Identifier: Apache-2.0

// Package server is the composition root: it turns a configuration into the
// rooms' objects, and runs them. It is the only package that knows everybody.
//
// Build compiles a configuration without touching anything, which is all that
// `usher check` needs. Usher is a built configuration with an open store; Plan
// and Apply are one cycle each.
//
// It starts no goroutine of its own.
package server
