// SPDX-License-Identifier: Apache-2.0

package auth0test

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// User is a user of the tenant.
type User struct {
	ID            string // user_id: provider|id
	Email         string
	EmailVerified bool
	Username      string
	PhoneNumber   string
	PhoneVerified bool
	Name          string
	GivenName     string
	FamilyName    string
	Nickname      string
	Picture       string
	Blocked       bool // by an administrator
	Identities    []Identity
	AppMetadata   jsontext.Value // an object, or nil
	UserMetadata  jsontext.Value // likewise
	Multifactor   []string
	LastIP        string
	LastLogin     time.Time
	LoginsCount   int
	CreatedAt     time.Time
	UpdatedAt     time.Time
}

// Identity is one account behind a user; the first is the user's own.
type Identity struct {
	Connection string
	Provider   string
	UserID     string
	Integer    bool // user_id is written as a number, as of some social providers
	Social     bool
	// Profile is what a linked account was: profileData. The first identity has none.
	Profile jsontext.Value
}

// id is the user_id that the identity has when it stands alone.
func (i Identity) id() string { return i.Provider + "|" + i.UserID }

func (u *User) clone() *User {
	c := *u
	c.Identities = slices.Clone(u.Identities)
	for i := range c.Identities {
		c.Identities[i].Profile = c.Identities[i].Profile.Clone()
	}
	c.AppMetadata, c.UserMetadata = u.AppMetadata.Clone(), u.UserMetadata.Clone()
	c.Multifactor = slices.Clone(u.Multifactor)
	return &c
}

// connection is the name of the user's own connection.
func (u *User) connection() string {
	if len(u.Identities) == 0 {
		return ""
	}
	return u.Identities[0].Connection
}

// timeFormat is how Auth0 writes times: UTC, in milliseconds.
const timeFormat = "2006-01-02T15:04:05.000Z"

// object writes a JSON object member by member.
type object struct{ b []byte }

// objectOf goes on where an object ends.
func objectOf(v jsontext.Value) *object { return &object{v[:len(v)-1]} }

func (o *object) name(name string) {
	if len(o.b) == 0 {
		o.b = append(o.b, '{')
	} else if o.b[len(o.b)-1] != '{' {
		o.b = append(o.b, ',')
	}
	o.b = appendQuote(o.b, name)
	o.b = append(o.b, ':')
}

// appendQuote writes a text. What is not UTF-8 is replaced; that is no error here.
func appendQuote(b []byte, s string) []byte {
	out, err := jsontext.AppendQuote(b, s)
	if err != nil {
		out, _ = jsontext.AppendQuote(b, strings.ToValidUTF8(s, "\ufffd")) // it is valid now
	}
	return out
}

func (o *object) text(name, value string) {
	if value != "" {
		o.name(name)
		o.b = appendQuote(o.b, value)
	}
}

func (o *object) flag(name string, value bool) {
	o.name(name)
	o.b = strconv.AppendBool(o.b, value)
}

func (o *object) time(name string, value time.Time) {
	if !value.IsZero() {
		o.name(name)
		o.b = append(o.b, '"')
		o.b = value.UTC().AppendFormat(o.b, timeFormat)
		o.b = append(o.b, '"')
	}
}

func (o *object) number(name string, value int) {
	o.name(name)
	o.b = strconv.AppendInt(o.b, int64(value), 10)
}

func (o *object) raw(name string, value jsontext.Value) {
	if len(value) > 0 {
		o.name(name)
		o.b = append(o.b, value...)
	}
}

func (o *object) end() jsontext.Value {
	if len(o.b) == 0 {
		o.b = append(o.b, '{')
	}
	return append(o.b, '}')
}

// fieldNames are the members of a user, in the order in which they are shown.
func fieldNames() []string {
	return []string{
		"user_id", "email", "email_verified", "username", "phone_number", "phone_verified", "name", "given_name", "family_name", "nickname", "picture",
		"blocked", "identities", "app_metadata", "user_metadata", "multifactor", "last_ip", "last_login", "logins_count", "created_at", "updated_at",
	}
}

// json is the user as the Management API shows it, and as events carry it.
func (u *User) json() jsontext.Value {
	o := object{make([]byte, 0, 768)}
	for _, name := range fieldNames() {
		u.member(&o, name, name)
	}
	return o.end()
}

// member writes one member of the user under a name, if the user has it.
func (u *User) member(o *object, field, as string) {
	switch field {
	case "email_verified":
		if u.Email != "" {
			o.flag(as, u.EmailVerified)
		}
	case "phone_verified":
		if u.PhoneNumber != "" {
			o.flag(as, u.PhoneVerified)
		}
	case "blocked":
		if u.Blocked {
			o.flag(as, true)
		}
	case "identities":
		o.name(as)
		o.b = u.appendIdentities(o.b)
	case "app_metadata":
		o.raw(as, u.AppMetadata)
	case "user_metadata":
		o.raw(as, u.UserMetadata)
	case "multifactor":
		if len(u.Multifactor) > 0 {
			o.name(as)
			o.b = appendTexts(o.b, u.Multifactor)
		}
	case "logins_count":
		if u.LoginsCount > 0 {
			o.number(as, u.LoginsCount)
		}
	case "last_login":
		o.time(as, u.LastLogin)
	case "created_at":
		o.time(as, u.CreatedAt)
	case "updated_at":
		o.time(as, u.UpdatedAt)
	default:
		o.text(as, u.text(field))
	}
}

// text is a member of the user that is a text, or "".
func (u *User) text(field string) string {
	switch field {
	case "user_id":
		return u.ID
	case "email":
		return u.Email
	case "username":
		return u.Username
	case "phone_number":
		return u.PhoneNumber
	case "name":
		return u.Name
	case "given_name":
		return u.GivenName
	case "family_name":
		return u.FamilyName
	case "nickname":
		return u.Nickname
	case "picture":
		return u.Picture
	case "last_ip":
		return u.LastIP
	}
	return ""
}

func (u *User) appendIdentities(b []byte) []byte {
	b = append(b, '[')
	for i, id := range u.Identities {
		if i > 0 {
			b = append(b, ',')
		}
		var o object
		o.text("connection", id.Connection)
		o.text("provider", id.Provider)
		if id.Integer {
			o.raw("user_id", jsontext.Value(id.UserID))
		} else {
			o.text("user_id", id.UserID)
		}
		o.flag("isSocial", id.Social)
		o.raw("profileData", id.Profile)
		b = append(b, o.end()...)
	}
	return append(b, ']')
}

func appendTexts(b []byte, texts []string) []byte {
	b = append(b, '[')
	for i, s := range texts {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendQuote(b, s)
	}
	return append(b, ']')
}
