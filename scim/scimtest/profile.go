// SPDX-License-Identifier: Apache-2.0

package scimtest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimserver"
)

// The names of the profiles.
const (
	ProfileRFC     = "rfc"
	ProfileEntra   = "entra"
	ProfileOkta    = "okta"
	ProfileInterop = "interop"
	ProfileIPSIE   = "ipsie"
)

// Profile is what one kind of client, or a suite of others, asks of an endpoint beyond
// the RFCs, and where it asks for what they forbid.
type Profile struct {
	Name  string
	Title string // of the section of its own checks
	// Checks are its own, which run before those of the inventory. They leave no
	// choice, but for those whose ids are in Soft.
	Checks []Check
	Soft   []string
	// Without are the beginnings of ids of the inventory that it does not run.
	Without []string
	// Decisions are the ids of the inventory at which an endpoint deviates that does
	// what the profile's clients need; see [Suite].
	Decisions map[string]string
}

func (p Profile) leaves(id string) bool {
	return slices.ContainsFunc(p.Without, func(beginning string) bool { return strings.HasPrefix(id, beginning) })
}

// Profiles lists the profiles, the default first.
func Profiles() []Profile {
	return []Profile{
		{Name: ProfileRFC, Title: "RFC 7643, RFC 7644 and RFC 9865"},
		{
			Name: ProfileEntra, Title: "Microsoft Entra validator", Checks: entraChecks(), Soft: entraSoft(),
			Decisions: deviations(ProfileEntra, scimserver.Entra),
		},
		{Name: ProfileOkta, Title: "Okta spec test", Checks: oktaChecks(), Decisions: deviations(ProfileOkta, scimserver.Okta)},
		{
			Name: ProfileInterop, Title: "SCIM interoperability profile", Checks: interopChecks(), Soft: interopSoft(),
			Without:   []string{"7644-3.5.1-"}, // its clients never send PUT, so that an endpoint may do without
			Decisions: deviations(ProfileInterop, scimserver.InteropStrict),
		},
		{
			Name: ProfileIPSIE, Title: "IPSIE SCIM profile", Checks: ipsieChecks(), Soft: ipsieSoft(),
			Decisions: deviations(ProfileIPSIE, scimserver.IPSIE),
		},
	}
}

// ProfileOf returns the profile of that name. An error names what there is.
func ProfileOf(name string) (Profile, error) {
	var names []string
	for _, p := range Profiles() {
		if p.Name == name {
			return p, nil
		}
		names = append(names, p.Name)
	}
	return Profile{}, fmt.Errorf("there is no profile %q; there are %s", name, strings.Join(names, ", "))
}

// deviations are the ids at which the switches of a strictness deviate from the RFCs.
func deviations(profile string, of scimserver.Strictness) map[string]string {
	out := map[string]string{}
	for _, sw := range scimserver.Switches() {
		if !sw.In(of) {
			continue
		}
		for _, id := range Deviations(sw.Name) {
			out[id] = fmt.Sprintf("the profile %s needs the switch %s: %s", profile, sw.Name, sw.Does)
		}
	}
	return out
}

// Deviations are the ids of the inventory that a service provider fails because it has
// one switch of [scimserver.Switches] on, and would pass without.
func Deviations(name string) []string {
	switch name {
	case scim.RuleCreateOnNoMatch:
		return []string{"7644-3.5.2.3-08"}
	case scim.RuleIgnoreUnknown:
		return []string{"7644-3.5.2-09"}
	case scim.RuleRequirePath:
		return []string{"7644-3.5.2.1-02"}
	case scim.RuleReplaceWhole:
		return []string{"7644-3.5.2.3-05"}
	case "putOmittedKeeps":
		return []string{"7643-2.5-01"}
	case "deleteMeansDeactivate":
		return []string{"7644-3.6-02", "7644-3.6-03", "7644-3.6-04", "7644-3.6-06"}
	}
	return nil
}
