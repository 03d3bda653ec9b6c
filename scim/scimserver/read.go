// SPDX-License-Identifier: Apache-2.0

package scimserver

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/usher-id/usher/scim"
)

// get answers RFC 7644 §3.4.1.
func (h *Handler) get(w http.ResponseWriter, r *http.Request, t *resourceType, id string) {
	p, err := h.projection(t, r.URL.Query())
	if err != nil {
		h.fail(w, r, err)
		return
	}
	found, err := h.c.Store.Get(r.Context(), t.Name, id)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	if v := found.Version(); v != "" && matches(r.Header.Get("If-None-Match"), v) {
		w.Header().Set("ETag", v)
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.resource(w, http.StatusOK, t, found, p)
}

// matches tells whether a version is among those of an If-Match or
// If-None-Match header; weakness does not count (RFC 7644 §3.14).
func matches(header, version string) bool {
	if header == "" {
		return false
	}
	for _, tag := range strings.Split(header, ",") {
		tag = strings.TrimSpace(tag)
		if tag == "*" || strings.TrimPrefix(tag, "W/") == strings.TrimPrefix(version, "W/") {
			return true
		}
	}
	return false
}

// query answers RFC 7644 §3.4.2.
func (h *Handler) query(w http.ResponseWriter, r *http.Request, t *resourceType) {
	h.list(w, r, t, r.URL.Query())
}

// search answers RFC 7644 §3.4.3: the same query in a body.
func (h *Handler) search(w http.ResponseWriter, r *http.Request, t *resourceType) {
	body, err := h.read(w, r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	asked, err := scim.ParseResource(body, h.c.Limits.Body)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	if !asked.HasSchema(scim.SearchRequestURN) {
		h.fail(w, r, &scim.Error{Status: http.StatusBadRequest, ScimType: scim.InvalidSyntax, Detail: "schemas must name " + scim.SearchRequestURN})
		return
	}
	q := url.Values{}
	for _, name := range []string{"filter", "sortBy", "sortOrder", "startIndex", "count", "cursor", "attributes", "excludedAttributes"} {
		v, ok := asked.Get(name)
		if !ok {
			continue
		}
		if s, isText := v.AsString(); isText {
			q.Set(name, s)
			continue
		}
		if list, isList := v.AsList(); isList {
			var names []string
			for _, e := range list {
				s, _ := e.AsString()
				names = append(names, s)
			}
			q.Set(name, strings.Join(names, ","))
			continue
		}
		q.Set(name, v.String())
	}
	h.list(w, r, t, q)
}

func (h *Handler) list(w http.ResponseWriter, r *http.Request, t *resourceType, params url.Values) {
	p, err := h.projection(t, params)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	q, err := h.parse(params)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	q.Without = p.without
	page, err := h.page(r, t, q)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	answer := scim.ListResponse{TotalResults: page.Total, ItemsPerPage: len(page.Resources), NextCursor: page.NextCursor}
	if !q.ByCursor {
		answer.StartIndex = q.StartIndex
	}
	for _, found := range page.Resources {
		answer.Resources = append(answer.Resources, h.shown(t, found, p))
	}
	body, _ := answer.MarshalJSON() // it has no error
	send(w, http.StatusOK, body)
}

// page asks the store's index where a filter names one value, and the store's
// list for everything else.
func (h *Handler) page(r *http.Request, t *resourceType, q Query) (Page, error) {
	if c, ok := q.Filter.(*scim.Compare); ok && c.Op == scim.OpEq && q.StartIndex <= 1 && q.Cursor == "" {
		if value, isText := c.Value.AsString(); isText {
			found, indexed, err := h.c.Store.Lookup(r.Context(), t.Name, c.Path, value)
			if err != nil || indexed && len(found) <= q.Count || indexed && q.Count == 0 {
				return Page{Resources: found[:min(len(found), q.Count)], Total: len(found)}, err
			}
		}
	}
	return h.c.Store.List(r.Context(), t.Name, q)
}

// parse reads the parameters of a query.
func (h *Handler) parse(params url.Values) (Query, error) {
	q := Query{StartIndex: 1, Count: h.c.Limits.PageSize}
	var err error
	if text := params.Get("filter"); text != "" {
		if q.Filter, err = scim.ParseFilter(text, h.c.Limits.Filter); err != nil {
			return q, err
		}
	}
	if text := params.Get("sortBy"); text != "" {
		if q.SortBy, err = h.c.Schemas.ParsePath(text); err != nil {
			return q, err
		}
	}
	switch order := params.Get("sortOrder"); order {
	case "", "ascending":
	case "descending":
		q.Descending = true
	default:
		return q, badQuery(scim.InvalidValue, "sortOrder is ascending or descending")
	}
	if params.Has("cursor") {
		q.ByCursor, q.Cursor = true, params.Get("cursor")
	}
	if text := params.Get("startIndex"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || q.ByCursor {
			return q, badQuery(scim.InvalidValue, "startIndex is a number, and does not go with a cursor")
		}
		q.StartIndex = max(1, n) // RFC 7644 §3.4.2.4: less than 1 is 1
	}
	if text := params.Get("count"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			return q, badQuery(scim.InvalidCount, "count is a number")
		}
		q.Count = min(max(0, n), h.c.Limits.Page) // RFC 7644 §3.4.2.4: negative is 0
	}
	return q, nil
}

func badQuery(kind, detail string) error {
	return &scim.Error{Status: http.StatusBadRequest, ScimType: kind, Detail: detail}
}

// projection is which attributes an answer shows (RFC 7644 §3.9).
type projection struct {
	only    []scim.Path // nil for the default
	without []scim.Path
}

func (h *Handler) projection(t *resourceType, params url.Values) (projection, error) {
	var p projection
	only, without := params.Get("attributes"), params.Get("excludedAttributes")
	if only != "" && without != "" {
		return p, badQuery(scim.InvalidSyntax, "attributes and excludedAttributes do not go together")
	}
	var err error
	if p.only, err = h.paths(t, only); err != nil {
		return p, err
	}
	p.without, err = h.paths(t, without)
	return p, err
}

const maxProjected = 100

func (h *Handler) paths(t *resourceType, list string) ([]scim.Path, error) {
	if list == "" {
		return nil, nil
	}
	names := strings.Split(list, ",")
	if len(names) > maxProjected {
		return nil, badQuery(scim.InvalidValue, fmt.Sprintf("%d attributes are named; %d may be", len(names), maxProjected))
	}
	paths := make([]scim.Path, 0, len(names))
	for _, name := range names {
		p, err := h.c.Schemas.ParsePath(strings.TrimSpace(name))
		if err != nil {
			return nil, err
		}
		if p.Filter != nil {
			return nil, badQuery(scim.InvalidPath, "an attribute to show is named without a filter")
		}
		if strings.EqualFold(p.URN, t.Schema) {
			p.URN = ""
		}
		paths = append(paths, p)
	}
	return paths, nil
}

// shown is a resource as a client sees it: with meta, and cut by what is asked
// for and by what the schemas return.
func (h *Handler) shown(t *resourceType, r *scim.Resource, p projection) *scim.Resource {
	var out *scim.Resource
	if p.only == nil {
		out = &scim.Resource{Object: shallow(r.Object)}
		if deep(p.without) || deep(t.request) || deep(t.hidden) {
			out = r.Clone()
		}
		for _, path := range t.request {
			out.Remove(path)
		}
		for _, path := range p.without {
			if !t.is(t.always, path) && !strings.EqualFold(path.Attr, "id") && !strings.EqualFold(path.Attr, "schemas") {
				out.Remove(path)
			}
		}
	} else {
		out = scim.NewResource(r.Schemas()...)
		out.SetID(r.ID())
		for _, path := range append(t.always[:len(t.always):len(t.always)], p.only...) {
			if v, ok := r.At(path); ok {
				_ = out.Put(path, v) // what was read at a path can be put there
			}
		}
	}
	for _, path := range t.hidden {
		out.Remove(path)
	}
	h.meta(t, r, out, p)
	return out
}

func (t *resourceType) is(list []scim.Path, p scim.Path) bool {
	for _, q := range list {
		if q.Equal(p) {
			return true
		}
	}
	return false
}

// deep says that a path leads into a value, which must then not be shared.
func deep(paths []scim.Path) bool {
	for _, p := range paths {
		if p.Sub != "" || p.URN != "" {
			return true
		}
	}
	return false
}

// shallow copies an object one level deep: enough to leave attributes out.
func shallow(o scim.Object) scim.Object {
	var out scim.Object
	for name, v := range o.All() {
		out.Set(name, v)
	}
	return out
}

// meta adds what the handler knows of a resource (RFC 7643 §3.1).
func (h *Handler) meta(t *resourceType, r, out *scim.Resource, p projection) {
	if p.only != nil && !t.is(p.only, scim.Path{Attr: "meta"}) {
		return
	}
	if t.is(p.without, scim.Path{Attr: "meta"}) {
		return
	}
	v, _ := r.Get("meta")
	stored, _ := v.AsComplex()
	var meta scim.Object
	meta.Set("resourceType", scim.String(t.Name))
	for _, name := range []string{"created", "lastModified", "version"} {
		if v, ok := stored.Get(name); ok {
			meta.Set(name, v)
		}
	}
	meta.Set("location", scim.String(h.location(t, r.ID())))
	out.Set("meta", scim.Complex(meta))
}
