// SPDX-License-Identifier: Apache-2.0

package probe_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimtest"
)

// quirk is something that makes an app differ from plain SCIM 2.0 in one line.
type quirk struct {
	name string
	set  func(*scimtest.Quirks)
}

const ownURN = "urn:example:params:scim:schemas:own:2.0:User"

func quirks() []quirk {
	type q = *scimtest.Quirks
	return []quirk{
		{"members in a patch", func(q q) { q.MaxMembersPerPatch = 37 }},
		{"hidden members", func(q q) { q.NeverReturnMembers = true }},
		{"short names", func(q q) { q.MaxUserName = 64 }},
		{"lost attribute", func(q q) { q.IgnoreAttributes = []string{"title"} }},
		{"lost extension attribute", func(q q) { q.IgnoreAttributes = []string{scim.EnterpriseUserURN + ":costCenter"} }},
		{"no deactivation", func(q q) { q.IgnoreDeactivate = true }},
		{"no filters", func(q q) { q.IgnoreFilter = true }},
		{"first page only", func(q q) { q.IgnoreStartIndex, q.NoCursor = true, true }},
		{"no patch", func(q q) { q.NoPatch = true }},
		{"patch 204", func(q q) { q.PatchNoContent = true }},
		{"duplicates", func(q q) { q.AllowDuplicates = true }},
		{"no externalId", func(q q) { q.DropExternalID = true }},
		{"lower names", func(q q) { q.LowerUserName = true }},
		{"delete disables", func(q q) { q.DeleteDisables = true }},
		{"late", func(q q) { q.Settle = 200 * time.Millisecond }},
		{"short pages", func(q q) { q.PageSize = 20 }},
		{"short pages unasked", func(q q) { q.DefaultPage = 10 }},
		{"few without cursor", func(q q) { q.FirstPage = 5 }},
		{"letter case", func(q q) { q.CaseSensitiveNames = true }},
		{"user agent", func(q q) { q.Headers = map[string]string{"User-Agent": ""} }},
		{"accept", func(q q) { q.Headers = map[string]string{"Accept": "application/scim+json"} }},
		{"json", func(q q) { q.ContentTypes = []string{"application/json"} }},
		{"scim+json", func(q q) { q.ContentTypes = []string{"application/scim+json"} }},
		{"no startIndex", func(q q) { q.IgnoreParameters = []string{"startIndex"} }},
		{"no attributes", func(q q) { q.IgnoreParameters = []string{"attributes"} }},
		{"no excludedAttributes", func(q q) { q.IgnoreParameters = []string{"excludedAttributes"} }},
		{"no sort", func(q q) { q.IgnoreParameters = []string{"sortBy", "sortOrder"} }},
		{"plural config", func(q q) { q.ConfigPath = "/ServiceProviderConfigs" }},
		{"no extras", func(q q) { q.NoExtras = true }},
		{"partial put", func(q q) { q.PartialPut = true }},
		{"no versions", func(q q) { q.NoETag = true }},
		{"no cursor", func(q q) { q.NoCursor = true }},
		{"short cursor pages", func(q q) { q.ShortPages = true }},
		{"sample", func(q q) { q.Sample = true }},
		{"nameless", func(q q) { q.NamelessOne = true }},
		{"inactive deletes", func(q q) { q.InactiveDeletes = true }},
		{"inactive hides", func(q q) { q.InactiveHidesNames = true }},
		{"delete is final", func(q q) { q.DeleteIsFinal = true }},
		{"loose names", func(q q) { q.LooseUserNames = true }},
		{"id is externalId", func(q q) { q.IDIsExternalID = true }},
		{"constants", func(q q) { q.Constants = map[string]string{"name.givenName": "N/A"} }},
		{"stamp", func(q q) {
			q.Stamp = ownURN + ":own"
			q.Extensions = []scim.Schema{{ID: ownURN, Name: "Own", Attributes: []scim.Attribute{{Name: "own", Type: scim.TypeString, Mutability: scim.ReadOnly}}}}
		}},
		{"unknown member", func(q q) { q.UnknownInFilter = http.StatusNotFound }},
		{"lower list", func(q q) { q.LowerListKey = true }},
		{"schema", func(q q) { q.SchemaTwice = true }},
		{"flat name", func(q q) { q.FlatName = true }},
		{"members shown", func(q q) { q.MembersShown = 5 }},

		{"no groups", func(q q) { q.Groups.None = true }},
		{"no put of users", func(q q) { q.Users.Without = []string{http.MethodPut} }},
		{"no put of groups", func(q q) { q.Groups.Without = []string{http.MethodPut} }},
		{"no delete of users", func(q q) { q.Users.Without = []string{http.MethodDelete} }},
		{"users elsewhere", func(q q) { q.Users.Path = "/users" }},
		{"groups elsewhere", func(q q) { q.Groups.Path = "/groups" }},
		{"one filter", func(q q) { q.Users.Filters = &scimtest.Filters{Attributes: []string{"userName"}} }},
		{"filters and", func(q q) { q.Users.Filters = &scimtest.Filters{Attributes: []string{"userName", "id"}, And: true} }},
		{"filters or", func(q q) {
			q.Users.Filters = &scimtest.Filters{Attributes: []string{"userName", "id"}, And: true, Or: true, LeftToRight: true}
		}},
		{"empty filters", func(q q) { q.Users.Filters = &scimtest.Filters{Attributes: []string{"userName"}, EmptyOtherwise: true} }},
		{"group filters", func(q q) { q.Groups.Filters = &scimtest.Filters{Attributes: []string{"displayName"}} }},
		{"required", func(q q) { q.Users.Required = []string{"emails", "name.givenName"} }},
		{"required choice", func(q q) { q.Users.Required = []string{"displayName|name"} }},
		{"required password", func(q q) { q.Users.Required = []string{"password"} }},
		{"required of groups", func(q q) { q.Groups.Required = []string{"externalId"} }},
		{"primary", func(q q) { q.Users.Primary = []string{"emails"} }},
		{"refused", func(q q) { q.Users.Refused = []string{"password", "ims", "emails.display"} }},
		{"single", func(q q) { q.Users.Single = []string{"phoneNumbers"} }},
		{"single all", func(q q) { q.Users.Single = []string{"*"} }},
		{"one type", func(q q) { q.Users.Types = map[string]string{"emails": "work"} }},
		{"fixed name", func(q q) { q.Users.Fixed = []string{"userName"} }},
		{"fixed displayName", func(q q) { q.Users.Fixed = []string{"displayName"} }},
		{"fixed group name", func(q q) { q.Groups.Fixed = []string{"displayName"} }},
		{"e-mail names", func(q q) { q.Users.Emails = []string{"userName"} }},
		{"long", func(q q) { q.Users.Longest = map[string]int{"displayName": 99, "externalId": 200} }},
		{"characters", func(q q) { q.Users.Forbids, q.Users.Named = "<;", []string{"displayName"} }},
		{"group characters", func(q q) { q.Groups.Forbids, q.Groups.Named = `%"`, []string{"displayName"} }},
		{"lists omit", func(q q) { q.Users.ListOmits = []string{"title", "emails"} }},
		{"whole groups", func(q q) { q.Groups.MaxWhole = 60 }},
		{"members are users", func(q q) { q.Groups.MembersAreUsers = true }},
		{"members known", func(q q) { q.Groups.MembersKnown = true }},
		{"empty at first", func(q q) { q.Groups.EmptyAtFirst = true }},
		{"unique groups", func(q q) { q.Groups.UniqueName = true }},

		{"no remove", func(q q) { q.Users.Patch.Ops = []string{"add", "replace"} }},
		{"lower operations", func(q q) { q.Users.Patch.LowerCase = true }},
		{"one operation", func(q q) { q.Users.Patch.OneOperation = true }},
		{"operations", func(q q) { q.Users.Patch.MaxOperations = 33 }},
		{"no pathless", func(q q) { q.Users.Patch.NoPathless = true }},
		{"one pathless", func(q q) { q.Users.Patch.OnePathless = true }},
		{"no path filters", func(q q) { q.Users.Patch.NoPathFilters = true }},
		{"type filters", func(q q) { q.Users.Patch.PathFilters = []string{`type eq "work"`} }},
		{"eq filters", func(q q) { q.Users.Patch.EqFilters = true }},
		{"void filters", func(q q) { q.Users.Patch.VoidFilters = true }},
		{"paths", func(q q) { q.Users.Patch.Paths = []string{"active", "displayName", "title", "emails"} }},
		{"void paths", func(q q) {
			q.Users.Patch.Paths, q.Users.Patch.VoidOthers = []string{"active", "displayName", "title"}, true
		}},
		{"once", func(q q) { q.Users.Patch.Once = []string{"active", "userName"} }},
		{"kept", func(q q) { q.Users.Patch.NoRemove = []string{"active"} }},
		{"only inactive", func(q q) { q.Users.Patch.OnlyInactive = true }},
		{"lower group operations", func(q q) { q.Groups.Patch.LowerCase = true }},
		{"group operations", func(q q) { q.Groups.Patch.MaxOperations = 50 }},
		{"no pathless of groups", func(q q) { q.Groups.Patch.NoPathless = true }},
		{"one pathless of groups", func(q q) { q.Groups.Patch.OnePathless = true }},
		{"eq filters of groups", func(q q) { q.Groups.Patch.EqFilters = true }},
		{"keeps members", func(q q) { q.Groups.Patch.KeepsMembers = true }},
		{"members alone", func(q q) { q.Groups.Patch.MembersAlone = true }},
		{"members once", func(q q) { q.Groups.Patch.MembersOnce = true }},
		{"changes", func(q q) { q.Groups.Patch.MaxChanges = 80 }},
		{"adds", func(q q) { q.Groups.Patch.MaxAdds = 25 }},
		{"removes", func(q q) { q.Groups.Patch.MaxRemoves = 12 }},
	}
}

// TestOneQuirk: of an app that differs in one thing exactly that is found, and of
// one that differs in nothing, nothing.
func TestOneQuirk(t *testing.T) {
	t.Parallel()
	for _, one := range append(quirks(), quirk{"none", func(*scimtest.Quirks) {}}) {
		t.Run(one.name, func(t *testing.T) {
			var q scimtest.Quirks
			one.set(&q)
			r, a := probed(t, q, 120)
			compare(t, q.Deviates(), r.Deviations)
			if len(r.Left) == 0 {
				clean(t, a)
			}
		})
	}
}
