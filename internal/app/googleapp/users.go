// SPDX-License-Identifier: Apache-2.0

package googleapp

import (
	"context"
	"iter"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/google"
	"github.com/usher-id/usher/scim"
)

// users are those of an account.
type users struct{ *App }

// shown is a user as a SCIM resource, with all that has a place.
func (a *App) shown(u *google.User) *scim.Resource {
	r := scim.NewResource(scim.UserURN)
	r.SetID(u.ID)
	for _, p := range a.places {
		s := p.read(u)
		switch {
		case s == "":
		case p.path.Equal(externalID):
			r.SetExternalID(s)
		default:
			_ = r.Put(p.path, scim.String(s)) // the table's paths can be written
		}
	}
	var o scim.Object
	o.Set("value", scim.String(u.PrimaryEmail))
	o.Set("type", scim.String("work"))
	o.Set("primary", scim.Bool(true))
	r.Set("emails", scim.List(scim.Complex(o)))
	r.SetActive(!out(u))
	if u.Administrator() {
		app.SetAdministrator(r, maker, rights(u))
	}
	r.SetMeta(u.Created, u.Created, "")
	return r
}

// Create makes a user with a password that nobody knows.
func (a users) Create(ctx context.Context, r *scim.Resource) (*scim.Resource, error) {
	var edits []edit
	for _, p := range a.places {
		v, ok := r.At(p.path)
		if p.path.Equal(externalID) {
			v, ok = scim.String(r.ExternalID()), r.ExternalID() != ""
		}
		if !ok || v.IsUnassigned() {
			continue
		}
		e, err := newEdit(p, v)
		if err != nil {
			return nil, err
		}
		edits = append(edits, e)
	}
	fields, err := apply(&google.User{}, edits)
	if err != nil {
		return nil, err
	}
	fields["changePasswordAtNextLogin"] = boolean(a.cfg.ChangePassword)
	if on, known := r.Active(); known && !on {
		fields["suspended"] = boolean(true)
	}
	u, err := a.client.CreateUser(ctx, fields, app.RandomPassword())
	if err != nil {
		return nil, err
	}
	return a.shown(&u), nil
}

func boolean(is bool) jsontext.Value {
	if is {
		return jsontext.Value("true")
	}
	return jsontext.Value("false")
}

// Patch sends changes, behind a read. A deactivation is several requests, each of which may
// be repeated: what is there decides what is sent.
func (a users) Patch(ctx context.Context, id string, changes []scim.Change) (*scim.Resource, error) {
	var edits []edit
	var on, off bool
	for _, ch := range changes {
		if ch.Path.Equal(active) {
			is, ok := ch.After.AsBool()
			if !ok {
				return nil, app.Refuse(app.Terminal, "active is neither true nor false")
			}
			on, off = is, !is
			continue
		}
		p, err := placeOf(a.places, ch.Path)
		if err != nil {
			return nil, &app.Error{Class: app.Terminal, Err: err}
		}
		e, err := newEdit(p, ch.After)
		if err != nil {
			return nil, err
		}
		edits = append(edits, e)
	}
	u, err := a.read(ctx, id)
	if err != nil {
		return nil, err
	}
	switch {
	case off:
		u, err = a.disable(ctx, u, edits)
	case on:
		u, err = a.enable(ctx, u, edits)
	default:
		u, err = a.put(ctx, u, edits, nil)
	}
	if err != nil {
		return nil, err
	}
	return a.shown(&u), nil
}

// put writes to a user in one request. What of it is as it should be is not sent; if that
// is all, nothing is.
func (a *App) put(ctx context.Context, u google.User, edits []edit, suspended *bool) (google.User, error) {
	var left []edit
	for _, e := range edits {
		if !e.held(&u) {
			left = append(left, e)
		}
	}
	fields, err := apply(&u, left)
	if err != nil {
		return u, err
	}
	if suspended != nil {
		fields["suspended"] = boolean(*suspended)
	}
	if len(fields) == 0 {
		return u, nil
	}
	for first := true; ; first = false {
		is, err := a.client.UpdateUser(ctx, u.ID, fields)
		if !google.IsTaken(err) {
			return is, err
		}
		// Google has been seen to say so of what was done. And an address that was given up
		// is an alias of the same user, which keeps it from being theirs again.
		now, rerr := a.client.User(ctx, u.ID)
		if rerr != nil {
			return u, app.Half(ctx, rerr, "whether the change was made is not known")
		}
		if holds(&now, left) && (suspended == nil || now.Suspended == *suspended) {
			return now, nil
		}
		alias := own(&now, left)
		if alias == "" || !first {
			return u, err
		}
		if err := a.client.DeleteAlias(ctx, u.ID, alias); err != nil {
			return u, err
		}
	}
}

func holds(u *google.User, edits []edit) bool {
	for _, e := range edits {
		if !e.held(u) {
			return false
		}
	}
	return true
}

// own is the address that edits want, if it is an alias of the same user.
func own(u *google.User, edits []edit) string {
	for _, e := range edits {
		for _, alias := range u.Aliases {
			if e.place.field == "primaryEmail" && strings.EqualFold(alias, e.text) {
				return alias
			}
		}
	}
	return ""
}

// Get reads a user, who is active unless suspended or archived.
func (a users) Get(ctx context.Context, id string) (*scim.Resource, error) {
	u, err := a.client.User(ctx, id)
	switch {
	case google.IsForbidden(err):
		return nil, a.alone(ctx, id, err)
	case err != nil:
		return nil, err
	}
	return a.shown(&u), nil
}

// Find looks users up by userName or e-mail address, which Google answers by itself, and by
// externalId, of which it answers what its index knows, read again.
func (a users) Find(ctx context.Context, attribute scim.Path, value string) ([]*scim.Resource, error) {
	switch {
	case attribute.Equal(userName) || strings.EqualFold(attribute.Attr, "emails"):
		u, found, err := a.client.UserByAddress(ctx, value)
		switch {
		case google.IsForbidden(err):
			return nil, a.alone(ctx, value, err)
		case err != nil || !found:
			return nil, err
		case !strings.EqualFold(u.PrimaryEmail, value):
			return nil, app.Refuse(app.Terminal, "the address is an alias of another user, as one that was given up for another is: take it away from user %s in Google, or give this person another", u.ID)
		}
		return []*scim.Resource{a.shown(&u)}, nil
	case attribute.Equal(externalID):
		list, err := a.client.UsersByExternalID(ctx, value)
		if err != nil {
			return nil, err
		}
		var hits []*scim.Resource
		for i := range list {
			if r := a.shown(&list[i]); r.ExternalID() == value { // a number of somebody's may be the same
				hits = append(hits, r)
			}
		}
		return hits, nil
	}
	return nil, app.Refuse(app.Terminal, "Google does not search by %s", attribute)
}

// List lists all users, suspended ones, too.
func (a users) List(ctx context.Context) iter.Seq2[*scim.Resource, error] {
	return func(yield func(*scim.Resource, error) bool) {
		for u, err := range a.client.Users(ctx) {
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(a.shown(&u), nil) {
				return
			}
		}
	}
}

// Delete deletes a user for good, with mail and files.
func (a users) Delete(ctx context.Context, id string) error {
	switch _, err := a.read(ctx, id); {
	case google.IsNotFound(err):
		return nil
	case err != nil:
		return err
	}
	return a.client.DeleteUser(ctx, id)
}
