// SPDX-License-Identifier: Apache-2.0

// Package request is how a command asks the engine that holds the store to do
// something: it leaves a request, signed with who asks, and waits for what
// became of it.
//
// Every request that is taken ends with one outcome, also when whoever asked is
// gone, and also when the engine that took it is: the next one says so. How
// many lie there, how large they are and how old they get is bounded.
//
// It owns the rules of the hand-over. It must not know what a request means.
//
// Goroutines: none.
package request
