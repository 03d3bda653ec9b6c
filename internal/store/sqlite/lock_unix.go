// SPDX-License-Identifier: Apache-2.0

//go:build unix

package sqlite

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// acquire takes the lock that makes this process the store's one engine. The
// kernel drops it with the process, so a dead holder is noticed at once.
func acquire(path, holder string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	// Whoever asks who holds the lock has it for a moment, see holder.
	for tries := 0; errors.Is(err, unix.EWOULDBLOCK) && tries < 10; tries++ {
		time.Sleep(5 * time.Millisecond)
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	}
	if err != nil {
		who, _ := io.ReadAll(io.LimitReader(f, 200))
		_ = f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, &LockedError{path, strings.TrimSpace(string(who))}
		}
		return nil, fmt.Errorf("store: lock %s: %w", path, err)
	}
	if err := f.Truncate(0); err != nil {
		return nil, errors.Join(fmt.Errorf("store: lock %s: %w", path, err), f.Close())
	}
	if _, err := f.WriteAt([]byte(holder+"\n"), 0); err != nil {
		return nil, errors.Join(fmt.Errorf("store: lock %s: %w", path, err), f.Close())
	}
	return f, nil
}

// holder asks whether somebody has the lock, by trying to share it.
func holder(path string) (who string, held bool, err error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("store: %w", err)
	}
	defer func() { _ = f.Close() }() // which gives a shared lock up
	err = unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB)
	switch {
	case err == nil:
		return "", false, nil
	case !errors.Is(err, unix.EWOULDBLOCK):
		return "", false, fmt.Errorf("store: lock %s: %w", path, err)
	}
	text, err := io.ReadAll(io.LimitReader(f, 200))
	return strings.TrimSpace(string(text)), true, err
}
