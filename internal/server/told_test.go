// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-id/usher/internal/source"
)

// TestCallsHaveEverybodyReadNowAndThen: the first at once, and a hundred more, one every
// second, every half a minute; the last of them, too.
func TestCallsHaveEverybodyReadNowAndThen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		d := &daemon{
			Usher:   &Usher{Built: &Built{Sources: []source.Source{{Name: "hr"}}}},
			changed: map[string]bool{}, nudge: make(chan struct{}, 1), told: map[string]chan struct{}{"hr": make(chan struct{}, 1)}, log: slog.New(slog.DiscardHandler),
		}
		done := make(chan error)
		go func() { done <- d.readAsTold(ctx, "hr") }()
		var reads []int // in seconds
		hear := d.hears(List{Source: "hr"}, d.log)
		for second := range 200 {
			if second < 101 {
				hear.Lost()
			}
			synctest.Wait()
			d.mu.Lock()
			if d.changed["hr"] {
				reads, d.changed["hr"] = append(reads, second), false
			}
			d.mu.Unlock()
			time.Sleep(time.Second)
		}
		if want := []int{0, 30, 60, 90, 120}; !slices.Equal(reads, want) {
			t.Errorf("everybody is read at %v; want %v", reads, want)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
