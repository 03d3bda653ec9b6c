// SPDX-License-Identifier: Apache-2.0

// Package storetest is the contract that every store must pass: what the rooms
// rely on when they call Update, View and the methods of their transactions.
// Each kind of store runs it from its own tests. A behaviour that a room relies
// on is added here, not to the tests of one store.
//
// It is for tests alone, and must not know how a store keeps what it is given.
// It starts goroutines only to read beside a writer, and joins them.
package storetest
