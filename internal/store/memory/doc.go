// SPDX-License-Identifier: Apache-2.0

// Package memory keeps the state of the engine's core in memory, for a simulator that
// runs years of it in seconds: sources that are read, the directory, provisioning and
// the ledger. What it is told it forgets with the process, so it is no store for a
// product, and nothing links it into one.
//
// It says what package sqlite says, method by method and order by order, and the same
// contract (storetest) and a comparison of the two hold it to that. It is made for
// companies of some hundred people: where SQLite has an index it may walk. What
// providers push, tokens, outboxes, secrets, requests of other processes and jobs are
// not in it.
//
// A committed state is never written to again. A transaction copies what it is about to
// change, and its commit puts one pointer in place of another: so a reader sees one
// state and waits for nobody, a rollback is to do nothing, and a copy of the whole
// store costs as much as an empty one.
//
// It starts no goroutine and does no I/O. Time is time.Now, so that within a bubble of
// testing/synctest it is the bubble's.
package memory
