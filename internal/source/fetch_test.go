// SPDX-License-Identifier: Apache-2.0

package source_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/usher-id/usher/internal/source"
)

// endless is a live source whose read of everybody does not end.
type endless struct{ source.LiveReader }

func (endless) ReadAll(ctx context.Context, _ source.Knowledge) (*source.Batch, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// knowsNothing is a store that is not asked.
type knowsNothing struct{}

func (knowsNothing) Update(context.Context, func(source.Tx) error) error { return nil }

// TestFetchEnds: reading everybody has its time, and it is said that it is over.
func TestFetchEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, err := source.Fetch(t.Context(), knowsNothing{}, source.Source{Name: "auth0", Live: &source.Live{Reader: endless{}}})
		if err == nil || !strings.Contains(err.Error(), "source auth0: reading everybody has taken longer than 50m0s") {
			t.Errorf("%v", err)
		}
	})
}
