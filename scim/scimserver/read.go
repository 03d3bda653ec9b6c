// SPDX-License-Identifier: Apache-2.0

package scimserver

import (
	"context"
	"net/http"
	"strings"

	"github.com/usher-id/usher/scim"
)

// get answers RFC 7644 §3.4.1.
func (h *Handler) get(w http.ResponseWriter, r *http.Request, t *resourceType, id string) error {
	params, err := readQuery(r)
	if err != nil {
		return err
	}
	p, err := h.projection(t, params)
	if err != nil {
		return err
	}
	if h.texts != nil && p == &t.plain {
		if done, err := h.getText(w, r, t, id); done || err != nil {
			return err
		}
	}
	var found *scim.Resource
	if h.parts != nil && len(p.without) > 0 {
		found, err = h.parts.GetPart(r.Context(), t.Name, id, p.without)
	} else {
		found, err = h.c.Store.Get(r.Context(), t.Name, id)
	}
	if err == nil && !unchanged(w, r, found.Version()) {
		h.resource(w, r, http.StatusOK, t, found, p)
	}
	return err
}

// unchanged answers who has this version already (RFC 7644 §3.14).
func unchanged(w http.ResponseWriter, r *http.Request, version string) bool {
	if version == "" || !matches(r.Header.Values("If-None-Match"), version) {
		return false
	}
	w.Header().Set("ETag", version)
	w.WriteHeader(http.StatusNotModified)
	return true
}

// tags are the entity tags of an If-Match or If-None-Match header, in which a
// quoted comma divides nothing (RFC 9110 §8.8.3). What is no entity tag stands for
// itself and matches nothing, and neither does what follows it.
func tags(header []string) []string {
	var out []string
	for _, line := range header {
		for line = strings.Trim(line, " \t,"); line != ""; line = strings.TrimLeft(line, " \t,") {
			quoted, _ := strings.CutPrefix(line, "W/")
			end := -1
			if strings.HasPrefix(quoted, `"`) {
				end = strings.IndexByte(quoted[1:], '"')
			}
			if end < 0 {
				out = append(out, line)
				break
			}
			end += len(line) - len(quoted) + len(`""`)
			out, line = append(out, line[:end]), line[end:]
		}
	}
	return out
}

// matches tells whether a version is among those of an If-Match or
// If-None-Match header; weakness does not count (RFC 7644 §3.14).
func matches(header []string, version string) bool {
	for _, tag := range tags(header) {
		if tag == "*" || version != "" && strings.TrimPrefix(tag, "W/") == strings.TrimPrefix(version, "W/") {
			return true
		}
	}
	return false
}

// query answers RFC 7644 §3.4.2.
func (h *Handler) query(w http.ResponseWriter, r *http.Request, t *resourceType, _ string) error {
	params, err := readQuery(r)
	if err != nil {
		return err
	}
	return h.list(w, r, t, params)
}

// search answers RFC 7644 §3.4.3: the same query in a body.
func (h *Handler) search(w http.ResponseWriter, r *http.Request, t *resourceType, _ string) error {
	params, err := h.searched(w, r)
	if err != nil {
		return err
	}
	return h.list(w, r, t, params)
}

// searched reads a query from a body.
func (h *Handler) searched(w http.ResponseWriter, r *http.Request) (query, error) {
	body, err := h.read(w, r, h.c.Limits.Body.MaxBytes)
	if err != nil {
		return nil, err
	}
	asked, err := scim.ParseResource(body, h.c.Limits.Body)
	if err != nil {
		return nil, err
	}
	return readSearch(asked)
}

func (h *Handler) list(w http.ResponseWriter, r *http.Request, t *resourceType, params query) error {
	p, err := h.projection(t, params)
	if err != nil {
		return err
	}
	q, err := h.parse(t, params, h.rules(r), h.root(r))
	if err != nil {
		return err
	}
	if h.texts != nil && p == &t.plain {
		if done, err := h.listText(w, r, t, q); done || err != nil {
			return err
		}
	}
	q.Without = p.without
	page, err := h.page(r, t, q)
	if err != nil {
		return err
	}
	answer := q.message(page.Total, len(page.Resources))
	answer.NextCursor = page.NextCursor
	root := h.root(r)
	answer.Resources = make([]*scim.Resource, len(page.Resources))
	for i, found := range page.Resources {
		answer.Resources[i] = t.shown(t.location(root, found.ID()), found, p)
	}
	body, _ := answer.MarshalJSON() // it has no error
	send(w, http.StatusOK, body)
	return nil
}

// message is the list that shows so many of a number of resources.
func (q asked) message(total, shown int) scim.ListResponse {
	l := scim.ListResponse{TotalResults: total, ItemsPerPage: shown}
	if !q.byCursor {
		l.StartIndex = q.StartIndex
	}
	return l
}

// named is the one value that a filter names, and its attribute; ok is false if the query
// is about anything else.
func (q asked) named(t *resourceType) (attribute scim.Path, value string, ok bool) {
	c, ok := q.Filter.(*scim.Compare)
	if !ok || c.Op != scim.OpEq || c.Path.Filter != nil || q.StartIndex > 1 || q.cursor != "" {
		return attribute, "", false
	}
	if attribute = c.Path; strings.EqualFold(attribute.URN, t.Schema) {
		attribute.URN = ""
	}
	value, ok = c.Value.AsString()
	return attribute, value, ok && value != ""
}

// page asks the store's index where a filter names one value, and the store's
// list for everything else.
func (h *Handler) page(r *http.Request, t *resourceType, q asked) (Page, error) {
	if path, value, ok := q.named(t); ok {
		found, indexed, err := h.lookup(r.Context(), t, path, value, q.Without)
		if err != nil {
			return Page{}, err
		}
		if indexed && len(found) <= 1 { // several have an order and pages
			return Page{Resources: found[:min(len(found), q.Count)], Total: len(found)}, nil
		}
	}
	if q.byCursor {
		return h.cursors.Walk(r.Context(), t.Name, q.Query, q.cursor)
	}
	return h.c.Store.List(r.Context(), t.Name, q.Query)
}

func (h *Handler) lookup(ctx context.Context, t *resourceType, attribute scim.Path, value string, without []scim.Path) ([]*scim.Resource, bool, error) {
	if h.parts != nil && len(without) > 0 {
		return h.parts.LookupPart(ctx, t.Name, attribute, value, without)
	}
	return h.c.Store.Lookup(ctx, t.Name, attribute, value)
}
