// SPDX-License-Identifier: Apache-2.0

// Package jsonpath finds values in JSON texts by paths that stand in a configuration:
// those of lists that are read, and those of records that are written back to.
//
// A [Path] is dotted, or a pointer (RFC 6901); it is none of RFC 9535. A text is read
// strictly (RFC 8259 and RFC 7493: no duplicate names, valid UTF-8), within a depth of
// [Deepest]. Numbers are kept as they are written. Errors never repeat what stands in a
// text: it holds people's data.
//
// It must not do I/O, or know whose records they are. The package starts no goroutine.
package jsonpath
