// SPDX-License-Identifier: Apache-2.0

package csv_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-id/usher/internal/source/csv"
)

// write makes a file; the time of change is set, so that no test rests on the file system's clock.
func write(t *testing.T, path, data string, mod int64) {
	t.Helper()
	if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, time.Unix(mod, 0), time.Unix(mod, 0)); err != nil {
		t.Fatal(err)
	}
}

type change struct {
	at   time.Duration
	data string
}

func TestFileSettles(t *testing.T) {
	t.Parallel()
	const whole = "id,name,note\n1,a,\n"
	many := func(last string) []change {
		var all []change
		for i := range 200 {
			all = append(all, change{time.Duration(i+1) * 70 * time.Millisecond, whole + strings.Repeat("\n", i) + last})
		}
		return all
	}
	tests := map[string]struct {
		first   string
		changes []change
		rows    string // "" means ErrGrowing
		err     string // or this
		took    time.Duration
	}{
		"quiet":                   {first: whole, rows: "2 1|1|a\n", took: 100 * time.Millisecond},
		"no last line end":        {first: whole + "2,b,x", rows: "2 1|1|a\n3 2|2|b\n", took: 10 * time.Second},
		"open quote":              {first: whole + "2,b,\"x\n", rows: "2 1|1|a\n", took: 10 * time.Second},
		"grows, then ends":        {first: whole + "2,b", changes: []change{{3050 * time.Millisecond, whole + "2,be,\n"}}, rows: "2 1|1|a\n3 2|2|be\n", took: 3200 * time.Millisecond},
		"same size":               {first: whole, changes: []change{{50 * time.Millisecond, "id,name,note\n2,b,\n"}}, rows: "2 2|2|b\n", took: 200 * time.Millisecond},
		"shrinks":                 {first: whole + "2,b,\n", changes: []change{{50 * time.Millisecond, whole}}, rows: "2 1|1|a\n", took: 200 * time.Millisecond},
		"header comes later":      {first: "id,na", changes: []change{{5050 * time.Millisecond, whole}}, rows: "2 1|1|a\n", took: 5200 * time.Millisecond},
		"content comes later":     {first: "", changes: []change{{5050 * time.Millisecond, whole}}, rows: "2 1|1|a\n", took: 5200 * time.Millisecond},
		"grows on":                {first: whole, changes: many("2,b,\n"), took: 10 * time.Second},
		"grows on without an end": {first: whole, changes: many("2,b"), took: 10 * time.Second},
		"cut off late":            {first: whole + "2,b", changes: []change{{7050 * time.Millisecond, whole + "2,be"}}, took: 10 * time.Second},
		"stays empty":             {err: "0 bytes", took: 10 * time.Second},
		"stays wrong":             {first: "id,note\n", err: `lacks the column "name"`, took: 100 * time.Millisecond},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := team()
			c.Path = filepath.Join(t.TempDir(), "hr.csv")
			synctest.Test(t, func(t *testing.T) {
				write(t, c.Path, test.first, 1)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				start := time.Now()
				go func() {
					for i, ch := range test.changes {
						select {
						case <-ctx.Done():
							return
						case <-time.After(time.Until(start.Add(ch.at))):
							write(t, c.Path, ch.data, int64(i+2))
						}
					}
				}()
				snap, err := csv.Read(ctx, c)
				took := time.Since(start)
				switch {
				case test.err != "":
					if err == nil || !strings.Contains(err.Error(), test.err) || errors.Is(err, csv.ErrGrowing) {
						t.Errorf("%v, want %s", err, test.err)
					}
				case test.rows == "":
					if !errors.Is(err, csv.ErrGrowing) {
						t.Errorf("%v, want ErrGrowing", err)
					}
				case err != nil:
					t.Error(err)
				case brief(snap.Rows) != test.rows:
					t.Errorf("got\n%swant\n%s", brief(snap.Rows), test.rows)
				}
				if took < test.took || took > test.took+150*time.Millisecond {
					t.Errorf("took %s, want about %s", took, test.took)
				}
			})
		})
	}
}

func TestReadIsCancelled(t *testing.T) {
	t.Parallel()
	c := team()
	c.Path = filepath.Join(t.TempDir(), "hr.csv")
	synctest.Test(t, func(t *testing.T) {
		write(t, c.Path, "id,name,note", 1)
		cause := errors.New("enough")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, cause)
		defer cancel()
		if _, err := csv.Read(ctx, c); !errors.Is(err, cause) {
			t.Error(err)
		}
	})
}

func TestNotAFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	locked := filepath.Join(dir, "locked.csv")
	write(t, locked, "id,name,note\n", 1)
	if err := os.Chmod(locked, 0); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		path, want string
		is         error
	}{
		"missing":   {filepath.Join(dir, "none.csv"), "does not exist", fs.ErrNotExist},
		"directory": {dir, "is a directory", nil},
		"device":    {os.DevNull, "not a regular file", nil},
		"locked":    {locked, "cannot be read", fs.ErrPermission},
		"no path":   {"", "no path", nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name == "locked" && os.Getuid() == 0 {
				t.Skip("root reads everything")
			}
			c := team()
			c.Path = test.path
			_, err := csv.Read(t.Context(), c)
			if err == nil || !strings.Contains(err.Error(), test.want) || test.is != nil && !errors.Is(err, test.is) {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}
