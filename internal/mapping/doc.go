// SPDX-License-Identifier: Apache-2.0

// Package mapping owns expressions: CEL, compiled and type-checked against SCIM
// schemas, evaluated with a trace. A mapping is a list of "attribute path →
// expression" that turns a row or a person into a SCIM resource.
//
// Variables are row (the declared columns of a source, all text), person (the
// directory's SCIM User with its extensions by alias and its id), teams (names)
// and team (name, value); which of them exist depends on the [Env]. Each schema
// and each complex attribute is a CEL object type of its own, so that a misspelt
// attribute is an error with line and column before anything starts. An absent
// attribute reads as its type's zero; has() tells.
//
// It must not do I/O, look at a clock, draw random numbers, or import another
// room but internal/config for its texts and positions. Time zones come from what
// the program embeds. Unique and stable names are no function of expressions:
// [NumberedName] only spells candidates, the directory and the plan reserve them.
//
// Errors about values never repeat the value: they go into logs and reports. Only
// a [Trace] holds values, and belongs to whoever may see the person.
//
// RFC 7643 §2.1 (names), §2.3 (types), §2.5 (unassigned values); RFC 3339 for
// dates; Unicode UTS #35 part 4 for date layouts.
//
// The package starts no goroutine. A [Compiler], [Env], [Program] and [Mapping]
// are immutable once made and safe for concurrent use.
package mapping
