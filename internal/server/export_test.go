// SPDX-License-Identifier: Apache-2.0

package server

import "github.com/usher-id/usher/internal/audit"

// Ledger is the open store's.
func (u *Usher) Ledger() audit.Store { return u.db.Ledger() }
