// SPDX-License-Identifier: Apache-2.0

package scimtest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/usher-id/usher/scim"
)

// Deviates says in what an app with these quirks differs from plain SCIM 2.0, one
// short line each, so that what is found out about it from without can be held
// against it. So quirks that look the same from without have the same line, what is
// as in an app without quirks has none, and lists are sorted.
func (q Quirks) Deviates() []string {
	var l lines
	l.words("requests need the header", slices.Sorted(maps.Keys(q.Headers)))
	l.words("bodies are", q.ContentTypes)
	l.words("queries pass over", q.IgnoreParameters)
	l.text("ServiceProviderConfig is at", q.ConfigPath)
	l.number("members in one PATCH at most", q.MaxMembersPerPatch)
	l.words("taken and not kept:", q.IgnoreAttributes)
	if q.PageSize != usualMost {
		l.number("resources on a page at most", q.PageSize)
	}
	if q.DefaultPage != min(usualPage, cmp.Or(q.PageSize, usualMost)) {
		l.number("resources on a page by default", q.DefaultPage)
	}
	l.number("resources without a cursor at most", q.FirstPage)
	l.number("members shown at most", q.MembersShown)
	l.number("status of a query for an unknown member", q.UnknownInFilter)
	l.text("the last user stays who has the role", q.KeepLast)
	l.text("the app's own id is in", q.Stamp)
	l.words("always the same:", slices.Sorted(maps.Keys(q.Constants)))
	for _, f := range []struct {
		on   bool
		text string
	}{
		{q.NeverReturnMembers, "members are never shown"},
		{q.IgnoreDeactivate, "active: false does nothing"},
		{q.IgnoreFilter, "queries give everybody"},
		{q.IgnoreStartIndex, "every page is the first"},
		{q.NoPatch, "there is no PATCH"},
		{q.PatchNoContent, "PATCH is answered with 204"},
		{q.AllowDuplicates, "a userName may be there twice"},
		{q.DropExternalID, "externalId is not kept"},
		{q.LowerUserName, "userName is kept in lower case"},
		{q.DeleteDisables, "DELETE of a user deactivates"},
		{q.Settle > 0, "new resources are found later"},
		{q.CaseSensitiveNames, "letter case counts in userNames"},
		{q.NoExtras, "no /Me, /Bulk and /.search"},
		{q.PartialPut, "PUT leaves what it does not name"},
		{q.NoETag, "no versions"},
		{q.NoCursor, "no pages by cursor"},
		{q.ShortPages, "pages by cursor may be short"},
		{q.Sample, "a list without filter is a made-up user"},
		{q.NamelessOne, "lists have entries with an empty userName"},
		{q.InactiveDeletes, "active: false deletes"},
		{q.InactiveHidesNames, "active: false hides the names"},
		{q.DeleteIsFinal, "who was deleted cannot be made again"},
		{q.LooseUserNames, "userNames that differ in punctuation are the same"},
		{q.HideOutside, "who was made elsewhere is not seen, and bound by POST"},
		{q.IDIsExternalID, "id is externalId"},
		{q.LowerListKey, `lists are in "resources"`},
		{q.SchemaTwice, `errors have "schema", too`},
		{q.FlatName, `users have "name.formatted"`},
	} {
		l.flag(f.text, f.on)
	}
	q.users().deviates(&l, "users", "userName")
	q.Groups.deviates(&l, "groups", "displayName")
	return l.all
}

// users are what the app has of users, with what it has of all names.
func (q Quirks) users() Offer {
	f := q.Users
	if q.MaxUserName > 0 {
		f.Longest = maps.Clone(f.Longest)
		if f.Longest == nil {
			f.Longest = map[string]int{}
		}
		f.Longest["userName"] = min(q.MaxUserName, cmp.Or(f.Longest["userName"], q.MaxUserName))
	}
	return f
}

// lines are what is worth a line.
type lines struct {
	of  string // whom they are about
	all []string
}

func (l *lines) flag(what string, on bool) {
	if on {
		l.all = append(l.all, l.of+what)
	}
}

func (l *lines) text(what, s string) { l.flag(what+" "+s, s != "") }

