// SPDX-License-Identifier: Apache-2.0

package csv

import (
	"bytes"
	"context"
	"io"
)

// ReadBytes reads a snapshot out of memory, without the looks at a file.
func ReadBytes(ctx context.Context, c Config, data []byte) (*Snapshot, error) {
	return readFrom(ctx, c, bytes.NewReader(data))
}

// ReadTrickle does the same byte by byte, so that every state meets the end of a piece.
func ReadTrickle(ctx context.Context, c Config, data []byte) (*Snapshot, error) {
	return readFrom(ctx, c, trickle{bytes.NewReader(data)})
}

type trickle struct{ *bytes.Reader }

func (t trickle) Read(b []byte) (int, error) { return t.Reader.Read(b[:min(1, len(b))]) }

func readFrom(ctx context.Context, c Config, src io.ReadSeeker) (*Snapshot, error) {
	c.Path = "memory"
	c, err := c.resolve()
	if err != nil {
		return nil, err
	}
	res, err := pass(ctx, src, &c)
	if err != nil {
		return nil, err
	}
	return res.snap, res.err
}
