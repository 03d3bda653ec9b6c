// SPDX-License-Identifier: Apache-2.0

// Package audit is the ledger: append-only, hash-chained, verifiable.
//
// An effect and its event commit together. The event is stored as an envelope
// (number, instant, kind, salted digest) and a payload kept apart by person, so
// that erasing payload and salt leaves every later hash valid. Nobody who
// writes an event waits for the head of the chain: a sequencer numbers and
// chains the events afterwards, in commit order.
//
// The package owns the shape of an event, its digest, the chain and its
// verification. It must not decide what is worth an event, and it keeps no
// storage of its own: Appender and Store are served by internal/store.
//
// It starts no goroutine.
package audit
