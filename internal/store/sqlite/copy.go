// SPDX-License-Identifier: Apache-2.0

package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// OpenCopy opens a consistent copy of a store that an engine holds, for
// whoever wants to rehearse beside it without making it wait. The copy is
// removed with Close.
func OpenCopy(ctx context.Context, path, holder string) (*DB, error) {
	from, err := OpenRead(ctx, path)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "usher-plan-*")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("store: %w", err), from.Close())
	}
	copied := filepath.Join(dir, "copy.db")
	_, err = from.writer.db.ExecContext(ctx, `VACUUM INTO ?`, copied) // reads only, but not on a query_only connection
	if err = errors.Join(err, from.Close()); err == nil {
		var db *DB
		if db, err = Open(ctx, copied, holder); err == nil {
			db.scratch = dir
			return db, nil
		}
	}
	return nil, errors.Join(fmt.Errorf("store %s: copy: %w", path, err), os.RemoveAll(dir))
}
