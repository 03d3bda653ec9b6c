// SPDX-License-Identifier: Apache-2.0

package scimtest

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/usher-id/usher/scim"
	"github.com/usher-id/usher/scim/scimserver"
)

// Resources on a page of the handler, if the app and the client say nothing.
const (
	usualPage = 100
	usualMost = 1_000
)

// arrange gives a request the address that everything behind knows.
func (a *App) arrange(r *http.Request) {
	q := &a.config.Quirks
	path := strings.TrimPrefix(r.URL.Path, Base)
	for own, usual := range map[string]string{q.Users.Path: "/Users", q.Groups.Path: "/Groups"} {
		if rest, ok := strings.CutPrefix(path, own); own != "" && ok && (rest == "" || rest[0] == '/') {
			path = usual + rest
		}
	}
	if id, ok := strings.CutPrefix(path, "/Users/"); ok && q.IDIsExternalID && id != ".search" {
		path = "/Users/-"                                                                      // nobody has this id
		found, _, _ := a.memory.Lookup(r.Context(), "User", scim.Path{Attr: "externalId"}, id) // it has an index, and no errors
		if len(found) > 0 {
			path = "/Users/" + found[0].ID()
		}
	}
	if Base+path != r.URL.Path {
		u := *r.URL
		u.Path, u.RawPath = Base+path, ""
		r.URL = &u
	}
}

// bend makes a request look like what the app understands of it, and tells whether
// that is nothing.
func (g *gate) bend(a *ask) (nothing bool) {
	q := &g.quirks
	if q.ConfigPath != "" && strings.TrimPrefix(a.URL.Path, Base) == q.ConfigPath {
		a.URL.Path, a.URL.RawPath = Base+"/ServiceProviderConfig", ""
	}
	if q.NoETag {
		a.Header.Del("If-Match")
		a.Header.Del("If-None-Match")
	}
	if a.isQuery() && !a.search {
		g.bendQuery(a)
	}
	return a.Method == http.MethodPatch && g.bendPatch(a)
}

func (g *gate) bendQuery(a *ask) {
	q := &g.quirks
	if q.IgnoreStartIndex {
		firstPage(a.Request)
	}
	params := a.URL.Query()
	before := params.Encode()
	for name := range params {
		if listed(q.IgnoreParameters, name) || q.NoCursor && name == "cursor" {
			params.Del(name)
		}
	}
	switch byCursor := params.Has("cursor"); {
	case !byCursor && q.FirstPage > 0:
		params.Set("count", strconv.Itoa(min(g.count(params), q.FirstPage)))
	case byCursor && q.ShortPages:
		n := g.count(params)
		params.Set("count", strconv.Itoa(max(min(n, 1), n-n/4)))
	}
	if f := a.offer.Filters; f != nil && len(f.Alias) > 0 {
		if parsed, err := scim.ParseFilter(params.Get("filter"), scim.FilterLimits{}); err == nil {
			params.Set("filter", renamed(parsed, f.Alias).String())
		}
	}
	if parsed, err := scim.ParseFilter(params.Get("filter"), scim.FilterLimits{}); err == nil && q.IDIsExternalID && a.typ == "User" {
		params.Set("filter", renamed(parsed, map[string]string{"id": "externalId"}).String())
	}
	if params.Encode() != before {
		a.URL.RawQuery = params.Encode()
	}
}

// count is how many resources a query wants on a page.
func (g *gate) count(params url.Values) int {
	if n, err := strconv.Atoi(params.Get("count")); err == nil {
		return n
	}
	return cmp.Or(g.quirks.DefaultPage, usualPage)
}

// bendPatch leaves out of a PATCH what the app takes and passes over. What is left of
// one of which nothing is, is answered as a GET.
func (g *gate) bendPatch(a *ask) (nothing bool) {
	if len(a.ops) == 0 {
		return false // the handler says what is wrong with it
	}
	left, fewer := a.offer.Patch.effective(a)
	renames := g.quirks.IDIsExternalID && a.typ == "User"
	if !fewer && !renames {
		return false
	}
	if renames {
		for i := range left {
			left[i] = idAsExternal(left[i])
		}
	}
	if len(left) == 0 {
		a.Method = http.MethodGet
		return true
	}
	a.body.Set("Operations", scim.List(left...))
	body := a.body.AppendJSON(nil)
	a.Body, a.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return false
}

