// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/scim"
)

const notKnown = "not known"

// profile tells one profile in words.
func (c *cli) profile(p app.Profile) error {
	f, err := app.FactsByID(p.ID)
	if err != nil {
		return err
	}
	s := &sheet{w: c.out}
	s.under("Profile")
	s.linef("%s: %s", p.ID, p.Name)
	switch {
	case p.Kind == "scim2":
		s.line("speaks SCIM 2.0")
	case p.AppType != "":
		s.linef("speaks an API of its own, and Usher does, too: an app of it has type: %s, and no profile", p.AppType)
	default:
		s.line("speaks an API of its own, which Usher does not yet: this is for reading only")
	}
	switch {
	case !p.Verified:
		s.line("NOT VERIFIED: what the end lists is from memory or not known; tried on no live tenant")
	case len(p.UnverifiedFields) > 0:
		s.line("from documentation that was read, save what the end lists; tried on no live tenant")
	default:
		s.line("from documentation that was read")
	}
	tellLeaver(s, p, f)
	tellAddress(s, f)
	tellOperations(s, p, f)
	tellReading(s, p, f)
	tellPatch(s, f)
	tellRate(s, f)
	tellRest(s, f)
	return s.err
}

func tellLeaver(s *sheet, p app.Profile, f app.Facts) {
	s.under("Who leaves")
	s.line(leaves(p))
	s.line(f.Deactivate.Effect)
	s.under("Done by")
	s.line(strings.ReplaceAll(p.Deactivate, "patch ", "PATCH "))
	s.under("DELETE means")
	switch {
	case p.DeleteMeaning == "":
		s.line(notKnown)
	case p.Doubts("delete") && !strings.Contains(p.DeleteMeaning, "from memory"):
		s.line(p.DeleteMeaning + " (not verified)")
	default:
		s.line(p.DeleteMeaning)
	}
}

func tellAddress(s *sheet, f app.Facts) {
	s.under("Address")
	s.line(f.BaseURLTemplate)
	for _, other := range f.BaseURLVariants {
		s.line("or " + other)
	}
	s.under("Credential")
	how := f.Auth.Type
	switch how {
	case "bearer":
		how = "bearer token"
	case "oauth2", "oauth2_service_account":
		how = "OAuth 2.0"
	case "oauth2_client_credentials":
		how = "OAuth 2.0 client credentials"
	case "ssws_or_oauth2":
		how = "SSWS or OAuth 2.0"
	}
	if f.Auth.Token != "" {
		how += ": " + f.Auth.Token
	}
	s.line(how)
	var life []string
	if n := f.Auth.LifetimeDays; n > 0 {
		life = append(life, fmt.Sprintf("good for %d days", n))
	}
	if n := f.Auth.MaxTokens; n > 0 {
		life = append(life, fmt.Sprintf("%d at a time at most", n))
	}
	if f.Auth.ShownOnce {
		life = append(life, "shown once")
	}
	s.line(strings.Join(life, ", "))
	s.line(f.Auth.Rotation)
	if len(f.Auth.Scopes) > 0 {
		s.line("scopes: " + strings.Join(f.Auth.Scopes, ", "))
	}
	for _, name := range slices.Sorted(maps.Keys(f.Auth.RequiredHeaders)) {
		s.linef("needs the header %s (%s)", name, f.Auth.RequiredHeaders[name])
	}
	s.linef("bodies are %s", f.ContentType)
}

