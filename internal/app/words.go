// SPDX-License-Identifier: Apache-2.0

package app

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/usher-id/usher/scim"
)

// A file of an app that speaks SCIM is obeyed word by word. Three rules make
// words of it: a remark in round brackets is for people; a field of words has
// spellings that are known, and any other wants the field beside it that says how
// it is obeyed; and what nobody can read is an error.

// scim fills in what only an app that speaks SCIM has.
func (f profileFile) scim(p *Profile) error {
	return errors.Join(f.requests(p), f.dialect(p), f.leaving(p), f.attributes(p), f.throttle(p), f.extensions(p))
}

// plain drops the remarks.
func plain(s string) string {
	for {
		head, rest, found := strings.Cut(s, "(")
		if !found {
			return strings.Join(strings.Fields(s), " ")
		}
		_, tail, _ := strings.Cut(rest, ")")
		s = head + " " + tail
	}
}

// word is one of a field's words; "" is the first of them.
func word[T ~string](field, s string, known ...T) (T, error) {
	if s == "" {
		return known[0], nil
	}
	if slices.Contains(known, T(s)) {
		return T(s), nil
	}
	var names []string
	for _, k := range known {
		if k != "" {
			names = append(names, string(k))
		}
	}
	return "", fmt.Errorf("%s: %q is none of %s", field, s, strings.Join(names, ", "))
}

// told reads words for people: the field beside them says what they mean, or a
// spelling that is known does.
func told[T ~string](field, words, beside, s string, spellings map[string]T, known ...T) (T, error) {
	if s != "" || words == "" {
		return word(beside, s, known...)
	}
	if meaning, ok := spellings[plain(words)]; ok {
		return meaning, nil
	}
	return "", fmt.Errorf("%s says %q, which is obeyed only with %s beside it", field, words, beside)
}

// paths reads a list of attributes.
func paths(field string, list []string) (Paths, error) {
	var out Paths
	for _, s := range list {
		text := plain(s)
		if text == "enterprise extension" {
			text = scim.EnterpriseUserURN
		}
		p, err := scim.ParsePath(text)
		if err != nil || p.Filter != nil {
			return nil, fmt.Errorf("%s: %q is no attribute", field, s)
		}
		out = append(out, p)
	}
	return out, nil
}

// requests reads what every request has to obey.
func (f profileFile) requests(p *Profile) error {
	var errs []error
	if t, params, err := mime.ParseMediaType(p.ContentType); err != nil || len(params) > 0 || t != "application/scim+json" && t != "application/json" {
		errs = append(errs, fmt.Errorf("content_type: %q is none of application/scim+json, application/json", p.ContentType))
	}
	switch p.Pagination {
	case "", "index", "cursor", "none":
	default:
		errs = append(errs, fmt.Errorf("pagination: %q is none of index, cursor, none", p.Pagination))
	}
	for _, name := range slices.Sorted(maps.Keys(p.RequiredHeaders)) {
		value := p.RequiredHeaders[name]
		switch http.CanonicalHeaderKey(name) {
		case "User-Agent": // its value is words: there always is one
		case "Accept":
			if t, _, err := mime.ParseMediaType(value); err != nil || !strings.Contains(t, "/") {
				errs = append(errs, fmt.Errorf("required_headers: Accept %q is no media type", value))
			}
		case "Authorization", "Cookie", "Host", "Content-Type", "Content-Length":
			errs = append(errs, fmt.Errorf("required_headers: %s is not the profile's to say", name))
		}
	}
	for _, fs := range f.Filters {
		if fs.Resource != KindUser && fs.Resource != KindGroup {
			errs = append(errs, fmt.Errorf("filters: there is no resource %q", fs.Resource))
		}
		for _, op := range fs.Operators {
			if !slices.Contains([]string{"eq", "ne", "co", "sw", "ew", "pr", "gt", "ge", "lt", "le"}, op) {
				errs = append(errs, fmt.Errorf("filters: there is no operator %q", op))
			}
		}
	}
	return errors.Join(errs...)
}

