// SPDX-License-Identifier: Apache-2.0

package auth0app_test

import (
	"strings"
	"testing"

	"github.com/usher-id/usher/internal/app/auth0app"
	"github.com/usher-id/usher/scim"
)

const ent = scim.EnterpriseUserURN + ":"

// TestCheck says of every attribute whether Auth0 has a place for it.
func TestCheck(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		path      string
		usernames bool
		say       string // "" if it has one
	}{
		{"userName", false, ""},
		{"userName", true, ""},
		{"externalId", false, ""},
		{"name.givenName", false, ""},
		{"name.familyName", false, ""},
		{"displayName", false, ""},
		{"nickName", false, ""},
		{`photos[type eq "photo"].value`, false, ""},
		{`phoneNumbers[type eq "work"].value`, false, ""},
		{`phoneNumbers[type eq "mobile"].value`, false, ""},
		{"title", false, ""},
		{"userType", false, ""},
		{"preferredLanguage", false, ""},
		{"timezone", false, ""},
		{"locale", false, ""},
		{ent + "employeeNumber", false, ""},
		{ent + "department", false, ""},
		{ent + "costCenter", false, ""},
		{ent + "organization", false, ""},
		{ent + "division", false, ""},
		{ent + "manager.value", false, ""},
		{`emails[type eq "work"].value`, true, ""},
		{`emails[primary eq true].value`, true, ""},
		{`emails[type eq "work"].value`, false, "usernames: true"},
		{`emails[type eq "home"].value`, true, `write emails[type eq "work"].value`},
		{"emails", true, `write emails[type eq "work"].value`},
		{`phoneNumbers[type eq "fax"].value`, false, "or mobile"},
		{"photos", false, `write photos[type eq "photo"].value`},
		{"name", false, "name.givenName"},
		{"name.middleName", false, "take it out"},
		{"addresses", false, "take it out"},
		{"password", false, "password_change"},
		{"roles", false, "take it out"},
		{"profileUrl", false, "take it out"},
		{ent + "manager", false, "enterprise.manager.value"},
		{"urn:ietf:params:scim:schemas:extension:usher:2.0:User:startDate", false, "take it out"},
	} {
		errs := auth0app.Check([]scim.Path{scim.MustPath(tt.path)}, tt.usernames)
		if len(errs) != 1 || (tt.say == "") != (errs[0] == nil) || tt.say != "" && !strings.Contains(errs[0].Error(), tt.say) {
			t.Errorf("%s, usernames %v: %v, want %q", tt.path, tt.usernames, errs, tt.say)
		}
	}
	twice := auth0app.Check([]scim.Path{scim.MustPath(`emails[type eq "work"].value`), scim.MustPath("title"), scim.MustPath(`emails[primary eq true].value`)}, true)
	if twice[0] != nil || twice[1] != nil || twice[2] == nil || !strings.Contains(twice[2].Error(), "already") {
		t.Errorf("%v", twice)
	}
}
