// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/usher-id/usher/internal/planted"
)

// stage drives one machine until it is finished. Three kinds of goroutines take
// part: this one, which owns the machine and all of the run's state; the senders;
// and the recorder, which commits one step while requests go on.
func (r *run) stage(ctx context.Context, queue []*Intent) error {
	m := NewMachine(r.target.Concurrency, queue)
	m.sick, m.most = r.sick, r.most
	if r.halfOpen() {
		m.Trial()
		// Whom it has failed before goes last: they may be all that is wrong with it.
		slices.SortStableFunc(queue, func(a, b *Intent) int { return cmp.Compare(a.Attempt, b.Attempt) })
	}
	in, out := make(chan *Intent, r.target.Concurrency), make(chan result, r.target.Concurrency)
	// A request in flight is not cut off by a stop: its answer is worth more
	// than the second it costs, as without it the effect is unknown.
	within := context.WithoutCancel(ctx)
	wait := r.senders(within, min(r.target.Concurrency, len(queue)), in, out)
	defer wait()
	defer close(in)
	rec := newRecorder(within, r)
	defer rec.stop()
	for {
		if ctx.Err() != nil {
			m.Stop("stopped")
		}
		if m.done > 0 && m.broken == nil && rec.free() { // before a step, which counts as sent what is not yet
			if err := r.shutBreaker(ctx); err != nil {
				return r.abandon(m, out, err)
			}
		}
		s := m.Step(time.Now(), rec.free())
		if s.Finished && m.broken != nil {
			return r.open(ctx, m.broken.Error(), time.Until(m.hold))
		}
		if s.Finished {
			return r.rest(ctx, m.hold)
		}
		if !s.Wait.IsZero() {
			if err := r.bear(ctx, m, s.Wait); err != nil {
				return err
			}
			continue
		}
		for _, i := range s.Send {
			in <- i
		}
		if len(s.Intents) > 0 || len(s.Outcomes) > 0 {
			rec.start(s)
			if planted.On(planted.IntentAfterRequest) {
				m.Recorded(s.Intents)
			}
			if m.flying > 0 || planted.On(planted.IntentAfterRequest) { // there is an answer to wait for, too
				continue
			}
		}
		if err := r.collect(m, out, rec); err != nil {
			return r.abandon(m, out, err)
		}
	}
}

// recorder commits the steps of a stage, one at a time and in order.
type recorder struct {
	r     *run
	steps chan writing
	done  chan error
	now   *Step // being committed, nil for none
}

func newRecorder(ctx context.Context, r *run) *recorder {
	rec := &recorder{r: r, steps: make(chan writing), done: make(chan error, 1)}
	go func() {
		defer close(rec.done)
		for w := range rec.steps {
			rec.done <- w.commit(ctx)
		}
	}()
	return rec
}

func (rec *recorder) free() bool { return rec.now == nil }

// start computes what follows from a step and lets it be committed.
func (rec *recorder) start(s Step) {
	rec.now = &s
	rec.steps <- rec.r.follow(s)
}

// ended takes the end of a commit.
func (rec *recorder) ended(m *Machine, err error) error {
	s := rec.now
	rec.now = nil
	if err == nil && !planted.On(planted.IntentAfterRequest) {
		m.Recorded(s.Intents)
	}
	return err
}

// stop waits for a commit under way, whose error has been told or does not
// matter any more, and ends the goroutine.
func (rec *recorder) stop() {
	close(rec.steps)
	for range rec.done {
	}
}

// collect waits for an answer or the end of a commit, and takes what is there
// with it.
func (r *run) collect(m *Machine, out <-chan result, rec *recorder) error {
	var done <-chan error
	if !rec.free() {
		done = rec.done
	}
	select {
	case a := <-out:
		r.answered(m, a)
	case err := <-done:
		return rec.ended(m, err)
	}
	for {
		select {
		case a := <-out:
			r.answered(m, a)
		default:
			return nil
		}
	}
}

func (r *run) answered(m *Machine, a result) {
	m.Answered(time.Now(), r.luck(), a.in, a.Answer)
	r.progress(1)
}

// bear waits while the app asks for a pause. A long one ends the stage: what
// was not sent is planned again when its time has come.
func (r *run) bear(ctx context.Context, m *Machine, until time.Time) error {
	if time.Until(until) <= mostPatience && (r.deadline.IsZero() || !until.After(r.deadline)) {
		waitUntil(ctx, until)
		return nil
	}
	m.Stop("the app asks for a pause until " + until.UTC().Format(time.RFC3339))
	return r.rest(ctx, until)
}

// rest keeps an app's pause for whatever comes after the stage in which it asked
// for one: the next stage, round and cycle.
func (r *run) rest(ctx context.Context, until time.Time) error {
	if !until.After(time.Now()) || until.Equal(r.state.RetryAt) {
		return nil
	}
	r.state.RetryAt = until
	if planted.On(planted.PauseOfAnother) {
		pauses.Store(r.owner, until)
	}
	ctx = context.WithoutCancel(ctx)
	return r.update(ctx, func(tx Tx) error { return tx.PutApp(ctx, r.state) })
}

// abandon waits for what is in flight when nothing can be recorded any more.
// Its intents stay open in the journal, so the next start looks them up.
func (r *run) abandon(m *Machine, out <-chan result, cause error) error {
	for m.flying > 0 {
		<-out
		m.flying--
	}
	return fmt.Errorf("app %s: what was sent could not be recorded: %w", r.target.Name, cause)
}
