// SPDX-License-Identifier: Apache-2.0

// Package sim runs the engine's core for months of bad days, each run from one seed: it
// feeds the real phases of a source, the real directory and the real provisioning engine
// with people of a made-up company, gives them apps in memory that fail in every way we
// know of, kills and pauses the process between any two of its steps, and holds what
// happens at the apps against an oracle of its own.
//
// How a run repeats. It lives in a bubble of testing/synctest, whose clock stands still while
// anything can go on. Whatever the engine does to the world waits at a yield point under a
// stable name: a request before it has its effect and an answer before it is heard, a
// transaction before it commits, a read of the source. When everything waits, the scheduler
// takes one by the seed, or lets something go wrong, or time pass. So one thing happens at a
// time, and the same seed makes the same run: TestSame holds that.
//
// The oracle knows the made-up company and the apps' own ledgers, and asks nothing of the
// planner, the mapping or the directory to know what is right. What the engine writes down
// (intents, outcomes, events) it takes as claims, to be held against what happened.
//
// It must not be imported by anything.
//
// Goroutines: the scheduler is the bubble's main one, and alone draws numbers and looks at
// the world while nothing else runs. Each process of the engine has one that works its
// orders, and what the engine starts; all have ended when a run ends.
package sim
