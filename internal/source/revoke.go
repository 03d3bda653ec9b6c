// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"

	"github.com/usher-id/usher/internal/directory"
)

// Revoke takes an event that ends somebody's access at once, whatever their record says
// (Word.Revoked). Like Hear it has the record read as well, if somebody looks at marks.
func Revoke(ctx context.Context, st Store, d *directory.Directory, s Source, w Word) (effect directory.Effect, marked bool, err error) {
	err = st.Update(ctx, func(tx Tx) (err error) {
		effect, marked = "", false
		if effect, err = d.Revoke(ctx, tx, directory.Key{Source: s.Name, ID: w.Key}, w.Revoked); err != nil || !s.Live.Served {
			return err
		}
		marked, err = note(ctx, tx, s, w)
		return err
	})
	return effect, marked, err
}
