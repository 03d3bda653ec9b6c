// SPDX-License-Identifier: Apache-2.0

package watch_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/usher-id/usher/internal/source/watch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// never is how long a test waits for what must come.
const never = 20 * time.Second

// watched runs a watcher of DIR/hr.csv for one test and returns what it tells.
func watched(t *testing.T, path string, every time.Duration) <-chan string {
	t.Helper()
	told := make(chan string, 100)
	w, err := watch.New(watch.Config{
		Files: map[string]string{"hr": path}, Changed: func(name string) { told <- name }, Every: every, Quiet: 20 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- w.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return told
}

func come(t *testing.T, told <-chan string) {
	t.Helper()
	select {
	case <-told:
	case <-time.After(never):
		t.Fatal("nothing was told")
	}
}

func write(path, text string) error { return os.WriteFile(path, []byte(text), 0o600) }

func rename(path, text string) error {
	return errors.Join(write(path+".tmp", text), os.Rename(path+".tmp", path))
}

// TestEveryWayToChange changes a file in all the ways in which exports do, with
// events and without a chance to look.
func TestEveryWayToChange(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before, change func(path string) error
	}{
		"written to": {func(p string) error { return write(p, "a") }, func(p string) error {
			f, err := os.OpenFile(p, os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteString("b")
			return errors.Join(err, f.Close())
		}},
		"cut off and written anew": {func(p string) error { return write(p, "a") }, func(p string) error { return write(p, "b") }},
		"replaced by a rename":     {func(p string) error { return write(p, "a") }, func(p string) error { return rename(p, "b") }},
		"replaced by its like": {func(p string) error { return write(p, "a") }, func(p string) error {
			return rename(p, "a")
		}},
		"there for the first time": {func(string) error { return nil }, func(p string) error { return write(p, "a") }},
		"gone":                     {func(p string) error { return write(p, "a") }, os.Remove},
		"a link that leads elsewhere": {func(p string) error {
			return errors.Join(write(p+".1", "a"), write(p+".2", "b"), os.Symlink(p+".1", p))
		}, func(p string) error { return errors.Join(os.Symlink(p+".2", p+".new"), os.Rename(p+".new", p)) }},
		"a link behind a link": { // as an orchestrator swaps a mounted volume
			func(p string) error {
				dir := filepath.Dir(p)
				return errors.Join(os.Mkdir(filepath.Join(dir, "v1"), 0o700), os.Mkdir(filepath.Join(dir, "v2"), 0o700),
					write(filepath.Join(dir, "v1", "hr.csv"), "a"), write(filepath.Join(dir, "v2", "hr.csv"), "bb"),
					os.Symlink("v1", filepath.Join(dir, "data")), os.Symlink(filepath.Join("data", "hr.csv"), p))
			},
			func(p string) error {
				dir := filepath.Dir(p)
				return errors.Join(os.Symlink("v2", filepath.Join(dir, "data.new")), os.Rename(filepath.Join(dir, "data.new"), filepath.Join(dir, "data")))
			},
		},
		"readable again": {func(p string) error { return errors.Join(write(p, "a"), os.Chmod(p, 0)) }, func(p string) error { return os.Chmod(p, 0o600) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "hr.csv")
			if err := c.before(path); err != nil {
				t.Fatal(err)
			}
			told := watched(t, path, time.Hour)
			if err := c.change(path); err != nil {
				t.Fatal(err)
			}
			come(t, told)
		})
	}
}

// A folder that is not there yet, and one that is removed and made anew, are
// found by the look.
func TestFolderComesLater(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "later")
	path := filepath.Join(dir, "hr.csv")
	told := watched(t, path, 20*time.Millisecond)
	for i := range 3 {
		if err := errors.Join(os.Mkdir(dir, 0o700), write(path, fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
		come(t, told)
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		come(t, told)
		for len(told) > 0 {
			<-told
		}
	}
}

// The files of a pattern are watched together: a new one, a changed one, one
// that is gone; by an event, and by a look where there is none.
func TestPattern(t *testing.T) {
	t.Parallel()
	for _, every := range []time.Duration{time.Hour, 20 * time.Millisecond} {
		dir := filepath.Join(t.TempDir(), "changes")
		if every == time.Hour {
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
		}
		told := watched(t, filepath.Join(dir, "*.csv"), every)
		for _, change := range []func() error{
			func() error { return os.MkdirAll(dir, 0o700) },
			func() error { return write(filepath.Join(dir, "other.txt"), "x") },
			func() error { return write(filepath.Join(dir, "1.csv"), "a") },
			func() error { return rename(filepath.Join(dir, "2.csv"), "b") },
			func() error { return write(filepath.Join(dir, "1.csv"), "ab") },
			func() error { return os.Remove(filepath.Join(dir, "1.csv")) },
		} {
			if err := change(); err != nil {
				t.Fatal(err)
			}
			entries, err := filepath.Glob(filepath.Join(dir, "*.csv"))
			if err != nil {
				t.Fatal(err)
			}
			if len(entries) > 0 {
				come(t, told)
			}
		}
	}
}

// A file that is written in many pieces is told of a few times, not for each;
// one beside it never.
func TestTogether(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "hr.csv")
	told := watched(t, path, time.Hour)
	if err := write(path+".other", "x"); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for range 500 {
		if _, err := f.WriteString("0123456789\n"); err != nil {
			t.Fatal(err)
		}
	}
	come(t, told)
	// What is still on its way has come when a change after it has.
	if err := rename(path, "end"); err != nil {
		t.Fatal(err)
	}
	come(t, told)
	if n := len(told); n > 50 {
		t.Errorf("500 writes were told of %d times", n)
	}
}
