// SPDX-License-Identifier: Apache-2.0

// Package provision brings the apps to what the directory says: it plans the
// difference, lets the guard look at it, pushes it, and writes down what
// happened.
//
// The state is the queue. A change in the directory marks the account rows of
// its person as due; the engine reads what is due, plans from the state as it
// is now, and pushes. A mark is cleared by a plan that finds nothing to do, and
// only if no newer mark has come since.
//
// Planner and Machine are pure: no clock, no randomness, no I/O. Engine is the
// I/O around them. Before a request goes out its intent is committed, after its
// answer the outcome; what lies between a crash and its outcome is ambiguous
// and is looked up before anything else is done about it.
//
// Goroutines: Engine.Apply and Engine.Serve run each app in one of its own,
// which owns all of that run's state. While an app is held one more renews its
// lease. A stage has as many senders as the app's concurrency allows, and a
// recorder that commits one step while requests go on. A survey reads one page
// while it plans another, on all cores. All are joined by whoever started them.
package provision
