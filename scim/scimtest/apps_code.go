// SPDX-License-Identifier: Apache-2.0

package scimtest

import (
	"net/http"

	"github.com/usher-id/usher/scim"
)

// The apps of those who write programs.

// githubHeaders are those that the API wants. A request without User-Agent is
// refused; that one without this Accept is, is an assumption. The status of either is
// not documented with SCIM.
func githubHeaders() map[string]string {
	return map[string]string{"User-Agent": "", "Accept": "application/scim+json"}
}

func githubEMU() Quirks {
	return Quirks{
		References: map[string]string{
			"":            "https://docs.github.com/en/enterprise-cloud@latest/rest/enterprise-admin/scim",
			RefusedState:  "https://docs.github.com/en/enterprise-cloud@latest/admin/managing-iam/provisioning-user-accounts-with-scim/provisioning-users-and-groups-with-scim-using-the-rest-api",
			RefusedHeader: "https://docs.github.com/en/enterprise-cloud@latest/rest/enterprise-admin/scim",
		},
		Headers:  githubHeaders(),
		NoCursor: true,
		PageSize: 100, DefaultPage: 30, // the most is unverified
		// The account's login and e-mail are obfuscated; that SCIM shows so is an
		// assumption.
		InactiveHidesNames: true,
		DeleteIsFinal:      true, // the status is not documented
		LooseUserNames:     true, // they must be unique after they were normalised
		Users: Offer{
			Filters:  by("userName", "externalId", "id", "displayName"),
			Required: []string{"externalId", "active", "userName", "displayName", "emails"},
			Parts: map[string][]string{
				"emails": {"value", "type", "primary"},
				"name":   {"givenName", "familyName"}, // if there is a name
			},
			// A filter in a path is documented as without effect, although an example
			// has one.
			Patch: Dialect{VoidFilters: true},
		},
		Groups: Offer{
			Filters:  by("externalId", "id", "displayName"),
			Required: []string{"externalId", "displayName"},
			// Of the members that come with a group, not with a PATCH, which has the
			// shape that Entra and Okta send.
			Parts: map[string][]string{"members": {"value", "displayName"}},
		},
	}
}

func githubOrg() Quirks {
	return Quirks{
		References:      of("https://docs.github.com/en/enterprise-cloud@latest/rest/scim/scim"),
		Headers:         githubHeaders(),
		NoCursor:        true,
		PageSize:        100,  // unverified
		NamelessOne:     true, // lists have pending invitations and entries with an empty userName
		InactiveDeletes: true, // the identity and its id are gone; return is a new POST
		Users: Offer{
			Filters:  by("userName", "externalId", "id", "emails"),
			Required: []string{"userName", "name.givenName", "name.familyName", "emails"}, // partly unverified
			Assumed:  []string{RefusedRequired},
			Patch:    Dialect{NoPathFilters: true},
		},
		Groups: Offer{None: true},
	}
}

const gitlabAPI = "https://docs.gitlab.com/development/internal_api/"

// gitlabUsers are those of both: what a PATCH changes beyond its path is passed over.
func gitlabUsers(ops ...string) Offer {
	return Offer{
		Without:  []string{http.MethodPut},
		Filters:  &Filters{Attributes: []string{"id", "externalId", "userName", "email"}, Alias: map[string]string{"id": "externalId", "email": "emails.value"}},
		Required: []string{"externalId", "userName", "emails", "name"},
		Patch:    Dialect{Ops: ops, Paths: []string{"externalId", "id", "active"}, VoidOthers: true},
	}
}

func gitlabSaaS() Quirks {
	return Quirks{
		References:     of(gitlabAPI),
		NoCursor:       true,
		DefaultPage:    20,
		PatchNoContent: true,
		IDIsExternalID: true,
		FlatName:       true,
		Users:          gitlabUsers(scim.OpReplace, scim.OpAdd),
		Groups:         Offer{None: true}, // membership comes from SAML group links
	}
}

func gitlabSelfManaged() Quirks {
	return Quirks{
		References:     of(gitlabAPI),
		NoCursor:       true,
		DefaultPage:    20,
		PatchNoContent: true,
		IDIsExternalID: true, // read of GitLab.com; that this one does the same is an assumption
		Users:          gitlabUsers(scim.OpReplace, scim.OpAdd, scim.OpRemove),
		// Groups are behind the flag self_managed_scim_group_sync, which was off when
		// it came; its state today is unverified. Where it is on, a POST is refused as well,
		// unless a SAML group link has the group's name.
		Groups: Offer{None: true},
	}
}

// atlassianURN is the schema in which the account's own id comes back.
const atlassianURN = "urn:scim:schemas:extension:atlassian-external:1.0"

func atlassian() Quirks {
	return Quirks{
		References: map[string]string{
			"":           "https://developer.atlassian.com/cloud/admin/user-provisioning/rest/intro/",
			RefusedState: "https://support.atlassian.com/provisioning-users/docs/understand-user-provisioning/",
		},
		Extensions: []scim.Schema{{ID: atlassianURN, Name: "AtlassianUser", Description: "What Atlassian adds to a user", Attributes: []scim.Attribute{
			{Name: "atlassianAccountId", Type: scim.TypeString, Description: "Identifier of the account", Mutability: scim.ReadOnly, CaseExact: true},
		}}},
		Stamp:    atlassianURN + ":atlassianAccountId",
		NoCursor: true,
		PageSize: 100,
		Users: Offer{
			Filters:  by("userName", "externalId"),
			Required: []string{"userName", "emails", "displayName|name"}, // partly unverified
			Assumed:  []string{RefusedRequired},
			Primary:  []string{"emails"},
		},
		Groups: Offer{
			Filters: by("displayName"), // unverified
			Assumed: []string{RefusedFilter},
			Fixed:   []string{"displayName"}, // groups are not renamed; the status is not documented
		},
	}
}

func sentry() Quirks {
	return Quirks{
		References:      of("https://docs.sentry.io/api/scim/"),
		ContentTypes:    []string{"application/json"}, // application/scim+json may be refused; the status is an assumption
		Assumed:         []string{RefusedContentType},
		NoCursor:        true,
		PageSize:        100,
		InactiveDeletes: true, // the membership is deleted; return is a new POST
		KeepLast:        "owner",
		Constants:       map[string]string{"name.givenName": "N/A", "name.familyName": "N/A"},
		MembersShown:    10_000,
		Users: Offer{
			Without:   []string{http.MethodPut},
			Filters:   by("userName"),
			Required:  []string{"userName"},
			Emails:    []string{"userName"},
			ListOmits: []string{"active"}, // some answers leave it out; which is not documented
			Patch:     Dialect{OnlyInactive: true, MaxOperations: 100},
		},
		Groups: Offer{
			Filters:      by("displayName"),
			EmptyAtFirst: true,                                         // a POST makes an empty team
			Patch:        Dialect{MaxOperations: 100, IgnoresID: true}, // a new name comes with the id, in one value
		},
	}
}

func linear() Quirks {
	return Quirks{
		References: of("https://linear.app/docs/scim"),
		NoCursor:   true,
		Users: Offer{
			Filters:  by("userName"), // unverified, as is whether there is a DELETE
			Assumed:  []string{RefusedFilter},
			Required: []string{"userName", "displayName"},
			Emails:   []string{"userName"},
		},
	}
}

func vercel() Quirks {
	return Quirks{
		References: of("https://vercel.com/docs/directory-sync"),
		NoCursor:   true,
		Users: Offer{
			Filters:  by("userName"), // unverified
			Assumed:  []string{RefusedFilter},
			Required: []string{"userName", "emails"},
		},
	}
}
