// SPDX-License-Identifier: Apache-2.0

package scimserver

import (
	"slices"
	"strings"

	"github.com/usher-id/usher/scim"
)

// tellRoles says in ServiceProviderConfig that there are lists of roles and
// entitlements, if there are: the experimental types of
// draft-ietf-scim-roles-entitlements-01, which wants it told under this name. What a
// User can have of them follows from the schema of Users.
func (h *Handler) tellRoles(r *scim.Resource) {
	var all scim.Object
	any := false
	for _, one := range []struct{ name, urn, several string }{
		{"roles", scim.RoleURN, "multipleRolesSupported"},
		{"entitlements", scim.EntitlementURN, "multipleEntitlementsSupported"},
	} {
		there := slices.ContainsFunc(h.types, func(t *resourceType) bool { return strings.EqualFold(t.Schema, one.urn) })
		var o scim.Object
		o.Set("supported", scim.Bool(there))
		any = any || there
		if a, ok := h.c.Schemas.Lookup(scim.UserURN, scim.Path{Attr: one.name}); ok && there {
			part := func(name string) scim.Value {
				return scim.Bool(slices.ContainsFunc(a.SubAttributes, func(s scim.Attribute) bool { return s.Name == name }))
			}
			o.Set(one.several, scim.Bool(a.MultiValued))
			o.Set("primarySupported", part("primary"))
			o.Set("typeSupported", part("type"))
		}
		all.Set(one.name, scim.Complex(o))
	}
	if any {
		r.Set("RolesAndEntitlements", scim.Complex(all))
	}
}
