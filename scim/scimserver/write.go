// SPDX-License-Identifier: Apache-2.0

package scimserver

import (
	"errors"
	"net/http"

	"github.com/usher-id/usher/scim"
)

// create answers RFC 7644 §3.3.
func (h *Handler) create(w http.ResponseWriter, r *http.Request, t *resourceType, _ string) error {
	p, fresh, err := h.readResource(w, r, t)
	if err == nil {
		fresh, err = h.c.Store.Create(r.Context(), t.Name, fresh)
	}
	if err != nil {
		return err
	}
	h.resource(w, r, http.StatusCreated, t, fresh, p)
	return nil
}

// readResource reads a resource that is to be stored.
func (h *Handler) readResource(w http.ResponseWriter, r *http.Request, t *resourceType) (*projection, *scim.Resource, error) {
	params, err := readQuery(r)
	if err != nil {
		return nil, nil, err
	}
	p, err := h.projection(t, params)
	if err != nil {
		return nil, nil, err
	}
	body, err := h.read(w, r)
	if err != nil {
		return nil, nil, err
	}
	sent, err := scim.ParseResource(body, h.c.Limits.Body)
	if err != nil {
		return nil, nil, err
	}
	fresh, err := h.c.Schemas.Accept(t.ResourceType, sent, h.rules(r).accept())
	return p, fresh, err
}

// replace answers RFC 7644 §3.5.1: what the client leaves out is cleared, but
// for what only the service provider writes.
func (h *Handler) replace(w http.ResponseWriter, r *http.Request, t *resourceType, id string) error {
	p, fresh, err := h.readResource(w, r, t)
	if err != nil {
		return err
	}
	stored, err := h.change(r, t, id, func(old *scim.Resource) (*scim.Resource, error) {
		return h.c.Schemas.Replacement(t.ResourceType, old, fresh, h.c.Rules.PutOmittedKeeps)
	})
	if err != nil {
		return err
	}
	h.resource(w, r, http.StatusOK, t, stored, p)
	return nil
}

// change replaces a resource by what fn makes of it, under the version that was
// read, so that two writers never lose a change. What changes nothing is not
// stored (RFC 7644 §3.5.2.1: lastModified stays).
func (h *Handler) change(r *http.Request, t *resourceType, id string, fn func(old *scim.Resource) (*scim.Resource, error)) (*scim.Resource, error) {
	for range h.c.Limits.Tries {
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
		if old.Object.Equal(fresh.Object) {
			return old, nil
		}
		stored, err := h.c.Store.Replace(r.Context(), t.Name, fresh, old.Version())
		if !errors.Is(err, ErrVersion) {
			return stored, err
		}
		if err := r.Context().Err(); err != nil {
			return nil, err
		}
	}
	return nil, errBusy
}

// precondition checks If-Match and If-None-Match (RFC 7644 §3.14).
func precondition(r *http.Request, old *scim.Resource) error {
	match, none := r.Header.Values("If-Match"), r.Header.Values("If-None-Match")
	if len(match) > 0 && !matches(match, old.Version()) || len(none) > 0 && matches(none, old.Version()) {
		return ErrVersion
	}
	return nil
}

// remove answers RFC 7644 §3.6.
func (h *Handler) remove(w http.ResponseWriter, r *http.Request, t *resourceType, id string) error {
	if err := h.delete(r, t, id); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (h *Handler) delete(r *http.Request, t *resourceType, id string) error {
	if h.c.Rules.DeleteMeansDisable && t.Schema == scim.UserURN {
		_, err := h.change(r, t, id, func(old *scim.Resource) (*scim.Resource, error) {
			fresh := &scim.Resource{Object: writable(old.Object)}
			fresh.SetActive(false)
			return fresh, nil
		})
		return err
	}
	if len(r.Header.Values("If-Match")) == 0 && len(r.Header.Values("If-None-Match")) == 0 {
		return h.c.Store.Delete(r.Context(), t.Name, id, "")
	}
	old, err := h.c.Store.Get(r.Context(), t.Name, id)
	if err != nil {
		return err
	}
	if err := precondition(r, old); err != nil {
		return err
	}
	return h.c.Store.Delete(r.Context(), t.Name, id, old.Version())
}
