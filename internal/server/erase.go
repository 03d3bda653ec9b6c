// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"

	"github.com/usher-id/usher/internal/directory"
)

// Erase forgets somebody who has left; see directory.Directory.Erase. The reason
// stands in the ledger, so it must not tell who it was.
func (u *Usher) Erase(ctx context.Context, person, reason, actor string) error {
	ids, err := u.people(ctx, u.db, person)
	if err != nil {
		return err
	}
	if len(ids) != 1 {
		return &UnknownPersonError{person, ids}
	}
	d := u.directory(Options{Actor: actor})
	err = u.db.Directory().Update(ctx, func(tx directory.Tx) error { return d.Erase(ctx, tx, ids[0], reason) })
	if err != nil {
		return err
	}
	return u.sequence(ctx)
}