// Spellings of the words of patch that need nothing beside them.
var (
	knownActive = map[string]PatchStyle{"op replace, value {active:false}": PatchStylePathless}
	knownRename = map[string]GroupRename{"op replace with value {id, displayName}": GroupRenameWithID}
	knownAdd    = map[string]MemberAdd{
		"op add, path members":                                     MemberAddPath,
		"op add, path members, value [{value:id}]":                 MemberAddPath,
		"op add with a nested value object {members:[{value:id}]}": MemberAddPathless,
	}
	knownRemove = map[string]MemberRemove{
		`op remove, path members[value eq "id"]`:                            MemberRemoveFilter,
		`op remove, path members[value eq "id"] or members with value list`: MemberRemoveFilter,
	}
)

// dialect reads patch.
func (f profileFile) dialect(p *Profile) error {
	d, file := &p.Patch, f.Patch
	var errs [9]error
	d.Style, errs[0] = word("patch.style", file.Style, PatchStylePaths, PatchStylePathless, PatchStyleObject)
	d.OpCase, errs[1] = word("patch.op_case", strings.TrimPrefix(file.OpCase, "any"), OpCaseLower, OpCaseCapital)
	d.Active, errs[2] = told("patch.active_false_shape", file.ActiveFalse, "patch.active_style", file.ActiveStyle, knownActive, "", PatchStylePaths, PatchStylePathless)
	d.GroupRename, errs[3] = told("patch.group_rename", file.GroupRename, "patch.group_rename_style", file.GroupRenameStyle, knownRename, GroupRenamePlain, GroupRenameWithID)
	d.MemberAdd, errs[4] = told("patch.member_add", file.MemberAdd, "patch.member_add_style", file.MemberAddStyle, knownAdd, MemberAddPath, MemberAddPathless)
	d.MemberRemove, errs[5] = told("patch.member_remove", file.MemberRemove, "patch.member_remove_style", file.MemberRemoveStyle, knownRemove, MemberRemoveFilter, MemberRemoveList)
	// Whatever words restrict filters in paths, a path without one passes.
	filters := file.PathFilters
	if filters == "" && file.PathFilter != "" {
		filters = string(PathFiltersNone)
	}
	d.PathFilters, errs[6] = word("patch.path_filters", filters, PathFiltersAny, PathFiltersType, PathFiltersNone)
	errs[7] = file.reach(d)
	if name := (scim.Path{Attr: "displayName"}); !p.Groups.Patch || len(d.GroupPaths) > 0 && !d.GroupPaths.Cover(name) || d.Forbidden.Cover(name) {
		p.Groups.NoRename = true // a PUT would empty the group
	}
	if string(file.Pathless) == "false" && (d.Style != PatchStylePaths || d.Active == PatchStylePathless || d.MemberAdd == MemberAddPathless) {
		errs[8] = errors.New("patch.pathless is false, and a style has no path")
	}
	d.MaxOps = orZero(file.MaxOps)
	p.MaxRemovalsPerRequest = orZero(file.MaxRemoveMembers)
	if d.MemberRemove == MemberRemoveFilter && d.MaxOps > 0 { // each is an operation
		p.MaxRemovalsPerRequest = min(p.MembersAtOnce(false), d.MaxOps)
	}
	if d.MemberRemove == MemberRemoveFilter && orZero(file.MembersSingleOp) {
		p.MaxRemovalsPerRequest = 1
	}
	return errors.Join(errs[:]...)
}