// idAsExternal is an operation that changes externalId where it says id.
func idAsExternal(v scim.Value) scim.Value {
	o, _ := v.Clone().AsComplex()
	if path, _ := o.Get("path"); strings.EqualFold(strings.Trim(path.String(), `"`), "id") {
		o.Set("path", scim.String("externalId"))
	}
	value, _ := o.Get("value")
	if parts, ok := value.AsComplex(); ok {
		if id, ok := parts.Get("id"); ok {
			parts.Delete("id")
			parts.Set("externalId", id)
			o.Set("value", scim.Complex(parts))
		}
	}
	return scim.Complex(o)
}

// users are all of them.
func (g *gate) users(a *ask) []*scim.Resource { return allOf(a.Context(), g.memory, "User") }

// allOf are the resources of a type.
func allOf(ctx context.Context, m *scimserver.Memory, typ string) []*scim.Resource {
	page, err := m.List(ctx, typ, scimserver.Query{StartIndex: 1, Count: everybody})
	if err != nil {
		return nil // there is no such type
	}
	return page.Resources
}

const everybody = 1 << 30

// dresses tells whether answers differ from the handler's.
func (q *Quirks) dresses() bool {
	return q.LowerListKey || q.SchemaTwice || q.FlatName || q.IDIsExternalID || q.MembersShown > 0 || q.NoETag || len(q.Claims) > 0 ||
		len(q.Users.ListOmits)+len(q.Groups.ListOmits) > 0
}

// dressed answers as the handler does, in the app's own way.
func (g *gate) dressed(w http.ResponseWriter, r *http.Request) {
	rec := &recorder{header: http.Header{}, status: http.StatusOK}
	g.next.ServeHTTP(rec, r)
	body := rec.body.Bytes()
	if said, err := scim.ParseResource(body, scim.Limits{MaxBytes: maxBody, MaxElements: -1}); err == nil {
		body = g.dress(rec.status, rec.header, said).AppendJSON(nil)
		if g.quirks.LowerListKey && said.HasSchema(scim.ListResponseURN) {
			body = bytes.Replace(body, []byte(`"Resources":`), []byte(`"resources":`), 1)
		}
	}
	for name, values := range rec.header {
		w.Header()[name] = values
	}
	if g.quirks.NoETag {
		w.Header().Del("Etag")
	}
	if w.Header().Get("Content-Length") != "" {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	}
	write(w, rec.status, body)
}

func (g *gate) dress(status int, header http.Header, said *scim.Resource) *scim.Resource {
	q := &g.quirks
	switch {
	case status >= http.StatusBadRequest:
		if v, ok := said.Get("schemas"); ok && q.SchemaTwice {
			said.Set("schema", v)
		}
	case said.HasSchema(scim.ServiceProviderConfigURN):
		for name, is := range q.Claims {
			v, _ := said.Get(name)
			o, _ := v.AsComplex()
			names := []string{"supported"}
			if name == "pagination" {
				names = []string{"cursor", "index"}
			}
			for _, n := range names {
				o.Set(n, scim.Bool(is))
			}
			said.Set(name, scim.Complex(o))
		}
	case said.HasSchema(scim.ListResponseURN):
		v, _ := said.Get("Resources")
		list := slices.Clone(objectsOf(v))
		out := make([]scim.Value, len(list))
		for i, o := range list {
			r := &scim.Resource{Object: o}
			g.show(r)
			for _, name := range q.offer(r.ResourceType()).ListOmits {
				r.Remove(scim.MustPath(name))
			}
			out[i] = scim.Complex(r.Object)
		}
		said.Set("Resources", scim.List(out...))
	default:
		g.show(said)
		if q.IDIsExternalID {
			for _, name := range []string{"Location", "Content-Location"} {
				if header.Get(name) != "" {
					header.Set(name, said.Location())
				}
			}
		}
	}
	return said
}

// show makes a resource look as the app shows it.
func (g *gate) show(r *scim.Resource) {
	q := &g.quirks
	v, _ := r.Get("meta")
	meta, hasMeta := v.AsComplex()
	if q.NoETag && hasMeta {
		meta.Delete("version")
		r.Set("meta", scim.Complex(meta))
	}
	if n := q.MembersShown; n > 0 {
		v, _ := r.Get("members")
		if list, _ := v.AsList(); len(list) > n {
			r.Set("members", scim.List(list[:n]...))
		}
	}
	if r.ResourceType() != "User" {
		return
	}
	if name, ok := r.At(scim.Path{Attr: "name", Sub: "formatted"}); ok && q.FlatName {
		r.Set("name.formatted", name)
	}
	if id := r.ExternalID(); q.IDIsExternalID && id != "" {
		old := r.ID()
		r.SetID(id)
		meta.Set("location", scim.String(strings.TrimSuffix(r.Location(), url.PathEscape(old))+url.PathEscape(id)))
		r.Set("meta", scim.Complex(meta))
	}
}
