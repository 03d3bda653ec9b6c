// SPDX-License-Identifier: Apache-2.0

package auth0app

// Slug is slug.
var Slug = slug
