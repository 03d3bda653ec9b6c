// SPDX-License-Identifier: Apache-2.0

package csv

import (
	"context"
	"fmt"
	"io/fs"
	"path"
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
	at      time.Time // when it was so
}

// maxFiles bounds what one folder may hold of them.
const maxFiles = 100_000

// IsPattern tells a path that stands for several files.
func IsPattern(name string) bool { return strings.ContainsAny(filepath.Base(name), "*?[") }

// Files lists the regular files that a pattern (as [filepath.Match] has it, in the
// last part of the path alone) stands for, in the order of their names, byte by
// byte. Names that begin with a dot are what uploads are called until they are done,
// and are passed over unless the pattern begins with one.
func Files(ctx context.Context, c Config) ([]File, error) {
	split, match, join := filepath.Split, filepath.Match, filepath.Join
	if c.Place != nil {
		split, match, join = path.Split, path.Match, path.Join
	}
	dir, base := split(c.Path)
	if _, err := match(base, ""); err != nil {
		return nil, fmt.Errorf("csv: the pattern %q: %w", base, err)
	}
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	p, err := c.place(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = p.Close() }()
	infos, err := p.list(ctx, dir, func(name string) bool {
		ok, _ := match(base, name) // the pattern is known to be good
		if c.Done != "" && strings.HasSuffix(name, c.Done) {
			return false
		}
		return ok && (!strings.HasPrefix(name, ".") || strings.HasPrefix(base, "."))
	})
	if err != nil {
		return nil, err
	}
	var out []File
	now := time.Now()
	for _, info := range infos {
		if info.Mode()&fs.ModeType != 0 {
			continue
		}
		if out = append(out, File{join(dir, info.Name()), info.Size(), info.ModTime(), now}); len(out) > maxFiles {
			return nil, fmt.Errorf("csv: more than %d files match %q", maxFiles, base)
		}
	}
	slices.SortFunc(out, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return out, nil
}
