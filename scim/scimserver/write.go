// SPDX-License-Identifier: Apache-2.0

package scimserver

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/usher-id/usher/scim"
)

// mostTries is how often a PATCH is applied anew because somebody else came
// between.
const mostTries = 50

// create answers RFC 7644 §3.3.
func (h *Handler) create(w http.ResponseWriter, r *http.Request, t *resourceType) {
	p, sent, err := h.readResource(w, r, t)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	fresh, err := h.accept(t, sent)
	if err == nil {
		fresh, err = h.c.Store.Create(r.Context(), t.Name, fresh)
	}
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.resource(w, http.StatusCreated, t, fresh, p)
}

func (h *Handler) readResource(w http.ResponseWriter, r *http.Request, t *resourceType) (projection, *scim.Resource, error) {
	p, err := h.projection(t, r.URL.Query())
	if err != nil {
		return p, nil, err
	}
	body, err := h.read(w, r)
	if err != nil {
		return p, nil, err
	}
	sent, err := scim.ParseResource(body, h.c.Limits.Body)
	if err != nil {
		return p, nil, err
	}
	if !sent.HasSchema(t.Schema) && (!h.c.Lenient.CreateWithoutSchemas || len(sent.Schemas()) > 0) {
		return p, nil, badQuery(scim.InvalidSyntax, "schemas must name "+t.Schema)
	}
	return p, sent, nil
}

// accept makes of what a client sent what may be stored: values of their type,
// attributes of the schemas alone, nothing that only the service provider may
// write (RFC 7644 §3.3: ignored), and everything that is required.
func (h *Handler) accept(t *resourceType, sent *scim.Resource) (*scim.Resource, error) {
	var value scim.Object
	for name, v := range sent.All() {
		p, err := h.c.Schemas.ParsePath(name)
		known := err == nil && h.known(t, p)
		switch {
		case !known && h.c.Lenient.RefuseUnknown && !strings.EqualFold(name, "schemas"):
			return nil, badQuery(scim.InvalidSyntax, name+" is in no schema of "+t.Name)
		case !known, v.IsUnassigned():
			continue
		}
		if a, ok := h.c.Schemas.Lookup(t.Schema, p); ok && a.Mutability == scim.ReadOnly {
			continue
		}
		value.Set(name, v)
	}
	rules := h.c.Lenient.PatchRules
	rules.IgnoreReadOnlyInValue = true
	fresh := scim.NewResource(t.Schema)
	if value.Len() > 0 {
		all := scim.Patch{{Op: scim.OpAdd, Value: scim.Complex(value)}}
		var err error
		if fresh, err = all.Apply(h.c.Schemas, t.Schema, fresh, rules); err != nil {
			return nil, err
		}
	}
	return fresh, t.complete(fresh)
}

// known says that a path leads to one of the type's own attributes or
// extensions.
func (h *Handler) known(t *resourceType, p scim.Path) bool {
	if p.URN != "" && !strings.EqualFold(p.URN, t.Schema) {
		own := false
		for _, e := range t.SchemaExtensions {
			own = own || strings.EqualFold(e.Schema, p.URN)
		}
		if !own {
			return false
		}
	}
	_, ok := h.c.Schemas.Lookup(t.Schema, p)
	return ok
}

func (t *resourceType) complete(r *scim.Resource) error {
	for _, p := range t.required {
		if v, ok := r.At(p); !ok || v.IsUnassigned() {
			return badQuery(scim.InvalidValue, p.String()+" is required")
		}
	}
	return nil
}

// replace answers RFC 7644 §3.5.1: what the client leaves out is cleared, but
// for what only the service provider writes.
func (h *Handler) replace(w http.ResponseWriter, r *http.Request, t *resourceType, id string) {
	p, sent, err := h.readResource(w, r, t)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	fresh, err := h.accept(t, sent)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	stored, err := h.change(r, t, id, func(old *scim.Resource) (*scim.Resource, error) {
		return h.over(t, old, fresh)
	})
	if err != nil {
		h.fail(w, r, err)
		return
	}
	h.resource(w, http.StatusOK, t, stored, p)
}

