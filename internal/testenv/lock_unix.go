// SPDX-License-Identifier: Apache-2.0

//go:build unix

package testenv

import (
	"os"
	"syscall"
)

// lockFile waits for the lock on path, over all processes, and returns what releases it. The kernel releases it when the
// process dies.
func lockFile(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return nil, err
	}
	return func() { _ = f.Close() }, nil
}
