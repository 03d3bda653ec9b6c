// SPDX-License-Identifier: Apache-2.0

// Package postgres keeps everything in one schema of a PostgreSQL database, 13 or
// later: one connection writes, a pool of others reads. One engine at a time holds the
// store, by a lock of its writing session; a second one is told who does
// (docs/adr/0019).
//
// Every room's transaction is the same Tx, as on SQLite. What is written is sent with
// the next read, or with the commit: a transaction takes few round trips, however many
// rows it writes. SQL lives here and nowhere else. Instants are microseconds since 1970
// in UTC, texts compare byte by byte.
//
// Goroutines: an engine's store has one that tells every 1.5 s that the engine is
// alive, from Open to Close; and those of the pool, which end with it.
package postgres
