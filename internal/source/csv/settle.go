// SPDX-License-Identifier: Apache-2.0

package csv

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrGrowing is returned for a file that is still being written, or is cut off in the middle of it. Another try may succeed.
var ErrGrowing = errors.New("the file is still being written")

// readSettled reads until the file holds still.
func readSettled(ctx context.Context, f opened, c *Config) (*Snapshot, error) {
	w, err := watch(ctx, f, c)
	if err != nil {
		return nil, err
	}
	for {
		if err := w.aged(ctx); err != nil {
			return nil, err
		}
		before := w.last
		src, err := f.content(ctx, c.Limits.MaxBytes)
		if err != nil {
			return nil, err
		}
		res, err := pass(ctx, src, c)
		if err != nil {
			return nil, err
		}
		settled, err := w.settled(ctx, res.unfinished && c.Done == "")
		if err != nil {
			return nil, err
		}
		if settled && (res.err != nil || res.snap.Proof.Size == before.size) {
			if res.err == nil {
				res.snap.Proof.ModTime = before.mod
			}
			return res.snap, res.err
		}
		if err := w.still(ctx); err != nil {
			return nil, err
		}
	}
}

// look is what tells that a file has changed.
type look struct {
	size int64
	mod  time.Time
}

func (l look) equal(m look) bool { return l.size == m.size && l.mod.Equal(m.mod) }

// watcher looks at a file again and again.
type watcher struct {
	f        opened
	settle   time.Duration
	every    time.Duration
	deadline time.Time
	ages     bool // see aged
	summed   bool // what is read is held against its sum
	last     look
	since    time.Time // last is true at least since then
}

func watch(ctx context.Context, f opened, c *Config) (w *watcher, err error) {
	now := time.Now()
	w = &watcher{f: f, settle: c.Settle, every: min(c.Settle, 100*time.Millisecond), deadline: now.Add(c.Settle), since: now, summed: c.Done != ""}
	if c.Place != nil {
		w.every, w.deadline, w.ages = min(c.Settle, farLooks), now.Add(2*c.Settle+farLooks), c.Done == ""
	}
	if w.last, err = f.look(ctx); w.ages && w.last.equal(look{c.Listed.Size, c.Listed.ModTime}) && !c.Listed.at.IsZero() {
		w.since = c.Listed.at // so that of many files not each is waited for
	}
	return w, err
}

// aged waits until a file that may still be sent has not changed for the whole of
// settle, before anything of it is read. One that is old is not waited for.
func (w *watcher) aged(ctx context.Context) error {
	for w.ages {
		if w.old() {
			return nil
		}
		quiet, err := w.settled(ctx, true)
		if err != nil || quiet {
			return err
		}
		if !time.Now().Before(w.deadline) {
			return w.growing()
		}
	}
	return nil
}

// old reports whether a file of a server has its time of change from so long ago that
// nobody is sending it any more, unless the server's clock is far behind: that cannot be
// told from here. Zero is what a server says that does not tell.
func (w *watcher) old() bool {
	return w.ages && w.last.mod.Unix() != 0 && time.Since(w.last.mod) > fresh
}

// look tells whether the file is as it was at the last look.
func (w *watcher) look(ctx context.Context) (bool, error) {
	now, err := w.f.look(ctx)
	if err != nil {
		return false, err
	}
	same := now.equal(w.last)
	if !same {
		w.last, w.since = now, time.Now()
	}
	return same, nil
}

// settled waits until the file was quiet for long enough. False means that it changed.
func (w *watcher) settled(ctx context.Context, unfinished bool) (bool, error) {
	need := w.every
	switch {
	case unfinished:
		need = w.settle
	case w.summed:
		need = 0 // two looks, one before and one after the read, are enough
	}
	for {
		if left := need - time.Since(w.since); left > 0 {
			if err := sleep(ctx, min(left, w.every)); err != nil {
				return false, err
			}
		}
		same, err := w.look(ctx)
		switch {
		case err != nil || !same:
			return false, err
		case time.Since(w.since) >= need:
			return true, nil
		case !time.Now().Before(w.deadline):
			return false, w.growing()
		}
	}
}

// still waits for two equal looks before the file is read again.
func (w *watcher) still(ctx context.Context) error {
	for {
		if !time.Now().Before(w.deadline) {
			return w.growing()
		}
		if err := sleep(ctx, w.every); err != nil {
			return err
		}
		if same, err := w.look(ctx); err != nil || same {
			return err
		}
	}
}

func (w *watcher) growing() error {
	return fmt.Errorf("%w: it changed within %s, or its end is missing", ErrGrowing, w.settle)
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}
