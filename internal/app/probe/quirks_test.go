// SPDX-License-Identifier: Apache-2.0

package probe_test

import (
	"flag"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimtest"
)

// quirk is something that makes an app differ from plain SCIM 2.0 in one line.
type quirk struct {
	name string
	area area
	set  func(*scimtest.Quirks)
}

// area is what a quirk is about. Of two quirks of one area the first may hide the other.
type area string

const (
	requests   area = "requests"
	queries    area = "queries"
	filters    area = "filters"
	lists      area = "lists"
	names      area = "names"
	values     area = "values"
	life       area = "life"
	puts       area = "PUT"
	patches    area = "PATCH of users"
	groups     area = "groups"
	groupPatch area = "PATCH of groups"
)

// hides are quirks that hide others of another area: where there is no PATCH none is
// limited.
func hides(name string) []area {
	switch name {
	case "no patch":
		return []area{groupPatch, names, values, life, groups}
	case "only inactive":
		return []area{names, values, life}
	case "paths", "void paths":
		return []area{values, names}
	case "no groups":
		return []area{groupPatch, filters}
	case "members known": // one user alone cannot show how many others would be too many
		return []area{groupPatch}
	case "no filters":
		return []area{queries, lists}
	case "sample":
		return []area{filters, queries}
	case "no put of users":
		return []area{names, values}
	case "delete disables", "no delete of users": // few users are made there
		return []area{names}
	}
	return nil
}

const ownURN = "urn:example:params:scim:schemas:own:2.0:User"

