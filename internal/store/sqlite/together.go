// SPDX-License-Identifier: Apache-2.0

package sqlite

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/usher-id/usher/internal/audit"
)

// mostTogether is how many writes share a commit at most.
const mostTogether = 128

// mostGathering is how long a batch waits for others to join it: about as long as it
// takes to commit one.
const mostGathering = 500 * time.Microsecond

// joint lets writes that come together share one commit: each is atomic by itself, see
// share, and returns once all of them are on disk. A write may run twice. Whoever comes while a
// commit is under way waits for the next one, so that the disk is synced as often
// as it can be, and no more often than needed.
type joint struct {
	mu      sync.Mutex
	waiting []*write
	leading bool // somebody carries a batch out, and hands on what waits then

	lately [2]int        // how many wrote in the last two batches
	want   int           // how many a batch waits for; 0 while none does
	enough chan struct{} // there are as many
}

// write is one of a batch. Its goroutine waits until it is done, or leads.
type write struct {
	ctx  context.Context //nolint:containedctx // of the one who waits for it
	fn   func(*Tx) error
	err  error
	next chan bool // true: lead; false: done
}

// together runs fn in a transaction that others may share. It returns once what fn
// did is durable, or has been taken back.
func (db *DB) together(ctx context.Context, fn func(*Tx) error) error {
	if db.within != nil {
		return db.nested(ctx, fn)
	}
	w := &write{ctx: ctx, fn: fn, next: make(chan bool, 1)}
	j := &db.joint
	j.mu.Lock()
	j.waiting = append(j.waiting, w)
	if j.want > 0 && len(j.waiting) == j.want {
		close(j.enough)
	}
	lead := !j.leading
	j.leading = true
	j.mu.Unlock()
	if lead || <-w.next {
		db.lead()
		<-w.next // it was the first of its own batch
	}
	return w.err
}

// gather waits until half of those are there who wrote in the last two batches, as most
// come again once they are answered: so one half gets its next write ready while the
// other's is carried out. Otherwise they fall apart into one who has a commit to himself,
// and all the others, who wait for it.
func (j *joint) gather() {
	j.mu.Lock()
	want := min((j.lately[0]+j.lately[1])/2, mostTogether)
	if len(j.waiting) >= want {
		j.mu.Unlock()
		return
	}
	enough := make(chan struct{})
	j.want, j.enough = want, enough
	j.mu.Unlock()
	late := time.NewTimer(mostGathering)
	defer late.Stop()
	select {
	case <-enough:
	case <-late.C:
	}
}

// lead carries out what waits, and has the first of what came meanwhile go on.
func (db *DB) lead() {
	j := &db.joint
	j.gather()
	j.mu.Lock()
	j.want = 0
	n := min(len(j.waiting), mostTogether)
	j.lately = [2]int{n, j.lately[0]}
	batch := j.waiting[:n:n]
	j.waiting = j.waiting[n:]
	j.mu.Unlock()
	for _, w := range batch {
		w.err = errUnfinished
	}
	defer func() { // after a panic, too: nobody must wait for ever
		j.mu.Lock()
		if j.leading = len(j.waiting) > 0; j.leading {
			j.waiting[0].next <- true
		}
		j.mu.Unlock()
		for _, w := range batch {
			w.next <- false
		}
	}()
	db.carryOut(batch)
}

var errUnfinished = errors.New("store: a write that shared the commit broke it off")

// carryOut runs a batch. Nobody is told of success before the commit.
func (db *DB) carryOut(batch []*write) {
	if len(batch) == 1 {
		batch[0].err = db.update(batch[0].ctx, batch[0].fn)
		return
	}
	ended := make([]error, len(batch))
	err := db.share(batch, ended, false)
	if errors.Is(err, errHalfDone) {
		err = db.share(batch, ended, true)
	}
	for i, w := range batch {
		if w.err = err; err == nil || ended[i] != nil {
			w.err = ended[i]
		}
	}
}

// errHalfDone says that a write of a batch failed that had written already.
var errHalfDone = errors.New("store: a write that shared the commit failed half-way")

// share runs a batch in one transaction. With points each write has a savepoint, so that
// one that fails takes back what it did. SQLite then keeps a copy of every page that each
// of them touches, and hardly any fails once it has written something: so they are made
// only after one has, when everything was taken back for it.
func (db *DB) share(batch []*write, ended []error, points bool) error {
	ctx := context.Background() // one who hangs up must not take the others' writes along
	return db.update(ctx, func(tx *Tx) error {
		tx.late = &late{noted: map[string]bool{}, come: map[pushedKind]int64{}}
		for i, w := range batch {
			if ended[i] = w.ctx.Err(); ended[i] != nil {
				continue
			}
			var err error
			if points {
				ended[i], err = tx.point(ctx, w.fn)
			} else {
				ended[i], err = tx.straight(w.fn)
			}
			if err != nil {
				return err
			}
		}
		return tx.putLate(ctx)
	})
}

// straight runs a write, which must not have written anything if it fails.
func (tx *Tx) straight(fn func(*Tx) error) (ended, err error) {
	wrote, told := tx.wrote, len(tx.late.events)
	ended = fn(tx)
	switch {
	case tx.undone != nil || ends(ended): // of the others, too, and whatever fn makes of it
		return ended, fmt.Errorf("store: a shared transaction was taken back: %w", cmp.Or(tx.undone, ended))
	case ended == nil:
		return nil, nil
	case tx.wrote > wrote:
		return ended, errHalfDone
	}
	tx.late.events = tx.late.events[:told]
	return ended, nil
}

// point runs a write within a savepoint.
func (tx *Tx) point(ctx context.Context, fn func(*Tx) error) (ended, err error) {
	if err := tx.exec(ctx, "SAVEPOINT one"); err != nil {
		return nil, err
	}
	told, come := len(tx.late.events), maps.Clone(tx.late.come)
	if ended = fn(tx); ended != nil {
		if err := tx.exec(ctx, "ROLLBACK TO one"); err != nil {
			return nil, err
		}
		tx.late.events, tx.late.come, tx.apps = tx.late.events[:told], come, nil
		clear(tx.late.noted) // what noted it may be taken back
	}
	return ended, tx.exec(ctx, "RELEASE one")
}

// late is what the writes of a shared transaction leave to its end, when one statement
// stores what is of all of them.
type late struct {
	events []audit.Sealed
	come   map[pushedKind]int64 // how many more resources are pushed
	noted  map[string]bool      // the apps of which it is noted that somebody is marked
}

func (tx *Tx) putLate(ctx context.Context) error {
	for of, n := range tx.late.come {
		if err := tx.putCome(ctx, of, n); err != nil {
			return err
		}
	}
	return tx.putEvents(ctx, tx.late.events)
}
