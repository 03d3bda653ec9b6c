// SPDX-License-Identifier: Apache-2.0

package entraapp

import (
	"context"
	"crypto/rand"
	"errors"
	"iter"
	"net/http"
	"strings"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/entra"
	"github.com/usher-id/usher/scim"
)

// shown is a user as a SCIM resource, with all that has a place.
func (a *App) shown(u *entra.User) *scim.Resource {
	r := scim.NewResource(scim.UserURN)
	r.SetID(u.ID)
	if a.id != "" {
		if id := u.Text(a.id); id != "" {
			r.SetExternalID(id)
		}
	}
	for _, p := range a.places {
		s := u.Text(p.name)
		switch {
		case s == "" || p.path.Equal(primaryEmail):
		case p.path.Equal(workEmail): // the one address is of both kinds that a mapping may ask for
			var o scim.Object
			o.Set("value", scim.String(s))
			o.Set("type", scim.String("work"))
			o.Set("primary", scim.Bool(true))
			r.Set("emails", scim.List(scim.Complex(o)))
		default:
			_ = r.Put(p.path, scim.String(s)) // the table's paths can be written
		}
	}
	if u.Known {
		r.SetActive(u.Enabled)
	}
	r.SetMeta(u.Created, u.Created, "")
	return r
}

// users are those of a tenant.
type users struct{ *App }

// Create makes a user with a password that nobody knows, who can sign in unless active is
// false.
func (a users) Create(ctx context.Context, r *scim.Resource) (*scim.Resource, error) {
	props := entra.Props{}
	for _, p := range a.places {
		v, ok := r.At(p.path)
		if !ok || v.IsUnassigned() {
			continue
		}
		if err := set(props, p, v); err != nil {
			return nil, err
		}
	}
	if props[nickname] == "" {
		props[nickname] = nicknameOf(props["userPrincipalName"])
	}
	if id := r.ExternalID(); id != "" && a.id != "" {
		if err := a.tooLong(id); err != nil {
			return nil, err
		}
		props[a.id] = id
	}
	on, known := r.Active()
	u, err := a.client.CreateUser(ctx, entra.NewUser{Enabled: on || !known, Password: password(), ChangePassword: a.change, Props: props})
	if err != nil {
		return nil, err
	}
	return a.shown(&u), nil
}

// password is one that Entra takes, whatever it demands (upper and lower case, digits and
// a sign, up to 256 characters), of 260 random bits. It is kept nowhere.
func password() string { return rand.Text() + "-" + strings.ToLower(rand.Text()) + "-9aA" }

const mostNickname = 64

// nicknameOf makes what a user must have of what stands before the @ of its name.
func nicknameOf(name string) string {
	first, _, _ := strings.Cut(name, "@")
	nick := strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' || strings.ContainsRune("@()\\[]\";:<>,", r) {
			return -1
		}
		return r
	}, first)
	return nick[:min(len(nick), mostNickname)]
}

// set takes an attribute's value into properties.
func set(props entra.Props, p place, v scim.Value) error {
	s, ok := v.AsString()
	switch {
	case !ok && !v.IsUnassigned():
		return app.Refuse(app.Terminal, "%s is no text", p.path)
	case s == "" && p.needed:
		return app.Refuse(app.Terminal, "%s is the user's %s, and there is no user without", p.path, p.name)
	case s == "" && p.stays:
		return app.Refuse(app.Terminal, "%s is the user's %s, which can be changed, and not taken away", p.path, p.name)
	}
	props[p.name] = strings.ToValidUTF8(s, "\uFFFD")
	return nil
}