func quirks() []quirk {
	type q = *scimtest.Quirks
	return []quirk{
		{"members in a patch", groupPatch, func(q q) { q.MaxMembersPerPatch = 37 }},
		{"hidden members", groups, func(q q) { q.NeverReturnMembers = true }},
		{"short names", names, func(q q) { q.MaxUserName = 64 }},
		{"lost attribute", values, func(q q) { q.IgnoreAttributes = []string{"title"} }},
		{"lost extension attribute", values, func(q q) { q.IgnoreAttributes = []string{scim.EnterpriseUserURN + ":costCenter"} }},
		{"no deactivation", life, func(q q) { q.IgnoreDeactivate = true }},
		{"no filters", filters, func(q q) { q.IgnoreFilter = true }},
		{"first page only", lists, func(q q) { q.IgnoreStartIndex, q.NoCursor = true, true }},
		{"no patch", patches, func(q q) { q.NoPatch = true }},
		{"patch 204", patches, func(q q) { q.PatchNoContent = true }},
		{"duplicates", names, func(q q) { q.AllowDuplicates = true }},
		{"no externalId", values, func(q q) { q.DropExternalID = true }},
		{"lower names", names, func(q q) { q.LowerUserName = true }},
		{"delete disables", life, func(q q) { q.DeleteDisables = true }},
		{"late", queries, func(q q) { q.Settle = 700 * time.Millisecond }},
		{"short pages", lists, func(q q) { q.PageSize = 20 }},
		{"short pages unasked", lists, func(q q) { q.DefaultPage = 10 }},
		{"few without cursor", lists, func(q q) { q.FirstPage = 5 }},
		{"letter case", names, func(q q) { q.CaseSensitiveNames = true }},
		{"user agent", requests, func(q q) { q.Headers = map[string]string{"User-Agent": ""} }},
		{"accept", requests, func(q q) { q.Headers = map[string]string{"Accept": "application/scim+json"} }},
		{"json", requests, func(q q) { q.ContentTypes = []string{"application/json"} }},
		{"scim+json", requests, func(q q) { q.ContentTypes = []string{"application/scim+json"} }},
		{"no startIndex", lists, func(q q) { q.IgnoreParameters = []string{"startIndex"} }},
		{"no attributes", queries, func(q q) { q.IgnoreParameters = []string{"attributes"} }},
		{"no excludedAttributes", queries, func(q q) { q.IgnoreParameters = []string{"excludedAttributes"} }},
		{"no sort", lists, func(q q) { q.IgnoreParameters = []string{"sortBy", "sortOrder"} }},
		{"plural config", requests, func(q q) { q.ConfigPath = "/ServiceProviderConfigs" }},
		{"no extras", requests, func(q q) { q.NoExtras = true }},
		{"partial put", puts, func(q q) { q.PartialPut = true }},
		{"no versions", requests, func(q q) { q.NoETag = true }},
		{"no cursor", lists, func(q q) { q.NoCursor = true }},
		{"short cursor pages", lists, func(q q) { q.ShortPages = true }},
		{"sample", lists, func(q q) { q.Sample = true }},
		{"nameless", lists, func(q q) { q.NamelessOne = true }},
		{"inactive deletes", life, func(q q) { q.InactiveDeletes = true }},
		{"inactive hides", life, func(q q) { q.InactiveHidesNames = true }},
		{"delete is final", life, func(q q) { q.DeleteIsFinal = true }},
		{"loose names", names, func(q q) { q.LooseUserNames = true }},
		{"id is externalId", values, func(q q) { q.IDIsExternalID = true }},
		{"constants", values, func(q q) { q.Constants = map[string]string{"name.givenName": "N/A"} }},
		{"stamp", values, func(q q) {
			q.Stamp = ownURN + ":own"
			q.Extensions = []scim.Schema{{ID: ownURN, Name: "Own", Attributes: []scim.Attribute{{Name: "own", Type: scim.TypeString, Mutability: scim.ReadOnly}}}}
		}},
		{"unknown member", filters, func(q q) { q.UnknownInFilter = http.StatusNotFound }},
		{"lower list", queries, func(q q) { q.LowerListKey = true }},
		{"schema", requests, func(q q) { q.SchemaTwice = true }},
		{"flat name", values, func(q q) { q.FlatName = true }},
		{"members shown", groups, func(q q) { q.MembersShown = 5 }},

		{"no groups", groups, func(q q) { q.Groups.None = true }},
		{"no put of users", puts, func(q q) { q.Users.Without = []string{http.MethodPut} }},
		{"no put of groups", groups, func(q q) { q.Groups.Without = []string{http.MethodPut} }},
		{"no delete of users", life, func(q q) { q.Users.Without = []string{http.MethodDelete} }},
		{"users elsewhere", requests, func(q q) { q.Users.Path = "/users" }},
		{"groups elsewhere", groups, func(q q) { q.Groups.Path = "/groups" }},
		{"one filter", filters, func(q q) { q.Users.Filters = &scimtest.Filters{Attributes: []string{"userName"}} }},
		{"filters and", filters, func(q q) { q.Users.Filters = &scimtest.Filters{Attributes: []string{"userName", "id"}, And: true} }},
		{"filters or", filters, func(q q) {
			q.Users.Filters = &scimtest.Filters{Attributes: []string{"userName", "id"}, And: true, Or: true, LeftToRight: true}
		}},
		{"empty filters", filters, func(q q) { q.Users.Filters = &scimtest.Filters{Attributes: []string{"userName"}, EmptyOtherwise: true} }},
		{"group filters", filters, func(q q) { q.Groups.Filters = &scimtest.Filters{Attributes: []string{"displayName"}} }},
		{"required", values, func(q q) { q.Users.Required = []string{"emails", "name.givenName"} }},
		{"required choice", values, func(q q) { q.Users.Required = []string{"displayName|name"} }},
		{"required password", values, func(q q) { q.Users.Required = []string{"password"} }},
		{"required of groups", groups, func(q q) { q.Groups.Required = []string{"externalId"} }},
		{"primary", values, func(q q) { q.Users.Primary = []string{"emails"} }},
		{"refused", values, func(q q) { q.Users.Refused = []string{"password", "ims", "emails.display"} }},
		{"single", values, func(q q) { q.Users.Single = []string{"phoneNumbers"} }},
		{"single all", values, func(q q) { q.Users.Single = []string{"*"} }},
		{"one type", values, func(q q) { q.Users.Types = map[string]string{"emails": "work"} }},
		{"fixed name", names, func(q q) { q.Users.Fixed = []string{"userName"} }},
		{"fixed displayName", values, func(q q) { q.Users.Fixed = []string{"displayName"} }},
		{"fixed group name", groupPatch, func(q q) { q.Groups.Fixed = []string{"displayName"} }},
		{"e-mail names", names, func(q q) { q.Users.Emails = []string{"userName"} }},
		{"long", names, func(q q) { q.Users.Longest = map[string]int{"displayName": 99, "externalId": 200} }},
		{"characters", values, func(q q) { q.Users.Forbids, q.Users.Named = "<;", []string{"displayName"} }},
		{"group characters", groupPatch, func(q q) { q.Groups.Forbids, q.Groups.Named = `%"`, []string{"displayName"} }},
		{"lists omit", queries, func(q q) { q.Users.ListOmits = []string{"locale", "emails"} }}, // not what another quirk loses
		{"group lists omit", groups, func(q q) { q.Groups.ListOmits = []string{"members"} }},
		{"whole groups", groups, func(q q) { q.Groups.MaxWhole = 60 }},
		{"members are users", groups, func(q q) { q.Groups.MembersAreUsers = true }},
		{"members known", groups, func(q q) { q.Groups.MembersKnown = true }},
		{"empty at first", groups, func(q q) { q.Groups.EmptyAtFirst = true }},
		{"unique groups", groups, func(q q) { q.Groups.UniqueName = true }},

		{"no remove", patches, func(q q) { q.Users.Patch.Ops = []string{"add", "replace"} }},
		{"lower operations", patches, func(q q) { q.Users.Patch.LowerCase = true }},
		{"one operation", patches, func(q q) { q.Users.Patch.OneOperation = true }},
		{"operations", patches, func(q q) { q.Users.Patch.MaxOperations = 33 }},
		{"no pathless", patches, func(q q) { q.Users.Patch.NoPathless = true }},
		{"one pathless", patches, func(q q) { q.Users.Patch.OnePathless = true }},
		{"no path filters", patches, func(q q) { q.Users.Patch.NoPathFilters = true }},
		{"type filters", patches, func(q q) { q.Users.Patch.PathFilters = []string{`type eq "work"`} }},
		{"eq filters", patches, func(q q) { q.Users.Patch.EqFilters = true }},
		{"void filters", patches, func(q q) { q.Users.Patch.VoidFilters = true }},
		{"paths", patches, func(q q) { q.Users.Patch.Paths = []string{"active", "displayName", "title", "emails"} }},
		{"void paths", patches, func(q q) {
			q.Users.Patch.Paths, q.Users.Patch.VoidOthers = []string{"active", "displayName", "title"}, true
		}},
		{"once", patches, func(q q) { q.Users.Patch.Once = []string{"active", "userName"} }},
		{"kept", patches, func(q q) { q.Users.Patch.NoRemove = []string{"active"} }},
		{"only inactive", patches, func(q q) { q.Users.Patch.OnlyInactive = true }},
		{"lower group operations", groupPatch, func(q q) { q.Groups.Patch.LowerCase = true }},
		{"group operations", groupPatch, func(q q) { q.Groups.Patch.MaxOperations = 50 }},
		{"no pathless of groups", groupPatch, func(q q) { q.Groups.Patch.NoPathless = true }},
		{"one pathless of groups", groupPatch, func(q q) { q.Groups.Patch.OnePathless = true }},
		{"eq filters of groups", groupPatch, func(q q) { q.Groups.Patch.EqFilters = true }},
		{"keeps members", groupPatch, func(q q) { q.Groups.Patch.KeepsMembers = true }},
		{"members alone", groupPatch, func(q q) { q.Groups.Patch.MembersAlone = true }},
		{"members once", groupPatch, func(q q) { q.Groups.Patch.MembersOnce = true }},
		{"changes", groupPatch, func(q q) { q.Groups.Patch.MaxChanges = 80 }},
		{"adds", groupPatch, func(q q) { q.Groups.Patch.MaxAdds = 25 }},
		{"removes", groupPatch, func(q q) { q.Groups.Patch.MaxRemoves = 12 }},
	}
}

