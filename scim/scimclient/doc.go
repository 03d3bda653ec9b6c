// SPDX-License-Identifier: Apache-2.0

// Package scimclient is a client for any SCIM 2.0 service provider
// (RFC 7643, RFC 7644, and the cursor paging of RFC 9865).
//
// Make a [Client] with [New], and call [Client.Create], [Client.Get],
// [Client.Replace], [Client.Patch], [Client.Delete], [Client.List] and
// [Client.All]. Each call is one HTTP request, All one for each page. There are also
// [Client.Search] and [Client.Bulk], /Me with its own methods, and discovery:
// [Client.ServiceProviderConfig], [Client.ResourceTypes], [Client.Schemas].
//
// [WithRequestID], [WithTraceparent] and [WithTracestate] put the headers of a trace
// on the requests of a context.
//
// # Errors
//
// Every error of a call is an *[Error] with a [Class] that says what may be
// concluded. The line that matters is drawn between "nothing happened"
// ([Retry], [Unreachable]), "refused" ([Terminal], [Unauthorized], [NotFound],
// [Conflict], [Precondition], [TooLarge]) and "it may have happened"
// ([Ambiguous]): a write whose answer got lost must be looked up before it is
// sent again, or there will be two accounts. Whatever is not known to belong
// elsewhere is Ambiguous. A read changes nothing, so its lost answers are Retry.
//
// # What it does not do
//
// It does not retry, wait, limit rates, cache, log or follow redirects: those
// are policies of its caller, and a redirect would carry the credential to a
// place that nobody chose. The one exception is a token that has run out: see
// Config.Renew. It does not decide which addresses may be dialled
// either; give it an *http.Client whose transport does.
//
// An answer is bounded in bytes after decompression, in elements, in depth and
// in time. Texts of the server are cleaned of control characters and cut.
// The bearer token is in no error and no String.
//
// The package starts no goroutines of its own. A Client is safe for concurrent use.
package scimclient
