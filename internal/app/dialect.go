// SPDX-License-Identifier: Apache-2.0

package app

import (
	"cmp"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"github.com/usher-id/usher/scim"
)

// Dialect is how an app takes PATCH (RFC 7644 §3.5.2). The zero value is plain
// SCIM: one operation for each attribute, each with a path.
type Dialect struct {
	Style       PatchStyle  `json:"style"`        // patch.style
	Ops         []string    `json:"ops"`          // patch.ops, in lower case; empty: all three
	OpCase      OpCase      `json:"op_case"`      // patch.op_case
	PathFilters PathFilters `json:"path_filters"` // patch.path_filters
	MaxOps      int         `json:"max_ops"`      // patch.max_ops_per_request; 0: no bound is known

	// UserPaths and GroupPaths are all that a PATCH may name, with what lies
	// below; none: everything. A path of an extension's URN stands for all of it.
	// In a file: allowed_paths, user_paths and user_allowed; group_paths.
	UserPaths  Paths `json:"user_paths,omitempty"`
	GroupPaths Paths `json:"group_paths,omitempty"`
	// Forbidden is what no PATCH may name (patch.forbidden_paths), and Kept what
	// none may remove (patch.kept_paths).
	Forbidden Paths `json:"forbidden,omitempty"`
	Kept      Paths `json:"kept,omitempty"`

	Active       PatchStyle   `json:"active"`        // patch.active_style: how active is changed; "" as all else
	GroupRename  GroupRename  `json:"group_rename"`  // patch.group_rename_style
	MemberAdd    MemberAdd    `json:"member_add"`    // patch.member_add_style
	MemberRemove MemberRemove `json:"member_remove"` // patch.member_remove_style
}

// PatchStyle is the form in which changes are sent.
type PatchStyle string

// The styles. What is removed has a path in each, as RFC 7644 §3.5.2.2 wants one.
const (
	// PatchStylePaths is one operation per attribute, each with a path: the form
	// that RFC 7644 §3.5.2 leaves no doubt about.
	PatchStylePaths PatchStyle = "paths"
	// PatchStylePathless is one operation per attribute, each with an object of
	// that attribute as its value, and no path.
	PatchStylePathless PatchStyle = "pathless"
	// PatchStyleObject is one operation without a path, with all attributes in its value.
	PatchStyleObject PatchStyle = "object"
)

// OpCase is how the names of operations are written.
type OpCase string

// The cases.
const (
	OpCaseLower   OpCase = "lower"   // add; what "any" stands for, too
	OpCaseCapital OpCase = "capital" // Add
)

// PathFilters says which paths with a filter an app understands. Where it does
// not, the attribute is read, and sent whole with our values in it.
type PathFilters string

// The degrees of it.
const (
	PathFiltersAny  PathFilters = "any"
	PathFiltersType PathFilters = "type" // [type eq "…"] alone
	PathFiltersNone PathFilters = "none"
)

// GroupRename is how a group gets another displayName.
type GroupRename string

// The ways.
const (
	GroupRenamePlain  GroupRename = "plain"   // as any change
	GroupRenameWithID GroupRename = "with_id" // replace, without a path, of an object of id and displayName
)

// MemberAdd is how members are added, in one operation.
type MemberAdd string

// The ways.
const (
	MemberAddPath     MemberAdd = "path"     // path members, a list as the value
	MemberAddPathless MemberAdd = "pathless" // no path, an object of members as the value
)

// MemberRemove is how members are removed.
type MemberRemove string

// The ways.
const (
	MemberRemoveFilter MemberRemove = "filter" // one operation each, path members[value eq "id"]
	MemberRemoveList   MemberRemove = "list"   // one operation, path members, a list as the value
)

// Way is the request that takes somebody's account out of use.
type Way string

// The ways.
const (
	ByPatch  Way = "patch"  // active=false
	ByDelete Way = "delete" // DELETE
)

// Leaves is what a request leaves of an account.
type Leaves string

// What may be left.
const (
	LeavesDisabled Leaves = "disabled" // it can be enabled again, under the id that it has
	LeavesNothing  Leaves = "nothing"  // whoever returns is created anew
)

// Requirement is what an account must have before it is sent: a value for one
// of Any, if When names nothing or has a value.
type Requirement struct {
	Any  Paths
	When scim.Path
}

