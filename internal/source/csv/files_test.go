// SPDX-License-Identifier: Apache-2.0

package csv_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/source/csv"
)

func TestFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"b.csv", "a.csv", "10.csv", "9.csv", ".c.csv", "d.txt", "B.CSV"} {
		write(t, filepath.Join(dir, name), name, 1)
	}
	for _, err := range []error{os.Mkdir(filepath.Join(dir, "e.csv"), 0o700), os.Symlink(filepath.Join(dir, "d.txt"), filepath.Join(dir, "f.csv"))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for pattern, want := range map[string]string{
		"*.csv": "10.csv 9.csv a.csv b.csv f.csv", "[ab].csv": "a.csv b.csv", "?.csv": "9.csv a.csv b.csv f.csv", ".*.csv": ".c.csv", "z*": "",
	} {
		files, err := csv.Files(t.Context(), csv.Config{Path: filepath.Join(dir, pattern)})
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, f := range files {
			names = append(names, filepath.Base(f.Path))
			if f.Size == 0 || f.ModTime.IsZero() {
				t.Errorf("%+v", f)
			}
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s: %s, want %s", pattern, got, want)
		}
	}
	for _, pattern := range []string{filepath.Join(dir, "[a"), filepath.Join(dir, "none", "*.csv")} {
		if _, err := csv.Files(t.Context(), csv.Config{Path: pattern}); err == nil {
			t.Errorf("%s is taken", pattern)
		}
	}
}

func TestIsPattern(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]bool{"hr.csv": false, "inbox/*.csv": true, "in*box/hr.csv": false, "hr-[0-9].csv": true, "hr-?.csv": true} {
		if csv.IsPattern(path) != want {
			t.Errorf("%s: %t", path, !want)
		}
	}
}
