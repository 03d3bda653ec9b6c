// SPDX-License-Identifier: Apache-2.0

package sftp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

	wire "github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
)

// What one answer may cost in bytes.
const (
	mostAnswer  = 1 << 20
	mostListing = 64 << 20
	mostNames   = 200_000 // in a folder
	longestName = 255     // bytes of a name
)

// Conn is a connection. It is used by one goroutine at a time.
type Conn struct {
	server *Server
	tcp    net.Conn
	ssh    *ssh.Client
	client *wire.Client
	meter  *meter
	late   atomic.Bool // the server did not answer in time
	once   sync.Once
}

// Close ends the connection.
func (c *Conn) Close() error {
	c.once.Do(func() {
		// First what everything hangs on: no farewell is waited for.
		_ = c.tcp.Close()
		_ = c.ssh.Close()
		if c.client != nil {
			_ = c.client.Close()
		}
		_ = c.ssh.Wait()
	})
	return nil
}

// Stat looks at a file; a link is looked at itself. Its time of change is to the
// second, and zero if the server does not tell.
func (c *Conn) Stat(ctx context.Context, name string) (fs.FileInfo, error) {
	var info fs.FileInfo
	err := c.do(ctx, mostAnswer, func() (err error) {
		info, err = c.client.Lstat(name)
		return err
	})
	if err != nil {
		return nil, err
	}
	return seen(info)
}

// seen refuses what no file can be.
func seen(info fs.FileInfo) (fs.FileInfo, error) {
	if info.Size() < 0 {
		return nil, errors.New("the server says that the file has more bytes than there can be")
	}
	return info, nil
}

// List looks at those files of a folder whose names are wanted.
func (c *Conn) List(ctx context.Context, folder string, wanted func(name string) bool) ([]fs.FileInfo, error) {
	if folder == "" {
		folder = "."
	}
	var infos []fs.FileInfo
	err := c.do(ctx, mostListing, func() (err error) {
		infos, err = c.client.ReadDirContext(ctx, folder)
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(infos) > mostNames {
		return nil, fmt.Errorf("the folder holds more than %d names", mostNames)
	}
	var out []fs.FileInfo
	had := map[string]bool{}
	for _, info := range infos {
		name := info.Name()
		if err := readable(name); err != nil {
			return nil, err
		}
		if !wanted(name) {
			continue
		}
		if had[name] {
			return nil, fmt.Errorf("the server lists %q twice", shorten(name))
		}
		had[name] = true
		if info, err = seen(info); err != nil {
			return nil, err
		}
		out = append(out, info)
	}
	return out, nil
}

func readable(name string) error {
	switch {
	case len(name) > longestName:
		return fmt.Errorf("the server lists a name of %d bytes, and no file has one of more than %d", len(name), longestName)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return fmt.Errorf("the server lists the name %q, which is no UTF-8 or holds a control character: rename that file", shorten(name))
	}
	return nil
}

// Open opens a file to be read once, from its start. What it returns reads as long as
// ctx and the connection last.
func (c *Conn) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	f := &file{conn: c, ctx: ctx}
	err := c.do(ctx, mostAnswer, func() (err error) {
		f.file, err = c.client.Open(name)
		return err
	})
	if err != nil {
		return nil, err
	}
	return f, nil
}

// file is an open file. It is read by many small requests at once, so that a long line
// to the server is no slow one.
type file struct {
	conn *Conn
	ctx  context.Context //nolint:containedctx // an io.Reader has no other way to be stopped
	file *wire.File
	at   int64
}

func (f *file) Read(b []byte) (int, error) {
	n, ended := 0, false
	err := f.conn.do(f.ctx, mostAnswer+2*int64(len(b)), func() (err error) {
		n, err = f.file.ReadAt(b, f.at)
		if ended = errors.Is(err, io.EOF); ended {
			return nil
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	f.at += int64(n)
	if n == 0 && ended {
		// What is less than was asked for may be a short answer; nothing is the end.
		return 0, io.EOF
	}
	return n, nil
}

func (f *file) Close() error {
	return f.conn.do(context.WithoutCancel(f.ctx), mostAnswer, f.file.Close)
}

// do has one question answered, within the time and the bytes that it may cost. What
// hangs is ended with the connection.
func (c *Conn) do(ctx context.Context, bytes int64, ask func() error) error {
	timeout := c.server.config.Timeout
	c.meter.allow(bytes)
	cut := func() { _ = c.tcp.Close() }
	stop := context.AfterFunc(ctx, cut)
	late := time.AfterFunc(timeout, func() { c.late.Store(true); cut() })
	err := ask()
	late.Stop()
	stop()
	var status *wire.StatusError
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case c.late.Load():
		return fmt.Errorf("%s: the server has not answered within %v", c.server.name, timeout)
	case c.meter.over.Load():
		return fmt.Errorf("%s: the server's answer is longer than %d KiB", c.server.name, bytes>>10)
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		return err
	case errors.As(err, &status):
		return fmt.Errorf("%s: the server refuses: %s", c.server.name, clean(status.Error()))
	}
	return fmt.Errorf("%s: the connection broke off: %s", c.server.name, clean(err.Error()))
}

// meter is what the server sends, up to a bound for each answer.
type meter struct {
	from io.Reader
	left atomic.Int64
	over atomic.Bool
}

var errFlood = errors.New("the answer is too long")

func (m *meter) allow(bytes int64) { m.left.Store(bytes) }

func (m *meter) Read(b []byte) (int, error) {
	n, err := m.from.Read(b)
	if m.left.Add(-int64(n)) < 0 {
		m.over.Store(true)
		return n, errFlood
	}
	return n, err
}
