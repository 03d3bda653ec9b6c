// SPDX-License-Identifier: Apache-2.0

package scimin

import (
	"context"

	"github.com/usher-id/usher/internal/source"
	"github.com/usher-id/usher/scim/scimserver"
)

// Atomically implements scimserver.TxStore: everything is one request's transaction.
func (p *Provider) Atomically(ctx context.Context, fn func(scimserver.Store) error) error {
	err := p.c.Store.Update(ctx, func(tx source.PushTx) error {
		one := &within{tx: tx}
		c := p.c
		c.Store, c.Changed, c.Told = one, func() {}, func() {}
		if err := fn(&Provider{c: c, kinds: p.kinds, longest: p.longest, most: p.most}); err != nil {
			return err
		}
		return one.failed
	})
	if err == nil {
		p.c.Changed()
		if p.c.Told != nil {
			p.c.Told()
		}
	}
	return err
}

// within is the store of who is in a transaction already.
type within struct {
	tx     source.PushTx
	failed error // of a change, which may have been done by half
}

func (w *within) Update(_ context.Context, fn func(source.PushTx) error) error {
	err := fn(w.tx)
	if err != nil {
		w.failed = err
	}
	return err
}

func (w *within) Look(_ context.Context, fn func(source.PushTx) error) error { return fn(w.tx) }

func (w *within) View(_ context.Context, fn func(source.PushTx) error) error { return fn(w.tx) }
