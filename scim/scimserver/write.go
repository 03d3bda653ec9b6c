// SPDX-License-Identifier: Apache-2.0

package scimserver

import (
	"context"
	"errors"
	"net/http"

	"github.com/usher-id/usher/scim"
)

// create is RFC 7644 §3.3.
func (h *Handler) create(ctx context.Context, k task) (outcome, error) {
	p, fresh, err := h.readResource(k)
	if err == nil {
		fresh, err = h.c.Store.Create(ctx, k.t.Name, fresh)
	}
	if err != nil {
		return outcome{}, err
	}
	return whole(http.StatusCreated, fresh, p), nil
}

// readResource reads a resource that is to be stored.
func (h *Handler) readResource(k task) (*projection, *scim.Resource, error) {
	p, err := h.projection(k.t, k.params)
	if err != nil {
		return nil, nil, err
	}
	sent, err := scim.ParseResource(k.body, h.c.Limits.Body)
	if err != nil {
		return nil, nil, err
	}
	fresh, err := h.c.Schemas.Accept(k.t.ResourceType, sent, k.rules.accept())
	return p, fresh, err
}

// replace is RFC 7644 §3.5.1: what the client leaves out is cleared, but for what
// only the service provider writes.
func (h *Handler) replace(ctx context.Context, k task) (outcome, error) {
	p, fresh, err := h.readResource(k)
	if err != nil {
		return outcome{}, err
	}
	stored, err := h.change(ctx, k, func(old *scim.Resource) (*scim.Resource, error) {
		return h.c.Schemas.Replacement(k.t.ResourceType, old, fresh, k.rules.PutOmittedKeeps)
	})
	if err != nil {
		return outcome{}, err
	}
	return whole(http.StatusOK, stored, p), nil
}

// change replaces a resource by what fn makes of it, under the version that was
// read, so that two writers never lose a change. What changes nothing is not
// stored (RFC 7644 §3.5.2.1: lastModified stays).
func (h *Handler) change(ctx context.Context, k task, fn func(old *scim.Resource) (*scim.Resource, error)) (*scim.Resource, error) {
	for range h.c.Limits.Tries {
		old, err := h.c.Store.Get(ctx, k.t.Name, k.id)
		if err != nil {
			return nil, err
		}
		if err := k.precondition(old); err != nil {
			return nil, err
		}
		fresh, err := fn(old)
		if err != nil {
			return nil, err
		}
		if old.Object.Equal(fresh.Object) {
			return old, nil
		}
		stored, err := h.c.Store.Replace(ctx, k.t.Name, fresh, old.Version())
		if !errors.Is(err, ErrVersion) {
			return stored, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	return nil, errBusy
}

// precondition checks If-Match and If-None-Match (RFC 7644 §3.14).
func (k task) precondition(old *scim.Resource) error {
	if len(k.match) > 0 && !matches(k.match, old.Version()) || len(k.none) > 0 && matches(k.none, old.Version()) {
		return ErrVersion
	}
	return nil
}

// remove is RFC 7644 §3.6.
func (h *Handler) remove(ctx context.Context, k task) (outcome, error) {
	return outcome{status: http.StatusNoContent, id: k.id}, h.delete(ctx, k)
}

func (h *Handler) delete(ctx context.Context, k task) error {
	if k.rules.DeleteMeansDisable && k.t.off {
		_, err := h.change(ctx, k, func(old *scim.Resource) (*scim.Resource, error) {
			fresh := &scim.Resource{Object: writable(old.Object)}
			fresh.SetActive(false)
			return fresh, nil
		})
		return err
	}
	if len(k.match) == 0 && len(k.none) == 0 {
		return h.c.Store.Delete(ctx, k.t.Name, k.id, "")
	}
	old, err := h.c.Store.Get(ctx, k.t.Name, k.id)
	if err != nil {
		return err
	}
	if err := k.precondition(old); err != nil {
		return err
	}
	return h.c.Store.Delete(ctx, k.t.Name, k.id, old.Version())
}
