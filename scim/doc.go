// SPDX-License-Identifier: Apache-2.0

// Package scim is the data model of SCIM 2.0: resources, schemas, paths, filters,
// PATCH, list and error messages. It needs the standard library alone, does no
// I/O and starts no goroutines; package scimclient speaks HTTP.
//
// # Values and resources
//
// A [Resource] is an [Object], an ordered set of attributes whose names match in
// any letter case; each holds a [Value]. Read with [ParseResource], which is
// strict: a name that stands twice, invalid UTF-8 or an excess of depth or size is
// an error with a JSON pointer and an offset. Reach attributes with a [Path]:
//
//	dept, ok := user.At(scim.MustPath("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"))
//	err := user.Put(scim.MustPath(`emails[type eq "work"].value`), scim.String("a@acme.example"))
//
// # Schemas
//
// A [SchemaSet] tells what attributes there are and how they behave.
// [CoreSchemas] has those of RFC 7643 and Usher's lifecycle extension;
// [SchemaSet.With] adds others, [ParseSchema] reads what a service provider
// publishes.
//
// # Filters
//
// [ParseFilter] reads the whole grammar of RFC 7644, [SchemaSet.Match] evaluates
// it with letter case and types as the schema says. A filter that comes from
// outside is read by [FilterRules.Parse], which refuses what makes no sense and what
// would be an oracle. [Eq], [AndOf] and [OrOf] build filters whose values can never
// become syntax.
//
// # Differences
//
// [Diff] compares two resources at given paths, with equality as the schema
// defines it, and [ToPatch] makes the PATCH request of the result.
//
// # PATCH
//
// [Patch.Apply] is the other side: a service provider's work on a PATCH request,
// all or nothing. Clients differ from the RFC in ways that are known; each is a
// named field of [PatchRules], off by default. What no rule changes: an operation
// never reaches further than it says, so that nothing empties a group by accident.
//
// # JSON
//
// Each type reads and writes its JSON by encoding/json as well. The Parse functions
// take [Limits] and see the whole document.
//
// # Errors
//
// Text that cannot be read gives a *[SyntaxError], a request that breaks a rule
// of SCIM an *[Error]; [ErrorOf] turns both into the message for the client.
//
// # Specifications
//
//   - RFC 7643, core schema: https://www.rfc-editor.org/rfc/rfc7643
//     (§2 attributes and their characteristics, §3 resources, §4 User and Group,
//     §5 to §7 discovery, §8.7 the schemas)
//   - RFC 7644, protocol: https://www.rfc-editor.org/rfc/rfc7644
//     (§3.4.2.2 filters, §3.5.2 PATCH, §3.10 attribute notation, §3.12 errors)
//   - RFC 9865, cursor pagination: https://www.rfc-editor.org/rfc/rfc9865
//
// Where the RFCs contradict themselves the package decides once, and the comment
// on the function or schema in question says how.
//
// # Concurrency
//
// Values, paths, filters and schema sets may be shared between goroutines.
// Objects and resources may be read by many, or written by one.
package scim