func tellOperations(s *sheet, p app.Profile, f app.Facts) {
	u, g := f.Users, f.Groups
	s.under("People")
	s.line(operations(u.Path, u.Create, u.Get, u.List, u.Replace, u.Patch, u.Delete))
	if u.PatchScope != "" {
		s.line("PATCH: " + u.PatchScope)
	}
	if u.PatchIs != "" {
		s.line("PATCH is " + u.PatchIs)
	}
	if u.PutPartial {
		s.line("PUT leaves alone what it does not name; what goes is named as null")
	}
	s.under("Groups")
	s.line(operations(g.Path, g.Create, g.Get, g.List, g.Replace, g.Patch, g.Delete))
	if g.FeatureFlag != "" {
		s.line("behind the feature flag " + g.FeatureFlag)
	}
	if g.Rename != nil && !*g.Rename {
		s.line("a group cannot be renamed")
	}
	if g.Create != nil && !*g.Create && !p.Groups.Get && !p.Groups.List {
		return
	}
	s.under("Members")
	m := f.Patch
	if m.MaxMembers != nil {
		s.linef("%d in a request at most", *m.MaxMembers)
	} else {
		s.linef("how many fit into a request is not known; Usher sends %d at most", p.MaxMembersPerRequest)
	}
	if m.MaxRemoveMembers != nil {
		s.linef("removed: %d in a request at most", *m.MaxRemoveMembers)
	}
	if m.MaxMembersPut != nil {
		s.linef("%d at most when a group is created or replaced", *m.MaxMembersPut)
	}
	if m.MembersSingleOp != nil && *m.MembersSingleOp {
		s.line("all in a single operation")
	}
	labelled(s, "added by: ", m.MemberAdd)
	labelled(s, "removed by: ", m.MemberRemove)
	labelled(s, "by ", g.Members)
	switch said := f.MembersReadable != nil || g.MembersReturned != nil; {
	case !p.MembersReadable:
		s.line("a group that is read does not prove who its members are")
	case said:
		s.line("a group is read with its members")
	case p.Kind == "scim2":
		s.line("whether a group is read with its members is not said; plain SCIM 2.0 has it so")
	}
}

func labelled(s *sheet, label, text string) {
	if text != "" {
		s.line(label + text)
	}
}

// operations lists what is offered, what is not, and what is not known.
func operations(path string, create, get, list, replace, patch, remove *bool) string {
	var yes, no, unknown []string
	for _, o := range []struct {
		name    string
		offered *bool
	}{{"create", create}, {"get", get}, {"list", list}, {"replace", replace}, {"patch", patch}, {"delete", remove}} {
		switch {
		case o.offered == nil:
			unknown = append(unknown, o.name)
		case *o.offered:
			yes = append(yes, o.name)
		default:
			no = append(no, o.name)
		}
	}
	switch {
	case len(yes)+len(no) == 0:
		return notKnown
	case len(yes)+len(unknown) == 0:
		return "none: they cannot be managed there"
	}
	parts := []string{strings.Join(yes, ", ")}
	if path != "" {
		parts[0] += " at " + path
	}
	if len(no) > 0 {
		parts = append(parts, "not: "+strings.Join(no, ", "))
	}
	if len(unknown) > 0 {
		parts = append(parts, "not known: "+strings.Join(unknown, ", "))
	}
	return strings.Join(parts, "; ")
}

func tellReading(s *sheet, p app.Profile, f app.Facts) {
	s.under("Filters")
	if len(p.Filters) == 0 {
		s.line(notKnown)
	}
	for _, x := range p.Filters {
		logic := "one comparison at a time"
		if len(x.Logic) > 0 {
			logic = "joined by " + strings.Join(x.Logic, ", ")
		}
		s.linef("%s: %s (%s; %s)", x.Resource, strings.Join(x.Attributes, ", "), strings.Join(x.Operators, ", "), logic)
	}
	s.under("Pages")
	switch p.Pagination {
	case "":
		s.line(notKnown)
	case "none":
		s.line("none: a list cannot be read page by page")
	case "index", "cursor":
		s.line("by " + p.Pagination)
	default:
		s.line(p.Pagination)
	}
	if p.Pagination != "none" {
		most, usual := "the largest page is not known", ""
		if f.MaxPage != nil {
			most = fmt.Sprintf("%d on a page at most", *f.MaxPage)
		}
		if f.DefaultPage != nil {
			usual = fmt.Sprintf("%d unless asked otherwise, ", *f.DefaultPage)
		}
		s.linef("%s; %sUsher asks for %d", most, usual, p.PageSize)
	}
	if p.ListTrusted {
		s.line("who is not in the full list is not there")
	} else {
		s.line("who is not in the full list may be there all the same: it proves nobody gone")
	}
	if p.Settle > 0 {
		s.linef("what was written may take %s to be seen", p.Settle)
	}
	if f.Sort != nil && !*f.Sort {
		s.line("nothing is sorted")
	}
}

