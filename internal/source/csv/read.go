// SPDX-License-Identifier: Apache-2.0

package csv

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/usher-id/usher/internal/source"
)

// Snapshot is what one file says.
type Snapshot struct {
	Rows     []source.Row    // as in the file
	Rejected []source.Reject // by line, one for each record
	Proof    source.Proof
	// Columns are the names of the rows' values: the declared columns that are read.
	Columns []string
	// Fields are their 1-based numbers in the file, 0 for one that the file lacks.
	Fields []int
	// Encoding and Delimiter are those of the file.
	Encoding  string
	Delimiter rune
	// Notes are what somebody should know who thinks that all went well.
	Notes []string
}

// Read reads the file. An error means that nothing of it can be used; bad rows are no error, see [Snapshot.Rejected].
func Read(ctx context.Context, c Config) (*Snapshot, error) {
	c, err := c.resolve()
	if err != nil {
		return nil, err
	}
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	p, err := c.place(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = p.Close() }()
	snap, err := c.readFrom(ctx, p)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return snap, err
}

// FileError is what is wrong with a file. Err does not name it.
type FileError struct {
	Path string
	Err  error
}

func (e *FileError) Error() string { return "csv: " + e.Path + ": " + e.Err.Error() }
func (e *FileError) Unwrap() error { return e.Err }

func (c *Config) readFrom(ctx context.Context, p place) (*Snapshot, error) {
	var want []byte
	if c.Done != "" {
		var err error
		if want, err = readDone(ctx, p, c.Path, c.Done); err != nil {
			return nil, err
		}
	}
	f, err := p.open(ctx, c.Path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read from
	snap, err := readSettled(ctx, f, c)
	if err == nil {
		err = proven(want, snap.Proof, c)
	}
	if err != nil {
		return nil, &FileError{c.Path, err}
	}
	return snap, nil
}

// place is where the file lies.
func (c *Config) place(ctx context.Context) (place, error) {
	if c.Place == nil {
		return here{}, nil
	}
	p, err := c.Place(ctx)
	if err != nil {
		return nil, fmt.Errorf("csv: %w", err)
	}
	return far{p}, nil
}

// bounded bounds what a server may make us wait for.
func (c *Config) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if c.Place == nil {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, mostFar, fmt.Errorf("csv: reading %s has taken longer than %v", c.Path, mostFar))
}

// result is what one pass over the file gave.
type result struct {
	snap *Snapshot
	err  error
	// unfinished means that the end looks as if more were to come.
	unfinished bool
}

// refused marks an error as the file's fault: it stands only once the file has settled.
func refused(err error, unfinished bool) result {
	return result{err: err, unfinished: unfinished}
}

// pass reads the file once, from its start to its end.
func pass(ctx context.Context, src io.ReadSeeker, c *Config) (result, error) {
	size, err := src.Seek(0, io.SeekEnd)
	if err != nil {
		return result{}, err
	}
	switch {
	case size == 0:
		return refused(errors.New("the file is empty (0 bytes); a snapshot without people has a header"), true), nil
	case size > c.Limits.MaxBytes:
		return refused(tooLarge(size, c.Limits.MaxBytes), false), nil
	}
	if err := rewind(src); err != nil {
		return result{}, err
	}
	form, err := findFormat(ctx, src, c.Encoding)
	if ctx.Err() != nil {
		return result{}, context.Cause(ctx)
	}
	if err != nil {
		return refused(err, false), nil
	}
	unfinished, err := endsOpen(src, size, form.encoding)
	if err != nil {
		return result{}, err
	}
	if err := rewind(src); err != nil {
		return result{}, err
	}
	return parseAll(ctx, newText(src, form, c.Limits.MaxBytes), c, unfinished)
}

func tooLarge(size, most int64) error {
	return fmt.Errorf("the file has %d bytes, more than %d", size, most)
}

func rewind(src io.Seeker) error {
	_, err := src.Seek(0, io.SeekStart)
	return err
}

// endsOpen tells whether the last line lacks its end.
func endsOpen(src io.ReadSeeker, size int64, encoding string) (bool, error) {
	unit := int64(1)
	if encoding == encUTF16LE || encoding == encUTF16BE {
		unit = 2
	}
	if size < unit || size%unit != 0 {
		return true, nil
	}
	if _, err := src.Seek(size-unit, io.SeekStart); err != nil {
		return false, err
	}
	last := make([]byte, unit)
	if _, err := io.ReadFull(src, last); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return true, nil // it shrank since: the next look tells
		}
		return false, err
	}
	d := decoder{encoding: encoding}
	s := string(d.decode(last))
	return s != "\n" && s != "\r", nil
}

// parseAll turns the text into a snapshot.
func parseAll(ctx context.Context, t *text8, c *Config, unfinished bool) (result, error) {
	head, err := t.head(ctx, c.Limits.MaxRow)
	if err != nil {
		return result{}, err
	}
	lay, err := findLayout(head, t.eof, c)
	if err != nil {
		return refused(err, unfinished), nil
	}
	all := newRows(lay, c.Limits)
	all.changes = c.Changes
	p := newParser(lay.delim, c.Limits.MaxRow, all.add)
	p.keep(lay.slots, len(lay.names))
	for b := head; ; {
		if err := p.feed(b); err != nil {
			return refused(err, unfinished), nil
		}
		if t.eof {
			break
		}
		if b, err = t.next(ctx); err != nil {
			return result{}, err
		}
	}
	open, err := p.finish()
	if err != nil {
		return refused(err, unfinished), nil
	}
	snap := &Snapshot{Columns: c.kept(), Fields: lay.fieldsOf(), Encoding: t.form.encoding, Delimiter: rune(lay.delim)}
	snap.Rows, snap.Rejected = all.settle(&snap.Proof)
	snap.Proof.Size = t.size
	t.sum.Sum(snap.Proof.Digest[:0])
	if t.form.note != "" {
		snap.Notes = append(snap.Notes, t.form.note)
	}
	if all.outdone > 0 {
		snap.Notes = append(snap.Notes, count(all.outdone, "row")+" outdone by a later row of the same key")
	}
	return result{snap: snap, unfinished: unfinished || open}, nil
}

// text8 reads a file as UTF-8, and sums up its bytes on the way.
type text8 struct {
	src  io.Reader
	form format
	dec  decoder
	sum  hash.Hash
	size int64
	max  int64
	buf  []byte
	eof  bool
}

func newText(src io.Reader, form format, maxBytes int64) *text8 {
	return &text8{
		src: src, form: form, sum: sha256.New(), max: maxBytes, buf: make([]byte, chunkSize),
		dec: decoder{encoding: form.encoding, skip: form.bom},
	}
}

// next returns the next piece, valid until the next call; the last one sets eof.
func (t *text8) next(ctx context.Context) ([]byte, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	n, err := t.src.Read(t.buf)
	t.size += int64(n)
	t.sum.Write(t.buf[:n])
	b := t.dec.decode(t.buf[:n])
	switch {
	case errors.Is(err, io.EOF), t.size > t.max:
		// Past the limit the file has grown since its size was looked at; the next look tells.
		t.eof = true
		if n == 0 {
			b = t.dec.close()
		} else {
			b = append(b[:len(b):len(b)], t.dec.close()...)
		}
	case err != nil:
		return nil, err
	}
	return b, nil
}

// head returns the first n bytes or more, or all there is.
func (t *text8) head(ctx context.Context, n int) ([]byte, error) {
	var head []byte
	for len(head) <= n && !t.eof {
		b, err := t.next(ctx)
		if err != nil {
			return nil, err
		}
		head = append(head, b...)
	}
	return head, nil
}
