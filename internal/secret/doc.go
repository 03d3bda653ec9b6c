// SPDX-License-Identifier: Apache-2.0

// Package secret keeps credentials sealed: by authenticated encryption (Tink, with
// XChaCha20-Poly1305), under a key of a ring that is not in the store.
//
// What is sealed is bound to its name, its version and its origin, so that a row that
// is copied to another place does not open there. The origin is where the value is sent
// (scheme, host and port), or Usher itself: an address that is changed in the
// configuration gets no credential that was meant for the old one.
//
// The ring is in a file, or in the environment. Its first key seals, all of them open,
// so that one ring is exchanged for another: add the new key, rewrap, remove the old
// one.
//
// It owns the ring, what a sealed value is, and how values follow one another. It must
// not know what a value is for, and keeps none in clear.
//
// Goroutines: none.
package secret
