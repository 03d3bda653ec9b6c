// SPDX-License-Identifier: Apache-2.0

package scimin

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/usher-id/usher/internal/events"
	"github.com/usher-id/usher/internal/source"
	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimevent"
	"github.com/usher-id/usher/scim/scimserver"
)

// EventURIs implements scimserver.EventStore.
func (p *Provider) EventURIs() []string {
	if p.c.Events == nil {
		return nil
	}
	return p.c.Events.URIs()
}

// mostMembers is how many members a group has at most whose events have data (RFC 9967
// §5 wants notices of large ones).
const mostMembers = 1_000

// news is what a transaction changes, as it is told to others. A nil one tells nothing.
type news struct {
	feed *events.Feed
	req  *scimserver.Request

	was      *scim.Resource // the resource as it was, without members; nil if it was not there
	wasEnded time.Time
	added    []source.PushedMember
	removed  []string
	first    *events.Change  // of what the request names
	others   []events.Change // of what has changed with it
	promised bool
	queued   bool
}

// errUntold says that a change came by a way on which nobody could be told of it. It is
// refused: a change without its event would be lost to those who follow them.
var errUntold = errors.New("scimin: the change comes of no request that its events could tell of")

// news begins a transaction; it may run twice.
func (p *Provider) news(ctx context.Context) (*news, error) {
	if p.c.Events == nil {
		return nil, nil
	}
	n := &news{feed: p.c.Events, req: scimserver.RequestOf(ctx)}
	if n.req == nil {
		return nil, errUntold
	}
	return n, nil
}

// before keeps what a resource is before it changes.
func (n *news) before(p *Provider, row *source.Pushed) (err error) {
	if n == nil {
		return nil
	}
	n.wasEnded = row.Ended
	n.was, err = p.head(row)
	return err
}

// members notes who comes to the group of the request, and who leaves it.
func (n *news) members(added []source.PushedMember, removed []string) {
	if n != nil {
		n.added, n.removed = added, removed
	}
}

// change is what has become of a row.
func (n *news) change(kind events.Kind, row *source.Pushed) events.Change {
	c := events.Change{
		Kind: kind, ID: row.ID, Version: tag(row.Version), Big: row.Members > mostMembers,
		Subject: scimevent.Subject{URI: n.req.Path(row.Type, row.ID), ExternalID: row.External, ID: row.ID},
	}
	if states(row.Type) {
		c.Beside = []string{"members", "groups"}
	}
	return c
}

// deleted notes that a resource is gone.
func (n *news) deleted(row *source.Pushed) {
	if n == nil {
		return
	}
	c := n.change(events.Delete, row)
	c.Version = ""
	n.first = &c
}

// left notes that somebody who was deleted has left a group with it.
func (n *news) left(group *source.Pushed, id string) {
	if n == nil {
		return
	}
	c := n.change(events.Patch, group)
	c.Removed = []events.Member{{ID: id}}
	n.others = append(n.others, c)
}

// stored notes what has become of a resource; after is all of it, or what is at hand.
func (n *news) stored(row *source.Pushed, after *scim.Resource) error {
	if n == nil {
		return nil
	}
	kind := events.Put
	switch {
	case n.was == nil:
		kind = events.Create
	case n.req.Method == http.MethodPatch:
		kind = events.Patch
	}
	c := n.change(kind, row)
	if n.was != nil {
		c.Before = n.req.Shown(row.Type, n.was)
		switch {
		case row.Type != typeUser:
		case n.wasEnded.IsZero() && !row.Ended.IsZero():
			c.Active = events.Deactivate
		case !n.wasEnded.IsZero() && row.Ended.IsZero():
			c.Active = events.Activate
		}
	}
	c.After = n.req.Shown(row.Type, after)
	for _, m := range n.added {
		v, err := scim.ParseValue(m.Body, scim.Limits{})
		if err != nil {
			return err
		}
		c.Added = append(c.Added, events.Member{ID: m.ID, Value: v})
	}
	for _, id := range n.removed {
		c.Removed = append(c.Removed, events.Member{ID: id})
	}
	n.first = &c
	return nil
}

// queue puts what is to be told into the outbox, in the transaction of the change.
func (n *news) queue(ctx context.Context, tx source.PushTx) error {
	if n == nil || n.first == nil {
		return nil
	}
	var all []events.Queued
	add := func(tokens []events.Queued, err error) error {
		all = append(all, tokens...)
		return err
	}
	err := add(n.feed.Tokens(tx.Now(), n.req.Txn, *n.first))
	for _, c := range n.others {
		err = errors.Join(err, add(n.feed.Tokens(tx.Now(), n.req.Txn, c)))
	}
	if n.req.Async {
		err = errors.Join(err, add(n.feed.Answer(tx.Now(), n.req.Txn, n.req.Method, n.status(), *n.first)))
		n.promised = true
	}
	if err != nil || len(all) == 0 {
		return err
	}
	n.queued = true
	return tx.QueueEvents(ctx, all)
}

// status is what the request would have been answered with.
func (n *news) status() int {
	switch n.req.Method {
	case http.MethodPost:
		return http.StatusCreated
	case http.MethodDelete:
		return http.StatusNoContent
	}
	return http.StatusOK
}

// committed tells, after the commit, who delivers, and the handler that its answer is on
// the way.
func (n *news) committed(told func()) {
	switch {
	case n == nil:
		return
	case n.promised:
		n.req.Promise()
	}
	if n.queued {
		told()
	}
}
