// SPDX-License-Identifier: Apache-2.0

// Package httpapp is the connection to the records of a source as an app, over HTTP and
// JSON, as HR systems have them: what was decided about a person, such as the work e-mail
// and the user name, is written back into the record that the person came from.
//
// It owns how a record is read, how a change becomes a request, and what may be concluded
// from an answer. All of that is data: [Config]. A maker's system is a Config with the
// names filled in. Requests, waiting and tokens are internal/rest's, and paths in JSON
// internal/jsonpath's.
//
// An account is a record, and its id the key by which the source knows the person. The
// package never makes, ends or lists one, and must not retry, plan, or keep anything of
// it. It must not hold a secret in an error, and requests go to one origin, but for those
// for tokens: a credential goes nowhere else.
//
// A body is a tree: a value is put into it as a value, so that no text of a person can
// become a part of the request that others are responsible for.
//
// Text: RFC 8259; problems RFC 9457. Tokens: RFC 6749 §4.4, RFC 6750, RFC 7617. Waiting:
// RFC 9110 §10.2.3.
//
// The package starts no goroutines. An App is safe for concurrent use.
package httpapp
