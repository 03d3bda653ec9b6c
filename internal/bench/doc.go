// SPDX-License-Identifier: Apache-2.0

// Package bench measures the budgets that concern the engine: how fast a first
// load is beside a bare loop over the same client, what a cycle costs in which
// nothing or one thing changed, how fast it plans, and how much memory it takes.
//
// Each figure is measured beside its floor in the same run, with the same app,
// client and concurrency, and reported as a ratio: a ratio says something on
// every machine, a time does not. Nothing here fails for being slow.
//
// With -short every benchmark is small, so that a run of each once tells
// whether it still works. `make bench` runs them in full, and the program in
// the folder perftable writes the figures into docs/performance.md.
package bench