// reach reads which operations and paths a PATCH may have.
func (f filePatch) reach(d *Dialect) error {
	var errs []error
	for _, op := range f.Ops {
		op = strings.ToLower(op)
		if op != scim.OpAdd && op != scim.OpReplace && op != scim.OpRemove {
			errs = append(errs, fmt.Errorf("patch.ops: there is no operation %q", op))
		}
		d.Ops = append(d.Ops, op)
	}
	users := slices.Concat(f.AllowedPaths, f.UserPaths)
	for _, s := range f.UserAllowed { // such as "active=false only"
		name, _, _ := strings.Cut(plain(s), "=")
		name, _, _ = strings.Cut(name, " ")
		users = append(users, name)
	}
	for _, l := range []struct {
		field string
		list  []string
		to    *Paths
	}{
		{"patch.user_paths", users, &d.UserPaths},
		{"patch.group_paths", f.GroupPaths, &d.GroupPaths},
		{"patch.forbidden_paths", f.ForbiddenPaths, &d.Forbidden},
		{"patch.kept_paths", f.KeptPaths, &d.Kept},
	} {
		var err error
		*l.to, err = paths(l.field, l.list)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// leaving reads deactivate.
func (f profileFile) leaving(p *Profile) error {
	d := f.Deactivate
	by := d.By
	if by == "" {
		switch first := strings.ToLower(plain(d.Preferred)); {
		case first == "", strings.HasPrefix(first, "patch active=false"):
		case first == "delete", strings.HasPrefix(first, "delete or "):
			by = string(ByDelete)
		default:
			return fmt.Errorf("deactivate.preferred says %q, which is obeyed only with deactivate.by beside it", d.Preferred)
		}
	}
	var errs [3]error
	p.DeactivateBy, errs[0] = word("deactivate.by", by, ByPatch, ByDelete)
	final := LeavesDisabled
	switch {
	case d.Reversible != nil && !*d.Reversible:
		final = LeavesNothing
	case d.Reversible == nil && p.DeactivateBy == ByDelete: // gone, unless somebody says that it is not
		final = cmp.Or(Leaves(d.DeleteLeaves), LeavesNothing)
	}
	p.DeactivateLeaves, errs[1] = word("deactivate.leaves", string(cmp.Or(Leaves(d.Leaves), final)), LeavesDisabled, LeavesNothing)
	left := cmp.Or(Leaves(d.DeleteLeaves), LeavesNothing)
	if d.DeleteLeaves == "" && p.DeactivateBy == ByDelete { // the same request
		left = p.DeactivateLeaves
	}
	p.DeleteLeaves, errs[2] = word("deactivate.delete_leaves", string(left), LeavesDisabled, LeavesNothing)
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	switch {
	case p.DeactivateBy == ByDelete && !p.Users.Delete:
		return errors.New("deactivate: by DELETE, which users do not have")
	case p.DeactivateBy == ByDelete && p.DeleteLeaves != p.DeactivateLeaves:
		return errors.New("deactivate: leaves and delete_leaves speak of one request, and differ")
	case p.DeactivateBy == ByPatch && p.DeactivateLeaves == LeavesNothing:
		return errors.New("deactivate: an account of which nothing is left is deleted: say by: delete")
	}
	return nil
}

// throttle reads rate_limit.
func (f profileFile) throttle(p *Profile) error {
	r := f.RateLimit
	t := &p.Throttle
	if len(r.Status) > 0 && string(r.Status) != "null" {
		var one int
		if err := json.Unmarshal(r.Status, &one); err == nil {
			t.Statuses = []int{one}
		} else if err := json.Unmarshal(r.Status, &t.Statuses); err != nil {
			return fmt.Errorf("rate_limit.status: %s is no status, and no list of them", r.Status)
		}
	}
	for _, s := range t.Statuses {
		if s < 400 || s > 599 {
			return fmt.Errorf("rate_limit.status: %d is no refusal", s)
		}
	}
	t.Words = slices.DeleteFunc(append(slices.Clone(r.Codes), r.Error), func(s string) bool { return s == "" })
	for _, name := range r.Headers {
		for _, end := range []string{"*", "Limit", "Remaining", "Reset"} {
			name = strings.TrimSuffix(name, end)
		}
		if !strings.HasSuffix(name, "-") {
			return fmt.Errorf("rate_limit.headers: %q does not end in Limit, Remaining, Reset or *", name)
		}
		if !slices.Contains(t.Headers, name) {
			t.Headers = append(t.Headers, name)
		}
	}
	return nil
}
