// SPDX-License-Identifier: Apache-2.0

// Package directory holds who there is: the records that sources state, the
// people they agree on, the teams people are in, and where in their lifecycle
// everybody stands.
//
// Changes come in by two doors only. Accept takes a chunk of statements of a
// source in one transaction: new people, changed attributes, changed dates.
// Settle then moves people along their lifecycle: those whose dates have come,
// those whom a proven-complete read no longer holds. Nobody who is in becomes
// somebody who is out except by Settle, and Settle asks the Gate first.
//
// Several sources may know one person. A record finds its person by exact values
// and stays theirs; which record has the word is settled attribute by attribute,
// and for the dates by one record together.
//
// It must not know apps, accounts or requests: it marks who changed, by the
// transaction that changed them, and the provisioning room takes it from there.
//
// The resource model is that of RFC 7643. The package starts no goroutine.
package directory
