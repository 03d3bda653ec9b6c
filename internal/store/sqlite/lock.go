// SPDX-License-Identifier: Apache-2.0

package sqlite

import "fmt"

// LockedError says who holds the store.
type LockedError struct{ Path, Holder string }

func (e *LockedError) Error() string {
	return fmt.Sprintf("the store is in use by %s (lock %s); one engine at a time", e.Holder, e.Path)
}
