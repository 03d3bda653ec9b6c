// SPDX-License-Identifier: Apache-2.0

package csv

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"github.com/usher-id/usher/internal/source"
)

const (
	longestDone = 32      // characters that are added to a file's name
	mostDone    = 4 << 10 // bytes of a file that says that another one is whole
	sumLength   = 32      // bytes of a SHA-256
)

// readDone reads the sum of a file that is whole.
func readDone(ctx context.Context, p place, of, ending string) ([]byte, error) {
	f, err := p.open(ctx, of+ending)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &FileError{of, fmt.Errorf("%w: there is no %s beside it, which comes when it is whole", ErrGrowing, filepath.Base(of+ending))}
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read from
	src, err := f.content(ctx, mostDone)
	if err != nil {
		return nil, &FileError{of + ending, err}
	}
	text, err := io.ReadAll(io.LimitReader(src, mostDone+1))
	if err != nil {
		return nil, &FileError{of + ending, err}
	}
	sum, err := parseDone(text, path.Base(filepath.ToSlash(of)))
	if err != nil {
		return nil, &FileError{of + ending, err}
	}
	return sum, nil
}

// parseDone reads what sha256sum prints: the sum, and maybe the name of its file behind a
// blank and a blank or asterisk.
func parseDone(text []byte, name string) ([]byte, error) {
	first, rest, _ := strings.Cut(string(bytes.TrimSpace(text)), " ")
	sum, err := hex.DecodeString(first)
	if err != nil || len(sum) != sumLength || len(text) > mostDone {
		return nil, errors.New("it does not hold the SHA-256 of its file: 64 hexadecimal digits, as sha256sum prints them")
	}
	if rest = strings.TrimLeft(rest, " *"); rest != "" && path.Base(rest) != name {
		return nil, errors.New("it holds the SHA-256 of another file")
	}
	return sum, nil
}

// proven holds what was read against the sum that the file should have.
func proven(want []byte, p source.Proof, c *Config) error {
	if want == nil || bytes.Equal(want, p.Digest[:]) {
		return nil
	}
	return fmt.Errorf("%w: its SHA-256 is not the one in %s", ErrGrowing, filepath.Base(c.Path+c.Done))
}
