// SPDX-License-Identifier: Apache-2.0

package app

import (
	"time"

	"github.com/usher-id/usher/scim"
)

// Profile says how one kind of app differs from plain SCIM 2.0. It is data, and
// read-only once loaded: copies share their slices.
type Profile struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	Kind     string   `json:"kind"`               // "scim2", or "rest" for an API of the app's own
	AppType  string   `json:"app_type,omitempty"` // by which type of app one of kind rest is spoken; "" by none
	Source   string   `json:"source"`             // the page that says so, or "" for our own reading
	Date     string   `json:"date"`               // when it was read, as 2006-01-02
	Verified bool     `json:"verified"`           // base URL, user operations and deprovisioning come from a page that was read
	Docs     []string `json:"docs"`
	Notes    []string `json:"notes"`
	// UnverifiedFields names what is from memory, or not known.
	UnverifiedFields []string `json:"unverified_fields"`

	BaseURLTemplate string            `json:"base_url_template"`
	AuthType        string            `json:"auth_type"`
	TokenDays       int               `json:"token_days,omitempty"` // how long a token is good; 0 = not known, or for ever
	RequiredHeaders map[string]string `json:"required_headers,omitempty"`
	ContentType     string            `json:"content_type"`

	Users  Operations `json:"users"`
	Groups Operations `json:"groups"`

	Filters     []FilterSupport `json:"filters"`
	Pagination  string          `json:"pagination"` // "index", "cursor", "none", or a scheme of the app's own
	PageSize    int             `json:"page_size"`  // asked for
	MaxPage     int             `json:"max_page"`   // given at most; 0 if not known
	ListTrusted bool            `json:"list_trusted"`
	// ListLate says that a list may not know of what was written last: it is whole, and
	// nobody is looked up in it after a write.
	ListLate bool `json:"list_late,omitzero"`
	// ReusesIDs says that the id of a deleted account is given to another: before anything is
	// written to an id that is kept of somebody, the account is read.
	ReusesIDs bool `json:"reuses_ids,omitzero"`
	// ListPartial says that lists and searches leave attributes out that the app has:
	// nothing is compared with them, and each account is read by itself before.
	ListPartial     bool `json:"list_partial,omitzero"`
	MembersReadable bool `json:"members_readable"` // a group's members are in what is read

	Patch                 Dialect `json:"patch"`
	MaxMembersPerRequest  int     `json:"max_members_per_request"`  // added, or added and removed together
	MaxRemovalsPerRequest int     `json:"max_removals_per_request"` // of members; 0: as many
	MaxMembersWhole       int     `json:"max_members_whole"`        // in a group that is made or replaced; 0: no bound is known

	Deactivate    string `json:"deactivate"` // how an account is disabled, in words
	DeleteMeaning string `json:"delete_meaning"`
	Leaver        string `json:"leaver"`        // what whoever leaves is made by it: "deactivated", "deleted"
	Reversible    bool   `json:"reversible"`    // a disabled account can be enabled again
	DeactivateBy  Way    `json:"deactivate_by"` // deactivate.by; "" is by PATCH
	// DeactivateSteps says that a deactivation is several requests: one that was not done
	// may have been done in part.
	DeactivateSteps  bool   `json:"deactivate_steps,omitzero"`
	DeactivateLeaves Leaves `json:"deactivate_leaves"` // deactivate.leaves; "" is a disabled account
	DeleteLeaves     Leaves `json:"delete_leaves"`     // deactivate.delete_leaves; "" is nothing

	RequiredAttributes    []string      `json:"required_attributes"`
	UnsupportedAttributes []string      `json:"unsupported_attributes"`
	Required              []Requirement `json:"-"` // of an account: RequiredAttributes, read
	// Unsupported are those of UnsupportedAttributes that name an attribute; the
	// rest is words. They are not sent, and not compared.
	Unsupported Paths `json:"-"`
	// CreateOnly can be set when the account is made and never again: a change is
	// no difference. A change of Immutable is one, and somebody has to see to it.
	CreateOnly Paths `json:"create_only_attributes,omitempty"`
	Immutable  Paths `json:"immutable_attributes,omitempty"`
	// SingleValued hold one value at most, the primary or the first. FlagPrimary
	// must have one that is flagged primary.
	SingleValued Paths   `json:"single_valued,omitempty"`
	FlagPrimary  Paths   `json:"flag_primary,omitempty"`
	Bounds       []Bound `json:"bounds,omitempty"`
	GroupBounds  []Bound `json:"group_bounds,omitempty"`
	// LowerCase are kept in lower case, whatever is sent: they are compared, and sent, so.
	LowerCase Paths `json:"lower_case,omitempty"`
	// Extensions are schemas of the app's own, which a mapping may name by their URN.
	Extensions []scim.Schema `json:"extensions,omitempty"`
	// RandomPassword says that nobody is made without a password, and none is
	// mapped: each gets one that nobody knows.
	RandomPassword bool `json:"random_password,omitzero"`

	// Settle is how long after a write a negative look-up proves nothing.
	Settle            time.Duration `json:"settle"`
	Concurrency       int           `json:"concurrency"`
	RequestsPerSecond float64       `json:"requests_per_second"` // 0: no rate is known
	Throttle          Throttle      `json:"throttle"`
}

// Operations are what an app offers for one kind of resource. What a file leaves
// open is taken as plain SCIM has it, on the careful side: not known to replace or
// to delete is not to.
type Operations struct {
	Path    string `json:"path"`
	Create  bool   `json:"create"`
	Replace bool   `json:"replace"`
	Patch   bool   `json:"patch"`
	Delete  bool   `json:"delete"`
	Get     bool   `json:"get"`
	List    bool   `json:"list"`
	// NoRename says that a group keeps the displayName that it was made with.
	NoRename bool `json:"no_rename,omitzero"`
	// PutPartial says that a PUT leaves alone what it does not name: what is to go
	// has to be named as null.
	PutPartial bool `json:"put_partial,omitzero"`
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
	path := p.Operations(k).Path
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
