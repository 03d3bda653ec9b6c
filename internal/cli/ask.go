// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/usher-id/usher/internal/server"
	"github.com/usher-id/usher/internal/store"
)

// asks reports whether an apply can be done by the daemon that holds the store:
// one that is narrowed to a person, or releases a hold.
func asks(err error, o server.Options, plan *server.PlanFile) bool {
	var locked *store.LockedError
	return plan == nil && (o.Person != "" || o.Release != "") && errors.As(err, &locked) && server.Serves(locked.Holder)
}

// ask has the running daemon do what an apply would, and waits for it. What it
// prints is what the apply would have printed.
func (c *cli) ask(ctx context.Context, b *server.Built, o server.Options) (doc *server.Document, err error) {
	u, err := b.OpenRead(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, u.Close()) }()
	if o.Release != "" {
		c.checkStanding(ctx, u, o.Release)
	}
	id, err := u.Ask(ctx, o)
	if err != nil {
		return whole(nil, b, o.App), err
	}
	doc, taken, err := u.Answer(ctx, id)
	switch {
	case ctx.Err() != nil && errors.Is(err, ctx.Err()) && taken:
		err = fmt.Errorf("no longer waited for; the engine is at request %d and finishes it: usher status", id)
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		err = fmt.Errorf("no longer waited for; request %d lies with the engine, which takes it within a second: usher status", id)
	case errors.Is(err, server.ErrNobodyServes) && taken:
		err = fmt.Errorf("request %d: %w; what was sent is recorded, and the next engine goes on with what is due", id, err)
	case errors.Is(err, server.ErrNobodyServes):
		err = fmt.Errorf("request %d: %w; one that starts within ten minutes takes it up", id, err)
	}
	doc = whole(doc, b, o.App)
	c.aside, c.waiting = asideRows(context.WithoutCancel(ctx), u, doc)
	return doc, err
}

// checkStanding is checkRelease beside a daemon, which finds holds anew all the
// time.
func (c *cli) checkStanding(ctx context.Context, u *server.Usher, id string) {
	s, err := u.Status(ctx)
	if err != nil {
		return // the apply meets the same, and tells
	}
	for _, h := range s.Holds {
		if h.ID == id {
			return
		}
	}
	fmt.Fprintf(c.err, "usher: there is no hold %s, or not of this set any more: it lets nothing pass\n", printable(id))
}
