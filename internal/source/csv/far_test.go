// SPDX-License-Identifier: Apache-2.0

package csv_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-id/usher/internal/source/csv"
)

// remote is a server in memory. It is used by one goroutine at a time, as what changes
// does so when it is asked.
type remote struct {
	files  map[string]thing
	gone   error                     // connecting fails by it
	stat   func(path string)         // before each look
	read   func(path string, at int) // before each piece
	given  func(path string, b []byte) []byte
	denied bool
	looks  int
	reads  int
	closed int
	folder []fs.FileInfo // what is listed instead
}

type thing struct {
	text string
	mod  time.Time
	mode fs.FileMode
}

func (r *remote) place(context.Context) (csv.Place, error) { return r, r.gone }

func (r *remote) Close() error {
	r.closed++
	return nil
}

type info struct {
	thing
	name string
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return int64(len(i.text)) }
func (i info) Mode() fs.FileMode  { return i.mode }
func (i info) ModTime() time.Time { return i.mod.Truncate(time.Second) } // as SFTP has it
func (i info) IsDir() bool        { return i.mode.IsDir() }
func (i info) Sys() any           { return nil }

func (r *remote) Stat(_ context.Context, path string) (fs.FileInfo, error) {
	if r.looks++; r.stat != nil {
		r.stat(path)
	}
	f, ok := r.files[path]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return info{f, path[strings.LastIndexByte(path, '/')+1:]}, nil
}

func (r *remote) List(_ context.Context, folder string, wanted func(string) bool) (out []fs.FileInfo, err error) {
	r.looks++
	for path, f := range r.files {
		if name, ok := strings.CutPrefix(path, folder); ok && wanted(name) {
			out = append(out, info{f, name})
		}
	}
	return append(out, r.folder...), nil
}

func (r *remote) Open(ctx context.Context, path string) (io.ReadCloser, error) {
	f, ok := r.files[path]
	if !ok {
		return nil, fs.ErrNotExist
	}
	if r.reads++; r.denied {
		return nil, fs.ErrPermission
	}
	b := []byte(f.text)
	if r.given != nil {
		b = r.given(path, b)
	}
	return &stream{ctx: ctx, r: r, path: path, rest: bytes.NewReader(b)}, nil
}

type stream struct {
	ctx  context.Context
	r    *remote
	path string
	at   int
	rest *bytes.Reader
}

func (s *stream) Read(b []byte) (int, error) {
	if s.r.read != nil {
		s.r.read(s.path, s.at)
	}
	if s.ctx.Err() != nil {
		return 0, s.ctx.Err()
	}
	n, err := s.rest.Read(b[:min(len(b), 4)])
	s.at += n
	return n, err
}

func (s *stream) Close() error { return nil }

const whole = "id,name,note\n1,a,\n2,b,\n"

func farTeam(r *remote) csv.Config {
	c := team()
	c.Path, c.Place = "out/hr.csv", r.place
	return c
}

func (r *remote) put(path, text string, mod time.Time) {
	if r.files == nil {
		r.files = map[string]thing{}
	}
	r.files[path] = thing{text, mod, 0}
}

