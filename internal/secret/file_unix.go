// SPDX-License-Identifier: Apache-2.0

//go:build unix

package secret

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// like gives a file the mode and the owner of another, which root may have opened for
// somebody else: a daemon must be able to read what takes the place of its file.
func like(f *os.File, old fs.FileInfo) error {
	err := f.Chmod(old.Mode().Perm())
	was, ok := old.Sys().(*syscall.Stat_t)
	now, statErr := f.Stat()
	if err = errors.Join(err, statErr); err != nil || !ok {
		return err
	}
	if is, ok := now.Sys().(*syscall.Stat_t); ok && (is.Uid != was.Uid || is.Gid != was.Gid) {
		return f.Chown(int(was.Uid), int(was.Gid))
	}
	return nil
}

// syncFolder makes a new name durable: what is sealed by a key is durable, too.
func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
