// SPDX-License-Identifier: Apache-2.0

// Package scimevent reads and writes what SCIM says in security event tokens
// (RFC 9967, a profile of RFC 8417) and how they are delivered by poll (RFC 8936).
//
// A [Token] holds the claims of one token: who it is about, which transaction it
// comes of, and one or more [Event] values. [Token.MarshalJSON] writes them as a JWS
// payload, [Parse] reads one. [PollRequest] and [PollAnswer] are the two messages of a
// poll, [DeliveryError] is how a recipient refuses a token, by push (RFC 8935 §2.3)
// or by poll (RFC 8936 §2.4.4).
//
// It owns the claims and the messages. It signs, verifies and sends nothing: a
// recipient checks the signature first, and parses what was signed. JSON is read as
// strictly as anything in package scim: no name twice, no invalid UTF-8, within
// [scim.Limits].
//
// Goroutines: none.
package scimevent
