// SPDX-License-Identifier: Apache-2.0

package scimserver

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/usher-id/usher/scim"
)

// query is the parameters of a request that the protocol knows. Others are
// passed over (RFC 7644 §3.4.2).
type query map[string]string

func (q query) get(name string) string { return q[name] }

func (q query) has(name string) bool {
	_, ok := q[name]
	return ok
}

func parameters() []string {
	return []string{"filter", "sortBy", "sortOrder", "startIndex", "count", "cursor", "attributes", "excludedAttributes"}
}

// parameters of an address. What cannot be decoded is refused: a filter that was
// lost would select everybody.
func readQuery(r *http.Request) (query, error) {
	if r.URL.RawQuery == "" {
		return nil, nil
	}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, badQuery(scim.InvalidValue, "the parameters of the address cannot be decoded")
	}
	q, known := query{}, parameters()
	for name, list := range values {
		i := slices.IndexFunc(known, func(p string) bool { return strings.EqualFold(p, name) })
		if i < 0 {
			continue
		}
		p := known[i]
		if q.has(p) || len(list) > 1 {
			return nil, badQuery(scim.InvalidValue, p+" is there more than once")
		}
		q[p] = list[0]
	}
	return q, nil
}

// readSearch reads the same parameters from a body (RFC 7644 §3.4.3).
func readSearch(asked *scim.Resource) (query, error) {
	if !asked.HasSchema(scim.SearchRequestURN) {
		return nil, badQuery(scim.InvalidSyntax, "schemas must name "+scim.SearchRequestURN)
	}
	q := query{}
	for _, name := range parameters() {
		v, ok := asked.Get(name)
		if !ok || v.IsNull() {
			continue
		}
		number := name == "startIndex" || name == "count"
		list, isList := v.AsList()
		text, isText := v.AsString()
		switch {
		case strings.HasSuffix(strings.ToLower(name), "attributes") && isList:
			var names []string
			for _, e := range list {
				s, ok := e.AsString()
				if !ok {
					return nil, badQuery(scim.InvalidValue, name+" is a list of names")
				}
				names = append(names, s)
			}
			q[name] = strings.Join(names, ",")
		case isText && !number:
			q[name] = text
		case number && (v.Kind() == scim.KindInteger || isText):
			q[name] = strings.Trim(v.String(), `"`)
		default:
			return nil, badQuery(scim.InvalidValue, name+" is of the wrong type")
		}
	}
	return q, nil
}

// asked is what a client wants to see of a type: a page by index, or by cursor.
type asked struct {
	Query
	byCursor bool
	cursor   string // of the page before, "" for the first
}

// parse makes of parameters what a Store is asked.
func (h *Handler) parse(t *resourceType, params query, rules Rules, root string) (asked, error) {
	q := asked{Query: Query{StartIndex: 1, Count: h.c.Limits.PageSize}}
	var err error
	if params.has("filter") {
		if q.Filter, err = rules.filter().Parse(h.c.Schemas, t.Schema, params.get("filter"), h.c.Limits.Filter); err != nil {
			return q, err
		}
		q.Filter = ofMeta(q.Filter, t, root)
	}
	if text := params.get("sortBy"); text != "" {
		if q.SortBy, err = h.sortBy(t, text); err != nil {
			return q, err
		}
	}
	switch order := params.get("sortOrder"); {
	case order == "", strings.EqualFold(order, "ascending"):
	case strings.EqualFold(order, "descending"):
		q.Descending = true
	default:
		return q, badQuery(scim.InvalidValue, "sortOrder is ascending or descending")
	}
	return q, h.place(&q, params)
}

// place reads which page is asked for (RFC 7644 §3.4.2.4, RFC 9865 §2).
func (h *Handler) place(q *asked, params query) error {
	if params.has("cursor") {
		if h.cursors == nil {
			return badQuery(scim.InvalidValue, "there are no pages by cursor here; ask for them by startIndex")
		}
		q.byCursor, q.cursor = true, params.get("cursor")
	}
	if text := params.get("startIndex"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || q.byCursor {
			return badQuery(scim.InvalidValue, "startIndex is a number, and does not go with a cursor")
		}
		q.StartIndex = max(1, n) // §3.4.2.4: less than 1 is 1
	}
	if text := params.get("count"); text != "" {
		n, err := strconv.Atoi(text)
		switch {
		case err != nil && q.byCursor:
			return badQuery(scim.InvalidCount, "count is a number")
		case err != nil:
			return badQuery(scim.InvalidValue, "count is a number")
		}
		q.Count = min(max(0, n), h.c.Limits.Page) // §3.4.2.4: negative is 0
	}
	return nil
}

func (h *Handler) sortBy(t *resourceType, text string) (scim.Path, error) {
	p, err := h.c.Schemas.ParsePath(text)
	if err != nil {
		return p, err
	}
	if strings.EqualFold(p.URN, t.Schema) {
		p.URN = ""
	}
	a, ok := h.c.Schemas.Lookup(t.Schema, p)
	switch {
	case p.Filter != nil, !ok:
		return p, badQuery(scim.InvalidPath, "there is nothing to sort by at "+p.String())
	case h.secret(t, p):
		return p, &scim.Error{Status: http.StatusForbidden, ScimType: scim.Sensitive, Detail: p.String() + " cannot be sorted by"}
	case a.Type != scim.TypeComplex:
		return p, nil
	}
	// RFC 7644 §3.4.2.3: of a complex attribute a sub-attribute is named. The
	// "value" of a multi-valued one is what is meant.
	p.Sub = "value"
	if _, ok = h.c.Schemas.Lookup(t.Schema, p); !ok || !a.MultiValued {
		return p, badQuery(scim.InvalidPath, p.Attr+" is complex: name a sub-attribute")
	}
	return p, nil
}

// secret tells whether a path leads to what is never returned. Who may ask whether
// a password begins with "a" may find it out.
func (h *Handler) secret(t *resourceType, p scim.Path) bool {
	p.Filter = nil
	whole := p
	whole.Sub = ""
	a, _ := h.c.Schemas.Lookup(t.Schema, p)
	b, _ := h.c.Schemas.Lookup(t.Schema, whole)
	return a.Returned == scim.ReturnedNever || b.Returned == scim.ReturnedNever
}
