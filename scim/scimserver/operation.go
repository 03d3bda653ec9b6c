// SPDX-License-Identifier: Apache-2.0

package scimserver

import (
	"context"
	"net/http"

	"github.com/usher-id/usher/scim"
)

// task is one change that is asked for: by a request of its own, or by an operation
// of a bulk request, which are held to the same.
type task struct {
	t      *resourceType
	id     string // "" for what is to be made
	params query
	match  []string // If-Match
	none   []string // If-None-Match
	rules  Rules
	body   []byte
	quiet  bool // nobody will be shown the resource
}

// outcome is what came of a task.
type outcome struct {
	status      int
	id, version string
	shown       *scim.Resource // as it is stored; nil if there is none to show
	as          *projection
}

// whole is an outcome that shows the resource.
func whole(status int, r *scim.Resource, as *projection) outcome {
	return outcome{status: status, id: r.ID(), version: r.Version(), shown: r, as: as}
}

// carryOut does what a request asks for by itself, and answers.
func (h *Handler) carryOut(w http.ResponseWriter, r *http.Request, v verb, t *resourceType, id string) (err error) {
	k := task{t: t, id: id, match: r.Header.Values("If-Match"), none: r.Header.Values("If-None-Match"), rules: h.rules(r)}
	if v.method != http.MethodDelete { // of which nothing is read
		if k.params, err = readQuery(r); err != nil {
			return err
		}
		if k.body, err = h.read(w, r, h.c.Limits.Body.MaxBytes); err != nil {
			return err
		}
	}
	done, err := v.act(r.Context(), k)
	switch {
	case err != nil:
		return err
	case done.shown == nil:
		noContent(w, done.version)
	default:
		h.resource(w, r, done.status, t, done.shown, done.as)
	}
	return nil
}

func noContent(w http.ResponseWriter, version string) {
	if version != "" {
		w.Header().Set("ETag", version)
	}
	w.WriteHeader(http.StatusNoContent)
}

// verbOf finds what a method does.
func verbOf(verbs []verb, method string) (verb, bool) {
	for _, v := range verbs {
		if v.method == method {
			return v, true
		}
	}
	return verb{}, false
}

// verb is what a method does at the address of a type, or of one resource: a read
// answers, or returns the error to answer with; a write is carried out.
type verb struct {
	method string
	do     func(w http.ResponseWriter, r *http.Request, t *resourceType, id string) error
	act    func(ctx context.Context, k task) (outcome, error)
}
