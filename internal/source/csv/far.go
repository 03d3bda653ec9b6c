// SPDX-License-Identifier: Apache-2.0

package csv

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"
)

// Place is a server on which files lie: what is asked of it goes over a network, and it
// is believed in nothing. Paths have slashes. An error says in words what is wrong, and
// wraps [fs.ErrNotExist] and [fs.ErrPermission] where that is it.
type Place interface {
	// Stat looks at a file, and at a link itself.
	Stat(ctx context.Context, path string) (fs.FileInfo, error)
	// List looks at those files of a folder whose names are wanted.
	List(ctx context.Context, folder string, wanted func(name string) bool) ([]fs.FileInfo, error)
	// Open opens a file to be read once, from its start, for as long as ctx lasts.
	Open(ctx context.Context, path string) (io.ReadCloser, error)
	Close() error
}

const (
	// mostFar is how long reading a file over a network may take, whatever it does.
	mostFar = 30 * time.Minute
	// fresh is how young a file is that somebody may still be sending: over a network
	// that may halt, at the end of a line as well as anywhere else. How young it is is
	// told by the server's clock, which may be behind, by minutes or by time zones.
	fresh = 24 * time.Hour
	// farLooks is between two looks at a file on a server, which tells times to the second.
	farLooks = time.Second
	// piece is how much is asked for at once.
	piece = 1 << 20
)

// far is a server's folders.
type far struct{ place Place }

func (f far) Close() error { return f.place.Close() }

func (f far) list(ctx context.Context, folder string, wanted func(string) bool) ([]fs.FileInfo, error) {
	infos, err := f.place.List(ctx, folder, wanted)
	if err != nil {
		return nil, f.words("the folder", err)
	}
	for _, info := range infos {
		if err := noLink(info.Name(), info); err != nil {
			return nil, err
		}
	}
	return infos, nil
}

// words says what an error of a server is about. Its text is the server's affair where
// it is more than one of these.
func (f far) words(what string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("csv: %s does not exist on the server: %w", what, fs.ErrNotExist)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("csv: %s cannot be read, as the server does not permit it: %w", what, fs.ErrPermission)
	}
	return fmt.Errorf("csv: %s cannot be read: %w", what, err)
}

// noLink refuses a link: who may put files into a folder of a server and no more could
// have us read one that lies elsewhere.
func noLink(path string, info fs.FileInfo) error {
	if info.Mode()&fs.ModeSymlink != 0 {
		return fmt.Errorf("csv: %s is a link, and links are not followed on a server: put the file itself there", path)
	}
	return nil
}

func (f far) open(ctx context.Context, path string) (opened, error) {
	o := &distant{far: f, path: path}
	_, err := o.look(ctx)
	return o, err
}

// distant is a file on a server. It is looked at by its name, so that one that takes its
// place is noticed, and read into a file of this machine that has no name.
type distant struct {
	far
	path  string
	spool *os.File
}

func (d *distant) look(ctx context.Context) (look, error) {
	info, err := d.place.Stat(ctx, d.path)
	if err != nil {
		return look{}, d.words("the file", err)
	}
	if err := noLink(d.path, info); err != nil {
		return look{}, err
	}
	return look{info.Size(), info.ModTime()}, regular(d.path, info)
}

// content reads the whole file, which must be as long as the server says before and
// after: what a connection leaves when it breaks is no shorter file.
func (d *distant) content(ctx context.Context, most int64) (io.ReadSeeker, error) {
	before, err := d.look(ctx)
	if err != nil {
		return nil, err
	}
	if before.size > most {
		return nil, tooLarge(before.size, most)
	}
	if err := d.blank(); err != nil {
		return nil, err
	}
	src, err := d.place.Open(ctx, d.path)
	if err != nil {
		return nil, d.words("the file", err)
	}
	// One more than there should be, so that it shows.
	n, err := io.CopyBuffer(onlyWriter{d.spool}, io.LimitReader(src, before.size+1), make([]byte, piece))
	if err != nil {
		_ = src.Close()
		return nil, d.words("the file", err)
	}
	if err := src.Close(); err != nil {
		return nil, d.words("the file", err)
	}
	after, err := d.look(ctx)
	switch {
	case err != nil:
		return nil, err
	case after.equal(before) && n != before.size:
		return nil, fmt.Errorf("the server says that the file has %d bytes, and gives %s", before.size, given(n, before.size))
	}
	return d.spool, rewind(d.spool)
}

func given(n, size int64) string {
	if n > size {
		return "more"
	}
	return fmt.Sprintf("%d", n)
}

// onlyWriter keeps a copy from taking another way than by our buffer.
type onlyWriter struct{ io.Writer }

// blank makes the place to read to, or empties it.
func (d *distant) blank() (err error) {
	if d.spool != nil {
		if err := rewind(d.spool); err != nil {
			return err
		}
		return d.spool.Truncate(0)
	}
	if d.spool, err = os.CreateTemp("", "usher-csv-"); err == nil { // mode 0600
		_ = os.Remove(d.spool.Name()) // people's data: gone with us, however we end
	}
	return err
}

func (d *distant) Close() error {
	if d.spool == nil {
		return nil
	}
	err := d.spool.Close()
	_ = os.Remove(d.spool.Name()) // where an open file keeps its name
	return err
}

// Look looks at what lies on a server: the file, or those of a pattern, and those that
// say that they are whole. It reads none; equal looks are of equal files.
func Look(ctx context.Context, c Config) (string, error) {
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	p, err := c.place(ctx)
	if err != nil {
		return "", err
	}
	defer func() { _ = p.Close() }()
	on, ok := p.(far)
	if !ok {
		return "", errors.New("csv: what lies on this machine is watched")
	}
	text, err := on.lookAt(ctx, c)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return text, err
}

func (f far) lookAt(ctx context.Context, c Config) (string, error) {
	h := sha256.New()
	note := func(info fs.FileInfo) {
		fmt.Fprintf(h, "%q %d %d %o\n", info.Name(), info.Size(), info.ModTime().Unix(), info.Mode())
	}
	if IsPattern(c.Path) {
		dir, base := path.Split(c.Path)
		infos, err := f.place.List(ctx, dir, func(name string) bool {
			ok, _ := path.Match(base, strings.TrimSuffix(name, c.Done))
			return ok
		})
		if err != nil {
			return "", f.words("the folder", err)
		}
		slices.SortFunc(infos, func(a, b fs.FileInfo) int { return strings.Compare(a.Name(), b.Name()) })
		for _, info := range infos {
			note(info)
		}
		return string(h.Sum(nil)), nil
	}
	info, err := f.place.Stat(ctx, c.Path)
	if err != nil {
		return "", f.words("the file", err)
	}
	note(info)
	if c.Done != "" {
		switch done, err := f.place.Stat(ctx, c.Path+c.Done); {
		case err == nil:
			note(done)
		case !errors.Is(err, fs.ErrNotExist):
			return "", f.words("the file", err)
		}
	}
	return string(h.Sum(nil)), nil
}
