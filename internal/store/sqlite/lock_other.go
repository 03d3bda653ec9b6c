// SPDX-License-Identifier: Apache-2.0

//go:build !unix

package sqlite

import (
	"errors"
	"os"
)

// acquire refuses: a lock that outlives its holder, or does not hold, would be
// worse than none.
func acquire(string, string) (*os.File, error) { return nil, errNoLocks() }

func holder(string) (string, bool, error) { return "", false, errNoLocks() }

func errNoLocks() error {
	return errors.New("store: on this system a SQLite store cannot be locked for one engine yet")
}
