// SPDX-License-Identifier: Apache-2.0

// Package queue runs jobs: a thin cover over River, so that no other room
// knows which queue it is.
//
// A job is a kind and a key and nothing else. Who works it reads the current
// state, so equal jobs merge, and a job that is lost is healed by the next
// sweep. Pushes to apps are no jobs: the state is their queue (docs/adr/0002).
//
// It owns River's tables and its settings (docs/adr/0008). It must not know
// what a kind means.
//
// Goroutines: River's own, from Start to Stop.
package queue
