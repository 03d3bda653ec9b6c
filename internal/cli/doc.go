// SPDX-License-Identifier: Apache-2.0

// Package cli is the command line: one file for each subcommand.
//
// A command reads its flags, calls the server room, and prints. With --json it
// prints one document on stdout and nothing else; everything that is not the
// answer goes to stderr. Exit codes have one table, in exit.go.
//
// Goroutines: one waits for signals while a command runs.
package cli
