// SPDX-License-Identifier: Apache-2.0

package app_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-id/usher/internal/app"
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

func TestNoLimit(t *testing.T) {
	t.Parallel()
	inner := &counted{}
	if a := app.Limit(inner, 0); a != app.App(inner) {
		t.Error("no rate must be no wrapper")
	}
}
