// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"context"
	"errors"
)

// OpenCopy opens a consistent copy of a store that an engine holds.
func OpenCopy(context.Context, string, string) (*DB, error) {
	return nil, errors.New("not yet")
}