// Patch sends changes. Before a change there is a look at the user and their roles. A deactivation
// is seven requests at most and an activation three, each of which may be repeated.
func (a users) Patch(ctx context.Context, id string, changes []scim.Change) (*scim.Resource, error) {
	props := entra.Props{}
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
			if err := a.tooLong(s); err != nil {
				return nil, err
			}
			props[a.id] = s
		default:
			p, err := placeOf(a.places, ch.Path)
			if err != nil {
				return nil, &app.Error{Class: app.Terminal, Err: err}
			}
			if err := set(props, p, ch.After); err != nil {
				return nil, err
			}
		}
	}
	switch {
	case off:
		u, err := a.disable(ctx, id, props)
		if err != nil {
			return nil, err
		}
		return a.shown(&u), nil
	case on:
		return nil, a.enable(ctx, id, props)
	}
	if _, err := a.mine(ctx, id); err != nil {
		return nil, err
	}
	return nil, a.client.UpdateUser(ctx, id, props, nil)
}

// Get reads a user, and whether it has a role of administration, unless it carries our id.
func (a users) Get(ctx context.Context, id string) (*scim.Resource, error) {
	u, err := a.client.User(ctx, id)
	if err != nil {
		return nil, err
	}
	return a.weighed(ctx, &u)
}

// weighed is a user with what there is against its being taken over.
func (a *App) weighed(ctx context.Context, u *entra.User) (*scim.Resource, error) {
	r := a.shown(u)
	if u.Guest {
		app.AlsoDoubt(r, "it is a guest, who belongs to another tenant")
	}
	if u.Synced {
		app.AlsoDoubt(r, onPremises)
	}
	if r.ExternalID() != "" {
		return r, nil
	}
	roles, err := a.client.Roles(ctx, u.ID)
	switch {
	case notOurs(err):
		app.AlsoDoubt(r, "whether it has a role of administration may not be asked (User.Read.All)")
	case err != nil:
		return nil, err
	}
	app.SetAdministrator(r, maker, roles...)
	return r, nil
}

// notOurs says that we may not ask, in Graph's own words.
func notOurs(err error) bool {
	e, ok := errors.AsType[*entra.Error](err)
	return ok && e.Status == http.StatusForbidden && !e.Foreign
}

// Find looks users up by userName, the work address, or externalId if it has a place. By
// anything but the name it is what the filter tells of, read again.
func (a users) Find(ctx context.Context, attribute scim.Path, value string) ([]*scim.Resource, error) {
	var found []entra.User
	var err error
	switch {
	case attribute.Equal(userName):
		var u entra.User
		var there bool
		if u, there, err = a.client.UserByName(ctx, value); there {
			found = append(found, u)
		}
	case attribute.Equal(externalID) && a.id != "":
		found, err = a.client.UsersBy(ctx, a.id, value)
	case strings.EqualFold(attribute.Attr, "emails"):
		found, err = a.client.UsersBy(ctx, "mail", value)
	default:
		return nil, app.Refuse(app.Terminal, "Entra does not search by %s", attribute)
	}
	if err != nil {
		return nil, err
	}
	var hits []*scim.Resource
	for i := range found {
		r, err := a.weighed(ctx, &found[i])
		switch {
		case entra.IsNotFound(err): // it is gone meanwhile
			continue
		case err != nil:
			return nil, err
		case attribute.Equal(externalID) && r.ExternalID() != value: // whose case counts
			continue
		}
		hits = append(hits, r)
	}
	return hits, nil
}

// List lists all users but guests, who belong to other tenants.
func (a users) List(ctx context.Context) iter.Seq2[*scim.Resource, error] {
	return func(yield func(*scim.Resource, error) bool) {
		for u, err := range a.client.Users(ctx) {
			switch {
			case err != nil:
				yield(nil, err)
				return
			case u.Guest:
				continue
			}
			if !yield(a.shown(&u), nil) {
				return
			}
		}
	}
}

// Delete deletes a user, who can be restored for 30 days.
func (a users) Delete(ctx context.Context, id string) error {
	u, err := a.mine(ctx, id)
	switch {
	case entra.IsNotFound(err):
		return nil
	case err != nil:
		return err
	}
	return a.client.DeleteUser(ctx, u.ID)
}
