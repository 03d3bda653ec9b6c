// SPDX-License-Identifier: Apache-2.0

package oktaapp

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/okta"
	"github.com/usher-id/usher/scim"
)

// shown is a user as a SCIM resource, with all that has a place.
func (a *App) shown(u *okta.User) *scim.Resource {
	r := scim.NewResource(scim.UserURN)
	r.SetID(u.ID)
	if a.id != "" {
		if id := u.Text(a.id); id != "" {
			r.SetExternalID(id)
		}
	}
	var emails []scim.Value
	for _, p := range a.places {
		s := u.Text(p.name)
		switch {
		case s == "" || p.path.Equal(primaryEmail):
		case p.path.Attr == "emails": // the work address is of both kinds that a mapping may ask for
			var o scim.Object
			o.Set("value", scim.String(s))
			if p.name == "email" {
				o.Set("type", scim.String("work"))
				o.Set("primary", scim.Bool(true))
			} else {
				o.Set("type", scim.String("home"))
			}
			emails = append(emails, scim.Complex(o))
		default:
			_ = r.Put(p.path, scim.String(s)) // the table's paths can be written
		}
	}
	if len(emails) > 0 {
		r.Set("emails", scim.List(emails...))
	}
	r.SetActive(u.Status.Usable())
	r.SetMeta(u.Created, u.Updated, "")
	return r
}

// users are those of an org.
type users struct{ *App }

// Create makes a user, who is activated and sent a mail by Okta unless active is false;
// such a one is STAGED.
func (a users) Create(ctx context.Context, r *scim.Resource) (*scim.Resource, error) {
	profile := map[string]jsontext.Value{}
	for _, p := range a.places {
		v, ok := r.At(p.path)
		if !ok || v.IsUnassigned() {
			continue
		}
		if err := set(profile, p, v); err != nil {
			return nil, err
		}
	}
	if id := r.ExternalID(); id != "" && a.id != "" {
		profile[a.id] = okta.Text(id)
	}
	on, known := r.Active()
	u, err := a.client.CreateUser(ctx, profile, on || !known)
	if err != nil {
		return nil, err
	}
	return a.shown(&u), nil
}

// set takes an attribute's value into a profile.
func set(profile map[string]jsontext.Value, p place, v scim.Value) error {
	s, ok := v.AsString()
	switch {
	case !ok && !v.IsUnassigned():
		return app.Refuse(app.Terminal, "%s is no text", p.path)
	case s == "" && p.needed:
		return app.Refuse(app.Terminal, "%s is the user's %s, and there is no user without", p.path, p.name)
	}
	profile[p.name] = okta.Text(strings.ToValidUTF8(s, "\uFFFD"))
	return nil
}

// Patch sends changes. A deactivation is five requests at most and an activation four, each
// of which may be repeated: the user's status decides what is sent.
func (a users) Patch(ctx context.Context, id string, changes []scim.Change) (*scim.Resource, error) {
	profile := map[string]jsontext.Value{}
	var on, off bool
	for _, ch := range changes {
		switch {
		case ch.Path.Equal(active):
			is, ok := ch.After.AsBool()
			if !ok {
				return nil, app.Refuse(app.Terminal, "active is neither true nor false")
			}
			on, off = is, !is
		case ch.Path.Equal(externalID) && a.id != "":
			s, _ := ch.After.AsString()
			profile[a.id] = okta.Text(s)
		default:
			p, err := placeOf(a.places, ch.Path)
			if err != nil {
				return nil, &app.Error{Class: app.Terminal, Err: err}
			}
			if err := set(profile, p, ch.After); err != nil {
				return nil, err
			}
		}
	}
	var u okta.User
	var err error
	switch {
	case off:
		u, err = a.disable(ctx, id, profile)
	case on:
		u, err = a.enable(ctx, id, profile)
	default:
		u, err = a.update(ctx, id, profile)
	}
	if err != nil {
		return nil, err
	}
	return a.shown(&u), nil
}

// update writes a profile. That a user is not there may mean that it is DEPROVISIONED.
func (a *App) update(ctx context.Context, id string, profile map[string]jsontext.Value) (okta.User, error) {
	u, err := a.client.UpdateUser(ctx, id, profile)
	if !okta.IsNotFound(err) {
		return u, err
	}
	switch u, rerr := a.client.User(ctx, id); {
	case okta.IsNotFound(rerr):
		return u, err
	case rerr != nil:
		return u, app.Half(ctx, rerr, "whether the user is there is not known")
	default:
		return u, &app.Error{Class: app.Conflict, Status: http.StatusNotFound, Detail: "the user is " + string(u.Status) + ", and Okta changes no such profile"}
	}
}

// Weight is how many requests a Create or a Patch takes at most, see [app.Limit].
func (a *App) Weight(kind app.Kind, changes []scim.Change) int {
	if kind == app.KindGroup && len(changes) > 0 {
		return 2 // it is read before
	}
	for _, c := range changes {
		if on, known := c.After.AsBool(); known && c.Path.Equal(active) {
			if on {
				return 4
			}
			return 5
		}
	}
	return 1
}

// Get reads a user, who is active unless the status is one in which nobody can sign in: one
// who is on the way to DEPROVISIONED still is.
func (a users) Get(ctx context.Context, id string) (*scim.Resource, error) {
	u, err := a.client.User(ctx, id)
	if err != nil {
		return nil, err
	}
	return a.shown(&u), nil
}

// Find looks users up by userName, an e-mail address, or externalId if it has a place. By
// login the answer is final; by anything else it is what the index tells of, read again.
func (a users) Find(ctx context.Context, attribute scim.Path, value string) ([]*scim.Resource, error) {
	var users []okta.User
	var err error
	switch {
	case attribute.Equal(userName):
		var u okta.User
		var found bool
		if u, found, err = a.client.UserByLogin(ctx, value); found {
			users = append(users, u)
		}
	case attribute.Equal(externalID) && a.id != "":
		users, err = a.client.UsersBy(ctx, a.id, value)
	case strings.EqualFold(attribute.Attr, "emails"):
		users, err = a.client.UsersBy(ctx, "email", value)
	default:
		return nil, app.Refuse(app.Terminal, "Okta does not search by %s", attribute)
	}
	if err != nil {
		return nil, err
	}
	var hits []*scim.Resource
	for i := range users {
		r := a.shown(&users[i])
		if attribute.Equal(externalID) && r.ExternalID() != value { // whose case counts
			continue
		}
		if r.ExternalID() == "" {
			roles, err := a.client.Roles(ctx, r.ID())
			if err != nil && !notOurs(err) {
				return nil, err
			}
			app.SetAdministrator(r, maker, roles...)
		}
		hits = append(hits, r)
	}
	return hits, nil
}

// notOurs says that we may not ask, in Okta's own words: who is an administrator needs a
// permission of its own.
func notOurs(err error) bool {
	e, ok := errors.AsType[*okta.Error](err)
	return ok && e.Status == http.StatusForbidden && !e.Foreign
}

// List lists all users, and says who is an administrator, if we may ask.
func (a users) List(ctx context.Context) iter.Seq2[*scim.Resource, error] {
	return func(yield func(*scim.Resource, error) bool) {
		admins, err := a.client.Administrators(ctx)
		if err != nil && !notOurs(err) {
			yield(nil, err)
			return
		}
		for u, err := range a.client.Users(ctx) {
			if err != nil {
				yield(nil, err)
				return
			}
			r := a.shown(&u)
			if admins[u.ID] && r.ExternalID() == "" {
				app.SetAdministrator(r, maker, "administrator")
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}
