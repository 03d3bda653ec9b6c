// SPDX-License-Identifier: Apache-2.0

package auth0app

import (
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/auth0"
	"github.com/usher-id/usher/scim"
)

// place is where Auth0 keeps an attribute: a field of the user, or a key of its
// app_metadata or user_metadata. All of them are texts.
type place struct {
	path   scim.Path
	name   string // as Auth0 calls it, dotted below metadata
	field  func(*auth0.UserChange) **string
	of     func(*auth0.User) string
	needed bool // there is no user without
}

// What is ours in app_metadata, besides what a mapping names.
const (
	keyID      = "usher_id"      // the externalId
	keyPending = "usher_pending" // what is still to be done before the user can be used
)

const (
	inApp  = "app_metadata."
	inUser = "user_metadata."
)

const enterprise = scim.EnterpriseUserURN + ":"

// places is the whole table. In a connection without user names the userName is the
// e-mail address; in one with them the address stands for itself.
func places(usernames bool) []place {
	email := place{
		name: "email", needed: true,
		field: func(c *auth0.UserChange) **string { return &c.Email }, of: func(u *auth0.User) string { return u.Email },
	}
	all := []place{at("userName", email)}
	if usernames {
		all = []place{
			{
				path: scim.MustPath("userName"), name: "username", needed: true,
				field: func(c *auth0.UserChange) **string { return &c.Username }, of: func(u *auth0.User) string { return u.Username },
			},
			at(`emails[type eq "work"].value`, email),
			at(`emails[primary eq true].value`, email),
		}
	}
	return append(all,
		at("name.givenName", place{
			name: "given_name", field: func(c *auth0.UserChange) **string { return &c.GivenName }, of: func(u *auth0.User) string { return u.GivenName },
		}),
		at("name.familyName", place{
			name: "family_name", field: func(c *auth0.UserChange) **string { return &c.FamilyName }, of: func(u *auth0.User) string { return u.FamilyName },
		}),
		at("displayName", place{
			name: "name", field: func(c *auth0.UserChange) **string { return &c.Name }, of: func(u *auth0.User) string { return u.Name },
		}),
		at("nickName", place{
			name: "nickname", field: func(c *auth0.UserChange) **string { return &c.Nickname }, of: func(u *auth0.User) string { return u.Nickname },
		}),
		at(`photos[type eq "photo"].value`, place{
			name: "picture", field: func(c *auth0.UserChange) **string { return &c.Picture }, of: func(u *auth0.User) string { return u.Picture },
		}),
		// phone_number of a user is an identifier to sign in with, unique and in one
		// form: an extension of the office is none.
		at(`phoneNumbers[type eq "work"].value`, place{name: inUser + "phone"}),
		at(`phoneNumbers[type eq "mobile"].value`, place{name: inUser + "mobile_phone"}),
		at("title", place{name: inApp + "title"}),
		at("userType", place{name: inApp + "user_type"}),
		at("preferredLanguage", place{name: inApp + "preferred_language"}),
		at("timezone", place{name: inApp + "timezone"}),
		at("locale", place{name: inApp + "locale"}),
		at(enterprise+"employeeNumber", place{name: inApp + "employee_number"}),
		at(enterprise+"department", place{name: inApp + "department"}),
		at(enterprise+"costCenter", place{name: inApp + "cost_center"}),
		at(enterprise+"organization", place{name: inApp + "organization"}),
		at(enterprise+"division", place{name: inApp + "division"}),
		at(enterprise+"manager.value", place{name: inApp + "manager_id"}),
	)
}

func at(path string, p place) place {
	p.path = scim.MustPath(path)
	return p
}

// placeOf finds where an attribute is kept.
func placeOf(all []place, path scim.Path) (place, error) {
	for _, p := range all {
		if p.path.Equal(path) {
			return p, nil
		}
	}
	why := "take it out of user"
	switch {
	case strings.EqualFold(path.Attr, "emails") && !all[0].isUsername():
		why = "in a connection without user names the userName is the e-mail address; one with them has usernames: true"
	case strings.EqualFold(path.Attr, "emails"):
		why = `write emails[type eq "work"].value`
	case strings.EqualFold(path.Attr, "phoneNumbers"):
		why = `write phoneNumbers[type eq "work"].value, or mobile`
	case strings.EqualFold(path.Attr, "photos"):
		why = `write photos[type eq "photo"].value`
	case strings.EqualFold(path.Attr, "name") && path.Sub == "":
		why = "write name.givenName and name.familyName"
	case strings.EqualFold(path.Attr, "manager") && path.Sub == "":
		why = "write enterprise.manager.value"
	case strings.EqualFold(path.Attr, "password"):
		why = "nobody's password is ours to know: see password_change"
	}
	return place{}, &app.NoPlaceError{Maker: maker, Path: path, Why: why}
}

// Check says whether a mapping can have these attributes, see [app.CheckPlaces]. What is
// wrong with one stands at its index.
func Check(paths []scim.Path, usernames bool) []error {
	all := places(usernames)
	errs, _ := app.CheckPlaces(maker, paths, nil, func(path scim.Path) (string, error) {
		p, err := placeOf(all, path)
		return p.name, err
	})
	return errs
}

func (p place) isUsername() bool { return p.name == "username" }

// read is what a user has there, "" for nothing.
func (p place) read(u *auth0.User) string {
	if p.of != nil {
		return p.of(u)
	}
	if key, ok := strings.CutPrefix(p.name, inUser); ok {
		return textOf(u.UserMetadata[key])
	}
	return textOf(u.AppMetadata[strings.TrimPrefix(p.name, inApp)])
}

// textOf is a text in metadata. What is none, somebody else has put there.
func textOf(v jsontext.Value) string {
	var s string
	if v.Kind() != '"' || json.Unmarshal(v, &s) != nil {
		return ""
	}
	return s
}

func textIn(s string) jsontext.Value {
	v, err := jsontext.AppendQuote(nil, strings.ToValidUTF8(s, "\uFFFD"))
	if err != nil { // which a valid text does not come to
		return jsontext.Value("null")
	}
	return v
}

// write says in a change that a user is to have a text there, or none with "".
func (p place) write(c *auth0.UserChange, s string) {
	if p.field != nil {
		*p.field(c) = &s
		return
	}
	v := jsontext.Value("null")
	if s != "" {
		v = textIn(s)
	}
	if key, ok := strings.CutPrefix(p.name, inUser); ok {
		put(&c.UserMetadata, key, v)
		return
	}
	put(&c.AppMetadata, strings.TrimPrefix(p.name, inApp), v)
}

func put(m *map[string]jsontext.Value, key string, v jsontext.Value) {
	if *m == nil {
		*m = map[string]jsontext.Value{}
	}
	(*m)[key] = v
}

// names are the fields that a list has to tell of.
func names(all []place) []string {
	out := []string{"created_at", "email_verified", inApp + keyID, inApp + keyPending}
	seen := map[string]bool{}
	for _, p := range all {
		if !seen[p.name] {
			seen[p.name] = true
			out = append(out, p.name)
		}
	}
	if !seen["email"] {
		out = append(out, "email")
	}
	return out
}
