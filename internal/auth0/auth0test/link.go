// SPDX-License-Identifier: Apache-2.0

package auth0test

import (
	"errors"
	"net/http"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// linkUser is POST /users/:id/identities: the user becomes the primary of another one,
// which so ceases to be a user of its own.
func linkUser(c *call) (answer, error) {
	var want struct {
		Provider     string                `json:"provider"`
		ConnectionID string                `json:"connection_id"`
		UserID       field[jsontext.Value] `json:"user_id"`
		LinkWith     string                `json:"link_with"`
	}
	if err := c.read(&want); err != nil {
		return answer{}, err
	}
	bad := func(message string) (answer, error) {
		return answer{}, refuse(http.StatusBadRequest, "invalid_body", message)
	}
	primary, err := c.user()
	switch {
	case err != nil:
		return answer{}, err
	case want.LinkWith != "":
		return bad("Invalid token (link_with).") // no user has a token of this fake
	case want.Provider == "" || !want.UserID.set:
		return answer{}, badBody("Missing required property: provider and user_id")
	case want.ConnectionID != "" && c.connectionByID(want.ConnectionID) == nil:
		return bad("The provider/connection is not configured.")
	}
	id := want.Provider + "|" + plain(want.UserID.value)
	if slices.ContainsFunc(primary.Identities, func(i Identity) bool { return i.id() == id }) {
		if primary.ID == id {
			return bad("Main identity and the new one are the same.")
		}
		return answer{}, refuse(http.StatusConflict, "identity_conflict", "Specified identity already exists.")
	}
	secondary := c.find(id)
	if secondary == nil {
		if c.users.taken["id\x00"+id] != "" {
			return answer{}, refuse(http.StatusConflict, "identity_conflict", "Specified identity already exists.")
		}
		return bad("Provided secondary account not found.")
	}
	return created(c.link(c.by, primary, secondary).appendIdentities(nil))
}

// link moves the identities of one user to another. Sessions, roles and metadata of the
// one are lost. It is told as user.deleted and user.updated, first the one and next
// time the other, as no order is promised.
func (t *Tenant) link(by cause, primary, secondary *User) *User {
	now := primary.clone()
	for i, id := range secondary.Identities {
		if i == 0 {
			id.Profile = secondary.linkedProfile()
		}
		now.Identities = append(now.Identities, id)
	}
	now.UpdatedAt = t.now()
	t.put(secondary, nil)
	t.put(primary, now)
	t.forget(secondary.ID)
	t.note(by, Linked, "user", primary.ID, secondary.ID)
	t.log.links++
	if t.log.links%2 == 1 {
		t.tell(by, "user.deleted", secondary)
		t.tell(by, "user.updated", now)
	} else {
		t.tell(by, "user.updated", now)
		t.tell(by, "user.deleted", secondary)
	}
	return now
}

// linkedProfile is what a linked identity keeps of the user that it was.
func (u *User) linkedProfile() jsontext.Value {
	var o object
	o.text("email", u.Email)
	if u.Email != "" {
		o.flag("email_verified", u.EmailVerified)
	}
	o.text("username", u.Username)
	o.text("phone_number", u.PhoneNumber)
	o.text("name", u.Name)
	o.text("given_name", u.GivenName)
	o.text("family_name", u.FamilyName)
	o.text("nickname", u.Nickname)
	o.text("picture", u.Picture)
	return o.end()
}

// unlinkUser is DELETE /users/:id/identities/:provider/:user_id.
func unlinkUser(c *call) (answer, error) {
	u, err := c.user()
	if err != nil {
		return answer{}, err
	}
	id := c.args["provider"] + "|" + c.args["user_id"]
	i := slices.IndexFunc(u.Identities, func(i Identity) bool { return i.id() == id })
	switch i {
	case -1:
		return answer{}, refuse(http.StatusNotFound, "inexistent_identity", "The identity does not exist.")
	case 0:
		return answer{}, refuse(http.StatusBadRequest, "invalid_body", "Main identity cannot be removed.")
	}
	return ok(c.unlink(c.by, u, i).appendIdentities(nil))
}

// unlink makes an identity a user of its own again. That it is told as user.updated and
// user.created was not verified on a live tenant.
func (t *Tenant) unlink(by cause, u *User, place int) *User {
	id := u.Identities[place]
	alone := &User{ID: id.id(), CreatedAt: t.now(), UpdatedAt: t.now()}
	kept := members(id.Profile)
	for name, into := range map[string]*string{
		"email": &alone.Email, "username": &alone.Username, "phone_number": &alone.PhoneNumber, "name": &alone.Name,
		"given_name": &alone.GivenName, "family_name": &alone.FamilyName, "nickname": &alone.Nickname, "picture": &alone.Picture,
	} {
		*into = plain(kept[name])
	}
	alone.EmailVerified = plain(kept["email_verified"]) == "true"
	id.Profile = nil
	alone.Identities = []Identity{id}
	now := u.clone()
	now.Identities = slices.Delete(now.Identities, place, place+1)
	now.UpdatedAt = t.now()
	t.put(u, now)
	t.put(nil, alone)
	t.note(by, Unlinked, "user", u.ID, alone.ID)
	t.tell(by, "user.updated", now)
	t.tell(by, "user.created", alone)
	return now
}

// Link links one user to another, as an administrator, or an Action, might.
func (t *Tenant) Link(primary, secondary string) error {
	t.Lock()
	defer t.Unlock()
	p, s := t.find(primary), t.find(secondary)
	if p == nil || s == nil || p == s {
		return errors.New("there are no two users " + primary + " and " + secondary)
	}
	t.link(administrator(), p, s)
	return nil
}

// Unlink makes a linked user one of its own again.
func (t *Tenant) Unlink(primary, secondary string) error {
	t.Lock()
	defer t.Unlock()
	p := t.find(primary)
	if p != nil {
		if i := slices.IndexFunc(p.Identities, func(i Identity) bool { return i.id() == secondary }); i > 0 {
			t.unlink(administrator(), p, i)
			return nil
		}
	}
	return errors.New("there is no user " + secondary + " linked to " + primary)
}
