// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"golang.org/x/sync/errgroup"

	"github.com/usher-id/usher/internal/request"
	"github.com/usher-id/usher/internal/store"
	"github.com/usher-id/usher/internal/token"
)

// kindApply asks for one cycle, narrowed or steered.
const kindApply = "apply"

// applyArgs are Options as a request carries them.
type applyArgs struct {
	App     string `json:"app,omitempty"`
	Person  string `json:"person,omitempty"`
	Release string `json:"release,omitempty"`
	Wait    int64  `json:"wait_ms"`
	Verify  bool   `json:"verify,omitempty"`
}

// maxWait bounds how long a request may have the daemon wait for retries.
const maxWait = time.Hour

// Ask leaves the daemon a request for a cycle, and returns its number.
func (u *Usher) Ask(ctx context.Context, o Options) (int64, error) {
	args, err := json.Marshal(applyArgs{o.App, o.Person, o.Release, min(o.Wait, maxWait).Milliseconds(), o.Verify})
	if err != nil {
		return 0, err
	}
	return request.Leave(ctx, u.db.Requests(), request.Request{Kind: kindApply, Args: args, Actor: o.Actor})
}

// ErrNobodyServes says that the daemon that was asked is gone.
var ErrNobodyServes = errors.New("the engine has ended before it was done")

// Answer waits for what became of a request. When ctx ends first, taken tells
// whether the daemon was at it already.
func (u *Usher) Answer(ctx context.Context, id int64) (doc *Document, taken bool, err error) {
	r, err := request.Await(ctx, u.db.Requests(), id, func() error {
		if _, held, err := store.Holder(u.Config.Store.Value); err != nil || held {
			return err
		}
		return ErrNobodyServes
	})
	if err != nil {
		return nil, !r.Taken.IsZero(), err
	}
	if r.Document != nil {
		doc = newDocument()
		if err := json.Unmarshal(r.Document, doc); err != nil {
			return nil, true, fmt.Errorf("request %d: %w", id, err)
		}
	}
	if r.Error != "" {
		err = errors.New(r.Error)
	}
	return doc, true, err
}

// atOnce is how many requests are carried out at the same time: one that waits
// for a retry must not keep the next one.
const atOnce = 4

// answer takes the requests of other processes and carries them out. When it is
// stopped it takes no more, and waits for those that it has.
func (d *daemon) answer(ctx context.Context) error {
	var g errgroup.Group
	g.SetLimit(atOnce)
	defer g.Wait() //nolint:errcheck // they return none
	every := time.NewTicker(requestsEvery)
	defer every.Stop()
	for {
		// One by one, so that none is taken that has to wait here.
		taken, err := d.db.Requests().Take(ctx, 1)
		if err != nil && ctx.Err() == nil {
			d.log.Error("requests could not be taken", "err", err)
		}
		for _, r := range taken {
			g.Go(func() error {
				d.carryOut(ctx, r)
				return nil
			})
		}
		if len(taken) > 0 && ctx.Err() == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-every.C:
		}
	}
}

// carryOut gives a request its one outcome.
func (d *daemon) carryOut(ctx context.Context, r request.Request) {
	log := d.log.With("request", r.ID, "kind", r.Kind, "actor", r.Actor)
	log.Info("request taken")
	doc, err := d.carry(ctx, r)
	var text []byte
	if doc != nil {
		var jerr error
		if text, jerr = json.Marshal(doc); jerr != nil {
			text, err = nil, errors.Join(err, jerr)
		}
		if len(text) > request.MaxDocument {
			text, err = nil, errors.Join(err, errors.New("it was done, but what is to be told of it is too long: see usher status"))
		}
	}
	if ferr := d.db.Requests().Finish(context.WithoutCancel(ctx), r.ID, text, message(err)); ferr != nil {
		log.Error("a request's outcome could not be recorded", "err", ferr)
		return
	}
	if err != nil {
		log.Warn("request failed", "err", err)
	} else {
		log.Info("request done")
	}
	d.engine.Wake()
	d.wakeBooks()
}

func (d *daemon) carry(ctx context.Context, r request.Request) (*Document, error) {
	switch r.Kind {
	case kindApply:
	case kindSecret:
		return d.carrySecret(ctx, r)
	case kindToken:
		var t token.Token
		if err := json.Unmarshal(r.Args, &t, json.RejectUnknownMembers(true)); err != nil {
			return nil, fmt.Errorf("request %d: %w", r.ID, err)
		}
		return nil, d.PutToken(ctx, t, r.Actor)
	default:
		return nil, fmt.Errorf("this engine knows no request of the kind %q", r.Kind)
	}
	var a applyArgs
	if err := json.Unmarshal(r.Args, &a, json.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("request %d: %w", r.ID, err)
	}
	if a.Person == "" && a.Release == "" {
		return nil, errors.New("a request names a person, or a hold")
	}
	if a.App != "" && !d.Has(a.App) {
		return nil, fmt.Errorf("the running engine's configuration has no app %q", a.App)
	}
	wait := min(time.Duration(a.Wait)*time.Millisecond, maxWait)
	return d.Apply(ctx, Options{App: a.App, Person: a.Person, Release: a.Release, Wait: wait, Verify: a.Verify, Actor: r.Actor})
}
