// SPDX-License-Identifier: Apache-2.0

package oktaapp

import (
	"strings"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/scim"
)

// place is which attribute of Okta's profiles an attribute goes into. All are texts.
type place struct {
	path   scim.Path
	name   string
	needed bool // there is no user without
}

const enterprise = scim.EnterpriseUserURN + ":"

// places is the whole table: what each profile of Okta's has.
func places() []place {
	at := func(path, name string) place { return place{scim.MustPath(path), name, false} }
	must := func(path, name string) place { return place{scim.MustPath(path), name, true} }
	return []place{
		must("userName", "login"),
		must(`emails[type eq "work"].value`, "email"), must(`emails[primary eq true].value`, "email"),
		must("name.givenName", "firstName"), must("name.familyName", "lastName"),
		at(`emails[type eq "home"].value`, "secondEmail"),
		at("name.middleName", "middleName"), at("name.honorificPrefix", "honorificPrefix"), at("name.honorificSuffix", "honorificSuffix"),
		at("displayName", "displayName"), at("nickName", "nickName"), at("profileUrl", "profileUrl"), at("title", "title"),
		at("userType", "userType"), at("preferredLanguage", "preferredLanguage"), at("locale", "locale"), at("timezone", "timezone"),
		at(`phoneNumbers[type eq "work"].value`, "primaryPhone"), at(`phoneNumbers[type eq "mobile"].value`, "mobilePhone"),
		at(`addresses[type eq "work"].streetAddress`, "streetAddress"), at(`addresses[type eq "work"].locality`, "city"),
		at(`addresses[type eq "work"].region`, "state"), at(`addresses[type eq "work"].postalCode`, "zipCode"),
		at(`addresses[type eq "work"].country`, "countryCode"), at(`addresses[type eq "work"].formatted`, "postalAddress"),
		at(enterprise+"employeeNumber", "employeeNumber"), at(enterprise+"department", "department"), at(enterprise+"costCenter", "costCenter"),
		at(enterprise+"organization", "organization"), at(enterprise+"division", "division"),
		at(enterprise+"manager.value", "managerId"), at(enterprise+"manager.displayName", "manager"),
	}
}

// needed are the attributes without which there is no user, by what each may be written as.
func needed() []app.Paths {
	return []app.Paths{{userName}, {workEmail, primaryEmail}, {scim.MustPath("name.givenName")}, {scim.MustPath("name.familyName")}}
}

// placeOf finds where an attribute goes.
func placeOf(all []place, path scim.Path) (place, error) {
	for _, p := range all {
		if p.path.Equal(path) {
			return p, nil
		}
	}
	why := "take it out of user; what is an org's own cannot be mapped yet"
	switch strings.ToLower(path.Attr) {
	case "emails":
		why = `write emails[type eq "work"].value, or home for the second one`
	case "phonenumbers":
		why = `write phoneNumbers[type eq "work"].value, or mobile`
	case "addresses":
		why = `write addresses[type eq "work"].locality, and so on`
	case "name":
		why = "write name.givenName and name.familyName"
	case "manager":
		why = "write enterprise.manager.value"
	case "password":
		why = "nobody's password is ours to know: Okta sends a mail by which to choose one"
	}
	return place{}, &app.NoPlaceError{Maker: maker, Path: path, Why: why}
}

// Check says whether a mapping can have these attributes, see [app.CheckPlaces].
func Check(paths []scim.Path) (errs []error, lacking []string) {
	all := places()
	return app.CheckPlaces(maker, paths, needed(), func(path scim.Path) (string, error) {
		p, err := placeOf(all, path)
		return p.name, err
	})
}
