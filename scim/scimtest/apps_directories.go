// SPDX-License-Identifier: Apache-2.0

package scimtest

import (
	"net/http"

	"github.com/usher-id/usher/scim"
)

// The directories and identity providers that other directories may write to.

const awsGuide = "https://docs.aws.amazon.com/singlesignon/latest/developerguide/"

func awsIdentityCenter() Quirks {
	return Quirks{
		References: map[string]string{
			"":               awsGuide + "limitations.html",
			RefusedRequired:  awsGuide + "createuser.html",
			RefusedAttribute: awsGuide + "createuser.html",
			RefusedPatch:     awsGuide + "patchuser.html",
			RefusedMembers:   awsGuide + "patchgroup.html",
			RefusedFilter:    awsGuide + "listusers.html",
			RefusedOperation: awsGuide + "what-is-scim.html",
		},
		Headers:     map[string]string{"User-Agent": ""}, // any that is not empty; seen on PATCH from November 2025. The status is not documented
		NoExtras:    true,                                // no /Me, /Bulk, /.search
		StrictPaths: true,
		PageSize:    100,
		ShortPages:  true, // pages by cursor may be short
		// Releases without cursors stop here, and nothing leads to the rest. That
		// every region has cursors is unverified.
		FirstPage: 50, DefaultPage: 100,
		IgnoreParameters:   []string{"startIndex", "attributes", "excludedAttributes"}, // they do not exist; that they are passed over is an assumption
		NeverReturnMembers: true,                                                       // GetGroup and ListGroups have none
		UnknownInFilter:    http.StatusNotFound,                                        // ResourceNotFound, and no empty list
		SchemaTwice:        true,                                                       // errors have "schema" and "schemas"
		RateStatus:         http.StatusTooManyRequests, RateDetail: "ThrottlingException",
		Users: Offer{
			Filters: &Filters{
				Attributes: []string{"userName", "externalId", "groups.value"},
				Together:   [][]string{{"id", "manager.value"}},
				And:        true,
				Alias:      map[string]string{"manager.value": enterprise("manager.value")},
			},
			Required: []string{"userName", "displayName", "name.givenName", "name.familyName"},
			// That what is not supported is refused, and not passed over, is an
			// assumption. meta.version, which nobody can write, is passed over.
			Refused: []string{
				"password", "ims", "photos", "x509Certificates", "entitlements", "groups",
				"emails.display", "phoneNumbers.display", "addresses.display", enterprise("manager.displayName"),
			},
			Assumed: []string{RefusedAttribute},
			Single:  []string{"emails", "phoneNumbers", "addresses"},
			Primary: []string{"emails"}, // the one address is the primary one
			Forbids: `<>;:%"`,
			Named:   []string{"userName", "displayName", "nickName", "name.givenName", "name.familyName", "name.middleName", "name.formatted"},
			Patch: Dialect{
				LowerCase: true, OnePathless: true, EqFilters: true,
				Once:     []string{"userName", "active"},
				NoRemove: []string{"userName", "active"},
				Paths: []string{
					"userName", "active", "externalId", "displayName", "nickName", "profileUrl", "title", "userType", "preferredLanguage",
					"locale", "timezone", "name", scim.EnterpriseUserURN, "emails", "addresses", "phoneNumbers",
				},
			},
		},
		Groups: Offer{
			Without: []string{http.MethodPut}, // the status is not documented
			Filters: &Filters{
				Attributes: []string{"displayName", "externalId", "members.value"},
				Together:   [][]string{{"id", "members.value"}},
				And:        true,
			},
			Forbids:  `<>;:%"`,
			Named:    []string{"displayName"},
			MaxWhole: 100,
			Patch: Dialect{
				LowerCase: true, OnePathless: true, EqFilters: true,
				ByValues:     true, // members with a list, beside members[value eq "id"]
				Paths:        []string{"displayName", "members", "externalId"},
				KeepsMembers: true,
				MaxChanges:   100,
			},
		},
	}
}

