// SPDX-License-Identifier: Apache-2.0

package scimtest

import "github.com/usher-id/usher/scim"

// Offer is what an app has of one resource type, and what it takes of it. The zero
// value is all of SCIM 2.0. Paths are written as RFC 7644 §3.10 has them. Unless said
// otherwise what is refused is refused with 400.
type Offer struct {
	None    bool     // there is no such type: 404
	Without []string // methods that are not offered: 405
	Path    string   // another address of the type, such as /users
	Filters *Filters // which queries are answered; nil: all

	Required []string            // POST and PUT must have them; "a|b" for one of the two
	Parts    map[string][]string // sub-attributes that each value of an attribute must have in POST and PUT
	Primary  []string            // attributes of whose values one must be flagged primary
	Refused  []string            // attributes that may not be sent
	Single   []string            // multi-valued attributes that take one value; "*" for all
	Types    map[string]string   // the one type that values of an attribute may have
	Values   map[string][]string // values that an attribute, or the "value" of one, must not have
	Fixed    []string            // attributes that stay as they were made
	Emails   []string            // attributes that must look like an e-mail address
	Longest  map[string]int      // characters that an attribute may have
	Forbids  string              // characters, besides control characters, that Named may not have
	Named    []string            // attributes that Forbids is about

	Patch    Dialect
	MaxWhole int // members of a group in a POST or a PUT; 0: no limit

	MembersAreUsers bool     // a group in a group is refused
	MembersKnown    bool     // a member that is not there is refused, and the request with it
	EmptyAtFirst    bool     // a POST makes a group without the members that it names
	UniqueName      bool     // a displayName may be there once: 409
	ListOmits       []string // attributes that lists do not show

	Assumed []string // constants of Refusal.Rule: the app's documents may not have what is refused so
}

// Filters are the queries that an app answers.
type Filters struct {
	Attributes []string             // that may be asked for, as they are written, without the type's own URN
	Ops        []scim.Op            // of all attributes; none: eq
	More       map[string][]scim.Op // of one attribute, besides
	Together   [][]string           // attributes that may be asked for only all at once, joined by and
	Alone      []string             // attributes that are joined with none
	And, Or    bool                 // terms may be joined so
	Alias      map[string]string    // names that stand for another attribute

	EmptyOtherwise bool // what is not answered gives an empty list, instead of 400 invalidFilter
	LeftToRight    bool // "and" does not bind tighter than "or"
}

// Dialect is which PATCH requests are taken.
type Dialect struct {
	Ops           []string // operations, in lower case; none: add, replace and remove
	LowerCase     bool     // "Add" is no operation
	OneOperation  bool     // one in a request
	MaxOperations int      // in a request; 0: no limit
	NoPathless    bool     // an operation without path is refused
	OnePathless   bool     // and one whose value has several attributes
	NoPathFilters bool     // a path with a filter is refused, but for that of a member
	PathFilters   []string // the only filters that paths have, such as type eq "work"; a member's apart
	EqFilters     bool     // filters of paths compare by eq alone
	VoidFilters   bool     // a path with a filter is taken and changes nothing, but for that of a member
	Paths         []string // the only paths; none: all
	VoidOthers    bool     // other paths are taken and change nothing
	Once          []string // attributes of which a request has one operation at most
	NoRemove      []string // attributes that are not removed
	OnlyInactive  bool     // the only change is active to false
	ByValues      bool     // remove of members with a list of them as value: these go (the app's own extension)
	IgnoresID     bool     // the resource's own id may be in a value without path

	KeepsMembers bool // replace and remove of all members at once are refused
	MembersAlone bool // changes of members do not go with other changes
	MembersOnce  bool // nor several of them with each other
	MaxChanges   int  // members added and removed in a request; 0: no limit
	MaxAdds      int  // members added
	MaxRemoves   int  // members removed
}
