// SPDX-License-Identifier: Apache-2.0

package auth0test

import (
	"net/http"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// patchUser is PATCH /users/:id. Metadata merge by their top level, everything else is
// replaced. A password that is set lifts the block by an administrator.
func patchUser(c *call) (answer, error) {
	old, err := c.user()
	if err != nil {
		return answer{}, err
	}
	var want struct {
		profile
		ClientID field[string] `json:"client_id"`
	}
	if err := c.read(&want); err != nil {
		return answer{}, err
	}
	if err := want.check(); err != nil {
		return answer{}, err
	}
	con, place, err := c.patched(old, &want.profile)
	if err != nil {
		return answer{}, err
	}
	if err := want.together(); err != nil {
		return answer{}, err
	}
	if err := want.changeable(con, place); err != nil {
		return answer{}, err
	}
	now := old.clone()
	if place == 0 {
		want.apply(now)
		if con.database() {
			now.Email, now.Username = strings.ToLower(now.Email), strings.ToLower(now.Username)
		}
		if want.Email.set && !want.EmailVerified.set && now.Email != old.Email {
			now.EmailVerified = false // not verified on a live tenant
		}
	} else {
		want.applyLinked(now, place)
	}
	if want.Password.set && !want.Blocked.set {
		now.Blocked = false
	}
	if field := c.conflict(old, now); field != "" {
		return answer{}, refuse(c.cfg.EmailTaken, "auth0_idp_error", "The specified new "+field+" already exists")
	}
	if err := fits(now); err != nil {
		return answer{}, err
	}
	if c.by.Void {
		now.UpdatedAt = c.now
		return ok(now.json())
	}
	c.update(c.by, old, now)
	if want.VerifyEmail.value && now.Email != "" && !now.EmailVerified {
		c.mail(c.by, Mail{To: now.Email, Kind: MailVerify, UserID: now.ID, Connection: con.Name})
	}
	return ok(now.json())
}

// patched finds the identity that a change is about: the user's own, or the one of the
// connection that is named.
func (c *call) patched(u *User, p *profile) (*Connection, int, error) {
	place := 0
	if p.Connection.set {
		if c.connection(p.Connection.value) == nil {
			return nil, 0, refuse(http.StatusBadRequest, "inexistent_connection", "The connection does not exist.")
		}
		place = slices.IndexFunc(u.Identities, func(i Identity) bool { return i.Connection == p.Connection.value })
		if place < 0 {
			return nil, 0, refuse(http.StatusBadRequest, "invalid_body", "The user does not have an identity of the connection.")
		}
	}
	con := c.connection(u.Identities[place].Connection)
	if con == nil {
		con = &Connection{Name: u.Identities[place].Connection, Strategy: u.Identities[place].Provider}
	}
	return con, place, nil
}

// together refuses the pairs of which the reference says that they cannot be changed
// at once.
func (p *profile) together() error {
	for _, pair := range []struct {
		both  bool
		names string
	}{
		{p.Password.set && p.Email.set, "password and email"},
		{p.Password.set && p.EmailVerified.set, "password and email_verified"},
		{p.Username.set && p.Email.set, "username and email"},
		{p.Username.set && p.EmailVerified.set, "username and email_verified"},
		{p.Username.set && p.Password.set, "username and password"},
	} {
		if pair.both {
			return refuse(http.StatusBadRequest, "invalid_body", "Cannot update "+pair.names+" simultaneously.")
		}
	}
	return nil
}

// changeable refuses what a connection does not let the API change.
func (p *profile) changeable(con *Connection, place int) error {
	no := func(message string) error { return refuse(http.StatusBadRequest, "operation_not_supported", message) }
	shown := p.Name.set || p.GivenName.set || p.FamilyName.set || p.Nickname.set || p.Picture.set
	switch {
	case p.Email.set && !con.database() && con.Strategy != "email":
		return no("Cannot update email for non-database user.")
	case p.Password.set && !con.database():
		return no("Connection is not supported for this operation.")
	case p.EmailVerified.set && !con.database() && !con.social():
		return no("Email verification is not supported for enterprise users.")
	case p.Username.set && !con.RequiresUsername:
		return refuse(http.StatusBadRequest, "invalid_body", "Cannot set username for connection without requires_username.")
	case len(p.Username.value) > con.MostUsername && con.MostUsername > 0:
		return badBody("Username is too long")
	case shown && place > 0:
		return no("The following user attributes cannot be updated: family_name, given_name, name, nickname, picture. The specified connection belongs to a secondary identity.")
	case shown && !con.database() && !con.passwordless() && !con.KeepsProfile:
		return no("The following user attributes cannot be updated: family_name, given_name, name, nickname, picture. The connection must either be a database connection (using the Auth0 store), a passwordless connection (email or sms) or has disabled 'Sync user profile attributes at each login'.")
	case p.Email.null && con.database(), p.Username.null && con.RequiresUsername:
		return badBody("A user of a database keeps its email and username")
	}
	return nil
}

// applyLinked writes what belongs to a linked identity into its profile, and the rest
// to the user.
func (p *profile) applyLinked(u *User, place int) {
	over := object{}
	for _, f := range []struct {
		name string
		from field[string]
	}{{"email", p.Email}, {"username", p.Username}, {"phone_number", p.PhoneNumber}} {
		if f.from.set {
			over.text(f.name, strings.ToLower(f.from.value))
		}
	}
	if p.EmailVerified.set {
		over.flag("email_verified", p.EmailVerified.value)
	}
	u.Identities[place].Profile = merged(u.Identities[place].Profile, jsontext.Value(over.end()))
	rest := *p
	rest.Email, rest.Username, rest.PhoneNumber = field[string]{}, field[string]{}, field[string]{}
	rest.EmailVerified, rest.PhoneVerified = field[bool]{}, field[bool]{}
	rest.apply(u)
}
