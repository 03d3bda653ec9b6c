// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/internal/provision"
)

// explain asks of everybody at one of the apps what an administrator would, once all is quiet: why they are in or out, what
// request made their account what it is, or what keeps them from having one. Nobody is to be left without an answer.
func (w *world) explain() {
	if w.broken() {
		return
	}
	a := w.apps[w.seed%uint64(len(w.apps))] // as each answer is read from the journal, which takes its time
	paused := slices.Contains(w.paused(), a.name)
	w.view(func(ctx context.Context, tx provision.Tx) error {
		asked, ok := tx.(provision.Reader) // as commands and pages ask
		if !ok {
			w.violate(12, "the store answers no questions")
			return nil
		}
		subjects, err := tx.Subjects(ctx, provision.Query{App: a.name, Limit: 1000, Now: time.Now()})
		for _, s := range subjects {
			err = errors.Join(err, w.explained(ctx, asked, a, s, paused))
		}
		return err
	})
}

func (w *world) explained(ctx context.Context, asked provision.Reader, a *fakeApp, s provision.Subject, paused bool) error {
	id, key := s.Person.ID, w.oracle.keys[s.Person.ID]
	if s.Person.Why == "" {
		w.violate(12, "nothing says why %s is %s", key, s.Person.State)
	}
	entries, err := asked.Entries(ctx, a.name, id, 1)
	if err != nil {
		return err
	}
	u := s.Account
	known := len(entries) > 0 || w.oracle.claims[claim{"account.adopted", a.name, id, u.RemoteID}] > 0
	held := !w.releases && len(w.standing) > 0 // which says why nobody is let go, either
	waits := u.Parked != "" || u.Observe || u.Due || paused || held
	switch {
	case u.RemoteID != "" && !known:
		w.violate(12, "app %s: no request and no adoption says where the account of %s comes from", a.name, key)
	case s.Person.State.In() && u.State != provision.Live && !waits:
		w.violate(12, "app %s: nothing says why %s has no account", a.name, key)
	}
	for team := range s.Members {
		if slices.ContainsFunc(s.Teams, func(t directory.Team) bool { return t.ID == team }) {
			continue // its rule does
		}
		_, told, err := asked.MemberEntry(ctx, a.name, id, team)
		if err != nil {
			return err
		}
		if !told && !held {
			w.violate(12, "app %s: no request says why %s is in a group", a.name, key)
		}
	}
	return nil
}
