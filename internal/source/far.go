// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"fmt"
)

// mostRows is how many rows of several files are fetched ahead. What is more is read as
// it is taken.
const mostRows = 1_000_000

// unread is a file that could not be read when its turn was.
type unread struct{ err error }

func (u unread) Read(context.Context) (*Batch, error) { return nil, u.err }

// fetchFar reads what lies on a server.
func fetchFar(ctx context.Context, st Store, s Source) (Source, error) {
	var err error
	if s.Parts != nil {
		s, err = fetchParts(ctx, st, s)
	} else {
		var batch *Batch
		batch, err = s.Reader.Read(ctx)
		s.Reader = fetched{batch}
	}
	s.Far = false
	if err != nil {
		return s, fmt.Errorf("source %s: %w", s.Name, err)
	}
	return s, nil
}

// fetchParts reads those files of a source that Ingest will ask for. The first that cannot
// be read is the last: what those after it say comes later.
func fetchParts(ctx context.Context, st Store, s Source) (Source, error) {
	parts, err := s.Parts(ctx)
	if err != nil {
		return s, err
	}
	known, err := files(ctx, st, s.Name, parts)
	if err != nil {
		return s, err
	}
	s.Parts = func(context.Context) ([]Part, error) { return parts, nil }
	for i, rows := 0, 0; i < len(parts) && rows < mostRows; i++ {
		if known[parts[i].Name].spares(parts[i], s) {
			continue
		}
		batch, err := parts[i].Reader.Read(ctx)
		if ctx.Err() != nil {
			return s, context.Cause(ctx)
		}
		if err != nil {
			parts[i].Reader = unread{err}
			break
		}
		parts[i].Reader = fetched{batch}
		rows += len(batch.Rows)
	}
	return s, nil
}
