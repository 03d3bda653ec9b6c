// SPDX-License-Identifier: Apache-2.0

package csv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// place is where files lie.
type place interface {
	// list looks at the files of a folder whose names are wanted.
	list(ctx context.Context, folder string, wanted func(name string) bool) ([]fs.FileInfo, error)
	// open opens a regular file, and does not hang on anything else.
	open(ctx context.Context, path string) (opened, error)
	Close() error
}

// opened is a file that is looked at and read until it holds still.
type opened interface {
	// look says what tells that the file has changed.
	look(ctx context.Context) (look, error)
	// content is the file as it is now, from its start, if it has at most so many bytes.
	// It ends what an earlier call has returned.
	content(ctx context.Context, most int64) (io.ReadSeeker, error)
	Close() error
}

// here are the folders of this machine.
type here struct{}

func (here) Close() error { return nil }

func (here) list(_ context.Context, folder string, wanted func(string) bool) ([]fs.FileInfo, error) {
	if folder == "" {
		folder = "."
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, fmt.Errorf("csv: the folder cannot be read: %w", err)
	}
	var out []fs.FileInfo
	for _, e := range entries {
		if !wanted(e.Name()) {
			continue
		}
		info, err := os.Stat(filepath.Join(folder, e.Name())) // a link counts as what it leads to
		if err != nil {
			return nil, fmt.Errorf("csv: the file cannot be looked at: %w", err)
		}
		out = append(out, named{info, e.Name()})
	}
	return out, nil
}

// named is a file under the name of the link that leads to it.
type named struct {
	fs.FileInfo
	name string
}

func (n named) Name() string { return n.name }

func (here) open(_ context.Context, path string) (opened, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("csv: the file does not exist: %w", err)
	case err != nil:
		return nil, fmt.Errorf("csv: the file cannot be looked at: %w", err)
	}
	if err := regular(path, info); err != nil {
		return nil, err
	}
	// Not blocking, as the path may have become a pipe since the look at it.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("csv: the file cannot be read: %w", err)
	}
	if info, err = f.Stat(); err == nil {
		err = regular(path, info)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return local{f}, nil
}

func regular(path string, info fs.FileInfo) error {
	switch {
	case info.IsDir():
		return fmt.Errorf("csv: %s is a directory, not a file", path)
	case !info.Mode().IsRegular():
		return fmt.Errorf("csv: %s is not a regular file (%s)", path, info.Mode().Type())
	}
	return nil
}

// local is an open file of this machine.
type local struct{ *os.File }

func (l local) look(context.Context) (look, error) {
	info, err := l.Stat()
	if err != nil {
		return look{}, err
	}
	return look{info.Size(), info.ModTime()}, nil
}

func (l local) content(context.Context, int64) (io.ReadSeeker, error) {
	return l.File, rewind(l.File)
}
