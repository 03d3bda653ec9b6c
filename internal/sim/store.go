// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"context"
	"errors"
	"time"

	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
	"github.com/usher-id/usher/internal/source"
)

// Store is what a run keeps the engine's state in.
type Store interface {
	Directory() directory.Store
	Provision() provision.Store
	Source() source.Store
	Ledger() audit.Store
}

// What a transaction is told that did not come about, or whose end was not heard.
var (
	errCrash  = errors.New("sim: the process is dead")
	errRefuse = errors.New("sim: the store does not take it")
	errUnsure = errors.New("sim: the connection broke while it committed")
	errAgain  = errors.New("sim: serialization failure")

	errOvertaken = errors.New("sim: another process has chained the ledger meanwhile")
)

// ours says that an error is one that a run itself brings about.
func ours(err error) bool {
	for _, e := range []error{errCrash, errRefuse, errUnsure, errGarbage, errOvertaken, context.Canceled, provision.ErrFenced} {
		if errors.Is(err, e) {
			return true
		}
	}
	var held *provision.HeldError
	var strange *source.StrangersError
	return errors.As(err, &held) || errors.As(err, &strange)
}

// notes are what a transaction claims, to be believed once it has committed.
type notes struct {
	intents  []*provision.Intent
	fence    int64
	fenced   bool // it wrote under a fence
	outcomes []provision.Outcome
	events   []audit.Event
	taken    *provision.Lease // a lease that it took or renewed
	dropped  *provision.Lease
	settled  bool
	rests    []provision.AppState // apps that are to be left alone longer than before
}

// transact is one transaction of a process: it waits for its turn, and may be the last
// thing that the process does.
func (p *process) transact(who string, update func(n *notes, twice bool) error) error {
	v := p.wait(&parked{key: "commit/" + who})
	switch {
	case v.buried:
		return errCrash
	case v.refuse && v.die:
		p.die()
		return errCrash
	case v.refuse:
		return errRefuse
	}
	var n notes
	err := update(&n, v.twice)
	if err == nil {
		p.w.oracle.committed(p, who, &n)
	}
	switch {
	case v.die:
		p.die()
		return errCrash
	case v.pause:
		p.stop()
		if u := p.wait(&parked{key: "paused/" + who}); u.buried {
			return errCrash
		}
	case v.unsure && err == nil:
		return errUnsure
	}
	return err
}

// provisions is the store as one process's engine of one app sees it.
type provisions struct {
	provision.Store
	p   *process
	app string
}

// who tells which of an engine's goroutines it is by what can end its wait: the run's own
// context, none at all, or that of the lease's renewal. Two of one kind never wait at a time.
func (s provisions) who(ctx context.Context) string {
	switch ctx.Done() {
	case s.p.ctx.Done():
		return s.app + "/run"
	case nil:
		return s.app + "/record"
	default:
		return s.app + "/renew"
	}
}

func (s provisions) Update(ctx context.Context, fn func(provision.Tx) error) error {
	who := s.who(ctx)
	return s.p.transact(who, func(n *notes, twice bool) error {
		return again(twice, n, func(fail error) error {
			return s.Store.Update(ctx, func(tx provision.Tx) error {
				if err := fn(engineTx{tx, s.p, n}); err != nil {
					return err
				}
				return fail
			})
		})
	})
}

// again runs a transaction, and with twice a time before that it is rolled back.
func again(twice bool, n *notes, do func(fail error) error) error {
	if twice {
		if err := do(errAgain); !errors.Is(err, errAgain) {
			return err
		}
	}
	*n = notes{}
	return do(nil)
}

// View waits while the process stands still, and only then.
func (s provisions) View(ctx context.Context, fn func(provision.Tx) error) error {
	if s.p.standing() {
		if v := s.p.wait(&parked{key: "view/" + s.app}); v.buried {
			return errCrash
		}
	}
	if s.p.gone() {
		return errCrash
	}
	return s.Store.View(ctx, fn)
}

