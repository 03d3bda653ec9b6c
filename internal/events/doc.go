// SPDX-License-Identifier: Apache-2.0

// Package events tells others of what changes at our SCIM endpoint: security event
// tokens (RFC 8417) as RFC 9967 profiles them for SCIM, delivered by push (RFC 8935)
// and by poll (RFC 8936).
//
// A token is queued in the transaction of the change that it tells of, so that
// neither is without the other, and stays until its recipient has it: every token is
// delivered at least once, in the order of commits, always with the same jti. What
// nobody fetches is dropped when it is old or too much, and the ledger says so.
// Signatures are made when a token is delivered, so that no old key is kept for them.
//
// It owns what a token says, its place in the outbox, its signature and its delivery.
// It must not know what a resource means, nor how a client is authenticated.
//
// Goroutines: those of Run, which is its caller's: one for each stream that is pushed,
// and one that drops what is too old.
package events
