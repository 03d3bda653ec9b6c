// SPDX-License-Identifier: Apache-2.0

package scimtest

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/usher-id/usher/scim"
)

// operation names what a request is about, without ids, which depend on the
// order of requests.
func (w *world) operation(r *http.Request, body []byte) Operation {
	parts := strings.Split(strings.Trim(strings.TrimPrefix(r.URL.Path, Base), "/"), "/")
	op := Operation{Method: r.Method, Type: strings.TrimSuffix(parts[0], "s")}
	sent, err := scim.ParseResource(body, scim.Limits{MaxBytes: maxBody})
	if err != nil {
		sent = scim.NewResource()
	}
	switch {
	case len(parts) > 1 && parts[1] != ".search":
		if found, err := w.memory.Get(r.Context(), op.Type, parts[1]); err == nil {
			op.Identity = identity(found)
		}
		if r.Method == http.MethodPatch {
			op.Detail = w.patched(r.Context(), sent)
		}
	case r.Method == http.MethodPost && len(parts) == 1:
		op.Identity = identity(sent)
	default:
		q := r.URL.Query()
		op.Identity = w.named(r.Context(), q.Get("filter")) + "#" + q.Get("startIndex") + q.Get("cursor")
		if r.Method == http.MethodPost {
			filter, _ := sent.Get("filter")
			text, _ := filter.AsString()
			op.Identity = w.named(r.Context(), text) + "#"
		}
	}
	return op
}

// named writes names for the ids in a filter.
func (w *world) named(ctx context.Context, filter string) string {
	parts := strings.Split(filter, `"`)
	for i := 1; i < len(parts); i += 2 {
		for _, typ := range []string{"User", "Group"} {
			if r, err := w.memory.Get(ctx, typ, parts[i]); err == nil {
				parts[i] = identity(r)
			}
		}
	}
	return strings.Join(parts, `"`)
}

func identity(r *scim.Resource) string {
	if n := nameOf(r); n != "" {
		return n
	}
	return r.ExternalID()
}

// patched tells PATCH requests to one resource apart: by path, and by the names
// of the members that are meant.
func (w *world) patched(ctx context.Context, sent *scim.Resource) string {
	v, _ := sent.Get("Operations")
	list, _ := v.AsList()
	var words []string
	for _, e := range list {
		o, _ := e.AsComplex()
		op, _ := o.Get("op")
		path, _ := o.Get("path")
		name, _ := op.AsString()
		text, _ := path.AsString()
		value, _ := o.Get("value")
		members, isList := value.AsList()
		if !strings.HasPrefix(text, "members") {
			words = append(words, name+" "+text)
			continue
		}
		if isList {
			for _, m := range members {
				mo, _ := m.AsComplex()
				id, _ := mo.Get("value")
				s, _ := id.AsString()
				words = append(words, name+" "+w.userName(ctx, s))
			}
			continue
		}
		if p, err := scim.ParsePath(text); err == nil {
			if c, ok := p.Filter.(*scim.Compare); ok {
				s, _ := c.Value.AsString()
				words = append(words, name+" "+w.userName(ctx, s))
			}
		}
	}
	slices.Sort(words)
	return strings.Join(words, ",")
}

func (w *world) userName(ctx context.Context, id string) string {
	r, err := w.memory.Get(ctx, "User", id)
	if err != nil {
		return "?"
	}
	return identity(r)
}
