// SPDX-License-Identifier: Apache-2.0

package scimserver

import (
	"fmt"
	"net/http"
	"slices"
)

// me answers for the resource of who asks, as its own address would (RFC 7644 §3.11).
// Every answer says where that is.
func (h *Handler) me(w http.ResponseWriter, r *http.Request, parts []string) error {
	if len(parts) > 1 {
		return notHere(r)
	}
	typ, id, err := h.c.Me(r)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(h.types, func(t *resourceType) bool { return t.Name == typ })
	if i < 0 {
		return fmt.Errorf("scimserver: Config.Me: there is no resource type %q", typ)
	}
	t := h.types[i]
	w.Header().Set("Location", t.location(h.root(r), id))
	return h.call(w, r, t.verbs(h.item), t, id)
}
