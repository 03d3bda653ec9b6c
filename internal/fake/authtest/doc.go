// SPDX-License-Identifier: Apache-2.0

// Package authtest is an address that gives access tokens to clients, as RFC 6749 §4.4 and
// RFC 7523 have it, and a door that lets in whoever shows one that is still good.
//
// It must not know what it is tested with, nor any maker but by [Config]. Nothing here
// imports package testing: it can be part of a program.
//
// Goroutines: none. An [Endpoint] is safe for concurrent use.
package authtest