// TestFarSettles holds when a file of a server is taken: an old one after two looks that
// are a second apart, a young one only after it was quiet, and what changes under the read
// is read again. Its time is by the server's clock, which may be wrong.
func TestFarSettles(t *testing.T) {
	t.Parallel()
	const half = "id,name,note\n1,a,\n" // which ends like a whole one
	// halts is an upload that stops at the end of a line and goes on after d, on a server
	// whose clock is behind.
	halts := func(d, behind time.Duration) func(r *remote) {
		return func(r *remote) {
			start := time.Now()
			r.put("out/hr.csv", half, start.Add(-behind))
			r.stat = func(string) {
				if time.Since(start) >= d && r.files["out/hr.csv"].text == half {
					r.put("out/hr.csv", whole, time.Now().Add(-behind))
				}
			}
		}
	}
	for name, test := range map[string]struct {
		before func(r *remote)
		want   string // what was read; "" is ErrGrowing
		took   time.Duration
		reads  int
	}{
		"old":             {func(r *remote) { r.put("out/hr.csv", whole, time.Now().Add(-25*time.Hour)) }, whole, time.Second, 1},
		"young":           {func(r *remote) { r.put("out/hr.csv", whole, time.Now()) }, whole, 10 * time.Second, 1},
		"of this morning": {func(r *remote) { r.put("out/hr.csv", whole, time.Now().Add(-6*time.Hour)) }, whole, 10 * time.Second, 1},
		"from the future": {func(r *remote) { r.put("out/hr.csv", whole, time.Now().Add(time.Hour)) }, whole, 10 * time.Second, 1},
		"without a time":  {func(r *remote) { r.put("out/hr.csv", whole, time.Unix(0, 0)) }, whole, 10 * time.Second, 1},
		"old and cut off": {func(r *remote) { r.put("out/hr.csv", half+"2,b", time.Now().Add(-25*time.Hour)) }, half + "2,b", 10 * time.Second, 1},

		"an upload halts":                                       {halts(7*time.Second, 0), whole, 17 * time.Second, 1},
		"an upload halts, and the clock is behind":              {halts(7*time.Second, 2*time.Minute), whole, 17 * time.Second, 1},
		"an upload halts, and the clock is of another zone":     {halts(7*time.Second, 12*time.Hour), whole, 17 * time.Second, 1},
		"an upload halts for a moment, and the clock is absurd": {halts(500*time.Millisecond, 10000*time.Hour), whole, 2 * time.Second, 2},

		"an upload goes on and on": {func(r *remote) {
			r.put("out/hr.csv", half, time.Now())
			r.stat = func(string) { r.put("out/hr.csv", r.files["out/hr.csv"].text+"2,b,\n", time.Now()) }
		}, "", 21 * time.Second, 0},
		"replaced while it is read": {func(r *remote) {
			r.put("out/hr.csv", half, time.Now().Add(-50*time.Hour))
			r.read = func(_ string, at int) {
				if at == 8 && r.reads == 1 {
					r.put("out/hr.csv", whole, time.Now().Add(-49*time.Hour))
				}
			}
		}, whole, time.Second, 2},
		"replaced by one of the same size": {func(r *remote) {
			r.put("out/hr.csv", strings.ToUpper(whole), time.Now().Add(-50*time.Hour))
			r.read = func(_ string, at int) {
				if at == 8 && r.reads == 1 {
					r.put("out/hr.csv", whole, time.Now().Add(-49*time.Hour))
				}
			}
		}, whole, time.Second, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := &remote{}
				test.before(r)
				start := time.Now()
				snap, err := csv.Read(t.Context(), farTeam(r))
				took := time.Since(start)
				switch {
				case test.want == "":
					if !errors.Is(err, csv.ErrGrowing) {
						t.Errorf("%v, want ErrGrowing", err)
					}
				case err != nil:
					t.Error(err)
				case snap.Proof.Digest != sha256.Sum256([]byte(test.want)):
					t.Errorf("something else was read:\n%s", brief(snap.Rows))
				}
				if took < test.took || took > test.took+2*time.Second {
					t.Errorf("took %v, want about %v", took, test.took)
				}
				if r.reads != test.reads || r.closed != 1 {
					t.Errorf("%d reads, want %d; closed %d times", r.reads, test.reads, r.closed)
				}
			})
		})
	}
}

// TestFarFilesSettleTogether: of several young files not each is waited for, but one that
// has changed since they were listed is.
func TestFarFilesSettleTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &remote{}
		for _, name := range []string{"a", "b", "c", "d"} {
			r.put("out/"+name+".csv", whole, time.Now())
		}
		c := farTeam(r)
		c.Path = "out/*.csv"
		files, err := csv.Files(t.Context(), c)
		if err != nil || len(files) != 4 {
			t.Fatal(files, err)
		}
		for i, want := range []time.Duration{10 * time.Second, 0, 10 * time.Second, 0} {
			if i == 2 {
				r.put(files[i].Path, whole+"3,c,\n", time.Now())
			}
			c.Path, c.Listed = files[i].Path, files[i]
			start := time.Now()
			if _, err := csv.Read(t.Context(), c); err != nil || time.Since(start) != want {
				t.Errorf("%s took %v, want %v; %v", c.Path, time.Since(start), want, err)
			}
		}
	})
}

