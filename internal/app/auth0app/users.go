// SPDX-License-Identifier: Apache-2.0

package auth0app

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"net/http"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/auth0"
	"github.com/usher-id/usher/scim"
)

// database is the provider of every user of a database connection: what stands before
// the first bar of a user_id.
const database = "auth0|"

// shown is a user as a SCIM resource, with all that has a place. It is inactive if it
// is blocked; what else it takes to be out is [App.out].
func (a *App) shown(u *auth0.User) *scim.Resource {
	r := scim.NewResource(scim.UserURN)
	r.SetID(u.ID)
	if id := textOf(u.AppMetadata[keyID]); id != "" {
		r.SetExternalID(id)
	}
	for _, p := range a.places {
		if p.name == "email" && !p.path.Equal(userName) {
			continue
		}
		if s := p.read(u); s != "" {
			_ = r.Put(p.path, scim.String(s)) // the table's paths can be written
		}
	}
	if u.Email != "" { // one value, which is of both kinds that a mapping may ask for
		var o scim.Object
		o.Set("value", scim.String(u.Email))
		o.Set("type", scim.String("work"))
		o.Set("primary", scim.Bool(true))
		r.Set("emails", scim.List(scim.Complex(o)))
	}
	r.SetActive(!u.Blocked)
	r.SetMeta(u.CreatedAt, u.UpdatedAt, "")
	return r
}

// ours says that a user is of the connection. Its first identity is the user's own.
func (a *App) ours(u *auth0.User) bool {
	return len(u.Identities) > 0 && u.Identities[0].Connection == a.cfg.Connection
}

func (a *App) createUser(ctx context.Context, r *scim.Resource) (*scim.Resource, error) {
	c := auth0.UserChange{Connection: a.cfg.Connection, UserID: r.ExternalID(), Password: app.RandomPassword()}
	if err := checkID(c.UserID); err != nil {
		return nil, err
	}
	for _, p := range a.places {
		v, ok := r.At(p.path)
		if !ok || v.IsUnassigned() {
			continue
		}
		if err := a.set(&c, p, v); err != nil {
			return nil, err
		}
	}
	put(&c.AppMetadata, keyID, textIn(c.UserID))
	c.EmailVerified, c.VerifyEmail = new(false), new(false)
	// Whoever is to choose a password is blocked until they can: a crash, or a mail that
	// cannot be sent, leaves an account that shows as inactive, and enabling it goes on
	// from there.
	if a.chooses() {
		c.Blocked = new(true)
		put(&c.AppMetadata, keyPending, textIn(pendingPassword))
	}
	on, known := r.Active()
	wait := known && !on // who is to have no way in yet gets none: enabling leads to a password
	if wait {
		c.Blocked = new(true)
	}
	u, err := a.client.CreateUser(ctx, c)
	if err != nil {
		return nil, hide(app.FromRest(ctx, err), c.Password)
	}
	if !a.chooses() || wait {
		return a.shown(&u), nil
	}
	// What was sent, should the answer leave it out.
	put(&u.AppMetadata, keyID, textIn(c.UserID))
	put(&u.AppMetadata, keyPending, textIn(pendingPassword))
	done, err := a.enable(ctx, &u, auth0.UserChange{})
	if err != nil {
		// The user is there: the look-up that follows finds it, and finds it inactive.
		e := *app.Classify(app.Wrap(app.FromRest(ctx, err), "the user is made and still blocked"))
		e.Class = app.Ambiguous
		return nil, &e
	}
	return a.shown(&done), nil
}

// set takes an attribute's value into a change.
func (a *App) set(c *auth0.UserChange, p place, v scim.Value) error {
	s, ok := v.AsString()
	switch {
	case !ok && !v.IsUnassigned():
		return app.Refuse(app.Terminal, "%s is no text", p.path)
	case s == "" && p.needed:
		return app.Refuse(app.Terminal, "%s is the user's %s, and there is no user without", p.path, p.name)
	case p.name == "email" && !isAddress(s):
		return app.Refuse(app.Terminal, "%s is to be the user's e-mail address, and is none", p.path)
	case p.needed:
		s = strings.ToLower(s) // as a database keeps it
	}
	p.write(c, s)
	return nil
}

// isAddress keeps out what cannot be an e-mail address at all. Auth0 says the rest.
func isAddress(s string) bool {
	name, domain, ok := strings.Cut(s, "@")
	return ok && name != "" && domain != "" && !strings.ContainsAny(s, " \t\r\n<>,;\"") && !strings.Contains(domain, "@")
}

// maxID is how long an externalId may be, which becomes a part of an id, of a path and of a
// file's name.
const maxID = 128

