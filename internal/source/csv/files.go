// SPDX-License-Identifier: Apache-2.0

package csv

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// File is one of several files that belong together.
type File struct {
	Path    string
	Size    int64
	ModTime time.Time
}

// maxFiles bounds what one folder may hold of them.
const maxFiles = 100_000

// IsPattern tells a path that stands for several files.
func IsPattern(path string) bool { return strings.ContainsAny(filepath.Base(path), "*?[") }

// Files lists the regular files that a pattern (as [filepath.Match] has it, in the
// last part of the path alone) stands for, in the order of their names, byte by
// byte. Names that begin with a dot are what uploads are called until they are done,
// and are passed over unless the pattern begins with one.
func Files(pattern string) ([]File, error) {
	dir, base := filepath.Split(pattern)
	if _, err := filepath.Match(base, ""); err != nil {
		return nil, fmt.Errorf("csv: the pattern %q: %w", base, err)
	}
	if dir == "" {
		dir = "."
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("csv: the folder cannot be read: %w", err)
	}
	var out []File
	for _, e := range entries {
		ok, _ := filepath.Match(base, e.Name()) // the pattern is known to be good
		if !ok || strings.HasPrefix(e.Name(), ".") && !strings.HasPrefix(base, ".") {
			continue
		}
		info, err := os.Stat(filepath.Join(dir, e.Name())) // a link counts as what it leads to
		if err != nil {
			return nil, fmt.Errorf("csv: the file cannot be looked at: %w", err)
		}
		if info.Mode()&fs.ModeType != 0 {
			continue
		}
		if out = append(out, File{filepath.Join(dir, e.Name()), info.Size(), info.ModTime()}); len(out) > maxFiles {
			return nil, fmt.Errorf("csv: more than %d files match %q", maxFiles, base)
		}
	}
	slices.SortFunc(out, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return out, nil
}
