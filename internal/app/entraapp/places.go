// SPDX-License-Identifier: Apache-2.0

package entraapp

import (
	"slices"
	"strings"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/scim"
)

// place is which property of Graph's an attribute goes into. All are texts, here.
type place struct {
	path   scim.Path
	name   string
	needed bool // there is no user without
	stays  bool // and it cannot be taken away
}

// ExtensionURN is the schema of what Entra has and SCIM has not.
const ExtensionURN = "urn:usher:params:scim:schemas:extension:entra:2.0:User"

const (
	enterprise = scim.EnterpriseUserURN + ":"
	extension  = ExtensionURN + ":"
	nickname   = "mailNickname"
)

// places is the whole table (learn.microsoft.com/graph/api/resources/user, read in November 2026).
func places(idAttribute string) []place {
	at := func(path, name string) place { return place{path: scim.MustPath(path), name: name} }
	of := func(attr, name string) place {
		return place{path: scim.Path{URN: ExtensionURN, Attr: attr}, name: name}
	}
	list := []place{
		{scim.MustPath("userName"), "userPrincipalName", true, true},
		{scim.MustPath("displayName"), "displayName", true, true},
		at("name.givenName", "givenName"), at("name.familyName", "surname"),
		at(`emails[type eq "work"].value`, "mail"), at(`emails[primary eq true].value`, "mail"),
		at("title", "jobTitle"), at("userType", "employeeType"), at("preferredLanguage", "preferredLanguage"),
		at(`phoneNumbers[type eq "work"].value`, "businessPhones"), at(`phoneNumbers[type eq "mobile"].value`, "mobilePhone"), at(`phoneNumbers[type eq "fax"].value`, "faxNumber"),
		at(`addresses[type eq "work"].streetAddress`, "streetAddress"), at(`addresses[type eq "work"].locality`, "city"),
		at(`addresses[type eq "work"].region`, "state"), at(`addresses[type eq "work"].postalCode`, "postalCode"), at(`addresses[type eq "work"].country`, "country"),
		at(enterprise+"employeeNumber", EmployeeID), at(enterprise+"department", "department"), at(enterprise+"organization", "companyName"),
		{scim.Path{URN: ExtensionURN, Attr: nickname}, nickname, false, true},
		{scim.Path{URN: ExtensionURN, Attr: "usageLocation"}, "usageLocation", false, true},
		of("officeLocation", "officeLocation"), of("employeeHireDate", "employeeHireDate"),
	}
	return slices.DeleteFunc(list, func(p place) bool { return p.name == idAttribute })
}

// needed are the attributes without which there is no user.
func needed() []app.Paths { return []app.Paths{{userName}, {displayName}} }

// placeOf finds where an attribute goes.
func placeOf(all []place, path scim.Path) (place, error) {
	for _, p := range all {
		if p.path.Equal(path) {
			return p, nil
		}
	}
	why := "take it out of user; what is a tenant's own cannot be mapped yet"
	switch strings.ToLower(path.Attr) {
	case "emails":
		why = `write emails[type eq "work"].value, which is the one address that can be written`
	case "phonenumbers":
		why = `write phoneNumbers[type eq "work"].value, or mobile, or fax`
	case "addresses":
		why = `write addresses[type eq "work"].locality, and so on`
	case "name":
		why = "write name.givenName, name.familyName and displayName"
	case "nickname":
		why = `write "` + extension + nickname + `"`
	case "employeenumber":
		why = "employeeId is where the externalId goes (id_attribute)"
	case "manager":
		why = "who manages whom is no property of a user there, and is not written yet"
	case "costcenter", "division":
		why = "Entra keeps them together, and writing one may take the other away: they are not written yet"
	case "password":
		why = "nobody's password is ours to know: each gets one that is kept nowhere"
	}
	return place{}, &app.NoPlaceError{Maker: maker, Path: path, Why: why}
}

// Check says whether a mapping can have these attributes, see [app.CheckPlaces].
func Check(paths []scim.Path, idAttribute string) (errs []error, lacking []string) {
	all := places(idAttribute)
	errs, lacking = app.CheckPlaces(maker, paths, needed(), func(path scim.Path) (string, error) {
		p, err := placeOf(all, path)
		return p.name, err
	})
	if idAttribute == EmployeeID && !slices.ContainsFunc(paths, externalID.Equal) {
		lacking = append(lacking, "externalId") // ours has 26 characters
	}
	return errs, lacking
}
