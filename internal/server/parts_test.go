// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-id/usher/internal/server"
)

// Parts stop in the reverse order of their start, each when the one after it
// has ended, however long that takes.
func TestPartsStopInReverse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var order []string
		note := func(s string) {
			mu.Lock()
			defer mu.Unlock()
			order = append(order, s)
		}
		slow := func(name string, d time.Duration) server.Part {
			return server.NewPart(name, func(ctx context.Context) error {
				<-ctx.Done()
				time.Sleep(d)
				note(name)
				return ctx.Err()
			})
		}
		ctx, stop := context.WithCancel(t.Context())
		time.AfterFunc(time.Minute, stop)
		err := server.RunParts(ctx, slow("first", 0), slow("second", time.Second), slow("third", time.Hour))
		if err != nil || !slices.Equal(order, []string{"third", "second", "first"}) {
			t.Error(order, err)
		}
	})
}

// One that ends by itself, with or without an error, ends them all.
func TestPartFalls(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want string
	}{{errors.New("broken"), "second: broken"}, {nil, "the second has ended by itself"}} {
		synctest.Test(t, func(t *testing.T) {
			stopped := false
			err := server.RunParts(t.Context(), server.NewPart("first", func(ctx context.Context) error {
				<-ctx.Done()
				stopped = true
				return nil
			}), server.NewPart("second", func(context.Context) error {
				time.Sleep(time.Second)
				return c.err
			}))
			if err == nil || !strings.Contains(err.Error(), c.want) || !stopped {
				t.Errorf("%v, the first stopped: %t", err, stopped)
			}
		})
	}
}