// String names the attributes, for people.
func (r Requirement) String() string {
	names := make([]string, len(r.Any))
	for i, p := range r.Any {
		names[i] = p.String()
	}
	return strings.Join(names, " or ")
}

// Bound is what an attribute's text may be.
type Bound struct {
	Path      scim.Path
	Most      int    // characters; 0: no bound
	Forbidden string // characters that are refused, and control characters with them; "": none
}

// Refuses says what is wrong with a text, as in "the attribute " + reason; "" is nothing.
// The text is not repeated.
func (b Bound) Refuses(text string) string {
	if n := utf8.RuneCountInString(text); b.Most > 0 && n > b.Most {
		return fmt.Sprintf("has %d characters of %d", n, b.Most)
	}
	if b.Forbidden == "" {
		return ""
	}
	for _, r := range text {
		if strings.ContainsRune(b.Forbidden, r) || unicode.IsControl(r) {
			return fmt.Sprintf("holds %q", r)
		}
	}
	return ""
}

// MarshalJSON writes the path by its name.
func (b Bound) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Path      string `json:"path"`
		Most      int    `json:"most,omitzero"`
		Forbidden string `json:"forbidden,omitempty"`
	}{b.Path.String(), b.Most, b.Forbidden})
}

// Throttle is how an app says that it is asked too often, besides by 429.
type Throttle struct {
	Statuses []int    `json:"statuses,omitempty"` // rate_limit.status
	Headers  []string `json:"headers,omitempty"`  // rate_limit.headers: how their names begin, before Remaining and Reset
	Words    []string `json:"words,omitempty"`    // rate_limit.codes and rate_limit.error, in the body
}

// Paths is a list of attributes; as JSON, of their names.
type Paths []scim.Path

// MarshalJSON writes the names.
func (ps Paths) MarshalJSON() ([]byte, error) {
	names := make([]string, len(ps))
	for i, p := range ps {
		names[i] = p.String()
	}
	return json.Marshal(names)
}

// Cover reports whether one of the paths names p, or what p is a part of. A
// filter of p does not count: it picks values, not attributes.
func (ps Paths) Cover(p scim.Path) bool {
	for _, q := range ps {
		switch {
		case q.Attr == "":
			if strings.EqualFold(q.URN, p.URN) {
				return true
			}
		case !strings.EqualFold(q.URN, p.URN) || !strings.EqualFold(q.Attr, p.Attr):
		case q.Sub == "" || strings.EqualFold(q.Sub, p.Sub):
			return true
		}
	}
	return false
}

// Operations is what the app offers for a kind.
func (p Profile) Operations(k Kind) Operations {
	if k == KindGroup {
		return p.Groups
	}
	return p.Users
}

// HasGroups reports whether groups can be written at all.
func (p Profile) HasGroups() bool { return p.Groups.Create || p.Groups.Patch || p.Groups.Replace }

// CanDelete reports whether a DELETE makes an account go, after its grace time.
func (p Profile) CanDelete() bool { return p.Users.Delete && p.DeleteLeaves != LeavesDisabled }

// MembersAtOnce is how many members may be added, or else removed, in one request.
func (p Profile) MembersAtOnce(add bool) int {
	if add {
		return max(1, p.MaxMembersPerRequest)
	}
	return max(1, cmp.Or(p.MaxRemovalsPerRequest, p.MaxMembersPerRequest))
}

// Filterable reports whether the app answers `attribute eq "…"` for a kind. Of a
// kind for which the profile names no filters nothing is known: it is tried.
func (p Profile) Filterable(k Kind, attribute scim.Path) bool {
	known, name := false, attribute.String()
	for _, f := range p.Filters {
		if f.Resource != k {
			continue
		}
		known = true
		if containsFold(f.Operators, "eq") && containsFold(f.Attributes, name) {
			return true
		}
	}
	return !known
}

// FiltersKnown reports whether the profile says which filters there are for a kind.
func (p Profile) FiltersKnown(k Kind) bool {
	for _, f := range p.Filters {
		if f.Resource == k {
			return true
		}
	}
	return false
}

func containsFold(list []string, s string) bool {
	for _, e := range list {
		if strings.EqualFold(e, s) {
			return true
		}
	}
	return false
}

// PatchPaths is what a PATCH of a kind may name; none: everything.
func (p Profile) PatchPaths(k Kind) Paths {
	if k == KindGroup {
		return p.Patch.GroupPaths
	}
	return p.Patch.UserPaths
}
