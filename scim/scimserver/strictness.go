// SPDX-License-Identifier: Apache-2.0

package scimserver

import (
	"fmt"
	"slices"
	"strings"

	"github.com/usher-id/usher/scim"
)

// Rules says how a Handler departs from the RFCs: what it accepts beyond them,
// and where it is stricter. The zero value departs nowhere. [Strictness] names the
// combinations that clients need.
type Rules struct {
	scim.PatchRules         // SchemasOptional, StringBooleans and ManagerAsString bear on POST, PUT and filters, too
	FilterValuePathSub bool // emails[type eq "work"].value eq "x" in a filter
	ExtraFilterSpaces  bool // blanks in a filter where the grammar has none
	UnknownInFilters   bool // an attribute that no schema has is unassigned in a filter
	UnknownSchemas     bool // URNs in schemas that the type does not have are passed over
	SingleForList      bool // one value for a multi-valued attribute is a list of it
	PutOmittedKeeps    bool // a PUT leaves what it does not name as it is
	PatchNoContent     bool // a PATCH is answered with 204
	DeleteMeansDisable bool // DELETE of what can be inactive, such as a User, sets active to false
	RejectUnknown      bool // an attribute that no schema has is refused, and not passed over
	NoPassword         bool // Users have no password
}

// interoperable tells whether the rules are those of the interoperability profile.
func (l Rules) interoperable() bool { return l.RequirePath && l.ReplaceWhole && l.RejectUnknown }

// accept are the rules that bear on POST and PUT.
func (l Rules) accept() scim.AcceptRules {
	return scim.AcceptRules{
		SchemasOptional: l.SchemasOptional, UnknownSchemas: l.UnknownSchemas, StringBooleans: l.StringBooleans,
		ManagerAsString: l.ManagerAsString, SingleForList: l.SingleForList, RefuseUnknown: l.RejectUnknown, Noted: l.Noted,
	}
}

// filter are the rules that bear on filters.
func (l Rules) filter() scim.FilterRules {
	return scim.FilterRules{
		ExtraBlanks: l.ExtraFilterSpaces, ValuePathSub: l.FilterValuePathSub, StringBooleans: l.StringBooleans,
		IgnoreUnknown: l.UnknownInFilters, Noted: l.Noted,
	}
}

// Strictness names how closely one client's requests are held to the RFCs.
//
// Two things are always accepted, as they harm nobody: an operation of a PATCH in
// any letter case, and dotted and qualified names in a value without path. None
// ever empties a group on the removal of members with a value array: it is
// refused, or those members go.
type Strictness string

// The kinds of strictness.
const (
	RFC           Strictness = "rfc"            // RFC 7643, RFC 7644 and RFC 9865 as they stand
	Entra         Strictness = "entra"          // what Microsoft Entra ID sends, in both of its modes
	Okta          Strictness = "okta"           // what Okta sends
	Lenient       Strictness = "lenient"        // whatever is harmless, of any client
	InteropStrict Strictness = "interop-strict" // draft-zollner-scim-interop-profile: nothing unknown, every operation with its path
	IPSIE         Strictness = "ipsie"          // the OpenID IPSIE profile, which departs nowhere from the RFCs in what it sends, and has no passwords
)

// Switch is one departure from the RFCs.
type Switch struct {
	Name string // as logs tell it
	Does string // in a sentence
	on   func(*Rules)
	in   []Strictness
}

// In tells whether a strictness has the switch on.
func (s Switch) In(of Strictness) bool { return slices.Contains(s.in, of) }

