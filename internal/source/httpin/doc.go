// SPDX-License-Identifier: Apache-2.0

// Package httpin reads people from a list that is had over HTTP as JSON, as HR systems
// give it.
//
// It owns how a list is asked for and paged, how a record becomes a row, what proves that
// a read holds everybody, and by what a call to our webhook is known. All of that is
// data: [Config]. A maker's system is a Config with the names filled in.
//
// Where a system does not give JSON in pages, a [Feed] makes and reads its messages, and
// hands over records; all else is as it is for the others.
//
// A list is a snapshot, as a file is, and is held to the same: whoever is absent from a
// read that is proven complete is missing, and of any other read only what it holds
// counts. Complete is a read whose paging ended by itself, of which no page came twice, no
// key stands twice, no key cannot be read, and whose total, if the list tells one, is what
// came. As people may come and go between two pages, whoever is absent from a list of
// several pages is asked for by their id, or looked for in a second read, before that
// counts.
//
// What is told of a record in requests of its own is added to it before it becomes a row. If
// that cannot be had the record is set aside: it is there, and as it was.
//
// A webhook, and a list of what has changed, only mark ids. What counts is what is read
// then, by id; where that cannot be, everybody is read. That somebody is not found by their
// id has everybody read, and nobody leave.
//
// The package must not decide what becomes of anybody, and must not hold a secret in an
// error: addresses are named without query, answers not at all.
//
// Text: RFC 8259 and RFC 7493 (no duplicate names, valid UTF-8); paths are dotted, or RFC
// 6901. Links: RFC 8288. Waiting: RFC 9110 §10.2.3. Tokens: RFC 6749 §4.4.
//
// Goroutines: those of net/http, and four that ask for what is told of records, which end
// with the read. Watch runs in its caller's.
package httpin
