// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"slices"
	"strings"

	"github.com/usher-id/usher/scim"
)

// mayAdopt says why an account that was found must not be taken over silently,
// or "" when it may. An account that carries our own externalId is ours. One
// found by another rule must be allowed by the configuration, unclaimed and
// without privileges: taking over a stranger's account by its name has been
// the way into more than one product.
func (r *run) mayAdopt(s Subject, f sighting, owners map[string]string, unsure []*Intent) string {
	id := f.account.ID()
	if owner := owners[id]; owner != "" && owner != s.Person.ID {
		return "the account " + id + " already belongs to another person"
	}
	if f.by == "id" && owners[id] == s.Person.ID || f.account.ExternalID() == r.externalID(s) {
		return ""
	}
	if claimed := f.account.ExternalID(); claimed != "" {
		return "an account of this " + f.by + " exists and carries another externalId: it is somebody else's until you say otherwise"
	}
	if slices.ContainsFunc(unsure, func(in *Intent) bool { return in.Kind == Create }) {
		return "" // we asked for it, and the app keeps no externalId
	}
	if !slices.Contains(r.target.Adopt, f.by) {
		return "an account of this " + f.by + " exists; the app's adopt rules do not name " + f.by
	}
	if what := privileged(f.account); what != "" {
		return "an account of this " + f.by + " exists and is privileged (" + what + "): it is adopted only by hand"
	}
	return ""
}

// privileged names the role or entitlement that makes an account too powerful
// to be adopted by rule.
func privileged(u *scim.Resource) string {
	for _, attr := range []string{"roles", "entitlements"} {
		v, _ := u.Get(attr)
		values, _ := v.AsList()
		for _, e := range values {
			o, _ := e.AsComplex()
			for _, sub := range []string{"value", "display", "type"} {
				s, _ := o.Get(sub)
				if text, _ := s.AsString(); powerful(text) {
					return attr + ": " + text
				}
			}
		}
	}
	return ""
}

// powerful is a guess by name, on the safe side: a wrong hit costs a question.
func powerful(name string) bool {
	name = strings.ToLower(name)
	for _, word := range []string{"admin", "owner", "root", "superuser", "super user", "privileged", "security"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}