// entraUserURN is the schema of what Entra adds to a user.
// https://learn.microsoft.com/en-us/entra/identity/app-provisioning/entra-id-scim-api-schema-documentation
const entraUserURN = "urn:ietf:params:scim:schemas:extension:Microsoft:Entra:2.0:User"

func entraAPI() Quirks {
	nick := entraUserURN + ":mailNickname"
	return Quirks{
		References: of("https://learn.microsoft.com/en-us/entra/identity/app-provisioning/entra-id-scim-api-reference"),
		Extensions: []scim.Schema{{ID: entraUserURN, Name: "EntraUser", Description: "What Entra adds to a user", Attributes: []scim.Attribute{
			{Name: "mailNickname", Type: scim.TypeString, Description: "Mail alias"},
		}}},
		LowerListKey: true,
		// Pages by cursor alone. The document names 100 and 1,000 as the most on a page,
		// and 10 and 100 as the usual number.
		IgnoreParameters: []string{"startIndex"},
		PageSize:         100, DefaultPage: 100,
		PatchNoContent:     true,
		NeverReturnMembers: true,
		Users: Offer{
			Path:    "/users",
			Without: []string{http.MethodPut},
			Filters: &Filters{
				Attributes: []string{"userName", "externalId", "id", "groups.value", nick},
				More:       map[string][]scim.Op{"userName": {scim.OpEw}, nick: {scim.OpEw}},
				Alone:      []string{"externalId"},
				And:        true,
			},
			Required: []string{"userName", "password", "name.familyName", "name.givenName", "active", "displayName", nick},
			Types:    map[string]string{"emails": "work"}, // several types of e-mail are not supported
			Patch:    Dialect{PathFilters: []string{`type eq "work"`}},
		},
		Groups: Offer{
			Path:    "/groups",
			Without: []string{http.MethodPut},
			Filters: &Filters{
				Attributes: []string{"displayName", "id", "members.value"},
				More:       map[string][]scim.Op{"displayName": {scim.OpEw}},
				And:        true,
			},
			MembersKnown: true, // one who is not there fails the request; the status is not documented
			Patch:        Dialect{MembersAlone: true, MembersOnce: true, MaxAdds: 20, MaxRemoves: 1},
		},
	}
}

// oktaInbound is plain SCIM: of Okta's server only the overview could be read.
// Everything else must be taken from its ServiceProviderConfig.
func oktaInbound() Quirks {
	return Quirks{References: of("https://developer.okta.com/docs/api/openapi/okta-scim/inbound/overview")}
}

func googleCloudIdentity() Quirks {
	return Quirks{
		References: of("https://cloud.google.com/identity/docs/reference/scim"),
		// ServiceProviderConfig claims none of these. So a list is one page, which
		// nothing leads on from; how long it is, is not documented.
		Claims:           map[string]bool{"sort": false, "bulk": false, "etag": false, "pagination": false},
		NoETag:           true,
		NoCursor:         true,
		IgnoreStartIndex: true,
		IgnoreParameters: []string{"sortBy", "sortOrder"},
		Users: Offer{
			Required: []string{"userName", "name.givenName", "name.familyName"}, // unverified, as whether there is a PUT
			Assumed:  []string{RefusedRequired},
		},
	}
}

func auth0Inbound() Quirks {
	return Quirks{
		References: of("https://auth0.com/docs/authenticate/protocols/scim/configure-inbound-scim"),
		NoCursor:   true,
		// Attributes without a mapping are dropped without a word. Which those are is
		// the tenant's choice; this one stands for them.
		IgnoreAttributes: []string{enterprise("costCenter")},
		Users: Offer{
			// Beside these there are app_metadata and whatever else is mapped and
			// searchable.
			Filters: &Filters{Attributes: []string{"userName", "externalId", "emails.value", "emails"}, And: true, Or: true},
		},
		Groups: Offer{
			Filters:         by("displayName", "externalId"),
			UniqueName:      true, // in a connection
			MembersAreUsers: true,
			MaxWhole:        10_000,
			Patch:           Dialect{MaxChanges: 1_000},
		},
	}
}