func (l *lines) number(what string, n int) { l.flag(fmt.Sprintf("%s: %d", what, n), n > 0) }

func (l *lines) words(what string, list []string) {
	l.text(what, strings.Join(slices.Sorted(slices.Values(list)), ", "))
}

// lacking is a list without what SCIM says itself.
func lacking(list []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s == name })
}

// choices are requirements whose options are sorted.
func choices(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = strings.Join(slices.Sorted(strings.SplitSeq(s, "|")), "|")
	}
	return out
}

// deviates says so of one type, whose resources must have one attribute in any case
// (RFC 7643 §4.1, §4.2).
func (f Offer) deviates(l *lines, of, must string) {
	l.of = of + ": "
	if f.None {
		l.flag("there are none", true)
		return
	}
	l.words("not offered:", f.Without)
	l.text("also at", f.Path)
	if f.Filters != nil {
		l.words("queries are by", f.Filters.Attributes)
		l.flag("other queries give an empty list", f.Filters.EmptyOtherwise)
		l.flag("terms are not joined by and", !f.Filters.And)
		l.flag("terms are not joined by or", !f.Filters.Or)
		l.flag("filters are read from left to right", f.Filters.LeftToRight)
		l.flag("queries by externalId are by id", f.Filters.Alias["externalId"] == "id")
	}
	l.words("required:", choices(lacking(f.Required, must)))
	l.words("a primary value is required of", f.Primary)
	l.words("refused:", f.Refused)
	l.words("one value alone:", f.Single)
	l.words("some values are refused of", slices.Sorted(maps.Keys(f.Values)))
	l.words("of one type alone:", slices.Sorted(maps.Keys(f.Types)))
	l.words("never changed:", f.Fixed)
	l.words("e-mail addresses:", f.Emails)
	var longest []string
	for name, most := range f.Longest {
		longest = append(longest, fmt.Sprintf("%s %d", name, most))
	}
	l.words("of limited length:", longest)
	l.text("characters that are refused:", string(slices.Sorted(slices.Values([]rune(f.Forbids)))))
	l.words("not in lists:", f.ListOmits)
	l.number("members in a POST or PUT at most", f.MaxWhole)
	l.flag("members are users", f.MembersAreUsers)
	l.flag("an unknown member fails the request", f.MembersKnown)
	l.flag("a POST makes it empty", f.EmptyAtFirst)
	l.flag("displayName is unique", f.UniqueName)
	f.Patch.deviates(l, must)
}

func (d *Dialect) deviates(l *lines, must string) {
	l.of += "PATCH: "
	if len(d.Ops) > 0 {
		l.flag("no "+scim.OpRemove, !slices.Contains(d.Ops, scim.OpRemove))
	}
	l.words("paths that are passed over are others than", when(d.VoidOthers, d.Paths))
	l.words("paths are", when(!d.VoidOthers && !groupWhole(d.Paths), d.Paths))
	l.words("once in a request:", d.Once)
	l.words("not removed:", lacking(d.NoRemove, must))
	l.words("filters of paths:", d.PathFilters)
	l.number("operations at most", d.MaxOperations)
	l.number("members changed at most", d.MaxChanges)
	l.number("members added at most", d.MaxAdds)
	l.number("members removed at most", d.MaxRemoves)
	for _, f := range []struct {
		on   bool
		text string
	}{
		{d.LowerCase, "operations in lower case"},
		{d.OneOperation, "one operation"},
		{d.NoPathless, "none without path"},
		{d.OnePathless, "one attribute without path"},
		{d.NoPathFilters, "no filters in paths"},
		{d.EqFilters, "filters of paths by eq alone"},
		{d.VoidFilters, "paths with filters change nothing"},
		{d.OnlyInactive, "active to false alone"},
		{d.KeepsMembers, "not all members at once"},
		{d.MembersAlone, "members apart from other changes"},
		{d.MembersOnce, "one change of members"},
	} {
		l.flag(f.text, f.on)
	}
}

// groupWhole tells whether paths are all that a group has (RFC 7643 §4.2).
func groupWhole(paths []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(paths)), []string{"displayName", "externalId", "members"})
}

func when(on bool, list []string) []string {
	if on {
		return list
	}
	return nil
}
