// SPDX-License-Identifier: Apache-2.0

package scimtest

import (
	"net/http"

	"github.com/usher-id/usher/scim"
)

// The apps of those who talk, plan, draw and sell.

func slack() Quirks {
	return Quirks{
		References:     map[string]string{"": "https://docs.slack.dev/reference/scim-api/", RefusedRate: "https://docs.slack.dev/reference/scim-api/rate-limits"},
		NoCursor:       true,
		PageSize:       1_000, // unverified
		LowerUserName:  true,
		DeleteDisables: true, // DELETE of a user only deactivates; that of a group is for good
		Users: Offer{
			// externalId finds nobody.
			Filters:  &Filters{Attributes: []string{"userName", "email"}, And: true, Or: true, Alias: map[string]string{"email": "emails.value"}},
			Required: []string{"userName", "emails"},
			Primary:  []string{"emails"},
			Longest:  map[string]int{"userName": 21},
			Forbids:  "@",
			Named:    []string{"displayName"},
		},
		Groups: Offer{Filters: by("displayName"), Assumed: []string{RefusedFilter}}, // unverified
	}
}

func zoom() Quirks {
	return Quirks{
		References: of("https://developers.zoom.us/docs/api/scim2/"),
		NoCursor:   true,
		PartialPut: true, // a PUT takes a part of the user
		Users: Offer{
			// To a query externalId is Zoom's own id.
			Filters:  &Filters{Attributes: []string{"userName", "externalId"}, Alias: map[string]string{"externalId": "id"}},
			Required: []string{"userName", "emails", "name.givenName", "name.familyName"}, // unverified
			Assumed:  []string{RefusedRequired},
			Emails:   []string{"userName"},
			Patch:    Dialect{Paths: []string{"active"}}, // what else is changed by PUT; the status is not documented
			// Many attributes are not in lists. Which is not documented; these stand
			// for them.
			ListOmits: []string{"displayName", "title", "phoneNumbers", scim.EnterpriseUserURN},
		},
		Groups: Offer{Without: []string{http.MethodPut}},
	}
}

func notion() Quirks {
	return Quirks{
		References: of("https://www.notion.com/help/provision-users-and-groups-with-scim"),
		NoCursor:   true,
		PageSize:   100, DefaultPage: 100, // unverified
		Users: Offer{
			Filters:  by("userName"), // unverified
			Assumed:  []string{RefusedFilter},
			Required: []string{"userName"},
			Emails:   []string{"userName"},
		},
		Groups: Offer{Filters: by("displayName"), Assumed: []string{RefusedFilter}}, // unverified
	}
}

func figma() Quirks {
	return Quirks{
		References: map[string]string{
			"": "https://developers.figma.com/docs/scim-api/", RefusedState: "https://help.figma.com/hc/en-us/articles/360048514653",
		},
		NoCursor:         true,
		PageSize:         200,
		HideOutside:      true, // who joined otherwise is not seen until a POST binds the person
		NoETag:           true, // nor bulk and sort
		IgnoreParameters: []string{"sortBy", "sortOrder"},
		Claims:           map[string]bool{"bulk": false, "sort": false, "etag": false},
		Users: Offer{
			Filters:  by("userName", "externalId"),
			Required: []string{"userName", "displayName|name"},
			Longest:  map[string]int{"displayName": 100, "userName": 100, "externalId": 255},
		},
		// That the operations on groups are all there is unverified.
		Groups: Offer{Filters: by("displayName")},
	}
}

func salesforce() Quirks {
	return Quirks{
		References: of("https://help.salesforce.com/s/articleView?id=sf.identity_scim_overview.htm"),
		NoCursor:   true,
		ConfigPath: "/ServiceProviderConfigs", // in the plural
		RateStatus: http.StatusForbidden,      // or 503; unverified, as the daily number of calls
		// Entitlements and roles are resources of their own there, which these
		// simulations do not have.
		Users: Offer{
			Without: []string{http.MethodDelete}, // users are only ever deactivated. Whether there is a PUT is not known
			// The operators are unverified.
			Filters: &Filters{
				Attributes: []string{"userName", "externalId", "id", "active"},
				Ops:        []scim.Op{scim.OpEq, scim.OpCo, scim.OpSw, scim.OpGt, scim.OpLt},
				And:        true, Or: true, LeftToRight: true, // "and" has no precedence over "or"
			},
			// Unverified. alias or nickName is said to be required, too.
			Required: []string{"userName", "emails", "name.familyName", "entitlements"},
			Assumed:  []string{RefusedFilter, RefusedRequired},
			Emails:   []string{"userName"},
		},
	}
}
