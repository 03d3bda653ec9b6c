// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/scim"
)

// ErrHasAccess is why somebody is not erased.
var ErrHasAccess = errors.New("an account of theirs is live, or nobody knows whether it is: they are not erased before that is settled")

// Resource is a User that a provider pushes: the source, and its id there.
type Resource struct{ Source, ID string }

// Erase forgets somebody who has left: their attributes, at every source, and what
// the ledger says of them; its chain still holds. What stays is that there was
// somebody with this id, the names that must never be given to another, and the
// links to accounts, without which nobody could delete them. A source that still
// lists them as ended brings nothing back; one that hires them anew does. Of what is
// gone, others may have to be told: that is for the caller, in the same transaction.
func (d *Directory) Erase(ctx context.Context, tx Tx, id, reason string) (gone []Resource, err error) {
	if strings.TrimSpace(reason) == "" {
		return nil, errors.New("an erasure needs a reason")
	}
	people, err := tx.People(ctx, []string{id})
	if err != nil {
		return nil, err
	}
	p := people[id]
	switch {
	case p == nil:
		return nil, fmt.Errorf("there is no person %s", id)
	case p.State == Erased:
		return nil, nil
	case p.State != Leaver:
		return nil, fmt.Errorf("person %s is %s: only who has left can be erased", id, p.State)
	}
	if err := d.forget(ctx, tx, id); err != nil {
		return nil, err
	}
	if gone, err = tx.Erase(ctx, id); err != nil {
		return nil, fmt.Errorf("person %s: %w", id, err)
	}
	p.State, p.Why, p.Next = Erased, "erased: "+reason, time.Time{}
	p.User, p.Revoked = scim.NewResource(scim.UserURN), p.Revoked.forgotten()
	p.Revision++
	if err := tx.PutPeople(ctx, []*Person{p}); err != nil {
		return nil, err
	}
	return gone, tx.AppendEvents(ctx, []audit.Event{{
		At: tx.Now(), Kind: "person.erased", Actor: d.cfg.Actor, Person: id, Why: reason,
		Before: map[string]scim.Value{"state": scim.String(string(Leaver))},
		After:  map[string]scim.Value{"state": scim.String(string(Erased))},
	}})
}
