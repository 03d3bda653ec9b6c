// SPDX-License-Identifier: Apache-2.0

// Package scimapp is the connection to an app that speaks SCIM 2.0
// (RFC 7643, RFC 7644; cursor paging of RFC 9865), as its profile says.
//
// It owns the count of requests, and the dialect of PATCH and of look-ups. Which
// addresses may be dialled is internal/dial's to say.
//
// It must not retry, wait, limit rates or plan; scim/scimclient classifies what
// comes back, and this package hands it on as app.Error.
//
// PATCH (RFC 7644 §3.5.2) carries one operation per attribute, each with a path,
// unless the profile has another dialect; what no PATCH reaches goes by PUT (§3.5.1)
// where there is one. Members are added in one operation and removed by one operation
// each, as a removal with a value array is read as "remove all" by some servers.
//
// The package starts no goroutines beyond those of net/http, which Close ends
// once their requests are done. An App is safe for concurrent use.
package scimapp
