// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"crypto/rand"
	"errors"
	"net/url"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/events"
	"github.com/usher-id/usher/scim"
)

// Erase forgets somebody who has left; see directory.Directory.Erase. The reason
// stands in the ledger, so it must not tell who it was.
func (u *Usher) Erase(ctx context.Context, person, reason, actor string) error {
	ids, err := u.people(ctx, u.db, person)
	if err != nil {
		return err
	}
	if len(ids) != 1 {
		return &UnknownPersonError{person, ids}
	}
	d := u.directory(Options{Actor: actor})
	err = u.db.Directory().Update(ctx, func(tx directory.Tx) error {
		gone, err := d.Erase(ctx, tx, ids[0], reason)
		if err != nil {
			return err
		}
		return u.tellErased(ctx, tx, gone)
	})
	if err != nil {
		return err
	}
	return u.sequence(ctx)
}

// tellErased queues for those who are told of a source's changes that Users are gone:
// what waited for them of these was erased with the person.
func (u *Usher) tellErased(ctx context.Context, tx directory.Tx, gone []directory.Resource) error {
	txn := rand.Text()
	var all []events.Queued
	for _, s := range u.Pushed {
		if s.Events == nil {
			continue
		}
		for _, r := range gone {
			if r.Source != s.Name {
				continue
			}
			tokens, err := s.Events.Feed.Erased(tx.Now(), txn, usersPath(s.Catalog)+"/"+url.PathEscape(r.ID), r.ID)
			if err != nil {
				return err
			}
			all = append(all, tokens...)
		}
	}
	if len(all) == 0 {
		return nil
	}
	outbox, ok := tx.(events.Queuer)
	if !ok {
		return errors.New("the store cannot queue events in the transaction of an erasure")
	}
	return outbox.QueueEvents(ctx, all)
}

// usersPath is where a catalog's Users are, below the base.
func usersPath(c scim.Catalog) string {
	for _, t := range c.ResourceTypes {
		if t.Schema == scim.UserURN {
			return t.Endpoint
		}
	}
	return "/Users"
}
