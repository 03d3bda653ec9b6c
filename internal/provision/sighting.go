// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"context"
	"slices"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/scim"
)

// sighting is what a look-up saw of one person: nothing, one account and the
// attribute that led to it, or several.
type sighting struct {
	account *scim.Resource
	by      string // "id", "externalId", "userName", "email" or "record"
	several int
	asked   []*scim.Resource // of the name that a create without an answer asked for, if it is another one now
	made    bool             // it is one of those
	strange bool             // it is at the id that is kept of them, and called otherwise
}

func (f sighting) id() string {
	if f.account == nil {
		return ""
	}
	return f.account.ID()
}

// find looks one account up: by remote id, externalId, then userName, in this
// order (DESIGN: journal).
func (r *run) find(ctx context.Context, s Subject) (sighting, error) {
	if r.target.Source != "" {
		return r.findRecord(ctx, s)
	}
	if id := s.Account.RemoteID; id != "" {
		ans, err := r.target.App.Get(ctx, app.KindUser, id)
		switch {
		case err != nil && app.Classify(err).Class != app.NotFound:
			return sighting{}, err
		case err != nil:
		default:
			if now := whose(s.Account.Sent, ans.Resource); now != anothers {
				return sighting{account: ans.Resource, by: "id", strange: now == nobodyKnows}, nil
			}
		}
		if r.deleted(s) {
			return sighting{}, nil
		}
	}
	wish := text(r.wish(s), userNamePath)
	keys := []key{{externalIDPath, r.externalID(s)}}
	for _, name := range r.askedFor(s, wish) {
		keys = append(keys, key{userNamePath, name})
	}
	keys = append(keys, key{userNamePath, wish})
	p := r.target.App.Profile()
	// What the app does not search by is asked for only if it searches by neither:
	// that reads a whole list for each person.
	if some := slices.DeleteFunc(slices.Clone(keys), func(k key) bool { return !p.Filterable(app.KindUser, k.path) }); len(some) > 0 {
		keys = some
	}
	var f sighting
	for _, by := range keys {
		if by.value == "" {
			continue
		}
		hits, _, err := r.target.App.Find(ctx, app.KindUser, by.path, by.value)
		switch {
		case err != nil:
			return sighting{}, err
		case by.path.Equal(userNamePath) && by.value != wish:
			f.asked = append(f.asked, hits...)
		case len(hits) > 0:
			f.account, f.by, f.several = hits[0], by.path.String(), len(hits)-1
			return f, r.whole(ctx, &f)
		}
	}
	return f, r.whole(ctx, &f)
}

// deleted says that the app has answered that it has done a DELETE by which somebody's account ends:
// that nobody has its id any more says all.
func (r *run) deleted(s Subject) bool {
	a, p := s.Account, r.planner.profile
	return a.Last == Ambiguous && len(r.unsure["p"+s.Person.ID]) == 0 && (a.State == Gone || a.State == Disabled && p.DeactivateBy == app.ByDelete)
}

// askedFor are the user names that creates without an answer asked for, other than
// the one that the person has now: an account that they made is called so.
func (r *run) askedFor(s Subject, wish string) []string {
	var names []string
	for _, in := range r.creates(s.Person.ID) {
		if name := asks(in.Kind, in.Ops); other(name, wish) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// creates are somebody's requests without an answer, and creates of before that may be late.
func (r *run) creates(person string) []*Intent {
	return slices.Concat(r.late[person], r.unsure["p"+person])
}

// ours prefers an account that a create without an answer made under an earlier
// name to whoever has the present one.
func (r *run) ours(s Subject, f sighting, owners map[string]string) sighting {
	var made []*scim.Resource
	for _, u := range f.asked {
		owner, claimed := owners[u.ID()], u.ExternalID()
		if owner != "" && owner != s.Person.ID || claimed != "" && claimed != r.externalID(s) {
			continue // somebody else is called so by now
		}
		if slices.ContainsFunc(r.creates(s.Person.ID), func(in *Intent) bool { return r.made(in, sighting{account: u, by: "userName"}) }) {
			made = append(made, u)
		}
	}
	if len(made) == 0 || f.by == "id" || f.by == "externalId" {
		return f
	}
	return sighting{account: made[0], by: "userName", several: len(made) - 1, made: true}
}

// whole reads an account by itself where lists and searches leave attributes out:
// what is compared with them would be written again, for everybody. One that is
// listed and not there any more is no account.
func (r *run) whole(ctx context.Context, f *sighting) error {
	if !r.planner.profile.ListPartial {
		return nil
	}
	read := func(u *scim.Resource) (*scim.Resource, error) {
		ans, err := r.target.App.Get(ctx, app.KindUser, u.ID())
		if e := app.Classify(err); e != nil && e.Class == app.NotFound {
			return nil, nil
		}
		return ans.Resource, err
	}
	var asked []*scim.Resource
	for _, u := range f.asked {
		seen, err := read(u)
		if err != nil {
			return err
		}
		if seen != nil {
			asked = append(asked, seen)
		}
	}
	f.asked = asked
	if f.account == nil {
		return nil
	}
	seen, err := read(f.account)
	if err != nil {
		return err
	}
	if f.account = seen; seen == nil {
		f.by, f.several = "", 0
	}
	return nil
}

// key is what an account is looked up by.
type key struct {
	path  scim.Path
	value string
}

var userNamePath = scim.Path{Attr: "userName"}

// externalID is what the account's externalId is or will be.
func (r *run) externalID(s Subject) string {
	switch p := r.planner; {
	case !p.keepsID:
		return ""
	case !p.mapsID: // the rest of the account says nothing of it
		return s.Person.ID
	}
	if u, err := r.planner.desired(s); err == nil {
		return u.ExternalID()
	}
	return s.Person.ID
}

func text(u *scim.Resource, p scim.Path) string {
	v, _ := u.At(p)
	s, _ := v.AsString()
	return s
}
