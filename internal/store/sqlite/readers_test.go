// SPDX-License-Identifier: Apache-2.0

package sqlite_test

import (
	"context"
	"testing"

	"github.com/usher-id/usher/internal/source"
)

// Who hangs up while they are reading leaves nothing open for the next one.
func TestReadersThatHangUp(t *testing.T) {
	t.Parallel()
	db := open(t, t.TempDir()+"/usher.db")
	for range 20 {
		ctx, hangUp := context.WithCancel(t.Context())
		_ = db.Pushed().View(ctx, func(tx source.PushTx) error { // its error is theirs
			_, err := tx.Meta(ctx, "x")
			hangUp()
			return err
		})
		err := db.Pushed().View(t.Context(), func(tx source.PushTx) error {
			_, err := tx.Meta(t.Context(), "x")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