// checkID keeps what has a meaning of its own out of an id.
func checkID(id string) error {
	if id == "" || len(id) > maxID || id[0] == '.' || strings.ContainsFunc(id, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("._-@+", r)
	}) {
		return app.Refuse(app.Terminal, "the externalId becomes the user's id: it must be 1 to %d letters, digits and . _ - @ +, and begin with no dot", maxID)
	}
	return nil
}

// patchUser sends changes. A user name and an address cannot change in one request
// (Auth0 refuses that), so those go in two; both may be sent again.
func (a *App) patchUser(ctx context.Context, id string, changes []scim.Change) (*scim.Resource, error) {
	var c auth0.UserChange
	var on, off bool
	for _, ch := range changes {
		switch {
		case ch.Path.Equal(active):
			is, ok := ch.After.AsBool()
			if !ok {
				return nil, app.Refuse(app.Terminal, "active is neither true nor false")
			}
			on, off = is, !is
		case ch.Path.Equal(externalID):
			s, _ := ch.After.AsString()
			if err := checkID(s); err != nil {
				return nil, err
			}
			put(&c.AppMetadata, keyID, textIn(s))
		default:
			p, err := placeOf(a.places, ch.Path)
			if err != nil {
				return nil, &app.Error{Class: app.Terminal, Err: err}
			}
			if err := a.set(&c, p, ch.After); err != nil {
				return nil, err
			}
		}
	}
	if c.Email != nil { // what HR says is as little verified as it was at the start
		c.EmailVerified, c.VerifyEmail = new(false), new(false)
	}
	if c.Email != nil && c.Username != nil {
		if _, err := a.client.UpdateUser(ctx, id, auth0.UserChange{Username: c.Username}); err != nil {
			return nil, err
		}
		c.Username = nil
	}
	var u auth0.User
	var err error
	switch {
	case off:
		u, err = a.disable(ctx, id, c)
	case on:
		if u, err = a.client.User(ctx, id); err == nil {
			u, err = a.enable(ctx, &u, c)
		}
	default:
		u, err = a.client.UpdateUser(ctx, id, c)
	}
	if err != nil {
		return nil, err
	}
	return a.shown(&u), nil
}

// Weight is how many requests a Create or a Patch takes at most, see [app.Limit].
func (a *App) Weight(kind app.Kind, changes []scim.Change) int {
	switch {
	case kind == app.KindGroup && len(changes) > 0:
		return 2 // it is read before
	case kind == app.KindUser && len(changes) == 0 && a.chooses():
		return 3
	}
	n, written := 1, map[string]bool{}
	for _, c := range changes {
		if p, err := placeOf(a.places, c.Path); err == nil {
			written[p.name] = true
		}
		on, known := c.After.AsBool()
		switch {
		case !known || !c.Path.Equal(active):
		case on && a.chooses():
			n = 3 // if they still wait for the way to a password
		case on:
			n = 2
		case !a.cfg.KeepSessions:
			n = 5
		}
	}
	if written["username"] && written["email"] {
		n++
	}
	return n
}

// getUser reads a user of the connection, and says whether it is out.
func (a *App) getUser(ctx context.Context, id string) (*scim.Resource, error) {
	u, err := a.client.User(ctx, id)
	if auth0.IsNotFound(err) {
		err = cmp.Or(a.linkedAway(ctx, id), err)
	}
	if err != nil {
		return nil, err
	}
	if !a.ours(&u) {
		return nil, app.Refuse(app.Terminal, "the user is not of the connection %s: look after it by hand", a.cfg.Connection)
	}
	return a.seen(ctx, &u)
}

// seen is a user as it is shown to those who look it up: inactive if it is out.
func (a *App) seen(ctx context.Context, u *auth0.User) (*scim.Resource, error) {
	r := a.shown(u)
	out, err := a.out(ctx, u)
	r.SetActive(!out)
	return r, err
}

// deleteUser deletes a user. That it is not there is no error of the client's, and none
// here if it is not part of another one, either.
func (a *App) deleteUser(ctx context.Context, id string) error {
	if _, err := a.client.User(ctx, id); auth0.IsNotFound(err) {
		return a.linkedAway(ctx, id)
	} else if err != nil {
		return err
	}
	return a.client.DeleteUser(ctx, id)
}

