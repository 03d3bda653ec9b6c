// SPDX-License-Identifier: Apache-2.0

// Package scimin is the source that pushes: an identity provider speaks SCIM 2.0 to
// us, and what it says of people comes into the directory as that of any other
// source.
//
// What a provider sees are its own resources and nothing else: no person, no
// other provider's. It may delete what it made, and that is gone for it at once;
// whether somebody loses their access by it is for the directory and its gate to
// say, and changes no answer. Each request is one transaction, in which the
// resource, the record that it states and the ledger's events commit together; so is
// each operation of a bulk request, and each circle of resources that it makes.
//
// It owns the meaning of a pushed resource: who is who again, what a deactivation
// and a deletion state, which groups are teams. It must not know how a request is
// read, answered or authenticated.
//
// Goroutines: none.
package scimin
