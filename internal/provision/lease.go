// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Lease says who may write to an app. Whoever takes it over gets a higher
// fence, and what the one before still has to say is refused.
type Lease struct {
	App    string
	Holder string
	Fence  int64
	Until  time.Time
}

// LeaseTx keeps leases.
type LeaseTx interface {
	// TakeLease gives an app's lease to a holder until an instant, unless
	// somebody else's still stands; then it returns theirs, and false. A store
	// that only one process can open knows that anybody else is dead.
	TakeLease(ctx context.Context, app, holder string, until time.Time) (Lease, bool, error)
	// Fence returns the newest fence of an app, 0 for none.
	Fence(ctx context.Context, app string) (int64, error)
	// DropLease ends a lease, if it still is the newest.
	DropLease(ctx context.Context, l Lease) error
}

// How long a lease stands, and how often it is renewed meanwhile (DESIGN §4).
const (
	leaseTime  = 5 * time.Second
	renewEvery = 1500 * time.Millisecond
	askAgain   = 250 * time.Millisecond // for a lease that somebody else has
)

// ErrFenced says that somebody else has taken the app over meanwhile.
var ErrFenced = errors.New("another process has taken this app over")

// HeldError says that another process owns the app.
type HeldError struct{ Lease Lease }

func (e *HeldError) Error() string {
	return fmt.Sprintf("%s owns this app until %s at least", e.Lease.Holder, e.Lease.Until.UTC().Format(time.RFC3339))
}

// Owner makes this process the one writer of its apps: over all processes by a
// lease, and within this one by turns, in the order in which they are asked
// for. Every run of an app goes through one.
type Owner struct {
	holder string

	mu    sync.Mutex
	turns map[string]*turn
}

// turn is one app's place at the table.
type turn struct {
	taken   chan struct{} // holds one token while somebody is at it
	waiting int
}

// NewOwner returns an owner; holder is what other processes are told.
func NewOwner(holder string) *Owner {
	return &Owner{holder: holder + " " + rand.Text()[:8], turns: map[string]*turn{}}
}

func (o *Owner) turn(app string) *turn {
	o.mu.Lock()
	defer o.mu.Unlock()
	t := o.turns[app]
	if t == nil {
		t = &turn{taken: make(chan struct{}, 1)}
		o.turns[app] = t
	}
	return t
}

// enter waits for the app's turn in this process.
func (o *Owner) enter(ctx context.Context, app string) (leave func(), err error) {
	if err := ctx.Err(); err != nil { // whoever has been stopped begins nothing
		return nil, err
	}
	t := o.turn(app)
	o.count(t, 1)
	defer o.count(t, -1)
	select {
	case t.taken <- struct{}{}:
		return func() { <-t.taken }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (o *Owner) count(t *turn, n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	t.waiting += n
}

// wanted reports whether somebody else in this process waits for the app.
func (o *Owner) wanted(app string) bool {
	t := o.turn(app)
	o.mu.Lock()
	defer o.mu.Unlock()
	return t.waiting > 0
}

// owned runs fn as the app's one writer. It waits for the turn in this process
// and, until deadline, for other processes; then a *HeldError is returned.
func (r *run) owned(ctx context.Context, deadline time.Time, fn func(ctx context.Context) error) error {
	leave, err := r.owner.enter(ctx, r.target.Name)
	if err != nil {
		return err
	}
	defer leave()
	if err := r.takeLease(ctx, deadline); err != nil {
		return err
	}
	renewing, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.renew(renewing)
	}()
	err = fn(ctx)
	stop()
	<-ended
	ctx = context.WithoutCancel(ctx) // a stop does not keep the app from whoever comes next
	return errors.Join(err, r.store.Update(ctx, func(tx Tx) error { return tx.DropLease(ctx, r.lease) }))
}

func (r *run) takeLease(ctx context.Context, deadline time.Time) error {
	for {
		var ok bool
		err := r.store.Update(ctx, func(tx Tx) (err error) {
			r.lease, ok, err = tx.TakeLease(ctx, r.target.Name, r.owner.holder, time.Now().Add(leaseTime))
			return err
		})
		if err != nil || ok {
			r.until.Store(&r.lease.Until)
			return err
		}
		if time.Now().After(deadline) {
			return &HeldError{r.lease}
		}
		select {
		case <-time.After(askAgain):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// renew keeps the lease alive. If that fails the fence tells: whatever the run
// has to write is refused once somebody else has taken over.
func (r *run) renew(ctx context.Context) {
	every := time.NewTicker(renewEvery)
	defer every.Stop()
	for {
		select {
		case <-every.C:
			if ctx.Err() != nil { // both have come: what is about to be given up is not renewed
				return
			}
			var l Lease
			var ok bool
			err := r.store.Update(ctx, func(tx Tx) (err error) {
				if err := r.fenced(ctx, tx); err != nil {
					return err
				}
				l, ok, err = tx.TakeLease(ctx, r.target.Name, r.owner.holder, time.Now().Add(leaseTime))
				return err
			})
			if err == nil && ok { // what is not renewed runs out, and the fence stands
				r.until.Store(&l.Until)
			}
		case <-ctx.Done():
			return
		}
	}
}

// holds says that the lease has not run out, as far as this process can tell: by the
// clock on the wall, too, as the other one may stand still while a machine sleeps. What
// is recorded and not sent by then is not sent: who has taken over may have looked for it
// already, and found nothing.
func (r *run) holds() bool {
	until, now := r.until.Load(), time.Now()
	return until != nil && now.Before(*until) && now.Round(0).Before(until.Round(0))
}

// fenced refuses to go on when somebody else has taken the app over.
func (r *run) fenced(ctx context.Context, tx Tx) error {
	if r.lease.Fence == 0 { // a rehearsal, which is rolled back
		return nil
	}
	newest, err := tx.Fence(ctx, r.target.Name)
	if err == nil && newest != r.lease.Fence {
		err = ErrFenced
	}
	return err
}

// update is one transaction of the app's owner: every write of a run goes
// through it.
func (r *run) update(ctx context.Context, fn func(Tx) error) error {
	return r.store.Update(ctx, func(tx Tx) error {
		if err := r.fenced(ctx, tx); err != nil {
			return err
		}
		return fn(tx)
	})
}
