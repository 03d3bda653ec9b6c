// SPDX-License-Identifier: Apache-2.0

package app

import "time"

// Profile says how one kind of app differs from plain SCIM 2.0. It is data, and
// read-only once loaded: copies share their slices.
type Profile struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	Kind     string   `json:"kind"`     // "scim2", or "rest" for an API of the app's own
	Source   string   `json:"source"`   // the page that says so, or "" for our own reading
	Date     string   `json:"date"`     // when it was read, as 2006-01-02
	Verified bool     `json:"verified"` // base URL, user operations and deprovisioning come from a page that was read
	Docs     []string `json:"docs"`
	Notes    []string `json:"notes"`
	// UnverifiedFields names what is from memory, or not known.
	UnverifiedFields []string `json:"unverified_fields"`

	BaseURLTemplate string            `json:"base_url_template"`
	AuthType        string            `json:"auth_type"`
	RequiredHeaders map[string]string `json:"required_headers,omitempty"`
	ContentType     string            `json:"content_type"`

	Users  Operations `json:"users"`
	Groups Operations `json:"groups"`

	Filters         []FilterSupport `json:"filters"`
	Pagination      string          `json:"pagination"` // "index", "cursor", "none", or a scheme of the app's own
	PageSize        int             `json:"page_size"`  // asked for
	MaxPage         int             `json:"max_page"`   // given at most; 0 if not known
	ListTrusted     bool            `json:"list_trusted"`
	MembersReadable bool            `json:"members_readable"` // a group's members are in what is read

	MaxMembersPerRequest int        `json:"max_members_per_request"`
	PatchStyle           PatchStyle `json:"patch_style"`
	MemberRemove         string     `json:"member_remove"` // how a member is removed, in words
	Deactivate           string     `json:"deactivate"`    // how an account is disabled, in words
	DeleteMeaning        string     `json:"delete_meaning"`
	Leaver               string     `json:"leaver"`     // what whoever leaves is made by it: "deactivated", "deleted"
	Reversible           bool       `json:"reversible"` // a disabled account can be enabled again

	RequiredAttributes    []string `json:"required_attributes"`
	UnsupportedAttributes []string `json:"unsupported_attributes"`

	// Settle is how long after a write a negative look-up proves nothing.
	Settle            time.Duration `json:"settle"`
	Concurrency       int           `json:"concurrency"`
	RequestsPerSecond float64       `json:"requests_per_second"` // 0: no rate is known
}

// PatchStyle is the dialect in which changes are sent.
type PatchStyle string

// PatchStylePaths is one operation per attribute, each with a path: the form
// that RFC 7644 §3.5.2 leaves no doubt about.
const PatchStylePaths PatchStyle = "paths"

// Operations are what an app offers for one kind of resource.
type Operations struct {
	Path    string `json:"path"`
	Create  bool   `json:"create"`
	Replace bool   `json:"replace"`
	Patch   bool   `json:"patch"`
	Delete  bool   `json:"delete"`
	Get     bool   `json:"get"`
	List    bool   `json:"list"`
}

// FilterSupport is which filters an app answers for one kind of resource.
type FilterSupport struct {
	Resource   Kind     `json:"resource"`
	Attributes []string `json:"attrs"`
	Operators  []string `json:"ops"`
	Logic      []string `json:"logic"` // "and", "or"; empty for single comparisons only
}

// Endpoint is the path of the kind's endpoint, with its leading slash.
func (p Profile) Endpoint(k Kind) string {
	path := p.operations(k).Path
	if path != "" {
		return path
	}
	switch k {
	case KindUser:
		return "/Users"
	case KindGroup:
		return "/Groups"
	}
	return ""
}

func (p Profile) operations(k Kind) Operations {
	if k == KindGroup {
		return p.Groups
	}
	return p.Users
}
