// SPDX-License-Identifier: Apache-2.0

// Package scimserver is a SCIM 2.0 service provider (RFC 7643, RFC 7644, and
// the cursor paging of RFC 9865) over a small [Store] of your own.
//
// [New] makes an [http.Handler] of a Store. The handler reads requests,
// enforces the characteristics of the schemas, applies PATCH, answers errors
// with the right scimType, and tells of itself under /ServiceProviderConfig
// what it does, and nothing else. The Store keeps resources: six methods, and one
// more for each thing that not every store can do: change members of large groups
// without reading them ([MemberStore]), pages by cursor ([CursorStore]), several
// changes as one ([TxStore]), answers made of the JSON that it keeps ([TextStore]).
// [Memory] is one, for tests and small services.
//
// # What it owns
//
//   - RFC 7644 §3.3 to §3.6: POST, GET, PUT, PATCH and DELETE, with entity tags
//     (§3.14); a PATCH is read, applied and replaced under the version that was
//     read, and tried again when somebody else came between
//   - §3.4.2: queries with filter, sort, pages by index and by cursor, by GET
//     and by POST to /.search, of one type or, at the root, of all (§3.4.2.1);
//     §3.9: projection
//   - §3.7: bulk requests. Each operation is what a request of its own would be, and
//     may refer to what others make, before or after it; with a TxStore also in a
//     circle
//   - §3.11: /Me, if [Config] says who asks
//   - §3.12: errors; §4: discovery
//   - RFC 9967: what a store that tells of changes by events needs ([EventStore]), and
//     answers that come as an event (Prefer: respond-async)
//
// Requests are bounded by [Limits]: bytes, depth and elements of a body, length
// and depth of a filter, operations of a PATCH and of a bulk request, resources on a
// page.
//
// # Resource types
//
// What resources there are is data: [Config] takes any schemas and resource types,
// such as those of a [scim.Catalog], which reads them from JSON. The handler and
// Memory know a type by its schemas alone: its uniqueness, letter case, what is
// returned and who may write it. Of a type in which clients can write nothing there is
// only GET. [scim.Experiments] has types of Internet-Drafts.
//
// # What it does not do
//
// Over all resource types there are no pages by cursor, and a sort shows no more than
// the first [Limits].Page resources.
//
// It does not authenticate: give [Config] a function that does. It keeps no
// state besides the Store and starts no goroutines. A Handler and a Memory are safe
// for concurrent use.
package scimserver
