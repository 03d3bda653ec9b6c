// SPDX-License-Identifier: Apache-2.0

package app

import (
	"strings"
	"unicode"

	"github.com/usher-id/usher/scim"
)

// doubt is the name under which a resource carries what an app has against its being
// taken over. No schema has it, so that nothing maps or sends it.
const doubt = "urn:usher:doubt"

// SetDoubt says of an account, as an app shows it, why it may be somebody else's than
// whose name it bears, such as an address that nobody has verified. It may be seen by
// people, and repeats no value.
func SetDoubt(r *scim.Resource, why string) { r.Set(doubt, scim.String(why)) }

// maxDoubt is how much of a doubt is shown, in bytes.
const maxDoubt = 300

// Doubt returns what SetDoubt said, "" for nothing. What an app has sent under the name
// itself is a doubt, too, and no more is shown of it if it does not look like ours.
func Doubt(r *scim.Resource) string {
	v, ok := r.Get(doubt)
	why, _ := v.AsString()
	if ok && (why == "" || len(why) > maxDoubt || strings.ContainsFunc(why, unicode.IsControl)) {
		return "the app has its doubts"
	}
	return why
}

// AlsoDoubt adds to what there is against an account.
func AlsoDoubt(r *scim.Resource, why string) {
	if was := Doubt(r); was != "" {
		why = was + ", and " + why
	}
	SetDoubt(r, why)
}
