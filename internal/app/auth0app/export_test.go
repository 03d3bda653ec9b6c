// SPDX-License-Identifier: Apache-2.0

package auth0app

// RandomPassword is randomPassword.
var RandomPassword = randomPassword

// Slug is slug.
var Slug = slug
