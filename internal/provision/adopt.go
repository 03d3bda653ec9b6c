// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"slices"
	"strings"
	"time"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/internal/planted"
	"github.com/usher-id/usher/scim"
)

// mayAdopt says why an account that was found must not be taken over silently,
// or "" when it may. An account that carries our own externalId is ours. One
// found by another rule must be allowed by the configuration, unclaimed, without
// privileges, and beyond the app's own doubts: taking over a stranger's account by its name has been
// the way into more than one product.
func (r *run) mayAdopt(s Subject, f sighting, owners map[string]string, unsure []*Intent) string {
	id := f.account.ID()
	if owner := owners[id]; owner != "" && owner != s.Person.ID {
		return "the account " + id + " already belongs to another person"
	}
	ours := r.externalID(s) // "" where the app keeps none, which proves nothing
	if f.by == byRecord || f.by == "id" && owners[id] == s.Person.ID || ours != "" && f.account.ExternalID() == ours {
		return ""
	}
	if claimed := f.account.ExternalID(); claimed != "" && !planted.On(planted.ForeignByName) {
		return "an account of this " + f.by + " exists and carries another externalId: it is somebody else's until you say otherwise"
	}
	if what := privileged(f.account); what != "" {
		return "an account of this " + f.by + " exists and is privileged (" + what + "): it is adopted only by hand"
	}
	if why := app.Doubt(f.account); why != "" {
		return "an account of this " + f.by + " exists, and " + why + ": it is adopted only by hand"
	}
	asked := len(r.askedFor(s, text(r.wish(s), userNamePath))) == 0 // for this name
	if f.made || asked && slices.ContainsFunc(unsure, func(in *Intent) bool { return r.made(in, f) }) {
		return "" // we asked for it, and the app keeps no externalId
	}
	if !slices.Contains(r.target.Adopt, f.by) {
		return "an account of this " + f.by + " exists; the app's adopt rules do not name " + f.by
	}
	return ""
}

// skew is how far an app's clock may be behind ours.
const skew = 5 * time.Minute

// made reports whether an account is what an unsure create of ours may have
// made: of the name that was asked for, nobody's before, and no older than the
// request, if the app says how old it is.
func (r *run) made(in *Intent, f sighting) bool {
	if in.Kind != Create || f.by != "userName" || r.foreign[f.account.ID()] {
		return false
	}
	meta, _ := f.account.Get("meta")
	o, _ := meta.AsComplex()
	v, _ := o.Get("created")
	text, _ := v.AsString()
	created, err := time.Parse(time.RFC3339, text)
	return err != nil || !created.Before(in.At.Add(-skew))
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
