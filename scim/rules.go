// SPDX-License-Identifier: Apache-2.0

package scim

// The names of the rules by which a service provider departs from the RFCs for one
// client, as the Noted functions of [PatchRules], [AcceptRules] and [FilterRules]
// tell them.
const (
	RuleSchemasOptional       = "schemasOptional"
	RuleUnknownSchemas        = "unknownSchemas"
	RuleStringBooleans        = "stringBooleans"
	RuleRemoveWithValueArray  = "removeWithValueArray"
	RuleCreateOnNoMatch       = "createOnNoMatch"
	RuleIgnoreIDInValue       = "ignoreIdInValue"
	RuleManagerAsString       = "managerAsString"
	RuleSingleForList         = "singleForList"
	RuleIgnoreReadOnlyInValue = "ignoreReadOnlyInValue"
	RuleIgnoreUnknown         = "ignoreUnknown"
	RuleLegacyURNs            = "legacyURNs"
	RuleFilterValuePathSub    = "filterValuePathSub"
	RuleExtraFilterSpaces     = "extraFilterSpaces"
	RuleRequirePath           = "requirePath"
	RuleReplaceWhole          = "replaceWhole"
	RuleRefuseUnknown         = "rejectUnknownAttributes"
)

// note tells of a rule, without which the request would have been refused.
func note(noted func(string), rule string) {
	if noted != nil {
		noted(rule)
	}
}