// TestOneQuirk: of an app that differs in one thing exactly that is found, and of
// one that differs in nothing, nothing.
func TestOneQuirk(t *testing.T) {
	t.Parallel()
	for i, one := range append(quirks(), quirk{"none", values, func(*scimtest.Quirks) {}}) {
		if i%rarely(6) > 0 {
			continue
		}
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

// search is for somebody who has changed the probe, or has added a quirk: pairs that hide
// each other are found by it, and not by whoever builds next.
var search = flag.Duration("search", 0, "TestQuirksTogether tries, for so long, what is drawn at random, and not what is always the same")

// TestQuirksTogether: of several quirks that do not hide one another each has its line,
// and nothing else has one.
func TestQuirksTogether(t *testing.T) {
	t.Parallel()
	drawn := rapid.Custom(drawQuirks)
	if *search == 0 {
		for seed := range 60 / rarely(6) {
			if wrong := together(t, drawn.Example(seed)); wrong != "" {
				t.Error(wrong)
			}
		}
		return
	}
	for end := time.Now().Add(*search); time.Now().Before(end); {
		rapid.Check(t, func(rt *rapid.T) {
			if wrong := together(t, drawn.Draw(rt, "quirks")); wrong != "" {
				rt.Error(wrong)
			}
		})
	}
}

// drawQuirks draws up to four that do not hide one another.
func drawQuirks(rt *rapid.T) (drawn []quirk) {
	all := quirks()
	for range rapid.IntRange(2, 4).Draw(rt, "quirks") {
		next := rapid.SampledFrom(all).Draw(rt, "quirk")
		if !slices.ContainsFunc(drawn, func(o quirk) bool { return apart(o, next) }) {
			drawn = append(drawn, next)
		}
	}
	return drawn
}

// together says how what is found of an app with these quirks is not what it has.
func together(t *testing.T, list []quirk) string {
	t.Helper()
	var q scimtest.Quirks
	for _, one := range list {
		one.set(&q)
	}
	r, a := probed(t, q, 120)
	if len(r.Left) == 0 {
		clean(t, a)
	}
	want, have := sorted(q.Deviates()), sorted(r.Deviations)
	if slices.Equal(want, have) {
		return ""
	}
	return fmt.Sprintf("%v\n want %q\n have %q", called(list), want, have)
}

// apart tells whether two quirks are not looked at together.
func apart(a, b quirk) bool {
	return a.area == b.area || slices.Contains(hides(a.name), b.area) || slices.Contains(hides(b.name), a.area)
}

func called(list []quirk) []string {
	out := make([]string, len(list))
	for i, q := range list {
		out[i] = q.name
	}
	return out
}

func sorted(list []string) []string { return slices.Sorted(slices.Values(list)) }
