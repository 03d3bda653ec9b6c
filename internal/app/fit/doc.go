// SPDX-License-Identifier: Apache-2.0

// Package fit compares what the configuration sends to an app with what the app
// says that it takes: its schemas, resource types and features (RFC 7643 §5 to §7,
// RFC 7644 §4), and what its profile knows where it says nothing.
//
// [Mapping] looks at a mapping, [Resource] at one person's values, [Explain] at why
// nothing came of asking. [StatementOf] reduces what an app says to what matters,
// and [Changes] says in words how one statement differs from another.
//
// What an app says of itself is a claim: it is compared, and told, and nothing is
// ever sent or left out because of it. It must not repeat a value of a person.
//
// The package is pure and starts no goroutines.
package fit