// TestFarLies: what a server says of a file must be so, or nothing of it is taken.
func TestFarLies(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		before func(r *remote, c *csv.Config)
		want   string
		is     error
	}{
		"less than it says": {func(r *remote, _ *csv.Config) { r.given = func(_ string, b []byte) []byte { return b[:18] } }, "has 23 bytes, and gives 18", nil},
		"more than it says": {func(r *remote, _ *csv.Config) {
			r.given = func(_ string, b []byte) []byte { return append(b, strings.Repeat("3,c,\n", 9000)...) }
		}, "has 23 bytes, and gives more", nil},
		"too large":     {func(_ *remote, c *csv.Config) { c.Limits.MaxBytes = 20 }, "has 23 bytes, more than 20", nil},
		"empty":         {func(r *remote, _ *csv.Config) { r.put("out/hr.csv", "", time.Now().Add(-time.Hour)) }, "0 bytes", nil},
		"a link":        {func(r *remote, _ *csv.Config) { r.files["out/hr.csv"] = thing{mode: fs.ModeSymlink} }, "links are not followed", nil},
		"a folder":      {func(r *remote, _ *csv.Config) { r.files["out/hr.csv"] = thing{mode: fs.ModeDir} }, "is a directory", nil},
		"a pipe":        {func(r *remote, _ *csv.Config) { r.files["out/hr.csv"] = thing{mode: fs.ModeNamedPipe} }, "not a regular file", nil},
		"not there":     {func(r *remote, _ *csv.Config) { delete(r.files, "out/hr.csv") }, "the file does not exist on the server", fs.ErrNotExist},
		"not permitted": {func(r *remote, _ *csv.Config) { r.denied = true }, "the file cannot be read, as the server does not permit it", fs.ErrPermission},
		"no connection": {func(r *remote, _ *csv.Config) { r.gone = errors.New("nobody answers") }, "nobody answers", nil},
		"it goes away": {func(r *remote, _ *csv.Config) {
			r.read = func(_ string, at int) {
				if at > 8 {
					delete(r.files, "out/hr.csv")
				}
			}
		}, "does not exist", fs.ErrNotExist},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := &remote{}
				r.put("out/hr.csv", whole, time.Now().Add(-time.Hour))
				c := farTeam(r)
				test.before(r, &c)
				snap, err := csv.Read(t.Context(), c)
				if snap != nil || err == nil || !strings.Contains(err.Error(), test.want) || test.is != nil && !errors.Is(err, test.is) {
					t.Errorf("%v, %v, want %q", snap, err, test.want)
				}
			})
		})
	}
}

// TestFarTakesTooLong: a server that goes on for ever is left.
func TestFarTakesTooLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &remote{}
		r.put("out/hr.csv", whole, time.Now().Add(-time.Hour))
		r.read = func(string, int) { time.Sleep(10 * time.Minute) }
		start := time.Now()
		_, err := csv.Read(t.Context(), farTeam(r))
		if err == nil || !strings.Contains(err.Error(), "has taken longer than 30m") || time.Since(start) > 41*time.Minute {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

func sumOf(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }

// TestDone holds what a file says that another one is whole.
func TestDone(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ done, want string }{
		"the sum":                {sumOf(whole), ""},
		"as sha256sum has it":    {sumOf(whole) + "  hr.csv\n", ""},
		"in binary":              {sumOf(whole) + " *hr.csv\n", ""},
		"with a folder":          {strings.ToUpper(sumOf(whole)) + "  out/hr.csv\r\n", ""},
		"not there":              {"", "there is no hr.csv.done beside it"},
		"of something else":      {sumOf(whole[:18]), "its SHA-256 is not the one in hr.csv.done"},
		"of another file":        {sumOf(whole) + "  other.csv\n", "the SHA-256 of another file"},
		"no sum":                 {"done\n", "does not hold the SHA-256"},
		"half a sum":             {sumOf(whole)[:40], "does not hold the SHA-256"},
		"more than there can be": {sumOf(whole) + strings.Repeat(" ", 5000), "5064 bytes, more than 4096"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := &remote{}
				r.put("out/hr.csv", whole, time.Now()) // young, and whole by its sum
				if test.done != "" {
					r.put("out/hr.csv.done", test.done, time.Now())
				}
				c := farTeam(r)
				c.Done = ".done"
				start := time.Now()
				snap, err := csv.Read(t.Context(), c)
				if test.want == "" && (err != nil || len(snap.Rows) != 2) || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
					t.Errorf("%v, want %q", err, test.want)
				}
				if took := time.Since(start); took > 2*time.Second {
					t.Errorf("took %v", took)
				}
			})
		})
	}
}

