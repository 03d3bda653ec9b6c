// SPDX-License-Identifier: Apache-2.0

package scimtest

import (
	"net/http"

	"github.com/usher-id/usher/scim"
)

// The apps of those who watch, store and guard, and the one that is no app.

func datadog() Quirks {
	return Quirks{
		References:     of("https://docs.datadoghq.com/account_management/scim/"),
		NoCursor:       true,
		DeleteDisables: true, // unverified
		Users: Offer{
			Filters:  by("userName"),
			Required: []string{"userName", "emails", "name"}, // unverified
			Assumed:  []string{RefusedRequired},
			Emails:   []string{"userName"},
			// That userName cannot be changed is unverified, and left out.
		},
		Groups: Offer{Filters: &Filters{Attributes: []string{"displayName", "externalId"}, Together: [][]string{{"id", "members"}}, And: true}},
	}
}

// snowflake is as before the behaviour-change bundle 2026_03: a list without filter
// is one made-up user, and a query that is not understood finds nobody. Since then
// there are pages, and 400 invalidFilter: without Sample and EmptyOtherwise.
// https://docs.snowflake.com/release-notes/bcr-bundles/2026_03/bcr-2276
func snowflake() Quirks {
	filters := func(attributes ...string) *Filters {
		return &Filters{Attributes: attributes, Ops: []scim.Op{scim.OpEq, scim.OpSw}, EmptyOtherwise: true}
	}
	return Quirks{
		References: map[string]string{
			"": "https://docs.snowflake.com/en/user-guide/scim-user-api-reference", RefusedMembers: "https://docs.snowflake.com/en/user-guide/scim-intro",
		},
		NoCursor: true,
		Sample:   true,
		Users: Offer{
			Filters:  filters("userName", "externalId", "id"),
			Required: []string{"userName", "emails|email"}, // unverified
			Assumed:  []string{RefusedRequired},
			Single:   []string{"*"}, // no multi-valued attributes
			Patch:    Dialect{NoPathFilters: true},
		},
		Groups: Offer{
			Without:         []string{http.MethodPut}, // unverified
			Assumed:         []string{RefusedOperation},
			Filters:         filters("displayName"),
			MembersAreUsers: true, // no nested roles
			// There are said to be no filters in paths. Whether that holds for a
			// member's is not clear: both shapes of its removal are taken.
			Patch: Dialect{ByValues: true},
		},
	}
}

func databricks() Quirks {
	return Quirks{
		References: of("https://docs.databricks.com/aws/en/admin/users-groups/scim/"),
		NoCursor:   true,
		PageSize:   10_000, DefaultPage: 100, // the most is unverified
		Users: Offer{
			// Unverified. A filter has 200 terms at most, as everywhere here.
			Filters: &Filters{
				Attributes: []string{"userName", "displayName", "externalId"},
				Ops:        []scim.Op{scim.OpEq, scim.OpCo, scim.OpSw, scim.OpNe},
				And:        true, Or: true,
			},
			Required: []string{"userName"},
			Emails:   []string{"userName"},
			Fixed:    []string{"userName"}, // unverified
			Assumed:  []string{RefusedFilter, RefusedState},
		},
	}
}

func grafana() Quirks {
	return Quirks{
		References:       of("https://grafana.com/docs/grafana/latest/setup-grafana/configure-access/configure-scim-provisioning/"),
		NoCursor:         true,
		IgnoreAttributes: []string{"roles"}, // they come by Role Sync; that they are passed over is an assumption
		Users: Offer{
			Filters:  by("userName", "externalId"), // unverified
			Assumed:  []string{RefusedFilter},
			Required: []string{"externalId", "userName", "emails"},
		},
	}
}

func pagerDuty() Quirks {
	return Quirks{
		References: map[string]string{
			"": "https://support.pagerduty.com/docs/scim-user-provisioning", RefusedState: "https://support.pagerduty.com/main/docs/assign-or-deactivate-users",
		},
		NoCursor:        true,
		InactiveDeletes: true, // the id is gone; return is a new POST
		Users: Offer{
			Filters:  by("userName"), // unverified, as the PUT
			Assumed:  []string{RefusedFilter},
			Required: []string{"userName", "displayName"},
			Emails:   []string{"userName"},
			Single:   []string{"roles", "entitlements"},
			Values:   map[string][]string{"roles": {"owner"}}, // the status is not documented
			// A DELETE fails while incidents are open, which these simulations do not have.
		},
		Groups: Offer{None: true},
	}
}

// onePassword does not say which of the operations on users are there, nor what a
// query can ask.
func onePassword() Quirks {
	return Quirks{
		References:     of("https://support.1password.com/scim/"),
		NoCursor:       true,
		DeleteDisables: true, // suspends at first; what becomes of who was is up to settings. Unverified
		Users: Offer{
			Filters:  by("userName", "externalId"), // unverified
			Assumed:  []string{RefusedFilter},
			Required: []string{"userName", "name|displayName"},
			Emails:   []string{"userName"},
		},
		Groups: Offer{
			Filters: by("displayName"), // unverified
			Assumed: []string{RefusedFilter, RefusedValue},
			// Built-in groups are not provisioned; that they are refused is an assumption.
			Values: map[string][]string{"displayName": {"Owners", "Administrators"}},
		},
	}
}

// tailscale takes clients of named providers; others are a private alpha, of which
// nothing is documented.
func tailscale() Quirks {
	return Quirks{
		References: of("https://tailscale.com/kb/1290/user-group-provisioning"),
		NoCursor:   true,
		Users:      Offer{Filters: by("userName", "externalId"), Assumed: []string{RefusedFilter}}, // unverified, as whether there is a DELETE
	}
}

func cloudflare() Quirks {
	return Quirks{
		References: of("https://developers.cloudflare.com/fundamentals/account/account-security/scim-setup/okta/"),
		NoCursor:   true,
		Users: Offer{
			Filters:  by("userName"), // unverified, as whether there is a PUT
			Assumed:  []string{RefusedFilter},
			Required: []string{"userName"},
			Emails:   []string{"userName"},
			// The guide for Okta switches on no updates of profiles. What becomes of
			// one is not documented, nor what the last Super Administrator's removal is
			// answered with.
		},
	}
}

// generic is a service provider that takes what every one can be expected to take,
// and nothing else.
func generic() Quirks {
	return Quirks{
		References: of("https://www.rfc-editor.org/rfc/rfc7644"),
		NoCursor:   true,
		PageSize:   100, DefaultPage: 100,
		Users: Offer{
			Filters: by("userName", "externalId"),
			Patch:   Dialect{LowerCase: true},
		},
		Groups: Offer{
			Filters: by("displayName"),
			Patch:   Dialect{LowerCase: true, MaxChanges: 100},
		},
	}
}
