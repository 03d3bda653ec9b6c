// SPDX-License-Identifier: Apache-2.0

package auth0test

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	maxProfile    = 10 << 10 // bytes of a user as JSON
	leastPassword = 8
	mostUsername  = 15 // by default of a database
)

// profile are the members that POST and PATCH of a user share.
type profile struct {
	Connection    field[string]         `json:"connection"`
	Email         field[string]         `json:"email"`
	EmailVerified field[bool]           `json:"email_verified"`
	VerifyEmail   field[bool]           `json:"verify_email"`
	Username      field[string]         `json:"username"`
	Password      field[string]         `json:"password"`
	PhoneNumber   field[string]         `json:"phone_number"`
	PhoneVerified field[bool]           `json:"phone_verified"`
	Name          field[string]         `json:"name"`
	GivenName     field[string]         `json:"given_name"`
	FamilyName    field[string]         `json:"family_name"`
	Nickname      field[string]         `json:"nickname"`
	Picture       field[string]         `json:"picture"`
	Blocked       field[bool]           `json:"blocked"`
	AppMetadata   field[jsontext.Value] `json:"app_metadata"`
	UserMetadata  field[jsontext.Value] `json:"user_metadata"`
}

var addressShape = regexp.MustCompile(`^[^@\s]+@[^@\s]+\.[^@\s.]+$`)

// check looks at what can be judged without knowing the user.
func (p *profile) check() error {
	for _, f := range []field[jsontext.Value]{p.AppMetadata, p.UserMetadata} {
		if f.set && !f.null && f.value.Kind() != '{' {
			return badBody("Expected type object on property app_metadata or user_metadata")
		}
	}
	if p.Email.set && !p.Email.null && !addressShape.MatchString(p.Email.value) {
		return badBody("Object didn't pass validation for format email: " + p.Email.value)
	}
	for _, f := range []field[string]{p.Name, p.GivenName, p.FamilyName, p.Nickname, p.Username} {
		if f.set && !f.null && f.value == "" {
			return badBody("String is too short (0 chars), minimum 1 on property name, given_name, family_name, nickname or username")
		}
	}
	if p.Password.set && len(p.Password.value) < leastPassword {
		return refuse(http.StatusBadRequest, "invalid_password", "PasswordStrengthError: Password is too weak")
	}
	return nil
}

// apply writes what is set over a user. A null takes a value away.
func (p *profile) apply(u *User) {
	for f, into := range map[*field[string]]*string{
		&p.Email: &u.Email, &p.Username: &u.Username, &p.PhoneNumber: &u.PhoneNumber, &p.Name: &u.Name, &p.GivenName: &u.GivenName,
		&p.FamilyName: &u.FamilyName, &p.Nickname: &u.Nickname, &p.Picture: &u.Picture,
	} {
		if f.set {
			*into = f.value
		}
	}
	for f, into := range map[*field[bool]]*bool{&p.EmailVerified: &u.EmailVerified, &p.PhoneVerified: &u.PhoneVerified, &p.Blocked: &u.Blocked} {
		if f.set {
			*into = f.value
		}
	}
	for f, into := range map[*field[jsontext.Value]]*jsontext.Value{&p.AppMetadata: &u.AppMetadata, &p.UserMetadata: &u.UserMetadata} {
		switch {
		case f.null:
			*into = nil
		case f.set:
			*into = merged(*into, f.value)
		}
	}
}

// createUser is POST /users.
func createUser(c *call) (answer, error) {
	var want struct {
		profile
		UserID field[string] `json:"user_id"`
	}
	if err := c.read(&want); err != nil {
		return answer{}, err
	}
	if err := want.check(); err != nil {
		return answer{}, err
	}
	con, err := c.creatable(&want.profile)
	if err != nil {
		return answer{}, err
	}
	id := want.UserID.value
	if id == "" {
		id = c.ids.Hex("user")
	}
	// The prefix is added whatever the id begins with.
	u := &User{ID: con.Strategy + "|" + id, Identities: []Identity{{Connection: con.Name, Provider: con.Strategy, UserID: id}}}
	want.apply(u)
	complete(u, con)
	if field := c.conflict(nil, u); field != "" {
		return answer{}, refuse(http.StatusConflict, "auth0_idp_error", "The user already exists.")
	}
	if err := fits(u); err != nil {
		return answer{}, err
	}
	c.create(c.by, u)
	if u.Email != "" && !u.EmailVerified && (!want.VerifyEmail.set || want.VerifyEmail.value) {
		c.mail(c.by, Mail{To: u.Email, Kind: MailVerify, UserID: u.ID, Connection: con.Name})
	}
	return created(u.json())
}

