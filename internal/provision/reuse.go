// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/audit"
	"github.com/usher-id/usher/scim"
)

// An app may give the id of an account that others have deleted to somebody else's. What is
// kept of the first one leads to the second: one person's attributes, groups or departure would
// hit another. So an account that is read by the id that is kept of somebody is compared with
// what is known of theirs; an id that a create is answered with and that is somebody else's has
// ended theirs; and at an app whose profile says that it does such things an account is read
// before it is written to.

// whoseNow is what an account that is read by a kept id shows of whose it is.
type whoseNow int

const (
	theirsStill whoseNow = iota
	anothers             // it carries another externalId
	nobodyKnows          // it has no externalId, and other names
)

// whose compares an account with what is known of the one that had its id. Where an externalId
// tells, nothing else does; otherwise one name that differs may have been changed by hand, and
// only if all do the account is not believed to be theirs.
func whose(known, seen *scim.Resource) whoseNow {
	if known == nil || seen == nil {
		return theirsStill
	}
	if a, b := known.ExternalID(), seen.ExternalID(); a != "" && b != "" {
		if a != b {
			return anothers
		}
		return theirsStill
	}
	compared, differ := 0, 0
	for _, p := range []scim.Path{userNamePath, displayName} {
		a, b := text(known, p), text(seen, p)
		if a == "" || b == "" {
			continue
		}
		if compared++; !strings.EqualFold(a, b) {
			differ++
		}
	}
	if compared > 0 && differ == compared {
		return nobodyKnows
	}
	return theirsStill
}

// strangeReason is why somebody is set aside whose id may be another's by now.
const strangeReason = "the account at the id that is kept of theirs is called otherwise by now, and nothing tells whose it is: nothing is written to it until somebody says so"

// compare reads the accounts that an intent is about, at an app that gives ids to others, and
// returns an error if one is not theirs any more. It is looked up after that.
func compare(ctx context.Context, a app.App, in *Intent) *app.Error {
	if !a.Profile().ReusesIDs || len(in.known) == 0 {
		return nil
	}
	ids := in.Remotes
	if in.Team == "" {
		ids = []string{in.Remote}
	}
	for i, id := range ids {
		if in.known[i] == nil {
			continue
		}
		ans, err := a.Get(ctx, app.KindUser, id)
		e := app.Classify(err)
		switch {
		case e == nil && whose(in.known[i], ans.Resource) != theirsStill:
			return &app.Error{Class: app.NotFound, Detail: "the app has given the id " + id + " to another account"}
		case e != nil && e.Class == app.Ambiguous: // nothing was written
			retry := *e
			retry.Class = app.Retry
			return &retry
		case e != nil:
			return e
		}
	}
	return nil
}

// given says that a create without an answer has made an account whose id is still kept of
// somebody else. Only an externalId that is the person's own id tells: a mapped one may be two
// people's.
func (r *run) given(s Subject, f sighting, owners map[string]string, unsure []*Intent) bool {
	owner := owners[f.id()]
	return owner != "" && owner != s.Person.ID && r.planner.keepsID && !r.planner.mapsID && f.account.ExternalID() == s.Person.ID &&
		slices.ContainsFunc(unsure, func(in *Intent) bool { return in.Kind == Create })
}

// make notes whose account the app has made under an id.
func (w *writing) make(id, person string) {
	if w.made == nil {
		w.made = map[string]string{}
	}
	w.made[id] = person
}

// displaced ends the accounts of whoever is known by an id that the app has given to an account
// that was made now. They are set aside: an app that does so for another reason would go round.
func (w *writing) displaced(ctx context.Context, tx Tx) error {
	if len(w.made) == 0 {
		return nil
	}
	ids := slices.Sorted(maps.Keys(w.made))
	owners, err := tx.Owners(ctx, w.r.target.Name, ids)
	if err != nil {
		return err
	}
	for _, id := range ids {
		person := owners[id]
		if person == "" || person == w.made[id] {
			continue
		}
		had, err := tx.Subjects(ctx, Query{App: w.r.target.Name, People: []string{person}, Limit: 1, Now: never})
		if err != nil || len(had) == 0 {
			return err
		}
		a := had[0].Account
		a.RemoteID, a.Sent, a.State, a.Begun, a.Observe = "", nil, None, false, false
		a.Parked = "the app has given the id of their account, " + id + ", to another one: it is not there any more. apply --person makes a new one"
		var gone []Edge
		for team := range had[0].Members {
			gone = append(gone, Edge{team, person})
		}
		if err := tx.PutAccounts(ctx, []Account{a}); err != nil {
			return err
		}
		if err := tx.PutEdges(ctx, a.App, nil, gone, 0); err != nil {
			return err
		}
		err = tx.AppendEvents(ctx, []audit.Event{{
			At: w.now, Kind: "account.drifted", Actor: w.r.actor, Person: person, App: a.App, Object: id, Why: "the app has given its id to another account",
		}})
		if err != nil {
			return err
		}
	}
	return nil
}
