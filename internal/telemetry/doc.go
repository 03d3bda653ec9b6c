// SPDX-License-Identifier: Apache-2.0

// Package telemetry is how a long-running Usher tells what it does: one line
// of log for each decision, a constant message with attributes, and no secret
// in any of them.
//
// It owns the log's handler. It must not know what is logged.
//
// Goroutines: none.
package telemetry
