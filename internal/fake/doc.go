// SPDX-License-Identifier: Apache-2.0

// Package fake is what fakes of makers' APIs have in common: the [Frame] that each stands
// in, with the records of what came and what really happened; a [Schedule] of what goes
// wrong with which request, what each [Fault] does to a connection, ids that are the
// same in each run, and the ways to a fake, by a port of the loopback interface
// ([Listen]) or without a network ([Transport]).
//
// It must not know of any maker, and imports nothing of the clients that are tested
// with it. Nothing here imports package testing: a fake can be part of a program.
//
// Goroutines: those of an http.Server, which what Listen returns joins; Transport has
// one for each request, which ends with the answer.
package fake