// over lays a new resource over the old one.
func (h *Handler) over(t *resourceType, old, fresh *scim.Resource) (*scim.Resource, error) {
	out := fresh.Clone()
	for name, v := range old.All() {
		if _, sent := fresh.Get(name); sent || strings.EqualFold(name, "schemas") {
			continue
		}
		a, _ := h.c.Schemas.Lookup(t.Schema, scim.Path{Attr: name})
		if a.Mutability == scim.ReadOnly || a.Mutability == scim.WriteOnly || a.Mutability == scim.Immutable || h.c.Lenient.PutOmittedKeeps {
			out.Set(name, v)
		}
	}
	for name, v := range fresh.All() {
		a, ok := h.c.Schemas.Lookup(t.Schema, scim.Path{Attr: name})
		was, had := old.Get(name)
		if ok && a.Mutability == scim.Immutable && had && !a.Same(was, v) {
			return nil, &scim.Error{Status: http.StatusBadRequest, ScimType: scim.MutabilityBreach, Detail: name + " is immutable and has a value"}
		}
	}
	return out, nil
}

// patch answers RFC 7644 §3.5.2.
func (h *Handler) patch(w http.ResponseWriter, r *http.Request, t *resourceType, id string) {
	p, err := h.projection(t, r.URL.Query())
	if err != nil {
		h.fail(w, r, err)
		return
	}
	body, err := h.read(w, r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	ops, err := h.c.Lenient.Parse(body, h.c.Limits.Body)
	if err == nil && len(ops) > h.c.Limits.Operations {
		err = &scim.Error{Status: http.StatusRequestEntityTooLarge, Detail: fmt.Sprintf("the request has %d operations; %d are taken at once", len(ops), h.c.Limits.Operations)}
	}
	if err != nil {
		h.fail(w, r, err)
		return
	}
	stored, err := h.change(r, t, id, func(old *scim.Resource) (*scim.Resource, error) {
		fresh, err := ops.Apply(h.c.Schemas, t.Schema, old, h.c.Lenient.PatchRules)
		if err != nil {
			return nil, err
		}
		return fresh, t.complete(fresh)
	})
	switch {
	case err != nil:
		h.fail(w, r, err)
	case h.c.Lenient.PatchNoContent && p.only == nil:
		if v := stored.Version(); v != "" {
			w.Header().Set("ETag", v)
		}
		w.WriteHeader(http.StatusNoContent)
	default:
		h.resource(w, http.StatusOK, t, stored, p)
	}
}

// change replaces a resource by what fn makes of it, under the version that was
// read, so that two writers never lose a change. What changes nothing is not
// stored (RFC 7644 §3.5.2.1: lastModified stays).
func (h *Handler) change(r *http.Request, t *resourceType, id string, fn func(old *scim.Resource) (*scim.Resource, error)) (*scim.Resource, error) {
	for try := 0; ; try++ {
		old, err := h.c.Store.Get(r.Context(), t.Name, id)
		if err != nil {
			return nil, err
		}
		if err := precondition(r, old); err != nil {
			return nil, err
		}
		fresh, err := fn(old)
		if err != nil {
			return nil, err
		}
		if unchanged(old, fresh) {
			return old, nil
		}
		stored, err := h.c.Store.Replace(r.Context(), t.Name, fresh, old.Version())
		if errors.Is(err, ErrVersion) && try < mostTries && r.Context().Err() == nil {
			continue
		}
		return stored, err
	}
}

// precondition checks If-Match (RFC 7644 §3.14).
func precondition(r *http.Request, old *scim.Resource) error {
	if header := r.Header.Get("If-Match"); header != "" && !matches(header, old.Version()) {
		return ErrVersion
	}
	return nil
}

func unchanged(a, b *scim.Resource) bool { return a.Object.Equal(b.Object) }

// remove answers RFC 7644 §3.6.
func (h *Handler) remove(w http.ResponseWriter, r *http.Request, t *resourceType, id string) {
	err := h.delete(r.Context(), r, t, id)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (h *Handler) delete(ctx context.Context, r *http.Request, t *resourceType, id string) error {
	if h.c.Lenient.DeleteMeansDisable && t.Schema == scim.UserURN {
		_, err := h.change(r, t, id, func(old *scim.Resource) (*scim.Resource, error) {
			fresh := old.Clone()
			fresh.SetActive(false)
			return fresh, nil
		})
		return err
	}
	version := ""
	if r.Header.Get("If-Match") != "" {
		old, err := h.c.Store.Get(ctx, t.Name, id)
		if err != nil {
			return err
		}
		if err := precondition(r, old); err != nil {
			return err
		}
		version = old.Version()
	}
	return h.c.Store.Delete(ctx, t.Name, id, version)
}
