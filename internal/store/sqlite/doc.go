// SPDX-License-Identifier: Apache-2.0

// Package sqlite keeps everything in one SQLite file: WAL, synchronous=FULL,
// one writing connection and a pool of read-only ones. One process holds the
// file for writing; a second is told who does.
//
// Every room's transaction is the same Tx, so that a person's row, the marks of
// their accounts and the ledger's events commit together. SQL lives here and
// nowhere else. Instants are stored as microseconds since 1970 in UTC.
//
// It starts no goroutine.
package sqlite
