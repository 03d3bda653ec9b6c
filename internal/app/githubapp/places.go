// SPDX-License-Identifier: Apache-2.0

package githubapp

import (
	"strings"

	"github.com/usher-id/usher/internal/app"
	"github.com/usher-id/usher/scim"
)

// Check says whether a mapping can have these attributes. What is wrong with one stands at
// its index. lacking says what a mapping must have, and this one has not; "" is nothing.
// roles says that it writes who is an owner.
func Check(paths []scim.Path) (errs []error, lacking string, roles bool) {
	errs = make([]error, len(paths))
	lacking = "userName (their login at GitHub)"
	for i, p := range paths {
		why := ""
		switch {
		case p.Equal(userName):
			lacking = ""
		case p.Equal(orgRole):
			roles = true
		case p.URN == "" && p.Attr == "active": // told by whoever reads the mapping
		case strings.EqualFold(p.Attr, "emails"):
			lacking = "" // which this says as well
			why = "map userName (their login at GitHub) in its place: people are known by the login that they bring, and an invitation by address is not there yet"
		case strings.EqualFold(p.Attr, "roles"):
			why = `write roles[type eq "organization"].value, which is member or admin`
		default:
			why = "take it out of user: an account at GitHub is its owner's, and Usher writes nothing of it"
		}
		if why != "" {
			errs[i] = &app.NoPlaceError{Maker: maker, Path: p, Why: why}
		}
	}
	return errs, lacking, roles
}