// findUser looks users up: by the id that they were made under, by their address, and
// by their user name where they have one.
func (a *App) findUser(ctx context.Context, attribute scim.Path, value string) ([]*scim.Resource, error) {
	var users []auth0.User
	var err error
	switch {
	case attribute.Equal(externalID):
		users, err = a.byExternalID(ctx, value)
	case attribute.Equal(userName) && a.cfg.Usernames:
		users, err = a.byUsername(ctx, value)
	case attribute.Equal(userName), strings.EqualFold(attribute.Attr, "emails"):
		users, err = a.client.UsersByEmail(ctx, strings.ToLower(value))
		users = slices.DeleteFunc(users, func(u auth0.User) bool { return !strings.EqualFold(u.Email, value) && !a.linked(&u) })
	default:
		return nil, app.Refuse(app.Terminal, "Auth0 does not search by %s", attribute)
	}
	if err != nil {
		return nil, err
	}
	var hits []*scim.Resource
	for i := range users {
		if a.linked(&users[i]) {
			return nil, a.isLinked(&users[i])
		}
		if !a.ours(&users[i]) {
			continue
		}
		r, err := a.seen(ctx, &users[i])
		if err != nil {
			return nil, err
		}
		if err := a.doubt(ctx, r, &users[i], a.rolesOf); err != nil {
			return nil, err
		}
		if attribute.Equal(externalID) && r.ExternalID() == "" {
			app.AlsoDoubt(r, "it has the id that we would give, and not our mark")
		}
		hits = append(hits, r)
	}
	return hits, nil
}

// byExternalID finds the user that was made for somebody, who has our mark from the
// create on, also from one whose answer was lost. One without it may have been imported
// under the same number, and is somebody's for a person to say. One that was there
// before Usher has another id; who it is, its account's row says, and a list.
func (a *App) byExternalID(ctx context.Context, value string) ([]auth0.User, error) {
	if checkID(value) != nil {
		return nil, nil // nobody can be made under it
	}
	u, err := a.client.User(ctx, database+value)
	switch {
	case auth0.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, err
	}
	if id := textOf(u.AppMetadata[keyID]); id != "" && id != value {
		return nil, nil // somebody else's by now
	}
	return []auth0.User{u}, nil
}

// byUsername finds users by a search, which lags behind: that it finds nobody proves
// nothing, and nothing hangs on it, as who is there is asked by id. Whom it finds is
// read again.
func (a *App) byUsername(ctx context.Context, value string) ([]auth0.User, error) {
	if strings.ContainsAny(value, "\"\\*?") {
		return nil, nil // which no user name holds, and which mean something in a query
	}
	var users []auth0.User
	for hit, err := range a.client.Search(ctx, `username:"`+value+`"`, a.cfg.Connection) {
		if err != nil {
			return nil, err
		}
		u, err := a.client.User(ctx, hit.ID)
		switch {
		case auth0.IsNotFound(err):
		case err != nil:
			return nil, err
		case strings.EqualFold(u.Username, value):
			users = append(users, u)
		}
	}
	return users, nil
}

// listUsers exports the connection. Whoever is blocked is asked for sessions, so that
// nobody is taken for out by a list who is not.
func (a *App) listUsers(ctx context.Context) iter.Seq2[*scim.Resource, error] {
	return func(yield func(*scim.Resource, error) bool) {
		all := &everyRole{client: a.client}
		connection, err := a.connectionID(ctx)
		if err != nil {
			yield(nil, app.FromRest(ctx, err))
			return
		}
		for u, err := range a.client.Export(ctx, connection, names(a.places)) {
			if err != nil {
				yield(nil, app.FromRest(ctx, err))
				return
			}
			if !a.ours(&u) {
				continue
			}
			r, err := a.listed(ctx, &u, all)
			if err != nil {
				yield(nil, app.FromRest(ctx, err))
				return
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}

// listed is a user as a list shows it. That it may not be known whether somebody who was
// there before us is signed in is a doubt, and keeps nobody else from being listed.
func (a *App) listed(ctx context.Context, u *auth0.User, all *everyRole) (*scim.Resource, error) {
	r, err := a.seen(ctx, u)
	if e := app.Classify(err); e != nil && e.Class == app.Terminal && r.ExternalID() == "" {
		app.AlsoDoubt(r, "whether somebody is signed in by it may not be known")
		err = nil
	}
	if err != nil {
		return nil, err
	}
	return r, a.doubt(ctx, r, u, all.of)
}

// connectionID is the connection's id, by which an export is of it alone; "" if we may
// not ask for it, which costs an export of all users of the tenant.
func (a *App) connectionID(ctx context.Context) (string, error) {
	c, found, err := a.client.ConnectionByName(ctx, a.cfg.Connection)
	if e, ok := errors.AsType[*auth0.Error](err); ok && e.Status == http.StatusForbidden {
		return "", nil
	}
	switch {
	case err != nil:
		return "", err
	case !found:
		return "", app.Refuse(app.Terminal, "the tenant has no connection %s", a.cfg.Connection)
	case c.Strategy != "auth0":
		return "", app.Refuse(app.Terminal, "the connection %s is no database, and its users are not ours to make; inbound SCIM is the way there (profile auth0-inbound-scim)", a.cfg.Connection)
	}
	return c.ID, nil
}

// pendingOf is what is still to be done with a user, "" for nothing.
func pendingOf(u *auth0.User) string { return textOf(u.AppMetadata[keyPending]) }

var null = jsontext.Value("null")
