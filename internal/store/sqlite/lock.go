// SPDX-License-Identifier: Apache-2.0

package sqlite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// LockedError says who holds the store.
type LockedError struct{ Path, Holder string }

func (e *LockedError) Error() string {
	return fmt.Sprintf("the store is in use by %s (lock %s); one engine at a time", e.Holder, e.Path)
}

// Holder returns who holds a store as its engine, and whether somebody does. A
// store that is not there has no holder.
func Holder(path string) (who string, held bool, err error) {
	path, err = filepath.EvalSymlinks(path)
	if errors.Is(err, os.ErrNotExist) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("store: %w", err)
	}
	return holder(path + ".lock")
}
