// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/usher-id/usher/internal/directory"
)

// Revoke takes an event that ends somebody's access at once, whatever their record says
// (Word.Revoked). Like Hear it has the record read as well, if somebody looks at marks.
func Revoke(ctx context.Context, st Store, d *directory.Directory, s Source, w Word) (effect directory.Effect, marked bool, err error) {
	err = st.Update(ctx, func(tx Tx) (err error) {
		effect, marked = "", false
		at := w.Revoked
		if w.Undated != "" {
			if at, err = firstCame(ctx, tx, s.Name, w); err != nil {
				return err
			}
		}
		if effect, err = d.Revoke(ctx, tx, directory.Key{Source: s.Name, ID: w.Key}, at); err != nil || !s.Live.Served {
			return err
		}
		marked, err = note(ctx, tx, s, w)
		return err
	})
	return effect, marked, err
}

// mostUndated bounds of how many undated events it is kept when they came, the newest.
const mostUndated = 1000

// firstCame is when an undated event came for the first time. It is kept for longer than
// Heard remembers events: one that comes again after years must not end what began since.
func firstCame(ctx context.Context, tx Tx, source string, w Word) (time.Time, error) {
	key := "undated:" + source
	came := map[string]time.Time{}
	text, err := tx.Meta(ctx, key)
	if err == nil && len(text) > 0 {
		err = json.Unmarshal(text, &came)
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("undated events of %s: %w", source, err)
	}
	if at, ok := came[w.Undated]; ok {
		return at, nil
	}
	for len(came) >= mostUndated {
		oldest := ""
		for id, at := range came {
			if oldest == "" || at.Before(came[oldest]) || at.Equal(came[oldest]) && id < oldest {
				oldest = id
			}
		}
		delete(came, oldest)
	}
	came[w.Undated] = w.Revoked
	if text, err = json.Marshal(came, json.Deterministic(true)); err != nil {
		return time.Time{}, err
	}
	return w.Revoked, tx.PutMeta(ctx, key, text)
}
