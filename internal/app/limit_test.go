// SPDX-License-Identifier: Apache-2.0

package app_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/scim"
)

// counted is an app that only counts its reads.
type counted struct {
	app.App
	n int
}

func (c *counted) Get(context.Context, app.Kind, string) (app.Answer, error) {
	c.n++
	return app.Answer{}, nil
}

func TestLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inner := &counted{}
		a := app.Limit(inner, 2)
		start := time.Now()
		for range 12 { // two at once, then two a second
			if _, err := a.Get(t.Context(), app.KindUser, "1"); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("12 requests at 2 a second took %v, want 5s", took)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := a.Get(ctx, app.KindUser, "1")
		var e *app.Error
		if !errors.As(err, &e) || e.Class != app.Unreachable || inner.n != 12 {
			t.Errorf("a wait that was cut off: %v, %d requests; want one that was not sent", err, inner.n)
		}
	})
}

// reading is an app that reads before some of its writes.
type reading struct{ counted }

func (*reading) ReadsBefore(kind app.Kind, changes []scim.Change) bool { return len(changes) > 1 }

func (*reading) Patch(context.Context, app.Kind, string, []scim.Change, *scim.Resource) (app.Answer, error) {
	return app.Answer{}, nil
}

// A reading before a write is a request, too.
func TestLimitOfReadingWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := app.Limit(&reading{}, 1)
		start := time.Now()
		for _, changes := range [][]scim.Change{make([]scim.Change, 1), make([]scim.Change, 2), make([]scim.Change, 1)} {
			if _, err := a.Patch(t.Context(), app.KindUser, "1", changes, nil); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(start); took != 3*time.Second { // the first at once
			t.Errorf("4 requests at 1 a second took %v, want 3s", took)
		}
	})
}

func TestNoLimit(t *testing.T) {
	t.Parallel()
	inner := &counted{}
	if a := app.Limit(inner, 0); a != app.App(inner) {
		t.Error("no rate must be no wrapper")
	}
}