// engineTx notes what the engine claims.
type engineTx struct {
	provision.Tx
	p *process
	n *notes
}

func (tx engineTx) PutIntents(ctx context.Context, fence int64, intents []*provision.Intent) error {
	err := tx.Tx.PutIntents(ctx, fence, intents)
	tx.n.intents, tx.n.fence, tx.n.fenced = append(tx.n.intents, intents...), fence, true
	return err
}

func (tx engineTx) PutOutcomes(ctx context.Context, outcomes []provision.Outcome) error {
	tx.n.outcomes = append(tx.n.outcomes, outcomes...)
	return tx.Tx.PutOutcomes(ctx, outcomes)
}

func (tx engineTx) AppendEvents(ctx context.Context, events []audit.Event) error {
	tx.n.events = append(tx.n.events, events...)
	return tx.Tx.AppendEvents(ctx, events)
}

// TakeLease waits for others, as a store does that several processes can open.
func (tx engineTx) TakeLease(ctx context.Context, app, holder string, until time.Time) (provision.Lease, bool, error) {
	if l, ok := tx.p.w.leases[app]; ok && l.Holder != holder && l.Until.After(time.Now()) {
		return l, false, nil
	}
	l, ok, err := tx.Tx.TakeLease(ctx, app, holder, until)
	if ok && err == nil {
		tx.n.taken = &l
	}
	return l, ok, err
}

func (tx engineTx) DropLease(ctx context.Context, l provision.Lease) error {
	tx.n.dropped = &l
	return tx.Tx.DropLease(ctx, l)
}

// people is the store as a process's directory and sources see it.
type people struct {
	store Store
	p     *process
	who   string
}

// claims is what a transaction of the directory is asked for beside its own, by the guard.
type claims struct {
	provision.GuardTx
	n *notes
}

func (c claims) note(events []audit.Event) { c.n.events = append(c.n.events, events...) }

type peopleTx struct {
	directory.Tx
	claims
}

func (tx peopleTx) AppendEvents(ctx context.Context, events []audit.Event) error {
	tx.note(events)
	return tx.Tx.AppendEvents(ctx, events)
}

type sourceTx struct {
	source.Tx
	claims
}

func (tx sourceTx) AppendEvents(ctx context.Context, events []audit.Event) error {
	tx.note(events)
	return tx.Tx.AppendEvents(ctx, events)
}

// guard is the guard's part of a store's transaction, whoever opened it.
func guard(tx any, n *notes) claims {
	g, _ := tx.(provision.GuardTx) // every store has it: the gate asks for it in the same way
	return claims{g, n}
}

type directories people

func (s directories) Update(ctx context.Context, fn func(directory.Tx) error) error {
	return s.p.transact("people/"+s.who, func(n *notes, twice bool) error {
		return again(twice, n, func(fail error) error {
			n.settled = s.who == "settle"
			return s.store.Directory().Update(ctx, func(tx directory.Tx) error {
				if err := fn(peopleTx{tx, guard(tx, n)}); err != nil {
					return err
				}
				return fail
			})
		})
	})
}

type sources people

func (s sources) Update(ctx context.Context, fn func(source.Tx) error) error {
	return s.p.transact("people/"+s.who, func(n *notes, twice bool) error {
		return again(twice, n, func(fail error) error {
			return s.store.Source().Update(ctx, func(tx source.Tx) error {
				if err := fn(sourceTx{tx, guard(tx, n)}); err != nil {
					return err
				}
				return fail
			})
		})
	})
}

// chain is the ledger's store as a process's sequencer sees it.
type chain struct {
	audit.Store
	p *process
}

func (c chain) AppendLinks(ctx context.Context, head audit.Link, links []audit.Link) error {
	return c.p.transact("chain", func(*notes, bool) error {
		if now, err := c.Head(ctx); err != nil || now != head { // another process was faster, which the store refuses
			return errors.Join(errOvertaken, err)
		}
		return c.Store.AppendLinks(ctx, head, links)
	})
}
