// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"
)

// How often Serve looks by itself.
const (
	lookEvery  = time.Second     // for marks that nobody woke it for
	sweepEvery = 5 * time.Minute // for everything: grace times, what was lost
)

// Wake says that something is due. It never blocks, and calls that come
// together are one.
func (e *Engine) Wake() {
	for _, w := range e.wakes {
		select {
		case w <- struct{}{}:
		default:
		}
	}
}

// Serve keeps every app as the directory says until ctx ends, each in a
// goroutine of its own. A cycle begins when it is woken, when a retry is due,
// when somebody has been marked since the last one, and at every sweep. An app
// that fails is tried again after a backoff and stops no other.
func (e *Engine) Serve(ctx context.Context) error {
	var g errgroup.Group
	for i, t := range e.targets {
		g.Go(func() error {
			(&keeper{Engine: e, target: t, wake: e.wakes[i], most: map[Kind]int{}}).keep(ctx)
			return nil
		})
	}
	return g.Wait()
}

// keeper is Serve's share of one app.
type keeper struct {
	*Engine
	target   *Target
	wake     <-chan struct{}
	failures int // cycles in a row that ended with an error or a pause
	unread   int // see run
	sick     failures
	most     map[Kind]int
}

func (k *keeper) keep(ctx context.Context) {
	swept := time.Time{}
	for ctx.Err() == nil {
		begun := time.Now()
		sweep := begun.Sub(swept) >= sweepEvery
		if sweep {
			swept = begun
		}
		next := k.cycle(ctx, sweep)
		k.wait(ctx, begun, next, swept.Add(sweepEvery))
	}
}

// cycle runs one cycle and returns when the next must not come before, or
// zero, and when it must come at the latest.
func (k *keeper) cycle(ctx context.Context, sweep bool) (next pace) {
	r, begun := k.run(k.target), time.Now()
	r.again, r.unread, r.sick, r.most = !sweep, k.unread, &k.sick, k.most
	err := r.owned(ctx, begun, func(ctx context.Context) (err error) {
		next.latest, err = r.turn(ctx, nil)
		return err
	})
	if ctx.Err() != nil && err != nil {
		return next // stopped is not failed
	}
	var held *HeldError
	if errors.As(err, &held) { // nor is standing by, for an owner that may die
		next.earliest = time.Now().Add(lookEvery)
		next.latest = next.earliest
		return next
	}
	res := newCycle()
	if ferr := r.finish(context.WithoutCancel(ctx), begun, &res); err == nil {
		err = ferr
	}
	k.unread = r.unread
	if err == nil && r.refused == "" {
		k.failures = 0
	} else {
		// Nothing that happens in the directory mends an app or a store.
		next.earliest = time.Now().Add(backoff(k.failures+2, k.luck()))
		next.latest = next.earliest
		k.failures++
	}
	k.cycled(k.target.Name, *r.report, err)
	return next
}

// pace is when the next cycle may and must come; zero is at once, and never.
type pace struct{ earliest, latest time.Time }

// wait returns when the next cycle is due, or ctx has ended.
func (k *keeper) wait(ctx context.Context, begun time.Time, p pace, sweep time.Time) {
	if !waitUntil(ctx, p.earliest) {
		return
	}
	if p.latest.IsZero() || p.latest.After(sweep) {
		p.latest = sweep
	}
	due := time.NewTimer(time.Until(p.latest))
	defer due.Stop()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		select {
		case <-k.wake:
			return
		case <-due.C:
			return
		case <-look.C:
			if k.marked(ctx, begun) {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// marked reports whether somebody has been marked since an instant, as another
// replica may have done.
func (k *keeper) marked(ctx context.Context, since time.Time) (due bool) {
	_ = k.store.View(ctx, func(tx Tx) (err error) { // the next look, or the sweep, comes
		due, err = tx.MarkedSince(ctx, k.target.Name, since)
		return err
	})
	return due
}

// waitUntil waits for an instant and reports whether it came before ctx ended.
func waitUntil(ctx context.Context, at time.Time) bool {
	if d := time.Until(at); d > 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
			return false
		}
	}
	return ctx.Err() == nil
}