// creatable finds the connection in which a user is to be made, if that can be.
func (c *call) creatable(p *profile) (*Connection, error) {
	if p.Connection.value == "" {
		return nil, badBody("Missing required property: connection")
	}
	con := c.connection(p.Connection.value)
	switch {
	case con == nil:
		return nil, refuse(http.StatusBadRequest, "inexistent_connection", "The connection does not exist.")
	case !con.database() && !con.passwordless():
		return nil, refuse(http.StatusBadRequest, "operation_not_supported", "Connection does not support user creation through the API. It must either be a database or passwordless connection.")
	case con.passwordless():
		if con.Strategy == "email" && p.Email.value == "" || con.Strategy == "sms" && p.PhoneNumber.value == "" {
			return nil, badBody("Missing required property: email or phone_number")
		}
	case p.Password.value == "":
		return nil, badBody("Missing required property: password")
	case p.Email.value == "":
		return nil, badBody("Missing required property: email")
	case p.Username.set && !con.RequiresUsername:
		return nil, refuse(http.StatusBadRequest, "invalid_body", "Cannot set username for connection without requires_username.")
	case con.RequiresUsername && p.Username.value == "":
		return nil, badBody("Missing required property: username")
	case len(p.Username.value) > con.MostUsername:
		return nil, badBody(fmt.Sprintf("Username must have at most %d characters", con.MostUsername))
	}
	return con, nil
}

// complete fills in what Auth0 does: a database's addresses are in lower case, as are
// usernames (not verified); name, nickname and picture come from the address.
func complete(u *User, con *Connection) {
	if con.database() {
		u.Email, u.Username = strings.ToLower(u.Email), strings.ToLower(u.Username)
	}
	local, _, _ := strings.Cut(u.Email, "@")
	for _, d := range []struct {
		into *string
		from string
	}{{&u.Name, u.Email}, {&u.Name, u.PhoneNumber}, {&u.Nickname, local}, {&u.Picture, "https://cdn.auth0.com/avatars/default.png"}} {
		if *d.into == "" {
			*d.into = d.from
		}
	}
}

// fits refuses a user that is too big. Which status Auth0 gives is not verified.
func fits(u *User) error {
	if n := len(u.json()); n > maxProfile {
		return refuse(http.StatusBadRequest, "profile_too_large", fmt.Sprintf("The user profile has %d bytes, and may have %d", n, maxProfile))
	}
	return nil
}

// user finds the user that a path names.
func (c *call) user() (*User, error) {
	id := c.args["id"]
	if !strings.Contains(id, "|") {
		return nil, refuse(http.StatusBadRequest, "invalid_uri", "Path validation error: 'Object didn't pass validation for format user-id: "+id+"' on property id (The user_id of the user).")
	}
	if u := c.find(id); u != nil {
		return u, nil
	}
	return nil, refuse(http.StatusNotFound, "inexistent_user", "The user does not exist.")
}

func getUser(c *call) (answer, error) {
	u, err := c.user()
	if err != nil {
		return answer{}, err
	}
	return ok(c.selected(u.json()))
}

// deleteUser is DELETE /users/:id. One that is not there is no error.
func deleteUser(c *call) (answer, error) {
	u, err := c.user()
	var no *refusal
	switch {
	case err == nil:
		c.remove(c.by, u)
	case errors.As(err, &no) && no.status != http.StatusNotFound:
		return answer{}, err
	}
	return status(http.StatusNoContent)
}

// usersByEmail is GET /users-by-email: consistent, and by the case that is stored.
func usersByEmail(c *call) (answer, error) {
	email := c.query.Get("email")
	if email == "" {
		return answer{}, badQuery("Missing required property: email")
	}
	out := []byte{'['}
	for i, id := range c.users.mails[email] {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, c.selected(c.find(id).json())...)
	}
	return ok(append(out, ']'))
}

// The kinds of a Mail.
const (
	MailVerify         = "verify_email"
	MailChangePassword = "change_password"
)

// Mail is one that the tenant sent.
type Mail struct {
	At         time.Time
	To         string
	Kind       string
	UserID     string
	Connection string
}

func (t *Tenant) mail(by cause, m Mail) {
	m.At = t.now()
	t.mails = append(t.mails, m)
	t.note(by, MailSent, "user", m.UserID, m.Kind)
}
