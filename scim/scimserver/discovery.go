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
func (h *Handler) discovery(w http.ResponseWriter, r *http.Request, parts []string) {
	h.methods(w, r, map[string]func(){http.MethodGet: func() {
		if r.URL.Query().Get("filter") != "" {
			h.fail(w, r, &scim.Error{Status: http.StatusForbidden, Detail: "discovery endpoints take no filter"})
			return
		}
		all := h.described(parts[0])
		if len(parts) == 1 && parts[0] != "ServiceProviderConfig" {
			body, _ := scim.ListResponse{TotalResults: len(all), StartIndex: 1, ItemsPerPage: len(all), Resources: all}.MarshalJSON() // it has no error
			send(w, http.StatusOK, body)
			return
		}
		id := ""
		if len(parts) == 2 {
			id, _ = url.PathUnescape(parts[1])
		}
		for _, d := range all {
			if len(parts) == 1 || len(parts) == 2 && strings.EqualFold(d.ID(), id) {
				send(w, http.StatusOK, d.AppendJSON(nil))
				return
			}
		}
		h.fail(w, r, notHere(r))
	}})
}

// described are the resources of a discovery endpoint.
func (h *Handler) described(endpoint string) []*scim.Resource {
	var all []*scim.Resource
	add := func(r *scim.Resource, kind, path string) {
		r = r.Clone()
		var meta scim.Object
		meta.Set("resourceType", scim.String(kind))
		meta.Set("location", scim.String(h.c.URL+path))
		r.Set("meta", scim.Complex(meta))
		all = append(all, r)
	}
	switch endpoint {
	case "ResourceTypes":
		for _, t := range h.c.ResourceTypes {
			add(t.Resource(), "ResourceType", "/ResourceTypes/"+url.PathEscape(t.ID))
		}
	case "Schemas":
		for _, t := range h.types {
			for _, urn := range append([]string{t.Schema}, extensions(t.ResourceType)...) {
				s, _ := h.c.Schemas.Schema(urn) // New has checked that it is there
				add(s.Resource(), "Schema", "/Schemas/"+url.PathEscape(urn))
			}
		}
	default:
		add(h.provider(), "ServiceProviderConfig", "/ServiceProviderConfig")
	}
	return all
}

// provider says what is implemented (RFC 7643 §5, RFC 9865 §4). Whoever adds a
// feature changes it here, where a test holds each claim.
func (h *Handler) provider() *scim.Resource {
	flag := func(on bool, more ...any) scim.Value {
		var o scim.Object
		o.Set("supported", scim.Bool(on))
		for i := 0; i < len(more); i += 2 {
			o.Set(more[i].(string), scim.Integer(int64(more[i+1].(int))))
		}
		return scim.Complex(o)
	}
	r := scim.NewResource(scim.ServiceProviderConfigURN)
	r.Set("patch", flag(true))
	r.Set("bulk", flag(false, "maxOperations", 0, "maxPayloadSize", 0))
	r.Set("filter", flag(true, "maxResults", h.c.Limits.Page))
	r.Set("changePassword", flag(false))
	r.Set("sort", flag(true))
	r.Set("etag", flag(true))
	var pages scim.Object
	pages.Set("cursor", scim.Bool(true))
	pages.Set("index", scim.Bool(true))
	pages.Set("defaultPaginationMethod", scim.String("index"))
	pages.Set("defaultPageSize", scim.Integer(int64(h.c.Limits.PageSize)))
	pages.Set("maxPageSize", scim.Integer(int64(h.c.Limits.Page)))
	r.Set("pagination", scim.Complex(pages))
	var scheme scim.Object
	scheme.Set("type", scim.String("oauthbearertoken"))
	scheme.Set("name", scim.String("Bearer token"))
	scheme.Set("description", scim.String("A token in the Authorization header (RFC 6750)"))
	scheme.Set("specUri", scim.String("https://www.rfc-editor.org/rfc/rfc6750"))
	scheme.Set("primary", scim.Bool(true))
	r.Set("authenticationSchemes", scim.List(scim.Complex(scheme)))
	return r
}
