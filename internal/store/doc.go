// SPDX-License-Identifier: Apache-2.0

// Package store opens the configured store. It knows which kinds there are and
// nothing of what is in them: each room declares what it needs, and each kind
// of store serves all rooms with one transaction.
package store
