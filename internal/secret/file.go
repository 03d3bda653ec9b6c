// SPDX-License-Identifier: Apache-2.0

package secret

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// ReadRing reads a ring from a file that nobody but its owner can read. The path is in
// no error: it may be a key by mistake.
func ReadRing(path string) (*Ring, error) {
	f, _, err := openOwn(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return readRing(f)
}

// openOwn opens a file, and then looks whose it is: what is looked at is what is read.
func openOwn(path string) (f *os.File, info fs.FileInfo, err error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, nil, errors.New("the key ring is no file") // a pipe would be waited for
	}
	f, err = os.Open(path)
	if err != nil {
		var at *fs.PathError
		if errors.As(err, &at) {
			err = at.Err
		}
		return nil, nil, fmt.Errorf("the key ring's file cannot be read: %w", err)
	}
	if info, err = f.Stat(); err == nil {
		err = private(info.Mode())
	}
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return f, info, nil
}

// private refuses a mode that lets others in. Windows has no such modes, and Go shows
// ones there that mean nothing.
func private(mode fs.FileMode) error {
	if others := mode.Perm() & 0o077; others != 0 && runtime.GOOS != "windows" {
		return fmt.Errorf("the key ring's file is open to others (mode %04o): chmod 600 it, and if somebody may have read it, make a new key", mode.Perm())
	}
	return nil
}

// CreateRing makes a key and writes a file with it, which must not be there yet. It
// returns the key's id.
func CreateRing(path string, now time.Time) (id string, err error) {
	text, id, err := NewKey()
	if err != nil {
		return "", err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("%s is there already; --add puts a new key before those that it has", path)
	}
	if err != nil {
		return "", err
	}
	if err := finish(f, line(text, id, now)); err != nil {
		return "", err
	}
	return id, syncFolder(filepath.Dir(path))
}

// AddKey makes a key and puts it before those of a ring's file, whole or not at all. It
// returns the key's id.
func AddKey(path string, now time.Time) (id string, err error) {
	f, info, err := openOwn(path)
	if err != nil {
		return "", err
	}
	old, err := io.ReadAll(io.LimitReader(f, maxRing+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return "", err
	}
	if _, err = ParseRing(string(old)); err != nil {
		return "", err
	}
	text, id, err := NewKey()
	if err != nil {
		return "", err
	}
	whole := append(line(text, id, now), old...)
	if _, err = ParseRing(string(whole)); err != nil {
		return "", err
	}
	return id, replace(path, info, whole)
}

// replace puts a file in the place of another, whole or not at all.
func replace(path string, old fs.FileInfo, data []byte) error {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	fresh, err := os.CreateTemp(filepath.Dir(path), ".usher-key-*") // mode 0600
	if err != nil {
		return err
	}
	if err = errors.Join(like(fresh, old), finish(fresh, data)); err == nil {
		err = os.Rename(fresh.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(fresh.Name()))
	}
	return syncFolder(filepath.Dir(path))
}

func line(text, id string, now time.Time) []byte {
	return fmt.Appendf(nil, "# key %s, made %s. Whoever has this file and the store has every secret: keep them, and their backups, apart.\n%s\n",
		id, now.UTC().Format(time.DateOnly), text)
}

func finish(f *os.File, data []byte) error {
	_, err := io.Copy(f, bytes.NewReader(data))
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
