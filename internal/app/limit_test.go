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

func (*reading) Weight(_ app.Kind, changes []scim.Change) int { return max(1, len(changes)) }

func (*reading) Create(context.Context, app.Kind, *scim.Resource) (app.Answer, error) {
	return app.Answer{}, nil
}

func (*reading) Patch(context.Context, app.Kind, string, []scim.Change, *scim.Resource) (app.Answer, error) {
	return app.Answer{}, nil
}

func (*reading) AddWeight() int { return 2 }

func (*reading) ChangeMembers(context.Context, string, []string, []string) (app.Answer, error) {
	return app.Answer{}, nil
}

// A reading before a write is a request, too, and so is whatever else a write takes.
func TestLimitOfReadingWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := app.Limit(&reading{}, 1)
		start := time.Now()
		for _, changes := range [][]scim.Change{make([]scim.Change, 1), make([]scim.Change, 2), make([]scim.Change, 1)} {
			if _, err := a.Patch(t.Context(), app.KindUser, "1", changes, nil); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := a.Create(t.Context(), app.KindUser, nil); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took != 4*time.Second { // the first at once
			t.Errorf("5 requests at 1 a second took %v, want 4s", took)
		}
		for _, members := range [][2][]string{{{"u"}, nil}, {nil, {"u"}}} {
			if _, err := a.ChangeMembers(t.Context(), "g", members[0], members[1]); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(start); took != 7*time.Second {
			t.Errorf("8 requests at 1 a second took %v, want 7s", took)
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