// TestFarLook: a look changes with whatever a read would see, and reads nothing.
func TestFarLook(t *testing.T) {
	t.Parallel()
	for name, path := range map[string]string{"file": "out/hr.csv", "pattern": "out/*.csv"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &remote{}
			r.put("out/hr.csv", whole, time.Unix(1, 0))
			r.put("out/other.txt", whole, time.Unix(1, 0))
			c := farTeam(r)
			c.Path, c.Done = path, ".done"
			look := func() string {
				t.Helper()
				text, err := csv.Look(t.Context(), c)
				if err != nil || text == "" {
					t.Fatalf("%q, %v", text, err)
				}
				return text
			}
			seen := map[string]bool{}
			for _, change := range []func(){
				func() {},
				func() { r.put("out/hr.csv", whole+"3,c,\n", time.Unix(1, 0)) },
				func() { r.put("out/hr.csv", whole+"3,c,\n", time.Unix(2, 0)) },
				func() { r.put("out/hr.csv.done", "x", time.Unix(2, 0)) },
				func() { r.put("out/hr.csv.done", "y", time.Unix(3, 0)) },
			} {
				change()
				now := look()
				if seen[now] || look() != now {
					t.Errorf("the look %x is not of this state alone", now)
				}
				seen[now] = true
			}
			r.put("out/other.txt", whole, time.Unix(9, 0))
			if !seen[look()] || r.reads > 0 {
				t.Errorf("another file counts, or %d were read", r.reads)
			}
			delete(r.files, "out/hr.csv")
			if text, err := csv.Look(t.Context(), c); name == "file" && !errors.Is(err, fs.ErrNotExist) || name != "file" && seen[text] {
				t.Errorf("a file that is gone is still seen: %v", err)
			}
		})
	}
}

// TestFarFiles lists the files of a pattern on a server.
func TestFarFiles(t *testing.T) {
	t.Parallel()
	r := &remote{}
	for _, name := range []string{"b.csv", "a.csv", ".up.csv", "a.csv.done", "c.txt"} {
		r.put("out/"+name, name, time.Unix(1, 0))
	}
	r.files["out/sub.csv"] = thing{mode: fs.ModeDir}
	c := farTeam(r)
	for pattern, want := range map[string]string{"out/*.csv": "out/a.csv out/b.csv", "out/*": "out/a.csv out/b.csv out/c.txt", "out/[x": "error"} {
		c.Path, c.Done = pattern, ".done"
		files, err := csv.Files(t.Context(), c)
		got := "error"
		if err == nil {
			names := map[string]bool{}
			for _, f := range files {
				names[f.Path] = true
			}
			got = strings.Join(slices.Sorted(maps.Keys(names)), " ")
		}
		if got != want {
			t.Errorf("%s: %s, want %s (%v)", pattern, got, want, err)
		}
	}
	r.folder = []fs.FileInfo{info{thing{mode: fs.ModeSymlink}, "passwd.csv"}}
	c.Path = "out/*.csv"
	if _, err := csv.Files(t.Context(), c); err == nil || !strings.Contains(err.Error(), "passwd.csv is a link") {
		t.Error(err)
	}
}
