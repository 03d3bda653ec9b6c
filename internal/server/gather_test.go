// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// Every push is passed on at once, also those that come while departures wait for
// silence; silence is over after a while, however many come.
func TestPushesAreGathered(t *testing.T) {
	for _, c := range []struct {
		name        string
		every, last time.Duration // a push at once and then every so often
		passed      int
		after       time.Duration
	}{
		{"one", time.Hour, 0, 1, pushQuiet},
		{"a few", 100 * time.Millisecond, 500 * time.Millisecond, 6, 500*time.Millisecond + pushQuiet},
		{"no end of them", 150 * time.Millisecond, time.Hour, 14, pushMost},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, stop := context.WithCancel(t.Context())
				defer stop()
				pushes, passed, start := make(chan struct{}, 1), 0, time.Now()
				go func() {
					for at := time.Duration(0); at <= c.last && ctx.Err() == nil; at += c.every {
						wake(pushes)
						synctest.Wait()
						if len(pushes) > 0 {
							t.Errorf("the push after %s waits", at)
						}
						pause(ctx, c.every)
					}
				}()
				if !gather(ctx, pushes, func() { passed++ }) {
					t.Error("it did not end by itself")
				}
				if took := time.Since(start); took != c.after || passed != c.passed {
					t.Errorf("%d passed on, and over after %s; want %d after %s", passed, took, c.passed, c.after)
				}
				stop()
				if gather(ctx, nil, func() {}) {
					t.Error("what is stopped goes on")
				}
			})
		})
	}
}