func tellPatch(s *sheet, f app.Facts) {
	m := f.Patch
	s.under("PATCH")
	if len(m.Ops) == 0 {
		s.line(notKnown)
	} else {
		text := strings.Join(m.Ops, ", ")
		switch m.OpCase {
		case "lower":
			text += ", in lower case"
		case "any":
			text += ", in any case"
		}
		s.line(text)
	}
	switch words := strings.Trim(string(m.Pathless), `"`); words {
	case "", "null":
	case "true":
		s.line("an operation needs no path")
	case "false":
		s.line("an operation needs a path")
	default:
		s.line("without a path: " + words)
	}
	if m.OpRequired != nil && *m.OpRequired {
		s.line("op is required")
	}
	if m.RemoveNeedsPath != nil && *m.RemoveNeedsPath {
		s.line("remove needs a path")
	}
	list := func(label string, words []string) { labelled(s, label, strings.Join(words, ", ")) }
	list("a value is needed by ", m.ValueRequiredFor)
	labelled(s, "filters in paths: ", m.PathFilter)
	list("filters in paths know ", m.PathFilterOps)
	list("only these paths: ", m.AllowedPaths)
	list("paths of people: ", m.UserPaths)
	list("paths of groups: ", m.GroupPaths)
	list("of people: ", m.UserAllowed)
	list("never named: ", m.ForbiddenPaths)
	list("never removed: ", m.KeptPaths)
	labelled(s, "refused: ", strings.Join(m.Forbidden, "; "))
	labelled(s, "active=false is sent as ", m.ActiveFalse)
	labelled(s, "a group is renamed by ", m.GroupRename)
	if m.MaxOps != nil {
		s.linef("%d operations in a request at most", *m.MaxOps)
	}
	if m.Returns != 0 {
		s.linef("answered with %d", m.Returns)
	}
	s.line(m.Note)
}

func tellRate(s *sheet, f app.Facts) {
	r := f.RateLimit
	s.under("Rate")
	if r.Published == nil {
		s.line("no published rate is known")
	} else {
		s.line(*r.Published)
	}
	status := strings.NewReplacer("[", "", "]", "", ",", " or ").Replace(strings.Join(strings.Fields(string(r.Status)), ""))
	if status != "" && status != "null" {
		parts := []string{"too much is answered with " + status}
		if r.Error != "" {
			parts = append(parts, r.Error)
		}
		if len(r.Codes) > 0 {
			parts = append(parts, strings.Join(r.Codes, " or "))
		}
		if headers := append(slices.Clone(r.Headers), r.Header); len(headers) > 1 || r.Header != "" {
			parts = append(parts, "told by "+strings.Join(slices.DeleteFunc(headers, func(h string) bool { return h == "" }), ", "))
		}
		s.line(strings.Join(parts, "; "))
	}
	s.line(r.Strategy)
	if r.RequestsPerSecond > 0 {
		s.linef("Usher sends %v requests a second at most", r.RequestsPerSecond)
	}
}

func tellRest(s *sheet, f app.Facts) {
	list := func(label, none string, words []string) {
		s.under(label)
		if len(words) == 0 {
			s.line(none)
			return
		}
		s.line(strings.Join(words, "; "))
	}
	list("Required", "nothing is known to be", f.RequiredAttributes)
	list("Refused", "nothing is known to be", f.UnsupportedAttributes)
	tellLimits(s, f)
	s.under("Notes")
	for _, n := range f.Notes {
		s.line("- " + n)
	}
	list("Not verified", "nothing of it", f.UnverifiedFields)
	s.under("Sources")
	s.linef("read on %s", f.Date)
	for _, d := range f.Docs {
		s.line(d)
	}
}

// tellLimits tells what Usher makes of the limits on attributes.
func tellLimits(s *sheet, f app.Facts) {
	s.under("Limits")
	for _, name := range slices.Sorted(maps.Keys(f.Limits)) {
		s.linef("%s: %d", name, f.Limits[name])
	}
	for _, name := range slices.Sorted(maps.Keys(f.ForbiddenCharacters)) {
		s.linef("%s: no control characters, and none of %s", name, f.ForbiddenCharacters[name])
	}
	for _, l := range []struct {
		what string
		of   []string
	}{
		{"one value at most: ", f.SingleValued},
		{"a value must be primary: ", f.FlagPrimary},
		{"set once, and no drift after that: ", f.CreateOnlyAttributes},
		{"set once, and a change is for a person to make: ", f.ImmutableAttributes},
	} {
		labelled(s, l.what, strings.Join(l.of, ", "))
	}
	for _, text := range f.Extensions {
		if x, err := scim.ParseSchema(text, scim.Limits{}); err == nil {
			s.linef("attributes of its own, under %s:", x.ID)
			for _, a := range x.Attributes {
				labelled(s, "  "+a.Name+": ", a.Description)
			}
		}
	}
	if f.RandomPassword {
		s.line("whoever has no password mapped gets a random one that nobody knows")
	}
}
