// SPDX-License-Identifier: Apache-2.0

package scimserver

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/usher-id/usher/scim"
)

// discovery answers RFC 7644 §4. A filter there is refused: §4 says both that it
// is ignored and that it should be answered with 403.
func (h *Handler) discovery(w http.ResponseWriter, r *http.Request, parts []string) error {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return notAllowed(w, http.MethodGet, http.MethodHead)
	}
	params, err := readQuery(r)
	if err != nil {
		return err
	}
	if params.has("filter") {
		return &scim.Error{Status: http.StatusForbidden, Detail: "discovery endpoints take no filter"}
	}
	all := h.described(parts[0], h.root(r))
	single := parts[0] == "ServiceProviderConfig"
	if len(parts) == 1 && !single {
		body, _ := scim.ListResponse{TotalResults: len(all), StartIndex: 1, ItemsPerPage: len(all), Resources: all}.MarshalJSON() // it has no error
		send(w, http.StatusOK, body)
		return nil
	}
	id := ""
	if len(parts) == 2 {
		id, _ = url.PathUnescape(parts[1])
	}
	for _, d := range all {
		if len(parts) == 1 || len(parts) == 2 && !single && strings.EqualFold(d.ID(), id) {
			send(w, http.StatusOK, d.AppendJSON(nil))
			return nil
		}
	}
	return notHere(r)
}

// described are the resources of a discovery endpoint.
func (h *Handler) described(endpoint, root string) []*scim.Resource {
	var all []*scim.Resource
	add := func(r *scim.Resource, kind, path string) {
		r = r.Clone()
		var meta scim.Object
		meta.Set("resourceType", scim.String(kind))
		meta.Set("location", scim.String(root+path))
		r.Set("meta", scim.Complex(meta))
		all = append(all, r)
	}
	switch endpoint {
	case "ResourceTypes":
		for _, t := range h.c.ResourceTypes {
			add(t.Resource(), "ResourceType", "/ResourceTypes/"+url.PathEscape(t.ID))
		}
	case "Schemas":
		seen := map[string]bool{}
		for _, t := range h.types {
			for _, urn := range urns(t.ResourceType) {
				s, _ := h.c.Schemas.Schema(urn) // New has checked that it is there
				if !seen[s.ID] {
					seen[s.ID] = true
					add(s.Resource(), "Schema", "/Schemas/"+url.PathEscape(s.ID))
				}
			}
		}
	default:
		add(h.provider(), "ServiceProviderConfig", "/ServiceProviderConfig")
	}
	return all
}

// provider says what is implemented (RFC 7643 §5, RFC 9865 §4). What can be told
// from the routes is; a test holds each claim to what the handler does.
func (h *Handler) provider() *scim.Resource {
	r := scim.NewResource(scim.ServiceProviderConfigURN)
	_, patches := verbOf(h.item, http.MethodPatch)
	_, lists := verbOf(h.collection, http.MethodGet)
	r.Set("patch", feature(patches))
	if h.special["Bulk"] != nil {
		r.Set("bulk", feature(true, limit{"maxOperations", h.c.Limits.Bulk}, limit{"maxPayloadSize", h.c.Limits.BulkBytes}))
	} else {
		r.Set("bulk", feature(false, limit{"maxOperations", 0}, limit{"maxPayloadSize", 0}))
	}
	r.Set("filter", feature(lists, limit{"maxResults", h.c.Limits.Page}))
	r.Set("changePassword", feature(false)) // what a store makes of one is not known here
	r.Set("sort", feature(lists))
	r.Set("etag", feature(true))
	var pages scim.Object
	pages.Set("cursor", scim.Bool(h.cursors != nil))
	pages.Set("index", scim.Bool(true))
	pages.Set("defaultPaginationMethod", scim.String("index"))
	pages.Set("defaultPageSize", scim.Integer(int64(h.c.Limits.PageSize)))
	pages.Set("maxPageSize", scim.Integer(int64(h.c.Limits.Page)))
	r.Set("pagination", scim.Complex(pages))
	if h.c.Rules.interoperable() { // draft-zollner-scim-interop-profile-01 §4
		r.Set("interopProfileConformant", scim.Bool(true))
	}
	if len(h.events) > 0 {
		r.Set("securityEvents", h.securityEvents())
	}
	schemes := make([]scim.Value, len(h.c.Schemes))
	for i, s := range h.c.Schemes {
		var o scim.Object
		o.Set("type", scim.String(s.Type))
		o.Set("name", scim.String(s.Name))
		o.Set("description", scim.String(s.Description))
		if s.SpecURI != "" {
			o.Set("specUri", scim.String(s.SpecURI))
		}
		if i == 0 {
			o.Set("primary", scim.Bool(true))
		}
		schemes[i] = scim.Complex(o)
	}
	r.Set("authenticationSchemes", scim.List(schemes...))
	h.tellRoles(r)
	return r
}

type limit struct {
	name string
	n    int
}

func feature(on bool, limits ...limit) scim.Value {
	var o scim.Object
	o.Set("supported", scim.Bool(on))
	for _, l := range limits {
		o.Set(l.name, scim.Integer(int64(l.n)))
	}
	return scim.Complex(o)
}
