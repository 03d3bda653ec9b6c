// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/directory"
	"github.com/usher-id/usher/scim"
)

// census is one complete list of an app's accounts.
type census struct {
	byID, byExternal, byUserName, byEmail map[string][]*scim.Resource
}

// list reads all accounts of the app. A list that ends with an error is no
// list: nothing may be concluded from what it lacks.
func (r *run) list(ctx context.Context) (*census, error) {
	c := &census{
		byID: map[string][]*scim.Resource{}, byExternal: map[string][]*scim.Resource{},
		byUserName: map[string][]*scim.Resource{}, byEmail: map[string][]*scim.Resource{},
	}
	for u, err := range r.target.App.List(ctx, app.KindUser, false) {
		if err != nil {
			return nil, err
		}
		c.add(u)
		r.progress(1)
	}
	return c, nil
}

func (c *census) add(u *scim.Resource) {
	put := func(m map[string][]*scim.Resource, key string) {
		if key != "" && !slices.Contains(m[key], u) {
			m[key] = append(m[key], u)
		}
	}
	put(c.byID, u.ID())
	put(c.byExternal, u.ExternalID())
	put(c.byUserName, strings.ToLower(text(u, userNamePath)))
	emails, _ := u.Get("emails")
	list, _ := emails.AsList()
	for _, e := range list {
		o, _ := e.AsComplex()
		v, _ := o.Get("value")
		s, _ := v.AsString()
		put(c.byEmail, strings.ToLower(s))
	}
}

// of finds a person's account by the same rules as a look-up, and last by
// e-mail, which only a configuration that names it lets through.
func (c *census) of(s Subject, external string, wish *scim.Resource) sighting {
	for _, by := range []struct {
		name string
		m    map[string][]*scim.Resource
		key  string
	}{
		{"id", c.byID, s.Account.RemoteID},
		{"externalId", c.byExternal, external},
		{"userName", c.byUserName, strings.ToLower(text(wish, userNamePath))},
		{"email", c.byEmail, strings.ToLower(text(wish, workEmail))},
	} {
		if by.key == "" {
			continue
		}
		hits := by.m[by.key]
		strange := false
		if by.name == "id" && len(hits) > 0 {
			now := whose(s.Account.Sent, hits[0])
			if strange = now == nobodyKnows; now == anothers {
				continue
			}
		}
		if by.name == "userName" && s.Names != nil {
			// The app gives them a name of their own: one that somebody else has
			// been claimed for is not theirs, and the next number is.
			hits = slices.DeleteFunc(slices.Clone(hits), func(u *scim.Resource) bool {
				return u.ExternalID() != "" && u.ExternalID() != external
			})
		}
		if len(hits) > 0 {
			return sighting{account: hits[0], by: by.name, several: len(hits) - 1, strange: strange}
		}
	}
	return sighting{}
}

// among finds a person's account in a list, as find does at the app.
func (r *run) among(c *census, s Subject) sighting {
	wish := r.wish(s)
	f := c.of(s, r.externalID(s), wish)
	for _, name := range r.askedFor(s, text(wish, userNamePath)) {
		f.asked = append(f.asked, c.byUserName[strings.ToLower(name)]...)
	}
	return f
}

var workEmail = scim.MustPath(`emails[type eq "work"].value`)

// firstList reads what was there before us: accounts that are ours already,
// accounts to adopt, and accounts that nobody owns.
func (r *run) firstList(ctx context.Context) error {
	there, groups := &census{}, r.findGroups
	if !r.unlisted() {
		var err error
		if there, err = r.list(ctx); err != nil {
			return err
		}
		groups = r.adoptGroups
	}
	taken := map[string]bool{}
	after := ""
	for r.unsought = 0; (len(there.byID) > 0 || !r.proves()) && r.target.Source == ""; {
		var subjects []Subject
		err := r.store.View(ctx, func(tx Tx) (err error) {
			subjects, err = r.read(ctx, tx, Query{App: r.target.Name, After: after, Limit: page, Now: time.Now()})
			return err
		})
		if err != nil {
			return err
		}
		if err := r.match(ctx, there, subjects, taken); err != nil || r.resting() {
			return err
		}
		if len(subjects) < page {
			break
		}
		after = subjects[len(subjects)-1].Person.ID
	}
	if err := groups(ctx); err != nil {
		return err
	}
	return r.listed(ctx, there.foreign(taken))
}

// match finds the accounts of a page of people in the first list. Who comes is
// looked up before an account is made, see met; who has left would never be, so
// that where a list proves nothing they are looked up now.
func (r *run) match(ctx context.Context, there *census, subjects []Subject, taken map[string]bool) error {
	var matched []Subject
	var found []sighting
	var left []Account
	for _, s := range subjects {
		f := r.among(there, s)
		u := r.ours(s, f, nil).account
		switch a := s.Account; {
		case u != nil:
			taken[u.ID()] = true
		case r.proves():
			if len(r.unsure["p"+s.Person.ID]) == 0 {
				continue
			}
		case s.Person.State != directory.Leaver || a.State != None || a.Observe:
			continue
		case r.doubtful():
			a.Observe, a.Due = true, true
			left = append(left, a)
			continue
		default:
			r.unsought++
			continue
		}
		if r.planner.profile.ListPartial && f.by == "id" && s.Account.State != None && !s.Account.Observe {
			continue // it was read before the app asked for a pause
		}
		matched, found = append(matched, s), append(found, f)
	}
	if len(left) > 0 {
		if err := r.update(ctx, func(tx Tx) error { return tx.PutAccounts(ctx, left) }); err != nil {
			return err
		}
	}
	return r.settleWhole(ctx, matched, found)
}

// unlisted says that nobody can be told what accounts the app has: it has no list,
// or one of a single page that need not be whole.
func (r *run) unlisted() bool {
	p := &r.planner.profile
	return !p.Users.List || p.Pagination == "none" && !p.ListTrusted
}

// proves says that who is not in the app's list is not there.
func (r *run) proves() bool { return r.planner.profile.ListTrusted && !r.unlisted() }

// doubtful says that an account need not be in the list to be there, and that the
// app can be asked for one.
func (r *run) doubtful() bool {
	p := &r.planner.profile
	return !r.proves() && (p.Filterable(app.KindUser, externalIDPath) || p.Filterable(app.KindUser, userNamePath))
}

func (r *run) wish(s Subject) *scim.Resource {
	if u, err := r.planner.desired(s); err == nil {
		return u
	}
	return s.Person.User
}

func (c *census) foreign(taken map[string]bool) []Foreign {
	var out []Foreign
	for id, us := range c.byID {
		if taken[id] {
			continue
		}
		active, known := us[0].Active()
		out = append(out, Foreign{
			RemoteID: id, UserName: text(us[0], userNamePath), ExternalID: us[0].ExternalID(),
			Active: active || !known, Reason: "no person of the directory matches it",
		})
	}
	slices.SortFunc(out, func(a, b Foreign) int { return strings.Compare(a.RemoteID, b.RemoteID) })
	return out
}

func (r *run) listed(ctx context.Context, foreign []Foreign) error {
	r.state.Listed, r.state.Foreign = true, len(foreign)
	return r.update(ctx, func(tx Tx) error {
		if err := tx.PutForeign(ctx, r.target.Name, foreign); err != nil {
			return err
		}
		if err := r.foreignNames(ctx, tx, foreign); err != nil {
			return err
		}
		return tx.PutApp(ctx, r.state)
	})
}
