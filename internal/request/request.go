// SPDX-License-Identifier: Apache-2.0

package request

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Request is one thing that somebody asks of the running engine.
type Request struct {
	ID       int64
	Kind     string
	Args     []byte // JSON, by kind
	Actor    string // who asks; the ledger names them
	At       time.Time
	Taken    time.Time // zero while it waits
	Done     time.Time // zero until there is an outcome
	Document []byte    // JSON, of what was done
	Error    string    // why it was not done, or not all of it
}

// The bounds of what lies in a store.
const (
	MaxArgs     = 128 << 10 // a sealed secret of 64 KiB in base64, and what is said of it
	MaxDocument = 16 << 20
	MaxOpen     = 100              // without an outcome
	MaxAge      = 10 * time.Minute // of one that nobody has taken
	KeepDone    = 24 * time.Hour
	KeepMost    = 1000
)

// ErrMany is returned when too many requests lie there without an outcome.
var ErrMany = fmt.Errorf("%d requests wait for the engine already: it is busy, or stuck", MaxOpen)

// Store keeps requests. Leave works beside the engine; Take, Finish and Prune
// are the engine's alone.
type Store interface {
	// Leave writes a request down and returns its id, or ErrMany.
	Leave(ctx context.Context, r Request) (int64, error)
	// Find returns a request, and whether there is one of this id.
	Find(ctx context.Context, id int64) (Request, bool, error)
	// Take marks what waits as taken and returns it, in order of arrival.
	Take(ctx context.Context, limit int) ([]Request, error)
	// Finish writes down what became of a request, once.
	Finish(ctx context.Context, id int64, document []byte, failure string) error
	// Open returns what has no outcome.
	Open(ctx context.Context) ([]Request, error)
	// Prune forgets outcomes that are older than an instant, and all but the
	// newest of them.
	Prune(ctx context.Context, before time.Time, most int) error
}

// Leave leaves a request for the engine.
func Leave(ctx context.Context, s Store, r Request) (int64, error) {
	if len(r.Args) > MaxArgs {
		return 0, fmt.Errorf("the request is too large: %d bytes, at most %d", len(r.Args), MaxArgs)
	}
	if r.Actor == "" {
		return 0, errors.New("a request must say who asks")
	}
	id, err := s.Leave(ctx, r)
	if err != nil && !errors.Is(err, ErrMany) {
		err = fmt.Errorf("the request could not be left with the engine: %w", err)
	}
	return id, err
}

// Await waits for the outcome of a request. Alive is asked now and then whether
// there is still an engine; it returns an error if not.
func Await(ctx context.Context, s Store, id int64, alive func() error) (Request, error) {
	const look, probe = 50 * time.Millisecond, time.Second
	every := time.NewTicker(look)
	defer every.Stop()
	probed := time.Now()
	for {
		r, ok, err := s.Find(ctx, id)
		switch {
		case err != nil:
			return r, err
		case !ok:
			return r, fmt.Errorf("request %d is gone from the store", id)
		case !r.Done.IsZero():
			return r, nil
		}
		if time.Since(probed) >= probe {
			probed = time.Now()
			if err := alive(); err != nil {
				return r, err
			}
		}
		select {
		case <-ctx.Done():
			return r, ctx.Err()
		case <-every.C:
		}
	}
}

// Inherit gives an outcome to what an earlier engine has left without one: what
// it had taken, as nobody knows how far it came, and what has waited so long
// that whoever asked may want something else by now. The rest waits on.
func Inherit(ctx context.Context, s Store, now time.Time) (refused int, err error) {
	open, err := s.Open(ctx)
	if err != nil {
		return 0, err
	}
	for _, r := range open {
		why := ""
		switch age := now.Sub(r.At); {
		case !r.Taken.IsZero():
			why = "the engine that had taken this request ended before it was done; what was sent is recorded, and the engine goes on with what is due. Ask again for the rest"
		case age > MaxAge:
			why = fmt.Sprintf("this request was left %s ago, and no engine took it until now; nothing was done. Ask again", age.Round(time.Minute))
		default:
			continue
		}
		if err := s.Finish(ctx, r.ID, nil, why); err != nil {
			return refused, err
		}
		refused++
	}
	return refused, nil
}