// Switches lists every departure, in the order of a table.
func Switches() []Switch {
	return []Switch{
		{scim.RuleSchemasOptional, "a request without schemas is taken as of its endpoint's type", func(r *Rules) { r.SchemasOptional = true }, []Strictness{Lenient}},
		{scim.RuleStringBooleans, `"True" and "false" for boolean attributes`, func(r *Rules) { r.StringBooleans = true }, []Strictness{Entra, Lenient}},
		{scim.RuleManagerAsString, `a string for a complex attribute that has a "value"`, func(r *Rules) { r.ManagerAsString = true }, []Strictness{Entra, Lenient}},
		{scim.RuleRemoveWithValueArray, "remove with a value array: the elements that it names go, and no others", func(r *Rules) { r.RemoveWithValueArray = true }, []Strictness{Entra, Okta, Lenient}},
		{scim.RuleCreateOnNoMatch, "add and replace under a filter that matches nothing make the element; never a member", func(r *Rules) { r.CreateOnNoMatch = true }, []Strictness{Entra, Lenient}},
		{scim.RuleIgnoreIDInValue, "the resource's own id in a value without path is passed over", func(r *Rules) { r.IgnoreIDInValue = true }, []Strictness{Okta, Lenient}},
		{scim.RuleFilterValuePathSub, `emails[type eq "work"].value eq "x" in a filter`, func(r *Rules) { r.FilterValuePathSub = true }, []Strictness{Entra, Lenient}},
		{scim.RuleExtraFilterSpaces, "blanks in a filter where the grammar has none", func(r *Rules) { r.ExtraFilterSpaces = true }, []Strictness{Lenient}},
		{scim.RuleSingleForList, "one value for a multi-valued attribute is a list of it", func(r *Rules) { r.SingleForList = true }, nil},
		{scim.RuleUnknownSchemas, "URNs in schemas that the type does not have are passed over", func(r *Rules) { r.UnknownSchemas = true }, nil},
		{scim.RuleLegacyURNs, "the URNs of SCIM 1.1 for those of RFC 7643, in a PATCH", func(r *Rules) { r.LegacyURNs = true }, nil},
		{scim.RuleIgnoreReadOnlyInValue, "readOnly attributes in a value without path are passed over", func(r *Rules) { r.IgnoreReadOnlyInValue = true }, nil},
		{scim.RuleIgnoreUnknown, "attributes that no schema has are passed over in a PATCH, and unassigned in a filter", func(r *Rules) { r.IgnoreUnknown, r.UnknownInFilters = true, true }, nil},
		{"putOmittedKeeps", "a PUT leaves what it does not name as it is", func(r *Rules) { r.PutOmittedKeeps = true }, nil},
		{"patchResponse204", "a PATCH is answered with 204", func(r *Rules) { r.PatchNoContent = true }, nil},
		{"deleteMeansDeactivate", "DELETE of what can be inactive, such as a User, sets active to false", func(r *Rules) { r.DeleteMeansDisable = true }, nil},
		{scim.RuleRequirePath, "stricter: an operation without path is refused", func(r *Rules) { r.RequirePath = true }, []Strictness{InteropStrict}},
		{scim.RuleReplaceWhole, "replace of a complex attribute leaves nothing that it does not name", func(r *Rules) { r.ReplaceWhole = true }, []Strictness{InteropStrict}},
		{scim.RuleRefuseUnknown, "stricter: an attribute that no schema has is refused", func(r *Rules) { r.RejectUnknown = true }, []Strictness{InteropStrict}},
		{"noPassword", "stricter: Users have no password", func(r *Rules) { r.NoPassword = true }, []Strictness{IPSIE}},
	}
}

// Strictnesses lists the kinds of strictness, the default first.
func Strictnesses() []Strictness {
	return []Strictness{RFC, Entra, Okta, Lenient, InteropStrict, IPSIE}
}

// RulesOf returns the rules of a strictness, with further switches by name. An error
// names what there is.
func RulesOf(s Strictness, more ...string) (Rules, error) {
	var r Rules
	if !slices.Contains(Strictnesses(), s) {
		return r, fmt.Errorf("there is no strictness %q; there are %s", s, names(Strictnesses()))
	}
	known := make([]string, 0, len(Switches()))
	for _, sw := range Switches() {
		known = append(known, sw.Name)
		if sw.In(s) || slices.Contains(more, sw.Name) {
			sw.on(&r)
		}
	}
	for _, name := range more {
		if !slices.Contains(known, name) {
			return r, fmt.Errorf("there is no switch %q; there are %s", name, names(known))
		}
	}
	return r, nil
}

func names[T ~string](list []T) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = string(s)
	}
	return strings.Join(out, ", ")
}
